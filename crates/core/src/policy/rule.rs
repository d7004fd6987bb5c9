//! A policy as written, checked. What it means for a lease is decided in `planner`.
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{Matcher, Windows};
use crate::domain::{Money, Percent};

/// `[[policy]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Unique.
    pub name: String,
    /// Which leases; an empty matcher matches all.
    pub matches: Matcher,
    /// What to do.
    pub action: Action,
    /// Due this long before the end.
    pub before: Before,
    /// From here to the end the stage is urgent.
    pub urgent: SignedDuration,
    /// Days, in order of preference; never empty.
    pub periods: Vec<u32>,
    /// Billing cycle, where the provider sells cycles.
    pub cycle: Option<String>,
    /// Sent with quote and payment.
    pub promo_code: Option<String>,
    /// A promo that is not accepted stops the payment.
    pub promo_required: bool,
    /// Higher is saved first.
    pub priority: i64,
    /// For one lease and one period.
    pub max_price: Option<Money>,
    /// Per day, against the last price paid for the lease.
    pub max_price_jump: Option<Percent>,
    /// Who pays.
    pub pay_by: PayBy,
    /// renewd may switch off the provider's auto-renewal of a lease that it is to pay itself.
    pub take_over: bool,
    /// When there is not enough money for all.
    pub on_short_funds: OnShortFunds,
    /// When a payment's outcome was unknown and evidence says "not charged".
    pub on_unknown: OnUnknown,
    /// When payments may be made (outside the urgent stage); `None` = always.
    pub window: Option<Windows>,
    /// The zone of `window` with its days off, and of `until`: the policy's own, else the configured one.
    pub timezone: TimeZone,
    /// Each order of a policy that renews falls due later by an amount of its own below this.
    pub spread: SignedDuration,
    /// A lease whose end is on or after this day is not renewed.
    pub until: Option<Date>,
    /// What is due is paid only once a person approved it.
    pub approval: bool,
    /// The first mail about a lease that is let go or only watched comes this long before its end; `None` = when it is due.
    pub notice: Option<SignedDuration>,
}

impl Policy {
    /// Payments may be made then, as far as its windows go.
    #[must_use]
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.window.as_ref().is_none_or(|window| window.is_open(at, &self.timezone))
    }

    /// The first instant at or after `at` at which payments may be made; `None` = never again.
    #[must_use]
    pub fn opens(&self, at: Timestamp) -> Option<Timestamp> {
        self.window.as_ref().map_or(Some(at), |window| window.opens(at, &self.timezone))
    }

    /// The end is on or after the day on which it stops renewing.
    #[must_use]
    pub fn is_past_until(&self, end: Timestamp) -> bool {
        self.until.is_some_and(|until| self.timezone.to_datetime(end).date() >= until)
    }

    /// So many leases for this price are over `max_price`; without one nothing is.
    #[must_use]
    pub fn is_over_cap(&self, leases: usize, price: Money) -> bool {
        self.max_price.is_some_and(|cap| cap.times(leases as u64).is_none_or(|all| price > all))
    }

    /// From here to the end windows are ignored; never before it is due.
    #[must_use]
    pub fn urgent_at(&self, end: Timestamp) -> Timestamp {
        end.checked_sub(self.urgent).unwrap_or(Timestamp::MIN)
    }
}

/// `action`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Pay for another term.
    Renew,
    /// Alert before it lapses.
    Watch,
    /// Let it lapse, say so in time.
    Release,
    /// Nothing at all.
    Ignore,
}

/// `before`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// A fixed span.
    Span(SignedDuration),
    /// A share of the policy's (first) period.
    Share(Percent),
}

/// `pay_by`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayBy {
    /// renewd pays.
    Renewd,
    /// The provider's auto-renewal pays; renewd steers and watches it.
    Provider,
}

/// `on_short_funds`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnShortFunds {
    /// Pay what fits.
    Partial,
    /// Pay none of the policy's due leases in that account unless all fit.
    Hold,
}

/// `on_unknown`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnUnknown {
    /// A second attempt only in the urgent stage or after `resolve`.
    Hold,
    /// As soon as 2 × `lag_window` passed and evidence says "not charged".
    Retry,
    /// Only after `resolve`.
    Never,
}
