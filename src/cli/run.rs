//! `renewd run`: the daemon.
use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::alerts::deliver;
use crate::daemon::error::RunError;
use crate::daemon::reload::Reload;
use crate::daemon::run::Daemon;
use crate::daemon::shared::Shared;
use crate::daemon::signals::Signals;
use crate::daemon::systemd::Beacon;
use crate::exit::Exit;
use crate::ledger::Ledger;
use crate::notify::Mailer;
use crate::notify::own_problems;
use crate::redact::Redactor;
use crate::settings::problem_line;
use crate::settings::{self, Settings, Sources};
use crate::{logging, wiring};

use super::args::Global;
use super::context::{Context, Failure};
use super::node;

pub(super) async fn run(global: &Global) -> Result<Exit, Failure> {
    // Before anything that takes time: from here on a SIGHUP is a reload once the daemon is up, a SIGTERM a clean end.
    let signals =
        Signals::install().map_err(|e| Failure::failed(format!("signals cannot be handled: {e}")))?;
    let stop = CancellationToken::new();
    let reload = signals.listen(stop.clone());
    let ctx = Context::load(global)?;
    let Some(ledger) = open(&ctx, &stop).await? else { return Ok(ended()) };
    let joined = node::join(&ctx)?;
    let mut viewer = ctx.viewer(ledger)?;
    joined.lead(&mut viewer);
    viewer.stop = stop;
    let payer = wiring::payer(viewer, &ctx.redactor).map_err(|e| Failure::failed(e.to_string()))?;
    let beacon =
        Beacon::new(Arc::clone(&ctx.clock)).allowing(ctx.settings.timing.money_timeout.unsigned_abs());
    greet_mail(&ctx.settings);
    tracing::info!(
        accounts = ctx.settings.accounts.len(),
        policies = ctx.settings.policies.len(),
        "renewd is up"
    );
    let daemon = Daemon::new(payer, reloader(global.config.clone()), beacon, Arc::new(Shared::default()));
    let daemon = match &joined.node {
        Some(node) => daemon.beside_others(Arc::clone(node)),
        None => daemon,
    };
    let ran = daemon.run(reload).await;
    if let Some(node) = &joined.node {
        node.end().await;
    }
    match ran {
        Ok(()) => Ok(ended()),
        Err(RunError::Ledger(e)) => {
            deliver::cannot_use(&ctx.settings, &e, ctx.clock.as_ref()).await;
            Err(e.into())
        }
        Err(e) => Err(Failure::failed(e.to_string())),
    }
}

fn ended() -> Exit {
    tracing::info!("renewd ends");
    Exit::Done
}

/// Opens the ledger to pay, beside the signals: another that makes it may take its time. The daemon reads it through before it pays. `None`: renewd was stopped meanwhile.
async fn open(ctx: &Context, stop: &CancellationToken) -> Result<Option<Arc<dyn Ledger>>, Failure> {
    let site = ctx.site.clone();
    let opening = tokio::task::spawn_blocking(move || site.open_unverified());
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
        let instead = match problem.key.as_str() {
            "alerts.email.templates" => "; the built-in template is used instead",
            _ => "",
        };
        tracing::error!("{}{instead}", problem_line(&problem));
    }
    let Some(email) = alerts.email.clone() else {
        if alerts.ways().is_empty() {
            tracing::warn!(
                "neither [alerts.email] nor [alerts.webhook] nor [[alerts.channel]]: alerts reach nobody"
            );
        }
        return;
    };
    tokio::spawn(async move {
        let greeted = match Mailer::smtp(&email) {
            Ok(mailer) => mailer.greet().await,
            Err(e) => Err(e),
        };
        if let Err(e) = greeted {
            tracing::error!("renewd cannot send mail through {}:{} now: {e}", email.host, email.port);
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
