//! The wiring: the one place where ports meet what is behind them.
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::engine::{Payer, Viewer};
use crate::keylock::KeyLocks;
use crate::ledger::{IDENTITY, Ledger};
use crate::providers::limiter::{Limiter, SharedLimiter};
use crate::providers::{self, ConnectError, Connection};
use crate::redact::Redactor;
use crate::settings::{Account, Settings};

fn connection(
    settings: &Settings,
    account: &Account,
    clock: &Arc<dyn Clock>,
    redactor: &Redactor,
) -> Connection {
    let limiter: Arc<dyn Limiter> = Arc::new(SharedLimiter::new(
        &settings.state_dir,
        account.name.clone(),
        &account.provider,
        &account.api_key,
        account.max_requests_per_minute,
        Arc::clone(clock),
    ));
    Connection {
        account: account.name.clone(),
        base_url: account.base_url.clone(),
        api_key: account.api_key.clone(),
        read_timeout: settings.timing.read_timeout,
        money_timeout: settings.timing.money_timeout,
        redactor: redactor.clone(),
        clock: Arc::clone(clock),
        limiter,
    }
}

/// The part that looks, for every configured account.
///
/// # Errors
/// A client cannot be built (no CA certificates, say).
pub fn viewer(
    settings: Arc<Settings>,
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    redactor: &Redactor,
) -> Result<Viewer, ConnectError> {
    let mut readers = BTreeMap::new();
    for account in &settings.accounts {
        let connection = connection(&settings, account, &clock, redactor);
        readers.insert(account.name.clone(), providers::connect(&account.provider, connection)?);
    }
    Ok(Viewer { settings, ledger, clock, readers, stop: CancellationToken::new(), beat: Arc::new(|| {}) })
}

/// The ledger's id and where its lock is: a copy of a ledger has the id of the original, and knows nothing of its payments.
#[must_use]
pub fn placed(id: &str, state_dir: &Path) -> String {
    match std::fs::metadata(state_dir.join("ledger.lock")) {
        Ok(lock) => format!("{id} {}:{}", lock.dev(), lock.ino()),
        Err(_) => id.to_owned(),
    }
}

/// Adds the parts that spend and change. Only for a ledger that was opened to pay.
///
/// # Errors
/// A client cannot be built.
pub fn payer(viewer: Viewer, redactor: &Redactor) -> Result<Payer, ConnectError> {
    let (mut spenders, mut changers) = (BTreeMap::new(), BTreeMap::new());
    for account in &viewer.settings.accounts {
        let connection = connection(&viewer.settings, account, &viewer.clock, redactor);
        let spender = providers::connect_spender(&account.provider, connection.clone())?;
        spenders.insert(account.name.clone(), spender);
        changers.insert(account.name.clone(), providers::connect_changer(&account.provider, connection)?);
    }
    let id = viewer.ledger.noted(IDENTITY).ok().flatten().unwrap_or_default();
    let keys =
        Arc::new(KeyLocks::new(viewer.settings.runtime_dir.clone(), placed(&id, &viewer.settings.state_dir)));
    Ok(Payer { viewer, spenders, changers, keys })
}
