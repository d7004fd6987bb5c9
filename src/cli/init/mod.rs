//! `renewd init`: a first config, from a few answers and a look at the account. Never pays, never overwrites.
//!
//! Nothing is written before all is answered, the account was read, as far as it answers, and the config was checked. A crash before
//! that leaves nothing; between the files it leaves a key file, which the next try names. Here: the order of steps. The questions are
//! in `collect`, the look at the account in `look`, the config's text in `text`, the files in `place`.
mod answers;
mod ask;
mod collect;
mod found;
mod look;
mod place;
mod text;

use serde_json::json;

use crate::clock::{Clock, SystemClock};
use crate::exit::Exit;
use crate::settings::{self, Sources};

use super::args::Global;
use super::context::Failure;
use super::init_args::InitArgs;
use super::output;
use answers::Answers;
use ask::Desk;
use found::{Found, Kindred};
use place::Place;

pub(super) async fn init(global: &Global, args: &InitArgs) -> Result<Exit, Failure> {
    if !global.config.is_empty() {
        return Err(Failure::usage("init makes a config: name the file to make with --output FILE"));
    }
    let name = collect::name(args.name.as_deref())?;
    let place = Place::of(args.output.as_deref(), &name)?;
    let mut desk = Desk::new();
    let answers = collect::collect(args, name, &place, &mut desk)?;
    let found = look::account(&answers, &place).await?;
    let text = text::config(&answers, &place, &found);
    let checked = verdict(&text, &answers, &place)?;
    place.write(&text, &answers)?;
    tell(global.json, &answers, &place, &found, &checked);
    Ok(if found.trouble.is_none() && answers.is_whole() { Exit::Done } else { Exit::Attention })
}

/// Warnings of a config that is good; one that is not is never written.
fn verdict(text: &str, answers: &Answers, place: &Place) -> Result<Vec<String>, Failure> {
    let draft = place::Draft::of(&text::with_typed(answers, text, place))?;
    let mut sources = answers.sources();
    if place.joins {
        let in_force = Sources::from_process(&[]);
        sources.environment.extend(in_force.environment);
        sources = Sources { files: in_force.files, ..sources };
    }
    sources.files.push(draft.path.clone());
    let examined = settings::examine(&sources, SystemClock::new().now().wall);
    let told = |p| draft.as_of(p, &place.config);
    if examined.settings.is_none() {
        return Err(Failure::config(examined.errors.into_iter().map(told).collect()));
    }
    Ok(examined.warnings.into_iter().map(|p| settings::problem_line(&told(p))).collect())
}

fn tell(as_json: bool, answers: &Answers, place: &Place, found: &Found, warnings: &[String]) {
    let next = place.next();
    let (config, key) = (place.config.display().to_string(), place.key_path(answers));
    if as_json {
        let next: Vec<_> =
            next.iter().map(|(command, why)| json!({ "command": command, "why": why })).collect();
        let balance = found.balance.as_ref().map(|b| json!({ "amount": b.amount, "currency": b.currency }));
        let kinds: Vec<_> = found.kinds.iter().map(Kindred::value).collect();
        return output::json(&json!({
            "schema": 1, "ok": true, "config": config, "key_file": key, "account": answers.name, "provider": answers.provider,
            "reachable": found.trouble.is_none(), "trouble": found.trouble, "leases": found.leases, "balance": balance,
            "kinds": kinds, "warnings": warnings, "next": next,
        }));
    }
    output::line("");
    match (&found.trouble, &found.balance) {
        (Some(why), _) => output::line(&format!(
            "The account does not answer ({why}). The config is written all the same: until prices are known, each payment waits for \
             your approval."
        )),
        (None, balance) => {
            let balance = balance.as_ref().map(|b| format!(", balance {} {}", b.amount, b.currency));
            output::line(&format!(
                "Account {} answers: {} leases{}.",
                answers.name,
                found.leases,
                balance.unwrap_or_default()
            ));
        }
    }
    if !found.kinds.is_empty() {
        let rows = found.kinds.iter().map(Kindred::row).collect();
        let head = ["kind", "leases", "period", "price", "max_price"];
        output::line(&output::table(&head, rows, &super::table::AS_IT_IS));
        output::line("");
    }
    warnings.iter().for_each(|warning| output::line(&format!("warning: {warning}")));
    if let Some(why) = answers.lacks() {
        output::line(&format!("warning: {why}"));
    }
    output::line(&format!("Written: {config}"));
    if let Some(key) = key {
        output::line(&format!("The API key is in {key}; it is nowhere in the config."));
    }
    output::line("\nType next:");
    next.iter().for_each(|(command, what)| {
        output::line(&format!("  {command:<next_width$}   # {what}", next_width = width(&next)))
    });
}

fn width(next: &[(String, &'static str)]) -> usize {
    next.iter().map(|(command, _)| command.len()).max().unwrap_or_default()
}
