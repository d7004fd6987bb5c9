//! Accounts and budgets as bars of money, and what is held in groups. Not responsible for the figures: `status` and the last cycle have
//! them.
use jiff::SignedDuration;
use serde::Serialize;

use super::bars::{Bar, bar};
use super::links::{Link, lease_link};
use crate::domain::time::words;
use crate::domain::{AccountName, Money};
use crate::ledger::AccountFacts;
use crate::settings::Settings;
use crate::views::held::HeldGroup;
use crate::views::moments::{Clockface, When, counted, lasting};
use crate::views::outlook::{Ahead, Runway};
use crate::views::status::{Account, Status};

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountCard {
    /// Its name.
    pub account: String,
    /// Its provider.
    pub provider: String,
    /// `ok`, `down` or `not read yet`.
    pub state: &'static str,
    /// Why it could not be read.
    pub error: String,
    /// Since when it is down.
    pub down_since: Option<When>,
    /// When balance and leases were last read.
    pub read: Option<When>,
    /// With its currency.
    pub balance: Option<String>,
    /// `12 leases`.
    pub leases: String,
    /// How many are to be renewed, held and so on: word and number.
    pub decisions: Vec<(&'static str, usize)>,
    /// When the next lease falls due that is not due yet.
    pub next_due: Option<When>,
    /// Money against what falls due.
    pub bar: Option<Bar>,
    /// How long the money lasts, in a sentence.
    pub lasts: String,
    /// It does not last.
    pub short: bool,
    /// How much to top up, and before when; null where that is over.
    pub top_up: Option<(String, Option<When>)>,
    /// Spending is paused.
    pub paused: bool,
}

/// A budget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BudgetRow {
    /// Its name.
    pub name: String,
    /// Its span.
    pub per: &'static str,
    /// Spent, reserved and left.
    pub bar: Option<Bar>,
    /// The same in words.
    pub says: String,
    /// Nothing is left.
    pub used_up: bool,
}

/// Leases that are held for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Held {
    /// Whose.
    pub account: String,
    /// The word.
    pub word: String,
    /// The reason.
    pub why: String,
    /// How many, `16 leases`.
    pub leases: String,
    /// `2 urgent, 1 normal`.
    pub stages: String,
    /// One of them is close to its end.
    pub urgent: bool,
    /// When the first of them ends.
    pub first_end: Option<When>,
    /// The first of them.
    pub some: Vec<Link>,
    /// How many more.
    pub more: usize,
}

/// One for each configured account, those that need money or cannot be read first.
#[must_use]
pub fn cards(
    status: &Status,
    facts: &[AccountFacts],
    settings: &Settings,
    face: Clockface<'_>,
) -> Vec<AccountCard> {
    let one = |a: &Account| card(a, facts.iter().find(|f| f.account == a.account), status, settings, face);
    let mut all: Vec<AccountCard> = status.accounts.iter().map(one).collect();
    all.sort_by_key(|card| !(card.short || card.state == "down"));
    all
}

fn card(
    a: &Account,
    fact: Option<&AccountFacts>,
    status: &Status,
    settings: &Settings,
    face: Clockface<'_>,
) -> AccountCard {
    let currency = a.currency.as_ref().map(ToString::to_string).unwrap_or_default();
    let amount = |money: Money| format!("{money} {currency}").trim_end().to_owned();
    let keep = settings.account(&a.account).map(|a| a.keep_balance).unwrap_or_default();
    let runway = a.runway.as_ref();
    let (bar, lasts) = money(a, runway, keep, settings.alerts.runway, face);
    let d = a.decisions.unwrap_or_default();
    let decisions = [
        ("to renew", d.renew),
        ("held", d.hold),
        ("not due", d.wait),
        ("watched", d.watch),
        ("let go", d.release),
        ("ignored", d.ignore),
    ];
    AccountCard {
        account: a.account.to_string(),
        provider: a.provider.to_string(),
        state: match a.reachable {
            Some(true) => "ok",
            Some(false) => "down",
            None => "not read yet",
        },
        error: fact.and_then(|f| f.error.clone()).unwrap_or_default(),
        down_since: fact.and_then(|f| f.failing_since).map(|at| face.when(at)),
        read: fact.and_then(|f| f.read_at).map(|at| face.when(at)),
        balance: a.balance.map(amount),
        leases: counted(a.leases, "lease"),
        decisions: decisions.into_iter().filter(|(_, n)| *n > 0).collect(),
        next_due: a.next_due_at.filter(|at| *at > face.now).map(|at| face.when(at)),
        bar,
        lasts,
        short: runway.is_some_and(|r| r.short_by.is_positive()),
        top_up: runway.filter(|r| r.short_by.is_positive()).map(|r| {
            let by = r.top_up_by.filter(|by| *by > face.now);
            let ask = format!("{} for the next {}", amount(r.short_by), words(settings.alerts.runway));
            (ask, by.map(|by| face.when(by)))
        }),
        paused: status.pauses.iter().any(|p| p.stops(a.account.as_str())),
    }
}

