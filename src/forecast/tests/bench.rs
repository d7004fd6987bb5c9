//! A small account to look ahead from: noon of Saturday 21 November 2026, in UTC unless told otherwise.
use std::collections::HashMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::budget::{Budget, Per};
use crate::domain::{AccountName, Balance, Capabilities, Currency, Kind, Lease, Money};
use crate::forecast::{
    AccountFacts, BudgetFacts, Forecast, Input, LeaseFacts, Price, SeenPrice, cautions, forecast,
};
use crate::policy::Policy;
pub(crate) use crate::policy::sample::keep;

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
        account: "yp".into(),
        id: id.into(),
        order: format!("o-{id}").as_str().into(),
        ip: format!("ip-{id}"),
        kind: "IPv4".into(),
        country: Some("USA".to_owned()),
        tag: None,
        told: Default::default(),
        port: None,
        expires_at: Some(ends),
        provider_renews: None,
        state: crate::domain::OrderState::Active,
        held_since: None,
        cycle: None,
        price: None,
    }
}

pub fn price(amount: &str, period_days: u32) -> Price {
    Price { amount: money(amount), period_days, currency: "USD".into() }
}

/// A lease with what is known of its prices.
#[derive(Clone)]
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
        let all = self.over(n, |input| cautions(input, &forecast(input), &every));
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
            leases: self
                .leases
                .iter()
                .map(|k| LeaseFacts {
                    lease: &k.lease,
                    paid_to: k.paid_to,
                    last_paid: k.paid.clone(),
                    quoted: k.quoted.clone(),
                    told: k.told.clone(),
                    term_days: k.term_days,
                })
                .collect(),
            offered: self.offered.clone(),
        };
        let budgets: Vec<_> =
            self.budgets.iter().map(|(budget, spent)| BudgetFacts { budget, spent: *spent }).collect();
        look(&Input {
            now: now(),
            horizon: days(n),
            timezone: &self.timezone,
            policies: &self.policies,
            accounts: &[account],
            budgets: &budgets,
        })
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
