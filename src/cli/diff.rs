//! `renewd check --diff NEW.toml`: what another config would change. Reads the ledger alone.
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::exit::Exit;
use crate::ledger::Ledger;
use crate::policy::Decision;
use crate::settings::{self, Sources};
use crate::views::{Change, Changes, changes};

use super::args::Global;
use super::context::{Context, Failure};
use super::output;
use super::table::Narrow;

/// So many leases are shown of those that change alike.
const SHOWN: usize = 3;

pub(super) fn diff(ctx: &Context, global: &Global, new: PathBuf) -> Result<Exit, Failure> {
    let sources = Sources::from_process(std::slice::from_ref(&new));
    let then = settings::load(&sources).map_err(Failure::config)?;
    let then = Context::of(then, global.json)?;
    let ledger: Arc<dyn Ledger> = ctx.reading()?;
    let (now, then) = (ctx.viewer(Arc::clone(&ledger))?, then.viewer(ledger)?);
    let (changes, leases) = changes(&now, &then, ctx.now())?;
    if ctx.json {
        output::json(&changes);
    } else if leases == 0 {
        output::line("the ledger knows no leases yet: `renewd run` or `renewd once` reads them");
    } else {
        show(&changes, leases);
    }
    Ok(Exit::Done)
}

fn show(changes: &Changes, leases: usize) {
    let n = changes.changes.len();
    if n == 0 {
        output::line(&format!("no decision and no term changes for any of {leases} leases"));
        return;
    }
    let word = |d: Option<Decision>| d.map_or("not configured", Decision::as_str).to_owned();
    let days = |days: Option<u32>| days.map_or("-".to_owned(), |days| format!("{days}d"));
    let term = |c: &Change| match (c.days_from, c.days_to) {
        (from, to) if from == to => days(from),
        (from, to) => format!("{} → {}", days(from), days(to)),
    };
    let name = |policy: &Option<String>| policy.clone().unwrap_or_else(|| "no policy".to_owned());
    let mut alike: BTreeMap<[String; 6], Vec<&Change>> = BTreeMap::new();
    for c in &changes.changes {
        let key = [
            c.account.to_string(),
            word(Some(c.from)),
            word(c.to),
            name(&c.policy_from),
            name(&c.policy_to),
            term(c),
        ];
        alike.entry(key).or_default().push(c);
    }
    let rows = alike.into_iter().map(|([account, from, to, was, is, term], group)| {
        let shown = |c: &&Change| if c.ip.is_empty() { c.lease.to_string() } else { c.ip.clone() };
        let mut names: Vec<String> = group.iter().take(SHOWN).map(shown).collect();
        if group.len() > SHOWN {
            names.push(format!("+{}", group.len() - SHOWN));
        }
        vec![
            account,
            group.len().to_string(),
            if from == to { from } else { format!("{from} → {to}") },
            term,
            if was == is { was } else { format!("{was} → {is}") },
            names.join(" "),
        ]
    });
    let narrow = Narrow { goes: &["account"], wraps: &["leases shown", "policy"] };
    output::line(&output::table(
        &["account", "leases", "decision", "term", "policy", "leases shown"],
        rows.collect(),
        &narrow,
    ));
    output::line(&format!("{n} of {leases} leases change"));
    changes.totals.words().iter().for_each(|words| output::line(words));
}
