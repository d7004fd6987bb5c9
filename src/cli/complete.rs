//! Completions: a shell asks this program itself, in a variable, what could stand at a place of the command line. So it knows
//! accounts, open alerts, leases and payments too, as far as whoever types may read config and ledger; else it offers none of these.
//!
//! Only reads, asks no provider, and fails in silence: somebody is in the middle of typing.
use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Command, CommandFactory};
use clap_complete::env::Shells;
use clap_complete::{ArgValueCandidates, CompleteEnv, CompletionCandidate, Shell};

use crate::alerts::rules::CAUSES;
use crate::domain::State;
use crate::exit::Exit;
use crate::ledger::sqlite::{self, Access, SqliteLedger};
use crate::ledger::{AlertLog, Approvals, IntentFilter, Inventories, Payments, PlanState};
use crate::policy::Decision;
use crate::settings::{self, Settings, Sources};

use super::args::Cli;
use super::context::Failure;
use super::output;

/// Set by the scripts that [`script`] prints.
const VARIABLE: &str = "RENEWD_COMPLETE";
/// Leases that are offered: those that end next.
const MOST: usize = 200;

/// Answers a shell that asks what to complete; `None` where no shell asks.
#[must_use]
pub fn completed() -> Option<Exit> {
    std::env::var_os(VARIABLE)?;
    let here = std::env::current_dir().ok();
    match CompleteEnv::with_factory(command).var(VARIABLE).try_complete(std::env::args_os(), here.as_deref())
    {
        Ok(true) => Some(Exit::Done),
        Ok(false) => None,
        Err(e) => {
            output::note(&e.to_string());
            Some(Exit::Usage)
        }
    }
}

/// The script for a shell, on stdout.
pub(super) fn script(shell: Shell) -> Result<Exit, Failure> {
    let shells = Shells::builtins();
    let Some(completer) = shells.completer(&shell.to_string()) else {
        return Err(Failure::usage(format!("there are no completions for {shell}")));
    };
    let mut text = Vec::new();
    let written = completer.write_registration(VARIABLE, "renewd", "renewd", "renewd", &mut text);
    written.map_err(|e| Failure::failed(e.to_string()))?;
    output::line(String::from_utf8_lossy(&text).trim_end());
    Ok(Exit::Done)
}

type Offer = fn() -> Vec<CompletionCandidate>;

/// What can stand where: command, argument, and where that is known.
const OFFERS: &[(&[&str], &str, Offer)] = &[
    (&["init"], "provider", providers),
    (&["explain"], "target", targets),
    (&["leases"], "account", accounts),
    (&["leases"], "decision", decisions),
    (&["history"], "account", accounts),
    (&["history"], "state", states),
    (&["resolve"], "intent", open_payments),
    (&["approve"], "plan", plans),
    (&["reject"], "plan", plans),
    (&["keep"], "target", targets),
    (&["keep"], "like", policies),
    (&["pause"], "account", accounts),
    (&["resume"], "account", accounts),
    (&["silence"], "key", alerts),
    (&["test-alert"], "channel", channels),
    (&["order", "options"], "account", accounts),
    (&["order", "quote"], "account", accounts),
    (&["order", "create"], "account", accounts),
    (&["order", "cycle"], "order", orders),
    (&["order", "cycle"], "account", accounts),
    (&["order", "tag"], "order", orders),
    (&["order", "tag"], "account", accounts),
    (&["order", "auto"], "order", orders),
    (&["order", "auto"], "account", accounts),
];

/// The command line with what can be offered.
fn command() -> Command {
    OFFERS.iter().fold(Cli::command(), |command, (path, arg, offer)| within(command, path, arg, *offer))
}

fn within(command: Command, path: &[&str], arg: &str, offer: Offer) -> Command {
    match path {
        [] => command.mut_arg(arg, |a| a.add(ArgValueCandidates::new(offer))),
        [name, rest @ ..] => command.mut_subcommand(name, |sub| within(sub, rest, arg, offer)),
    }
}

fn all(words: impl IntoIterator<Item = impl Into<OsString>>) -> Vec<CompletionCandidate> {
    words.into_iter().map(CompletionCandidate::new).collect()
}

/// The values of a flag in the line that is being typed.
fn typed(flag: &str) -> Vec<PathBuf> {
    let words: Vec<String> = std::env::args_os().map(|w| w.to_string_lossy().into_owned()).collect();
    let next = words.windows(2).filter(|pair| pair[0] == flag).map(|pair| PathBuf::from(&pair[1]));
    let joined = words.iter().filter_map(|w| w.strip_prefix(flag)?.strip_prefix('=')).map(PathBuf::from);
    next.chain(joined).collect()
}

