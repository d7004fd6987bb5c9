//! The reckoning behind a lease's decision, step by step: from its end to its due instant, when its windows open, its price against the caps,
//! the budgets that it counts in, and payments of it that are still open. For `explain`, for people and as JSON.
//!
//! Not responsible for deciding: each step shows a figure that the plan used, or that the forecast has.
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::budget::{Budget, has_one};
use crate::domain::Money;
use crate::domain::time::{told, words};
use crate::ledger::IntentRecord;
use crate::planner::{Item, PaidBy};
use crate::policy::{Action, Policy, Stage, before, delay, due_at};

use super::Foresight;

/// One figure, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The word in JSON and for people.
    pub what: &'static str,
    /// The figure.
    pub says: Says,
}

/// A figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says {
    /// In words.
    Text(String),
    /// An instant.
    At(Timestamp),
    /// A span: seconds in JSON.
    Span(SignedDuration),
    /// Windows in words, and the next instant at which one opens, where none is open.
    Windows(String, Option<Timestamp>),
}

/// A step as a document.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct StepDoc {
    /// The word of the figure, such as `due` or `max_price`.
    pub what: &'static str,
    /// The figure.
    pub value: Figure,
    /// Only of `window`: the next instant at which one opens; null while one is open, or where none ever opens again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opens_at: Option<Option<Timestamp>>,
}

/// A figure as JSON has it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Figure {
    /// An instant.
    At(Timestamp),
    /// A span, in seconds.
    Seconds(i64),
    /// In words.
    Text(String),
}

impl Step {
    /// One in words.
    pub fn text(what: &'static str, text: impl Into<String>) -> Self {
        Self { what, says: Says::Text(text.into()) }
    }

    /// `{what, value}`, and of windows `opens_at`: null while one is open, or where none ever opens again.
    #[must_use]
    pub fn document(&self) -> StepDoc {
        let (value, opens_at) = match &self.says {
            Says::Text(text) => (Figure::Text(text.clone()), None),
            Says::At(at) => (Figure::At(*at), None),
            Says::Span(span) => (Figure::Seconds(span.as_secs()), None),
            Says::Windows(text, opens) => (Figure::Text(text.clone()), Some(*opens)),
        };
        StepDoc { what: self.what, value, opens_at }
    }
}

/// The steps of one lease, in the order in which they are reckoned.
#[must_use]
pub fn steps(
    item: &Item,
    policies: &[Policy],
    seen: &Foresight,
    (now, zone): (Timestamp, &TimeZone),
) -> Vec<Step> {
    let mut steps: Vec<Step> = kept(item, policies, seen, (now, zone)).into_iter().collect();
    match item.policy.map(|p| &policies[p]) {
        Some(policy) => {
            term(item, policy, &mut steps);
            if policy.action == Action::Renew {
                steps.extend(windows(item, policy, now));
                prices(item, policy, seen, &mut steps);
                budgets(item, policy, seen, &mut steps);
            }
        }
        None => steps.extend(item.lease.expires_at.map(|at| Step { what: "end", says: Says::At(at) })),
    }
    if let Some(at) = item.lease.started_at {
        steps.push(Step { what: "started", says: Says::At(at) });
        steps.push(Step { what: "age", says: Says::Span(now.duration_since(at)) });
    }
    steps.push(last_price(item, seen));
    if !item.labels.is_empty() {
        steps.push(Step::text("labels", item.labels.join(", ")));
    }
    steps.push(open_payments(item, seen, zone));
    steps
}

/// The end that the due instant was reckoned from: the lease's own, or the earliest of its order.
#[must_use]
pub fn reckoned_end(item: &Item, policy: &Policy) -> Option<Timestamp> {
    let (due, own) = (item.due_at?, item.lease.term_end()?);
    let lead = own.duration_since(due_at(policy, item.lease.order.as_str(), own));
    due.checked_add(lead).ok()
}

/// Whether an operator keeps it like another policy than its own.
fn kept(
    item: &Item,
    policies: &[Policy],
    seen: &Foresight,
    (now, zone): (Timestamp, &TimeZone),
) -> Option<Step> {
    let keep = seen.kept.of(&item.lease.view())?;
    let like = policies.iter().find(|p| p.name == keep.like);
    let then = match like {
        _ if keep.is_over(like.map(|p| &p.timezone), item.lease.term_end(), now) => {
            "; that is over: its own policy decides"
        }
        None => "; the config has no such policy",
        Some(_) => "",
    };
    Some(Step::text("kept", format!("{}, said {}{then}", keep.words(), told(keep.since, zone))))
}

fn term(item: &Item, policy: &Policy, steps: &mut Vec<Step>) {
    let at = |what, at| Step { what, says: Says::At(at) };
    let span = |what, span| Step { what, says: Says::Span(span) };
    let Some((end, due)) = reckoned_end(item, policy).zip(item.due_at) else {
        steps.push(Step::text("end", "not known"));
        return;
    };
    if item.lease.term_end().is_some_and(|own| own != end) {
        steps.push(Step::text("order", "paid whole: its earliest end counts"));
    }
    steps.push(at("end", end));
    steps.push(span("before", before(policy, end)));
    let late = delay(policy, item.lease.order.as_str());
    if !policy.spread.is_zero() && policy.action == Action::Renew {
        steps.push(span("spread", late));
    }
    steps.push(at("due", due));
    steps.push(at("urgent", policy.urgent_at(end).max(due)));
    if let Some(until) = policy.until {
        let says = if policy.is_past_until(end) { "its end is on or after that day" } else { "not reached" };
        steps.push(Step::text("until", format!("{until}: {says}")));
    }
}

