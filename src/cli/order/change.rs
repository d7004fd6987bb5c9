//! `order cycle`, `order tag`, `order auto`: what it is now, what would change, and what is seen afterwards.
use std::io::IsTerminal;

use serde_json::json;

use crate::cli::context::{Context, Failure};
use crate::cli::order_args::ChangeArgs;
use crate::cli::output;
use crate::domain::Change;
use crate::engine::order::{Changed, Found};
use crate::engine::{Viewer, last_paid, steer};
use crate::exit::Exit;
use crate::policy::{Action, PayBy};
use crate::providers::ChangeReply;

/// What is wanted.
pub(super) enum Wish {
    /// Another billing cycle.
    Cycle(String),
    /// Another tag; `none` = none.
    Tag(String),
    /// The provider's auto-renewal.
    Auto(bool),
}

impl Wish {
    async fn change(&self, viewer: &Viewer, found: &Found) -> Change {
        match self {
            Self::Cycle(cycle) => Change::Cycle(cycle.clone()),
            Self::Tag(tag) => Change::Tag((!tag.eq_ignore_ascii_case("none")).then(|| tag.clone())),
            Self::Auto(on) => viewer.auto_renewal(found, *on).await,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Cycle(_) => "cycle",
            Self::Tag(_) => "tag",
            Self::Auto(_) => "auto-renewal",
        }
    }

    /// As the order has it.
    fn of(&self, found: &Found) -> String {
        let first = found.leases.first();
        let text = match self {
            Self::Cycle(_) => first.and_then(|l| l.cycle.clone()),
            Self::Tag(_) => Some(first.and_then(|l| l.tag.clone()).unwrap_or_else(|| "none".into())),
            Self::Auto(_) => {
                first.and_then(|l| l.provider_renews).map(|on| if on { "on" } else { "off" }.to_owned())
            }
        };
        text.unwrap_or_else(|| "not told".into())
    }

    fn wanted(&self) -> String {
        match self {
            Self::Cycle(text) | Self::Tag(text) => text.clone(),
            Self::Auto(on) => if *on { "on" } else { "off" }.to_owned(),
        }
    }
}

pub(super) async fn change(
    ctx: &Context,
    order: &str,
    wish: &Wish,
    how: &ChangeArgs,
) -> Result<Exit, Failure> {
    let name = how.account.as_deref().map(|n| super::account(ctx, Some(n))).transpose()?;
    if how.preview {
        let viewer = super::viewer(ctx, name.as_ref())?;
        let found = find(&viewer, order).await?;
        possible(&viewer, &found, wish).await?;
        let text = preview(&viewer, &found, wish).await;
        if ctx.json {
            output::json(&json!({
                "schema": 1, "ok": true, "account": found.account, "order": found.order, "before": wish.of(&found),
                "wanted": wish.wanted(), "message": text,
            }));
        } else {
            output::line(&text);
        }
        return Ok(Exit::Done);
    }
    let (mut payer, _joined) = super::payer(ctx).await?;
    payer.viewer.readers.retain(|n, _| name.as_ref().is_none_or(|o| o == n));
    let found = find(&payer.viewer, order).await?;
    possible(&payer.viewer, &found, wish).await?;
    // The price that is told goes with the change: it leaves while that is fresh, or not at all.
    let asked = matches!(wish, Wish::Cycle(_)).then(|| payer.viewer.clock.now());
    output::note(&preview(&payer.viewer, &found, wish).await);
    // Whether the provider pays by itself is asked like a purchase, of whoever sits there; a script has said what it wants.
    let asks = matches!(wish, Wish::Auto(_)) && !how.yes && !ctx.json && std::io::stdin().is_terminal();
    if asks && !super::said_yes("switch it? Type yes:") {
        output::line("nothing was changed");
        return Ok(Exit::Done);
    }
    let what = wish.change(&payer.viewer, &found).await;
    let changed = payer.change_order(&found, what, asked.as_ref(), "an operator asked for it").await?;
    show(ctx, &found, wish, &changed)
}

/// What cannot come true is refused before anything is sent, and a preview does not pretend otherwise.
async fn possible(viewer: &Viewer, found: &Found, wish: &Wish) -> Result<(), Failure> {
    let Wish::Cycle(cycle) = wish else { return Ok(()) };
    match viewer.cycle_problem(found, cycle).await {
        Some(why) => Err(Failure::usage(format!("nothing was sent: {why}"))),
        None => Ok(()),
    }
}

