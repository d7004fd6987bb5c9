//! What a provider's own log of renewals says of a payment: a source of evidence beside ends and balance, for every provider that has
//! such a log. Pure. Not responsible for reading the log (the adapter) or for what follows from it (`renewal.rs`).
//!
//! A row proves a payment only where it cannot be another's. So it has to be dated, with its zone, from the call to the end of its lag
//! window; there must be one for each order of the payment beyond those that other payments of these orders may have made; the
//! provider's own auto-renewal must not have made it; and where the amounts are told, they must add up to no less than the
//! quote. A row without such a date says little: most logs hold the renewals of years. Nothing in the log proves nothing.
use jiff::{SignedDuration, Timestamp};

use super::{claims, over};
use crate::domain::time::{Moment, Timing};
use crate::domain::{Money, OrderId, State};
use crate::record::IntentRecord;

/// Clocks of two machines differ by so much at the most; beyond it an account is held for its clock.
const NEAR: SignedDuration = SignedDuration::from_secs(60);

/// A renewal as the provider's own log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRenewal {
    /// The order that was renewed, as the list of leases names it.
    pub order: OrderId,
    /// When; `None` where the log does not tell that with its zone.
    pub at: Option<Timestamp>,
    /// What it cost, where that can be read.
    pub amount: Option<Money>,
    /// The provider's own auto-renewal made it.
    pub by_provider: bool,
}

/// One reading of a log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum LogReading {
    /// The provider has none, or it was not asked.
    #[default]
    None,
    /// It could not be read whole.
    Unread,
    /// What stands in it.
    Rows(Vec<LoggedRenewal>),
}

/// What it says of one payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Logged {
    /// Nothing. That is no proof of anything by itself.
    #[default]
    Nothing,
    /// It has one, and it could not be read: what it would have said is not known.
    Unread,
    /// Every order has a renewal, but when is not told: worth something beside a fall of the balance, and nothing alone.
    Undated,
    /// Orders of it were renewed since the call, but it cannot be told that all were, and by this payment.
    Some,
    /// Every order of it was renewed by this payment.
    Proof,
}

/// What `log` says of a payment; `around` are all payments that may have made its rows.
#[must_use]
pub fn logged(log: &LogReading, record: &IntentRecord, around: &[IntentRecord], timing: &Timing) -> Logged {
    let rows = match log {
        LogReading::None => return Logged::Nothing,
        LogReading::Unread => return Logged::Unread,
        LogReading::Rows(rows) => rows,
    };
    let Some(sent) = record.spend_started_at.as_ref() else { return Logged::Nothing };
    // Another payment stands for the term: whether it was bought twice is for the ends to show, which tell it as that.
    if record.request.leases.iter().any(|of| claims(around, record, of) != Some(0)) {
        return Logged::Nothing;
    }
    let from = sent.wall.checked_sub(NEAR).unwrap_or(sent.wall);
    let until = last(record, sent, timing);
    let timely = |row: &&LoggedRenewal| row.at.is_some_and(|at| at >= from && at <= until);
    let mut orders: Vec<&OrderId> = record.request.leases.iter().map(|l| &l.order).collect();
    orders.sort_unstable();
    orders.dedup();
    let (mut proven, mut undated, mut some) = (0, 0, false);
    let mut amounts: Vec<Option<Money>> = Vec::new();
    for order in &orders {
        let of = || rows.iter().filter(|row| &&row.order == order && !row.by_provider);
        let mut dated: Vec<&LoggedRenewal> = of().filter(timely).collect();
        let others = around.iter().filter(|o| may_have_made_one(o, record, order, sent)).count();
        some |= !dated.is_empty();
        undated += usize::from(of().any(|row| row.at.is_none()));
        if dated.len() > others {
            proven += 1;
            // Which of them is this payment's cannot be told: of several the cheapest is taken.
            dated.sort_unstable_by_key(|row| row.amount);
            amounts.extend(dated.first().map(|row| row.amount));
        }
    }
    let told: Option<Vec<Money>> = amounts.into_iter().collect();
    let covers = told.and_then(Money::sum).is_none_or(|sum| sum >= record.quoted);
    match () {
        () if orders.is_empty() => Logged::Nothing,
        () if proven == orders.len() && covers => Logged::Proof,
        () if some => Logged::Some,
        () if undated == orders.len() => Logged::Undated,
        () => Logged::Nothing,
    }
}

/// The last instant at which its row may be dated: whatever comes later is a later renewal.
fn last(record: &IntentRecord, sent: &Moment, timing: &Timing) -> Timestamp {
    let end = over(record, sent, timing).wall;
    end.checked_add(timing.lag_window.saturating_add(NEAR)).unwrap_or(Timestamp::MAX)
}

/// Another payment for this order that may be what a row since `sent` was written for: one sent since then, or one sent before whose
/// outcome is open and that may have landed late.
fn may_have_made_one(other: &IntentRecord, record: &IntentRecord, order: &OrderId, sent: &Moment) -> bool {
    let Some(at) = other.spend_started_at.as_ref().filter(|_| !other.never_sent) else { return false };
    let touches = other.id != record.id && other.request.leases.iter().any(|l| &l.order == order);
    let since = at.wall >= sent.wall.checked_sub(NEAR).unwrap_or(sent.wall);
    let made_none = matches!(other.state, State::Refused | State::NotApplied | State::Released);
    touches && !made_none && (since || other.state.is_unsettled())
}

#[cfg(test)]
#[path = "order_log_tests.rs"]
mod tests;
