//! The numbers that the `status` document holds. One that could not be made (`{schema, error}`) leaves only whether renewd lives and
//! whether its ledger can be used.
use jiff::Timestamp;
use serde_json::Value;

use super::{Metrics, Number};

const ROLES: [&str; 3] = ["single", "active", "standby"];
const SEVERITIES: [&str; 3] = ["info", "warning", "urgent"];
const UNSETTLED: [&str; 2] = ["unknown", "needs_operator"];

impl Metrics {
    /// What a `status` document holds, as of now.
    #[must_use]
    pub fn of_status(status: &Value, alive: bool, now: Timestamp) -> Self {
        let mut metrics = Self::default();
        metrics.put_whole("loop_alive", &[], Some(alive.into()));
        // A status that the ledger could not give says it, too.
        let usable = status["ledger"]["usable"].as_bool();
        let usable = usable.or_else(|| (status["error"]["kind"] == "ledger").then_some(false));
        metrics.put_whole("ledger_usable", &[], usable.map(i64::from));
        let cycle = &status["last_cycle"];
        metrics.put_whole("cycles_total", &[], cycle["number"].as_i64());
        metrics.put_whole("last_cycle_timestamp_seconds", &[], second(&cycle["ended_at"]));
        for state in UNSETTLED {
            metrics.put_whole("payments_unsettled", &[state], status[state].as_i64());
        }
        if let Some(alerts) = status["open_alerts"].as_array() {
            for severity in SEVERITIES {
                let open = alerts.iter().filter(|alert| alert["severity"] == severity).count();
                metrics.put_whole("alerts_open", &[severity], i64::try_from(open).ok());
            }
        }
        if let Some(role) = status["role"].as_str() {
            ROLES.iter().for_each(|one| metrics.put_whole("role", &[one], Some(i64::from(*one == role))));
        }
        let waiting = status["mails"]["waiting"].as_i64();
        metrics.put_whole("mails_waiting", &[], waiting);
        let age = waiting.map(|_| status["mails"]["oldest_age"].as_i64().unwrap_or_default());
        metrics.put_whole("mails_oldest_age_seconds", &[], age);
        list(status, "accounts").for_each(|account| metrics.account(account, now));
        list(status, "budgets").for_each(|budget| metrics.budget(budget));
        metrics
    }

    fn account(&mut self, account: &Value, now: Timestamp) {
        let (Some(name), Some(provider)) = (account["account"].as_str(), account["provider"].as_str()) else {
            return;
        };
        let currency = account["currency"].as_str().unwrap_or_default();
        self.put_whole("account_reachable", &[name, provider], account["reachable"].as_bool().map(i64::from));
        self.put_whole("account_leases", &[name, provider], account["leases"].as_i64());
        self.money("account_balance", &[name, provider, currency], &account["balance"]);
        self.put_whole("next_due_timestamp_seconds", &[name], second(&account["next_due_at"]));
        self.put_whole("earliest_end_timestamp_seconds", &[name], second(&account["earliest_end_at"]));
        let runway = &account["runway"];
        if runway.is_object() {
            let lasts = second(&runway["to"]).zip(second(&account["outlook_at"])).map(|(to, at)| to - at);
            let ends = second(&runway["top_up_by"]).map(|by| (by - now.as_second()).max(0));
            self.put_whole("runway_seconds", &[name], ends.or(lasts));
            self.money("runway_short_by", &[name, currency], &runway["short_by"]);
        }
    }

    fn budget(&mut self, budget: &Value) {
        let text = |key: &str| budget[key].as_str().unwrap_or_default();
        let labels = [text("name"), text("per"), text("currency")];
        self.money("budget_spent", &labels, &budget["counted"]);
        self.money("budget_limit", &labels, &budget["limit"]);
    }

    fn money(&mut self, name: &'static str, labels: &[&str], amount: &Value) {
        if let Some(amount) = amount.as_str().and_then(|amount| amount.parse().ok()) {
            self.put(name, labels, Number::Decimal(amount));
        }
    }
}

fn list<'a>(status: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    status[key].as_array().into_iter().flatten()
}

fn second(instant: &Value) -> Option<i64> {
    Some(instant.as_str()?.parse::<Timestamp>().ok()?.as_second())
}
