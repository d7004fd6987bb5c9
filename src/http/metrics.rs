//! `/metrics`: a small set of numbers for Prometheus. None per lease: a fleet would drown it.
//!
//! Floats appear here alone, because Prometheus has nothing else; nothing is computed with them.
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64};

use jiff::Timestamp;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde_json::Value;

/// OpenMetrics, which Prometheus asks for first.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What is counted. `None` = not known: the metric is left out, never shown as 0.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metrics {
    /// The cycle loop is alive.
    pub alive: bool,
    /// The ledger can be written.
    pub ledger_usable: Option<bool>,
    /// Cycles begun since the ledger was made.
    pub cycles: Option<u64>,
    /// When the newest cycle ended.
    pub last_cycle_at: Option<Timestamp>,
    /// Every configured account.
    pub accounts: Vec<AccountMetrics>,
    /// Payments that are not settled, by state.
    pub unsettled: BTreeMap<String, u64>,
    /// Open alerts by severity.
    pub alerts: BTreeMap<String, u64>,
    /// Mails that no server has taken yet.
    pub mails_waiting: Option<u64>,
    /// For how many seconds the oldest of them has waited; 0 where none waits.
    pub mails_oldest_age: Option<u64>,
}

/// An account's numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountMetrics {
    /// Its name.
    pub account: String,
    /// Its provider.
    pub provider: String,
    /// The newest read succeeded.
    pub reachable: Option<bool>,
    /// As last read, in `currency`; a decimal as JSON has it.
    pub balance: Option<String>,
    /// In what.
    pub currency: Option<String>,
    /// As last read.
    pub leases: u64,
}

type Labels = Vec<(String, String)>;
type Whole = Gauge<i64, AtomicI64>;
type Decimal = Gauge<f64, AtomicU64>;

impl Metrics {
    /// What a `status` document holds. One that could not be made (`{schema, error}`) leaves only `alive`.
    #[must_use]
    pub fn of_status(status: &Value, alive: bool) -> Self {
        let list = |key: &str| status[key].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut alerts = BTreeMap::new();
        if status["open_alerts"].is_array() {
            alerts.extend(["info", "warning", "urgent"].map(|severity| (severity.to_owned(), 0)));
        }
        for alert in list("open_alerts") {
            *alerts.entry(text(&alert["severity"]).unwrap_or_default()).or_insert(0) += 1;
        }
        let unsettled = ["unknown", "needs_operator"];
        Self {
            alive,
            // A status that the ledger could not give says it, too.
            ledger_usable: status["ledger"]["usable"]
                .as_bool()
                .or_else(|| (status["error"]["kind"] == "ledger").then_some(false)),
            cycles: status["last_cycle"]["number"].as_u64(),
            last_cycle_at: text(&status["last_cycle"]["ended_at"]).and_then(|t| t.parse().ok()),
            accounts: list("accounts").iter().filter_map(AccountMetrics::of_status).collect(),
            unsettled: unsettled
                .iter()
                .filter_map(|s| Some(((*s).to_owned(), status[*s].as_u64()?)))
                .collect(),
            alerts,
            mails_waiting: status["mails"]["waiting"].as_u64(),
            mails_oldest_age: status["mails"]["waiting"]
                .as_u64()
                .map(|_| status["mails"]["oldest_age"].as_u64().unwrap_or_default()),
        }
    }

