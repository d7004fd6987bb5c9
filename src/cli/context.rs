//! What every command starts from: the config, the clock, the ledger; and how a failure is shown.
use std::sync::Arc;

use crate::clock::{Clock, SystemClock};
use crate::daemon::run::problem_line;
use crate::daemon::{logging, wire};
use crate::documents;
use crate::engine::{EngineError, Viewer, claims};
use crate::exit::Exit;
use crate::ledger::sqlite::{self, Access, SqliteLedger};
use crate::ledger::{Ledger, LedgerError};
use crate::redact::Redactor;
use crate::settings::{self, Problem, Settings, Sources};

use super::args::{Global, LedgerArgs};
use super::output;

/// A command's end before its time.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    kind: &'static str,
    message: String,
    problems: Vec<Problem>,
}

impl Failure {
    /// Wrong words on the command line or an unknown target: exit 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, kind: "usage", message: message.into(), problems: Vec::new() }
    }

    /// Something that should have worked: exit 1.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, kind: "failed", message: message.into(), problems: Vec::new() }
    }

    /// The config's problems: exit 2.
    pub fn config(problems: Vec<Problem>) -> Self {
        let n = problems.len();
        let message =
            format!("the config has {n} problem{}; nothing was done", if n == 1 { "" } else { "s" });
        Self { exit: Exit::Usage, kind: "config", message, problems }
    }

    /// Shows it to whom it concerns and gives the exit code.
    pub fn show(&self, json: bool) -> Exit {
        if json {
            let mut document = documents::failure(self.kind, &self.message);
            if !self.problems.is_empty() {
                document["problems"] = documents::value(&self.problems);
            }
            output::json(&document);
        }
        self.problems.iter().for_each(|p| output::note(&problem_line(p)));
        output::note(&format!("renewd: {}", self.message));
        self.exit
    }
}

impl From<LedgerError> for Failure {
    fn from(e: LedgerError) -> Self {
        let (exit, kind) = match &e {
            LedgerError::Held(_) => (Exit::Held, "held"),
            LedgerError::Newer { .. } => (Exit::Usage, "newer_ledger"),
            LedgerError::Exists(_) => (Exit::Usage, "file_exists"),
            LedgerError::NoIntent(_) => (Exit::Usage, "unknown_intent"),
            _ => (Exit::Failed, "ledger"),
        };
        Self { exit, kind, message: e.to_string(), problems: Vec::new() }
    }
}

impl From<EngineError> for Failure {
    fn from(e: EngineError) -> Self {
        match e {
            EngineError::Ledger(e) => e.into(),
        }
    }
}

/// Config and clock.
pub struct Context {
    /// Checked.
    pub settings: Arc<Settings>,
    /// The machine's.
    pub clock: Arc<dyn Clock>,
    /// Knows every secret of the config.
    pub redactor: Redactor,
    /// `--json`.
    pub json: bool,
    /// The config itself is in force; else it cannot be used, and the settings are what a command of the ledger needs of them.
    pub config_is_good: bool,
    /// The whole config is good and says where the ledger is: it may be made there, as the daemon would.
    may_make: bool,
}

impl Context {
    /// Reads the config; from here on every log line hides its secrets.
    pub fn load(global: &Global) -> Result<Self, Failure> {
        let settings = settings::load(&Sources::from_process(&global.config)).map_err(Failure::config)?;
        Ok(Self::of(settings, global.json).warned())
    }

    /// Logs what the config is warned of, in the style that it asks for.
    fn warned(self) -> Self {
        self.settings.warnings.iter().for_each(|warning| tracing::warn!("{}", problem_line(warning)));
        self
    }

    /// A context of settings already read; their warnings are the caller's to show.
    pub fn of(settings: Settings, json: bool) -> Self {
        let redactor = Redactor::new(settings.secrets());
        logging::hide(redactor.clone());
        logging::adopt(&settings.log);
        Self {
            settings: Arc::new(settings),
            clock: Arc::new(SystemClock::new()),
            redactor,
            json,
            config_is_good: true,
            may_make: true,
        }
    }

