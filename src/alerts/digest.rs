//! When a digest is due, and what goes into it: facts of the ledger alone. Not responsible for how it looks (`notify::digest`).
//!
//! Cron is asked for what comes after the last digest, which the ledger remembers: a restart sends none twice, and those that
//! were missed are one, over the whole time.
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::wake;
use crate::domain::time::told;
use crate::domain::{Moment, State};
use crate::engine::Viewer;
use crate::ledger::{How, IntentFilter, IntentRecord, Ledger, LedgerError};
use crate::notify::Letterhead;
use crate::notify::digest::{Ahead, Digest, Open, Spent, Standing, Unsettled, render};
use crate::schedule;
use crate::views;
use crate::views::{Around, Status};

/// When the last digest ended; empty = none has been counted from yet.
const LAST_DUE: &str = "digest.last_due";
/// How far a digest looks ahead.
const DAYS: i64 = 14;
/// A clock set back by more than this does not hold the next digest up until it has caught up.
const SET_BACK: SignedDuration = SignedDuration::from_hours(1);

/// What is to be done about the digest now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    /// It is switched off.
    Off,
    /// Count from now.
    Begin,
    /// Not yet.
    Later,
    /// Now, over the time since then.
    Now(Timestamp),
}

fn due(report: &str, timezone: &jiff::tz::TimeZone, last: Option<Timestamp>, now: Timestamp) -> Due {
    let Some(cron) = Some(report).filter(|r| !r.is_empty()).and_then(|r| schedule::parse(r).ok()) else {
        return Due::Off;
    };
    match last {
        None => Due::Begin,
        Some(last) if last.duration_since(now) > SET_BACK => Due::Begin,
        Some(last) if schedule::next(&cron, timezone, last).is_some_and(|next| next <= now) => Due::Now(last),
        Some(_) => Due::Later,
    }
}

/// Queues a digest, if its time has come.
///
/// # Errors
/// The ledger's.
pub fn if_due(viewer: &Viewer) -> Result<(), LedgerError> {
    let (ledger, settings) = (viewer.ledger.as_ref(), &viewer.settings);
    let now = viewer.clock.now().wall;
    let noted = ledger.noted(LAST_DUE)?.unwrap_or_default();
    match due(&settings.schedule.report, &settings.timezone, noted.parse().ok(), now) {
        Due::Later => Ok(()),
        Due::Off if noted.is_empty() => Ok(()),
        Due::Off => ledger.note(LAST_DUE, ""),
        Due::Begin => ledger.note(LAST_DUE, &now.to_string()),
        Due::Now(since) => {
            let digest = collect(viewer, since, now, held_back(ledger, since)?)?;
            let letterhead = Letterhead::new(&settings.alerts, &settings.timezone, now);
            let messages = render(&settings.alerts, &letterhead, &digest);
            tracing::info!(messages = messages.len(), "digest");
            ledger.queue_report(&messages, (LAST_DUE, &now.to_string()), now)?;
            wake::queued();
            Ok(())
        }
    }
}

/// Alerts that were kept back since then by the cap or by a silence: one line each, with how often.
fn held_back(ledger: &dyn Ledger, since: Timestamp) -> Result<Vec<String>, LedgerError> {
    let mut lines: Vec<(String, usize)> = Vec::new();
    for telling in ledger.tellings(since)?.into_iter().filter(|t| t.how != How::Told) {
        let line = format!("{} ({}): {}", telling.key, telling.how.as_str(), telling.title);
        match lines.iter_mut().find(|(known, _)| *known == line) {
            Some((_, n)) => *n += 1,
            None => lines.push((line, 1)),
        }
    }
    Ok(lines.into_iter().map(|(line, n)| if n == 1 { line } else { format!("{line} ({n} times)") }).collect())
}

