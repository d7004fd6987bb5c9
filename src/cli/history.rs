//! `renewd history`: the payments, newest first, from the ledger alone.
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::documents::{History, Payment};
use crate::domain::{AccountName, State};
use crate::exit::Exit;
use crate::ledger::{IntentFilter, IntentRecord, Ledger};
use crate::settings::parse_duration;

use super::args::HistoryArgs;
use super::context::{Context, Failure};
use super::output;
use super::table::Narrow;

pub(super) fn history(ctx: &mut Context, args: &HistoryArgs) -> Result<Exit, Failure> {
    let ledger = ctx.known_reading()?;
    let filter = IntentFilter {
        since: args.since.as_deref().map(|t| since(t, ctx.now(), &ctx.settings.timezone)).transpose()?,
        account: args.account.as_deref().map(AccountName::from),
        states: args.state.iter().map(|s| state(s)).collect::<Result<Vec<_>, _>>()?,
        ..IntentFilter::default()
    };
    if let Some(name) = &filter.account {
        known(ctx, ledger.as_ref(), name)?;
    }
    let records = ledger.intents(&filter)?;
    let document = History::new(&records);
    if args.csv {
        output::line(csv(&document.payments, &records)?.trim_end());
    } else if ctx.json {
        output::json(&document);
    } else if records.is_empty() {
        output::line("no payments");
    } else {
        output::line(&table(&records, &ctx.settings.timezone));
    }
    Ok(Exit::Done)
}

/// An account of the config, or one that only the ledger still knows: what it paid stays worth a look.
fn known(ctx: &Context, ledger: &dyn Ledger, name: &AccountName) -> Result<(), Failure> {
    let mut all: Vec<AccountName> = ctx.settings.accounts.iter().map(|a| a.name.clone()).collect();
    for seen in ledger.accounts()?.into_iter().map(|facts| facts.account) {
        if !all.contains(&seen) {
            all.push(seen);
        }
    }
    if all.contains(name) {
        return Ok(());
    }
    let all: Vec<&str> = all.iter().map(AccountName::as_str).collect();
    Err(Failure::usage(format!("there is no account `{name}`: config and ledger have {}", all.join(", "))))
}

fn state(word: &str) -> Result<State, Failure> {
    State::parse(word).ok_or_else(|| {
        let all = State::ALL.map(State::as_str).join(", ");
        Failure::usage(format!("`{word}` is no state: write one of {all}"))
    })
}

/// RFC 3339, a date in the configured zone, or a duration back from now.
fn since(text: &str, now: Timestamp, timezone: &TimeZone) -> Result<Timestamp, Failure> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    if let Ok(zoned) = text.parse::<Date>().and_then(|d| d.to_zoned(timezone.clone())) {
        return Ok(zoned.timestamp());
    }
    parse_duration(text).ok().and_then(|back| now.checked_sub(back).ok()).ok_or_else(|| {
        Failure::usage(format!("--since `{text}`: write an instant (2026-11-01T00:00:00Z), a date (2026-11-01) or a duration back (3d)"))
    })
}

/// One line per payment.
pub(super) fn table(records: &[IntentRecord], timezone: &TimeZone) -> String {
    let rows = records.iter().map(|r| {
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
            format!(
                "{} → {}",
                output::at(doc.expires_before, timezone),
                output::at(doc.expires_after, timezone)
            ),
        ]
    });
    output::table(
        &["payment", "at", "account", "leases", "kind", "purpose", "state", "quoted", "charged", "end"],
        rows.collect(),
        &Narrow { goes: &["purpose", "kind", "end", "quoted", "account", "at"], wraps: &[] },
    )
}

const COLUMNS: [&str; 23] = [
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
];

/// The addresses that a payment is for; an order without one of its own (ProxyShard) has none.
fn ips(record: &IntentRecord) -> String {
    let ips = record.request.leases.iter().map(|lease| lease.ip.as_str()).filter(|ip| !ip.is_empty());
    ips.collect::<Vec<_>>().join(" ")
}

fn csv(payments: &[Payment], records: &[IntentRecord]) -> Result<String, Failure> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let fail = |e: csv::Error| Failure::failed(e.to_string());
    writer.write_record(COLUMNS).map_err(fail)?;
    let instant = |t: Option<Timestamp>| t.map(|t| t.to_string()).unwrap_or_default();
    for (p, record) in payments.iter().zip(records) {
        let money = |m: Option<crate::domain::Money>| m.map(|m| m.to_string()).unwrap_or_default();
        let leases: Vec<&str> = p.leases.iter().map(|l| l.as_str()).collect();
        let error = |f: fn(&crate::documents::PaymentError) -> Option<String>| {
            p.error.as_ref().and_then(f).unwrap_or_default()
        };
        writer
            .write_record([
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
                p.policy.clone(),
                error(|e| e.code.clone()),
                error(|e| e.message.clone()),
                p.evidence.clone().unwrap_or_default(),
                p.purpose.to_owned(),
                ips(record),
            ])
            .map_err(fail)?;
    }
    let bytes = writer.into_inner().map_err(|e| Failure::failed(e.to_string()))?;
    String::from_utf8(bytes).map_err(|e| Failure::failed(e.to_string()))
}
