//! `renewd explain`: why a lease gets its decision. Built without the part that spends.
use std::sync::Arc;

use serde_json::{Value, json};

use crate::documents::{Foresight, Fresh, ItemDoc, foresee_fresh, value, warnings_of};
use crate::domain::Lease;
use crate::exit::Exit;
use crate::ledger::Ledger;
use crate::planner::Item;
use crate::policy::{Decision, Policy};

use super::context::{Context, Failure};
use super::{output, plan};

pub(super) async fn explain(ctx: &Context, target: &str) -> Result<Exit, Failure> {
    let ledger: Arc<dyn Ledger> = ctx.reading()?;
    let (report, learnt) = ctx.viewer(Arc::clone(&ledger))?.preview_ahead().await?;
    let fresh = Fresh { report: &report, learnt: &learnt };
    let seen = foresee_fresh(ledger.as_ref(), &ctx.settings, ctx.now(), Some(&fresh))?;
    let items: Vec<Item> = report.items.iter().filter(|i| is_target(&i.lease, target)).cloned().collect();
    let Some(first) = items.first() else {
        let down: Vec<String> = report
            .accounts
            .iter()
            .filter(|a| !a.reachable())
            .map(|a| format!("; account {} cannot be read", a.account))
            .collect();
        return Err(Failure::usage(format!(
            "no lease has the ip, lease id or order id `{target}`{}",
            down.concat()
        )));
    };
    let policies = &ctx.settings.policies;
    let next = next_words(first, ctx);
    if ctx.json {
        let docs: Vec<Value> = items.iter().map(|i| value(&known(i, policies, &seen))).collect();
        output::json(&json!({
            "schema": 1,
            "target": target,
            "items": docs,
            "policies": policies.iter().map(|p| policy_doc(p, &first.lease)).collect::<Vec<_>>(),
            "next": next,
        }));
        return Ok(Exit::Done);
    }
    output::line(&plan::items_table(&items, &ctx.settings, ctx.now()));
    output::line("");
    for (n, policy) in policies.iter().enumerate() {
        output::line(&policy_line(n, policy, first));
    }
    if first.policy.is_none() {
        output::line("no policy matches: the lease is watched, and nobody renews it");
    }
    output::line("");
    output::line(&next);
    plan::show_warnings(
        &warnings_of(&seen, &ctx.settings, &|l| items.iter().any(|i| i.lease.id == l.id)),
        ctx.now(),
    );
    Ok(Exit::Done)
}

fn known(item: &Item, policies: &[Policy], seen: &Foresight) -> ItemDoc {
    let mut doc = ItemDoc::new(item, policies);
    doc.know(seen);
    doc
}

fn is_target(lease: &Lease, target: &str) -> bool {
    lease.ip.eq_ignore_ascii_case(target) || lease.id.as_str() == target || lease.order.as_str() == target
}

fn policy_doc(policy: &Policy, lease: &Lease) -> Value {
    let misses = policy.matches.misses(lease);
    let failed: Vec<Value> =
        misses.iter().map(|m| json!({ "key": m.key.as_str(), "want": m.want, "saw": m.saw })).collect();
    json!({ "name": policy.name, "matched": failed.is_empty(), "failed": failed })
}

fn policy_line(n: usize, policy: &Policy, item: &Item) -> String {
    let misses = policy.matches.misses(&item.lease);
    let name = &policy.name;
    if item.policy == Some(n) {
        return format!("  {name}: matches and decides (the first match does)");
    }
    if misses.is_empty() {
        return format!("  {name}: would match, but an earlier policy decides");
    }
    let why: Vec<String> = misses
        .iter()
        .map(|m| {
            format!(
                "{} is {}, wanted {}",
                m.key.as_str(),
                m.saw.as_deref().unwrap_or("not known"),
                m.want.join(" or ")
            )
        })
        .collect();
    format!("  {name}: does not match: {}", why.join("; "))
}

fn next_words(item: &Item, ctx: &Context) -> String {
    let now = ctx.now();
    match (item.decision(), item.due_at, item.lease.expires_at) {
        (Decision::Renew, ..) => "next: paid in the next cycle".to_owned(),
        (Decision::Wait, Some(due), _) if due > now => {
            format!(
                "next: due {} ({})",
                output::away(due, now),
                output::at(Some(due), &ctx.settings.timezone)
            )
        }
        (Decision::Wait, ..) => "next: looked at again in the next cycle".to_owned(),
        (Decision::Hold, ..) => format!("next: held until this is mended: {}", item.reason.prose),
        (_, _, Some(end)) => format!("next: it lapses {} unless somebody renews it", output::away(end, now)),
        _ => "next: nothing".to_owned(),
    }
}