/// What a digest of that span tells. `held_back`: alerts of which fewer messages were sent than there were occasions.
///
/// # Errors
/// The ledger's.
pub fn collect(
    viewer: &Viewer,
    since: Timestamp,
    until: Timestamp,
    held_back: Vec<String>,
) -> Result<Digest, LedgerError> {
    let (ledger, settings) = (viewer.ledger.as_ref(), &viewer.settings);
    let next = schedule::of(settings);
    let next_cycle = next(until);
    let around = Around { next: &next, ledger: None, elsewhere: Vec::new(), node: None };
    let status = views::status(ledger, settings, &viewer.clock.now(), &around)?;
    let paid = ledger
        .intents(&IntentFilter { spend_since: Some(Moment::by_wall(since)), ..IntentFilter::default() })?;
    let in_span = |r: &&IntentRecord| r.spend_started_at.as_ref().is_some_and(|at| at.wall < until);
    let states = vec![State::NeedsOperator, State::Unknown];
    let waiting = ledger.intents(&IntentFilter { states, ..IntentFilter::default() })?;
    let (ahead, leaving) = ahead(viewer, until)?;
    let mut open: Vec<Open> = status
        .open_alerts
        .iter()
        .map(|a| Open { key: a.key.clone(), severity: a.severity, since: a.since, title: a.text.clone() })
        .collect();
    open.sort_by_key(|a| (std::cmp::Reverse(a.severity), a.since));
    Ok(Digest {
        since,
        until,
        last_cycle: views::last_cycle_words(&status, until),
        next_cycle,
        spent: spent(paid.iter().filter(in_span)),
        ahead,
        days: DAYS,
        leaving,
        standings: standings(&status, &settings.timezone),
        open,
        unsettled: waiting.iter().map(unsettled).collect(),
        silences: status
            .silences
            .iter()
            .map(|s| format!("{} until {}", s.key.as_str(), told(s.until, &settings.timezone)))
            .collect(),
        chain: ledger.chain_head()?,
        held_back,
    })
}

/// By account and currency, in the order of the accounts' names.
fn spent<'a>(records: impl Iterator<Item = &'a IntentRecord>) -> Vec<Spent> {
    let mut all: Vec<Spent> = Vec::new();
    for r in records {
        let counts = matches!(r.state, State::Accepted | State::Confirmed);
        if !counts && !matches!(r.state, State::SpendStarted | State::Unknown | State::NeedsOperator) {
            continue;
        }
        let account = &r.request.account;
        let at = all.iter().position(|s| &s.account == account && s.currency == r.currency);
        let at = at.unwrap_or_else(|| {
            all.push(Spent {
                account: account.clone(),
                currency: r.currency.clone(),
                payments: 0,
                leases: 0,
                amount: crate::domain::Money::ZERO,
                unsettled: crate::domain::Money::ZERO,
            });
            all.len() - 1
        });
        let sum = &mut all[at];
        if counts {
            sum.payments += 1;
            sum.leases += r.request.leases.len();
            sum.amount = sum.amount.plus(r.detail.charged.unwrap_or(r.quoted)).unwrap_or(sum.amount);
        } else {
            sum.unsettled = sum.unsettled.plus(r.quoted).unwrap_or(sum.unsettled);
        }
    }
    all.sort_by(|a, b| (&a.account, &a.currency).cmp(&(&b.account, &b.currency)));
    all
}

fn unsettled(r: &IntentRecord) -> Unsettled {
    Unsettled {
        id: r.id.to_string(),
        state: r.state.as_str(),
        account: r.request.account.clone(),
        amount: format!("{} {}", r.quoted, r.currency),
    }
}

