//! Which ledger, and what `history`, `pause`, `approve` and `keep` are asked, as people type it. Not responsible for what the commands do.
use std::path::PathBuf;

use clap::Args;

/// Where the ledger is, for commands that need nothing else: they work with a config that cannot be used.
#[derive(Debug, Clone, Default, Args)]
pub struct LedgerArgs {
    /// Use the ledger in this folder, whatever the config says: for a config that cannot be used
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Use the ledger on the server whose URL is in this file, whatever the config says
    #[arg(long, value_name = "PATH", conflicts_with = "state_dir")]
    pub ledger_url_file: Option<PathBuf>,
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
    /// Instead of listing them, recompute the hash chain over all payments: exit 0 if none was changed since it was written, 3 with the
    /// first row that does not match
    #[arg(long, conflicts_with_all = ["since", "account", "state", "csv"])]
    pub verify: bool,
    /// With --verify: also look for this head, as an older digest mail shows it; exit 3 if it is not in the chain
    #[arg(long, value_name = "HASH", requires = "verify")]
    pub head: Option<String>,
    /// Which ledger
    #[command(flatten)]
    pub at: LedgerArgs,
}

/// Which plan, and why.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Its name, as `status` and the mail show it
    pub plan: String,
    /// Why, in one line: kept with the plan and its payments
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// Which ledger
    #[command(flatten)]
    pub at: LedgerArgs,
}

/// What is paused, why and for how long.
#[derive(Debug, Args)]
pub struct PauseArgs {
    /// Only this account
    pub account: Option<String>,
    /// Why, in one line: shown wherever the pause is
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// End the pause after this time: 2h, 3d (default: when you resume)
    #[arg(long = "for", value_name = "D")]
    pub span: Option<String>,
    /// Which ledger
    #[command(flatten)]
    pub at: LedgerArgs,
}

/// Which lease is kept, like what and until when.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("word").required(true))]
pub struct KeepArgs {
    /// An address, a lease id or an order id
    pub target: String,
    /// The policy that applies to it
    #[arg(long, value_name = "POLICY", group = "word")]
    pub like: Option<String>,
    /// End on this day, such as 2027-03-01, or once the lease lasts until then (default: when you end it)
    #[arg(long, value_name = "DATE", requires = "like")]
    pub until: Option<String>,
    /// End it: the lease's own policy decides again
    #[arg(long, group = "word", conflicts_with = "until")]
    pub off: bool,
    /// Which ledger
    #[command(flatten)]
    pub at: LedgerArgs,
}
