//! `renewd provider check`: does a program keep the protocol? What it passed with is kept in the ledger, for `require_check`.
mod pay;
mod rehearse;

use std::path::Path;

use serde::Serialize;

use crate::clock::{Clock, SystemClock};
use crate::exit::Exit;
use crate::ledger::sqlite::Access;
use crate::ledger::{LedgerError, Notes, check_note, is_checked};
use crate::providers::exec::check::{Check, Outcome, Probe, Row, Rows};
use crate::providers::exec::{GRACE, Runner};
use crate::settings::{Account, ProgramSettings};
use secrecy::{ExposeSecret, SecretString};
use serde_json::value::RawValue;

use super::args::Global;
use super::context::{Context, Failure};
use super::output;
use super::provider_args::ProviderCheckArgs;

/// The whole document.
#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    /// No row failed.
    ok: bool,
    /// What passed, or did not.
    program: &'a [String],
    digest: Option<&'a str>,
    /// In the order in which they were tried.
    checks: &'a [Row],
}

pub(super) async fn check(global: &Global, args: &ProviderCheckArgs) -> Result<Exit, Failure> {
    let command = whole(&args.program)?;
    let ctx = if global.config.is_empty() { None } else { Some(Context::load(global)?) };
    if args.pay.is_some() && ctx.is_none() {
        return Err(Failure::usage(
            "--pay needs a config with an account for this program: name it with --config FILE",
        ));
    }
    let account = ctx.as_ref().map(|ctx| account_of(ctx, &command)).transpose()?;
    let program = account.as_ref().and_then(|a| a.program.as_ref());
    let nothing = || RawValue::from_string("{}".to_owned()).map_err(|e| Failure::failed(e.to_string()));
    let probe = Probe {
        command: command.clone(),
        settings: program.map_or_else(nothing, |p| Ok(p.settings.clone()))?,
        secret_env: program.and_then(|p| p.secret_env.clone()),
        runner: Runner::default(),
        grace: GRACE,
        now: SystemClock::new().now().wall,
    };
    let key =
        account.as_ref().map(|a| a.api_key.clone()).filter(|k: &SecretString| !k.expose_secret().is_empty());
    let check = Check::new(probe, key, account.is_some());
    let (mut rows, can) = check.rows().await;
    let sound = passed(&rows);
    rows.push(match (&can, args.simulator && sound) {
        (Some(can), true) => rehearse::row(&check, can).await,
        _ => Rows::unproved(
            8,
            rehearse::NAME,
            "the paying half is unproved: it was not tried against the simulated provider (--simulator)",
        ),
    });
    let digest = check.digest().ok();
    // Also for row 9, which pays as any other payment: by a program that passed.
    let verdict = |rows: &[Row]| match (&ctx, &digest) {
        (Some(ctx), Some(digest)) => keep(ctx, digest, passed(rows)),
        _ => Ok(()),
    };
    verdict(&rows)?;
    rows.push(match (&ctx, &account, args.pay.as_deref()) {
        (Some(ctx), Some(account), Some(lease)) if passed(&rows) => {
            pay::row(ctx, account, lease, args.max.as_deref().unwrap_or_default()).await?
        }
        (_, _, Some(_)) => Rows::unproved(9, pay::NAME, "nothing was paid: another row failed"),
        _ => Rows::unproved(
            9,
            pay::NAME,
            "the paying half is unproved: no real renewal was made (--pay LEASE --max AMOUNT)",
        ),
    });
    let ok = passed(&rows);
    if args.pay.is_some() {
        verdict(&rows)?;
    }
    show(global.json, &Report { schema: 1, ok, program: &command, digest: digest.as_deref(), checks: &rows });
    Ok(if ok { Exit::Done } else { Exit::Attention })
}

/// The account of the config that is this program's.
fn account_of(ctx: &Context, command: &[String]) -> Result<Account, Failure> {
    let is_it = |p: &ProgramSettings| p.command == command;
    let found = ctx.settings.accounts.iter().find(|a| a.program.as_ref().is_some_and(is_it));
    found.cloned().ok_or_else(|| {
        Failure::usage(format!(
            "no account of the config has command = {command:?}: name the program as the config does"
        ))
    })
}

fn passed(rows: &[Row]) -> bool {
    rows.iter().all(|row| row.outcome != Outcome::Fail)
}

/// By whole paths, as a config names it.
fn whole(program: &[String]) -> Result<Vec<String>, Failure> {
    let mut command = program.to_vec();
    let Some(first) = command.first_mut() else { return Err(Failure::usage("no program is named")) };
    let path =
        std::path::absolute(Path::new(&*first)).map_err(|e| Failure::usage(format!("{first}: {e}")))?;
    if !path.is_file() {
        return Err(Failure::usage(format!("{} does not exist, or is not a file", path.display())));
    }
    *first = path.display().to_string();
    Ok(command)
}

/// What passed is what may run where the config asks for a check; what failed is no longer, whatever it passed before.
fn keep(ctx: &Context, digest: &str, passed: bool) -> Result<(), Failure> {
    let note = check_note(digest);
    if passed {
        ctx.make_ledger()?;
        ctx.site.open(Access::Note)?.note(&note, &ctx.now().to_string())?;
        return Ok(());
    }
    match ctx.site.open(Access::Read) {
        Ok(ledger) if is_checked(ledger.noted(&note)?.as_deref()) => {
            drop(ledger);
            Ok(ctx.site.open(Access::Note)?.note(&note, "")?)
        }
        Ok(_) | Err(LedgerError::Missing(_)) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

fn show(json: bool, report: &Report<'_>) {
    if json {
        return output::json(report);
    }
    for row in report.checks {
        let word = match row.outcome {
            Outcome::Pass => "pass",
            Outcome::Fail => "FAIL",
            Outcome::Unproved => "unproved",
        };
        output::line(format!("{} {:<26} {word:<9} {}", row.row, row.name, row.text).trim_end());
        if row.outcome == Outcome::Fail {
            row.seen.iter().for_each(|seen| output::line(&format!("    {seen}")));
        }
    }
    let digest = report.digest.unwrap_or("none");
    let verdict = if report.ok { "passed" } else { "did not pass" };
    output::line(&format!("{} {verdict}; digest {digest}", report.program.join(" ")));
}
