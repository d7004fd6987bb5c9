//! The page of one lease: how it stands, its ends, what was paid for it, what it cost over time, why it gets its decision, and what people
//! were told of it. From the ledger alone, by its keys. Not responsible for deciding again.
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::bars::{WHOLE, percent, share};
use super::links::{Link, lease_link};
use super::needs::Need;
use super::payments::PaymentRow;
use crate::domain::{AccountName, LeaseId, Money, State};
use crate::ledger::{IntentRecord, Ledger, LedgerError, OfLease, PaymentQuery};
use crate::planner::Item;
use crate::policy::{Kept, Policies};
use crate::schedule;
use crate::settings::Settings;
use crate::views::moments::{Clockface, When, counted};
use crate::views::next::{Course, next_words, policy_words};
use crate::views::status::OpenAlert;
use crate::views::steps::{reckoned_end, shown, steps};
use crate::views::stored::{Stored, stored};
use crate::views::warnings::warnings_of;
use crate::views::{Foresight, approval_next, approval_step};

/// Payments that are shown of one lease.
const PAYMENTS: usize = 24;
/// For how long an alert that is over is shown.
const OVER: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The height of the line of prices, and the room above and below it.
const HIGH: u32 = 80;
const ROOM: u32 = 10;

/// The page.
#[derive(Debug, Clone, Serialize)]
pub struct LeasePage {
    /// Which zone its times are in.
    pub zone: String,
    /// Now.
    pub now: When,
    /// Its address, or its id where it has none.
    pub name: String,
    /// What it is: label and value.
    pub facts: Vec<(&'static str, String)>,
    /// `renew`, `wait`, ….
    pub decision: &'static str,
    /// Why, in words.
    pub why: String,
    /// What happens next.
    pub next: String,
    /// How old that is: label and instant.
    pub ages: Vec<(&'static str, When)>,
    /// It left its account's list.
    pub gone: Option<When>,
    /// The instants of its term, in their order: label and instant.
    pub ends: Vec<(&'static str, When)>,
    /// What will stop its renewal.
    pub warnings: Vec<String>,
    /// What it cost over time; null before its first payment.
    pub prices: Option<Prices>,
    /// Newest first.
    pub payments: Vec<PaymentRow>,
    /// There are older ones.
    pub more: bool,
    /// The reckoning: step and figure.
    pub steps: Vec<(String, String)>,
    /// Every policy, and whether it matches.
    pub policies: Vec<String>,
    /// What people were told of it: open ones first.
    pub alerts: Vec<Need>,
    /// The other leases of its order, where they are paid together.
    pub together: Vec<Link>,
}

/// What it cost over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Prices {
    /// From each payment to the next.
    pub lines: Vec<Line>,
    /// One for each payment, oldest first.
    pub points: Vec<Point>,
    /// The lowest and the highest.
    pub low: String,
    /// The highest.
    pub high: String,
    /// The first and the last day.
    pub first: When,
    /// The last.
    pub last: When,
    /// All of it in words.
    pub says: String,
}

/// A piece of the line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// From here.
    pub x1: String,
    /// From this height.
    pub y1: u32,
    /// To there.
    pub x2: String,
    /// To that height.
    pub y2: u32,
}

/// One payment on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Point {
    /// When, across.
    pub x: String,
    /// How dear.
    pub y: u32,
    /// What it says where one points at it.
    pub says: String,
}

