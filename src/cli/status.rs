//! `renewd status`: how renewd stands, from the ledger alone.
use jiff::Timestamp;

use crate::alerts::ledger_outage;
use crate::daemon::shots;
use crate::domain::time::words;
use crate::engine::{lifted_by, paid_elsewhere, short};
use crate::exit::Exit;
use crate::ledger::{Cycles, named, obstacle};
use crate::nodes::Role;
use crate::schedule;
use crate::views;
use crate::views::{Around, KeptLease, LedgerTrouble, Runway, Status, last_cycle_words};

use super::context::{Context, Failure};
use super::output;
use super::table::{AS_IT_IS, Narrow};

pub(super) fn status(ctx: &mut Context) -> Result<Exit, Failure> {
    let ledger = ctx.known_reading()?;
    let ctx = &*ctx;
    let now = ctx.clock.now();
    let trouble = ledger_trouble(ctx);
    // Whoever runs cycles by a timer of his own keeps to no schedule of the config; a config that cannot be used tells none.
    let scheduled = ctx.config_is_good && !shots::by_commands(ledger.as_ref())?;
    let cron = schedule::of(&ctx.settings);
    let next = |after| scheduled.then(|| cron(after)).flatten();
    let elsewhere = paid_elsewhere(&ctx.settings, ledger.as_ref())?;
    let node = named(&ctx.settings.state_dir);
    let around = Around { next: &next, ledger: trouble.clone(), elsewhere, node };
    let status = views::status(ledger.as_ref(), &ctx.settings, &now, &around)?;
    if ctx.json {
        output::json(&status);
    } else {
        let lift = lifted_by(&ledger.paused(&now)?, None);
        show(&status, trouble.as_ref(), lift.as_deref(), ctx);
    }
    Ok(Exit::Done)
}

/// What keeps the ledger from being written, as the disk says, or as the daemon told people.
fn ledger_trouble(ctx: &Context) -> Option<LedgerTrouble> {
    let dir = &ctx.settings.state_dir;
    let (told, obstacle) = (
        ledger_outage::told(dir),
        if ctx.site.is_served() { None } else { obstacle(&dir.join("ledger.db")) },
    );
    let why = obstacle.or_else(|| told.map(|_| "see the log".to_owned()))?;
    Some(LedgerTrouble { since: told, why })
}

/// Health in one line: what a ledger that nobody wrote to for long says is no news of how things stand.
fn standing(status: &Status, trouble: Option<&LedgerTrouble>, lift: Option<&str>, ctx: &Context) -> String {
    if let Some(trouble) = trouble {
        return format!("renewd needs attention: {}", trouble.words(&ctx.settings.timezone));
    }
    let Some(last) = &status.last_cycle else { return "renewd has not run yet".to_owned() };
    if let Some(due) = status.overdue_since {
        let (due, stood) =
            (output::at(Some(due), &ctx.settings.timezone), words(ctx.now().duration_since(last.started_at)));
        return format!(
            "renewd needs attention: no cycle ended since one was due at {due}, the last began {stood} ago (systemctl status renewd)"
        );
    }
    if !ctx.config_is_good && status.paused.is_empty() {
        return "renewd needs attention: the config cannot be used, so what is due and how long the money lasts is not known"
            .to_owned();
    }
    match (status.healthy, status.paused.is_empty()) {
        (true, _) => "renewd is healthy",
        (false, true) => "renewd needs attention",
        (false, false) => {
            let lift = lift.unwrap_or("renewd resume");
            return format!("renewd needs attention: spending is paused ({lift})");
        }
    }
    .to_owned()
}

/// How long a balance lasts.
fn runway(runway: &Runway, now: Timestamp) -> String {
    match (&runway.until, runway.top_up_by) {
        (Some(_), Some(by)) if by <= now => format!("{}; top up now", runway.text),
        (Some(day), Some(by)) => {
            format!("until {day}; {}; top up {}", runway.text, output::away(by, now))
        }
        _ => runway.text.clone(),
    }
}

