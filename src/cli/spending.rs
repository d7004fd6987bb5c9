//! `pause`, `resume` and `backup`: small words to the ledger, beside a running daemon.
use std::path::Path;

use serde_json::{Value, json};

use crate::domain::{AccountName, Moment};
use crate::engine::{changed_note, claims, currency_note, lifted_by, paid_elsewhere, shrink_note};
use crate::exit::Exit;
use crate::ledger::sqlite::{Access, SqliteLedger};
use crate::ledger::{Cycles, Inventories, Ledger, PauseRecord, Upkeep, pause_note};
use crate::settings::parse_duration;
use crate::views::Pause;

use super::context::{Context, Failure};
use super::record_args::PauseArgs;
use super::{output, who};

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

/// Of the accounts that are meant, those that a renewd pays with on another ledger: it hears nothing of a word in this one. A `state_dir`
/// that was changed and not yet restarted with is the usual reason.
fn elsewhere(
    ctx: &Context,
    ledger: &dyn Ledger,
    name: Option<&AccountName>,
) -> Result<Vec<AccountName>, Failure> {
    let all = paid_elsewhere(&ctx.settings, ledger)?;
    Ok(all.into_iter().filter(|a| name.is_none_or(|n| n == a)).collect())
}

/// The pause of every account that begins now.
fn said(ctx: &Context, args: &PauseArgs) -> Result<PauseRecord, Failure> {
    let now = ctx.clock.now();
    let note = args.note.as_deref().map(pause_note).transpose();
    let note = note.map_err(|e| Failure::usage(format!("--note: {e}")))?;
    let until = args.span.as_deref().map(|span| until(span, &now)).transpose()?;
    // A key or a login that is pasted into a note must not be shown with it.
    let note = note.map(|note| ctx.redactor.quote(&note));
    Ok(PauseRecord { by: Some(who::invoking()), note, until, ..PauseRecord::since(None, now.wall) })
}

/// So long from now, on both clocks.
fn until(text: &str, now: &Moment) -> Result<Moment, Failure> {
    let span = parse_duration(text).map_err(|e| Failure::usage(format!("--for: {e}")))?;
    if !span.is_positive() {
        return Err(Failure::usage(format!("--for `{text}` would be over at once: write 2h or 3d")));
    }
    let wall = now
        .wall
        .checked_add(span)
        .map_err(|_| Failure::usage(format!("--for `{text}` is too far in the future: write 2h or 3d")))?;
    let ms = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    Ok(Moment { wall, boot_id: now.boot_id.clone(), boot_ms: now.boot_ms.saturating_add(ms) })
}