/// The page of this lease; `None`: the ledger knows no such lease.
///
/// # Errors
/// The ledger's.
pub fn lease_page(
    ledger: &dyn Ledger,
    settings: &Settings,
    face: Clockface<'_>,
    (account, id): (&AccountName, &LeaseId),
) -> Result<Option<LeasePage>, LedgerError> {
    let found = stored(ledger, settings, face.now, id.as_str())?;
    let seen = &found.seen;
    let mine = |s: &&Stored| (&s.item.lease.account, &s.item.lease.id) == (account, id);
    let Some(this) = found.leases.iter().find(mine) else { return Ok(None) };
    let item = &this.item;
    let records = payments(ledger, item)?;
    let policies = settings.policies(face.now, seen);
    let plans = ledger.plans(None)?;
    let at = |t: Timestamp| format!("{} ({})", face.when(t).text, face.when(t).away);
    let away = |t: Timestamp| face.when(t).away;
    let cycle = schedule::of(settings)(face.now);
    let course = Course { policies: &settings.policies, seen, now: face.now, cycle };
    let next = approval_next(item, &plans, &at).unwrap_or_else(|| next_words(item, &course, (&at, &away)));
    let reckoning = steps(item, &settings.policies, seen, (face.now, face.zone));
    let reckoning = reckoning.into_iter().chain(approval_step(item, &settings.policies, &plans, face.zone));
    Ok(Some(LeasePage {
        zone: settings.timezone_name.clone(),
        now: face.when(face.now),
        name: name(item),
        facts: facts(item, settings),
        decision: item.decision().as_str(),
        why: item.reason.prose.clone(),
        next: next.strip_prefix("next: ").unwrap_or(&next).to_owned(),
        ages: ages(this, face),
        gone: this.left_list_at.map(|t| face.when(t)),
        ends: ends(item, settings, face),
        warnings: stops(item, seen, settings),
        prices: prices(&records, item, face),
        more: records.len() > PAYMENTS,
        payments: records.iter().take(PAYMENTS).map(|r| PaymentRow::new(r, face)).collect(),
        steps: reckoning.map(|s| (s.what.replace('_', " "), shown(&s.says, &at))).collect(),
        policies: matches(item, &policies),
        alerts: alerts(ledger, item, face)?,
        together: item
            .bundle
            .iter()
            .filter(|l| *l != id)
            .map(|l| lease_link(account, l, &seen.address(account, l)))
            .collect(),
    }))
}

fn name(item: &Item) -> String {
    if item.lease.ip.is_empty() { item.lease.id.to_string() } else { item.lease.ip.clone() }
}

fn payments(ledger: &dyn Ledger, item: &Item) -> Result<Vec<IntentRecord>, LedgerError> {
    let lease = &item.lease;
    let of =
        OfLease { id: lease.id.clone(), order: lease.order.clone(), ip: lease.ip.clone(), port: lease.port };
    let query =
        PaymentQuery { accounts: vec![lease.account.clone()], lease: Some(of), ..PaymentQuery::default() };
    ledger.payments(&query, None, PAYMENTS + 1)
}

/// What it is. Nothing that lets anybody use it is in the ledger.
fn facts(item: &Item, settings: &Settings) -> Vec<(&'static str, String)> {
    let lease = &item.lease;
    let policy = item.policy.map(|p| settings.policies[p].name.clone());
    let stage = item.stage.map(|s| s.as_str().to_owned());
    let port = lease.port.map(|p| p.to_string());
    [
        ("account", Some(lease.account.to_string())),
        ("order", Some(lease.order.to_string())),
        ("lease id", Some(lease.id.to_string())),
        ("port", port),
        ("kind", Some(lease.kind.to_string())),
        ("country", lease.country.clone()),
        ("operator", lease.operator.clone()),
        ("tag", lease.tag.clone()),
        ("labels", Some(item.labels.join(", "))),
        ("policy", policy),
        ("stage", stage),
    ]
    .into_iter()
    .filter_map(|(label, value)| Some((label, value.filter(|v| !v.is_empty())?)))
    .collect()
}

fn ages(this: &Stored, face: Clockface<'_>) -> Vec<(&'static str, When)> {
    let all = [("account last read", this.read_at), ("decided so since", this.decided_at)];
    all.into_iter().filter_map(|(label, at)| Some((label, face.when(at?)))).collect()
}

fn ends(item: &Item, settings: &Settings, face: Clockface<'_>) -> Vec<(&'static str, When)> {
    let policy = item.policy.map(|p| &settings.policies[p]);
    let urgent = policy.and_then(|p| Some(p.urgent_at(reckoned_end(item, p)?).max(item.due_at?)));
    let mut all: Vec<(&'static str, Timestamp)> = [
        ("first rented", item.lease.started_at),
        ("falls due", item.due_at),
        ("becomes urgent", urgent),
        ("ends", item.lease.expires_at),
        ("lost for good", item.gone_at),
    ]
    .into_iter()
    .filter_map(|(label, at)| Some((label, at?)))
    .collect();
    all.sort_by_key(|(_, at)| *at);
    all.into_iter().map(|(label, at)| (label, face.when(at))).collect()
}