fn windows(item: &Item, policy: &Policy, now: Timestamp) -> Option<Step> {
    let windows = policy.window.as_ref()?;
    let zone = policy.timezone.iana_name().unwrap_or("UTC");
    let ignored = match (item.stage, item.paid_by) {
        (Some(Stage::Urgent | Stage::Rescue), _) => ": ignored in this stage",
        (_, PaidBy::Provider) => ": the provider pays, which knows no window",
        _ => "",
    };
    let opens = if policy.is_open(now) { None } else { policy.opens(now) };
    Some(Step {
        what: "window",
        says: Says::Windows(format!("{} ({zone}){ignored}", windows.as_str()), opens),
    })
}

fn prices(item: &Item, policy: &Policy, seen: &Foresight, steps: &mut Vec<Step>) {
    let lease = &item.lease;
    let known = seen.accounts.iter().find(|k| k.account.name == lease.account);
    let last = known.and_then(|k| k.last_price(&lease.id));
    let asked = item.quote.as_ref();
    steps.push(Step::text(
        "price",
        match (asked, last) {
            (Some(quote), _) => format!("{} {} for {} days", quote.amount, quote.currency, quote.period_days),
            (None, Some(last)) => format!("{last} last time; not asked for this term"),
            (None, None) => "not known".to_owned(),
        },
    ));
    let price = asked.map(|quote| quote.amount).or(last);
    if let Some(cap) = policy.max_price {
        steps.push(Step::text("max_price", against(price, cap)));
    }
    if let Some(jump) = policy.max_price_jump {
        let last =
            last.map_or("no last price is known".to_owned(), |last| format!("the last price was {last}"));
        steps.push(Step::text("max_price_jump", format!("{jump} more a day at most; {last}")));
    }
}

/// What its last term cost, for how long: what `min_last_price` and `max_last_price` look at.
fn last_price(item: &Item, seen: &Foresight) -> Step {
    let known = seen.accounts.iter().find(|k| k.account.name == item.lease.account);
    let last = known.and_then(|k| k.last_paid(&item.lease.id));
    let text = last.map_or("not known".to_owned(), |last| {
        format!("{} {} for {} days", last.amount, last.currency, last.period_days)
    });
    Step::text("last_price", text)
}

fn against(price: Option<Money>, cap: Money) -> String {
    match price {
        Some(price) if price > cap => format!("{cap}: {price} is over it"),
        Some(price) => format!("{cap}: {price} is within it"),
        None => format!("{cap}: no price is known to hold against it"),
    }
}

fn budgets(item: &Item, policy: &Policy, seen: &Foresight, steps: &mut Vec<Step>) {
    let account = &item.lease.account;
    let known = seen.accounts.iter().find(|k| &k.account.name == account);
    let Some(currency) = known.and_then(|k| k.facts.as_ref()?.currency.as_ref()) else { return };
    let counts = |b: &Budget| {
        b.counts(account, &policy.name, currency) && (b.labels.is_empty() || has_one(&item.labels, &b.labels))
    };
    for (budget, spent) in seen.budgets.iter().filter(|(b, _)| counts(b)) {
        let left = budget.limit.minus(*spent).filter(|left| left.is_positive()).unwrap_or_default();
        let text = format!(
            "`{}`: {spent} of {} {currency} per {} counted, {left} left",
            budget.name,
            budget.limit,
            budget.per.as_str()
        );
        steps.push(Step::text("budget", text));
    }
}

fn open_payments(item: &Item, seen: &Foresight, zone: &TimeZone) -> Step {
    let known = seen.accounts.iter().find(|k| k.account.name == item.lease.account);
    let open = known.map(|k| k.open_payments(&item.lease)).unwrap_or_default();
    let one = |r: &&IntentRecord| format!("{} is {}{}", r.id, r.state, approved(r, zone));
    let all: Vec<String> = open.iter().map(one).collect();
    Step::text("open_payments", if all.is_empty() { "none".to_owned() } else { all.join(", ") })
}

/// By whose word it was made, where its policy asks.
fn approved(record: &IntentRecord, zone: &TimeZone) -> String {
    record.approved.as_ref().map_or_else(String::new, |a| format!(", approved {}", a.words(zone)))
}

/// A figure as people read it; `at` shows an instant.
#[must_use]
pub fn shown(says: &Says, at: &dyn Fn(Timestamp) -> String) -> String {
    match says {
        Says::Text(text) => text.clone(),
        Says::At(instant) => at(*instant),
        Says::Span(span) => words(*span),
        Says::Windows(text, Some(opens)) => format!("{text}; opens {}", at(*opens)),
        Says::Windows(text, None) => text.clone(),
    }
}
