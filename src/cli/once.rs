//! `renewd once`: one whole cycle, then exit.
use std::sync::Arc;

use crate::daemon::{tell, wire};
use crate::engine::EngineError;
use crate::exit::Exit;
use crate::ledger::Ledger;
use crate::ledger::sqlite::{self, Access};

use super::context::{Context, Failure};
use super::{history, output, plan};

pub(super) async fn once(ctx: &Context) -> Result<Exit, Failure> {
    let ledger: Arc<dyn Ledger> = match sqlite::open(&ctx.settings.state_dir, Access::Pay) {
        Ok(ledger) => Arc::new(ledger),
        Err(e) => {
            tell::ledger_trouble(&ctx.settings, &e, ctx.clock.as_ref()).await;
            return Err(e.into());
        }
    };
    let viewer = ctx.viewer(Arc::clone(&ledger))?;
    let payer = wire::payer(viewer, &ctx.redactor).map_err(|e| Failure::failed(e.to_string()))?;
    let stop = payer.viewer.stop.clone();
    let watch = tokio::spawn(async move {
        crate::daemon::signals::stop_asked().await;
        tracing::info!("stopping after the payment in flight");
        stop.cancel();
    });
    let report = match payer.cycle().await {
        Ok(report) => report,
        Err(EngineError::Ledger(e)) => {
            tell::ledger_trouble(&ctx.settings, &e, ctx.clock.as_ref()).await;
            return Err(e.into());
        }
    };
    if !report.stopped {
        tell::config(&payer.viewer, None)?;
        tell::report(&payer.viewer, &report)?;
        tell::ledger_good(&ctx.settings, ctx.clock.as_ref()).await;
    }
    tell::deliver_all(&payer.viewer).await?;
    watch.abort();
    plan::show(&report, &ctx.settings, ctx.json, true, ctx.now());
    if !ctx.json && !report.payments.is_empty() {
        output::line("");
        output::line(&history::table(&report.payments, &ctx.settings.timezone));
    }
    Ok(if report.needs_attention() { Exit::Attention } else { Exit::Done })
}
