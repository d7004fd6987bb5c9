//! `renewd run`: the daemon.
use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::daemon::notify_socket::Beacon;
use crate::daemon::run::{Daemon, Reload, Shared, problem_line};
use crate::daemon::signals::Signals;
use crate::daemon::{deliver, logging, wire};
use crate::exit::Exit;
use crate::ledger::Ledger;
use crate::ledger::sqlite::{self, Access};
use crate::notify::Mailer;
use crate::notify::templates::own_problems;
use crate::redact::Redactor;
use crate::settings::{self, Settings, Sources};

use super::args::Global;
use super::context::{Context, Failure};

pub(super) async fn run(global: &Global) -> Result<Exit, Failure> {
    // Before anything that takes time: from here on a SIGHUP is a reload once the daemon is up, a SIGTERM a clean end.
    let signals =
        Signals::install().map_err(|e| Failure::failed(format!("signals cannot be handled: {e}")))?;
    let stop = CancellationToken::new();
    let reload = signals.listen(stop.clone());
    let ctx = Context::load(global)?;
    let Some(ledger) = open(&ctx, &stop).await? else { return Ok(ended()) };
    let mut viewer = ctx.viewer(ledger)?;
    viewer.stop = stop;
    let payer = wire::payer(viewer, &ctx.redactor).map_err(|e| Failure::failed(e.to_string()))?;
    let beacon =
        Beacon::new(Arc::clone(&ctx.clock)).allowing(ctx.settings.timing.money_timeout.unsigned_abs());
    greet_mail(&ctx.settings);
    tracing::info!(
        accounts = ctx.settings.accounts.len(),
        policies = ctx.settings.policies.len(),
        "renewd is up"
    );
    let daemon = Daemon::new(payer, reloader(global.config.clone()), beacon, Arc::new(Shared::default()));
    daemon.run(reload).await.map_err(|e| Failure::failed(e.to_string()))?;
    Ok(ended())
}

fn ended() -> Exit {
    tracing::info!("renewd ends");
    Exit::Done
}

/// Opens the ledger to pay, beside the signals: to look through a large one takes its time. `None`: renewd was stopped meanwhile.
async fn open(ctx: &Context, stop: &CancellationToken) -> Result<Option<Arc<dyn Ledger>>, Failure> {
    let dir = ctx.settings.state_dir.clone();
    let opening = tokio::task::spawn_blocking(move || sqlite::open(&dir, Access::Pay));
    let opened = tokio::select! {
        opened = opening => opened.map_err(|e| Failure::failed(e.to_string()))?,
        () = stop.cancelled() => return Ok(None),
    };
    match opened {
        Ok(ledger) => Ok(Some(Arc::new(ledger))),
        Err(e) => {
            tokio::select! {
                () = deliver::cannot_use(&ctx.settings, &e, ctx.clock.as_ref()) => {}
                () = stop.cancelled() => {}
            }
            Err(e.into())
        }
    }
}

/// A mail server that does not answer is said at start, when somebody is looking; nothing waits for it.
fn greet_mail(settings: &Settings) {
    let alerts = &settings.alerts;
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
        logging::adopt(&settings.log);
        Ok((settings, redactor))
    })
}
