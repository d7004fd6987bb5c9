//! `pause`, `resume` and `backup`: small words to the ledger, beside a running daemon.
use std::path::Path;

use serde_json::json;

use crate::daemon::wire::placed;
use crate::domain::AccountName;
use crate::engine::{changed_note, claims, currency_note, shrink_note};
use crate::exit::Exit;
use crate::keylock;
use crate::ledger::sqlite::{Access, SqliteLedger};
use crate::ledger::{IDENTITY, Ledger};

use super::context::{Context, Failure};
use super::output;

fn account(ctx: &Context, name: Option<&str>) -> Result<Option<AccountName>, Failure> {
    let Some(name) = name.map(AccountName::from) else { return Ok(None) };
    if ctx.settings.account(&name).is_none() {
        let known: Vec<&str> = ctx.settings.accounts.iter().map(|a| a.name.as_str()).collect();
        let whose = if ctx.config_is_good { "the config" } else { "the ledger" };
        return Err(Failure::usage(format!(
            "there is no account `{name}`: {whose} has {}",
            known.join(", ")
        )));
    }
    Ok(Some(name))
}

/// The names under which a pause of that account stops whoever pays now, and whoever pays once a changed config is in force.
fn kept_as(ctx: &Context, ledger: &SqliteLedger, name: &AccountName) -> Result<Vec<AccountName>, Failure> {
    if !ctx.config_is_good {
        return Ok(vec![name.clone()]);
    }
    let kept = ledger.kept_as(&claims(&ctx.settings, ledger)?, name, ctx.now())?;
    if !kept.is_empty() {
        return Ok(kept);
    }
    if !ledger.accounts()?.is_empty() {
        output::note(&format!(
            "renewd: the ledger knows no account {name} yet: a renewd that still runs with another config is not stopped by this. \
             renewd pause, without a name, stops every account"
        ));
    }
    Ok(vec![name.clone()])
}

/// Accounts that a renewd pays with on another ledger: it hears nothing of a word in this one. A `state_dir` that was changed and not
/// yet restarted with is the usual reason.
fn paid_elsewhere(
    ctx: &Context,
    ledger: &dyn Ledger,
    name: Option<&AccountName>,
) -> Result<Vec<AccountName>, Failure> {
    let settings = &ctx.settings;
    let ours = placed(&ledger.noted(IDENTITY)?.unwrap_or_default(), &settings.state_dir);
    let asked = settings.accounts.iter().filter(|a| name.is_none_or(|n| n == &a.name));
    let elsewhere = asked.filter(|a| keylock::paid_elsewhere(&settings.runtime_dir, &a.lock_name(), &ours));
    Ok(elsewhere.map(|a| a.name.clone()).collect())
}

pub(super) fn pause(ctx: &mut Context, name: Option<&str>) -> Result<Exit, Failure> {
    let ledger = ctx.known_ledger(Access::Note)?;
    let account = account(ctx, name)?;
    match &account {
        Some(name) => {
            for name in kept_as(ctx, &ledger, name)? {
                ledger.set_paused(Some(&name), true, ctx.now())?;
            }
        }
        None => ledger.set_paused(None, true, ctx.now())?,
    }
    let elsewhere = paid_elsewhere(ctx, ledger.as_ref(), account.as_ref())?;
    let what = account.as_ref().map_or("every account".to_owned(), |a| format!("account {a}"));
    if ctx.json {
        output::json(
            &json!({ "schema": 1, "ok": true, "paused": account.as_ref().map_or("*", |a| a.as_str()) }),
        );
    } else {
        output::line(&format!(
            "spending is paused for {what}; reads and alerts go on. renewd resume ends it"
        ));
    }
    if elsewhere.is_empty() {
        return Ok(Exit::Done);
    }
    let names: Vec<&str> = elsewhere.iter().map(AccountName::as_str).collect();
    output::note(&format!(
        "renewd: a running renewd pays with {} on another ledger, and is not stopped by this: name its folder with --state-dir DIR, or \
         stop it (systemctl stop renewd)",
        names.join(", ")
    ));
    Ok(Exit::Attention)
}

pub(super) fn resume(ctx: &mut Context, name: Option<&str>) -> Result<Exit, Failure> {
    let ledger = ctx.known_ledger(Access::Note)?;
    let account = account(ctx, name)?;
    match &account {
        Some(name) => {
            for name in kept_as(ctx, &ledger, name)? {
                ledger.set_paused(Some(&name), false, ctx.now())?;
            }
        }
        None => ledger.set_paused(None, false, ctx.now())?,
    }
    let mut accepted = Vec::new();
    for a in ctx.settings.accounts.iter().filter(|a| account.as_ref().is_none_or(|n| n == &a.name)) {
        ledger.note(&currency_note(&a.name), "")?;
        let (seen, accept) = changed_note(&a.name);
        if let Some(change) = ledger.noted(&seen)?.filter(|c| !c.is_empty()) {
            let (mark, why) = change.split_once('\n').unwrap_or((&change, ""));
            ledger.note(&accept, mark)?;
            ledger.note(&seen, "")?;
            accepted.push(json!({ "account": a.name, "changed": why, "missing": [] }));
            if !ctx.json {
                output::line(&format!(
                    "account {}: accepted as the config has it now, although {why}",
                    a.name
                ));
            }
        }
        let (seen, accept) = shrink_note(&a.name);
        let Some(loss) = ledger.noted(&seen)?.filter(|l| !l.is_empty()) else { continue };
        let (print, text) = loss.split_once('\n').unwrap_or((&loss, ""));
        ledger.note(&accept, print)?;
        ledger.note(&seen, "")?;
        accepted.push(json!({ "account": a.name, "missing": text.lines().collect::<Vec<_>>() }));
        if !ctx.json {
            output::line(&format!("account {}: accepted as gone:", a.name));
            text.lines().for_each(|l| output::line(&format!("  {l}")));
        }
    }
    let still = ledger.paused()?.iter().any(|p| p.account.is_none());
    if ctx.json {
        output::json(&json!({ "schema": 1, "ok": true, "accepted": accepted, "all_paused": still }));
    } else if still {
        output::line("spending is still paused for every account: renewd resume (without a name) ends that");
    } else {
        output::line("spending goes on");
    }
    Ok(Exit::Done)
}

pub(super) fn backup(ctx: &mut Context, file: &Path) -> Result<Exit, Failure> {
    ctx.known_ledger(Access::Read)?.backup(file)?;
    if ctx.json {
        output::json(&json!({ "schema": 1, "ok": true, "file": file }));
    } else {
        output::line(&format!("the ledger is copied to {}", file.display()));
    }
    Ok(Exit::Done)
}
