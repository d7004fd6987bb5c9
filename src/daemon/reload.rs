//! Reading the config again on a SIGHUP: at once and beside the loop, so that whoever asked hears soon whether it was taken, however long
//! the cycle lasts that is under way. Not responsible for when it takes effect: the loop takes it between two cycles.
//!
//! A crash before the loop took it loses nothing: the next start reads the files.
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::systemd::Beacon;
use crate::alerts::rules::config_changed;
use crate::alerts::tell;
use crate::engine::{Payer, Viewer};
use crate::ledger::LedgerError;
use crate::redact::Redactor;
use crate::settings::problem_line;
use crate::settings::{Problem, Settings};
use crate::views::{LAST_RELOAD, LastReload, changes, value};
use crate::wiring;

/// How settings are read again.
pub type Reload = Arc<dyn Fn() -> Result<(Settings, Redactor), Vec<Problem>> + Send + Sync>;

/// What answers a SIGHUP.
pub(super) struct Listener {
    /// By the newest config that was taken, also where the loop did not come to it yet.
    newest: Mutex<Payer>,
    read: Reload,
    beacon: Beacon,
    fresh: Arc<Fresh>,
}

/// Where the loop finds what was read. Of two that it did not come to, the newer one counts.
#[derive(Default)]
pub(super) struct Fresh {
    payer: Mutex<Option<Box<Payer>>>,
    /// Something came.
    pub arrived: Notify,
}

impl Fresh {
    pub fn take(&self) -> Option<Box<Payer>> {
        self.payer.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Listener {
    pub fn new(payer: Payer, read: Reload, beacon: Beacon, fresh: Arc<Fresh>) -> Self {
        Self { newest: Mutex::new(payer), read, beacon, fresh }
    }

    fn newest(&self) -> Payer {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Answers each wish, one after the other, for as long as the process lives.
    pub async fn listen(self, asked: Arc<Notify>) {
        let this = Arc::new(self);
        loop {
            asked.notified().await;
            let answer = Arc::clone(&this);
            // Files and the ledger block; a stop must not wait for them.
            let answered = tokio::task::spawn_blocking(move || answer.answer()).await;
            if answered.is_err() {
                tracing::error!(
                    "the config could not be read again: internal error; the old one stays in force"
                );
            }
        }
    }

    /// A bad config keeps the old one, and says so by mail.
    fn answer(&self) {
        let before = self.newest().viewer;
        self.beacon.reloading();
        let refused = match (self.read)() {
            Ok((settings, redactor)) => self.take(settings, &redactor).err(),
            Err(problems) => Some(problems.iter().map(problem_line).collect()),
        };
        match &refused {
            None => tracing::info!("the config was read again"),
            Some(lines) => lines.iter().for_each(|line| tracing::error!("{line}")),
        }
        let taken = refused.is_none();
        let text = refused.map(|lines: Vec<String>| lines.join("\n"));
        // The ledger's alerts are the paying node's to tell: a standby has its log.
        let acts = before.tenure.epoch().is_some();
        if acts && let Err(e) = tell::config(&self.newest().viewer, text.as_deref()) {
            tracing::error!("{e}");
        }
        self.beacon.ready();
        if acts
            && taken
            && let Err(e) = compare(&before, &self.newest().viewer)
        {
            tracing::error!("what the new config changes is not known: {e}");
        }
    }

    fn take(&self, settings: Settings, redactor: &Redactor) -> Result<(), Vec<String>> {
        let Payer { viewer: old, keys, .. } = self.newest();
        for (key, changed) in [
            ("state_dir", settings.state_dir != old.settings.state_dir),
            ("[ledger]", settings.ledger.differs(&old.settings.ledger)),
            ("runtime_dir", settings.runtime_dir != keys.folder()),
        ] {
            if changed {
                return Err(vec![format!(
                    "{key} changed: that needs a restart; the old config stays in force"
                )]);
            }
        }
        let (ledger, clock) = (Arc::clone(&old.ledger), Arc::clone(&old.clock));
        let built = wiring::viewer(Arc::new(settings), ledger, clock, redactor).and_then(|mut viewer| {
            viewer.stop = old.stop.clone();
            viewer.tenure = Arc::clone(&old.tenure);
            viewer.beat = Arc::clone(&old.beat);
            wiring::payer(viewer, redactor)
        });
        let mut payer = built.map_err(|e| vec![e.to_string()])?;
        payer.keys = keys;
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = payer.clone();
        *self.fresh.payer.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(payer));
        self.fresh.arrived.notify_one();
        Ok(())
    }
}

/// Says which leases the new config decides otherwise: in the log and on record, and to people where it moves money.
fn compare(before: &Viewer, after: &Viewer) -> Result<(), LedgerError> {
    let at = after.clock.now().wall;
    let (changes, leases) = changes(before, after, at)?;
    let totals = &changes.totals;
    let money = totals.words();
    tracing::info!(
        changed = changes.changes.len(),
        leases,
        "under the new config {} of {leases} leases are decided otherwise{}{}",
        totals.leases,
        if money.is_empty() { "" } else { ": " },
        money.join("; ")
    );
    after.ledger.note(LAST_RELOAD, &value(&LastReload::new(at, totals)).to_string())?;
    if !totals.moves_money() {
        return Ok(());
    }
    let lapse = !totals.less.is_empty() || (totals.unknown_prices > 0 && totals.leases > 0);
    let changed = (changes.changes.len(), leases);
    tell::facts(after, &[config_changed(totals.kinds(), changed, &money, lapse, at)])
}
