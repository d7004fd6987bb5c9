//! The command line as people type it. Not responsible for what the commands do.
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::daemon::logging::Reader;

/// Renews rented proxy leases unattended: asks the price first, pays once, proves it, tells people in time.
#[derive(Debug, Parser)]
#[command(name = "renewd", version, propagate_version = true, arg_required_else_help = true, after_help = EXIT_CODES)]
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

const EXIT_CODES: &str = "Exit codes: 0 all well · 1 unexpected failure · 2 usage or configuration error, nothing was done · \
3 done, but something needs attention · 4 another renewd holds this ledger";

/// Options of every command; they may follow it.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Read this config file instead of /etc/renewd/renewd.toml and /etc/renewd/conf.d/*.toml (repeatable)
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Vec<PathBuf>,
    /// One JSON document on stdout
    #[arg(long, global = true)]
    pub json: bool,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The daemon: cycles on the schedule until SIGTERM; SIGHUP re-reads the config. Pays
    Run,
    /// One whole cycle: poll, decide, quote, pay, read back, alert; then exit. Pays
    Once,
    /// Every lease with its decision, reason and price. Never pays
    Plan {
        /// Also write a plan file, for `apply`
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Exactly what a plan file says, once, if the world has not moved since. Pays
    Apply {
        /// What `plan --out` wrote
        file: PathBuf,
    },
    /// Why a lease gets its decision. Never pays
    Explain {
        /// An ip, a lease id or an order id
        target: String,
    },
    /// Accounts, balances, runway, what is due next, open alerts, unknown payments
    Status {
        /// Which ledger
        #[command(flatten)]
        at: LedgerArgs,
    },
    /// What falls due when, what it costs, the day each balance runs out and the top-up it takes. Never pays
    Forecast(ForecastArgs),
    /// The payments, newest first
    History(HistoryArgs),
    /// An operator's word on a payment: what it cost, or that it was not charged
    Resolve(ResolveArgs),
    /// Stop spending; reads and alerts go on
    Pause {
        /// Only this account
        account: Option<String>,
        /// Which ledger
        #[command(flatten)]
        at: LedgerArgs,
    },
    /// Spend again; also accepts a shrunk inventory and shows what it accepts
    Resume {
        /// Only this account
        account: Option<String>,
        /// Which ledger
        #[command(flatten)]
        at: LedgerArgs,
    },
    /// What can be bought, at what price; buy it; change an order
    #[command(subcommand)]
    Order(OrderCommand),
    /// Keep an alert quiet for a while; it stays open, and is told afterwards if it still holds
    Silence(SilenceArgs),
    /// Validate the config
    Check {
        /// Also read every account and greet the mail server
        #[arg(long)]
        live: bool,
    },
    /// Send one test message
    TestMail,
    /// A consistent copy of the ledger while the daemon runs
    Backup {
        /// The file to make; it must not exist
        file: PathBuf,
        /// Which ledger
        #[command(flatten)]
        at: LedgerArgs,
    },
    /// The whole job with a simulated provider: no account, no config, no real money
    Demo(DemoArgs),
    /// The simulated provider alone, as a server on loopback, for trying a config
    Simulate(SimulateArgs),
    /// Completions for a shell, on stdout
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// The manual page, on stdout; or all of them, one for each command, in a folder
    Man {
        /// Write every page here, such as /usr/share/man/man1
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

/// Where the ledger is, for commands that need nothing else: they work with a config that cannot be used.
#[derive(Debug, Clone, Default, Args)]
pub struct LedgerArgs {
    /// The ledger in this folder, whatever the config says: for a config that cannot be used
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// The ledger behind the URL in this file (not built yet)
    #[arg(long, value_name = "PATH", conflicts_with = "state_dir")]
    pub ledger_url_file: Option<PathBuf>,
}

/// How far ahead.
#[derive(Debug, Args)]
pub struct ForecastArgs {
    /// Look so many days ahead
    #[arg(long, value_name = "N", default_value_t = 30, allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=366))]
    pub days: u16,
    /// As CSV
    #[arg(long)]
    pub csv: bool,
}

/// Which payments.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// Not older than this: RFC 3339, a date, or a duration back such as 3d
    #[arg(long, value_name = "T")]
    pub since: Option<String>,
    /// Of this account
    #[arg(long)]
    pub account: Option<String>,
    /// In this state (repeatable)
    #[arg(long)]
    pub state: Vec<String>,
    /// As CSV
    #[arg(long)]
    pub csv: bool,
    /// Which ledger
    #[command(flatten)]
    pub at: LedgerArgs,
}

/// What became of a payment.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("word").required(true))]
pub struct ResolveArgs {
    /// The payment, as `history` shows it
    pub intent: String,
    /// It was charged, this amount in all
    #[arg(long, value_name = "AMOUNT", group = "word", allow_negative_numbers = true)]
    pub charged: Option<String>,
    /// It was not charged: the next cycle may pay its leases again
    #[arg(long, group = "word")]
    pub not_charged: bool,
    /// How you know
    #[arg(long, value_name = "TEXT")]
    pub note: String,
    /// With --not-charged: say so although the balance fell, or the provider's lists may still lag. If it was charged after
    /// all, it is paid twice
    #[arg(long)]
    pub yes: bool,
    /// Which ledger
    #[command(flatten)]
    pub at: LedgerArgs,
}

/// Orders.
#[derive(Debug, Subcommand)]
pub enum OrderCommand {
    /// What the account can buy: types, countries, terms, operators, promo codes, stock. Never pays
    Options {
        /// Of this account; may be left out where there is only one
        #[arg(long)]
        account: Option<String>,
    },
    /// The price of a purchase. Never pays
    Quote(Box<BuyArgs>),
    /// Buy, through the same gate as a renewal. Pays
    Create {
        /// What
        #[command(flatten)]
        buy: Box<BuyArgs>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Another billing cycle; the provider may charge for it
    Cycle {
        /// The order
        order: String,
        /// As `order options` lists it
        cycle: String,
        /// How
        #[command(flatten)]
        how: ChangeArgs,
    },
    /// Another tag; `none` takes it away
    Tag {
        /// The order
        order: String,
        /// The tag
        tag: String,
        /// How
        #[command(flatten)]
        how: ChangeArgs,
    },
    /// The provider's own auto-renewal of an order
    Auto {
        /// The order
        order: String,
        /// On lets the provider charge
        switch: Switch,
        /// How
        #[command(flatten)]
        how: ChangeArgs,
    },
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

/// How an order is changed.
#[derive(Debug, Args)]
pub struct ChangeArgs {
    /// Whose order; may be left out where only one account has it
    #[arg(long)]
    pub account: Option<String>,
    /// Only say what would change
    #[arg(long)]
    pub preview: bool,
    /// Do not ask on a terminal
    #[arg(long)]
    pub yes: bool,
}

/// What is to be bought. The same names, without the dashes, make an order file.
#[derive(Debug, Clone, Default, Args, serde::Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct BuyArgs {
    /// The account that pays; may be left out where there is only one
    #[arg(long)]
    pub account: Option<String>,
    /// How many (default 1)
    #[arg(long, value_name = "N")]
    pub quantity: Option<u32>,
    /// Promo code
    #[arg(long, value_name = "CODE")]
    pub promo: Option<String>,
    /// YouProxy: IPv4, IPv6, MOBILE or ISP
    #[arg(long)]
    pub kind: Option<String>,
    /// YouProxy: country, ISO 3166-1 alpha-3
    #[arg(long)]
    pub country: Option<String>,
    /// YouProxy: term in days, such as 30d
    #[arg(long, value_name = "DAYS")]
    pub period: Option<String>,
    /// YouProxy: what it is for
    #[arg(long, value_name = "TEXT")]
    pub goal: Option<String>,
    /// YouProxy: login, or ip:ADDRESS
    #[arg(long)]
    pub auth: Option<String>,
    /// YouProxy IPv6: http or socks
    #[arg(long)]
    pub protocol: Option<String>,
    /// YouProxy MOBILE: the operator's tag
    #[arg(long, value_name = "TAG")]
    pub operator: Option<String>,
    /// YouProxy MOBILE: rotation in seconds
    #[arg(long, value_name = "SECONDS")]
    pub rotation: Option<u32>,
    /// ProxyShard: the product's name
    #[arg(long, value_name = "NAME")]
    pub product: Option<String>,
    /// ProxyShard: where
    #[arg(long)]
    pub location: Option<String>,
    /// ProxyShard: billing cycle
    #[arg(long)]
    pub cycle: Option<String>,
    /// ProxyShard: let the provider renew it (only where a policy lets it pay)
    #[arg(long)]
    pub auto_renewal: bool,
    /// ProxyShard: an add-on and how many (repeatable)
    #[arg(long, value_name = "KEY=QTY")]
    pub addon: Vec<String>,
    /// Read these fields from a TOML file; flags win over it
    #[arg(long, value_name = "ORDER.toml")]
    #[serde(skip)]
    pub file: Option<PathBuf>,
}

/// Which alert, for how long.
#[derive(Debug, Args)]
pub struct SilenceArgs {
    /// Its key as `status` shows it, such as short_funds:yp; or all that begin alike, such as short_funds:*
    pub key: String,
    /// For how long: 2h, 3d; 0s lifts the silence
    #[arg(long = "for", value_name = "D")]
    pub span: String,
    /// Which ledger
    #[command(flatten)]
    pub at: LedgerArgs,
}

/// The demo.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Keep the ledger and the mails here (default: a new folder under the temporary directory)
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Another fleet and other accidents
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
}

/// The simulated provider.
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// Which provider, by the word that a config has for it
    #[arg(long, default_value_t)]
    pub provider: crate::simulator::Brand,
    /// Where to listen; loopback only (default: 127.0.0.1:8787, for proxyshard 127.0.0.1:8788)
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<std::net::SocketAddr>,
    /// How many leases
    #[arg(long, default_value_t = 40)]
    pub leases: usize,
    /// How many orders are on hold besides, where the provider has that (default: 6)
    #[arg(long, value_name = "N")]
    pub on_hold: Option<usize>,
    /// How many cancelled orders are still listed, where the provider has that (default: 1)
    #[arg(long, value_name = "N")]
    pub cancelled: Option<usize>,
    /// Another fleet
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// The API key it answers to (default: simulated-key, for proxyshard simulated-shard-key)
    #[arg(long)]
    pub key: Option<String>,
    /// The balance, in USD
    #[arg(long, default_value = "100.00", allow_negative_numbers = true)]
    pub balance: String,
    /// How long the list lags behind payments
    #[arg(long, default_value = "0s")]
    pub lag: String,
    /// Percent of payments whose answer is lost
    #[arg(long, default_value_t = 0, allow_negative_numbers = true, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub lose_answers: u8,
}
