//! `order quote` and `order create`.
use std::io::IsTerminal;

use crate::alerts::{deliver, tell};
use crate::cli::context::{Context, Failure};
use crate::cli::order_args::BuyArgs;
use crate::cli::output;
use crate::domain::{PurchaseRequest, Quote, State};
use crate::engine::order::Asked;
use crate::engine::{EngineError, Payer};
use crate::exit::Exit;
use crate::ledger::IntentRecord;
use crate::policy::Reason;
use crate::views::{OrderDoc, OrderErrorDoc, SCHEMA};

use super::request::{request, told};

pub(super) async fn quote(ctx: &Context, args: &BuyArgs) -> Result<Exit, Failure> {
    let request = request(ctx, args)?;
    let viewer = super::viewer(ctx, Some(&request.account))?;
    show(ctx, &request, &viewer.quote_order(&request).await?)
}

pub(super) async fn create(ctx: &Context, args: &BuyArgs, yes: bool) -> Result<Exit, Failure> {
    let request = request(ctx, args)?;
    if !yes && (ctx.json || !std::io::stdin().is_terminal()) {
        return Err(Failure::usage("nothing was bought: add --yes (there is no terminal to ask on)"));
    }
    let (payer, _joined) = super::payer(ctx).await?;
    let mut approved = None;
    if !yes {
        let asked = payer.viewer.quote_order(&request).await?;
        let Asked::Priced(quote) = &asked else { return show(ctx, &request, &asked) };
        if !confirmed(&request, quote) {
            output::line("nothing was bought");
            return Ok(Exit::Done);
        }
        approved = Some(quote.clone());
    }
    buy(ctx, &payer, &request, approved.as_ref()).await
}

async fn buy(
    ctx: &Context,
    payer: &Payer,
    request: &PurchaseRequest,
    approved: Option<&Quote>,
) -> Result<Exit, Failure> {
    // What the request itself lacks is told before anything is read.
    let problems = payer.viewer.readers.get(&request.account).map(|r| r.purchase_problems(request));
    if let Some(problems) = problems.filter(|p| !p.is_empty()) {
        return Err(Failure::usage(told(&problems)));
    }
    let bought = match payer.buy(request, approved).await {
        Ok(bought) => bought,
        Err(EngineError::Ledger(e)) => {
            deliver::cannot_use(&ctx.settings, &e, ctx.clock.as_ref()).await;
            return Err(e.into());
        }
    };
    tell::part(&payer.viewer, &bought.report)?;
    let exit = show(ctx, request, &bought.asked)?;
    deliver::at_the_end(&payer.viewer, None).await?;
    Ok(exit)
}

fn confirmed(request: &PurchaseRequest, quote: &Quote) -> bool {
    super::said_yes(&format!(
        "buy {} × {} at account {} for {} {} (balance {})? Type yes:",
        request.quantity,
        request.kind,
        request.account,
        quote.price,
        quote.balance.currency,
        quote.balance.amount
    ))
}

fn document(quote: Option<&Quote>, record: Option<&IntentRecord>, error: Option<&Reason>) -> OrderDoc {
    let said = record.and_then(|r| {
        let (kind, code) = (r.state.as_str().to_owned(), r.detail.code.clone());
        Some(OrderErrorDoc { kind, message: r.detail.message.clone()?, code })
    });
    let held = error.map(|r| OrderErrorDoc {
        kind: r.word.as_str().to_owned(),
        message: r.prose.clone(),
        code: None,
    });
    OrderDoc {
        schema: SCHEMA,
        order: record.and_then(|r| r.order.clone()),
        quoted: record.map(|r| r.quoted).or(quote.map(|q| q.price)).map(|m| m.to_string()),
        charged: record.and_then(|r| r.detail.charged).map(|m| m.to_string()),
        currency: record.map(|r| &r.currency).or(quote.map(|q| &q.balance.currency)).cloned(),
        state: record.map(|r| r.state.as_str().to_owned()),
        intent: record.map(|r| r.id.clone()),
        error: held.or(said),
    }
}

fn show(ctx: &Context, request: &PurchaseRequest, asked: &Asked) -> Result<Exit, Failure> {
    let what = format!("{} × {} at account {}", request.quantity, request.kind, request.account);
    let (exit, document, line) = match asked {
        Asked::Problems(problems) => return Err(Failure::usage(told(problems))),
        Asked::Held { reason, quote } => {
            let price =
                quote.as_ref().map(|q| format!(" ({} {})", q.price, q.balance.currency)).unwrap_or_default();
            let line = format!("nothing was bought: {what}{price}: {reason}");
            (Exit::Attention, document(quote.as_ref(), None, Some(reason)), line)
        }
        Asked::Priced(quote) => {
            let (currency, balance) = (&quote.balance.currency, quote.balance.amount);
            let line = format!("{what}: {} {currency} (balance {balance} {currency})", quote.price);
            (Exit::Done, document(Some(quote), None, None), line)
        }
        Asked::Begun(record) => {
            let good = matches!(record.state, State::Accepted | State::Confirmed);
            let exit = if good { Exit::Done } else { Exit::Attention };
            (exit, document(None, Some(record), None), outcome(record, &what))
        }
    };
    if ctx.json {
        output::json(&document)
    } else {
        output::line(&line)
    }
    Ok(exit)
}

fn outcome(record: &IntentRecord, what: &str) -> String {
    let id = &record.id;
    let order = record.order.as_ref().map(|o| format!(" Order {o}.")).unwrap_or_default();
    let said = record.detail.message.as_ref().map(|m| format!(": {m}")).unwrap_or_default();
    let price = format!("{} {}", record.detail.charged.unwrap_or(record.quoted), record.currency);
    match record.state {
        State::Confirmed => format!("bought {what} for {price}: payment {id}.{order}"),
        State::Accepted => format!(
            "bought {what} for {price}: payment {id} was accepted.{order} It is not listed yet; renewd goes on looking"
        ),
        State::Refused => {
            format!(
                "the provider refused {what}{said}: payment {id}, and the provider says that nothing was charged"
            )
        }
        State::NotApplied => format!("{what} could not be sent{said}: payment {id}, nothing was charged"),
        _ => format!(
            "the outcome of {what} is not known{said}: payment {id}. Do not buy it again: renewd looks for the new order and the \
             balance, and says what became of it (renewd history)"
        ),
    }
}
