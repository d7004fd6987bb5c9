//! The next thirty days in a picture: what falls due each day, what ends unpaid, and when money is needed. A lane for each account, since
//! no currency is drawn beside another. Positions across are percentages, so that the picture fits a phone and its letters stay as large
//! as they are. Not responsible for the figures: a cycle stored them.
use std::collections::BTreeMap;

use jiff::ToSpan;
use jiff::civil::Date;
use serde::Serialize;

use super::bars::{WHOLE, percent, share};
use crate::domain::Money;
use crate::views::days::Days;
use crate::views::moments::{Clockface, When, counted, days_between};

/// Days across.
pub const SHOWN: i32 = 30;
/// The highest bar, and the lowest that can be seen.
const HIGH: u32 = 34;
const LOW: u32 = 5;
/// Where bars stand.
const GROUND: u32 = 52;

/// The picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Timeline {
    /// How many days it is long.
    pub days: i32,
    /// Every fifth day.
    pub ticks: Vec<Tick>,
    /// One for each account of which anything falls due or ends.
    pub lanes: Vec<Lane>,
    /// The same as a table, by day and account.
    pub rows: Vec<Row>,
    /// Leases that fall due and have no known price.
    pub unpriced: usize,
}

/// A day that is named below.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tick {
    /// Where its day begins.
    pub x: String,
    /// Its date.
    pub text: String,
}

/// One account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lane {
    /// Its name.
    pub account: String,
    /// What it shows, in words.
    pub says: String,
    /// What falls due: a bar a day.
    pub dues: Vec<Mark>,
    /// Leases that end and were wanted.
    pub lapses: Vec<Mark>,
    /// Leases that end as planned: let go, or watched only.
    pub leaves: Vec<Mark>,
    /// When money is needed.
    pub top_up: Option<Mark>,
}

/// Something on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// Where its day begins.
    pub x: String,
    /// The middle of its day.
    pub middle: String,
    /// How wide a day is.
    pub width: String,
    /// Its top, in pixels; of bars only.
    pub y: u32,
    /// Its height, in pixels; of bars only.
    pub height: u32,
    /// The balance covers it.
    pub covered: bool,
    /// What it says where one points at it.
    pub says: String,
}

/// A day of an account, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Which.
    pub day: Option<When>,
    /// Whose.
    pub account: String,
    /// Leases that fall due.
    pub due: usize,
    /// What they cost, in its currency; null where no price is known.
    pub amount: Option<String>,
    /// What is left of the balance behind them.
    pub balance_after: Option<String>,
    /// It is below zero.
    pub short: bool,
    /// What ends on that day.
    pub ends: Vec<String>,
}

/// What is known of a day, put together.
#[derive(Default)]
struct Day {
    due: usize,
    amount: Option<Money>,
    unpriced: bool,
    balance_after: Option<Money>,
    lapse: usize,
    release: usize,
    watch: usize,
}

/// Of these accounts, by name.
#[must_use]
pub fn timeline(accounts: &[(&str, &Days)], face: Clockface<'_>) -> Timeline {
    let today = face.today();
    let tick = |n: i32| {
        Some(Tick { x: at(n), text: today.checked_add(n.days()).ok()?.strftime("%-d %b").to_string() })
    };
    let (mut lanes, mut rows) = (Vec::new(), Vec::new());
    for (account, days) in accounts {
        let mut by_date = by_date(days);
        // A row that is older than this day, or of a longer look, is not of this picture.
        by_date.retain(|date, _| (0..SHOWN).contains(&days_between(today, *date)));
        if by_date.is_empty() {
            continue;
        }
        lanes.push(lane(account, days, &by_date, face));
        rows.extend(by_date.iter().map(|(date, day)| (*date, row(account, days, day, face.on(*date)))));
    }
    rows.sort_by(|(a, left), (b, right)| (a, &left.account).cmp(&(b, &right.account)));
    Timeline {
        days: SHOWN,
        ticks: (0..SHOWN).step_by(5).filter_map(tick).collect(),
        lanes,
        rows: rows.into_iter().map(|(_, row)| row).collect(),
        unpriced: accounts.iter().map(|(_, days)| days.unpriced).sum(),
    }
}

fn at(day: i32) -> String {
    percent(WHOLE / SHOWN.unsigned_abs() * day.clamp(0, SHOWN).unsigned_abs())
}

