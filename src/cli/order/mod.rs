//! `renewd order`: what can be bought, at what price, buying it, and changing an order.
//!
//! `options` and `quote` are built without a part that spends; the others take the ledger's lock.
mod buy;
mod change;
mod request;

pub use request::parse as order_file;

use std::io::BufRead;
use std::sync::Arc;

use crate::alerts::deliver;
use crate::domain::AccountName;
use crate::engine::{Payer, Viewer};
use crate::exit::Exit;
use crate::ledger::Ledger;
use crate::ledger::sqlite::Access;
use crate::views::OptionsDoc;
use crate::wiring;

use super::context::{Context, Failure};
use super::node::{self, Joined};
use super::order_args::OrderCommand;
use super::output;
use crate::cli::table::Narrow;

pub(super) async fn order(ctx: &Context, command: &OrderCommand) -> Result<Exit, Failure> {
    match command {
        OrderCommand::Options { account } => options(ctx, account.as_deref()).await,
        OrderCommand::Quote(args) => buy::quote(ctx, args).await,
        OrderCommand::Create { buy, yes } => buy::create(ctx, buy, *yes).await,
        OrderCommand::Cycle { order, cycle, how } => {
            change::change(ctx, order, &change::Wish::Cycle(cycle.clone()), how).await
        }
        OrderCommand::Tag { order, tag, how } => {
            change::change(ctx, order, &change::Wish::Tag(tag.clone()), how).await
        }
        OrderCommand::Auto { order, switch, how } => {
            change::change(ctx, order, &change::Wish::Auto(*switch == super::order_args::Switch::On), how)
                .await
        }
    }
}

/// The named account, or the only one.
fn account(ctx: &Context, name: Option<&str>) -> Result<AccountName, Failure> {
    let known: Vec<&str> = ctx.settings.accounts.iter().map(|a| a.name.as_str()).collect();
    match (name, known.as_slice()) {
        (Some(name), _) if known.contains(&name) => Ok(AccountName::from(name)),
        (Some(name), _) => {
            Err(Failure::usage(format!("there is no account `{name}`: the config has {}", known.join(", "))))
        }
        (None, [only]) => Ok(AccountName::from(*only)),
        (None, _) => {
            Err(Failure::usage(format!("which account? Add --account, one of {}", known.join(", "))))
        }
    }
}

/// A viewer of these accounts that writes nothing.
fn viewer(ctx: &Context, only: Option<&AccountName>) -> Result<Viewer, Failure> {
    let mut viewer = ctx.viewer(ctx.reading()?)?;
    viewer.readers.retain(|name, _| only.is_none_or(|o| o == name));
    Ok(viewer)
}

/// Asks whoever sits at the terminal.
fn said_yes(question: &str) -> bool {
    output::note(question);
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).is_ok() && line.trim().eq_ignore_ascii_case("yes")
}

/// The part that spends and changes, on a ledger that is held; the pay lease is given back with the second.
async fn payer(ctx: &Context) -> Result<(Payer, Joined), Failure> {
    let ledger: Arc<dyn Ledger> = match ctx.site.open(Access::Pay) {
        Ok(ledger) => Arc::new(ledger),
        Err(e) => {
            deliver::cannot_use(&ctx.settings, &e, ctx.clock.as_ref()).await;
            return Err(e.into());
        }
    };
    let joined = node::hold(ctx).await?;
    let mut viewer = ctx.viewer(ledger)?;
    joined.bind(&mut viewer);
    let payer = wiring::payer(viewer, &ctx.redactor).map_err(|e| Failure::failed(e.to_string()))?;
    Ok((payer, joined))
}

async fn options(ctx: &Context, name: Option<&str>) -> Result<Exit, Failure> {
    let name = account(ctx, name)?;
    let viewer = viewer(ctx, Some(&name))?;
    let Some(reader) = viewer.readers.get(&name) else { return Err(Failure::usage("no such account")) };
    let catalogue = reader.catalogue().await.map_err(|e| Failure::failed(format!("account {name}: {e}")))?;
    if ctx.json {
        output::json(&OptionsDoc::new(name.as_str(), &catalogue));
        return Ok(Exit::Done);
    }
    let rows = catalogue.offers.iter().map(|o| {
        let days = o.periods.iter().map(|d| format!("{d}d"));
        let terms: Vec<String> = days.chain(o.cycles.iter().cloned()).collect();
        let operators = o.operators.iter().map(|op| {
            let rotations: Vec<String> = op.rotations.iter().map(u32::to_string).collect();
            if rotations.is_empty() {
                op.tag.clone()
            } else {
                format!("{} ({} s)", op.tag, rotations.join("/"))
            }
        });
        let stock = o.stock.iter().map(|s| format!("{} {}", s.country, s.amount));
        vec![
            o.kind.clone(),
            o.countries.join(" "),
            terms.join(" "),
            operators.collect::<Vec<_>>().join(", "),
            stock.collect::<Vec<_>>().join(", "),
        ]
    });
    let narrow =
        Narrow { goes: &["operators", "stock"], wraps: &["countries", "terms", "operators", "stock"] };
    output::line(&output::table(
        &["kind", "countries", "terms", "operators", "stock"],
        rows.collect(),
        &narrow,
    ));
    if !catalogue.promos.is_empty() {
        let codes: Vec<&str> = catalogue.promos.iter().map(|p| p.code.as_str()).collect();
        output::line(&format!("\npromo codes: {}", codes.join(", ")));
    }
    Ok(Exit::Done)
}
