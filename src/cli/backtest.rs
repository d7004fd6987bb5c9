//! `renewd backtest`: what the policies and budgets of a config file would have paid, held and lost over the recorded time. Reads the
//! ledger alone.
use std::collections::BTreeMap;

use crate::domain::Money;
use crate::exit::Exit;
use crate::ledger::Inventories;
use crate::settings::{self, Sources};
use crate::views::{BacktestDoc, EntryDoc, since};

use super::args::BacktestArgs;
use super::context::{Context, Failure};
use super::output;
use super::table::Narrow;

/// So many lines are shown of each list; `--json` has all.
const SHOWN: usize = 20;

pub(super) fn backtest(ctx: &Context, args: &BacktestArgs) -> Result<Exit, Failure> {
    let from =
        args.since.as_deref().map(|t| since(t, ctx.now(), &ctx.settings.timezone).map_err(Failure::usage));
    let from = from.transpose()?;
    let ledger = ctx.reading()?;
    let known = ledger.accounts()?.into_iter();
    let stand_ins = known.filter(|a| ctx.settings.account(&a.account).is_none());
    let stand_ins = stand_ins.filter_map(|a| settings::stand_in(a.account, a.provider));
    let accounts = ctx.settings.accounts.iter().cloned().chain(stand_ins).collect();
    let sources = Sources::from_process(std::slice::from_ref(&args.policy));
    let rules = settings::load_rules(&sources, accounts).map_err(Failure::config)?;
    let document = BacktestDoc::of(ledger.as_ref(), &rules, from)?;
    if ctx.json {
        output::json(&document);
    } else if document.until.is_none() {
        output::line("nothing is on record yet: `renewd run` or `renewd once` reads the accounts");
    } else {
        show(&document, ctx);
    }
    Ok(Exit::Done)
}

fn show(document: &BacktestDoc, ctx: &Context) {
    let at = |t| output::at(t, &ctx.settings.timezone);
    output::line(&format!("from {} to {}", at(document.since), at(document.until)));
    for (what, entries) in [("paid", &document.paid), ("held", &document.held), ("lost", &document.lost)] {
        output::line("");
        if entries.is_empty() {
            output::line(&format!("nothing would have been {what}"));
            continue;
        }
        output::line(&format!("would have been {what}:"));
        let rows = entries.iter().take(SHOWN).map(|e| row(e, ctx)).collect();
        let narrow = Narrow { goes: &["account"], wraps: &["reason"] };
        output::line(&output::table(&["at", "account", "lease", "policy", "price", "reason"], rows, &narrow));
        if entries.len() > SHOWN {
            output::line(&format!("and {} more: --json has all", entries.len() - SHOWN));
        }
    }
    output::line("");
    let totals = &document.totals;
    let sums = |what: &str, s: &crate::views::SumsDoc| {
        vec![what.to_owned(), s.paid.to_string(), money(&s.amount), s.lost.to_string()]
    };
    let rows = vec![sums("would have been", &totals.what_if), sums("happened", &totals.actual)];
    output::line(&output::table(
        &["", "terms paid", "for", "leases lost"],
        rows,
        &Narrow { goes: &[], wraps: &[] },
    ));
    output::line(&format!("difference: {}", money(&totals.difference)));
    if document.unknown_prices > 0 {
        output::line(&format!(
            "of {} of the payments no price was ever read: they are in no sum",
            document.unknown_prices
        ));
    }
    document.limits.iter().for_each(|limit| output::line(&format!("note: {limit}")));
}

fn row(entry: &EntryDoc, ctx: &Context) -> Vec<String> {
    let price = entry.amount.map(|amount| {
        let currency = entry.currency.as_ref().map(|c| format!(" {c}")).unwrap_or_default();
        format!("{amount}{currency}")
    });
    vec![
        output::at(Some(entry.at), &ctx.settings.timezone),
        entry.account.to_string(),
        if entry.ip.is_empty() { entry.lease.to_string() } else { entry.ip.clone() },
        entry.policy.clone().unwrap_or_else(|| "none".to_owned()),
        price.unwrap_or_else(|| "not known".to_owned()),
        entry.reason.clone(),
    ]
}

fn money(sums: &BTreeMap<String, Money>) -> String {
    let all: Vec<String> = sums.iter().map(|(currency, money)| format!("{money} {currency}")).collect();
    if all.is_empty() { "nothing".to_owned() } else { all.join(" + ") }
}
