//! The alert that the money will end: how much to pay in, by when, and what lapses otherwise. Pure: the forecast is an argument.
//!
//! It speaks for the future. Where leases that are due already are short of funds, `short_funds` says so, and two mails with
//! two amounts would leave a person to guess which to pay. So while `short_funds` is told for an account, its runway is left
//! as it is (not raised, repeated or resolved), and the mail of `short_funds` also says the amount that ends the matter.
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

use super::{leases, plain};
use crate::domain::alert::AlertRow;
use crate::domain::time::words;
use crate::domain::{AccountName, Alert, AlertKey, LeaseView, Leases, Money, Severity};
use crate::forecast::{Forecast, Runway, Uncovered};
use crate::policy::{Policy, stage};

/// The cause in the alert's key.
pub const CAUSE: &str = "runway";
/// From here on it cannot wait for office hours.
const URGENT: SignedDuration = SignedDuration::from_hours(48);
/// A deadline that came nearer by so much is news.
const EARLIER: SignedDuration = SignedDuration::from_hours(24);

/// What the alert looks at besides the forecast.
pub struct View<'a> {
    /// `alerts.runway` ahead of `now`.
    pub forecast: &'a Forecast,
    /// The leases of each of its accounts: what its indices stand for.
    pub leases: &'a [&'a Leases],
    /// What the forecast's indices of policies stand for.
    pub policies: &'a [Policy],
    /// Accounts of which nothing is known now.
    pub frozen: &'a BTreeSet<AccountName>,
    /// Instants are shown in it.
    pub timezone: &'a TimeZone,
    /// Now.
    pub now: Timestamp,
    /// How far the forecast looks.
    pub ahead: SignedDuration,
}

/// The key of an account's runway.
#[must_use]
pub fn key(account: &AccountName) -> AlertKey {
    AlertKey::account(CAUSE, account.as_str())
}

/// One alert per account whose balance does not last.
#[must_use]
pub fn firing(view: &View<'_>) -> Vec<Alert> {
    let accounts = view.forecast.runways.iter().enumerate();
    accounts
        .filter(|(_, r)| !view.frozen.contains(&r.account))
        .filter_map(|(n, r)| alert(view, r, view.leases.get(n)?))
        .collect()
}

fn alert(view: &View<'_>, runway: &Runway, all: &Leases) -> Option<Alert> {
    let (short, by) = (runway.short_by.filter(|m| m.is_positive())?, runway.top_up_by?);
    let (name, currency) = (&runway.account, runway.currency.as_ref()?);
    let (balance, free) = (runway.balance?, runway.free?);
    let at = |instant: Timestamp| instant.to_zoned(view.timezone.clone());
    // What is due and held for another reason is no deadline: nothing is lost before a lease ends.
    let first_end = runway.uncovered.iter().map(|u| u.ends).filter(|end| *end > view.now).min();
    let ahead = words(view.ahead);
    let title = format!(
        "Top up {short} {currency} at {name} for the next {ahead}: {}",
        lost(runway, first_end.map(at))
    );
    let unpriced = match runway.unpriced {
        0 => String::new(),
        n => format!(" No price is known for {}: these sums lack it, so it may take more.", leases(n)),
    };
    let kept = if free == balance {
        String::new()
    } else {
        format!(", {free} {currency} of it free above keep_balance")
    };
    let text = format!(
        "The balance is {balance} {currency}{kept}. What falls due within {} costs {} {currency}, so {short} {currency} is missing; the \
         first payment that cannot be made is due {}. With this top-up the balance lasts until {}.{unpriced}",
        ahead,
        runway.need,
        if by > view.now {
            at(by).strftime("on %a %-d %b %Y %H:%M %Z").to_string()
        } else {
            "already, and held for another reason".to_owned()
        },
        at(view.now.checked_add(view.ahead).unwrap_or(Timestamp::MAX)).strftime("%a %-d %b %Y")
    );
    let counts = if by > view.now { Some(by) } else { first_end };
    let near = counts.is_none_or(|at| at.duration_since(view.now) <= URGENT);
    let severity = if near { Severity::Urgent } else { Severity::Warning };
    Some(Alert {
        rows: runway
            .uncovered
            .iter()
            .filter(|u| u.lease < all.len())
            .map(|u| row(view, u, &all.view(u.lease), currency.as_str()))
            .collect(),
        actions: vec![
            format!("top up at least {short} {currency} at the provider: enough for the next {ahead}"),
            "renewd forecast".into(),
        ],
        deadline: first_end,
        ..plain(key(name), severity, Some(name), &title, &text)
    })
}