/// What falls due against the money that is there, over `alerts.runway`.
fn money(
    a: &Account,
    runway: Option<&Runway>,
    keep: Money,
    horizon: SignedDuration,
    face: Clockface<'_>,
) -> (Option<Bar>, String) {
    let within = format!("within {}", lasting(horizon));
    let Some(r) = runway else {
        return (None, "How long the money lasts is not known yet.".to_owned());
    };
    let currency = a.currency.as_ref().map(ToString::to_string).unwrap_or_default();
    let covered = r.need.minus(r.short_by).filter(|m| m.is_positive()).unwrap_or_default();
    let short = if r.short_by > r.need { r.need } else { r.short_by };
    let free = a.balance.and_then(|balance| balance.minus(keep)).unwrap_or_default();
    let spare = free.minus(r.need).filter(|m| m.is_positive()).unwrap_or_default();
    let unpriced = match r.unpriced {
        0 => String::new(),
        n => format!(" No price is known for {}: no sum holds them.", counted(n, "lease")),
    };
    let due = if r.need.is_positive() {
        format!("{} {currency} falls due {within}", r.need)
    } else {
        format!("Nothing that has a known price falls due {within}")
    };
    let until = r.until.as_ref().and_then(|day| day.parse().ok()).map(|day| face.on(day));
    let lasts = match until {
        Some(day) => format!("{due}; the money lasts until {} ({}).{unpriced}", day.text, day.away),
        None if r.short_by.is_positive() => format!("{due}; the money does not last.{unpriced}"),
        None if r.need.is_positive() => format!("{due}; the money covers all of it.{unpriced}"),
        None => format!("{due}.{unpriced}"),
    };
    let parts = [("covered", covered), ("short", short), ("spare", spare)];
    let says = format!(
        "Of {} {currency} that falls due {within}, {covered} is covered and {short} is not; {spare} is left over.",
        r.need
    );
    (bar(&parts, says), lasts)
}

/// Every budget.
#[must_use]
pub fn budgets(status: &Status) -> Vec<BudgetRow> {
    let row = |b: &crate::views::status::Budget| {
        let left = if b.left.is_negative() { Money::default() } else { b.left };
        let reserved = if b.reserved.is_positive() {
            format!(", {} more is under way", b.reserved)
        } else {
            String::new()
        };
        let says = format!("{} of {} {} spent{reserved}, {} left", b.spent, b.limit, b.currency, b.left);
        BudgetRow {
            name: b.name.clone(),
            per: b.per,
            bar: bar(&[("spent", b.spent), ("reserved", b.reserved), ("left", left)], says.clone()),
            says,
            used_up: !left.is_positive(),
        }
    };
    status.budgets.iter().map(row).collect()
}

/// What is held, the most urgent first.
#[must_use]
pub fn held(settings: &Settings, ahead: &[Ahead], face: Clockface<'_>) -> Vec<Held> {
    let each = settings.accounts.iter().zip(ahead);
    let mut all: Vec<(&AccountName, &HeldGroup)> =
        each.flat_map(|(a, ahead)| ahead.held.iter().map(move |group| (&a.name, group))).collect();
    all.sort_by_key(|(_, g)| (!is_urgent(g), g.first_end.is_none(), g.first_end));
    all.into_iter().map(|(account, group)| of_group(account, group, face)).collect()
}

fn is_urgent(group: &HeldGroup) -> bool {
    ["urgent", "rescue"].iter().any(|stage| group.stages.contains_key(*stage))
}

fn of_group(account: &AccountName, group: &HeldGroup, face: Clockface<'_>) -> Held {
    let stages = ["rescue", "urgent", "normal", "early"]
        .iter()
        .filter_map(|stage| Some((stage, group.stages.get(*stage)?)));
    Held {
        account: account.to_string(),
        word: group.word.clone(),
        why: if group.why.is_empty() { "for several reasons".to_owned() } else { group.why.clone() },
        leases: counted(group.leases, "lease"),
        stages: stages.map(|(stage, n)| format!("{n} {stage}")).collect::<Vec<_>>().join(", "),
        urgent: is_urgent(group),
        first_end: group.first_end.map(|end| face.when(end)),
        some: group.some.iter().map(|l| lease_link(account, &l.lease, &l.ip)).collect(),
        more: group.leases.saturating_sub(group.some.len()),
    }
}
