//! What falls due, ends and runs short on each of the next days of one account, as a cycle keeps it for the page. Not responsible for
//! the forecast that it is read off, or for drawing it.
use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::domain::Money;
use crate::forecast::Forecast;
use crate::policy::Word;
use crate::settings::Settings;

use super::forecast::Foresight;

/// The next days of one account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Days {
    /// What falls due, by date; a row for each surety of the price.
    pub days: Vec<DayRow>,
    /// Leases that fall due and have no known price.
    pub unpriced: usize,
    /// Leases that end and are not extended, by date.
    #[serde(default)]
    pub ends: Vec<EndRow>,
    /// When the first payment falls due that the balance does not cover.
    #[serde(default)]
    pub top_up_by: Option<Timestamp>,
    /// The first end ahead, also one that is further away.
    #[serde(default)]
    pub first_end: Option<Timestamp>,
}

/// What falls due on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayRow {
    /// In the configured zone.
    pub date: Date,
    /// How many leases.
    pub due: usize,
    /// Null where no price is known.
    pub amount: Option<Money>,
    /// In what.
    pub currency: Option<String>,
    /// What is left after this row and all before it; below zero where it does not last.
    pub balance_after: Option<Money>,
    /// How sure the amount is.
    pub price_source: String,
}

/// Leases that end on a day and are not extended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndRow {
    /// In the configured zone.
    pub date: Date,
    /// A policy wants them, and they cannot be renewed: no money, or not as configured.
    pub lapse: usize,
    /// A policy lets them go.
    pub release: usize,
    /// Nobody renews them.
    pub watch: usize,
}

impl Days {
    /// The n-th account's, of a look so far ahead.
    #[must_use]
    pub fn of(seen: &Foresight, near: &Forecast, n: usize, settings: &Settings) -> Self {
        let runway = &near.runways[n];
        let currency = runway.currency.as_ref().map(ToString::to_string);
        let row = |d: &crate::forecast::Day| DayRow {
            date: d.date,
            due: d.due,
            amount: d.amount,
            currency: currency.clone(),
            balance_after: d.balance_after,
            price_source: d.source.as_str().to_owned(),
        };
        Self {
            days: near.days.iter().filter(|d| d.account == n).map(row).collect(),
            unpriced: runway.unpriced,
            ends: ends(seen, near, n, settings),
            top_up_by: runway.top_up_by,
            first_end: seen.accounts[n]
                .leases
                .iter()
                .filter_map(|l| l.expires_at)
                .filter(|end| *end > seen.from)
                .min(),
        }
    }
}

fn ends(seen: &Foresight, near: &Forecast, n: usize, settings: &Settings) -> Vec<EndRow> {
    let mut all: BTreeMap<Date, EndRow> = BTreeMap::new();
    let mut on = |date: Date, add: &dyn Fn(&mut EndRow)| {
        add(all.entry(date).or_insert_with(|| EndRow { date, ..EndRow::default() }));
    };
    for expiry in near.expiries.iter().filter(|e| e.account == n && e.release + e.watch > 0) {
        on(expiry.date, &|row| (row.release, row.watch) = (expiry.release, expiry.watch));
    }
    // One that the balance does not cover may be kept back by something else, too.
    let mut counted: HashSet<usize> = HashSet::new();
    let short = near.runways[n].uncovered.iter().map(|u| (u.lease, u.ends));
    let wanted = seen.cautions.iter().filter(|c| c.account == n && c.word != Word::NoPolicy);
    for (lease, end) in short.chain(wanted.filter_map(|c| Some((c.lease, c.ends?)))) {
        let date = end.to_zoned(settings.timezone.clone()).date();
        if counted.insert(lease) {
            on(date, &|row| row.lapse += 1);
        }
    }
    all.into_values().collect()
}
