//! From an order, as the lists and its detail tell it, to a lease. Pure.
//!
//! Responsible for which telling is believed, and for saying what was odd: an order that is missed here would lapse in silence. Not
//! responsible for which details are asked.
use std::collections::BTreeMap;

use crate::domain::{AccountName, Kind, Lease, LeaseId, Money, OrderId, OrderState, TermEnd};
use crate::providers::Words;

use super::dates::Spelled;
use super::detail::Detail;
use super::facts::Facts;
use super::product;
use super::wire::{End, Status};
use crate::providers::proxyshard::merge_lists::{Listing, Standing};

/// What became of asking for an order's detail in this reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// It was not asked; this is remembered, if anything.
    No(Option<Detail>),
    /// It was asked and answered.
    Fresh(Detail),
    /// The provider says that there is no such order, although it lists it; this is remembered, if anything.
    Gone(Option<Detail>),
    /// It was asked and could not be read; this is remembered, if anything.
    Failed(Option<Detail>),
}

/// What an order is to renewd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// A lease.
    Lease(Box<Lease>),
    /// Paid by traffic: active, without an end, nothing to renew.
    Endless,
    /// Cancelled, or gone.
    None,
}

/// Counts of what was odd but readable.
#[derive(Debug, Default)]
pub struct Oddities(BTreeMap<&'static str, usize>);

impl Oddities {
    /// Counts one more.
    pub fn note(&mut self, what: &'static str) {
        self.add(what, 1);
    }

    /// Counts `n` more.
    pub fn add(&mut self, what: &'static str, n: usize) {
        if n > 0 {
            *self.0.entry(what).or_default() += n;
        }
    }

    /// One line each.
    pub fn lines(self) -> Vec<String> {
        self.0.into_iter().map(|(what, n)| format!("orders that {what}: {n}")).collect()
    }
}

/// The meaning of one order.
pub fn row(listing: &Listing, asked: Asked, account: &AccountName, words: &Words, odd: &mut Oddities) -> Row {
    if listing.torn {
        odd.note("the lists tell differently in different places");
    }
    let gone = matches!(asked, Asked::Gone(_));
    let (detail, fresh) = match asked {
        Asked::Gone(detail) => {
            odd.note("are listed, and yet there is no such order");
            (detail, false)
        }
        Asked::Failed(detail) => {
            odd.note("could not be read one by one: they stand as the list has them");
            (detail, false)
        }
        Asked::Fresh(detail) => (Some(detail), true),
        Asked::No(detail) => (detail, false),
    };
    let told = if gone {
        Some(contradicted(listing, "not found"))
    } else {
        state(listing, detail.as_ref().filter(|_| fresh), words)
    };
    let Some(state) = told else { return Row::None };
    let facts = match &detail {
        Some(detail) if detail_first(listing, &state) => detail.facts.or(&listing.facts),
        Some(detail) => listing.facts.or(&detail.facts),
        None => listing.facts.clone(),
    };
    if state == OrderState::Active && is_endless(&facts) {
        return Row::Endless;
    }
    let end = end(&facts, odd);
    Row::Lease(Box::new(Lease {
        account: account.clone(),
        id: LeaseId::new(listing.id.clone()),
        order: OrderId::new(listing.id.clone()),
        ip: String::new(),
        port: None,
        kind: kind(&facts, words, odd),
        country: facts.location.as_deref().map(|text| words.quote(text)),
        tag: facts.own_tag().map(|tag| words.quote(&tag)),
        expires_at: end.map(|end| end.at),
        told: end.map(|end| end.told).unwrap_or_default(),
        provider_renews: facts.auto_renewal,
        state,
        held_since: None,
        operator: None,
        started_at: detail.as_ref().and_then(|detail| detail.started_at),
        cycle: facts.cycle.as_deref().map(|text| words.quote(text)),
        price: detail.as_ref().and_then(|detail| price(detail, odd)),
    }))
}

/// A list and an order's own page say things that cannot both be true, and neither is believed: it stays, and nothing is paid for it.
/// Where it really went, the next list no longer has it.
fn contradicted(listing: &Listing, page: &str) -> OrderState {
    let list = match listing.standing {
        Standing::Active => "active",
        Standing::OnHold => "on-hold",
        Standing::Unclear => "there",
    };
    OrderState::Other(format!("{list} in the list and {page} on its page"))
}

/// A detail read just now is newer than the lists; a remembered one says nothing of where the order stands. `None` = cancelled, which a
/// list that still has it as rented contradicts.
fn state(listing: &Listing, fresh: Option<&Detail>, words: &Words) -> Option<OrderState> {
    let told = fresh.and_then(|detail| detail.status.clone());
    match (told, listing.standing) {
        (Some(Status::Cancelled), Standing::Unclear) => None,
        (Some(Status::Cancelled), _) => Some(contradicted(listing, "cancelled")),
        (Some(Status::Active), _) | (None, Standing::Active) => Some(OrderState::Active),
        (Some(Status::OnHold), _) | (None, Standing::OnHold) => Some(OrderState::OnHold),
        (Some(Status::Other(word)), _) if !word.is_empty() => Some(OrderState::Other(words.quote(&word))),
        (Some(Status::Other(_)) | None, _) => Some(OrderState::Other("not told".to_owned())),
    }
}

/// Whose word counts where both tell something. It must not depend on whether the detail was asked in this very reading: an end that
/// the two spell differently would move to and fro. So the list's for an order in service, and the detail's for one on hold, whose
/// detail is always known and is what its quote compares with. Where an order stands elsewhere than the list says, the detail is newer.
fn detail_first(listing: &Listing, state: &OrderState) -> bool {
    listing.standing != Standing::Active || *state != OrderState::Active
}

/// Whether an active order is one that never ends. One whose end cannot be read is not: it is told.
pub fn is_endless(facts: &Facts) -> bool {
    let lifetime = facts.cycle.as_deref().is_some_and(|cycle| cycle.eq_ignore_ascii_case("lifetime"));
    facts.end == End::NotTold && (lifetime || facts.product.as_deref().is_some_and(product::is_lifetime))
}

fn kind(facts: &Facts, words: &Words, odd: &mut Oddities) -> Kind {
    match &facts.product {
        Some(name) => Kind::new(words.quote(name)),
        None => {
            odd.note("have no product name");
            Kind::from("unknown")
        }
    }
}

fn end(facts: &Facts, odd: &mut Oddities) -> Option<TermEnd> {
    match facts.end {
        End::At(_, Spelled::Full) => {}
        End::At(_, Spelled::NoZone) => odd.note("have an end without a time zone, taken as UTC"),
        End::At(_, Spelled::DateOnly) => {
            odd.note("have an end without a time of day, taken as midnight UTC");
        }
        End::NotTold => odd.note("have no end"),
        End::Unreadable => odd.note("have an end that cannot be read"),
    }
    facts.end.at()
}

fn price(detail: &Detail, odd: &mut Oddities) -> Option<Money> {
    detail.next().unwrap_or_else(|_| {
        odd.note("have a price that cannot be read");
        None
    })
}

#[cfg(test)]
#[path = "map_tests.rs"]
mod tests;
