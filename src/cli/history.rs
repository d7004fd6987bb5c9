//! `renewd history`: the payments, newest first, from the ledger alone. Shown while they are read.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::domain::{AccountName, State};
use crate::exit::Exit;
use crate::ledger::{IntentRecord, Ledger, PaymentQuery};
use crate::views::{Payment, Payments, Unwritten, accounts_called, since, write_history};

use super::context::{Context, Failure};
use super::output;
use super::record_args::HistoryArgs;
use super::table::Narrow;

pub(super) fn history(ctx: &mut Context, args: &HistoryArgs) -> Result<Exit, Failure> {
    let ledger = ctx.known_reading()?;
    let (ledger, ctx): (&dyn Ledger, &Context) = (ledger.as_ref(), ctx);
    let zone = &ctx.settings.timezone;
    let query = PaymentQuery {
        since: args
            .since
            .as_deref()
            .map(|t| since(t, ctx.now(), zone).map_err(Failure::usage))
            .transpose()?,
        accounts: args
            .account
            .as_deref()
            .map(|name| named(ctx, ledger, name))
            .transpose()?
            .unwrap_or_default(),
        states: args.state.iter().map(|s| state(s)).collect::<Result<Vec<_>, _>>()?,
        lease: None,
    };
    let payments = || Payments::new(ledger, query.clone(), None);
    if args.csv {
        output::stream(|out| output::csv(out, COLUMNS, payments().map(|record| Ok(fields(&record?)))))?;
    } else if ctx.json {
        output::stream(|out| {
            write_history(payments(), &mut *out, true)?;
            out.write_all(b"\n").map_err(Unwritten::Output)
        })?;
    } else if payments().next().transpose()?.is_none() {
        output::line("no payments");
    } else {
        let zone = zone.clone();
        let rows = || payments().map(|record| Ok(row(&record?, &zone)));
        output::long_table(&HEAD, &rows, &NARROW)?;
    }
    Ok(Exit::Done)
}

/// An account of the config, or one that only the ledger still knows, under any name that it had: what it paid stays worth a look.
fn named(ctx: &Context, ledger: &dyn Ledger, name: &str) -> Result<Vec<AccountName>, Failure> {
    let name = AccountName::from(name);
    if let Some(found) = accounts_called(ledger, &ctx.settings, &name)? {
        return Ok(found);
    }
    let mut all: Vec<AccountName> = ctx.settings.accounts.iter().map(|a| a.name.clone()).collect();
    for seen in ledger.accounts()?.into_iter().map(|facts| facts.account) {
        if !all.contains(&seen) {
            all.push(seen);
        }
    }
    let all: Vec<&str> = all.iter().map(AccountName::as_str).collect();
    Err(Failure::usage(format!("there is no account `{name}`: config and ledger have {}", all.join(", "))))
}

fn state(word: &str) -> Result<State, Failure> {
    State::parse(word).ok_or_else(|| {
        let all = State::ALL.map(State::as_str).join(", ");
        Failure::usage(format!("`{word}` is not a state: write one of {all}"))
    })
}

const HEAD: [&str; 10] =
    ["payment", "at", "account", "leases", "kind", "purpose", "state", "quoted", "charged", "end"];
const NARROW: Narrow<'static> =
    Narrow { goes: &["purpose", "kind", "end", "quoted", "account", "at"], wraps: &[] };

/// One line per payment.
pub(super) fn table(records: &[IntentRecord], timezone: &TimeZone) -> String {
    output::table(&HEAD, records.iter().map(|r| row(r, timezone)).collect(), &NARROW)
}

fn row(r: &IntentRecord, timezone: &TimeZone) -> Vec<String> {
    let doc = Payment::new(r);
    // An order without an address of its own is known by its number, as in `plan`.
    let first = r.request.leases.first();
    let first = first.map(|l| if l.ip.is_empty() { l.order.to_string() } else { l.ip.clone() });
    let first = first.or_else(|| doc.order.as_ref().map(ToString::to_string)).unwrap_or_default();
    let more = r.request.leases.len().saturating_sub(1);
    vec![
        doc.intent.to_string(),
        output::at(Some(doc.created_at), timezone),
        doc.account.to_string(),
        if more == 0 { first } else { format!("{first} +{more}") },
        doc.kind.to_string(),
        doc.purpose.to_owned(),
        doc.state.to_string(),
        format!("{} {}", doc.quoted, doc.currency),
        doc.charged.map_or("-".to_owned(), |m| m.to_string()),
        format!("{} → {}", output::at(doc.expires_before, timezone), output::at(doc.expires_after, timezone)),
    ]
}

const COLUMNS: [&str; 28] = [
    "intent",
    "account",
    "provider",
    "order",
    "leases",
    "kind",
    "state",
    "quoted",
    "charged",
    "currency",
    "period_days",
    "balance_before",
    "balance_after",
    "expires_before",
    "expires_after",
    "created_at",
    "settled_at",
    "policy",
    "error_code",
    "error_message",
    "evidence",
    "purpose",
    "ips",
    "approval",
    "approved_by",
    "approved_at",
    "approval_note",
    "labels",
];

/// The addresses that a payment is for; an order without one of its own (ProxyShard) has none.
fn ips(record: &IntentRecord) -> String {
    let ips = record.request.leases.iter().map(|lease| lease.ip.as_str()).filter(|ip| !ip.is_empty());
    ips.collect::<Vec<_>>().join(" ")
}

fn fields(record: &IntentRecord) -> [String; 28] {
    let p = Payment::new(record);
    let instant = |t: Option<Timestamp>| t.map(|t| t.to_string()).unwrap_or_default();
    let money = |m: Option<crate::domain::Money>| m.map(|m| m.to_string()).unwrap_or_default();
    let leases: Vec<&str> = p.leases.iter().map(|l| l.as_str()).collect();
    let approval = record.approved.as_ref();
    let (code, message) = p.error.map(|e| (e.code, e.message)).unwrap_or_default();
    [
        p.intent.to_string(),
        p.account.to_string(),
        p.provider.to_string(),
        p.order.as_ref().map(ToString::to_string).unwrap_or_default(),
        leases.join(" "),
        p.kind.to_string(),
        p.state.to_string(),
        p.quoted.to_string(),
        money(p.charged),
        p.currency.to_string(),
        p.period_days.to_string(),
        p.balance_before.to_string(),
        money(p.balance_after),
        instant(p.expires_before),
        instant(p.expires_after),
        p.created_at.to_string(),
        instant(p.settled_at),
        p.policy,
        code.unwrap_or_default(),
        message.unwrap_or_default(),
        p.evidence.unwrap_or_default(),
        p.purpose.to_owned(),
        ips(record),
        approval.map(|a| a.plan.clone()).unwrap_or_default(),
        approval.and_then(|a| a.by.clone()).unwrap_or_default(),
        instant(approval.map(|a| a.at)),
        approval.and_then(|a| a.note.clone()).unwrap_or_default(),
        p.labels.join(";"),
    ]
}
