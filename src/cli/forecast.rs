//! `renewd forecast`: what falls due when, what it costs, and when the money ends; from the ledger alone.
use std::io::IsTerminal;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::domain::Money;
use crate::exit::Exit;
use crate::views::{DayDoc, ForecastDoc, RunwayDoc, foresee};

use super::args::ForecastArgs;
use super::context::{Context, Failure};
use super::output;
use super::table::Narrow;

pub(super) fn forecast(ctx: &Context, args: &ForecastArgs) -> Result<Exit, Failure> {
    let ledger = ctx.reading()?;
    let now = ctx.now();
    let ahead = SignedDuration::from_hours(24 * i64::from(args.days));
    let to = now.checked_add(ahead).map_err(|e| Failure::usage(format!("--days {}: {e}", args.days)))?;
    let seen = foresee(ledger.as_ref(), &ctx.settings, now, to)?;
    let document = ForecastDoc::new(&seen, &ctx.settings);
    if args.csv {
        let rows = document.days.iter().map(|day| Ok(fields(day)));
        output::stream(|out| output::csv(out, COLUMNS, rows))?;
    } else if ctx.json {
        output::json(&document);
    } else if seen.has_facts() {
        show(&document, ctx, args.days);
    } else {
        output::line(
            "no account was read yet, so there is nothing to look ahead from: `renewd run` or `renewd once` reads them",
        );
    }
    Ok(Exit::Done)
}

fn show(document: &ForecastDoc, ctx: &Context, days: u16) {
    let now = ctx.now();
    for account in &document.runway {
        output::line(&format!("{}: {}", account.account, facts(account, now)));
    }
    output::line("");
    if document.days.is_empty() {
        output::line(&format!("nothing falls due within {days} days"));
    } else {
        output::line(&days_table(document));
    }
    output::line("");
    for account in document.runway.iter().filter(|r| r.read_at.is_some()) {
        output::line(&verdict(account, ctx, days));
    }
    show_budgets(document);
    show_labels(document);
    if !document.left_out.is_empty() {
        output::line("");
        let rows = document.left_out.iter().map(|l| {
            vec![
                if l.ip.is_empty() { l.lease.to_string() } else { l.ip.clone() },
                l.account.to_string(),
                l.reason.to_owned(),
            ]
        });
        output::line("not counted, although a policy keeps them:");
        let narrow = Narrow { goes: &["account"], wraps: &["reason"] };
        output::line(&output::table(&["lease", "account", "reason"], rows.collect(), &narrow));
    }
}

/// From when the facts are, and what they are worth.
fn facts(account: &RunwayDoc, now: Timestamp) -> String {
    let Some(read_at) = account.read_at else {
        return format!(
            "not read yet{}",
            account.error.as_ref().map(|e| format!(" ({e})")).unwrap_or_default()
        );
    };
    let balance = account.balance.map_or("unknown".to_owned(), |b| b.to_string());
    let currency = account.currency.as_ref().map(|c| format!(" {c}")).unwrap_or_default();
    let error = account.error.as_ref().map(|e| format!(" · cannot be read since: {e}")).unwrap_or_default();
    format!("balance {balance}{currency}, read {}{error}", output::away(read_at, now))
}

fn days_table(document: &ForecastDoc) -> String {
    let chart = has_chart();
    let most = document.days.iter().filter_map(|d| d.amount).max().unwrap_or_default();
    let mut head = vec!["day", "account", "due", "amount", "balance after", "price"];
    if chart {
        head.push("");
    }
    let rows = document.days.iter().map(|day| {
        let money = |m: Option<Money>| m.map_or("?".to_owned(), |m| m.to_string());
        let currency = day.currency.as_ref().map(|c| format!(" {c}")).unwrap_or_default();
        let mut row = vec![
            day.date.strftime("%a %Y-%m-%d").to_string(),
            day.account.to_string(),
            day.due.to_string(),
            format!("{}{currency}", money(day.amount)),
            money(day.balance_after),
            day.price_source.as_str().replace('_', " "),
        ];
        if chart {
            row.push(bar(day.amount.unwrap_or_default(), most));
        }
        row
    });
    let narrow = Narrow { goes: &["", "price", "due"], wraps: &[] };
    output::table(&head, rows.collect(), &narrow)
}

/// Bars are for eyes: not in pipes, and not where somebody asked for plain text.
fn has_chart() -> bool {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
    std::io::stdout().is_terminal() && !plain
}