async fn find(viewer: &Viewer, order: &str) -> Result<Found, Failure> {
    let (mut found, unread) = viewer.find_order(order).await?;
    match (found.len(), unread.is_empty()) {
        (1, _) => Ok(found.remove(0)),
        (0, true) => {
            Err(Failure::usage(format!("no account has an order `{order}`: renewd plan lists the leases")))
        }
        (0, false) => {
            Err(Failure::failed(format!("order `{order}` was not found, and {}", unread.join("; "))))
        }
        _ => {
            let names: Vec<&str> = found.iter().map(|f| f.account.as_str()).collect();
            Err(Failure::usage(format!(
                "several accounts have an order `{order}`: add --account, one of {}",
                names.join(", ")
            )))
        }
    }
}

async fn preview(viewer: &Viewer, found: &Found, wish: &Wish) -> String {
    let mut text = format!(
        "order {} of account {}: {} is {}, to become {}",
        found.order,
        found.account,
        wish.name(),
        wish.of(found),
        wish.wanted()
    );
    if let Wish::Cycle(cycle) = wish {
        let price = match viewer.quote_cycle(found, cycle).await {
            Ok(Some(price)) => format!("; a term then costs about {price} {}", currency(found)),
            Ok(None) => "; the provider does not say what a term then costs".to_owned(),
            Err(e) => format!("; its price is not known: {e}"),
        };
        text.push_str(&price);
    }
    if matches!(wish, Wish::Auto(true)) {
        text.push_str("; the provider then charges for it on its own");
        text.push_str(&held_then(viewer, found));
    }
    text
}

/// What renewd makes of an order whose auto-renewal is on and that a policy has it pay itself.
fn held_then(viewer: &Viewer, found: &Found) -> String {
    let paid = last_paid(viewer.ledger.as_ref(), &viewer.settings).unwrap_or_default();
    let policies = viewer.settings.policies(viewer.clock.now().wall, &paid);
    let policy = found.leases.first().and_then(|l| policies.of(l));
    match policy.filter(|p| p.action == Action::Renew && p.pay_by == PayBy::Renewd) {
        Some(p) if p.take_over => {
            format!("; policy `{}` has take_over = true, so renewd switches it off again", p.name)
        }
        Some(p) => format!(
            "; policy `{}` lets renewd pay (pay_by = \"renewd\"), so renewd then holds it when it is due (provider_owns): write \
             pay_by = \"provider\" there first, if the provider is to pay",
            p.name
        ),
        None => String::new(),
    }
}

fn currency(found: &Found) -> String {
    found.balance.as_ref().map(|b| b.currency.to_string()).unwrap_or_default()
}

fn show(ctx: &Context, found: &Found, wish: &Wish, changed: &Changed) -> Result<Exit, Failure> {
    if let ChangeReply::Unsupported(why) = &changed.reply {
        return Err(Failure::usage(format!("nothing was sent: {why}")));
    }
    let outcome = steer::outcome(&changed.reply);
    let seen = changed.after.as_ref().map(|after| wish.of(after));
    let followed = seen.as_deref().is_some_and(|s| s.eq_ignore_ascii_case(&wish.wanted()));
    let fell = changed.fell.filter(|f| f.is_positive());
    let done = matches!(changed.reply, ChangeReply::Done { .. });
    let good = done && fell.is_none();
    let message = outcome.message.clone().unwrap_or_default();
    if ctx.json {
        let kind = changed.held.as_ref().map_or(outcome.word.as_str(), |held| held.word.as_str());
        let error = (!done).then(|| json!({ "kind": kind, "message": message, "code": outcome.code }));
        output::json(&json!({
            "schema": 1, "ok": done, "account": found.account, "order": found.order, "quoted": null,
            "charged": fell.map(|f| f.to_string()), "currency": found.balance.as_ref().map(|b| &b.currency),
            "state": outcome.word, "intent": null, "before": wish.of(found), "after": seen, "message": message,
            "error": error,
        }));
    } else {
        let said = if message.is_empty() { String::new() } else { format!(": {message}") };
        match &changed.held {
            Some(held) => output::line(&format!("nothing was sent: {}", held.prose)),
            None => output::line(&format!("the provider says {}{said}", outcome.word)),
        }
        match (&seen, followed) {
            (Some(now), true) => output::line(&format!("{} is {now} now", wish.name())),
            (Some(now), false) => {
                output::line(&format!("{} is still listed as {now}; a list may lag", wish.name()))
            }
            (None, _) => output::line("the order could not be read afterwards"),
        }
        if let Some(fell) = fell {
            output::line(&format!(
                "the balance fell by {fell} {} meanwhile; the next cycle records what no payment explains",
                currency(found)
            ));
        }
    }
    Ok(if good { Exit::Done } else { Exit::Attention })
}
