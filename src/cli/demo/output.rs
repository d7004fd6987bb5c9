//! What the demo says while it runs: what is new in full, what is routine as one line a week. Not responsible for what happens.
use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};
use jiff::{SignedDuration, Timestamp};

use super::{DAYS, failed};
use crate::cli::context::Failure;
use crate::cli::demo::fixtures::{ACCOUNTS, CRAWL, PS};
use crate::cli::demo::tally::{Tally, sum};
use crate::cli::output;
use crate::clock::{Clock, VirtualClock};
use crate::domain::time::words;
use crate::domain::{AccountName, OrderState, State};
use crate::engine::{CycleReport, Viewer};
use crate::ledger::{IntentFilter, IntentRecord, Ledger, Purpose};
use crate::planner::Item;
use crate::policy::{Decision, Stage, Word};

/// Speaks, and remembers what was said.
pub(super) struct Voice {
    clock: Arc<VirtualClock>,
    start: Timestamp,
    bar: ProgressBar,
    /// What is told once.
    said: BTreeSet<String>,
    /// Until when the ledger was told.
    told: Timestamp,
}

impl Voice {
    pub(super) fn new(clock: Arc<VirtualClock>, start: Timestamp, json: bool) -> Self {
        Self { clock, start, bar: bar(json), said: BTreeSet::new(), told: start }
    }

    pub(super) fn say(&self, what: &str) {
        let line = format!("day {:>2}: {what}", self.day());
        if self.bar.is_hidden() { output::note(&line) } else { self.bar.println(line) }
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }

    fn day(&self) -> i64 {
        self.clock.now().wall.duration_since(self.start).as_hours() / 24
    }

    fn once(&mut self, key: String, what: &str) {
        if self.said.insert(key) {
            self.say(what);
        }
    }

    /// What one cycle did, once its mails are out.
    pub(super) fn cycle(
        &mut self,
        viewer: &Viewer,
        report: &CycleReport,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        self.bar.set_position(u64::try_from(self.day()).unwrap_or_default());
        self.bar.set_message(format!("{} cycles", tally.cycles));
        self.charges(report)?;
        for name in ACCOUNTS {
            self.going(name, report);
            self.steered(name, report);
            self.payments(name, report, tally)?;
            self.waiting(name, report, tally);
        }
        self.mails(viewer)
    }

    fn payments(&mut self, name: &str, report: &CycleReport, tally: &mut Tally) -> Result<(), Failure> {
        // The report has the newest first.
        let mine: Vec<&IntentRecord> =
            report.payments.iter().rev().filter(|p| p.request.account.as_str() == name).collect();
        // A plain yes says nothing more: what has words of its own and was charged all the same was settled within this very cycle.
        let at_once = |p: &IntentRecord| p.state == State::Confirmed && p.detail.message.is_some();
        for p in mine.iter().filter(|p| p.state == State::Unknown || at_once(p)) {
            self.say(&format!(
                "{name}: the connection broke while paying {} USD ({}): not paid again, renewd looks for evidence",
                p.quoted, p.id
            ));
            tally.lost.entry(name.to_owned()).or_default().push(p.id.to_string());
            if at_once(p) {
                self.settled(p);
            }
        }
        let (rescues, routine): (Vec<&IntentRecord>, Vec<&IntentRecord>) =
            mine.into_iter().partition(|p| p.policy == CRAWL);
        for p in rescues {
            self.say(&format!(
                "{name}: rescued {} for {} USD: auto-renewal switched off, read off, then renewed by renewd",
                orders(p),
                p.quoted
            ));
        }
        if !routine.is_empty() {
            let total = sum(routine.iter().map(|p| p.quoted))?;
            let what = if name == PS {
                let of: Vec<String> = routine.iter().map(|p| orders(p)).collect();
                format!(
                    "{} is on hold (this provider takes no renewal before the end): renewed for {total} USD",
                    of.join(", ")
                )
            } else {
                let leases = routine.iter().map(|p| p.request.leases.len()).sum();
                format!(
                    "{} due: price asked, then paid: {total} USD in {}",
                    count(leases, "lease"),
                    count(routine.len(), "payment")
                )
            };
            self.once(format!("first payment:{name}"), &format!("{name}: {what}"));
        }
        Ok(())
    }

    /// Terms that the provider charged by itself.
    fn charges(&mut self, report: &CycleReport) -> Result<(), Failure> {
        for record in &report.provider_charges {
            let what = format!(
                "{PS}: the provider renewed {} itself for {} USD: its new end shows it, the ledger has it as the provider's charge",
                orders(record),
                record.detail.charged.unwrap_or(record.quoted)
            );
            self.once("first charge".to_owned(), &what);
        }
        Ok(())
    }

    /// Switches of the provider's auto-renewal, alike ones in one line.
    fn steered(&self, name: &str, report: &CycleReport) {
        let mut alike: BTreeMap<(bool, &str), Vec<String>> = BTreeMap::new();
        for s in report.steered.iter().filter(|s| s.account.as_str() == name) {
            alike.entry((s.on, &s.why)).or_default().push(s.order.to_string());
        }
        for ((on, why), of) in alike.into_iter().rev() {
            let (switch, s) = (if on { "on" } else { "off" }, if of.len() == 1 { "" } else { "s" });
            self.say(&format!(
                "{name}: auto-renewal switched {switch} for order{s} {}: {why}",
                of.join(", ")
            ));
        }
    }

