//! `renewd approve` and `renewd reject`: an operator's word on a plan that waits. Works beside a running daemon; never pays.
use serde_json::json;

use crate::exit::Exit;
use crate::ledger::sqlite::{Access, SqliteLedger};
use crate::ledger::{Approvals, PlanRecord, PlanState, PlanWord, pause_note};
use crate::views::{WaitingApproval, value, waiting_approval};

use super::context::{Context, Failure};
use super::record_args::PlanArgs;
use super::{output, who};

/// `to`: what is said of it.
pub(super) fn say(ctx: &mut Context, args: &PlanArgs, to: PlanState) -> Result<Exit, Failure> {
    let note = args.note.as_deref().map(pause_note).transpose();
    let note =
        note.map_err(|e| Failure::usage(format!("--note: {e}")))?.map(|note| ctx.redactor.quote(&note));
    let by = who::invoking();
    let ledger = ctx.known_ledger(Access::Note)?;
    let now = ctx.now();
    let plan = ledger.plan_named(&args.plan)?.ok_or_else(|| unknown(ctx, &ledger, &args.plan))?;
    if plan.state() != PlanState::Waiting || now >= plan.plan.valid_until {
        return Err(over(ctx, &ledger, &plan));
    }
    let word = PlanWord { state: to, by: Some(&by), note: note.as_deref(), why: None, at: now };
    if !ledger.say_of_plan(&args.plan, PlanState::Waiting, &word)? {
        // Somebody else was quicker.
        let plan = ledger.plan_named(&args.plan)?.unwrap_or(plan);
        return Err(over(ctx, &ledger, &plan));
    }
    let next = match to {
        PlanState::Approved => {
            "the next cycle pays exactly this, once, if it costs no more and nothing has changed"
        }
        _ => "renewd pays nothing of it, and proposes it again once one of its leases is urgent",
    };
    if ctx.json {
        output::json(&json!({
            "schema": 1, "ok": true, "plan": value(&WaitingApproval::from(&plan)), "state": to.as_str(), "by": by, "note": note, "next": next,
        }));
    } else {
        let words = plan.plan.words();
        output::line(&format!("plan {} ({words}) is {}: {next}", plan.plan.name, to.as_str()));
    }
    Ok(Exit::Done)
}

fn unknown(ctx: &Context, ledger: &SqliteLedger, name: &str) -> Failure {
    Failure::usage(format!("there is no plan `{name}`. Nothing was done: {}", waiting(ctx, ledger)))
}

/// There is nothing to say of it any more.
fn over(ctx: &Context, ledger: &SqliteLedger, plan: &PlanRecord) -> Failure {
    let (name, why) = (&plan.plan.name, plan.last.why.as_deref().unwrap_or_default());
    let how = match plan.state() {
        PlanState::Approved => format!("was approved already{}", plan.said(&ctx.settings.timezone)),
        PlanState::Rejected => format!("was rejected already{}", plan.said(&ctx.settings.timezone)),
        PlanState::Waiting => {
            let ended = output::at(Some(plan.plan.valid_until), &ctx.settings.timezone);
            format!("is over: its first lease ended at {ended}")
        }
        state => format!("is {}: {why}", state.as_str()),
    };
    Failure::usage(format!("plan {name} {how}. Nothing was done: {}", waiting(ctx, ledger)))
}

/// What can be approved instead.
fn waiting(ctx: &Context, ledger: &SqliteLedger) -> String {
    let Ok(all) = waiting_approval(ledger, ctx.now()) else { return "see renewd status".to_owned() };
    if all.is_empty() {
        return "no plan waits for approval now".to_owned();
    }
    let one = |w: &WaitingApproval| {
        let leases = if w.leases == 1 { "1 lease".to_owned() } else { format!("{} leases", w.leases) };
        format!("{} ({leases} of account {} for {} {})", w.plan, w.account, w.amount, w.currency)
    };
    format!(
        "{}: {}",
        if all.len() == 1 { "this plan is waiting" } else { "these plans are waiting" },
        all.iter().map(one).collect::<Vec<_>>().join(", ")
    )
}