/// What lapses without money, and when that begins.
fn lost(runway: &Runway, first_end: Option<Zoned>) -> String {
    let ends = |at: Zoned| format!("ends {}", at.strftime("%a %-d %b %H:%M"));
    match (runway.uncovered.len(), first_end.map(ends)) {
        (1, Some(ends)) => format!("1 lease is not covered; it {ends}"),
        (1, None) => "1 lease is not covered; its end has passed".to_owned(),
        (n, Some(ends)) => format!("{n} leases are not covered; the first {ends}"),
        (n, None) => format!("{n} leases are not covered; their ends have passed"),
    }
}

fn row(view: &View<'_>, lost: &Uncovered, lease: &LeaseView<'_>, currency: &str) -> AlertRow {
    let address = if lease.ip.is_empty() { lease.id } else { lease.ip };
    let due = lost.due_at.to_zoned(view.timezone.clone()).strftime("%a %-d %b %H:%M");
    let policy = view.policies.get(lost.policy);
    AlertRow {
        stage: policy.map(|p| stage(p, lease.order, lost.ends, view.now).as_str()),
        what: format!("{} {address}", lease.kind),
        ends: Some(lost.ends),
        amount: lost.amount.map(|amount| format!("{amount} {currency}")),
        note: format!("priority {}, due {due}", lost.priority),
    }
}

/// Lets `short_funds` speak for its account: takes the runway alerts of such accounts away, adds their amount to the other
/// alert, and gives the keys that are to be left as they are.
pub fn yield_to_short_funds(alerts: &mut Vec<Alert>, view: &View<'_>) -> Vec<AlertKey> {
    let mut yielded = Vec::new();
    for runway in &view.forecast.runways {
        let short_funds = AlertKey::account("short_funds", runway.account.as_str());
        if !alerts.iter().any(|a| a.key == short_funds) {
            continue;
        }
        let mine = key(&runway.account);
        let whole = alerts.iter().position(|a| a.key == mine).map(|at| alerts.remove(at));
        if let (Some(_), Some(short), Some(currency)) = (&whole, runway.short_by, &runway.currency) {
            let future = runway.uncovered.iter().filter(|u| u.due_at > view.now).count();
            let ahead = words(view.ahead);
            let after = alerts.iter_mut().filter(|a| a.key == short_funds && future > 0);
            for other in after {
                other.text += &format!(
                    " To last the next {ahead}, top up {short} {currency} in all: {} that fall due in that time would lapse otherwise.",
                    leases(future)
                );
                other.actions.push(format!("top up {short} {currency} instead: enough for the next {ahead}"));
            }
        }
        yielded.push(mine);
    }
    yielded
}

/// What was last told of a runway, kept between passes so that a worse one is told at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The missing amount.
    pub short_by: Money,
    /// The deadline.
    pub top_up_by: Timestamp,
    /// The end of the time that the amount was for.
    pub to: Timestamp,
}

impl Told {
    /// What the forecast says of an account now; `None` if its balance lasts.
    #[must_use]
    pub fn of(runway: &Runway, to: Timestamp) -> Option<Self> {
        let short_by = runway.short_by.filter(|m| m.is_positive())?;
        Some(Self { short_by, top_up_by: runway.top_up_by?, to })
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.short_by, self.top_up_by, self.to)
    }
}

impl FromStr for Told {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let [short, by, to] = text.split(' ').collect::<Vec<_>>()[..] else { return Err(()) };
        let instant = |t: &str| t.parse().map_err(drop);
        Ok(Self { short_by: short.parse().map_err(drop)?, top_up_by: instant(by)?, to: instant(to)? })
    }
}

/// Whether it got worse since it was told: the deadline is a day or more earlier, or a quarter more is missing for the
/// very time that was told of. That time goes on, and with it the horizon, makes nothing worse: `repeat` covers that.
#[must_use]
pub fn worse(told: &Told, forecast: &Forecast, account: usize) -> bool {
    let runway = &forecast.runways[account];
    let earlier = runway.top_up_by.is_some_and(|by| told.top_up_by.duration_since(by) >= EARLIER);
    let short = runway.free.map(|free| forecast.shortage(account, free, told.to)).unwrap_or_default();
    let grown = short.times(4).zip(told.short_by.times(5)).is_none_or(|(now, then)| now >= then);
    earlier || (grown && short.is_positive())
}

#[cfg(test)]
mod tests;
