//! `renewd once`: one whole cycle, then exit.
use std::sync::Arc;

use crate::daemon::{deliver, digest, shots, tell, wire};
use crate::documents::foresee_fresh;
use crate::engine::{AccountReport, CycleReport, EngineError, Payer};
use crate::exit::Exit;
use crate::ledger::sqlite::{self, Access};
use crate::ledger::{Ledger, LedgerError};

use super::context::{Context, Failure};
use super::{history, output, plan};

pub(super) async fn once(ctx: &Context) -> Result<Exit, Failure> {
    let ledger: Arc<dyn Ledger> = match sqlite::open(&ctx.settings.state_dir, Access::Pay) {
        Ok(ledger) => Arc::new(ledger),
        Err(e) => return Err(trouble(ctx, e).await),
    };
    let viewer = ctx.viewer(Arc::clone(&ledger))?;
    let payer = wire::payer(viewer, &ctx.redactor).map_err(|e| Failure::failed(e.to_string()))?;
    let stop = payer.viewer.stop.clone();
    let watch = tokio::spawn(async move {
        crate::daemon::signals::stop_asked().await;
        tracing::info!("stopping after the payment in flight");
        stop.cancel();
    });
    let report = match cycle(&payer).await {
        Ok(report) => report,
        Err(EngineError::Ledger(e)) => return Err(trouble(ctx, e).await),
    };
    // What was paid is shown before anybody waits for a mail server.
    let seen = foresee_fresh(ledger.as_ref(), &ctx.settings, ctx.now(), None)?;
    plan::show(&report, &ctx.settings, ctx.json, true, ctx.now(), &seen);
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

/// One pass, with what it has to tell in the outbox.
async fn cycle(payer: &Payer) -> Result<CycleReport, EngineError> {
    let report = payer.cycle().await?;
    if !report.stopped {
        tell::config(&payer.viewer, None)?;
        tell::report(&payer.viewer, &report)?;
        digest::if_due(&payer.viewer)?;
        shots::command(payer.viewer.ledger.as_ref())?;
    }
    Ok(report)
}

async fn trouble(ctx: &Context, e: LedgerError) -> Failure {
    deliver::cannot_use(&ctx.settings, &e, ctx.clock.as_ref()).await;
    e.into()
}
