//! The wiring: the one place where ports meet what is behind them.
use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::engine::{Payer, Viewer};
use crate::keylock::{KeyLocks, placed};
use crate::ledger::{IDENTITY, Ledger, Tenure, check_note, is_checked};
use crate::providers::exec::{self, Runner, Setup};
use crate::providers::limiter::{Limiter, SharedLimiter, SharedWindow};
use crate::providers::{self, ConnectError, Connection};
use crate::record::{RequestRow, RequestTurn};
use crate::redact::Redactor;
use crate::settings::{Account, ProgramSettings, Settings};

/// The window that a ledger on a server keeps for all its machines.
struct LedgerWindow(Arc<dyn Ledger>);

impl SharedWindow for LedgerWindow {
    fn turn(
        &self,
        account: &str,
        work: &mut dyn FnMut(&[RequestRow], i64) -> RequestTurn,
    ) -> Result<(), String> {
        match self.0.request_turn(account, work) {
            Ok(true) => Ok(()),
            Ok(false) => Err("the ledger keeps no window".to_owned()),
            Err(e) => Err(e.to_string()),
        }
    }
}

fn connection(
    settings: &Settings,
    account: &Account,
    ledger: &Arc<dyn Ledger>,
    clock: &Arc<dyn Clock>,
    redactor: &Redactor,
) -> Connection {
    let window = settings.ledger.url.as_ref().map(|_| {
        let window: Arc<dyn SharedWindow> = Arc::new(LedgerWindow(Arc::clone(ledger)));
        window
    });
    let limiter = SharedLimiter::new(
        &settings.state_dir,
        account.name.clone(),
        &account.provider,
        &account.pace_key(),
        account.max_requests_per_minute,
        Arc::clone(clock),
    );
    let pace = providers::capabilities(&account.provider).and_then(|c| c.pace);
    let limiter: Arc<dyn Limiter> = Arc::new(limiter.paced(pace).shared_by(window));
    Connection {
        account: account.name.clone(),
        base_url: account.base_url.clone(),
        api_key: account.api_key.clone(),
        read_timeout: settings.timing.read_timeout,
        money_timeout: settings.timing.money_timeout,
        redactor: redactor.clone(),
        clock: Arc::clone(clock),
        limiter,
        owner_says: account.owner_says.clone(),
    }
}

/// A program as the config has it. One that must have passed the check is looked up in the ledger before each run.
fn setup(program: &ProgramSettings, ledger: &Arc<dyn Ledger>) -> Setup {
    let (ledger, required) = (Arc::clone(ledger), program.require_check);
    let allowed = move |digest: &str| match required {
        false => Ok(()),
        true => checked(ledger.as_ref(), digest),
    };
    Setup {
        command: program.command.clone(),
        settings: program.settings.clone(),
        secret_env: program.secret_env.clone(),
        trust_refusals: program.trust_refusals,
        allowed: Arc::new(allowed),
        runner: Runner::default(),
        grace: exec::GRACE,
    }
}

fn checked(ledger: &dyn Ledger, digest: &str) -> Result<(), String> {
    match ledger.noted(&check_note(digest)) {
        Ok(note) if is_checked(note.as_deref()) => Ok(()),
        Ok(_) => {
            Err("the program is not run: as it is now it has not passed `renewd provider check`, and the config has \
                 require_check = true. Check it: renewd provider check PROGRAM --config FILE"
                .to_owned())
        }
        Err(e) => Err(format!("the program is not run: whether it passed its check cannot be read: {e}")),
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
        let connection = connection(&settings, account, &ledger, &clock, redactor);
        let reader = match &account.program {
            Some(program) => exec::reader(&connection, setup(program, &ledger)),
            None => providers::connect(&account.provider, connection)?,
        };
        readers.insert(account.name.clone(), reader);
    }
    Ok(Viewer {
        settings,
        ledger,
        tenure: Arc::new(Tenure::alone()),
        clock,
        readers,
        stop: CancellationToken::new(),
        beat: Arc::new(|| {}),
    })
}

/// Adds the parts that spend and change. Only for a ledger that was opened to pay.
///
/// # Errors
/// A client cannot be built.
pub fn payer(viewer: Viewer, redactor: &Redactor) -> Result<Payer, ConnectError> {
    let (mut spenders, mut changers) = (BTreeMap::new(), BTreeMap::new());
    for account in &viewer.settings.accounts {
        let connection = connection(&viewer.settings, account, &viewer.ledger, &viewer.clock, redactor);
        let (spender, changer) = match &account.program {
            Some(program) => {
                let setup = setup(program, &viewer.ledger);
                (exec::spender(&connection, setup.clone()), exec::changer(&connection, setup))
            }
            None => (
                providers::connect_spender(&account.provider, connection.clone())?,
                providers::connect_changer(&account.provider, connection)?,
            ),
        };
        spenders.insert(account.name.clone(), spender);
        changers.insert(account.name.clone(), changer);
    }
    let id = viewer.ledger.noted(IDENTITY).ok().flatten().unwrap_or_default();
    // A ledger on a server is one, wherever its nodes keep their state.
    let id = match viewer.settings.ledger.url {
        Some(_) => id,
        None => placed(&id, &viewer.settings.state_dir),
    };
    let keys = Arc::new(KeyLocks::new(viewer.settings.runtime_dir.clone(), id));
    Ok(Payer { viewer, spenders, changers, keys })
}
