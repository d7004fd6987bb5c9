//! `renewd run`: the daemon.
use std::path::PathBuf;
use std::sync::Arc;

use crate::daemon::notify_socket::Beacon;
use crate::daemon::run::{Daemon, Reload, Shared, problem_line};
use crate::daemon::{deliver, logging, web, wire};
use crate::exit::Exit;
use crate::ledger::Ledger;
use crate::ledger::sqlite::{self, Access};
use crate::notify::Mailer;
use crate::notify::templates::own_problems;
use crate::redact::Redactor;
use crate::settings::{self, Sources};

use super::args::Global;
use super::context::{Context, Failure};

pub(super) async fn run(global: &Global) -> Result<Exit, Failure> {
    let ctx = Context::load(global)?;
    let ledger: Arc<dyn Ledger> = match sqlite::open(&ctx.settings.state_dir, Access::Pay) {
        Ok(ledger) => Arc::new(ledger),
        Err(e) => {
            deliver::cannot_use(&ctx.settings, &e, ctx.clock.as_ref()).await;
            return Err(e.into());
        }
    };
    let viewer = ctx.viewer(ledger)?;
    let payer = wire::payer(viewer, &ctx.redactor).map_err(|e| Failure::failed(e.to_string()))?;
    greet_mail(&ctx);
    let shared = Arc::new(Shared::default());
    let beacon =
        Beacon::new(Arc::clone(&ctx.clock)).allowing(ctx.settings.timing.money_timeout.unsigned_abs());
    let web =
        web::start(&payer.viewer, &beacon, &shared).await.map_err(|e| Failure::failed(e.to_string()))?;
    let stop = payer.viewer.stop.clone();
    tracing::info!(
        accounts = ctx.settings.accounts.len(),
        policies = ctx.settings.policies.len(),
        "renewd is up"
    );
    let daemon = Daemon::new(payer, reloader(global.config.clone()), beacon, shared);
    daemon.run().await.map_err(|e| Failure::failed(e.to_string()))?;
    stop.cancel();
    if let Some(web) = web {
        let _ = tokio::time::timeout(std::time::Duration::from_secs(3), web).await;
    }
    tracing::info!("renewd ends");
    Ok(Exit::Done)
}

/// A mail server that does not answer is said at start, when somebody is looking; nothing waits for it.
fn greet_mail(ctx: &Context) {
    let alerts = &ctx.settings.alerts;
    for problem in own_problems(alerts) {
        tracing::error!("{}; the built-in template is used instead", problem_line(&problem));
    }
    let Some(email) = alerts.email.clone() else {
        if alerts.webhook.is_none() {
            tracing::warn!("neither [alerts.email] nor [alerts.webhook]: nobody is told");
        }
        return;
    };
    tokio::spawn(async move {
        let greeted = match Mailer::smtp(&email) {
            Ok(mailer) => mailer.greet().await,
            Err(e) => Err(e),
        };
        if let Err(e) = greeted {
            tracing::error!("the mail server {}:{} does not take our mail now: {e}", email.host, email.port);
        }
    });
}

fn reloader(files: Vec<PathBuf>) -> Reload {
    Arc::new(move || {
        let settings = settings::load(&Sources::from_process(&files))?;
        let redactor = Redactor::new(settings.secrets());
        logging::hide(redactor.clone());
        Ok((settings, redactor))
    })
}
