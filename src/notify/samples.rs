//! Made-up messages that every template must be able to show: full ones, and ones where all that may be absent is absent.
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use minijinja::value::merge_maps;
use minijinja::{Value, context};

use super::digest::{self, Ahead, Digest, Open, Spent, Standing, Unsettled};
use super::render;
use super::summary::{self, Passed};
use crate::alerting::{Occasion, Told};
use crate::domain::alert::AlertRow;
use crate::domain::{AccountName, Alert, AlertKey, Currency, Money, Severity};
use crate::ledger::{AlertChange, ChainHead};
use crate::notify::context::Letterhead;
use crate::settings::Alerts;

/// Every template that is filled by itself, with values; most come several times.
pub(super) fn all() -> Vec<(&'static str, Value)> {
    let now = Timestamp::UNIX_EPOCH;
    let letterhead = Letterhead::new(&nobody(), &TimeZone::UTC, now);
    let repeat = SignedDuration::from_hours(24);
    let mut all = Vec::new();
    for (alert, occasion) in [
        (full(now), Occasion::Raised),
        (full(now), Occasion::Escalated),
        (full(now), Occasion::Flapping),
        (full(now), Occasion::Resolved),
        (bare(), Occasion::Repeated),
        (bare(), Occasion::Resolved),
    ] {
        let told = Told {
            changes: vec![AlertChange::Close(alert.key.clone())],
            occasion: None,
            alert,
            since: now,
            until: Some(now),
            reminder: Some(repeat),
        };
        let values = render::values(repeat, &letterhead, &told, occasion.as_str());
        all.extend(["subject.txt.j2", "alert.txt.j2", "alert.html.j2"].map(|name| (name, values.clone())));
    }
    for digest in [busy(now), quiet(now)] {
        let values = digest::values(&letterhead, &digest);
        all.extend(["subject.txt.j2", "digest.txt.j2", "digest.html.j2"].map(|name| (name, values.clone())));
    }
    let passed =
        [1, 2].map(|_| Passed { title: "a".to_owned(), severity: Severity::Urgent, from: now, to: now });
    let values = summary::values(&letterhead, &passed);
    all.extend(["subject.txt.j2", "summary.txt.j2", "summary.html.j2"].map(|name| (name, values.clone())));
    let shared = context! { version => "0", host => "host" };
    all.into_iter().map(|(name, values)| (name, merge_maps([values, shared.clone()]))).collect()
}

fn nobody() -> Alerts {
    let day = SignedDuration::from_hours(24);
    Alerts {
        runway: day,
        repeat: day,
        max_mails_per_day: 6,
        email: None,
        routes: Vec::new(),
        webhook: None,
        channels: Vec::new(),
        page: None,
        heartbeat: None,
    }
}

fn bare() -> Alert {
    Alert {
        key: AlertKey::account("clock", "*"),
        severity: Severity::Urgent,
        account: None,
        title: "title".to_owned(),
        text: String::new(),
        actions: Vec::new(),
        rows: Vec::new(),
        deadline: None,
        once: true,
        grade: 0,
        leases: Vec::new(),
        parts: Vec::new(),
        labels: Vec::new(),
    }
}

fn full(now: Timestamp) -> Alert {
    let row = |whole: bool| AlertRow {
        stage: None,
        what: "IPv4 203.0.113.7".to_owned(),
        ends: whole.then_some(now),
        amount: whole.then(|| "2.65 USD".to_owned()),
        note: "short_funds: 2.65 USD needed".to_owned(),
    };
    Alert {
        account: Some(AccountName::from("yp")),
        severity: Severity::Warning,
        text: "text".to_owned(),
        actions: vec!["renewd plan".to_owned(), "top up".to_owned()],
        rows: (0..super::payload::MOST_ROWS + 2).map(|n| row(n % 2 == 0)).collect(),
        deadline: Some(now),
        once: false,
        ..bare()
    }
}

fn quiet(now: Timestamp) -> Digest {
    Digest {
        since: now,
        until: now,
        last_cycle: "no cycle yet".to_owned(),
        next_cycle: None,
        spent: Vec::new(),
        ahead: Vec::new(),
        days: 14,
        leaving: 0,
        standings: Vec::new(),
        open: Vec::new(),
        unsettled: Vec::new(),
        silences: Vec::new(),
        chain: None,
        held_back: Vec::new(),
    }
}

fn busy(now: Timestamp) -> Digest {
    let account = AccountName::from("yp");
    let usd = Currency::from("USD");
    let amount = Money::from_cents(265);
    let standing = |whole: bool| Standing {
        account: account.clone(),
        balance: whole.then(|| "2.65 USD".to_owned()),
        leases: 1,
        runway: "lasts".to_owned(),
        trouble: whole.then(|| "cannot be read".to_owned()),
    };
    Digest {
        next_cycle: Some(now),
        spent: [Money::ZERO, amount]
            .map(|unsettled| Spent {
                account: account.clone(),
                currency: usd.clone(),
                payments: 1,
                leases: 1,
                amount,
                unsettled,
            })
            .to_vec(),
        ahead: [Some(amount), None]
            .map(|amount| Ahead {
                day: jiff::civil::Date::constant(2026, 12, 3),
                account: account.clone(),
                leases: 2,
                amount,
                currency: Some(usd.clone()),
                unpriced: 1,
            })
            .to_vec(),
        leaving: 1,
        standings: vec![standing(true), standing(false)],
        open: vec![Open {
            key: "clock:*".to_owned(),
            severity: Severity::Urgent,
            since: now,
            title: "t".to_owned(),
        }],
        unsettled: vec![Unsettled {
            id: "p-000001".to_owned(),
            state: "unknown",
            account: account.clone(),
            amount: "2.65 USD".to_owned(),
        }],
        silences: vec!["clock:*".to_owned()],
        chain: Some(ChainHead { rows: 1, hash: [0; 32] }),
        held_back: vec!["clock:*".to_owned()],
        ..quiet(now)
    }
}
