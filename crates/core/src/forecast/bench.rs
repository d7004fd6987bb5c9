//! A small account to look ahead from: noon of Saturday 21 November 2026, in UTC unless told otherwise.
#![allow(missing_docs, clippy::unwrap_used, reason = "compiled for unit tests only")]
use std::collections::HashMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::budget::{Budget, Per};
use crate::domain::{AccountName, Balance, Capabilities, Currency, Kind, Lease, LeaseView, Money, sample};
use crate::forecast::{
    AccountFacts, BudgetFacts, Forecast, Input, LeaseFacts, LeaseSource, Price, SeenPrice, forecast, foresee,
};
use crate::policy::Policy;
pub use crate::policy::sample::keep;

pub fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

pub fn hours(n: i64) -> Timestamp {
    now().checked_add(SignedDuration::from_hours(n)).unwrap()
}

pub fn days(n: i64) -> Timestamp {
    hours(24 * n)
}

pub fn money(text: &str) -> Money {
    text.parse().unwrap()
}

pub fn lease(id: &str, ends: Timestamp) -> Lease {
    Lease {
        id: id.into(),
        order: format!("o-{id}").as_str().into(),
        ip: format!("ip-{id}"),
        country: Some("USA".to_owned()),
        expires_at: Some(ends),
        ..sample::lease()
    }
}

pub fn price(amount: &str, period_days: u32) -> Price {
    Price { amount: money(amount), period_days, currency: "USD".into() }
}

/// A lease with what is known of its prices.
#[derive(Debug, Clone)]
pub struct Known {
    pub lease: Lease,
    pub paid: Option<Price>,
    pub quoted: Option<SeenPrice>,
    pub told: Option<Price>,
    pub term_days: Option<u32>,
    pub paid_to: Option<Timestamp>,
}

impl Known {
    pub fn new(lease: Lease) -> Self {
        Self { lease, paid: None, quoted: None, told: None, term_days: None, paid_to: None }
    }

    pub fn paid(mut self, amount: &str, days: u32) -> Self {
        self.paid = Some(price(amount, days));
        self
    }

    /// Quoted for its current term, so many hours ago.
    pub fn quoted(mut self, amount: &str, days: u32, ago: i64) -> Self {
        let term_end = self.lease.expires_at.unwrap();
        self.quoted = Some(SeenPrice { price: price(amount, days), term_end, seen_at: hours(-ago) });
        self
    }
}

/// A lease that cost this last time.
pub fn known(id: &str, ends: Timestamp, amount: &str) -> Known {
    Known::new(lease(id, ends)).paid(amount, 30)
}

#[derive(Debug)]
pub struct Bench {
    pub policies: Vec<Policy>,
    pub capabilities: Capabilities,
    pub balance: Option<Money>,
    pub keep_balance: Money,
    pub leases: Vec<Known>,
    pub offered: HashMap<Kind, Vec<u32>>,
    pub budgets: Vec<(Budget, Money)>,
    pub timezone: TimeZone,
}

impl Bench {
    pub fn new(balance: &str, leases: Vec<Known>) -> Self {
        Self {
            policies: vec![keep("keep")],
            capabilities: Capabilities {
                renew_early: true,
                quote_is_bound: true,
                quote_reads_order: false,
                warns: true,
                auto_renewal: true,
                sells_cycles: false,
                grace: None,
                bundled_kinds: vec![Kind::from("IPv6")],
                hides_auto_renewal: false,
                prices_by_count: false,
                pace: None,
                marks_purchases: false,
            },
            balance: Some(money(balance)),
            keep_balance: Money::ZERO,
            leases,
            offered: HashMap::new(),
            budgets: Vec::new(),
            timezone: TimeZone::UTC,
        }
    }

    pub fn budget(mut self, per: Per, limit: &str, spent: &str) -> Self {
        let budget = Budget {
            labels: Vec::new(),
            name: format!("b{}", self.budgets.len()),
            accounts: Vec::new(),
            policies: Vec::new(),
            per,
            limit: money(limit),
            currency: "USD".into(),
            warn_at: None,
        };
        self.budgets.push((budget, money(spent)));
        self
    }

    pub fn ahead(&self, n: i64) -> Forecast {
        self.over(n, forecast)
    }

    /// What will stop renewals within so many days, with a cycle every ten minutes: `lease word: why`.
    pub fn cautions(&self, n: i64) -> Vec<String> {
        let every = |after: Timestamp| Timestamp::from_second((after.as_second() / 600 + 1) * 600).ok();
        let all = self.over(n, |input| foresee(input, &every, true).1);
        let told = |c: &crate::forecast::Caution| {
            format!("{} {}: {}", self.leases[c.lease].lease.id, c.word.as_str(), c.why)
        };
        all.iter().map(told).collect()
    }

    fn over<T>(&self, n: i64, look: impl Fn(&Input<'_>) -> T) -> T {
        let name = AccountName::from("yp");
        let balance = |amount| Balance { amount, currency: Currency::from("USD") };
        let account = AccountFacts {
            name: &name,
            capabilities: &self.capabilities,
            balance: self.balance.map(balance),
            keep_balance: self.keep_balance,
            leases: self,
            offered: self.offered.clone(),
        };
        let budgets: Vec<_> =
            self.budgets.iter().map(|(budget, spent)| BudgetFacts { budget, spent: *spent }).collect();
        look(&Input {
            now: now(),
            horizon: days(n),
            timezone: &self.timezone,
            policies: crate::policy::sample::policies(&self.policies, now()),
            accounts: &[account],
            budgets: &budgets,
        })
    }
}

impl LeaseSource for Bench {
    fn count(&self) -> usize {
        self.leases.len()
    }

    fn view(&self, n: usize) -> LeaseView<'_> {
        self.leases[n].lease.view()
    }

    fn facts(&self, n: usize) -> LeaseFacts<'_> {
        let k = &self.leases[n];
        LeaseFacts {
            lease: k.lease.view(),
            paid_to: k.paid_to,
            last_paid: k.paid.clone(),
            quoted: k.quoted.clone(),
            told: k.told.clone(),
            term_days: k.term_days,
        }
    }

    fn priced(&self) -> Vec<usize> {
        (0..self.leases.len()).collect()
    }
}

/// The days as text: `date due amount balance source`.
pub fn told(forecast: &Forecast) -> Vec<String> {
    let money = |m: Option<Money>| m.map_or("-".to_owned(), |m| m.to_string());
    let row = |d: &crate::forecast::Day| {
        format!("{} {} {} {} {}", d.date, d.due, money(d.amount), money(d.balance_after), d.source.as_str())
    };
    forecast.days.iter().map(row).collect()
}

/// `need short_by until top_up_by`.
pub fn runway(forecast: &Forecast) -> String {
    let r = &forecast.runways[0];
    let text = |o: Option<String>| o.unwrap_or("-".to_owned());
    format!(
        "{} {} {} {}",
        r.need,
        text(r.short_by.map(|m| m.to_string())),
        text(r.until.map(|d| d.to_string())),
        text(r.top_up_by.map(|t| t.to_string()))
    )
}
