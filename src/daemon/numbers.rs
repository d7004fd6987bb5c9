//! The numbers of `/metrics` that the `status` document lacks: what this process counted, and what the ledger counts by index. Asked for
//! every few seconds: nothing here walks the fleet or the history.
use std::sync::PoisonError;

use jiff::Timestamp;
use serde_json::Value;

use super::shared::Shared;
use crate::domain::State;
use crate::engine::Viewer;
use crate::http::{Durations, Metrics, Number};
use crate::ledger::{Ledger, LedgerError, PaymentQuery};
use crate::policy::{Decision, Word};
use crate::providers::traffic::{BOUNDS_MS, Ending, traffic};
use crate::schedule;

/// A payment that is unknown for good is rare; were there more of them, the oldest of so many is old enough.
const UNKNOWN: usize = 1_000;

/// All numbers, with those of the `status` document.
pub(super) fn metrics(status: &Value, viewer: &Viewer, shared: &Shared, alive: bool) -> Metrics {
    let now = viewer.clock.now().wall;
    let mut metrics = Metrics::of_status(status, alive, now);
    // `VERSION (COMMIT)`, where the build knew it.
    let told = option_env!("RENEWD_VERSION").and_then(|version| version.split_once(" ("));
    let commit = told.map_or("unknown", |(_, commit)| commit.trim_end_matches(')'));
    metrics.put("build_info", &[env!("CARGO_PKG_VERSION"), commit], Number::Whole(1));
    let horizon = viewer.settings.alerts.runway.as_secs();
    metrics.put("runway_horizon_seconds", &[], Number::Whole(horizon));
    metrics.put_whole("cycle_lateness_seconds", &[], lateness(status, viewer, shared, now));
    held(status, &mut metrics);
    requests(status, &mut metrics);
    // A ledger that cannot be read leaves its numbers out; `ledger_usable` says so.
    if let Err(e) = of_ledger(viewer.ledger.as_ref(), now, &mut metrics) {
        tracing::debug!("metrics: {e}");
    }
    metrics
}

/// For how long a cycle has been due that has not begun.
fn lateness(status: &Value, viewer: &Viewer, shared: &Shared, now: Timestamp) -> Option<i64> {
    if shared.pulse.lock().unwrap_or_else(PoisonError::into_inner).running.is_some() {
        return Some(0);
    }
    let last: Timestamp = status["last_cycle"]["started_at"].as_str()?.parse().ok()?;
    let due = schedule::of(&viewer.settings)(last)?;
    let late = now.duration_since(due).saturating_sub(viewer.settings.schedule.jitter);
    Some(late.as_secs().max(0))
}

/// Each word has a number, so that one that begins to hold is seen to begin.
fn held(status: &Value, metrics: &mut Metrics) {
    let counted: Vec<&Value> = accounts(status).map(|a| &a["held"]).filter(|held| held.is_object()).collect();
    if counted.is_empty() {
        return;
    }
    for word in Word::ALL.iter().filter(|word| word.decision() == Decision::Hold).map(|word| word.as_str()) {
        let leases = counted.iter().filter_map(|held| held[word].as_i64()).sum();
        metrics.put("held_leases", &[word], Number::Whole(leases));
    }
}

/// Of the accounts of the config; one that left it is no longer told of.
fn requests(status: &Value, metrics: &mut Metrics) {
    let traffic = traffic();
    for name in accounts(status).filter_map(|a| a["account"].as_str()) {
        for ending in Ending::ALL {
            let counted = traffic.get(&(name.into(), ending));
            let requests = counted.map_or(0, |c| i64::try_from(c.requests).unwrap_or(i64::MAX));
            metrics.put("requests_total", &[name, ending.as_str()], Number::Whole(requests));
            if let Some(counted) = counted {
                let within = BOUNDS_MS.into_iter().zip(counted.buckets).collect();
                let took = Durations { count: counted.requests, total_ms: counted.total_ms, within };
                metrics.put("request_duration_seconds", &[name, ending.as_str()], Number::Durations(took));
            }
        }
    }
}

fn of_ledger(ledger: &dyn Ledger, now: Timestamp, metrics: &mut Metrics) -> Result<(), LedgerError> {
    for state in State::ALL {
        let payments = ledger.count_payments(&[state])?;
        metrics.put_whole("payments_total", &[state.as_str()], i64::try_from(payments).ok());
    }
    let query = PaymentQuery { states: vec![State::Unknown], ..PaymentQuery::default() };
    let unknown = ledger.payments(&query, None, UNKNOWN)?.last().map(|record| record.created_at.wall);
    metrics.put("unknown_age_seconds", &[], Number::Whole(age(unknown, now)));
    let mut oldest = ledger.waiting_mails()?.oldest;
    for (_, waiting) in ledger.waiting_by_channel()? {
        oldest = oldest.into_iter().chain(waiting.oldest).min();
    }
    metrics.put("outbox_age_seconds", &[], Number::Whole(age(oldest, now)));
    Ok(())
}

fn age(since: Option<Timestamp>, now: Timestamp) -> i64 {
    since.map_or(0, |since| now.duration_since(since).as_secs().max(0))
}

fn accounts(status: &Value) -> impl Iterator<Item = &Value> {
    status["accounts"].as_array().into_iter().flatten()
}
