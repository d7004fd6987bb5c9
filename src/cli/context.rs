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

use super::args::Global;
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
}

impl Context {
    /// Reads the config; from here on every log line hides its secrets.
    pub fn load(global: &Global) -> Result<Self, Failure> {
        let settings = settings::load(&Sources::from_process(&global.config)).map_err(Failure::config)?;
        for warning in &settings.warnings {
            tracing::warn!("{}", problem_line(warning));
        }
        Ok(Self::of(settings, global.json))
    }

    /// A context of settings already read; their warnings are the caller's to show.
    pub fn of(settings: Settings, json: bool) -> Self {
        let redactor = Redactor::new(settings.secrets());
        logging::hide(redactor.clone());
        Self { settings: Arc::new(settings), clock: Arc::new(SystemClock::new()), redactor, json }
    }

    /// Opens the ledger.
    pub fn ledger(&self, access: Access) -> Result<Arc<SqliteLedger>, Failure> {
        Ok(Arc::new(sqlite::open(&self.settings.state_dir, access)?))
    }

    /// Opens it for reading; before the first cycle there is none, and an empty one stands in.
    pub fn reading(&self) -> Result<Arc<SqliteLedger>, Failure> {
        match sqlite::open(&self.settings.state_dir, Access::Read) {
            Ok(ledger) => {
                // An account that was renamed is known by its old name until the next pass that pays.
                let claims = claims(&self.settings, &ledger)?;
                Ok(Arc::new(ledger.as_named(&claims, self.now())?.unwrap_or(ledger)))
            }
            Err(LedgerError::Missing(_)) => Ok(Arc::new(sqlite::in_memory()?)),
            Err(e) => Err(e.into()),
        }
    }

    /// The part that looks.
    pub fn viewer(&self, ledger: Arc<dyn Ledger>) -> Result<Viewer, Failure> {
        wire::viewer(Arc::clone(&self.settings), ledger, Arc::clone(&self.clock), &self.redactor)
            .map_err(|e| Failure::failed(e.to_string()))
    }

    /// Now.
    pub fn now(&self) -> jiff::Timestamp {
        self.clock.now().wall
    }
}
