//! `renewd keep`: takes back a planned release of one lease, and ends that. A word to the ledger, beside a running daemon; never pays.
use jiff::civil::Date;
use serde_json::json;

use crate::domain::{Lease, LeaseName};
use crate::exit::Exit;
use crate::ledger::sqlite::{Access, SqliteLedger};
use crate::ledger::{Keeping, Overview};
use crate::policy::{Action, Keep, Policy};
use crate::views::{KeptLease, is_paid_whole};

use super::context::{Context, Failure};
use super::record_args::KeepArgs;
use super::{output, who};

pub(super) fn keep(ctx: &mut Context, args: &KeepArgs) -> Result<Exit, Failure> {
    let Some(like) = &args.like else { return off(ctx, &args.target) };
    let policy = policy(ctx, like)?.clone();
    let until = args.until.as_deref().map(|text| day(text, &policy, ctx)).transpose()?;
    let ledger = ctx.known_ledger(Access::Note)?;
    let leases = leases(ctx, &ledger, &args.target)?;
    let (now, by) = (ctx.now(), who::invoking());
    let keeps: Vec<Keep> = leases
        .iter()
        .map(|lease| Keep {
            account: lease.account.clone(),
            lease: LeaseName::of(lease),
            like: policy.name.clone(),
            since: now,
            by: Some(by.clone()),
            until,
        })
        .collect();
    let lasts = |(keep, lease): &(&Keep, &Lease)| keep.is_over(Some(&policy.timezone), lease.term_end(), now);
    if let Some((_, lease)) = keeps.iter().zip(&leases).find(lasts) {
        return Err(Failure::usage(format!(
            "{} lasts until {} anyway: there is nothing to keep; nothing was done",
            name(&LeaseName::of(lease)),
            output::at(lease.term_end(), &ctx.settings.timezone)
        )));
    }
    let replaced = ledger.keep(&keeps, now)?;
    let shown = |keep: &Keep| KeptLease::of(keep, &ctx.settings.policies);
    if ctx.json {
        output::json(&json!({
            "schema": 1, "ok": true,
            "kept": keeps.iter().map(shown).collect::<Vec<_>>(),
            "replaced": replaced.iter().map(shown).collect::<Vec<_>>(),
        }));
        return Ok(Exit::Done);
    }
    for keep in &keeps {
        let day = until.map_or_else(String::new, |day| format!(" until {day}"));
        let end = if until.is_some() { " sooner" } else { "" };
        output::line(&format!(
            "{} of account {} is kept like policy `{}`{day}, from the next cycle on; renewd keep {} --off ends that{end}",
            name(&keep.lease),
            keep.account,
            keep.like,
            args.target
        ));
    }
    for before in &replaced {
        output::line(&format!("{} was {}: that is replaced", name(&before.lease), before.words()));
    }
    Ok(Exit::Done)
}

fn off(ctx: &mut Context, target: &str) -> Result<Exit, Failure> {
    let ledger = ctx.known_ledger(Access::Note)?;
    let found = ledger.leases_called(target)?;
    let is_meant = |keep: &Keep| {
        let lease = &keep.lease;
        let called = lease.ip.eq_ignore_ascii_case(target)
            || lease.id.as_str() == target
            || lease.order.as_str() == target;
        called || found.iter().any(|l| l.lease.account == keep.account && lease.is_lease(&l.lease))
    };
    let ended: Vec<Keep> = ledger.keeps()?.into_iter().filter(is_meant).collect();
    if ended.is_empty() {
        return Err(Failure::usage(format!(
            "`{target}` is not kept: renewd status shows what is; nothing was done"
        )));
    }
    ledger.end_keeps(&ended, ctx.now())?;
    if ctx.json {
        let ended: Vec<_> = ended.iter().map(|keep| KeptLease::of(keep, &ctx.settings.policies)).collect();
        output::json(&json!({ "schema": 1, "ok": true, "ended": ended }));
        return Ok(Exit::Done);
    }
    for keep in &ended {
        output::line(&format!(
            "{} of account {} is no longer kept: its own policy decides from the next cycle on",
            name(&keep.lease),
            keep.account
        ));
    }
    Ok(Exit::Done)
}

fn name(lease: &LeaseName) -> &str {
    if lease.ip.is_empty() { lease.id.as_str() } else { &lease.ip }
}

/// A policy that keeps: one that lets leases go takes nothing back.
fn policy<'a>(ctx: &'a Context, like: &str) -> Result<&'a Policy, Failure> {
    if !ctx.config_is_good {
        return Err(Failure::usage(
            "the config cannot be used, so its policies are not known: fix it first (renewd check); nothing was done",
        ));
    }
    let policies = &ctx.settings.policies;
    let called = ctx.settings.policy_called(like);
    let Some(policy) = policies.iter().find(|p| p.name == called) else {
        let names: Vec<&str> = policies.iter().map(|p| p.name.as_str()).collect();
        return Err(Failure::usage(format!(
            "there is no policy `{like}`: the config has {}; nothing was done",
            names.join(", ")
        )));
    };
    match policy.action {
        Action::Renew | Action::Watch => Ok(policy),
        Action::Release | Action::Ignore => Err(Failure::usage(format!(
            "policy `{like}` lets leases lapse: keep it like one that renews or watches; nothing was done"
        ))),
    }
}

fn day(text: &str, policy: &Policy, ctx: &Context) -> Result<Date, Failure> {
    let day: Date = text.parse().map_err(|_| {
        Failure::usage(format!("--until `{text}` is not a day: write 2027-03-01; nothing was done"))
    })?;
    if policy.timezone.to_datetime(ctx.now()).date() >= day {
        return Err(Failure::usage(format!("--until {day} has come already; nothing was done")));
    }
    Ok(day)
}

/// The one lease of that name, or the leases of the one order. What its provider only sells with the rest of its order is kept with it.
fn leases(ctx: &Context, ledger: &SqliteLedger, target: &str) -> Result<Vec<Lease>, Failure> {
    let live = |name: &str| -> Result<Vec<Lease>, Failure> {
        let found = ledger.leases_called(name)?.into_iter();
        Ok(found.filter(|l| l.gone_at.is_none()).map(|l| l.lease).collect())
    };
    let mut all = live(target)?;
    let Some(first) = all.first().cloned() else {
        return Err(Failure::usage(format!(
            "no lease on record is called `{target}`: give an address, a lease id or an order id as `renewd leases` shows them; \
             nothing was done"
        )));
    };
    let place = |l: &Lease| (l.account.clone(), l.order.clone());
    if all.iter().any(|l| place(l) != place(&first)) {
        let ids: Vec<String> = all.iter().map(|l| format!("{} ({})", l.id, l.account)).collect();
        return Err(Failure::usage(format!(
            "`{target}` is {} leases: {}; name one by its id. Nothing was done",
            all.len(),
            ids.join(", ")
        )));
    }
    if is_paid_whole(ledger, &ctx.settings, &first) {
        all = live(first.order.as_str())?;
        all.retain(|l| place(l) == place(&first));
    }
    Ok(all)
}
