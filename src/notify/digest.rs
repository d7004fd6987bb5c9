//! The digest: what renewd did since the last one, what is ahead, and what is open. Not responsible for collecting it or for
//! when it is due (`alerts::digest`).
use jiff::Timestamp;
use jiff::civil::Date;
use minijinja::{Value, context};

use super::payload::Payload;
use super::render::{colour, recipients};
use crate::domain::time::words;
use crate::domain::{AccountName, Alert, AlertKey, Currency, Money, Severity};
use crate::ledger::{ChainHead, Channel, QueuedMail};
use crate::notify::context::Letterhead;
use crate::settings::{self, Alerts, Format};

/// What was spent from one account in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spent {
    /// Whose.
    pub account: AccountName,
    /// In what.
    pub currency: Currency,
    /// Payments accepted or confirmed.
    pub payments: usize,
    /// Leases in them.
    pub leases: usize,
    /// What they cost: the charge, or the quote where the charge is not known.
    pub amount: Money,
    /// Quotes of payments whose outcome is not known; not in `amount`.
    pub unsettled: Money,
}

/// What falls due on one day in one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ahead {
    /// Which day, in the config's zone.
    pub day: Date,
    /// Whose.
    pub account: AccountName,
    /// How many leases.
    pub leases: usize,
    /// What they cost, as the forecast has it; `None` if no price is known.
    pub amount: Option<Money>,
    /// In what, if known.
    pub currency: Option<Currency>,
    /// Leases in `leases` that have no known price and are not in `amount`.
    pub unpriced: usize,
}

/// How an account stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Whose.
    pub account: AccountName,
    /// As last read, with its currency.
    pub balance: Option<String>,
    /// How many.
    pub leases: usize,
    /// How long the balance lasts, in words.
    pub runway: String,
    /// It could not be read, or spending is paused.
    pub trouble: Option<String>,
}

/// An open alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// Its identity.
    pub key: String,
    /// How bad.
    pub severity: Severity,
    /// Since when.
    pub since: Timestamp,
    /// One line.
    pub title: String,
}

/// A payment that waits for evidence or for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsettled {
    /// Its id.
    pub id: String,
    /// `unknown` or `needs_operator`.
    pub state: &'static str,
    /// Whose.
    pub account: AccountName,
    /// The quote with its currency.
    pub amount: String,
}

/// Everything that a digest tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// The end of the digest before it.
    pub since: Timestamp,
    /// Its own end.
    pub until: Timestamp,
    /// How the newest cycle went, in words.
    pub last_cycle: String,
    /// The next on the schedule.
    pub next_cycle: Option<Timestamp>,
    /// By account and currency.
    pub spent: Vec<Spent>,
    /// The next days, in order.
    pub ahead: Vec<Ahead>,
    /// How many days `ahead` looks.
    pub days: i64,
    /// Leases that end within those days and that no policy renews.
    pub leaving: usize,
    /// Every account.
    pub standings: Vec<Standing>,
    /// Open alerts, worst first.
    pub open: Vec<Open>,
    /// Payments without an outcome.
    pub unsettled: Vec<Unsettled>,
    /// Alerts kept quiet, in words.
    pub silences: Vec<String>,
    /// The newest link of the chain over payments; `None` before the first payment.
    pub chain: Option<ChainHead>,
    /// Alerts of which fewer mails were sent than there were occasions, in words.
    pub held_back: Vec<String>,
}

/// The messages of a digest, one per configured channel.
#[must_use]
pub fn render(alerts: &Alerts, letterhead: &Letterhead, digest: &Digest) -> Vec<QueuedMail> {
    let key = AlertKey::account("digest", "*");
    let title = title(digest);
    let written = letterhead.write("digest", &values(letterhead, digest));
    let mail = QueuedMail {
        channel: Channel::Mail,
        to: recipients(alerts, &routed(&key, &title)),
        message_id: letterhead.message_id(&format!("{key} {} {}", digest.since, digest.until)),
        key,
        occasion: "digest".to_owned(),
        severity: Severity::Info,
        title,
        subject: written.subject,
        text: written.text,
        html: written.html,
        incident: String::new(),
    };
    let payload = Payload { since: Some(digest.since), ..Payload::plain(&mail, letterhead) };
    let hears = |channel: &&settings::Channel| {
        // There it would be an incident.
        channel.format != Format::PagerDuty && channel.takes(&routed(&mail.key, &mail.title))
    };
    let named = alerts.channels.iter().filter(hears).map(|channel| Channel::Named(channel.name.clone()));
    let others = alerts.webhook.as_ref().map(|_| Channel::Webhook).into_iter().chain(named);
    let others: Vec<QueuedMail> = others.map(|channel| payload.queued(&mail, channel)).collect();
    alerts.email.as_ref().map(|_| mail.clone()).into_iter().chain(others).collect()
}

