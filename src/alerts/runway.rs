//! The runway alert's way from the ledger and back: looks ahead after a pass, and keeps what was told between passes.
//!
//! What fires, what yields and what is worse is decided in `alerts::rules::runway`. A crash before the note is written tells a
//! worse runway once more.
use std::collections::{BTreeSet, HashSet};

use jiff::Timestamp;

use crate::alerts::rules::runway;
use crate::alerts::rules::runway::{Told, View};
use crate::alerts::rules::{Scope, ahead, cause};
use crate::domain::{AccountName, Alert, AlertKey, LeaseId, Leases};
use crate::engine::outlook::{Foresight, Fresh, foresee_fresh};
use crate::engine::{CycleReport, Viewer};
use crate::ledger::{Ledger, LedgerError, OpenAlert};
use crate::settings::Settings;
use crate::views::outlooks;

/// The runways of all accounts after a pass.
pub(super) struct Runways {
    seen: Foresight,
    /// Those that got worse since they were told.
    worse: BTreeSet<AlertKey>,
    /// Accounts of which nothing is known now.
    frozen: BTreeSet<AccountName>,
    /// The open ones and when they were told, before this pass tells anything.
    before: Vec<(AlertKey, Timestamp)>,
}

impl Runways {
    /// Looks ahead from the facts that the pass stored; with `all`, also at what no policy wants.
    pub(super) fn look(
        viewer: &Viewer,
        report: &CycleReport,
        open: &[OpenAlert],
        all: bool,
    ) -> Result<Self, LedgerError> {
        let (ledger, settings) = (viewer.ledger.as_ref(), &viewer.settings);
        let now = viewer.clock.now().wall;
        let seen = foresee_fresh(ledger, settings, now, Some(&Fresh { report, learnt: None, all }))?;
        let mut worse = BTreeSet::new();
        for (n, account) in seen.accounts.iter().enumerate() {
            let told = ledger.noted(&note(&account.account.name))?.and_then(|t| t.parse::<Told>().ok());
            if told.is_some_and(|told| runway::worse(&told, &seen.forecast, n)) {
                worse.insert(runway::key(&account.account.name));
            }
        }
        let unread = report.accounts.iter().filter(|a| !a.reachable()).map(|a| a.account.clone());
        Ok(Self { seen, worse, frozen: unread.collect(), before: told_at(open) })
    }

    /// Adds the runway alerts to those of the pass; returns the keys that are left as they are. One that got worse rises above
    /// the grade that was told, which the reconciling takes for an escalation.
    pub(super) fn add(
        &self,
        settings: &Settings,
        alerts: &mut Vec<Alert>,
        open: &[OpenAlert],
    ) -> Vec<AlertKey> {
        let leases: Vec<&Leases> = self.seen.accounts.iter().map(|k| k.leases.as_ref()).collect();
        let view = View {
            forecast: &self.seen.forecast,
            leases: &leases,
            policies: &settings.policies,
            frozen: &self.frozen,
            timezone: &settings.timezone,
            now: self.seen.from,
            ahead: settings.alerts.runway,
        };
        let told = told(alerts);
        alerts.extend(runway::firing(&view));
        alerts.extend(self.cannot_renew(settings, &told));
        let left: Vec<AlertKey> = runway::yield_to_short_funds(alerts, &view).into_iter().collect();
        for alert in alerts.iter_mut().filter(|a| a.key.cause() == runway::CAUSE) {
            let told = open.iter().find(|o| o.key == alert.key).and_then(|o| o.told);
            let grade = told.map_or(0, |(_, grade)| grade);
            alert.grade = grade.saturating_add(u32::from(self.worse.contains(&alert.key)));
        }
        let unread = self.frozen.iter().map(runway::key);
        left.into_iter().chain(unread).collect()
    }

    /// What cannot be renewed as configured, and of which no alert of the pass speaks.
    fn cannot_renew(&self, settings: &Settings, told: &HashSet<(AccountName, LeaseId)>) -> Vec<Alert> {
        let accounts: Vec<(AccountName, &Leases)> =
            self.seen.accounts.iter().map(|k| (k.account.name.clone(), k.leases.as_ref())).collect();
        let view = ahead::View {
            cautions: &self.seen.cautions,
            accounts: &accounts,
            frozen: &self.frozen,
            timezone: &settings.timezone,
            now: self.seen.from,
            ahead: settings.alerts.runway,
        };
        ahead::cannot_renew(&view, settings, told)
    }

    /// Keeps what was seen, in short, for those who look between passes. `decided`: the pass looked at every lease.
    pub(super) fn keep(&self, viewer: &Viewer, decided: Option<&CycleReport>) -> Result<(), LedgerError> {
        viewer.ledger.record_outlooks(&outlooks(&self.seen, &viewer.settings, decided))
    }

    /// What was seen.
    pub(super) fn into_seen(self) -> Foresight {
        self.seen
    }

    /// Keeps what was told in this pass.
    pub(super) fn remember(&self, ledger: &dyn Ledger, open: &[OpenAlert]) -> Result<(), LedgerError> {
        let now_open = told_at(open);
        for (n, account) in self.seen.accounts.iter().enumerate() {
            let key = runway::key(&account.account.name);
            let of = |all: &[(AlertKey, Timestamp)]| all.iter().find(|(k, _)| *k == key).map(|(_, at)| *at);
            let now = of(&now_open);
            if now.is_none() || now == of(&self.before) {
                continue;
            }
            if let Some(told) = Told::of(&self.seen.forecast.runways[n], self.seen.to) {
                ledger.note(&note(&account.account.name), &told.to_string())?;
            }
        }
        Ok(())
    }
}

/// Leases that an alert of the pass speaks for.
fn told(alerts: &[Alert]) -> HashSet<(AccountName, LeaseId)> {
    let about_leases = |a: &&Alert| cause(a.key.cause()).is_some_and(|c| c.scope == Scope::Leases);
    let of = |a: &Alert| {
        let account = a.account.clone();
        let leases = a.leases.clone().into_iter();
        leases.filter_map(move |lease| Some((account.clone()?, lease))).collect::<Vec<_>>()
    };
    alerts.iter().filter(about_leases).flat_map(of).collect()
}

fn note(account: &AccountName) -> String {
    format!("runway.told:{account}")
}

/// The runways among these alerts, and when each was told.
fn told_at(open: &[OpenAlert]) -> Vec<(AlertKey, Timestamp)> {
    let runways = open.iter().filter(|a| a.key.cause() == runway::CAUSE);
    runways.map(|a| (a.key.clone(), a.told_at)).collect()
}