/// Whose programs are at work.
fn show_programs(status: &Status) {
    for account in &status.accounts {
        if let Some(digest) = &account.program_digest {
            let checked = if account.program_checked == Some(true) { "has passed" } else { "has not passed" };
            output::line(&format!(
                "account {} is read by a program: digest {}; it {checked} renewd provider check",
                account.account,
                short(digest)
            ));
        }
    }
}

fn show(status: &Status, trouble: Option<&LedgerTrouble>, lift: Option<&str>, ctx: &Context) {
    let now = ctx.now();
    output::line(&standing(status, trouble, lift, ctx));
    show_role(status.role);
    if status.last_cycle.is_some() {
        output::line(&format!("last cycle: {}", last_cycle_words(status, now)));
    }
    if let Some(next) = status.next_cycle_at {
        output::line(&format!(
            "next on the schedule: {} (while `renewd run` is up)",
            output::away(next, now)
        ));
    }
    if status.next_cycle_at.is_none() && status.last_cycle.is_some() && ctx.config_is_good {
        output::line(
            "the last cycles were made by commands, not by the daemon: when the next one comes is not known here",
        );
    }
    for pause in &status.pauses {
        let what = if pause.account == "*" { "every account" } else { &pause.account };
        let at = |t| output::at(Some(t), &ctx.settings.timezone);
        output::line(&format!(
            "spending is paused: {what}, since {}{}",
            at(pause.since),
            pause.words(|until| format!("{} ({})", at(until), output::away(until, now)))
        ));
    }
    show_kept(&status.keeps);
    for account in &status.second_renewd {
        output::line(&format!(
            "second_renewd: another renewd on this machine, with a ledger of its own, pays with the key of account {account}; this one pays nothing with it"
        ));
    }
    show_programs(status);
    output::line("");
    show_accounts(status, now);
    show_budgets(status);
    output::line("");
    output::line(&format!(
        "payments: {} unknown, {} need your decision",
        status.unknown, status.needs_operator
    ));
    show_waiting(status, ctx);
    super::plan::show_warnings(&status.warnings, now);
    show_quiet(status, now);
    if status.open_alerts.is_empty() {
        output::line("no open alerts");
        return;
    }
    let rows = status.open_alerts.iter().map(|a| {
        vec![
            a.severity.as_str().to_owned(),
            output::away(a.since, now),
            a.key.clone(),
            format!("{}{}", a.text, a.mark()),
        ]
    });
    let narrow = Narrow { goes: &["since", "severity"], wraps: &["what"] };
    output::line(&output::table(&["severity", "since", "alert", "what"], rows.collect(), &narrow));
}

fn show_role(role: Role) {
    match role {
        Role::Single => {}
        Role::Active => output::line("active: this node holds the pay lease"),
        Role::Standby => output::line("standby: this node does not hold the pay lease"),
    }
}

/// What waits for an operator's word, with the command to type.
fn show_waiting(status: &Status, ctx: &Context) {
    if status.waiting_approval.is_empty() {
        return;
    }
    let now = ctx.now();
    let at = |t| format!("{} ({})", output::at(Some(t), &ctx.settings.timezone), output::away(t, now));
    let rows = status.waiting_approval.iter().map(|w| {
        let by = if now < w.deadline {
            at(w.deadline)
        } else {
            format!("urgent; too late at {}", at(w.valid_until))
        };
        vec![
            w.plan.clone(),
            w.account.to_string(),
            w.policy.clone(),
            w.leases.to_string(),
            format!("{} {}", w.amount, w.currency),
            by,
        ]
    });
    let narrow = Narrow { goes: &["policy", "leases"], wraps: &["by"] };
    let head = ["waits for approval", "account", "policy", "leases", "amount", "by"];
    output::line(&output::table(&head, rows.collect(), &narrow));
    output::line("renewd approve PLAN lets the next cycle pay it, renewd reject PLAN does not");
}

