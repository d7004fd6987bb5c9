//! `renewd explain`: why a lease gets its decision. Built without the part that spends.
use std::sync::Arc;

use jiff::Timestamp;

use crate::cli::table::Narrow;
use crate::domain::{Lease, LeaseView};
use crate::exit::Exit;
use crate::ledger::{Approvals, Ledger, PlanRecord};
use crate::planner::Item;
use crate::policy::{Kept, Policies, Policy};
use crate::schedule;
use crate::views::{
    self, Course, ExplainDoc, ExplainedItem, Foresight, Fresh, ItemDoc, PolicyDoc, Step, Stored, StoredAt,
    approval_next, approval_step, foresee_fresh, next_words, policy_words, shown, steps, warnings_of,
};

use super::context::{Context, Failure};
use super::{output, plan};

pub(super) async fn explain(ctx: &Context, target: &str) -> Result<Exit, Failure> {
    let ledger: Arc<dyn Ledger> = ctx.reading()?;
    let (report, learnt) = ctx.viewer(Arc::clone(&ledger))?.preview_ahead().await?;
    let fresh = Fresh { report: &report, learnt: Some(&learnt), all: true };
    let seen = foresee_fresh(ledger.as_ref(), &ctx.settings, ctx.now(), Some(&fresh))?;
    let mut items = report.every_item(&ctx.settings);
    items.retain(|i| is_target(&i.lease, target));
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
    let plans = ledger.plans(None)?;
    let explained =
        Explained { target, items: &items, first, seen: &seen, stored: &[], facts_at: None, plans };
    explained.show(ctx);
    Ok(Exit::Done)
}

/// From the ledger alone: what the newest cycle decided, with what the config says now.
pub(super) fn stored(ctx: &Context, target: &str) -> Result<Exit, Failure> {
    let ledger = ctx.reading()?;
    let found = views::stored(ledger.as_ref(), &ctx.settings, ctx.now(), target)?;
    let items: Vec<Item> = found.leases.iter().map(|l| l.item.clone()).collect();
    let Some(first) = items.first() else {
        return Err(Failure::usage(format!(
            "the ledger knows no lease with the ip, lease id or order id `{target}`; without --stored the providers are asked"
        )));
    };
    let facts_at = found.leases.iter().filter_map(|l| l.read_at).min();
    let plans = ledger.plans(None)?;
    let seen = &found.seen;
    Explained { target, items: &items, first, seen, stored: &found.leases, facts_at, plans }.show(ctx);
    Ok(Exit::Done)
}

/// What is explained.
struct Explained<'a> {
    target: &'a str,
    items: &'a [Item],
    first: &'a Item,
    seen: &'a Foresight,
    /// One for each item, where they come from the ledger.
    stored: &'a [Stored],
    /// How old the facts are, where they come from the ledger.
    facts_at: Option<Timestamp>,
    /// Plans that wait for a person, or that one has spoken on.
    plans: Vec<PlanRecord>,
}

