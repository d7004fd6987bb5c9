//! The forecast through the real binary, against what a simulated provider really charges.

mod command;
mod horizon;
mod lived;
mod told;
mod web;

use crate::common::{self, Bench};
use renewd::simulator::Product;
use serde_json::Value;

const A: &str = "203.0.113.1";
const B: &str = "203.0.113.2";
const C: &str = "203.0.113.3";

/// A day in UTC so many hours from now.
fn day(hours: i64) -> String {
    common::in_hours(hours).to_string()[..10].to_owned()
}

/// One lease that was just paid 2.65 for (its new end is in 31 days), one of its like that is due in 17 days, and one of
/// another kind that costs 3.84 and is due in 25.
fn paid_once(balance: &str) -> Bench {
    let bench = Bench::new(
        balance,
        &[(Product::IPv4, &[A], 24), (Product::IPv4, &[B], 24 * 20), (Product::Isp, &[C], 24 * 28)],
    );
    assert_eq!(bench.json(&["once"]).0, 0);
    bench
}

/// `date due amount balance source`.
fn rows(document: &Value) -> Vec<String> {
    let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    let days = document["days"].as_array().unwrap_or_else(|| panic!("{document:#}"));
    days.iter()
        .map(|d| {
            let cells = ["date", "due", "amount", "balance_after", "price_source"];
            cells.map(|key| text(&d[key])).join(" ")
        })
        .collect()
}
