//! What the operator wants, checked: the typed form of the config files.
//!
//! Responsible for: reading the layers, telling every problem at once, resolving secrets. Not responsible for acting
//! on any of it. (Named `settings` because a module `config` would hide the crate.)
use std::net::SocketAddr;
use std::path::PathBuf;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use secrecy::{ExposeSecret, SecretString};

use crate::budget::Budget;
use crate::domain::identity::fingerprint;
use crate::domain::time::Timing;
use crate::domain::{AccountName, Lease, Money, ProviderName, Severity};
use crate::planner::Guard;
use crate::policy::Policy;

mod cross;
mod doubts;
mod fields;
mod footing;
mod layers;
mod load;
mod places;
mod problems;
mod rows;
mod schema;
mod secret;
mod sections;
mod shape;
mod sources;
mod tree;
mod values;
mod walk;

pub use footing::{bare, load_sealed, stand_in, state_dir};
pub use load::{Examined, examine, load, load_as_of};
pub use places::Places;
pub use sources::Sources;
pub use values::{parse_cron, parse_duration};

/// The commented config that is shipped: every key, with its default or an example.
pub const EXAMPLE: &str = include_str!("../../config/renewd.example.toml");

/// Everything a renewd process runs on. Made by [`load`], so a value of this type has been checked; for commands that need
/// the ledger alone, what is left of a config by [`load_sealed`] and [`bare`].
#[derive(Debug, Clone)]
pub struct Settings {
    /// Holds `ledger.db`.
    pub state_dir: PathBuf,
    /// Holds the locks that are shared by all renewds of this machine.
    pub runtime_dir: PathBuf,
    /// IANA name as written, for display.
    pub timezone_name: String,
    /// Cron, calendar budgets, windows and `until` are in it.
    pub timezone: TimeZone,
    /// `[schedule]`.
    pub schedule: Schedule,
    /// `[timing]`.
    pub timing: Timing,
    /// `[guard]`.
    pub guard: Guard,
    /// `[[account]]`, in file order, at least one.
    pub accounts: Vec<Account>,
    /// `[[policy]]`, in file order, at least one.
    pub policies: Vec<Policy>,
    /// `[[budget]]`, in file order. The policies of each are named with the names that they had, so that what was paid under those
    /// counts in it.
    pub budgets: Vec<Budget>,
    /// Names that policies had, each with the present one.
    pub policy_names: Vec<(String, String)>,
    /// Names that budgets had, each with the present one.
    pub budget_names: Vec<(String, String)>,
    /// `[alerts]`.
    pub alerts: Alerts,
    /// `[http]`.
    pub http: Http,
    /// `[log]`.
    pub log: Log,
    /// Where keys of policies and budgets were written.
    pub places: Places,
    /// Read but worth a word (for the log and `check`), such as a policy that no lease can reach.
    pub warnings: Vec<Problem>,
}

/// `[schedule]`.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Cron expression with seconds, already known to parse.
    pub cycle: String,
    /// Digest mail; empty = off.
    pub report: String,
    /// Upper bound of the random delay before a scheduled cycle of `run`.
    pub jitter: SignedDuration,
}

/// `[[account]]`.
#[derive(Debug, Clone)]
pub struct Account {
    /// Unique.
    pub name: AccountName,
    /// Names it had.
    pub was: Vec<AccountName>,
    /// `youproxy` or `proxyshard`.
    pub provider: ProviderName,
    /// Without a trailing slash; https, or http to a loopback address.
    pub base_url: url::Url,
    /// The provider's API key.
    pub api_key: SecretString,
    /// Where that is kept, for people: a file, or what else the config names.
    pub api_key_at: String,
    /// In any 60 s, over all renewd processes.
    pub max_requests_per_minute: u32,
    /// Never spend below this.
    pub keep_balance: Money,
    /// Leases in one quote and payment.
    pub batch: usize,
}

/// `[alerts]`.
#[derive(Debug, Clone)]
pub struct Alerts {
    /// Warn when a balance will not last this long.
    pub runway: SignedDuration,
    /// An alert that still fires is told again after this.
    pub repeat: SignedDuration,
    /// How often one alert is told again within 24 hours; what is new, worse or over is always told.
    pub max_mails_per_day: usize,
    /// `[alerts.email]`; without it alerts are logged and kept in the ledger only.
    pub email: Option<Email>,
    /// `[[alerts.route]]`.
    pub routes: Vec<Route>,
    /// `[alerts.webhook]`.
    pub webhook: Option<Webhook>,
    /// `[alerts.heartbeat] url`, a secret: pinged after each good cycle, `URL/fail` after a bad one. https, or http to
    /// a loopback address.
    pub heartbeat: Option<SecretString>,
}

impl Alerts {
    /// Everybody who may get a mail, each once.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        let of_mail = self.email.iter().flat_map(|email| &email.to);
        for address in of_mail.chain(self.routes.iter().flat_map(|route| &route.to)) {
            if !all.contains(address) {
                all.push(address.clone());
            }
        }
        all
    }
}

