//! `renewd once`: one whole cycle, then exit.
use std::sync::Arc;

use crate::alerts::{deliver, digest, tell};
use crate::daemon::shots;
use crate::engine::{AccountReport, CycleReport, EngineError, Payer};
use crate::exit::Exit;
use crate::ledger::sqlite::Access;
use crate::ledger::{Ledger, LedgerError};
use crate::views::{Foresight, Fresh, foresee_fresh};
use crate::wiring;

use super::context::{Context, Failure};
use super::{history, node, output, plan};

pub(super) async fn once(ctx: &Context, all: bool) -> Result<Exit, Failure> {
    let ledger: Arc<dyn Ledger> = match ctx.site.open(Access::Pay) {
        Ok(ledger) => Arc::new(ledger),
        Err(e) => return Err(trouble(ctx, e).await),
    };
    let joined = node::hold(ctx).await?;
    let mut viewer = ctx.viewer(Arc::clone(&ledger))?;
    joined.bind(&mut viewer);
    let payer = wiring::payer(viewer, &ctx.redactor).map_err(|e| Failure::failed(e.to_string()))?;
    let stop = payer.viewer.stop.clone();
    let watch = tokio::spawn(async move {
        crate::daemon::signals::stop_asked().await;
        tracing::info!("stopping after the payment in flight");
        stop.cancel();
    });
    let (report, seen) = match cycle(&payer).await {
        Ok(done) => done,
        Err(EngineError::Ledger(e)) => return Err(trouble(ctx, e).await),
    };
    // What was paid is shown before anybody waits for a mail server.
    let seen = match seen {
        Some(seen) => seen,
        None => {
            let fresh = Fresh { report: &report, learnt: None, all: true };
            foresee_fresh(ledger.as_ref(), &ctx.settings, ctx.now(), Some(&fresh))?
        }
    };
    let what = if all { plan::Shown::All } else { plan::Shown::Done };
    plan::show(&report, &ctx.settings, ctx.json, what, ctx.now(), &seen);
    if !ctx.json && !report.payments.is_empty() {
        output::line("");
        output::line(&history::table(&report.payments, &ctx.settings.timezone));
    }
    // A cycle cut short says nothing of how things are.
    let good = (!report.stopped).then(|| report.accounts.iter().all(AccountReport::reachable));
    if good.is_some() {
        deliver::ledger_good(&payer.viewer);
    }
    deliver::at_the_end(&payer.viewer, good).await?;
    watch.abort();
    Ok(if report.needs_attention() { Exit::Attention } else { Exit::Done })
}

/// One pass, with what it has to tell in the outbox; and what is ahead, if that was looked at.
async fn cycle(payer: &Payer) -> Result<(CycleReport, Option<Foresight>), EngineError> {
    let report = payer.cycle().await?;
    let mut seen = None;
    if !report.stopped {
        tell::config(&payer.viewer, None)?;
        seen = Some(tell::report_and_look(&payer.viewer, &report)?);
        digest::if_due(&payer.viewer)?;
        shots::command(payer.viewer.ledger.as_ref())?;
    }
    Ok((report, seen))
}

async fn trouble(ctx: &Context, e: LedgerError) -> Failure {
    deliver::cannot_use(&ctx.settings, &e, ctx.clock.as_ref()).await;
    e.into()
}
