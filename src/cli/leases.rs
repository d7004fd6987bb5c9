//! `renewd leases`: every lease as of the last cycle, from the ledger alone. Shown one after the other: a fleet is
//! never held as text.
use crate::domain::AccountName;
use crate::exit::Exit;
use crate::ledger::{Ledger, LedgerError};
use crate::policy::Decision;
use crate::views::{ItemDoc, Lasting, Stored, Unwritten, every_stored, foresee_fresh, write_leases};

use super::args::LeasesArgs;
use super::context::{Context, Failure};
use super::{output, plan};

pub(super) fn leases(ctx: &Context, args: &LeasesArgs) -> Result<Exit, Failure> {
    let ledger = ctx.reading()?;
    let only = args.account.as_deref().map(AccountName::new);
    if let Some(name) = only.as_ref().filter(|name| ctx.settings.account(name).is_none()) {
        let all: Vec<&str> = ctx.settings.accounts.iter().map(|a| a.name.as_str()).collect();
        return Err(Failure::usage(format!(
            "there is no account `{name}`: the config has {}",
            all.join(", ")
        )));
    }
    let decision = args.decision.as_deref().map(decision).transpose()?;
    let seen = foresee_fresh(ledger.as_ref(), &ctx.settings, ctx.now(), None)?;
    let wanted = |stored: &Stored| decision.is_none_or(|d| stored.item.decision() == d);
    let lasting = Lasting { ledger: ledger.as_ref(), settings: &ctx.settings, now: ctx.now(), seen: &seen };
    let leases =
        || every_stored(&lasting, only.as_ref()).filter(|stored| stored.as_ref().map_or(true, &wanted));
    let documents = || {
        leases().map(|stored| {
            let mut doc = ItemDoc::new(&stored?.item, &ctx.settings.policies);
            doc.know(&seen, &ctx.settings.policies);
            Ok(doc)
        })
    };
    if args.csv {
        output::stream(|out| output::csv(out, COLUMNS, documents().map(|doc| Ok(fields(&doc?)))))?;
    } else if ctx.json {
        let at = oldest(ledger.as_ref(), only.as_ref())?;
        output::stream(|out| {
            write_leases(documents(), at, &mut *out)?;
            out.write_all(b"\n").map_err(Unwritten::Output)
        })?;
    } else if leases().next().transpose()?.is_none() {
        output::line("no leases: what the providers list is read by `renewd run` or `renewd once`");
    } else {
        let row =
            |stored: Result<Stored, LedgerError>| Ok(plan::item_row(&stored?.item, &ctx.settings, ctx.now()));
        output::long_table(&plan::item_head(&ctx.settings), &|| leases().map(row), &plan::NARROW)?;
    }
    Ok(Exit::Done)
}

fn decision(word: &str) -> Result<Decision, Failure> {
    Decision::ALL.into_iter().find(|d| d.as_str() == word).ok_or_else(|| {
        let all = Decision::ALL.map(Decision::as_str).join(", ");
        Failure::usage(format!("`{word}` is not a decision: write one of {all}"))
    })
}

/// When the account that was read longest ago was read: nothing shown is older.
fn oldest(ledger: &dyn Ledger, only: Option<&AccountName>) -> Result<Option<jiff::Timestamp>, Failure> {
    let accounts = ledger.accounts()?.into_iter();
    let read = accounts.filter(|f| only.is_none_or(|name| &f.account == name)).filter_map(|f| f.read_at);
    Ok(read.min())
}

const COLUMNS: [&str; 21] = [
    "account",
    "lease",
    "order",
    "ip",
    "kind",
    "country",
    "operator",
    "labels",
    "expires_at",
    "stage",
    "decision",
    "reason",
    "policy",
    "due_at",
    "price",
    "currency",
    "period_days",
    "last_price",
    "warnings",
    "kept_like",
    "kept_until",
];

fn fields(doc: &ItemDoc) -> [String; 21] {
    let instant = |t: Option<jiff::Timestamp>| t.map(|t| t.to_string()).unwrap_or_default();
    let quote = doc.quote.as_ref();
    [
        doc.account.to_string(),
        doc.lease.to_string(),
        doc.order.to_string(),
        doc.ip.clone(),
        doc.kind.to_string(),
        doc.country.clone().unwrap_or_default(),
        doc.operator.clone().unwrap_or_default(),
        doc.labels.join(";"),
        instant(doc.expires_at),
        doc.stage.map(|s| s.as_str().to_owned()).unwrap_or_default(),
        doc.decision.as_str().to_owned(),
        doc.reason.to_string(),
        doc.policy.clone().unwrap_or_default(),
        instant(doc.due_at),
        quote.map(|q| q.amount.to_string()).unwrap_or_default(),
        quote.map(|q| q.currency.to_string()).unwrap_or_default(),
        quote.map(|q| q.period_days.to_string()).unwrap_or_default(),
        doc.last_price.map(|p| p.to_string()).unwrap_or_default(),
        doc.warnings.join(";"),
        doc.kept.as_ref().map(|k| k.like.clone()).unwrap_or_default(),
        doc.kept.as_ref().and_then(|k| k.until).map(|day| day.to_string()).unwrap_or_default(),
    ]
}
