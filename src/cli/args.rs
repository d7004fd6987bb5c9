//! The command line as people type it. Not responsible for what the commands do.
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};

use super::init_args::InitArgs;
use super::order_args::OrderCommand;
use super::provider_args::ProviderCommand;
use super::record_args::{HistoryArgs, KeepArgs, LedgerArgs, PauseArgs, PlanArgs};
use crate::logging::Reader;
use crate::views::Document;

/// Renew rented proxy leases unattended: ask the price first, pay once, prove it, and alert people in time
#[derive(Debug, Parser)]
#[command(name = "renewd", version = VERSION, propagate_version = true, arg_required_else_help = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// Who reads what this command logs.
    #[must_use]
    pub fn reader(&self) -> Reader {
        if matches!(self.command, Command::Run) { Reader::Journal } else { Reader::Person }
    }
}

/// The version and the commit it was built of, where that is known.
pub const VERSION: &str = env!("RENEWD_VERSION");

const EXIT_CODES: &str = "Exit codes: 0 all well · 1 unexpected failure · 2 usage or configuration error, nothing was done · \
3 done, but something needs attention · 4 another renewd holds this ledger";

/// Options of every command; they may follow it.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Read this config file instead of /etc/renewd/renewd.toml and /etc/renewd/conf.d/*.toml (repeatable)
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Vec<PathBuf>,
    /// Print one JSON document on stdout
    #[arg(long, global = true)]
    pub json: bool,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a first config: ask what is missing, read the account, and write what fits it. Never pays, never overwrites
    Init(Box<InitArgs>),
    /// Run the daemon: cycles on the schedule until SIGTERM; SIGHUP re-reads the config. Pays
    Run,
    /// Run one whole cycle (read, decide, quote, pay, read back, alert), then exit. Pays
    Once {
        /// Show every lease, not only what was paid, held or needs attention
        #[arg(long)]
        all: bool,
    },
    /// Show every lease with its decision, reason and price. Never pays
    Plan {
        /// Also write a plan file, for `apply`
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Pay exactly what a plan file says, once, if nothing has changed since. Pays
    Apply {
        /// The file that `plan --out` wrote
        file: PathBuf,
    },
    /// Explain why a lease gets its decision. Never pays
    Explain {
        /// An address, a lease id or an order id
        target: String,
        /// Use the ledger alone, without asking the provider; says how old its facts are
        #[arg(long)]
        stored: bool,
    },
    /// Show accounts, balances, runway, what is due next, open alerts and unknown payments
    Status {
        /// Which ledger
        #[command(flatten)]
        at: LedgerArgs,
    },
    /// List every lease as of the last cycle: its end, decision, labels and last price; asks no provider. Never pays
    Leases(LeasesArgs),
    /// Show what falls due when, what it costs, when each balance runs out and how much to top up. Never pays
    Forecast(ForecastArgs),
    /// Show what the policies and budgets of a config file would have paid, held and lost in the past. Never pays
    Backtest(BacktestArgs),
    /// List the payments, newest first
    History(HistoryArgs),
    /// Decide a payment: say what it cost, or that it was not charged
    Resolve(ResolveArgs),
    /// Approve a waiting plan: the next cycle pays exactly that, once. Works beside the daemon
    Approve(PlanArgs),
    /// Reject a waiting plan; it is proposed again once one of its leases is urgent
    Reject(PlanArgs),
    /// Keep a lease that would be released: another policy applies to it, until a day if you say so. Never pays
    Keep(KeepArgs),
    /// Stop spending; reads and alerts go on. renewd shows who paused and why. Pausing again replaces note and time
    Pause(PauseArgs),
    /// Spend again. With an account, also accept what is held there (a list that shrank, another currency or key), and show it
    Resume {
        /// Only this account
        account: Option<String>,
        /// Which ledger
        #[command(flatten)]
        at: LedgerArgs,
    },
    /// See what can be bought and at what price, buy it, or change an order
    #[command(subcommand)]
    Order(OrderCommand),
    /// Silence an alert for a while; it stays open, and is sent afterwards if it is still open
    Silence(SilenceArgs),
    /// Check the config
    Check {
        /// Also read every account and greet the mail server
        #[arg(long)]
        live: bool,
        /// Show which leases another config would treat differently, and what that costs; from the ledger alone
        #[arg(long, value_name = "NEW", conflicts_with = "live")]
        diff: Option<PathBuf>,
    },
    /// Send one test message by mail and webhook
    TestMail,
    /// Send one test alert through every configured way, or through one of them
    TestAlert {
        /// `mail`, `webhook`, or the name of a channel
        channel: Option<String>,
    },
    /// Make a consistent copy of the ledger, also while the daemon runs
    Backup {
        /// The file to create; it must not exist yet
        file: PathBuf,
        /// Which ledger
        #[command(flatten)]
        at: LedgerArgs,
    },
    /// Move a ledger
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Show the whole job with simulated providers: no account, no config, no real money
    Demo(DemoArgs),
    /// Run the simulated provider alone, as a server on loopback, to try a config
    Simulate(SimulateArgs),
    /// Check programs that read and pay in place of renewd
    #[command(subcommand)]
    Provider(ProviderCommand),
    /// Print the JSON Schema (2020-12) of a document: of the config for editors, of what --json prints for scripts
    Schema {
        /// Which document
        #[arg(value_name = "DOCUMENT", value_parser = documents())]
        document: Document,
    },
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write all of them, one for each command and one for the config, below a folder
    Man {
        /// Write every page below this folder, in man5 and man8, such as /usr/share/man
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

/// The names of the documents that have a schema.
fn documents() -> impl TypedValueParser<Value = Document> {
    let names = PossibleValuesParser::new(Document::ALL.map(Document::name));
    names.try_map(|name| Document::named(&name).ok_or("no such document"))
}

/// What is done with a ledger as a whole.
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// Move a ledger that no renewd uses from a folder to a PostgreSQL server, or back; the old one is marked as moved, and refused
    Copy(CopyArgs),
}

/// From where, and to where.
#[derive(Debug, Args)]
pub struct CopyArgs {
    /// Take it from here: sqlite:DIR (its folder) or url-file:PATH (a file that holds the URL of a server)
    #[arg(long, value_name = "LEDGER")]
    pub from: String,
    /// Put it here: the same forms; an empty place
    #[arg(long, value_name = "LEDGER")]
    pub to: String,
}

/// How far ahead.
#[derive(Debug, Args)]
pub struct ForecastArgs {
    /// Look this many days ahead
    #[arg(long, value_name = "N", default_value_t = 30, allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=366))]
    pub days: u16,
    /// As CSV
    #[arg(long)]
    pub csv: bool,
}

/// Which rules, and over which time.
#[derive(Debug, Args)]
pub struct BacktestArgs {
    /// A config file; without accounts of its own it uses those of the current config
    #[arg(long, value_name = "FILE")]
    pub policy: PathBuf,
    /// Start here: RFC 3339, a date, or a duration back such as 90d (default: the whole record)
    #[arg(long, value_name = "T")]
    pub since: Option<String>,
}

/// Which leases.
#[derive(Debug, Args)]
pub struct LeasesArgs {
    /// Only of this account
    #[arg(long, value_name = "ACCOUNT")]
    pub account: Option<String>,
    /// Only those with this decision: renew, wait, watch, release, ignore or hold
    #[arg(long, value_name = "DECISION")]
    pub decision: Option<String>,
    /// As CSV
    #[arg(long)]
    pub csv: bool,
}

/// What became of a payment.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("word").required(true))]
pub struct ResolveArgs {
    /// The payment, as `history` shows it
    pub intent: String,
    /// It was charged: this amount in total
    #[arg(long, value_name = "AMOUNT", group = "word", allow_negative_numbers = true)]
    pub charged: Option<String>,
    /// It was not charged: the next cycle may pay its leases again
    #[arg(long, group = "word")]
    pub not_charged: bool,
    /// How you know it
    #[arg(long, value_name = "TEXT")]
    pub note: String,
    /// With --not-charged: insist, although the balance fell or the provider's lists may still lag. If it was charged after
    /// all, the lease is paid twice
    #[arg(long)]
    pub yes: bool,
    /// Which ledger
    #[command(flatten)]
    pub at: LedgerArgs,
}

/// Which alert, for how long.
#[derive(Debug, Args)]
pub struct SilenceArgs {
    /// Its key as `status` shows it, such as short_funds:yp, or all keys of a cause, such as short_funds:*
    pub key: String,
    /// For how long: 2h, 3d; 0s ends the silence
    #[arg(long = "for", value_name = "D")]
    pub span: String,
    /// Which ledger
    #[command(flatten)]
    pub at: LedgerArgs,
}

/// The demo.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Put the ledger and the mails here (default: a new folder under the temporary directory)
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Choose another fleet and other accidents
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// Show the status page there while it runs, in a minute instead of a moment; loopback only, such as 127.0.0.1:9787
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub serve: Option<std::net::SocketAddr>,
}

