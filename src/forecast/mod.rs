//! What falls due when, what it costs, and when the money ends: one pure function over facts already read.
//!
//! Responsible for looking ahead; not for reading the ledger (`documents`), asking prices (`engine`) or telling people.
//! Nothing here promises a payment: the plan of the day decides again, with real quotes.
//!
//! # Rules
//!
//! *Who is counted.* The first policy that matches decides, and only `renew` costs money:
//!
//! | lease | counted |
//! |---|---|
//! | `renew`, its end readable and ahead | from its due instant on, again and again up to the horizon |
//! | `renew`, past its end, within the provider's grace | today |
//! | `renew`, past its end, no grace | no: left out, `lapsed` |
//! | `renew`, its end not readable | no: left out, `unparsable` |
//! | `renew`, its end (or a later one) on or after `until` | up to that term |
//! | `renew`, its price over `max_price` | no: left out, `price_cap` |
//! | `renew`, none of its periods on offer | no: left out, `period_not_offered` |
//! | an order that is paid whole, under several policies or partly unreadable | no: left out, `bundle_split` |
//! | `watch`, `release`, `ignore`, no policy | no |
//! | the provider's own auto-renewal is on | as any other: the money leaves the same balance |
//!
//! *When.* `expires_at − before` where the provider renews early, else at the end; what should have been paid by now is due
//! now. A whole order is due at its earliest end. Windows, pauses and guards delay a payment and change no amount. A new
//! term begins at the old end. A payment that is not settled counts as made: its money is gone or will be.
//!
//! *For how long.* The order's own cycle where the provider sells cycles; else the first period of the policy that is on
//! offer, or its first where nobody knows what is on offer.
//!
//! *What it costs.* The surest price for exactly that period, in the account's currency ([`PriceSource`]); nothing is
//! scaled or guessed, and a later term is expected to cost the same. A renewal without a known price has no amount, adds nothing to any sum, and is counted as unpriced.
//!
//! *When the money ends.* Payments are made in order of time, then priority, then end, then lease id, down to
//! `keep_balance`. The first one that does not fit names the day; what is missing over the whole horizon is the top-up. The
//! balance is followed as if budgets allowed all, and budgets as if the balance did.
//!
//! *Budgets.* A payment that does not fit waits for the budget's next span; if its lease ends before that, it lapses. A
//! budget per cycle only ever stops a payment that is dearer than the budget itself.
mod budgets;
mod cautions;
mod dues;
mod input;
mod price;
mod result;
mod runway;
mod units;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::policy::Action;

pub use cautions::{Caution, cautions};
pub use input::{AccountFacts, BudgetFacts, Input, LeaseFacts, Price, SeenPrice};
pub use price::PriceSource;
pub use result::{BudgetEnd, Day, Due, Expiry, Forecast, LeftOut, Runway, Uncovered, Why};

/// Looks ahead from `now` to the horizon.
#[must_use]
pub fn forecast(input: &Input<'_>) -> Forecast {
    let mut forecast = Forecast::default();
    for (index, account) in input.accounts.iter().enumerate() {
        let drawn = units::draw(input, index);
        let dues = dues::unfold(input, &drawn.units);
        forecast.runways.push(runway::runway(input, account, &drawn.units, &dues));
        forecast.days.extend(days(input, index, &dues));
        forecast.expiries.extend(expiries(input, index));
        forecast.left_out.extend(drawn.left_out);
        forecast.dues.extend(dues);
    }
    forecast.days.sort_by_key(|day| (day.date, day.account));
    forecast.expiries.sort_by_key(|expiry| (expiry.date, expiry.account));
    forecast.budgets = budgets::ends(input, &forecast.dues);
    forecast
}

/// The day of an instant, as people there count it.
fn date(at: Timestamp, timezone: &TimeZone) -> Date {
    at.to_zoned(timezone.clone()).date()
}

/// One row per day and surety, with the balance after it.
fn days(input: &Input<'_>, account: usize, dues: &[Due]) -> Vec<Day> {
    let facts = &input.accounts[account];
    let mut rows: BTreeMap<(Date, PriceSource), Day> = BTreeMap::new();
    for due in dues {
        let date = date(due.at, input.timezone);
        let row = rows.entry((date, due.source)).or_insert_with(|| Day {
            date,
            account,
            due: 0,
            amount: due.amount.map(|_| crate::domain::Money::ZERO),
            balance_after: None,
            source: due.source,
        });
        row.due += due.leases.len();
        row.amount = row.amount.zip(due.amount).and_then(|(sum, more)| sum.plus(more));
    }
    let mut left = facts.balance.as_ref().map(|b| b.amount);
    let mut rows: Vec<Day> = rows.into_values().collect();
    for row in &mut rows {
        left = left.and_then(|left| left.minus(row.amount.unwrap_or_default()));
        row.balance_after = left;
    }
    rows
}

/// Ends of the current terms up to the horizon, by day, and what is to become of them.
fn expiries(input: &Input<'_>, account: usize) -> Vec<Expiry> {
    let mut days: BTreeMap<Date, Expiry> = BTreeMap::new();
    for lease in input.accounts[account].leases.iter().map(|facts| facts.lease) {
        let Some(end) = lease.expires_at.filter(|end| *end > input.now && *end <= input.horizon) else {
            continue;
        };
        let policy = input.policies.iter().find(|p| p.matches.matches(lease));
        let action = policy.map_or(Action::Watch, |p| p.action);
        if action == Action::Ignore {
            continue;
        }
        let past = policy.is_some_and(|p| units::past_until(p, end, input.timezone));
        let date = date(end, input.timezone);
        let day = days.entry(date).or_insert(Expiry {
            date,
            account,
            leases: 0,
            renew: 0,
            watch: 0,
            release: 0,
            first_at: end,
        });
        day.leases += 1;
        day.first_at = day.first_at.min(end);
        match action {
            Action::Renew if !past => day.renew += 1,
            Action::Renew | Action::Release => day.release += 1,
            Action::Watch | Action::Ignore => day.watch += 1,
        }
    }
    days.into_values().collect()
}
