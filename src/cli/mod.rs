//! The commands: each reads its arguments, calls the engine or the ledger, and shows what came of it.
//!
//! A command that never pays is built on [`crate::engine::Viewer`] or on the ledger alone; only `run`, `once`,
//! `apply`, `order` and `demo` ever hold a part that spends.
mod apply;
pub mod args;
mod check;
mod context;
mod demo;
mod explain;
mod forecast;
mod history;
mod mail;
mod once;
mod order;
mod output;
mod plan;
mod resolve;
mod run;
mod silence;
mod simulate;
mod spending;
mod status;
mod surroundings;
mod table;
mod target;

pub use order::order_file;

use clap::{CommandFactory, Parser};

use crate::exit::Exit;
use args::{Cli, Command};
use context::{Context, Failure};

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
        crate::daemon::logging::quiet();
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
        Command::Once => once::once(&Context::load(global)?).await,
        Command::Plan { out } => plan::plan(&Context::load(global)?, out.as_deref()).await,
        Command::Apply { file } => apply::apply(&Context::load(global)?, &file).await,
        Command::Explain { target } => explain::explain(&Context::load(global)?, &target).await,
        Command::Status { at } => status::status(&mut Context::of_ledger(global, &at)?),
        Command::Forecast(args) => forecast::forecast(&Context::load(global)?, &args),
        Command::History(args) => history::history(&mut Context::of_ledger(global, &args.at)?, &args),
        Command::Resolve(args) => resolve::resolve(&mut Context::of_ledger(global, &args.at)?, &args),
        Command::Pause { account, at } => {
            spending::pause(&mut Context::of_ledger(global, &at)?, account.as_deref())
        }
        Command::Resume { account, at } => {
            spending::resume(&mut Context::of_ledger(global, &at)?, account.as_deref())
        }
        Command::Order(command) => order::order(&Context::load(global)?, &command).await,
        Command::Silence(args) => silence::silence(&mut Context::of_ledger(global, &args.at)?, &args),
        Command::Check { live } => check::check(global, live).await,
        Command::TestMail => mail::test_mail(&Context::load(global)?).await,
        Command::Backup { file, at } => spending::backup(&mut Context::of_ledger(global, &at)?, &file),
        Command::Demo(args) => demo::demo(&args, global.json).await,
        Command::Simulate(args) => simulate::simulate(&args).await,
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "renewd", &mut text);
            output::line(String::from_utf8_lossy(&text).trim_end());
            Ok(Exit::Done)
        }
        Command::Man { dir: Some(dir) } => {
            let told =
                |e: std::io::Error| Failure::failed(format!("{} cannot be written: {e}", dir.display()));
            std::fs::create_dir_all(&dir).map_err(told)?;
            clap_mangen::generate_to(Cli::command(), &dir).map_err(told)?;
            Ok(Exit::Done)
        }
        Command::Man { dir: None } => {
            let mut text = Vec::new();
            clap_mangen::Man::new(Cli::command())
                .render(&mut text)
                .map_err(|e| Failure::failed(e.to_string()))?;
            output::line(String::from_utf8_lossy(&text).trim_end());
            Ok(Exit::Done)
        }
    }
}