/// A bar of at most this many cells.
const CELLS: u32 = 16;

/// The share of the most in eighths of a cell; the least that is not nothing shows as one.
fn bar(amount: Money, most: Money) -> String {
    let eighths = amount
        .decimal()
        .checked_mul(Decimal::from(CELLS * 8))
        .and_then(|d| d.checked_div(most.decimal()))
        .and_then(|d| d.to_usize())
        .unwrap_or_default();
    let eighths = if amount.is_positive() { eighths.max(1) } else { 0 };
    let part = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8];
    format!("{}{part}", "█".repeat(eighths / 8))
}

fn verdict(account: &RunwayDoc, ctx: &Context, days: u16) -> String {
    let currency = account.currency.as_ref().map(|c| format!(" {c}")).unwrap_or_default();
    let needs = format!("{}: {}{currency} fall due within {days} days", account.account, account.need);
    let lasts = match (account.short_by, account.until, account.top_up_by) {
        (None, ..) => "no balance is known".to_owned(),
        (Some(short), Some(day), Some(by)) => {
            let when = if by > ctx.now() {
                let at = output::at(Some(by), &ctx.settings.timezone);
                format!("by {at} ({})", output::away(by, ctx.now()))
            } else {
                "now".to_owned()
            };
            let lapse = match account.uncovered.len() {
                1 => "1 lease lapses".to_owned(),
                n => format!("{n} leases lapse"),
            };
            format!(
                "the balance lasts until {day}; top up {short}{currency} for these {days} days {when}, or {lapse}"
            )
        }
        _ => "the balance lasts that long".to_owned(),
    };
    let unpriced = match account.unpriced {
        0 => String::new(),
        n => format!("; no price is known for {}: nothing is counted for them", leases(n)),
    };
    format!("{needs}; {lasts}{unpriced}")
}

fn leases(n: usize) -> String {
    if n == 1 { "1 lease".to_owned() } else { format!("{n} leases") }
}

fn show_budgets(document: &ForecastDoc) {
    if document.budgets.is_empty() {
        return;
    }
    let rows = document.budgets.iter().map(|b| {
        vec![
            b.name.clone(),
            b.per.to_owned(),
            format!("{} {}", b.limit, b.currency),
            b.spent.to_string(),
            b.need.to_string(),
            b.until.map_or("lasts".to_owned(), |day| format!("until {day}")),
            b.wait.to_string(),
            b.lapse.len().to_string(),
        ]
    });
    output::line("");
    output::line(&output::table(
        &["budget", "per", "limit", "spent", "need", "runs out", "wait", "lapse"],
        rows.collect(),
        &Narrow { goes: &["per", "spent", "need", "wait"], wraps: &[] },
    ));
}

fn show_labels(document: &ForecastDoc) {
    if document.labels.is_empty() {
        return;
    }
    let rows = document.labels.iter().map(|l| {
        let currency = l.currency.as_ref().map(|c| format!(" {c}")).unwrap_or_default();
        vec![l.label.clone(), l.due.to_string(), format!("{}{currency}", l.amount), l.unpriced.to_string()]
    });
    output::line("");
    output::line(&output::table(
        &["label", "due", "amount", "without a price"],
        rows.collect(),
        &Narrow { goes: &["without a price"], wraps: &["label"] },
    ));
}

const COLUMNS: [&str; 8] =
    ["date", "account", "due", "amount", "currency", "balance_after", "price_source", "labels"];

fn fields(day: &DayDoc) -> [String; 8] {
    let money = |m: Option<Money>| m.map(|m| m.to_string()).unwrap_or_default();
    [
        day.date.to_string(),
        day.account.to_string(),
        day.due.to_string(),
        money(day.amount),
        day.currency.as_ref().map(ToString::to_string).unwrap_or_default(),
        money(day.balance_after),
        day.price_source.as_str().to_owned(),
        day.labels.iter().map(|l| format!("{}={}", l.label, money(l.amount))).collect::<Vec<_>>().join(";"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_share() {
        let money = Money::from_cents;
        for (amount, cells) in
            [(0, ""), (1, "▏"), (500, "████████"), (531, "████████▍"), (1000, "████████████████")]
        {
            assert_eq!(bar(money(amount), money(1000)), cells, "{amount}");
        }
        assert_eq!(bar(Money::ZERO, Money::ZERO), "", "nothing is known of any price");
    }
}