fn by_date(days: &Days) -> BTreeMap<Date, Day> {
    let mut all: BTreeMap<Date, Day> = BTreeMap::new();
    for row in &days.days {
        let day = all.entry(row.date).or_default();
        day.due += row.due;
        day.unpriced |= row.amount.is_none();
        day.amount = match (day.amount, row.amount) {
            (Some(known), Some(more)) => known.plus(more),
            (known, more) => known.or(more),
        };
        day.balance_after = row.balance_after.or(day.balance_after);
    }
    for end in &days.ends {
        let day = all.entry(end.date).or_default();
        (day.lapse, day.release, day.watch) = (end.lapse, end.release, end.watch);
    }
    all
}

fn currency(days: &Days) -> &str {
    days.days.iter().find_map(|d| d.currency.as_deref()).unwrap_or_default()
}

fn lane(account: &str, days: &Days, by_date: &BTreeMap<Date, Day>, face: Clockface<'_>) -> Lane {
    let today = face.today();
    let dearest = by_date.values().filter_map(|d| d.amount).max().unwrap_or_default();
    let shown = || by_date.iter().map(|(date, day)| (days_between(today, *date), date, day));
    let mark = |n: i32, says: String| Mark {
        x: at(n),
        middle: percent(WHOLE / SHOWN.unsigned_abs() * n.unsigned_abs() + WHOLE / SHOWN.unsigned_abs() / 2),
        width: percent(WHOLE / SHOWN.unsigned_abs() * 4 / 5),
        y: GROUND,
        height: 0,
        covered: true,
        says,
    };
    let due = |(n, date, day): (i32, &Date, &Day)| {
        let part = share(day.amount.unwrap_or_default(), dearest);
        let height = LOW + (HIGH - LOW) * part / WHOLE;
        let covered = !day.balance_after.is_some_and(Money::is_negative);
        let lacks = if covered { "" } else { ", which the balance does not cover" };
        let says = format!(
            "{}: {} due{}{lacks}",
            face.on(*date).text,
            counted(day.due, "lease"),
            cost(day, currency(days))
        );
        Mark { y: GROUND - height, height, covered, ..mark(n, says) }
    };
    let ends = |of: fn(&Day) -> usize, words: &'static str| {
        let on = shown().filter(move |(.., day)| of(day) > 0);
        on.map(|(n, date, day)| {
            mark(n, format!("{}: {} {words}", face.on(*date).text, counted(of(day), "lease")))
        })
        .collect::<Vec<Mark>>()
    };
    let top_up = days.top_up_by.map(|by| {
        let when = face.when(by);
        mark(days_between(today, face.date(by)).clamp(0, SHOWN - 1), format!("top up before {}", when.text))
    });
    Lane {
        account: account.to_owned(),
        says: says(account, days, by_date, face),
        dues: shown().filter(|(.., day)| day.due > 0).map(due).collect(),
        lapses: ends(|day| day.lapse, "would lapse"),
        leaves: ends(|day| day.release + day.watch, "end as planned"),
        top_up,
    }
}

fn cost(day: &Day, currency: &str) -> String {
    match (day.amount, day.unpriced) {
        (Some(amount), false) => format!(" for {amount} {currency}"),
        (Some(amount), true) => format!(" for {amount} {currency} and what has no known price"),
        (None, _) => ", price not known".to_owned(),
    }
}

/// What a lane shows, for those who do not see it.
fn says(account: &str, days: &Days, by_date: &BTreeMap<Date, Day>, face: Clockface<'_>) -> String {
    let sum = |of: fn(&Day) -> usize| by_date.values().map(of).sum::<usize>();
    let amount = Money::sum(by_date.values().filter_map(|d| d.amount)).unwrap_or_default();
    let (due, lapse) = (sum(|d| d.due), sum(|d| d.lapse));
    let mut text = match due {
        0 => format!("{account}: nothing falls due within {SHOWN} days"),
        _ => format!(
            "{account}: {} due within {SHOWN} days, {amount} {}",
            counted(due, "lease"),
            currency(days)
        ),
    };
    if let Some(by) = days.top_up_by {
        text += &format!("; top up before {}", face.when(by).text);
    }
    if lapse > 0 {
        text += &format!("; {} would lapse", counted(lapse, "lease"));
    }
    text
}

fn row(account: &str, days: &Days, day: &Day, when: When) -> Row {
    let ends = [(day.lapse, "would lapse"), (day.release, "let go"), (day.watch, "not renewed by renewd")];
    let amount = |money: Money| format!("{money} {}", currency(days)).trim_end().to_owned();
    Row {
        day: Some(when),
        account: account.to_owned(),
        due: day.due,
        amount: day.amount.filter(|_| day.due > 0).map(amount),
        balance_after: day.balance_after.map(amount),
        short: day.balance_after.is_some_and(Money::is_negative),
        ends: ends.iter().filter(|(n, _)| *n > 0).map(|(n, words)| format!("{n} {words}")).collect(),
    }
}
