//! `renewd silence`: keeps alerts quiet for a while. Works beside a running daemon; never pays.
use serde_json::json;

use crate::alerts::rules::{CAUSES, cause};
use crate::domain::KeyPattern;
use crate::exit::Exit;
use crate::ledger::AlertLog;
use crate::ledger::sqlite::Access;
use crate::settings::parse_duration;

use super::args::SilenceArgs;
use super::context::{Context, Failure};
use super::output;

/// A name that the config does not have is a slip: nothing would ever be kept quiet by it.
fn known_account(ctx: &Context, key: &KeyPattern) -> Result<(), Failure> {
    let Some(name) = key.as_str().split(':').nth(1) else { return Ok(()) };
    let names: Vec<&str> = ctx.settings.accounts.iter().map(|a| a.name.as_str()).collect();
    let fits = match name.strip_suffix('*') {
        Some(start) => start.is_empty() || names.iter().any(|n| n.starts_with(start)),
        None => names.contains(&name),
    };
    if fits {
        return Ok(());
    }
    Err(Failure::usage(format!("there is no account `{name}`: the config has {}", names.join(", "))))
}

pub(super) fn silence(ctx: &mut Context, args: &SilenceArgs) -> Result<Exit, Failure> {
    let key = KeyPattern::parse(&args.key).map_err(|e| Failure::usage(e.to_string()))?;
    let span = parse_duration(&args.span).map_err(|e| Failure::usage(format!("--for: {e}")))?;
    let now = ctx.now();
    let until = now.checked_add(span).ok().filter(|_| !span.is_negative()).ok_or_else(|| {
        Failure::usage(format!("--for `{}` is too far in the future: write 2h or 3d", args.span))
    })?;
    ctx.make_ledger()?;
    let ledger = ctx.known_ledger(Access::Note)?;
    let open = ledger.open_alerts()?;
    if cause(key.cause()).is_none() && !open.iter().any(|a| key.covers(&a.key)) {
        let known: Vec<&str> = CAUSES.iter().map(|c| c.name).collect();
        return Err(Failure::usage(format!(
            "`{}` is not a cause of an alert: write one of {}",
            key.cause(),
            known.join(", ")
        )));
    }
    if until > now && !open.iter().any(|a| key.covers(&a.key)) {
        known_account(ctx, &key)?;
    }
    ledger.set_silence(&key, until, now)?;
    let (lifted, covered) = (until <= now, open.iter().filter(|a| key.covers(&a.key)).count());
    if ctx.json {
        let until = (!lifted).then_some(until);
        output::json(&json!({ "schema": 1, "ok": true, "key": key, "until": until, "open": covered }));
    } else if lifted {
        output::line(&format!("{} is no longer silenced", key.as_str()));
    } else {
        output::line(&format!(
            "{} is silenced until {}; {covered} open now. It stays in `renewd status`, and renewd alerts again afterwards if it is still open",
            key.as_str(),
            output::at(Some(until), &ctx.settings.timezone)
        ));
    }
    Ok(Exit::Done)
}