/// The simulated provider.
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// Which provider, by the word that a config has for it
    #[arg(long, default_value_t)]
    pub provider: crate::simulator::Brand,
    /// Where to listen; loopback only (default: 127.0.0.1:8787, for proxyshard 127.0.0.1:8788, for proxyseller 127.0.0.1:8789,
    /// for px6 127.0.0.1:8790)
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<std::net::SocketAddr>,
    /// How many leases
    #[arg(long, default_value_t = 40)]
    pub leases: usize,
    /// How many more orders are on hold, where the provider has that (default: 6)
    #[arg(long, value_name = "N")]
    pub on_hold: Option<usize>,
    /// How many cancelled orders are still listed, where the provider has that (default: 1)
    #[arg(long, value_name = "N")]
    pub cancelled: Option<usize>,
    /// Choose another fleet
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// The API key it answers to (default: simulated-key, for proxyshard simulated-shard-key, for proxyseller
    /// simulated-seller-key, for px6 simulated-px6-key)
    #[arg(long)]
    pub key: Option<String>,
    /// The balance, in USD
    #[arg(long, default_value = "100.00", allow_negative_numbers = true)]
    pub balance: String,
    /// How long the list lags behind payments
    #[arg(long, default_value = "0s")]
    pub lag: String,
    /// Lose the answer of this percentage of payments
    #[arg(long, default_value_t = 0, allow_negative_numbers = true, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub lose_answers: u8,
}
