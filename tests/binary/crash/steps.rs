//! What each step of a run was, in words: of a commit, the ledger's method that wrote what it brought; of a request, the
//! provider's call. Everything is derived from the shim's log. Not responsible for what is done at a step (`drive`).
use std::collections::BTreeSet;

use renewd::simulator::{Kind, proxyseller, proxyshard, px6, youproxy};

use crate::crash::facts::{self, Event, Facts};
use crate::crash::log::{Files, Record, WAL};
use crate::crash::stage::KEY;

/// Commits or requests; their numbers count from 1 within a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    Commit,
    Send,
}

impl Class {
    pub fn word(self) -> &'static str {
        if self == Self::Commit { "commit" } else { "send" }
    }
}

impl Step {
    /// Mails and the webhook leave side by side: their steps come in any order.
    pub fn is_delivery(&self) -> bool {
        ["mail_delivered", "mails_failed", "left_for", "POST /hook"].contains(&self.name.as_str())
    }
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub class: Class,
    pub number: u64,
    /// `reserve`, `append (accepted)`, `POST Extend`.
    pub name: String,
    /// The request charges.
    pub money: bool,
    /// It is on the path of a payment, a change or a message: not a fact about the world or the cycle.
    pub changes: bool,
    /// Index of the record that ended it: the sync of a commit, the first bytes of a request.
    pub at: usize,
    /// Every event of every payment after that; of commits only.
    pub events: BTreeSet<Event>,
}

/// How the names of commits begin that are more than a fact about the world or the cycle.
const PATH: [&str; 16] = [
    "propose",
    "say_of_plan",
    "reserve",
    "start_spend",
    "start_purchase",
    "append",
    "split",
    "add_read",
    "record_order",
    "record_provider_charge",
    "begin_change",
    "end_change",
    "apply_alerts",
    "mail",
    "left_for",
    "queue_report",
];

/// The steps of one run, in their order. `files` are those before it, and after it when this returns; `facts` likewise.
pub fn of_run(records: &[Record], files: &mut Files, facts: &mut Facts) -> Vec<Step> {
    let mut steps = Vec::new();
    let (mut commits, mut sends) = (0, 0);
    for (at, r) in records.iter().enumerate() {
        files.apply(r);
        if r.death {
            continue;
        }
        if let Some((method, target)) = r.request().filter(|_| r.send > sends) {
            sends = r.send;
            let (name, money) = call(method, target);
            let changes = changing_calls().contains(&name) || name.ends_with("/hook");
            let events = BTreeSet::new();
            steps.push(Step { class: Class::Send, number: sends, name, money, changes, at, events });
        }
        if r.op == "fsync" && r.name == WAL && r.commit > commits {
            commits = r.commit;
            let now = facts::read(files);
            let name = facts::method(facts, &now);
            let changes = PATH.iter().any(|word| name.starts_with(word));
            let events = now.events();
            *facts = now;
            steps.push(Step {
                class: Class::Commit,
                number: commits,
                name,
                money: false,
                changes,
                at,
                events,
            });
        }
    }
    steps
}

/// What the commit of this number was; `None` for number 0. `files` are those before the run.
pub fn commit_of_run(records: &[Record], files: &mut Files, number: u64) -> Option<String> {
    let mut before = (number == 1).then(|| facts::read(files));
    for r in records {
        files.apply(r);
        if r.op == "fsync" && r.name == WAL && r.commit + 1 == number {
            before = Some(facts::read(files));
        }
        if r.op == "fsync" && r.name == WAL && r.commit == number && number > 0 {
            let before = before.unwrap_or_default();
            return Some(facts::method(&before, &facts::read(files)));
        }
    }
    None
}

/// The provider's name for a call, and whether it charges.
fn call(method: &str, target: &str) -> (String, bool) {
    let path = target.split('?').next().unwrap_or(target);
    if let Some(rest) = path.strip_prefix(&format!("/personal/api/v2/{KEY}/"))
        && let Some((e, _)) = proxyseller::Endpoint::find(method, rest)
    {
        return (format!("Proxy-Seller {method} {e:?}"), e.is_money());
    }
    if let Some(rest) = path.strip_prefix(&format!("/api/{KEY}"))
        && let Some(e) = px6::Endpoint::find(rest.trim_matches('/'))
    {
        return (format!("px6 {method} {e:?}"), e.is_money());
    }
    if let Some(rest) = path.split(&format!("/{KEY}/")).nth(1)
        && let Some(e) = youproxy::Endpoint::find(method, rest)
    {
        return (format!("YouProxy {method} {e:?}"), Kind::is_money(e));
    }
    let fits = |e: &proxyshard::Endpoint| e.method() == method && template(e.template(), path);
    // The template with the fewest variables: `/orders/calculate` is no order.
    let found = proxyshard::Endpoint::ALL.into_iter().filter(fits).min_by_key(|e| e.template().contains('{'));
    match found {
        Some(e) => (format!("ProxyShard {method} {e:?}"), e.is_money()),
        None => (format!("{method} {path}"), false),
    }
}

fn template(template: &str, path: &str) -> bool {
    let (wanted, given) = (template.split('/'), path.split('/'));
    wanted.clone().count() == given.clone().count()
        && wanted.zip(given).all(|(w, g)| w == g || w.starts_with('{'))
}

/// Every call of the providers that changes something there, as [`Step::name`] spells it. renewd never gives px6's proxies another
/// description.
pub fn changing_calls() -> Vec<String> {
    let you = youproxy::Endpoint::ALL.into_iter().filter(|e| !Kind::is_read(*e) && !Kind::is_quote(*e));
    let shard = proxyshard::Endpoint::ALL.into_iter().filter(|e| !e.is_read() && !e.is_quote());
    let seller = proxyseller::Endpoint::ALL.into_iter().filter(|e| !Kind::is_read(*e) && !e.is_quote());
    let px6 = px6::Endpoint::ALL.into_iter().filter(|e| e.is_money());
    you.map(|e| format!("YouProxy {} {e:?}", e.method()))
        .chain(shard.map(|e| format!("ProxyShard {} {e:?}", e.method())))
        .chain(seller.map(|e| format!("Proxy-Seller {} {e:?}", e.method())))
        .chain(px6.map(|e| format!("px6 GET {e:?}")))
        .collect()
}