    /// As OpenMetrics text.
    ///
    /// # Errors
    /// The encoder's; writing into a text does not fail.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut registry = Registry::with_prefix("renewd");
        let alive: Whole = Gauge::default();
        alive.set(i64::from(self.alive));
        registry.register("loop_alive", "1 while the cycle loop moves", alive);
        if let Some(usable) = self.ledger_usable {
            let gauge: Whole = Gauge::default();
            gauge.set(i64::from(usable));
            registry.register(
                "ledger_usable",
                "1 while the ledger can be written; payments stop at 0",
                gauge,
            );
        }
        if let Some(cycles) = self.cycles {
            let counter: Counter = Counter::default();
            counter.inc_by(cycles);
            registry.register("cycles", "Cycles begun since the ledger was made", counter);
        }
        if let Some(at) = self.last_cycle_at {
            let gauge: Whole = Gauge::default();
            gauge.set(at.as_second());
            registry.register(
                "last_cycle_timestamp_seconds",
                "When the newest cycle ended, Unix time",
                gauge,
            );
        }
        self.register_accounts(&mut registry);
        family(
            &mut registry,
            "payments_unsettled",
            "Payments that are not settled",
            "state",
            &self.unsettled,
        );
        family(&mut registry, "alerts_open", "Open alerts", "severity", &self.alerts);
        let mails = [
            ("mails_waiting", "Mails that no server has taken yet", self.mails_waiting),
            (
                "mails_oldest_age_seconds",
                "For how long the oldest mail has waited, 0 if none waits",
                self.mails_oldest_age,
            ),
        ];
        for (name, help, value) in mails {
            let Some(value) = value else { continue };
            let gauge: Whole = Gauge::default();
            gauge.set(whole(value));
            registry.register(name, help, gauge);
        }
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(text)
    }

    fn register_accounts(&self, registry: &mut Registry) {
        let reachable = Family::<Labels, Whole>::default();
        let leases = Family::<Labels, Whole>::default();
        let balances = Family::<Labels, Decimal>::default();
        for a in &self.accounts {
            let mut labels: Labels =
                vec![("account".into(), a.account.clone()), ("provider".into(), a.provider.clone())];
            leases.get_or_create(&labels).set(whole(a.leases));
            if let Some(up) = a.reachable {
                reachable.get_or_create(&labels).set(i64::from(up));
            }
            if let Some(balance) = a.balance.as_deref().and_then(|b| b.parse().ok()) {
                labels.push(("currency".into(), a.currency.clone().unwrap_or_default()));
                balances.get_or_create(&labels).set(balance);
            }
        }
        registry.register("account_reachable", "1 if the newest read of the account succeeded", reachable);
        registry.register("account_leases", "Leases as last read", leases);
        registry.register("account_balance", "Balance as last read, in its currency", balances);
    }
}

impl AccountMetrics {
    fn of_status(account: &Value) -> Option<Self> {
        Some(Self {
            account: text(&account["account"])?,
            provider: text(&account["provider"])?,
            reachable: account["reachable"].as_bool(),
            balance: text(&account["balance"]),
            currency: text(&account["currency"]),
            leases: account["leases"].as_u64()?,
        })
    }
}

fn family(registry: &mut Registry, name: &str, help: &str, label: &str, counts: &BTreeMap<String, u64>) {
    let family = Family::<Labels, Whole>::default();
    for (value, count) in counts {
        family.get_or_create(&vec![(label.to_owned(), value.clone())]).set(whole(*count));
    }
    registry.register(name, help, family);
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_status_document_becomes_numbers() {
        let status = json!({
            "schema": 1, "unknown": 2, "needs_operator": 0, "ledger": { "usable": true }, "last_cycle": { "ended_at": "2026-11-21T12:00:00Z" },
            "open_alerts": [{ "severity": "urgent" }, { "severity": "info" }, { "severity": "urgent" }],
            "mails": { "waiting": 3, "oldest_at": "2026-11-21T11:00:00Z", "oldest_age": 3600 },
            "accounts": [
                { "account": "yp", "provider": "p", "reachable": true, "balance": "12.50", "currency": "USD", "leases": 40 },
                { "account": "q\"\n", "provider": "p", "reachable": null, "balance": null, "currency": null, "leases": 0 },
            ],
        });
        let mut metrics = Metrics::of_status(&status, true);
        metrics.cycles = Some(7);
        insta::assert_snapshot!(sorted(&metrics.encode().unwrap()));
    }

    /// A family keeps its members in a hash map: their order is nobody's promise.
    fn sorted(text: &str) -> String {
        let mut lines: Vec<&str> = text.lines().filter(|l| !l.starts_with('#')).collect();
        lines.sort_unstable();
        lines.join("\n")
    }

    #[test]
    fn what_is_not_known_is_left_out_and_never_a_zero() {
        let text = Metrics::of_status(&json!({ "schema": 1, "error": { "kind": "ledger" } }), false)
            .encode()
            .unwrap();
        assert!(text.contains("renewd_loop_alive 0") && text.contains("renewd_ledger_usable 0"), "{text}");
        for name in [
            "renewd_payments_unsettled{",
            "renewd_alerts_open{",
            "renewd_last_cycle",
            "renewd_mails",
            "renewd_cycles",
        ] {
            assert!(!text.contains(name), "{name}: {text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
