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
//! | kept like another policy by an operator | as that policy says, up to the day until which it is kept |
//! | an order that is paid whole, under several policies or partly unreadable | no: left out, `bundle_split` |
//! | `watch`, `release`, `ignore`, no policy | no |
//! | the provider's own auto-renewal is on | as any other: the money leaves the same balance |
//!
//! *When.* `expires_at − before`, and the delay of its order where its policy has a `spread`, where the provider renews early, else at the end; what should have been paid by now is due
//! now. A whole order is due at its earliest end. Windows, pauses and guards delay a payment and change no amount. A new
//! term begins at the old end. A payment that is not settled counts as made: its money is gone or will be.
//!
//! *For how long.* The order's own cycle where the provider sells cycles; else the first period of the policy that is on
//! offer, or its first where nobody knows what is on offer. Of a list, term by term, the first whose known price is within
//! `max_price` and that ends on or before `until`; then the first of which no price is known; if all end after `until`, the shortest.
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

#[cfg(any(test, feature = "samples"))]
pub mod bench;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use self::cautions::Cautions;
use self::price::PriceBook;
use self::units::Piece;
use crate::domain::LeaseId;
use crate::policy::{Action, NextStart};

pub use cautions::Caution;
pub use input::{AccountFacts, BudgetFacts, Input, LeaseFacts, LeaseSource, Price, SeenPrice};
pub use price::PriceSource;
pub use result::{BudgetEnd, Day, Due, Expiry, Forecast, LeftOut, NextTerm, Runway, Uncovered, Why};

/// Looks ahead from `now` to the horizon.
#[must_use]
pub fn forecast(input: &Input<'_>) -> Forecast {
    look(input, &mut |_, _, _| {})
}

/// The same, with what will stop renewals: all of it, or what stops those that some policy wants. `next` is the schedule.
#[must_use]
pub fn foresee(input: &Input<'_>, next: &NextStart<'_>, all: bool) -> (Forecast, Vec<Caution>) {
    let mut cautions = Cautions::new(all);
    let forecast = look(input, &mut |account, book, piece| cautions.see(input, account, book, piece, next));
    let cautions = cautions.finish(input, &forecast);
    (forecast, cautions)
}

/// Shows the next term of each lease that a policy renews, at whatever distance, with its account and the lease's share of the price.
pub fn next_terms(input: &Input<'_>, see: &mut dyn FnMut(usize, usize, NextTerm)) {
    for account in 0..input.accounts.len() {
        let book = units::book(input, account);
        units::draw(input, account, &book, &mut |piece| {
            let Piece::Unit(unit) = piece else { return };
            let shares = unit.amount.map(|amount| amount.shares(unit.leases.len()));
            for (seq, &lease) in unit.leases.iter().enumerate() {
                let amount = shares.as_ref().and_then(|shares| shares.get(seq).copied());
                see(account, lease, NextTerm { days: unit.period_days, amount });
            }
        });
    }
}

/// What is shown of an account: its number, its prices, and a piece of it.
type See<'s> = &'s mut dyn FnMut(usize, &PriceBook<'_>, &Piece<'_>);

fn look(input: &Input<'_>, see: See<'_>) -> Forecast {
    let mut forecast = Forecast::default();
    for (index, account) in input.accounts.iter().enumerate() {
        let book = units::book(input, index);
        let (mut soon, mut next_due_at) = (Vec::new(), None);
        units::draw(input, index, &book, &mut |piece| {
            see(index, &book, &piece);
            match piece {
                Piece::Unit(unit) => {
                    let due = unit.due_at(input, unit.ends);
                    next_due_at = Some(next_due_at.map_or(due, |at: Timestamp| at.min(due)));
                    if due <= input.horizon {
                        soon.push(unit.clone());
                    }
                }
                Piece::LeftOut(leases, why) => {
                    forecast.left_out.extend(leases.iter().map(|&n| LeftOut {
                        account: account.name.clone(),
                        lease: LeaseId::new(account.leases.view(n).id),
                        why,
                    }));
                }
            }
        });
        let dues = dues::unfold(input, &soon);
        forecast.runways.push(runway::runway(input, account, next_due_at, &dues));
        forecast.days.extend(days(input, index, &dues));
        forecast.expiries.extend(expiries(input, index));
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
    let leases = input.accounts[account].leases;
    let mut finder = units::PolicyFinder::new(input, account);
    for n in 0..leases.count() {
        let Some(end) = leases.view(n).expires_at.filter(|end| *end > input.now && *end <= input.horizon)
        else {
            continue;
        };
        let policy = finder.of(n).map(|p| &input.policies[p]);
        let action = policy.map_or(Action::Watch, |p| p.action);
        if action == Action::Ignore {
            continue;
        }
        let past = policy.is_some_and(|p| p.is_past_until(end));
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