/// As routes see it: severity info, of no account.
fn routed(key: &AlertKey, title: &str) -> Alert {
    Alert {
        key: key.clone(),
        severity: Severity::Info,
        account: None,
        title: title.to_owned(),
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

fn counted(n: usize, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

fn title(d: &Digest) -> String {
    let leases: usize = d.spent.iter().map(|s| s.leases).sum();
    let renewed = if leases == 0 {
        "Nothing renewed".to_owned()
    } else {
        format!("{} renewed for {}", counted(leases, "lease"), totals(d).join(" and "))
    };
    let open = match d.open.len() {
        0 => "no open alerts".to_owned(),
        n => format!("{} open", counted(n, "alert")),
    };
    format!("{renewed}, {open}")
}

/// `82.15 USD`, one per currency.
fn totals(d: &Digest) -> Vec<String> {
    let mut sums: Vec<(&Currency, Money)> = Vec::new();
    for s in &d.spent {
        match sums.iter_mut().find(|(c, _)| *c == &s.currency) {
            Some((_, sum)) => *sum = sum.plus(s.amount).unwrap_or(*sum),
            None => sums.push((&s.currency, s.amount)),
        }
    }
    sums.into_iter().map(|(currency, sum)| format!("{sum} {currency}")).collect()
}

/// The values of the templates.
pub(super) fn values(letterhead: &Letterhead, d: &Digest) -> Value {
    let spent: Vec<Value> = d
        .spent
        .iter()
        .map(|s| {
            context! {
                account => s.account.as_str(),
                payments => s.payments,
                leases => s.leases,
                amount => format!("{} {}", s.amount, s.currency),
                unsettled => s.unsettled.is_positive().then(|| format!("{} {}", s.unsettled, s.currency)),
            }
        })
        .collect();
    let ahead: Vec<Value> = d.ahead.iter().map(ahead).collect();
    let standings: Vec<Value> = d
        .standings
        .iter()
        .map(|s| {
            context! {
                account => s.account.as_str(), balance => &s.balance, leases => s.leases, runway => &s.runway,
                trouble => &s.trouble,
            }
        })
        .collect();
    let open: Vec<Value> = d
        .open
        .iter()
        .map(|a| {
            context! {
                key => &a.key, severity => a.severity.as_str(), title => &a.title, since => letterhead.at(a.since),
                colour => colour("raised", a.severity),
            }
        })
        .collect();
    let unsettled: Vec<Value> = d
        .unsettled
        .iter()
        .map(|p| context! { id => &p.id, state => p.state, account => p.account.as_str(), amount => &p.amount })
        .collect();
    context! {
        occasion => "digest",
        severity => "info",
        account => (),
        title => title(d),
        text => format!("{} to {}", letterhead.at(d.since), letterhead.at(d.until)),
        deadline => (),
        since => letterhead.at(d.since),
        until => letterhead.at(d.until),
        span => words(d.until.duration_since(d.since)),
        last_cycle => &d.last_cycle,
        next_cycle => d.next_cycle.map(|at| letterhead.at(at)),
        spent, ahead, standings, open, unsettled,
        totals => totals(d),
        days => d.days,
        leaving => d.leaving,
        silences => &d.silences,
        held_back => &d.held_back,
        chain => d.chain.map(|head| context! { rows => head.rows, head => head.digits() }),
        colour => colour("digest", Severity::Info),
    }
}

fn ahead(a: &Ahead) -> Value {
    let currency = a.currency.as_ref().map(|c| format!(" {c}")).unwrap_or_default();
    let amount = a.amount.map(|amount| format!("{amount}{currency}"));
    let note = match (a.amount, a.unpriced) {
        (None, _) => Some("no price yet".to_owned()),
        (Some(_), 0) => None,
        (Some(_), n) => Some(format!("{n} of them without a price yet")),
    };
    context! { day => a.day.strftime("%a %-d %b").to_string(), account => a.account.as_str(), leases => a.leases, amount, note }
}
