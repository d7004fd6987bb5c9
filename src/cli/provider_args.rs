//! The command line about programs that are providers. Not responsible for what the commands do.
use clap::{Args, Subcommand};

/// Programs as providers.
#[derive(Debug, Subcommand)]
pub enum ProviderCommand {
    /// Check that a program follows the protocol, also when it is called badly. With --pay it makes one real renewal
    Check(ProviderCheckArgs),
}

/// Which program, and how far it is checked.
#[derive(Debug, Args)]
pub struct ProviderCheckArgs {
    /// The program and its arguments, as `command` of the config has them
    #[arg(required = true, value_name = "PROGRAM")]
    pub program: Vec<String>,
    /// Also rehearse payments against the simulated provider: the program must take settings.base_url and speak YouProxy's API
    #[arg(long)]
    pub simulator: bool,
    /// Also renew this lease once, for real, through ledger, budgets and gate. Pays
    #[arg(long, value_name = "LEASE", requires = "max")]
    pub pay: Option<String>,
    /// With --pay: the most it may cost
    #[arg(long, value_name = "AMOUNT", requires = "pay")]
    pub max: Option<String>,
}
