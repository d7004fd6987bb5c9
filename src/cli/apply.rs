//! `renewd apply FILE`: pays what a plan file says, once, if the world is still as it was.
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use crate::alerts::{deliver, tell};
use crate::daemon::shots;
use crate::domain::State;
use crate::engine::approve::exact::{Approved, ExactSet};
use crate::engine::approve::locate::{Books, Refusal, refusal};
use crate::engine::approve::propose::fingerprint;
use crate::engine::{CycleReport, EngineError, Payer};
use crate::exit::Exit;
use crate::ledger::sqlite::Access;
use crate::ledger::{IntentRecord, Ledger};
use crate::views::{Plan, plan_file, value};
use crate::wiring;

use super::context::{Context, Failure};
use super::{history, node, output};

/// A plan of a hundred thousand leases is far below this.
pub(super) const LARGEST: u64 = 256 << 20;

pub(super) async fn apply(ctx: &Context, file: &Path) -> Result<Exit, Failure> {
    let plan = match plan_file::read(&bytes_of(file)?) {
        Ok(plan) => plan,
        Err(e @ plan_file::PlanFileError::Edited) => {
            return Ok(refuse(ctx, &Refusal { kind: "edited", text: e.to_string() }));
        }
        Err(e) => return Err(Failure::usage(format!("{}: {e}", file.display()))),
    };
    let ledger: Arc<dyn Ledger> = match ctx.site.open(Access::Pay) {
        Ok(ledger) => Arc::new(ledger),
        Err(e) => {
            deliver::cannot_use(&ctx.settings, &e, ctx.clock.as_ref()).await;
            return Err(e.into());
        }
    };
    let books = Books::read(ledger.as_ref(), &plan)?;
    if let Some(why) = refusal(&plan, ctx.now(), &books, &fingerprint(&ctx.settings)) {
        return Ok(refuse(ctx, &why));
    }
    let joined = node::hold(ctx).await?;
    let mut viewer = ctx.viewer(Arc::clone(&ledger))?;
    joined.bind(&mut viewer);
    let payer = wiring::payer(viewer, &ctx.redactor).map_err(|e| Failure::failed(e.to_string()))?;
    let report = pay(ctx, &payer, &plan).await?;
    show(ctx, &plan, &report);
    deliver::at_the_end(&payer.viewer, None).await?;
    let whole = plan.sets.iter().all(|set| is_paid(set, &report));
    Ok(if report.needs_attention() || report.stopped || !whole { Exit::Attention } else { Exit::Done })
}

fn payment<'a>(set: &ExactSet, report: &'a CycleReport) -> Option<&'a IntentRecord> {
    let whose = &set.request.account;
    report.payments.iter().find(|p| &p.request.account == whose && p.request.leases == set.request.leases)
}

fn is_paid(set: &ExactSet, report: &CycleReport) -> bool {
    payment(set, report).is_some_and(|p| matches!(p.state, State::Accepted | State::Confirmed))
}

fn bytes_of(file: &Path) -> Result<Vec<u8>, Failure> {
    let told = |e: std::io::Error| Failure::usage(format!("{} cannot be read: {e}", file.display()));
    let mut bytes = Vec::new();
    File::open(file).map_err(told)?.take(LARGEST).read_to_end(&mut bytes).map_err(told)?;
    Ok(bytes)
}

async fn pay(ctx: &Context, payer: &Payer, plan: &Approved) -> Result<CycleReport, Failure> {
    let stop = payer.viewer.stop.clone();
    tokio::spawn(async move {
        crate::daemon::signals::stop_asked().await;
        tracing::info!("stopping after the payment in flight");
        stop.cancel();
    });
    let report = match payer.apply(plan).await {
        Ok(report) => report,
        Err(EngineError::Ledger(e)) => {
            deliver::cannot_use(&ctx.settings, &e, ctx.clock.as_ref()).await;
            return Err(e.into());
        }
    };
    if !report.stopped {
        tell::part(&payer.viewer, &report)?;
        shots::command(payer.viewer.ledger.as_ref())?;
    }
    Ok(report)
}

/// Nothing was looked at and nothing paid.
fn refuse(ctx: &Context, why: &Refusal) -> Exit {
    if ctx.json {
        let mut document = crate::views::failure(why.kind, &why.text);
        document["payments"] = serde_json::json!([]);
        document["outcome"] = why.kind.into();
        output::json(&document);
    }
    output::note(&format!("renewd: nothing was paid: {}", why.text));
    Exit::Attention
}

fn show(ctx: &Context, plan: &Approved, report: &CycleReport) {
    // A stop cuts readings off, and then nothing is as planned.
    let stale = !report.moved.is_empty() && !report.stopped;
    let paid = plan.sets.iter().filter(|set| is_paid(set, report)).count();
    if ctx.json {
        let mut document = value(&Plan::new(report, &ctx.settings, true));
        if paid < plan.sets.len() && document["outcome"] == "ok" {
            document["outcome"] = "attention".into();
        }
        if stale {
            let text = format!("things have changed since this plan was made: {}", report.moved.join("; "));
            document["outcome"] = "stale".into();
            document["error"] = serde_json::json!({ "kind": "stale", "message": text });
        }
        return output::json(&document);
    }
    if stale {
        output::line("nothing was paid: things have changed since this plan was made");
        report.moved.iter().for_each(|what| output::line(&format!("  {what}")));
        return output::line("make a new one: renewd plan --out FILE");
    }
    if plan.sets.is_empty() {
        return output::line("nothing was paid: the plan names no payment");
    }
    if !report.payments.is_empty() {
        output::line(&history::table(&report.payments, &ctx.settings.timezone));
        output::line("");
    }
    for set in plan.sets.iter().filter(|set| !is_paid(set, report)) {
        match payment(set, report) {
            Some(p) => output::line(&format!("payment {} of {} is {}", p.id, named(set), p.state)),
            None => output::line(&format!("not paid: {}: {}", named(set), reason(set, report))),
        }
    }
    output::line(&format!("{paid} of {} payments of the plan were made", plan.sets.len()));
    if paid == plan.sets.len() && report.needs_attention() {
        output::line("something beside the plan needs attention: renewd plan, renewd status");
    }
}

fn named(set: &ExactSet) -> String {
    let first = set.request.leases.first();
    let name = first.map_or("", |l| if l.ip.is_empty() { l.id.as_str() } else { &l.ip });
    match set.request.leases.len() {
        0 | 1 => name.to_owned(),
        n => format!("{name} +{}", n - 1),
    }
}

fn reason(set: &ExactSet, report: &CycleReport) -> String {
    let of = |l: &crate::domain::RequestLease| {
        report.items.iter().find(|i| i.lease.account == set.request.account && i.lease.id == l.id)
    };
    set.request.leases.iter().find_map(of).map_or_else(String::new, |i| i.reason.to_string())
}