/// `[http]`.
#[derive(Debug, Clone)]
pub struct Http {
    /// Where the status page and `/metrics` are served; `None` = off.
    pub listen: Option<SocketAddr>,
    /// Asked of every request where given; always given where `listen` is no loopback address.
    pub token: Option<SecretString>,
}

/// `[log]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// How a line looks.
    pub format: LogFormat,
    /// From which level on; `RUST_LOG` goes over it.
    pub level: tracing::Level,
}

/// `log.format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, `Journal` where stderr is systemd's journal, else JSON for `run` and text for other commands.
    Auto,
    /// Lines with time and level.
    Text,
    /// One document per line.
    Json,
    /// Lines with a priority and no time, as systemd's journal takes them.
    Journal,
}

/// `[alerts.email]`.
#[derive(Debug, Clone)]
pub struct Email {
    /// Server name.
    pub host: String,
    /// Server port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: Tls,
    /// For AUTH; given together with `password`.
    pub username: Option<String>,
    /// For AUTH.
    pub password: Option<SecretString>,
    /// Sender, a checked mailbox.
    pub from: String,
    /// Recipients, checked mailboxes, at least one.
    pub to: Vec<String>,
    /// A folder of templates in the place of built-in ones; whether they are any good is asked where they are used.
    pub templates: Option<PathBuf>,
}

/// `[alerts.webhook]`.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Where to post; a secret, since whoever knows it may post. https, or http to a loopback address.
    pub url: SecretString,
    /// Signs each call.
    pub secret: Option<SecretString>,
}

/// `tls`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// TLS from the first byte.
    Implicit,
    /// STARTTLS, required.
    StartTls,
    /// Plain, only to a loopback address.
    None,
}

/// `[[alerts.route]]`: the first route whose severity and account fit replaces the recipients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Empty = any.
    pub severity: Vec<Severity>,
    /// Empty = any.
    pub accounts: Vec<AccountName>,
    /// Checked mailboxes, at least one.
    pub to: Vec<String>,
}

/// One thing wrong with the config: what, where and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// The file, or `environment`.
    pub file: String,
    /// 1-based; `null` where there is no line (environment, a missing section).
    pub line: Option<usize>,
    /// Dotted key, such as `policy[2].before` or `timing.lag_window`.
    pub key: String,
    /// What is wrong and what to write instead. Never holds a secret's value.
    pub message: String,
}

impl Account {
    /// What the lock of its key is called: every renewd of a machine says the same of one key, and it does not tell the key.
    #[must_use]
    pub fn lock_name(&self) -> String {
        fingerprint("", &self.provider, self.base_url.as_str(), self.api_key.expose_secret())
    }
}

impl Settings {
    /// The account of that name.
    #[must_use]
    pub fn account(&self, name: &AccountName) -> Option<&Account> {
        self.accounts.iter().find(|a| &a.name == name)
    }

    /// The account of that name at that provider: a name that was given to another provider's account is not it.
    #[must_use]
    pub fn account_at(&self, name: &AccountName, provider: &ProviderName) -> Option<&Account> {
        self.account(name).filter(|a| &a.provider == provider)
    }

    /// The policy that a lease falls under: the first that matches it.
    #[must_use]
    pub fn policy_of(&self, lease: &Lease) -> Option<&Policy> {
        self.policies.iter().find(|p| p.matches.matches(lease))
    }

    /// What a policy of that name is called now. A name that is in use is its own.
    #[must_use]
    pub fn policy_called<'a>(&'a self, name: &'a str) -> &'a str {
        let now = self.policy_names.iter().find(|(was, _)| was == name);
        now.filter(|_| self.policies.iter().all(|p| p.name != name)).map_or(name, |(_, now)| now)
    }

    /// When cycles begin: the first start on the schedule after an instant.
    pub fn next_start(&self) -> impl Fn(jiff::Timestamp) -> Option<jiff::Timestamp> + '_ {
        let cron = parse_cron(&self.schedule.cycle).ok();
        move |after| {
            let at = after.to_zoned(self.timezone.clone());
            cron.as_ref()?.find_next_occurrence(&at, false).ok().map(|start| start.timestamp())
        }
    }

    /// The value of every secret, for the redactor and nothing else.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        let password = self.alerts.email.as_ref().and_then(|email| email.password.as_ref());
        let hook = self.alerts.webhook.as_ref();
        let others = [
            password,
            hook.map(|hook| &hook.url),
            hook.and_then(|hook| hook.secret.as_ref()),
            self.alerts.heartbeat.as_ref(),
            self.http.token.as_ref(),
        ];
        let keys = self.accounts.iter().map(|account| &account.api_key);
        keys.chain(others.into_iter().flatten()).map(|secret| secret.expose_secret().to_owned()).collect()
    }
}
