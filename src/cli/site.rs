//! Where the config, or the command line, says that the ledger is.
//!
//! A URL is a secret: it comes from a file, and no message repeats it.
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;

use crate::ledger::postgres::{Limits, Target};
use crate::ledger::{Hold, ServerSite, Site};
use crate::settings::Settings;

/// As the config says it; else what is wrong with it.
pub(super) fn of(settings: &Settings) -> Result<Site, String> {
    let Some(url) = &settings.ledger.url else { return Ok(Site::File(settings.state_dir.clone())) };
    let ttl = settings.ledger.lease_ttl.unsigned_abs();
    server(settings, url.expose_secret(), Limits::of_lease(ttl)).map_err(|why| format!("ledger.url: {why}"))
}

/// The server behind the URL in this file; else what is wrong with it.
pub(super) fn of_url_file(settings: &Settings, file: &Path) -> Result<Site, String> {
    let ttl = settings.ledger.lease_ttl.unsigned_abs();
    of_file(settings, file, Limits::of_lease(ttl))
}

/// The same, for a command that takes its time in one transaction.
pub(super) fn to_copy(settings: &Settings, file: &Path) -> Result<Site, String> {
    of_file(settings, file, Limits { statement: Duration::from_secs(60), idle: Duration::from_secs(3_600) })
}

fn of_file(settings: &Settings, file: &Path, limits: Limits) -> Result<Site, String> {
    let url = crate::settings::secret_in(file)?;
    server(settings, url.expose_secret(), limits).map_err(|why| format!("{}: {why}", file.display()))
}

fn server(settings: &Settings, url: &str, limits: Limits) -> Result<Site, String> {
    let target = Target::read(url, limits).map_err(|e| e.to_string())?;
    Ok(Site::Server(Box::new(ServerSite {
        target,
        state_dir: settings.state_dir.clone(),
        hold: Arc::new(Hold::default()),
        allow_async_standby: settings.ledger.allow_async_standby,
    })))
}
