//! A lease, borrowed: what rules look at, whether it stands alone or in a list of a million.
use jiff::{SignedDuration, Timestamp};

use super::cycle::nominal_days;
use super::{AccountName, Kind, Money, OrderState, Term, TermEnd, Told};

/// The fields of a [`super::Lease`], each borrowed from wherever it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each field is the one of `Lease` with the same name")]
pub struct LeaseView<'a> {
    pub account: &'a AccountName,
    pub id: &'a str,
    pub order: &'a str,
    pub ip: &'a str,
    pub port: Option<u16>,
    pub kind: &'a Kind,
    pub country: Option<&'a str>,
    pub tag: Option<&'a str>,
    pub operator: Option<&'a str>,
    pub started_at: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
    pub told: Told,
    pub provider_renews: Option<bool>,
    pub state: &'a OrderState,
    pub held_since: Option<Timestamp>,
    pub cycle: Option<&'a str>,
    pub price: Option<Money>,
}

impl LeaseView<'_> {
    /// The instant that names the current term: its end; for an order on hold without one, when it was first seen so.
    #[must_use]
    pub fn term_end(&self) -> Option<Timestamp> {
        self.expires_at.or(self.held_since)
    }

    /// The same with how exactly it was told. The instant of a hold is renewd's own.
    #[must_use]
    pub fn named_end(&self) -> Option<TermEnd> {
        self.told_end().or(self.held_since.map(TermEnd::instant))
    }

    /// The end that the provider tells, if it does.
    #[must_use]
    pub fn told_end(&self) -> Option<TermEnd> {
        self.expires_at.map(|at| TermEnd { at, told: self.told })
    }

    /// What names the current term in the ledger. A told end is the only name, or, told after the order went on hold, the first.
    /// Without one, whoever was paid for less than half a cycle before the order was (again) seen on hold cannot have used that
    /// up: it was paid for this term.
    #[must_use]
    pub fn term(&self) -> Option<Term> {
        let end = self.named_end()?;
        if self.expires_at.is_some() {
            let to = self.held_since.unwrap_or(end.at).max(end.at);
            return Some(Term { from: end, to, told: true });
        }
        let half = i64::from(self.cycle.map_or(30, nominal_days)) * 12;
        let from = end.at.checked_sub(SignedDuration::from_hours(half)).unwrap_or(end.at);
        Some(Term { from: TermEnd::instant(from), to: end.at, told: false })
    }
}