impl Explained<'_> {
    fn show(&self, ctx: &Context) {
        let away = |t: Timestamp| output::away(t, ctx.now());
        let at = |t: Timestamp| format!("{} ({})", away(t), output::at(Some(t), &ctx.settings.timezone));
        let cycle = schedule::of(&ctx.settings)(ctx.now());
        let course = Course { policies: &ctx.settings.policies, seen: self.seen, now: ctx.now(), cycle };
        let next = approval_next(self.first, &self.plans, &at)
            .unwrap_or_else(|| next_words(self.first, &course, (&at, &away)));
        let policies = ctx.settings.policies(ctx.now(), self.seen);
        if ctx.json {
            output::json(&self.document(&policies, &next, ctx));
            return;
        }
        output::line(&plan::items_table(self.items, &ctx.settings, ctx.now()));
        self.stored.iter().for_each(|stored| output::line(&age(stored, ctx)));
        output::line("");
        let subject = policies.subject(&self.first.lease);
        let kept = policies.kept(&self.first.lease).filter(|kept| !matches!(kept, Kept::Over(_)));
        for (n, policy) in policies.all.iter().enumerate() {
            output::line(&format!("  {}", policy_words(n, policy, self.first, &subject, kept)));
        }
        if self.first.policy.is_none() && kept.is_none() {
            output::line("no policy matches: the lease is watched, and nothing renews it");
        }
        for (steps, items) in self.reckonings(ctx) {
            output::line("");
            output::line(&steps_table(&steps, &items, self.items.len() > 1, ctx));
        }
        output::line("");
        output::line(&next);
        let mine = |l: &LeaseView<'_>| self.items.iter().any(|i| i.lease.id.as_str() == l.id);
        plan::show_warnings(&warnings_of(self.seen, &ctx.settings, &mine), ctx.now());
    }

    fn steps(&self, item: &Item, ctx: &Context) -> Vec<Step> {
        let (policies, zone) = (&ctx.settings.policies, &ctx.settings.timezone);
        let mut all = steps(item, policies, self.seen, (ctx.now(), zone));
        all.extend(approval_step(item, policies, &self.plans, zone));
        all
    }

    /// The steps of each lease; those of leases that share all of them once.
    fn reckonings(&self, ctx: &Context) -> Vec<(Vec<Step>, Vec<&Item>)> {
        let mut all: Vec<(Vec<Step>, Vec<&Item>)> = Vec::new();
        for item in self.items {
            let steps = self.steps(item, ctx);
            match all.iter_mut().find(|(known, _)| *known == steps) {
                Some((_, items)) => items.push(item),
                None => all.push((steps, vec![item])),
            }
        }
        all
    }

    fn document(&self, policies: &Policies<'_>, next: &str, ctx: &Context) -> ExplainDoc {
        let stored = |at: usize| {
            self.stored.get(at).map(|s| StoredAt { decided_at: s.decided_at, left_list_at: s.left_list_at })
        };
        let one = |(at, item): (usize, &Item)| {
            let steps = self.steps(item, ctx);
            let doc = ExplainedItem::new(known(item, policies.all, self.seen), &steps);
            ExplainedItem { stored: stored(at), ..doc }
        };
        let items = self.items.iter().enumerate().map(one).collect();
        let of = PolicyDoc::all(policies, &policies.subject(&self.first.lease));
        ExplainDoc::new(self.target, items, of, next, self.facts_at)
    }
}

/// Steps, a row each; where several leases are explained it is said of which of them.
fn steps_table(steps: &[Step], of: &[&Item], several: bool, ctx: &Context) -> String {
    let (now, zone) = (ctx.now(), &ctx.settings.timezone);
    let at = |t: Timestamp| format!("{} ({})", output::at(Some(t), zone), output::away(t, now));
    let rows = steps.iter().map(|s| vec![s.what.to_owned(), shown(&s.says, &at)]).collect();
    let name = |item: &Item| match item.lease.ip.as_str() {
        "" => item.lease.id.to_string(),
        ip => ip.to_owned(),
    };
    let head = match of {
        [] => "value".to_owned(),
        _ if !several => "value".to_owned(),
        [one] => name(one),
        [first, more @ ..] => format!("{} and {} more", name(first), more.len()),
    };
    output::table(&["step", &head], rows, &Narrow { goes: &[], wraps: &[&head] })
}

/// How old that is which is told of a lease.
fn age(stored: &Stored, ctx: &Context) -> String {
    let (lease, now) = (&stored.item.lease, ctx.now());
    let at =
        |t: Timestamp| format!("{} ({})", output::at(Some(t), &ctx.settings.timezone), output::away(t, now));
    let read = stored.read_at.map_or("never".to_owned(), at);
    let decided = stored.decided_at.map_or_else(String::new, |t| format!("; decided so since {}", at(t)));
    let gone = stored.left_list_at.map_or_else(String::new, |t| format!("; it left the list {}", at(t)));
    format!("from the ledger: account {} was last read {read}{decided}{gone}", lease.account)
}

fn known(item: &Item, policies: &[Policy], seen: &Foresight) -> ItemDoc {
    let mut doc = ItemDoc::new(item, policies);
    doc.know(seen, policies);
    doc
}

fn is_target(lease: &Lease, target: &str) -> bool {
    lease.ip.eq_ignore_ascii_case(target) || lease.id.as_str() == target || lease.order.as_str() == target
}