pub(super) fn pause(ctx: &mut Context, args: &PauseArgs) -> Result<Exit, Failure> {
    let pause = said(ctx, args)?;
    let (ledger, early) = ctx.for_pauses()?;
    let account = account(ctx, args.account.as_deref())?;
    let names: Vec<Option<AccountName>> = match &account {
        Some(name) => kept_as(ctx, &ledger, name)?.into_iter().map(Some).collect(),
        None => vec![None],
    };
    let mut replaced = None;
    for account in names {
        let before = ledger.pause(&PauseRecord { account, ..pause.clone() }, &ctx.clock.now())?;
        replaced = replaced.or(before);
    }
    if let Some(early) = &early {
        early.keep(&ledger)?;
    }
    let elsewhere = elsewhere(ctx, ledger.as_ref(), account.as_ref())?;
    let what = account.as_ref().map_or("every account".to_owned(), |a| format!("account {a}"));
    if ctx.json {
        let paused = account.as_ref().map_or("*", |a| a.as_str());
        output::json(&json!({
            "schema": 1, "ok": true, "paused": paused, "by": pause.by, "note": pause.note, "until": pause.ends_at(),
            "replaced": replaced.as_ref().map(Pause::from),
        }));
    } else {
        let lift = lifted_by(&ledger.paused(&ctx.clock.now())?, account.as_ref()).unwrap_or_default();
        let until = pause.ends_at().map(|at| until_words(ctx, at)).unwrap_or_default();
        let sooner = if pause.until.is_some() { " sooner" } else { "" };
        output::line(&format!(
            "spending is paused for {what}{until}; reads and alerts go on. {lift} ends it{sooner}"
        ));
        if let Some(before) = &replaced {
            let told = Pause::from(before).words(|at| output::at(Some(at), &ctx.settings.timezone));
            output::line(&format!(
                "it was paused already since {}{told}: who, note and time are replaced",
                output::at(Some(before.since), &ctx.settings.timezone)
            ));
        }
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

fn until_words(ctx: &Context, at: jiff::Timestamp) -> String {
    format!(" until {}", output::at(Some(at), &ctx.settings.timezone))
}

/// Ends a pause. What was held until somebody says that it is right is accepted by naming the account, never in passing: whoever lifts
/// a pause of everything has not looked at each of them.
pub(super) fn resume(ctx: &mut Context, name: Option<&str>) -> Result<Exit, Failure> {
    let (ledger, early) = ctx.for_pauses()?;
    let account = account(ctx, name)?;
    let mut accepted = Vec::new();
    match &account {
        Some(name) => {
            for name in kept_as(ctx, &ledger, name)? {
                ledger.resume(Some(&name))?;
            }
            accepted = accept(ledger.as_ref(), name, ctx.json)?;
        }
        None => ledger.resume(None)?,
    }
    if let Some(early) = &early {
        early.keep(&ledger)?;
    }
    let others = ctx.settings.accounts.iter().map(|a| &a.name).filter(|a| Some(*a) != account.as_ref());
    let mut waiting = Vec::new();
    for name in others.filter(|_| account.is_none()) {
        waiting.extend(waits(ledger.as_ref(), name)?.map(|why| (name, format!("renewd resume {name}"), why)));
    }
    let still = ledger.paused(&ctx.clock.now())?.iter().any(|p| p.account.is_none());
    if ctx.json {
        let waiting =
            waiting.iter().map(|(a, accept, why)| json!({ "account": a, "why": why, "accept": accept }));
        let waiting: Vec<_> = waiting.collect();
        let document =
            json!({ "schema": 1, "ok": true, "accepted": accepted, "waiting": waiting, "all_paused": still });
        output::json(&document);
        return Ok(Exit::Done);
    }
    output::line(match still {
        true => "spending is still paused for every account: renewd resume (without a name) ends that",
        false => "spending goes on",
    });
    for (name, accept, why) in waiting {
        output::line(&format!(
            "account {name} still waits for your decision: {why}. If that is right: {accept}"
        ));
    }
    Ok(Exit::Done)
}

/// Accepts what is held of that account, and shows it.
fn accept(ledger: &dyn Ledger, name: &AccountName, quiet: bool) -> Result<Vec<Value>, Failure> {
    let mut accepted = Vec::new();
    ledger.note(&currency_note(name), "")?;
    let (seen, accept) = changed_note(name);
    if let Some(change) = ledger.noted(&seen)?.filter(|c| !c.is_empty()) {
        let (mark, why) = change.split_once('\n').unwrap_or((&change, ""));
        ledger.note(&accept, mark)?;
        ledger.note(&seen, "")?;
        accepted.push(json!({ "account": name, "changed": why, "missing": [] }));
        if !quiet {
            output::line(&format!("account {name}: accepted as the config has it now, although {why}"));
        }
    }
    let (seen, accept) = shrink_note(name);
    if let Some(loss) = ledger.noted(&seen)?.filter(|l| !l.is_empty()) {
        let (print, text) = loss.split_once('\n').unwrap_or((&loss, ""));
        ledger.note(&accept, print)?;
        ledger.note(&seen, "")?;
        accepted.push(json!({ "account": name, "missing": text.lines().collect::<Vec<_>>() }));
        if !quiet {
            output::line(&format!("account {name}: accepted as gone:"));
            text.lines().for_each(|l| output::line(&format!("  {l}")));
        }
    }
    Ok(accepted)
}

/// What of that account is held until somebody accepts it.
fn waits(ledger: &dyn Ledger, name: &AccountName) -> Result<Option<String>, Failure> {
    let of = |key: &str| ledger.noted(key).map(|note| note.filter(|text| !text.is_empty()));
    let mut all = Vec::new();
    if let Some(change) = of(&changed_note(name).0)? {
        all.push(change.split_once('\n').map_or("it is another account", |(_, why)| why).to_owned());
    }
    if let Some(loss) = of(&shrink_note(name).0)? {
        all.push(format!(
            "its list lacks {} known leases, or says that it is not whole",
            loss.lines().count().saturating_sub(1)
        ));
    }
    let now = ledger.accounts()?.into_iter().find(|a| &a.account == name).and_then(|a| a.currency);
    if let (Some(known), Some(now)) = (of(&currency_note(name))?, now)
        && known != now.as_str()
    {
        all.push(format!("its money is {now}, and was {known}"));
    }
    Ok((!all.is_empty()).then(|| all.join("; and ")))
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
