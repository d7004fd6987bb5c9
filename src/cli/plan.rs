//! `renewd plan`: every lease with its decision, reason and price. Built without the part that spends.
use std::path::Path;
use std::sync::Arc;

use crate::cli::output;
use crate::cli::table::Narrow;
use crate::engine::approve::exact::Approved;
use crate::engine::approve::propose::fingerprint;
use crate::engine::{CycleReport, Learnt};
use crate::exit::Exit;
use crate::hex::hex;
use crate::ledger::{IDENTITY, Ledger, Notes};
use crate::planner::Item;
use crate::policy::{Decision, Stage, Word};
use crate::settings::Settings;
use crate::views::{
    Foresight, Fresh, ItemDoc, Plan, Totals, Warning, foresee_fresh, plan_file, value, warnings,
};

use super::context::{Context, Failure};
use super::target::Target;

pub(super) async fn plan(ctx: &Context, out: Option<&Path>) -> Result<Exit, Failure> {
    let ledger = ctx.reading()?;
    let identity = ledger.noted(IDENTITY)?;
    let viewer = ctx.viewer(Arc::clone(&ledger) as Arc<dyn Ledger>)?;
    let mut learnt = Learnt::default();
    let (report, written) = match out {
        None => {
            let (report, more) = viewer.preview_ahead().await?;
            learnt = more;
            (report, None)
        }
        Some(path) => {
            // A place that cannot be written to is told before anybody is asked.
            let target = Target::check(path)?;
            let (report, sets) = viewer.propose().await?;
            let approved = Approved {
                id: unique()?,
                made_at: report.started.wall,
                ledger: identity,
                config: fingerprint(&ctx.settings),
                sets,
            };
            let document = Plan::new(&report, &ctx.settings, false);
            target.write(&plan_file::write(&document, &approved))?;
            (report, Some(written(approved.sets.len(), path)))
        }
    };
    let fresh = Fresh { report: &report, learnt: Some(&learnt), all: true };
    let seen = foresee_fresh(ledger.as_ref(), &ctx.settings, ctx.now(), Some(&fresh))?;
    show(&report, &ctx.settings, ctx.json, Shown::Plan, ctx.now(), &seen);
    if let Some(text) = written {
        output::note(&text);
    }
    Ok(if report.needs_attention() { Exit::Attention } else { Exit::Done })
}

/// What the file is good for.
fn written(payments: usize, path: &Path) -> String {
    let file = path.display();
    match payments {
        0 => format!("nothing to pay: {file} holds no payment"),
        1 => format!("1 payment written to {file}; renewd apply {file} pays it, once"),
        n => format!("{n} payments written to {file}; renewd apply {file} pays them, once"),
    }
}

/// Sixteen random bytes of the system's.
fn unique() -> Result<String, Failure> {
    let mut bytes = [0_u8; 16];
    let got = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    match got {
        Ok(n) if n == bytes.len() => Ok(hex(&bytes)),
        Ok(_) => Err(Failure::failed("the system gave too few random bytes")),
        Err(e) => Err(Failure::failed(format!("the system gave no random bytes: {e}"))),
    }
}

/// What is shown of a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// Every lease, as it would be decided.
    Plan,
    /// Every lease, and what was done.
    All,
    /// What was done, and what needs attention.
    Done,
}

/// The plan as JSON, which always has every lease, or as tables.
pub(super) fn show(
    report: &CycleReport,
    settings: &Settings,
    json: bool,
    shown: Shown,
    now: jiff::Timestamp,
    seen: &Foresight,
) {
    if json {
        return output::json(
            &Plan::new(report, settings, shown != Shown::Plan).knowing(seen, &settings.policies),
        );
    }
    for account in &report.accounts {
        let balance =
            account.balance.as_ref().map_or("unknown".to_owned(), |b| format!("{} {}", b.amount, b.currency));
        let error = account.error().map(|e| format!(" · {e}")).unwrap_or_default();
        let never_read = account.leases == 0 && account.balance.is_none() && !error.is_empty();
        let known = if never_read {
            "not read yet".to_owned()
        } else {
            format!("{} leases, balance {balance}", account.leases)
        };
        output::line(&format!("{}: {known}{error}", account.account));
    }
    let items = match shown {
        Shown::Plan | Shown::All => report.every_item(settings),
        Shown::Done => report.items.iter().filter(|i| needs_a_look(i)).cloned().collect(),
    };
    if !items.is_empty() {
        output::line("");
        output::line(&items_table(&items, settings, now));
    }
    let totals = Totals::of(report);
    let amount = totals.amount.iter().map(|(c, m)| format!("{m} {c}")).collect::<Vec<_>>().join(" + ");
    let cost = if amount.is_empty() { String::new() } else { format!(" for {amount}") };
    output::line("");
    let leases: usize = report.accounts.iter().map(|a| a.leases).sum();
    let others = match leases.checked_sub(items.len()) {
        Some(n) if n > 0 && shown == Shown::Done => {
            format!("; {n} other leases need nothing (--all shows them)")
        }
        _ => String::new(),
    };
    output::line(&format!("{} to renew{cost}, {} held{others}", totals.renew, totals.hold));
    if let Some(why) = &report.clock_held {
        output::line(why);
    }
    report.clocks.values().for_each(|why| output::line(why));
    show_warnings(&warnings(seen, settings), now);
}

