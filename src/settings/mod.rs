//! What the operator wants, checked: the typed form of the config files.
//!
//! Responsible for: reading the layers, telling every problem at once, resolving secrets. Not responsible for acting
//! on any of it. (Named `settings` because a module `config` would hide the crate.)
use std::path::PathBuf;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use secrecy::{ExposeSecret, SecretString};

use crate::budget::Budget;
use crate::domain::identity::fingerprint;
use crate::domain::time::Timing;
use crate::domain::{AccountName, Alert, Money, OwnerSays, ProviderName, Severity};
use crate::planner::Guard;
use crate::policy::{Labels, LastPaid, Policies, Policy, Providers};
use crate::record::Channel as Way;

mod amounts;
mod answer;
mod channels;
mod cross;
mod draft;
mod fields;
mod footing;
mod formats;
mod hint;
mod hook_words;
mod hooks;
mod json_schema;
mod labels;
mod layers;
mod ledger;
mod load;
mod log_words;
mod places;
mod problems;
mod program;
mod program_keys;
mod reference;
mod schema;
mod schema_check;
mod secret;
mod sections;
mod service;
mod sources;
mod tables;
mod tree;
mod value_check;
mod values;
mod warnings;

pub use answer::{accepts, is_this_machine, providers, says_nothing};
pub use channels::Channel;
pub use footing::{bare, load_rules, load_sealed, stand_in, state_dir};
pub use formats::{Format, topic};
pub use hooks::Hook;
pub use json_schema::config_schema;
pub use ledger::LedgerSettings;
pub use load::{Examined, examine, load, load_as_of};
pub use places::Places;
pub use problems::problem_line;
pub use program::ProgramSettings;
pub use reference::{Chapter, KeyWords, reference};
pub use secret::secret_in;
pub use service::{Http, Log, LogFormat};
pub use sources::Sources;
pub use values::{PROGRAM, parse_cron, parse_duration};

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
    /// `[[label]]`: names for leases.
    pub labels: Arc<Labels>,
    /// `[[budget]]`, in file order. The policies of each are named with the names that they had, so that what was paid under those
    /// counts in it.
    pub budgets: Vec<Budget>,
    /// Names that policies had, each with the present one.
    pub policy_names: Vec<(String, String)>,
    /// Names that budgets had, each with the present one.
    pub budget_names: Vec<(String, String)>,
    /// `[alerts]`.
    pub alerts: Alerts,
    /// `[[hook]]`, in file order.
    pub hooks: Vec<Hook>,
    /// `[http]`.
    pub http: Http,
    /// `[log]`.
    pub log: Log,
    /// `[ledger]`.
    pub ledger: LedgerSettings,
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
    /// `youproxy`, `proxyshard`, `proxyseller` or `px6`.
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
    /// What its provider does not tell.
    pub owner_says: OwnerSays,
    /// The program that does the asking and paying, where that is not renewd itself.
    pub program: Option<ProgramSettings>,
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
    /// `[[alerts.channel]]`.
    pub channels: Vec<Channel>,
    /// Where the page is, for links in messages; `None` = it is off.
    pub page: Option<String>,
    /// `[alerts.heartbeat] url`, a secret: pinged after each good cycle, `URL/fail` after a bad one. https, or http to
    /// a loopback address.
    pub heartbeat: Option<SecretString>,
}

impl Alerts {
    /// Every way that messages leave by.
    #[must_use]
    pub fn ways(&self) -> Vec<Way> {
        let mail = self.email.as_ref().map(|_| Way::Mail);
        let webhook = self.webhook.as_ref().map(|_| Way::Webhook);
        let named = self.channels.iter().map(|channel| Way::Named(channel.name.clone()));
        mail.into_iter().chain(webhook).chain(named).collect()
    }

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
    /// What renewd calls itself to the server; none: this machine's name.
    pub helo: Option<String>,
    /// A PEM file of CAs to trust beside the system's, and of server certificates that are trusted as they are.
    pub ca: Option<PathBuf>,
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

impl Route {
    /// Whether this alert goes to its recipients.
    #[must_use]
    pub fn takes(&self, alert: &Alert) -> bool {
        channels::fits(&self.severity, &self.accounts, alert)
    }
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

impl Account {
    /// What the request limit goes by: the key, or what stands for it.
    #[must_use]
    pub fn pace_key(&self) -> SecretString {
        match self.api_key.expose_secret() {
            "" => SecretString::from(self.base_url.to_string()),
            _ => self.api_key.clone(),
        }
    }
}

impl Providers for Settings {
    fn provider(&self, account: &AccountName) -> Option<&ProviderName> {
        self.account(account).map(|a| &a.provider)
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

    /// The policies with what it takes to find a lease's. `last_paid` is only asked where some policy looks at prices:
    /// see [`crate::engine::last_paid`].
    #[must_use]
    pub fn policies<'a>(&'a self, now: jiff::Timestamp, last_paid: &'a dyn LastPaid) -> Policies<'a> {
        Policies { all: &self.policies, labels: &self.labels, providers: self, now, last_paid }
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

    /// What the ledger must know of the hooks.
    #[must_use]
    pub fn subscriptions(&self) -> Vec<crate::record::Subscription> {
        self.hooks.iter().map(Hook::subscription).collect()
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
        let channels = self.alerts.channels.iter().flat_map(Channel::secrets);
        keys.chain(channels)
            .chain(others.into_iter().flatten())
            .map(|secret| secret.expose_secret().to_owned())
            .chain(self.ledger.secrets())
            .collect()
    }
}
