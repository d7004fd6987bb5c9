//! A policy for unit tests: they say only what of it matters to them.
use jiff::SignedDuration;

use super::{Action, Before, Matcher, OnShortFunds, OnUnknown, PayBy, Policy};

/// Renews everything 3 days before the end, for 30 days; urgent in the last 12 hours.
pub(crate) fn keep(name: &str) -> Policy {
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
        until: None,
    }
}
