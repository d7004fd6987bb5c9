//! The provider's own log of renewals, read beside the list where a payment's outcome is not known and the provider has such a log. Not
//! responsible for what it proves (`evidence`). A crash here has changed nothing.
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::domain::time::{Moment, Timing};
use crate::domain::{AccountName, State};
use crate::evidence::LogReading;
use crate::ledger::{IntentFilter, Ledger, LedgerError, Purpose};
use crate::providers::Reader;

/// The clocks of provider and machine may differ by so much, and a log is asked for whole days at best.
const MARGIN: SignedDuration = SignedDuration::from_hours(24);

/// Since when the log matters: since the oldest renewal whose outcome is unknown, or that was refused or shown as not charged so short a
/// time ago that this may still turn out to be wrong. `None`: there is none.
pub(in crate::engine) fn since(
    ledger: &dyn Ledger,
    account: &AccountName,
    timing: &Timing,
    now: &Moment,
) -> Result<Option<Timestamp>, LedgerError> {
    let of = |states: Vec<State>, spend_since| {
        let account = Some(account.clone());
        ledger.intents(&IntentFilter { account, states, spend_since, ..IntentFilter::default() })
    };
    let mut open = of(vec![State::SpendStarted, State::Unknown, State::NeedsOperator], None)?;
    let late = now.back(timing.four_lags());
    open.extend(
        of(vec![State::Refused, State::NotApplied], Some(late))?.into_iter().filter(|r| !r.never_sent),
    );
    let renewals = open.iter().filter(|r| r.purpose == Purpose::Renewal);
    let oldest = renewals.filter_map(|r| r.spend_started_at.as_ref()).map(|m| m.wall).min();
    Ok(oldest.map(|at| at.checked_sub(MARGIN).unwrap_or(at)))
}

/// Reads it, in a task of its own like every reading. That it cannot be read is no trouble of the account: ends and balance speak then.
pub(in crate::engine) async fn read(reader: Arc<dyn Reader>, since: Option<Timestamp>) -> LogReading {
    let Some(since) = since.filter(|_| reader.order_log().is_some()) else { return LogReading::None };
    let task = tokio::spawn(async move {
        match reader.order_log() {
            Some(log) => log.renewals(since).await.map(LogReading::Rows),
            None => Ok(LogReading::None),
        }
    });
    match task.await {
        Ok(Ok(read)) => read,
        Ok(Err(why)) => {
            tracing::warn!("the provider's log of renewals was not read: {why}");
            LogReading::Unread
        }
        Err(_) => LogReading::Unread,
    }
}