fn sources() -> Sources {
    Sources::from_process(&typed("--config"))
}

fn config() -> Option<Settings> {
    settings::load_sealed(&sources()).ok()
}

fn ledger() -> Option<SqliteLedger> {
    let dir = typed("--state-dir").pop().or_else(|| settings::state_dir(&sources()).ok())?;
    sqlite::open(&dir, Access::Read).ok()
}

fn providers() -> Vec<CompletionCandidate> {
    all(settings::providers())
}

fn accounts() -> Vec<CompletionCandidate> {
    let of_ledger = || {
        let known = ledger()?.accounts().ok()?;
        Some(known.into_iter().map(|a| a.account.to_string()).collect())
    };
    let of_config = config().map(|c| c.accounts.iter().map(|a| a.name.to_string()).collect());
    let names: Vec<String> = of_config.or_else(of_ledger).unwrap_or_default();
    all(names)
}

fn policies() -> Vec<CompletionCandidate> {
    all(config().map(|c| c.policies.into_iter().map(|p| p.name)).into_iter().flatten())
}

fn channels() -> Vec<CompletionCandidate> {
    let named = config().map(|c| c.alerts.channels.into_iter().map(|channel| channel.name));
    all(["mail".to_owned(), "webhook".to_owned()].into_iter().chain(named.into_iter().flatten()))
}

fn states() -> Vec<CompletionCandidate> {
    all(State::ALL.map(State::as_str))
}

fn decisions() -> Vec<CompletionCandidate> {
    let every = [
        Decision::Renew,
        Decision::Wait,
        Decision::Watch,
        Decision::Release,
        Decision::Ignore,
        Decision::Hold,
    ];
    all(every.map(Decision::as_str))
}

/// Open ones first, then whole causes.
fn alerts() -> Vec<CompletionCandidate> {
    let open = ledger().and_then(|l| l.open_alerts().ok()).unwrap_or_default();
    let told =
        open.into_iter().map(|a| CompletionCandidate::new(a.key.to_string()).help(Some(a.title.into())));
    told.chain(CAUSES.iter().map(|cause| CompletionCandidate::new(format!("{}:*", cause.name)))).collect()
}

fn open_payments() -> Vec<CompletionCandidate> {
    let states = State::ALL.into_iter().filter(|state| state.is_unsettled()).collect();
    let filter = IntentFilter { states, ..IntentFilter::default() };
    let open = ledger().and_then(|l| l.intents(&filter).ok()).unwrap_or_default();
    let shown = |p: crate::ledger::IntentRecord| {
        let what = format!("{} {} at {}", p.state.as_str(), p.quoted, p.request.account);
        CompletionCandidate::new(p.id.to_string()).help(Some(what.into()))
    };
    open.into_iter().map(shown).collect()
}

fn plans() -> Vec<CompletionCandidate> {
    let known = ledger().and_then(|l| l.plans(None).ok()).unwrap_or_default();
    all(known.into_iter().filter(|p| p.state() == PlanState::Waiting).map(|p| p.plan.name))
}

/// The leases that end next.
fn next_to_end<T>(of: impl Fn(crate::domain::LeaseView<'_>) -> T) -> Vec<T> {
    let Some(ledger) = ledger() else { return Vec::new() };
    let mut found = Vec::new();
    for account in ledger.accounts().unwrap_or_default() {
        let Ok(list) = ledger.last_list(&account.account) else { continue };
        found.extend(list.iter().filter_map(|l| l.expires_at.map(|at| (at, of(l)))));
    }
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().take(MOST).map(|(_, what)| what).collect()
}

/// Addresses, and orders that have none.
fn targets() -> Vec<CompletionCandidate> {
    let named = next_to_end(|l| {
        let word = if l.ip.is_empty() { l.order } else { l.ip };
        let end = l.expires_at.map(|at| format!("ends {at:.0}")).unwrap_or_default();
        (word.to_owned(), end)
    });
    named.into_iter().map(|(word, end)| CompletionCandidate::new(word).help(Some(end.into()))).collect()
}

fn orders() -> Vec<CompletionCandidate> {
    let mut orders = next_to_end(|l| l.order.to_owned());
    let mut seen = std::collections::BTreeSet::new();
    orders.retain(|order| seen.insert(order.clone()));
    all(orders)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_offered_has_its_place_on_the_command_line() {
        // A place that is not there panics.
        command().debug_assert();
    }
}
