//! What every command starts from: the config, the clock, the ledger; and how a failure is shown.
use std::sync::Arc;

use crate::clock::{Clock, SystemClock};
use crate::engine::claims;
use crate::engine::{EngineError, Viewer};
use crate::exit::Exit;
use crate::ledger::sqlite::{Access, Early, SqlLedger};
use crate::ledger::{Inventories, Ledger, LedgerError, Site};
use crate::redact::Redactor;
use crate::settings::problem_line;
use crate::settings::{self, Problem, Settings, Sources};
use crate::views;
use crate::{logging, wiring};

use super::args::Global;
use super::output;
use super::record_args::LedgerArgs;
use super::site;

/// The state folder of whoever only speaks to a server: nothing is there, and nothing can be.
pub const NOWHERE: &str = "/dev/null";

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
            let mut document = views::failure(self.kind, &self.message);
            if !self.problems.is_empty() {
                document["problems"] = views::value(&self.problems);
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
            LedgerError::Held(_) | LedgerError::Elsewhere(_) => (Exit::Held, "held"),
            LedgerError::MovedTo { .. } => (Exit::Usage, "moved_ledger"),
            LedgerError::Served(_) => (Exit::Usage, "usage"),
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

/// What is wrong with the place of the ledger.
fn nowhere(why: String) -> Failure {
    Failure::usage(format!("{why}; nothing was done"))
}

/// Where the command line names the place, what the config says of it is not looked at.
fn of_the_file(mut settings: Settings, at: &LedgerArgs) -> Settings {
    if at.state_dir.is_some() || at.ledger_url_file.is_some() {
        settings.ledger.url = None;
    }
    settings
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
    /// Where its ledger is.
    pub site: Site,
    /// The whole config is good and says where the ledger is, or will be made by the daemon.
    may_make: bool,
}

impl Context {
    /// Reads the config; from here on every log line hides its secrets.
    pub fn load(global: &Global) -> Result<Self, Failure> {
        let settings = settings::load(&Sources::from_process(&global.config)).map_err(Failure::config)?;
        Ok(Self::of(settings, global.json)?.warned())
    }

    /// Of this folder and nothing else.
    pub fn of_folder(dir: &std::path::Path, json: bool) -> Result<Self, Failure> {
        let settings =
            settings::bare(dir.to_owned()).ok_or_else(|| Failure::failed("no settings can be made"))?;
        Self::of(settings, json)
    }

    /// Logs what the config is warned of, in the style that it asks for.
    fn warned(self) -> Self {
        self.settings.warnings.iter().for_each(|warning| tracing::warn!("{}", problem_line(warning)));
        self
    }

    /// A context of settings already read; their warnings are the caller's to show.
    pub fn of(settings: Settings, json: bool) -> Result<Self, Failure> {
        let redactor = Redactor::new(settings.secrets());
        logging::hide(redactor.clone());
        logging::adopt(&settings.log);
        Ok(Self {
            site: site::of(&settings).map_err(nowhere)?,
            settings: Arc::new(settings),
            clock: Arc::new(SystemClock::new()),
            redactor,
            json,
            config_is_good: true,
            may_make: true,
        })
    }

    /// What a command needs that works on the ledger alone: a config that cannot be used does not keep it from working, as long
    /// as it is clear which ledger is the daemon's.
    pub fn of_ledger(global: &Global, at: &LedgerArgs) -> Result<Self, Failure> {
        let sources = Sources::from_process(&global.config);
        let mut ctx = match settings::load(&sources) {
            Ok(settings) => Self::of(of_the_file(settings, at), global.json)?.warned(),
            Err(problems) => Self::of_the_rest(&sources, at, problems, global.json)?,
        };
        if let Some(dir) = &at.state_dir {
            let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.clone());
            ctx.site = Site::File(dir.clone());
            Arc::make_mut(&mut ctx.settings).state_dir = dir;
            ctx.may_make = false;
        }
        if let Some(file) = &at.ledger_url_file {
            ctx.site = site::of_url_file(&ctx.settings, file).map_err(nowhere)?;
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
        let sealed = settings::load_sealed(sources).ok();
        // Where the ledger is, is such a secret.
        let is_placed = at.state_dir.is_some() || at.ledger_url_file.is_some();
        if let Some(settings) = sealed.filter(|s| is_placed || s.ledger.url.is_none()) {
            output::note(
                "renewd: the secrets that the config names cannot be read here; this command needs none",
            );
            return Ok(Self { may_make: false, ..Self::of(of_the_file(settings, at), json)? });
        }
        let dir = match (&at.state_dir, &at.ledger_url_file) {
            (Some(dir), _) => dir.clone(),
            (None, Some(_)) => NOWHERE.into(),
            (None, None) => settings::state_dir(sources).map_err(|why| Failure {
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
        Ok(Self { config_is_good: false, may_make: false, ..Self::of(settings, json)? })
    }

    /// Makes the ledger where a config that can be used says that it is to be, if there is none yet: what is silenced before the first
    /// start holds from it on. With any other config nobody knows where the daemon will make its own.
    pub fn make_ledger(&self) -> Result<(), Failure> {
        if self.config_is_good && matches!(self.site.open(Access::Read), Err(LedgerError::Missing(_))) {
            let access = if self.site.is_served() { Access::Note } else { Access::Pay };
            drop(self.site.open(access)?);
        }
        Ok(())
    }

    /// Opens the ledger, and says which one it is. None is made: a word in a new ledger beside the daemon's would be heard by nobody. Of a
    /// config that cannot be used the accounts are unknown: those of the ledger stand in.
    pub fn known_ledger(&mut self, access: Access) -> Result<Arc<SqlLedger>, Failure> {
        let opened = match self.site.open(Access::Read) {
            Err(e @ LedgerError::Missing(_)) => {
                return Err(Failure::usage(format!(
                    "{e}. Nothing was done. If the daemon keeps its ledger elsewhere, name that folder with --state-dir DIR, or the file with its URL with --ledger-url-file PATH"
                )));
            }
            // An older one is brought up by whoever may write it.
            _ if access != Access::Read => self.site.open(access),
            opened => opened,
        };
        output::note(&format!("renewd: the ledger is {}", self.site.label().display()));
        let ledger = opened?;
        if !self.config_is_good {
            let known = ledger.accounts()?.into_iter();
            let accounts = known.filter_map(|a| settings::stand_in(a.account, a.provider)).collect();
            Arc::make_mut(&mut self.settings).accounts = accounts;
        }
        Ok(Arc::new(ledger))
    }

    /// Opens the ledger for reading; before the first cycle there is none, and an empty one stands in.
    pub fn reading(&self) -> Result<Arc<SqlLedger>, Failure> {
        match self.site.open(Access::Read) {
            Ok(ledger) => self.as_named(Arc::new(ledger)),
            Err(LedgerError::Missing(_)) => Ok(Arc::new(self.site.stand_in()?)),
            Err(e) => Err(e.into()),
        }
    }

    /// With its accounts called as the config calls them: one that was renamed is known by its old name until the next pass that pays.
    fn as_named(&self, ledger: Arc<SqlLedger>) -> Result<Arc<SqlLedger>, Failure> {
        let claims = claims(&self.settings, ledger.as_ref())?;
        Ok(ledger.as_named(&claims, self.now())?.map_or(ledger, Arc::new))
    }

    /// The part that looks.
    pub fn viewer(&self, ledger: Arc<dyn Ledger>) -> Result<Viewer, Failure> {
        wiring::viewer(Arc::clone(&self.settings), ledger, Arc::clone(&self.clock), &self.redactor)
            .map_err(|e| Failure::failed(e.to_string()))
    }

    /// The same to pause or resume: where a good config says where the ledger will be, spending can be paused before the first start.
    pub fn for_pauses(&mut self) -> Result<(Arc<SqlLedger>, Option<Early>), Failure> {
        let is_missing = matches!(self.site.open(Access::Read), Err(LedgerError::Missing(_)));
        if is_missing && self.may_make && self.site.is_served() {
            // The server is the daemon's as well: there it can be made at once.
            return Ok((Arc::new(self.site.open(Access::Note)?), None));
        }
        if is_missing
            && self.may_make
            && let Some((ledger, early)) = self.site.before_first_start()?
        {
            let dir = self.settings.state_dir.display();
            output::note(&format!(
                "renewd: there is no ledger in {dir} yet: this holds from the first start with it"
            ));
            return Ok((Arc::new(ledger), Some(early)));
        }
        Ok((self.known_ledger(Access::Note)?, None))
    }

    /// The same for reading; before the first cycle of a good config there is none, and an empty one stands in.
    pub fn known_reading(&mut self) -> Result<Arc<SqlLedger>, Failure> {
        let found = self.site.open(Access::Read);
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
