//! The runway alert's way from the ledger and back: looks ahead after a pass, and keeps what was told between passes.
//!
//! What fires, what yields and what is worse is decided in `engine::alerts::runway`. A crash before the note is written tells a
//! worse runway once more.
use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::daemon::tell::Keys;
use crate::documents::{Foresight, foresee};
use crate::domain::{AccountName, Alert, AlertKey, Lease};
use crate::engine::Viewer;
use crate::engine::alerts::runway::{self, Told, View};
use crate::ledger::{Ledger, LedgerError};

/// The runways of all accounts after a pass.
pub(super) struct Runways {
    /// Which of them yield, and which got worse.
    pub(super) keys: Keys,
    seen: Foresight,
    /// The open ones and when they were told, before this pass tells anything.
    before: Vec<(AlertKey, Timestamp)>,
}

impl Runways {
    /// Adds the runway alerts to those of the pass.
    pub(super) fn look(
        viewer: &Viewer,
        alerts: &mut Vec<Alert>,
        frozen: &BTreeSet<AccountName>,
    ) -> Result<Self, LedgerError> {
        let (ledger, settings) = (viewer.ledger.as_ref(), &viewer.settings);
        let now = viewer.clock.now().wall;
        let ahead = settings.alerts.runway;
        let seen = foresee(ledger, settings, now, now.checked_add(ahead).unwrap_or(Timestamp::MAX))?;
        let leases: Vec<&[Lease]> = seen.accounts.iter().map(|k| k.leases.as_slice()).collect();
        let timezone = &settings.timezone;
        let view = View { forecast: &seen.forecast, leases: &leases, frozen, timezone, now, ahead };
        alerts.extend(runway::firing(&view));
        let left = runway::yield_to_short_funds(alerts, &view).into_iter().collect();
        let mut worse = BTreeSet::new();
        for (n, account) in seen.accounts.iter().enumerate() {
            let told = ledger.noted(&note(&account.account.name))?.and_then(|t| t.parse::<Told>().ok());
            if told.is_some_and(|told| runway::worse(&told, &seen.forecast, n)) {
                worse.insert(runway::key(&account.account.name));
            }
        }
        let before = open(ledger)?;
        Ok(Self { keys: Keys { left, worse }, seen, before })
    }

    /// Keeps what was told in this pass.
    pub(super) fn remember(&self, ledger: &dyn Ledger) -> Result<(), LedgerError> {
        let now_open = open(ledger)?;
        for (n, account) in self.seen.accounts.iter().enumerate() {
            let key = runway::key(&account.account.name);
            let told_at =
                |all: &[(AlertKey, Timestamp)]| all.iter().find(|(k, _)| *k == key).map(|(_, at)| *at);
            let now = told_at(&now_open);
            if now.is_none() || now == told_at(&self.before) {
                continue;
            }
            if let Some(told) = Told::of(&self.seen.forecast.runways[n], self.seen.to) {
                ledger.note(&note(&account.account.name), &told.to_string())?;
            }
        }
        Ok(())
    }
}

fn note(account: &AccountName) -> String {
    format!("runway.told:{account}")
}

fn open(ledger: &dyn Ledger) -> Result<Vec<(AlertKey, Timestamp)>, LedgerError> {
    let open = ledger.open_alerts()?.into_iter().filter(|a| a.key.cause() == runway::CAUSE);
    Ok(open.map(|a| (a.key, a.told_at)).collect())
}
