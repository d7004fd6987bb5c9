//! A policy for unit tests: they say only what of it matters to them.
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{
    Action, Before, Labels, Matcher, NothingKnown, OnShortFunds, OnUnknown, PayBy, Policies, Policy,
    Providers,
};
use crate::domain::{AccountName, ProviderName};

/// Renews everything 3 days before the end, for 30 days; urgent in the last 12 hours.
pub fn keep(name: &str) -> Policy {
    Policy {
        name: name.to_owned(),
        matches: Matcher::default(),
        action: Action::Renew,
        before: Before::Span(SignedDuration::from_hours(72)),
        urgent: SignedDuration::from_hours(12),
        periods: vec![30],
        cycle: None,
        promo_code: None,
        promo_required: false,
        priority: 0,
        max_price: None,
        max_price_jump: None,
        pay_by: PayBy::Renewd,
        take_over: false,
        on_short_funds: OnShortFunds::Partial,
        on_unknown: OnUnknown::Hold,
        window: None,
        timezone: TimeZone::UTC,
        spread: SignedDuration::ZERO,
        until: None,
        approval: false,
        notice: None,
    }
}

/// Accounts of which nothing is known.
struct Nobody;

impl Providers for Nobody {
    fn provider(&self, _: &AccountName) -> Option<&ProviderName> {
        None
    }
}

/// These policies, without labels, providers or prices.
pub fn policies(all: &[Policy], now: Timestamp) -> Policies<'_> {
    Policies { all, labels: Labels::none(), providers: &Nobody, now, last_paid: &NothingKnown }
}