fn show_accounts(status: &Status, now: Timestamp) {
    let dash = || "-".to_owned();
    let rows = status.accounts.iter().map(|a| {
        vec![
            a.account.to_string(),
            match a.reachable {
                Some(true) => "ok".to_owned(),
                Some(false) => "down".to_owned(),
                None => "not read yet".to_owned(),
            },
            a.balance.map_or_else(dash, |b| {
                format!("{b} {}", a.currency.as_ref().map(ToString::to_string).unwrap_or_default())
            }),
            if a.leases == 0 && a.balance.is_none() { dash() } else { a.leases.to_string() },
            a.next_due_at.map_or_else(dash, |t| output::away(t, now)),
            a.runway.as_ref().map_or_else(dash, |r| runway(r, now)),
        ]
    });
    output::line(&output::table(
        &["account", "state", "balance", "leases", "next due", "runway"],
        rows.collect(),
        &Narrow { goes: &["leases", "next due"], wraps: &["runway"] },
    ));
}

/// What nobody hears of: mail that waits, alerts that are silenced.
fn show_quiet(status: &Status, now: jiff::Timestamp) {
    if let Some(oldest) = status.mails.oldest_at {
        let waiting = match status.mails.waiting {
            1 => "1 mail is".to_owned(),
            n => format!("{n} mails are"),
        };
        output::line(&format!(
            "{waiting} not delivered yet, the oldest queued {}",
            output::away(oldest, now)
        ));
    }
    for line in status.hooks.iter().filter_map(|hook| hook.words(|since| output::away(since, now))) {
        output::line(&line);
    }
    for refused in &status.mails.refused {
        output::line(&format!("mail to {} is refused: {}", refused.address, refused.why));
    }
    match status.mails.aside {
        0 => {}
        1 => output::line("1 message cannot be sent and was put aside"),
        n => output::line(&format!("{n} messages cannot be sent and were put aside")),
    }
    if !status.silences.is_empty() {
        let rows =
            status.silences.iter().map(|s| vec![s.key.as_str().to_owned(), output::away(s.until, now)]);
        output::line(&output::table(&["silenced", "until"], rows.collect(), &AS_IT_IS));
    }
}

fn show_budgets(status: &Status) {
    if status.budgets.is_empty() {
        return;
    }
    let rows = status.budgets.iter().map(|b| {
        vec![
            b.name.clone(),
            b.per.to_owned(),
            format!("{} {}", b.limit, b.currency),
            b.spent.to_string(),
            b.reserved.to_string(),
            b.left.to_string(),
        ]
    });
    output::line("");
    let narrow = Narrow { goes: &["per", "reserved", "spent"], wraps: &[] };
    output::line(&output::table(
        &["budget", "per", "limit", "spent", "reserved", "left"],
        rows.collect(),
        &narrow,
    ));
}

/// So many leases are named that are kept; the others are counted.
const KEPT_SHOWN: usize = 10;

fn show_kept(keeps: &[KeptLease]) {
    for keep in keeps.iter().take(KEPT_SHOWN) {
        let what = if keep.ip.is_empty() { keep.lease.as_str() } else { &keep.ip };
        output::line(&format!(
            "kept: {what} of account {} like policy `{}`{}",
            keep.account,
            keep.kept.like,
            keep.kept.words()
        ));
    }
    if keeps.len() > KEPT_SHOWN {
        output::line(&format!("and {} more are kept: renewd leases --csv", keeps.len() - KEPT_SHOWN));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_that_is_missing_now_is_not_missing_from_some_seconds_ago() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let runway = |by: &str| {
            let document = Runway {
                until: Some("2026-11-24".to_owned()),
                need: "300.00".parse().unwrap(),
                short_by: "280.10".parse().unwrap(),
                top_up_by: Some(at(by)),
                unpriced: 0,
                to: at("2026-12-05T12:00:00Z"),
                text: "short by 280.10 USD for the next 14d".to_owned(),
            };
            super::runway(&document, at("2026-11-21T12:00:00Z"))
        };
        assert_eq!(runway("2026-11-21T12:00:00Z"), "short by 280.10 USD for the next 14d; top up now");
        assert_eq!(
            runway("2026-11-24T12:00:00Z"),
            "until 2026-11-24; short by 280.10 USD for the next 14d; top up in 3d"
        );
    }
}
