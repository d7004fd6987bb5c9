//! What the rules look at beside a pass's report, read of the ledger once. Not responsible for judging it (`rules`), or for telling.
//!
//! It only reads: a crash here has changed nothing.
use std::collections::HashMap;

use jiff::Timestamp;

use crate::alerting::DAY;
use crate::alerts::rules::{Around, BudgetUse, NEWS, Refused, approval};
use crate::domain::{AlertKey, Lease, LeaseId, Money};
use crate::engine::{CycleReport, ProgramChange, Viewer, budget_check, program_change};
use crate::ledger::{IntentFilter, LedgerError, OpenAlert, PlanState, RESTORED, Restored};
use crate::policy::Word;

/// The note of leases that the last pass left to be tried again, one a line. A crash before it is written tells of a standstill one
/// pass later.
pub(super) const WAITED: &str = "waits.tried_again";

pub(super) fn around(viewer: &Viewer, report: &CycleReport) -> Result<Around, LedgerError> {
    let (ledger, now) = (viewer.ledger.as_ref(), report.started.wall);
    let back = |span| now.checked_sub(span).unwrap_or(Timestamp::MIN);
    let failed = IntentFilter {
        states: vec![crate::domain::State::NotApplied],
        spend_since: Some(report.started.back(DAY)),
        ..IntentFilter::default()
    };
    Ok(Around {
        budgets: budget_uses(viewer)?,
        balances: ledger.balance_notes(back(NEWS))?,
        overcharged: viewer.overcharged()?,
        programs: programs_changed(viewer, back(NEWS))?,
        unsent: ledger.intents(&failed)?.into_iter().filter(|r| r.never_sent).collect(),
        pauses: ledger.paused(&report.started)?,
        restored: ledger.noted(RESTORED)?.and_then(|note| Restored::from_note(&note)),
        plans: ledger.plans(Some(now))?,
        mails: ledger.waiting_mails()?,
        channels: ledger.waiting_by_channel()?,
        hooks: ledger.hook_states()?,
        refused: refused(viewer)?,
        open: Vec::new(),
        waited: ledger.noted(WAITED)?.unwrap_or_default().lines().map(str::to_owned).collect(),
        last_paid: last_paid(viewer, report)?,
    })
}

/// Alerts of plans that ended in another way than by being paid, and whose leases another plan's alert speaks for, if any does: how an
/// approval came to nothing was told when it did.
pub(super) fn plans_that_gave_way(viewer: &Viewer, open: &[OpenAlert]) -> Result<Vec<AlertKey>, LedgerError> {
    let mut all = Vec::new();
    for alert in open.iter().filter(|a| a.key.cause() == approval::CAUSE) {
        let plan = viewer.ledger.plan_named(alert.key.about())?;
        if plan.is_some_and(|p| matches!(p.state(), PlanState::Replaced | PlanState::Refused)) {
            all.push(alert.key.clone());
        }
    }
    Ok(all)
}

/// Programs that changed since then.
fn programs_changed(viewer: &Viewer, since: Timestamp) -> Result<Vec<ProgramChange>, LedgerError> {
    let mut all = Vec::new();
    for account in viewer.settings.accounts.iter().filter(|a| a.program.is_some()) {
        all.extend(program_change(viewer.ledger.as_ref(), &account.name)?.filter(|c| c.at > since));
    }
    Ok(all)
}

/// What the leases last cost that this pass found lost.
fn last_paid(
    viewer: &Viewer,
    report: &CycleReport,
) -> Result<HashMap<LeaseId, (Money, String)>, LedgerError> {
    let lapsed = report.items.iter().filter(|i| i.reason.word == Word::Lapsed).map(|i| &i.lease);
    let lost: Vec<&Lease> = report.lost.iter().chain(lapsed).collect();
    let mut paid = HashMap::new();
    for lease in lost {
        if let Some(price) = viewer.ledger.last_price(&lease.account, &lease.id)? {
            paid.insert(lease.id.clone(), (price.amount, price.currency.to_string()));
        }
    }
    Ok(paid)
}

pub(super) fn refused(viewer: &Viewer) -> Result<Refused, LedgerError> {
    let ledger = viewer.ledger.as_ref();
    Ok(Refused::of(ledger.refusals()?, ledger.aside_mails()?, &viewer.settings.alerts))
}

fn budget_uses(viewer: &Viewer) -> Result<Vec<BudgetUse>, LedgerError> {
    let settings = &viewer.settings;
    let cycle = viewer.ledger.last_cycle()?.map(|c| c.id);
    let now = viewer.clock.now().wall;
    let warned = settings.budgets.iter().filter_map(|b| Some((b, b.warn_at?)));
    warned
        .map(|(b, share)| {
            let spent = viewer.ledger.spent(&budget_check(b, now, &settings.timezone, cycle))?;
            Ok(BudgetUse {
                name: b.name.clone(),
                spent,
                limit: b.limit,
                warn_from: share.of_money(b.limit),
                currency: b.currency.to_string(),
            })
        })
        .collect()
}