/// What falls due within the next days, by day and account; and how many leases end then that no policy renews. The one
/// forecast says it, here as everywhere.
fn ahead(viewer: &Viewer, now: Timestamp) -> Result<(Vec<Ahead>, usize), LedgerError> {
    let horizon = now.checked_add(SignedDuration::from_hours(24 * DAYS)).unwrap_or(Timestamp::MAX);
    let seen = views::foresee(viewer.ledger.as_ref(), &viewer.settings, now, horizon)?;
    let mut days: Vec<Ahead> = Vec::new();
    for due in &seen.forecast.days {
        let account = seen.name(due.account);
        let at = days.iter().position(|a| a.day == due.date && a.account == account).unwrap_or_else(|| {
            let currency = seen.accounts[due.account].facts.as_ref().and_then(|f| f.currency.clone());
            days.push(Ahead { day: due.date, account, leases: 0, amount: None, currency, unpriced: 0 });
            days.len() - 1
        });
        let on = &mut days[at];
        on.leases += due.due;
        match due.amount {
            Some(amount) => on.amount = on.amount.unwrap_or_default().plus(amount).or(on.amount),
            None => on.unpriced += due.due,
        }
    }
    let leaving = seen.forecast.expiries.iter().map(|e| e.watch + e.release).sum();
    Ok((days, leaving))
}

fn standings(status: &Status, zone: &TimeZone) -> Vec<Standing> {
    let paused = |name: &str| status.pauses.iter().find(|p| p.stops(name));
    let line = |a: &views::AccountStatus| {
        let currency = a.currency.as_ref().map(|c| format!(" {c}")).unwrap_or_default();
        let runway = a.runway.as_ref().map(|r| match &r.until {
            Some(day) => format!("covers until {day}, {}", r.text),
            None => r.text.clone(),
        });
        let down = (a.reachable == Some(false)).then(|| "cannot be read now".to_owned());
        let stopped = paused(a.account.as_str())
            .map(|p| format!("spending is paused{}", p.words(|until| told(until, zone))));
        Standing {
            account: a.account.clone(),
            balance: a.balance.map(|b| format!("{b}{currency}")),
            leases: a.leases,
            runway: runway.unwrap_or_else(|| "balance not known".to_owned()),
            trouble: down.or(stopped),
        }
    };
    status.accounts.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

    const MONDAYS: &str = "0 0 8 * * Mon";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn berlin(last: Option<&str>, now: &str) -> Due {
        due(MONDAYS, &TimeZone::get("Europe/Berlin").unwrap(), last.map(at), at(now))
    }

    #[test]
    fn the_first_start_only_begins_to_count() {
        assert_eq!(berlin(None, "2026-11-30T07:00:00Z"), Due::Begin);
        assert_eq!(due("", &TimeZone::UTC, None, at("2026-11-30T07:00:00Z")), Due::Off);
    }

    #[test]
    fn it_is_due_at_eight_where_the_operator_lives_summer_and_winter() {
        assert_eq!(berlin(Some("2026-11-23T07:00:00Z"), "2026-11-30T06:59:59Z"), Due::Later);
        assert_eq!(
            berlin(Some("2026-11-23T07:00:00Z"), "2026-11-30T07:00:00Z"),
            Due::Now(at("2026-11-23T07:00:00Z"))
        );
        assert_eq!(
            berlin(Some("2026-10-19T06:00:01Z"), "2026-10-26T06:59:59Z"),
            Due::Later,
            "the clock changed on Sunday"
        );
        assert!(matches!(berlin(Some("2026-10-19T06:00:01Z"), "2026-10-26T07:00:00Z"), Due::Now(_)));
    }

    #[test]
    fn four_missed_ones_are_one_over_the_whole_time() {
        let since = "2026-11-02T07:00:01Z";
        assert_eq!(berlin(Some(since), "2026-12-02T12:00:00Z"), Due::Now(at(since)));
        assert_eq!(berlin(Some("2026-12-02T12:00:00Z"), "2026-12-02T12:00:01Z"), Due::Later);
    }

    #[test]
    fn a_clock_set_back_neither_repeats_a_digest_nor_stops_the_next() {
        assert_eq!(berlin(Some("2026-11-30T07:00:00.5Z"), "2026-11-30T06:59:59Z"), Due::Later);
        assert_eq!(berlin(Some("2036-11-30T07:00:00Z"), "2026-11-30T07:00:00Z"), Due::Begin);
    }
}
