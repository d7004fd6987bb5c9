//! Steering the provider's own auto-renewal: which flags are to be switched, and why.
//!
//! Pure. On while policy, caps, budget and funds let the provider pay; off where it must not, long before the end since
//! every plan asks again. A lease whose policy leaves the provider alone is not touched. Not responsible for sending: the
//! engine puts each switch on record first.
use jiff::{SignedDuration, Timestamp};

use super::item::Item;
use crate::domain::{AccountName, LeaseId, Money, OrderId, OrderState};
use crate::policy::{Action, Decision, PayBy, Policy, Reason, Word};

/// A flag to be switched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steer {
    /// Index into the items.
    pub item: usize,
    /// On or off.
    pub on: bool,
    /// For the ledger and for people.
    pub why: String,
}

/// An earlier switch, from the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastSwitch {
    /// Whose.
    pub account: AccountName,
    /// Which order.
    pub order: OrderId,
    /// Which of its leases.
    pub leases: Vec<LeaseId>,
    /// On or off.
    pub on: bool,
    /// When.
    pub at: Timestamp,
    /// The provider said that it is done.
    pub done: bool,
    /// The provider refuses it or has no such thing.
    pub refused: bool,
}

impl PastSwitch {
    fn touches(&self, item: &Item) -> bool {
        self.account == item.lease.account
            && self.order == item.lease.order
            && self.leases.contains(&item.lease.id)
    }
}

/// A switch that the provider refuses is tried again so much later.
const REFUSED: SignedDuration = SignedDuration::from_hours(6);

/// Which flags to switch. `steerable` says whether an account's flags can be switched now (its provider has them and its
/// reading is believed); `lag` is how long a list may go on telling the old flag.
#[must_use]
pub fn steer(
    items: &[Item],
    policies: &[Policy],
    steerable: impl Fn(&AccountName) -> bool,
    past: &[PastSwitch],
    now: Timestamp,
    lag: SignedDuration,
) -> Vec<Steer> {
    let wrong = wrong(items, policies, steerable, past);
    wrong.filter(|(s, last)| may_try(s.on, *last, now, lag)).map(|(s, _)| s).collect()
}

/// Which flags are not as they should be although they were switched and a list had the time to show it.
#[must_use]
pub fn stuck(
    items: &[Item],
    policies: &[Policy],
    steerable: impl Fn(&AccountName) -> bool,
    past: &[PastSwitch],
    now: Timestamp,
    lag: SignedDuration,
) -> Vec<Steer> {
    let tried = |s: &Steer, last: Option<&PastSwitch>| {
        last.is_some_and(|p| p.on == s.on && (p.refused || now.duration_since(p.at) >= lag))
    };
    let wrong = wrong(items, policies, steerable, past);
    wrong.filter(|(s, last)| tried(s, *last)).map(|(s, _)| s).collect()
}

/// Every flag that differs from what it should be, with its last switch.
fn wrong<'a>(
    items: &'a [Item],
    policies: &'a [Policy],
    steerable: impl Fn(&AccountName) -> bool + 'a,
    past: &'a [PastSwitch],
) -> impl Iterator<Item = (Steer, Option<&'a PastSwitch>)> {
    items.iter().enumerate().filter_map(move |(i, item)| {
        let policy = &policies[item.policy?];
        if matches!(item.lease.state, OrderState::Other(_)) || !steerable(&item.lease.account) {
            return None;
        }
        let (on, why) = wanted(item, policy)?;
        // What is on hold is renewd's to save: the provider, which may try again after a top-up, is only ever kept out.
        if on && item.lease.state == OrderState::OnHold {
            return None;
        }
        let last = past.iter().filter(|p| p.touches(item)).max_by_key(|p| p.at);
        differs(item.lease.provider_renews, on, last).then_some((Steer { item: i, on, why }, last))
    })
}

/// What the flag should be; `None` = not renewd's affair, or not known now.
fn wanted(item: &Item, policy: &Policy) -> Option<(bool, String)> {
    let off = |why: String| Some((false, why));
    let steered = policy.pay_by == PayBy::Provider;
    match policy.action {
        Action::Release if steered || policy.take_over => off(item.reason.to_string()),
        Action::Renew if item.reason.word == Word::PastUntil && (steered || policy.take_over) => {
            off(item.reason.to_string())
        }
        Action::Renew if steered => steered_flag(item, policy, &item.reason),
        Action::Renew if policy.take_over => off(format!("renewd pays, as policy `{}` says", policy.name)),
        _ => None,
    }
}

/// What the flag of a lease should be that is far from its end; `None` = not renewd's affair.
pub(super) fn wanted_flag(policy: &Policy, word: Word, price: Option<Money>) -> Option<bool> {
    let steered = policy.pay_by == PayBy::Provider;
    match policy.action {
        Action::Release if steered || policy.take_over => Some(false),
        Action::Renew if word == Word::PastUntil && (steered || policy.take_over) => Some(false),
        Action::Renew if steered => Some(!is_over_cap(price, policy)),
        Action::Renew if policy.take_over => Some(false),
        _ => None,
    }
}

fn steered_flag(item: &Item, policy: &Policy, reason: &Reason) -> Option<(bool, String)> {
    match reason.word {
        // Nothing is known now that would justify a change.
        Word::AccountDown
        | Word::Unparsable
        | Word::Shrunk
        | Word::Clock
        | Word::OrderState
        | Word::Lapsed => None,
        // A passing matter of the account: switched off for it, nobody might pay in time.
        Word::UnknownPending | Word::Refused | Word::Backoff => None,
        Word::QuoteError | Word::QuoteUnreadable | Word::PeriodNotOffered | Word::FleetGuard => None,
        // renewd is about to pay itself: the money lane switches it off and reads that.
        _ if item.switch_off_first => None,
        Word::NotDue | Word::NotRenewableYet | Word::ProviderPays => over_cap(item, policy)
            .map(|why| (false, why))
            .or_else(|| Some((true, format!("the provider pays, as policy `{}` says", policy.name)))),
        _ if reason.word.decision() == Decision::Hold => Some((false, reason.to_string())),
        _ => None,
    }
}

/// Before it is due no price is asked; the provider's own record of it is judged all the same.
fn over_cap(item: &Item, policy: &Policy) -> Option<String> {
    let (price, cap) = (item.lease.price?, policy.max_price?);
    is_over_cap(Some(price), policy).then(|| format!("price_cap: {price} is over max_price {cap}"))
}

fn is_over_cap(price: Option<Money>, policy: &Policy) -> bool {
    price.zip(policy.max_price).is_some_and(|(price, cap)| price > cap)
}

fn differs(flag: Option<bool>, on: bool, last: Option<&PastSwitch>) -> bool {
    match flag {
        Some(flag) => flag != on,
        // Where the provider does not tell, what it last agreed to stands.
        None => !last.is_some_and(|p| p.on == on && p.done),
    }
}

fn may_try(on: bool, last: Option<&PastSwitch>, now: Timestamp, lag: SignedDuration) -> bool {
    let Some(last) = last.filter(|p| p.on == on) else { return true };
    let wait = if last.refused { REFUSED } else { lag };
    now.duration_since(last.at) >= wait
}

#[cfg(test)]
#[path = "steer_tests.rs"]
pub(super) mod tests;