/// What was decided to be paid, is held, or waits although it is due.
fn needs_a_look(item: &Item) -> bool {
    match item.decision() {
        Decision::Renew | Decision::Hold => true,
        Decision::Wait => item.reason.word != Word::NotDue && item.stage >= Some(Stage::Normal),
        Decision::Watch | Decision::Release => item.stage >= Some(Stage::Normal),
        Decision::Ignore => false,
    }
}

/// What will stop renewals later, a line each.
pub(super) fn show_warnings(warnings: &[Warning], now: jiff::Timestamp) {
    for warning in warnings {
        let first = warning.first_end.map(|end| first_end(warning.leases, end, now));
        output::line(&format!("warning: {}{}", warning.text, first.unwrap_or_default()));
    }
}

/// When the first of some leases ends, or ended: one on hold has its end behind it.
fn first_end(leases: usize, end: jiff::Timestamp, now: jiff::Timestamp) -> String {
    let which = if leases == 1 { "it" } else { "the first" };
    let verb = if end < now { "ended" } else { "ends" };
    format!(" ({which} {verb} {})", output::away(end, now))
}

/// One line per lease.
pub(super) fn items_table(items: &[Item], settings: &Settings, now: jiff::Timestamp) -> String {
    let rows = items.iter().map(|item| item_row(item, settings, now));
    output::table(&item_head(settings), rows.collect(), &NARROW)
}

pub(super) const NARROW: Narrow<'static> =
    Narrow { goes: &["country", "kind", "policy", "stage", "price", "account"], wraps: &["reason"] };

/// The account is only told where there are several.
pub(super) fn item_head(settings: &Settings) -> Vec<&'static str> {
    let many = (settings.accounts.len() > 1).then_some("account");
    let rest = ["ip", "kind", "country", "ends", "stage", "decision", "price", "policy", "reason"];
    many.into_iter().chain(rest).collect()
}

pub(super) fn item_row(item: &Item, settings: &Settings, now: jiff::Timestamp) -> Vec<String> {
    let doc = ItemDoc::new(item, &settings.policies);
    let dash = || "-".to_owned();
    let many = (settings.accounts.len() > 1).then(|| doc.account.to_string());
    let rest = [
        if doc.ip.is_empty() { doc.lease.to_string() } else { doc.ip.clone() },
        doc.kind.to_string(),
        doc.country.clone().unwrap_or_else(dash),
        doc.expires_at.map_or("unreadable".to_owned(), |t| output::away(t, now)),
        doc.stage.map_or_else(dash, |s| s.as_str().to_owned()),
        doc.decision.as_str().to_owned(),
        doc.quote.as_ref().map_or_else(dash, |q| format!("{} {} / {}d", q.amount, q.currency, q.period_days)),
        doc.policy.clone().unwrap_or_else(dash),
        value(&doc.reason).as_str().unwrap_or_default().to_owned(),
    ];
    many.into_iter().chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    #[test]
    fn what_ended_is_not_said_to_end() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let said = |leases, hours| super::first_end(leases, now + SignedDuration::from_hours(hours), now);
        assert_eq!(said(2, 10 * 24), " (the first ends in 10d)");
        assert_eq!(said(1, 5), " (it ends in 5h)");
        assert_eq!(said(2, -2), " (the first ended 2h ago)");
    }
}
