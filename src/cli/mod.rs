//! The commands: each reads its arguments, calls the engine or the ledger, and shows what came of it.
//!
//! A command that never pays is built on [`crate::engine::Viewer`] or on the ledger alone; only `run`, `once`,
//! `apply`, `order`, `demo` and `provider check --pay` ever hold a part that spends.
mod apply;
mod approve;
pub mod args;
mod backtest;
mod check;
mod complete;
mod context;
mod demo;
mod diff;
mod explain;
mod forecast;
mod history;
mod init;
mod init_args;
mod keep;
mod leases;
mod ledger_copy;
mod loopback;
mod mail;
mod manual;
mod node;
mod once;
mod order;
mod order_args;
mod output;
mod plan;
mod provider;
mod provider_args;
mod record_args;
mod resolve;
mod run;
mod schema;
mod silence;
mod simulate;
mod site;
mod spending;
mod status;
mod surroundings;
mod table;
mod target;
mod test_alert;
mod verify;
mod who;

pub use complete::completed;
pub use order::order_file;

use clap::Parser;

use crate::exit::Exit;
use crate::ledger::PlanState;
use args::{Cli, Command, LedgerCommand};
use context::{Context, Failure};
use provider_args::ProviderCommand;

/// Reads the command line of this process; help and mistakes are shown, and end it.
pub fn read() -> Result<Cli, Exit> {
    Cli::try_parse().map_err(|e| {
        let help = !e.use_stderr();
        let printed = e.print();
        if help {
            output::noticed(printed);
            output::ended(Exit::Done)
        } else {
            Exit::Usage
        }
    })
}

/// Runs the command.
pub async fn main(cli: Cli) -> Exit {
    let json = cli.global.json;
    if matches!(cli.command, Command::Demo(_)) {
        crate::logging::quiet();
    }
    let exit = match dispatch(cli).await {
        Ok(exit) => exit,
        Err(failure) => failure.show(json),
    };
    output::ended(exit)
}

async fn dispatch(cli: Cli) -> Result<Exit, Failure> {
    let global = &cli.global;
    match cli.command {
        Command::Run => run::run(global).await,
        Command::Once { all } => once::once(&Context::load(global)?, all).await,
        Command::Plan { out } => plan::plan(&Context::load(global)?, out.as_deref()).await,
        Command::Apply { file } => apply::apply(&Context::load(global)?, &file).await,
        Command::Explain { target, stored: true } => explain::stored(&Context::load(global)?, &target),
        Command::Explain { target, stored: false } => {
            explain::explain(&Context::load(global)?, &target).await
        }
        Command::Status { at } => status::status(&mut Context::of_ledger(global, &at)?),
        Command::Forecast(args) => forecast::forecast(&Context::load(global)?, &args),
        Command::Backtest(args) => backtest::backtest(&Context::load(global)?, &args),
        Command::Leases(args) => leases::leases(&Context::load(global)?, &args),
        Command::History(args) if args.verify => {
            verify::verify(&mut Context::of_ledger(global, &args.at)?, args.head.as_deref())
        }
        Command::History(args) => history::history(&mut Context::of_ledger(global, &args.at)?, &args),
        Command::Resolve(args) => resolve::resolve(&mut Context::of_ledger(global, &args.at)?, &args),
        Command::Approve(args) => {
            approve::say(&mut Context::of_ledger(global, &args.at)?, &args, PlanState::Approved)
        }
        Command::Reject(args) => {
            approve::say(&mut Context::of_ledger(global, &args.at)?, &args, PlanState::Rejected)
        }
        Command::Keep(args) => keep::keep(&mut Context::of_ledger(global, &args.at)?, &args),
        Command::Pause(args) => spending::pause(&mut Context::of_ledger(global, &args.at)?, &args),
        Command::Resume { account, at } => {
            spending::resume(&mut Context::of_ledger(global, &at)?, account.as_deref())
        }
        Command::Order(command) => order::order(&Context::load(global)?, &command).await,
        Command::Silence(args) => silence::silence(&mut Context::of_ledger(global, &args.at)?, &args),
        Command::Check { diff: Some(new), .. } => diff::diff(&Context::load(global)?, global, new),
        Command::Check { live, diff: None } => check::check(global, live).await,
        Command::TestMail => mail::test_mail(&Context::load(global)?).await,
        Command::TestAlert { channel } => {
            test_alert::test_alert(&Context::load(global)?, channel.as_deref()).await
        }
        Command::Backup { file, at } => spending::backup(&mut Context::of_ledger(global, &at)?, &file),
        Command::Init(args) => init::init(global, &args).await,
        Command::Ledger(LedgerCommand::Copy(args)) => ledger_copy::copy(global, &args),
        Command::Demo(args) => demo::demo(&args, global.json).await,
        Command::Simulate(args) => simulate::simulate(&args).await,
        Command::Provider(ProviderCommand::Check(args)) => provider::check(global, &args).await,
        Command::Schema { document } => Ok(schema::schema(document)),
        Command::Completions { shell } => complete::script(shell),
        Command::Man { dir } => manual::manual(dir.as_deref()),
    }
}