    /// What a command needs that works on the ledger alone: a config that cannot be used does not keep it from working, as long
    /// as it is clear which ledger is the daemon's.
    pub fn of_ledger(global: &Global, at: &LedgerArgs) -> Result<Self, Failure> {
        if at.ledger_url_file.is_some() {
            return Err(Failure::usage(
                "--ledger-url-file is not built yet: nothing was done. Use --state-dir DIR",
            ));
        }
        let sources = Sources::from_process(&global.config);
        let mut ctx = match settings::load(&sources) {
            Ok(settings) => Self::of(settings, global.json).warned(),
            Err(problems) => Self::of_the_rest(&sources, at, problems, global.json)?,
        };
        if let Some(dir) = &at.state_dir {
            let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.clone());
            Arc::make_mut(&mut ctx.settings).state_dir = dir;
            ctx.may_make = false;
        }
        Ok(ctx)
    }

    /// What is left of a config that cannot be used.
    fn of_the_rest(
        sources: &Sources,
        at: &LedgerArgs,
        problems: Vec<Problem>,
        json: bool,
    ) -> Result<Self, Failure> {
        if let Ok(settings) = settings::load_sealed(sources) {
            output::note(
                "renewd: the secrets that the config names cannot be read here; this command needs none",
            );
            return Ok(Self { may_make: false, ..Self::of(settings, json) });
        }
        let dir = match &at.state_dir {
            Some(dir) => dir.clone(),
            None => settings::state_dir(sources).map_err(|why| Failure {
                exit: Exit::Usage,
                kind: "config",
                message: format!(
                    "the config cannot be used, and it is not certain where the ledger is ({why}): name its folder with --state-dir DIR"
                ),
                problems: problems.clone(),
            })?,
        };
        let settings = settings::bare(dir).ok_or_else(|| Failure::config(problems.clone()))?;
        problems.iter().for_each(|p| output::note(&problem_line(p)));
        output::note("renewd: the config cannot be used; this command works on the ledger alone");
        Ok(Self { config_is_good: false, may_make: false, ..Self::of(settings, json) })
    }

    /// Opens the ledger, and says which one it is. Unless the whole config is good none is made: a pause in a new ledger beside the
    /// daemon's would stop nothing. Of a config that cannot be used the accounts are unknown: those of the ledger stand in.
    pub fn known_ledger(&mut self, access: Access) -> Result<Arc<SqliteLedger>, Failure> {
        let dir = &self.settings.state_dir;
        let opened = match sqlite::open(dir, Access::Read) {
            Err(e @ LedgerError::Missing(_)) if !self.may_make || access == Access::Read => {
                return Err(Failure::usage(format!(
                    "{e}: nothing was done. If the daemon keeps its ledger elsewhere, name that folder with --state-dir DIR"
                )));
            }
            // An older one is brought up by whoever may write it.
            _ if access != Access::Read => sqlite::open(dir, access),
            opened => opened,
        };
        output::note(&format!("renewd: the ledger is {}", dir.join("ledger.db").display()));
        let ledger = opened?;
        if !self.config_is_good {
            let known = ledger.accounts()?.into_iter();
            let accounts = known.filter_map(|a| settings::stand_in(a.account, a.provider)).collect();
            Arc::make_mut(&mut self.settings).accounts = accounts;
        }
        Ok(Arc::new(ledger))
    }

    /// Opens the ledger for reading; before the first cycle there is none, and an empty one stands in.
    pub fn reading(&self) -> Result<Arc<SqliteLedger>, Failure> {
        match sqlite::open(&self.settings.state_dir, Access::Read) {
            Ok(ledger) => self.as_named(Arc::new(ledger)),
            Err(LedgerError::Missing(_)) => Ok(Arc::new(sqlite::in_memory()?)),
            Err(e) => Err(e.into()),
        }
    }

    /// With its accounts called as the config calls them: one that was renamed is known by its old name until the next pass that pays.
    fn as_named(&self, ledger: Arc<SqliteLedger>) -> Result<Arc<SqliteLedger>, Failure> {
        let claims = claims(&self.settings, ledger.as_ref())?;
        Ok(ledger.as_named(&claims, self.now())?.map_or(ledger, Arc::new))
    }

    /// The part that looks.
    pub fn viewer(&self, ledger: Arc<dyn Ledger>) -> Result<Viewer, Failure> {
        wire::viewer(Arc::clone(&self.settings), ledger, Arc::clone(&self.clock), &self.redactor)
            .map_err(|e| Failure::failed(e.to_string()))
    }

    /// The same for reading; before the first cycle of a good config there is none, and an empty one stands in.
    pub fn known_reading(&mut self) -> Result<Arc<SqliteLedger>, Failure> {
        let found = sqlite::open(&self.settings.state_dir, Access::Read);
        // None yet, or one whose making was cut off: the next start makes it.
        if self.may_make && matches!(found, Err(LedgerError::Missing(_))) {
            return self.reading();
        }
        let ledger = self.known_ledger(Access::Read)?;
        if self.config_is_good { self.as_named(ledger) } else { Ok(ledger) }
    }

    /// Now.
    pub fn now(&self) -> jiff::Timestamp {
        self.clock.now().wall
    }
}