    fn waiting(&mut self, name: &'static str, report: &CycleReport, tally: &mut Tally) {
        let short: Vec<&Item> = report
            .items
            .iter()
            .filter(|i| i.lease.account.as_str() == name && i.reason.word == Word::ShortFunds)
            .collect();
        let most = tally.waited.entry(name).or_default();
        *most = short.len().max(*most);
        let (held, due): (Vec<&Item>, Vec<&Item>) =
            short.into_iter().partition(|i| i.lease.state == OrderState::OnHold);
        if !due.is_empty() {
            let n = count(due.len(), "lease");
            let what = format!(
                "{name}: money runs short: {n} held, the rest was saved by priority and end; a mail goes out"
            );
            self.once(format!("short:{name}"), &what);
        }
        for item in held {
            let left =
                item.gone_at.map(|at| words(at.duration_since(report.started.wall))).unwrap_or_default();
            let order = &item.lease.order;
            let what = format!(
                "{name}: order {order} is on hold: the provider could not renew it for lack of money. A mail says that it is gone in {left}"
            );
            self.once(format!("held:{order}"), &what);
        }
    }

    fn going(&mut self, name: &str, report: &CycleReport) {
        let going = report.items.iter().any(|i| {
            i.lease.account.as_str() == name
                && i.decision() == Decision::Release
                && i.stage >= Some(Stage::Normal)
        });
        if going {
            let what = if name == PS { "order" } else { "lease" };
            let what =
                format!("{name}: one {what} will be let go, as its policy says; a mail says so in time");
            self.once(format!("going:{name}"), &what);
        }
    }

    /// What was mailed about money: balances that will not last, and money that left without a payment.
    fn mails(&mut self, viewer: &Viewer) -> Result<(), Failure> {
        for alert in viewer.ledger.open_alerts()? {
            if alert.key.cause() == "runway" {
                let name = alert.account.as_ref().map(AccountName::as_str).unwrap_or_default();
                self.once(alert.key.to_string(), &format!("{name}: a mail warns early: {}", alert.title));
            }
        }
        for note in viewer.ledger.balance_notes(self.told)?.iter().filter(|n| n.unexplained.is_positive()) {
            let what = format!(
                "{}: a mail says that {} USD left the account without a payment of renewd's",
                note.account, note.unexplained
            );
            self.once(format!("note:{}", note.id), &what);
        }
        self.told = self.clock.now().wall;
        Ok(())
    }

    /// A payment whose outcome was unknown, once it is known.
    pub(super) fn settled(&self, record: &IntentRecord) {
        if record.state == State::Confirmed {
            let why = record.detail.evidence.clone().unwrap_or_default();
            self.say(&format!("{}: {} settled by evidence: {why}", record.request.account, record.id));
        }
    }

    /// The routine of a week, or of the last days, after the instant `told`: a line for all accounts.
    pub(super) fn routine(&self, ledger: &dyn Ledger, told: Timestamp, days: i64) -> Result<(), Failure> {
        let from = told.checked_add(SignedDuration::from_nanos(1)).map_err(failed)?;
        let mut parts = Vec::new();
        for name in ACCOUNTS {
            let filter = IntentFilter {
                since: Some(from),
                account: Some(name.into()),
                states: vec![State::Accepted, State::Confirmed],
                ..IntentFilter::default()
            };
            let (theirs, ours): (Vec<IntentRecord>, Vec<IntentRecord>) =
                ledger.intents(&filter)?.into_iter().partition(|r| r.purpose == Purpose::Provider);
            let noun = if name == PS { "order" } else { "lease" };
            for (by, records) in [("", ours), (" by the provider", theirs)] {
                let leases: usize = records.iter().map(|r| r.request.leases.len()).sum();
                if leases > 0 {
                    let total = sum(records.iter().map(|r| r.detail.charged.unwrap_or(r.quoted)))?;
                    parts.push(format!("{name} {}{by} for {total} USD", count(leases, noun)));
                }
            }
        }
        let when = if days == 7 {
            format!("week {}", (self.day() + 1) / 7)
        } else {
            format!("the last {days} days")
        };
        let what = if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") };
        self.say(&format!("{when} renewed {what}"));
        Ok(())
    }
}

fn bar(json: bool) -> ProgressBar {
    if json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("day {pos:>2}/{len} {bar:40} {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(u64::try_from(DAYS).unwrap_or_default()).with_style(style)
}

/// `1 lease`, `2 leases`.
pub(super) fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

/// The orders that a payment is for.
fn orders(record: &IntentRecord) -> String {
    let of: BTreeSet<&str> = record.request.leases.iter().map(|l| l.order.as_str()).collect();
    let of: Vec<&str> = of.into_iter().collect();
    format!("order {}", of.join(", "))
}