fn stops(item: &Item, seen: &Foresight, settings: &Settings) -> Vec<String> {
    let lease = &item.lease;
    let these = |l: &crate::domain::LeaseView<'_>| l.id == lease.id.as_str() && l.account == &lease.account;
    warnings_of(seen, settings, &these).into_iter().map(|w| w.text).collect()
}

fn matches(item: &Item, policies: &Policies<'_>) -> Vec<String> {
    let subject = policies.subject(&item.lease);
    let kept = policies.kept(&item.lease).filter(|kept| !matches!(kept, Kept::Over(_)));
    let mut all: Vec<String> = policies
        .all
        .iter()
        .enumerate()
        .map(|(n, policy)| policy_words(n, policy, item, &subject, kept))
        .collect();
    if item.policy.is_none() && kept.is_none() {
        all.push("no policy matches: the lease is watched, and nobody renews it".to_owned());
    }
    all
}

/// Open alerts about it, and those that were over within the last days.
fn alerts(ledger: &dyn Ledger, item: &Item, face: Clockface<'_>) -> Result<Vec<Need>, LedgerError> {
    let lease = &item.lease;
    let about = |a: &crate::ledger::OpenAlert| {
        a.account.as_ref() == Some(&lease.account) && a.leases.contains(&lease.id)
    };
    let silences = ledger.silences(face.now)?;
    let of = |alert: crate::ledger::OpenAlert| {
        let shown = OpenAlert::of(alert.clone(), &silences);
        Need {
            leases: Vec::new(),
            more: 0,
            ..Need::of_alert(&shown, Some(&alert), face, &|_, _| String::new())
        }
    };
    let open = ledger.open_alerts()?.into_iter().filter(about).map(of);
    let since = face.now.checked_sub(OVER).unwrap_or(Timestamp::MIN);
    let over = ledger.ended_alerts(since)?.into_iter().filter(about);
    let over = over.map(|alert| Need { mark: " (over)", commands: Vec::new(), ..of(alert) });
    Ok(open.chain(over).collect())
}

/// What its terms cost, a point for each confirmed payment. Of a payment for several leases it is this one's share.
fn prices(records: &[IntentRecord], item: &Item, face: Clockface<'_>) -> Option<Prices> {
    let paid = records.iter().take(PAYMENTS).filter(|r| r.state == State::Confirmed);
    let mut all: Vec<(Timestamp, Money, String)> = paid
        .filter_map(|r| {
            let seq = r.request.leases.iter().position(|l| l.is_lease(&item.lease))?;
            let shares = r.detail.charged.unwrap_or(r.quoted).shares(r.request.leases.len());
            Some((
                r.created_at.wall,
                *shares.get(seq)?,
                format!("{} for {}", r.currency, counted(r.request.period_days, "day")),
            ))
        })
        .collect();
    all.reverse();
    let ((first, ..), (last, now, _)) = (all.first()?, all.last()?);
    let low = all.iter().map(|(_, price, _)| *price).min()?;
    let high = all.iter().map(|(_, price, _)| *price).max()?;
    let across = |at: Timestamp| {
        let (span, into) = (last.as_second() - first.as_second(), at.as_second() - first.as_second());
        let part = if span > 0 { into * i64::from(WHOLE - 400) / span } else { i64::from(WHOLE) / 2 - 200 };
        200 + u32::try_from(part).unwrap_or_default()
    };
    // From nothing to the highest: a rise of a cent must not look like a cliff.
    let up = |price: Money| ROOM + HIGH - HIGH * share(price, high) / WHOLE;
    let points: Vec<Point> = all
        .iter()
        .map(|(at, price, of)| Point {
            x: percent(across(*at)),
            y: up(*price),
            says: format!("{}: {price} {of}", face.when(*at).text),
        })
        .collect();
    let line =
        |pair: &[Point]| Line { x1: pair[0].x.clone(), y1: pair[0].y, x2: pair[1].x.clone(), y2: pair[1].y };
    let says = match all.len() {
        1 => format!("One payment of {now}."),
        n if low == high => format!("{n} payments of {now} each."),
        n => format!("{n} payments between {low} and {high}, the last of {now}."),
    };
    Some(Prices {
        lines: points.windows(2).map(line).collect(),
        points,
        low: low.to_string(),
        high: high.to_string(),
        first: face.when(*first),
        last: face.when(*last),
        says,
    })
}
