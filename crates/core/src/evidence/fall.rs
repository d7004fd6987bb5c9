//! What a balance fell by since a payment began, less what is known to have taken its share. Pure. Not responsible for what a fall
//! is worth (`span.rs`).
use jiff::SignedDuration;

use super::{Reading, Sight, Span, known_cost};
use crate::domain::{Moment, Money, State};
use crate::record::{IntentRecord, Purpose};

/// Whether the balances before and now, and all charges in between, are in the payment's currency. An account whose currency
/// changed has a balance that cannot be compared, however alike the figures are.
#[must_use]
pub fn in_one_currency(record: &IntentRecord, reading: &Reading<'_>, around: &[IntentRecord]) -> bool {
    let since = |o: &&IntentRecord| {
        o.spend_started_at.as_ref().map(|m| m.wall) >= record.spend_started_at.as_ref().map(|m| m.wall)
    };
    reading.balance.currency == record.currency
        && around
            .iter()
            .filter(since)
            .filter(|o| o.state.counts_in_budgets())
            .all(|o| o.currency == record.currency)
}

/// Within a boot whatever the wall clock was set to.
#[must_use]
pub fn is_after(one: &Moment, other: &Moment) -> bool {
    if one.boot_id == other.boot_id { one.boot_ms > other.boot_ms } else { one.wall > other.wall }
}

/// Whether another payment of the account was sent while this one's outcome was unknown, within its lag window, or the other way
/// round.
#[must_use]
pub fn is_beside(record: &IntentRecord, around: &[IntentRecord], lag: SignedDuration) -> bool {
    let unclear_at = |one: &IntentRecord, other: &IntentRecord| {
        let (Some(sent), Some(at)) = (&one.spend_started_at, &other.spend_started_at) else { return false };
        // A lost answer leaves its words.
        let lost =
            one.state == State::Unknown || (one.state != State::Refused && one.detail.message.is_some());
        let open = one.state.is_unsettled() || is_after(&one.state_at, at);
        let within = at.age_of(sent).is_none_or(|age| age < lag);
        lost && !one.never_sent && !other.never_sent && open && within && is_after(at, sent)
    };
    let others = around.iter().filter(|o| o.id != record.id);
    others.into_iter().any(|o| unclear_at(o, record) || unclear_at(record, o))
}

/// Balance before − now − other known charges since; and whether a charge since is not known yet.
#[must_use]
pub fn fell(record: &IntentRecord, reading: &Reading<'_>, around: &[IntentRecord]) -> (Money, bool) {
    let later = |o: &&IntentRecord| {
        o.id != record.id
            && o.spend_started_at
                .as_ref()
                .zip(record.spend_started_at.as_ref())
                .is_some_and(|(o, r)| is_after(o, r))
    };
    // What only counts for another one, because it cannot be told whose it is, may be this one's.
    // An accepted payment's charge is its quote until its end is seen: its fall is not this one's.
    let known = around.iter().filter(later).filter(|o| matches!(o.state, State::Confirmed | State::Accepted));
    let known = Money::sum(known.map(known_cost)).unwrap_or_default();
    // What the provider charged by itself is often only believed: with it an unchanged balance proves nothing.
    let ambiguous = around.iter().filter(later).any(|o| {
        matches!(o.state, State::Accepted | State::SpendStarted)
            || (o.state == State::Confirmed && o.purpose == Purpose::Provider)
    });
    let siblings =
        around.iter().filter(|o| o.parent.is_some() && o.parent == record.parent && o.id != record.id);
    // A part whose new end the answer told has taken its share as surely as one whose end was seen.
    let siblings = siblings.filter(|o| matches!(o.state, State::Confirmed | State::Accepted)).map(known_cost);
    let siblings = Money::sum(siblings).unwrap_or_default();
    let span = Span {
        before: record.balance_before,
        after: reading.balance.amount,
        known: known.plus(siblings).unwrap_or_default(),
        sight: Sight::Tight,
    };
    (span.fell().unwrap_or_default(), ambiguous)
}
