//! What is due of policies that ask, put up for approval: one plan that waits per account and policy.
//!
//! A plan that waits stays as long as it is the same, or as long as one of its leases cannot be judged now and nothing else is due: a
//! cycle in which a provider is silent makes no new plans. Writes nothing; a crash means that the next pass finds the same.
use std::collections::HashSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::asking::{Asking, Change, Looked, is_asked_for};
use super::exact::Plans;
use super::locate::{Elsewhere, Ground};
use crate::domain::time::told;
use crate::domain::{Currency, LeaseId, Quote};
use crate::engine::Viewer;
use crate::ledger::{ExactSet, LedgerError, NewPlan, PlanRecord, PlanState};
use crate::planner::{Item, PaySet, is_same, plan_name, total, urgent_from};
use crate::policy::{Policy, Reason, Word};

/// What is due of one policy at one account.
struct Due {
    plan: NewPlan,
    members: Vec<usize>,
}

/// A payment to the letter, and its leases by their places among the items.
type Placed = (ExactSet, Vec<usize>);

/// So long back a refusal is named where its leases are asked for again.
const BACK: SignedDuration = SignedDuration::from_hours(24 * 7);
/// Instants of a plan that are off by less are left as they are: ends jitter.
const OFF: SignedDuration = SignedDuration::from_mins(2);

impl Viewer {
    /// Finds what is to be approved, and says so on the items. `paid`: what approved plans pay now; `keeps`: the pass writes its plans down.
    pub(in crate::engine) fn put_up(
        &self,
        asking: &mut Asking,
        look: &Looked<'_>,
        items: &mut [Item],
        priced: &[(PaySet, Quote)],
        (paid, keeps): (&Plans, bool),
    ) -> Result<(), LedgerError> {
        let mut due = self.due(look, items, priced);
        let waiting: Vec<PlanRecord> =
            asking.plans.iter().filter(|p| p.state() == PlanState::Waiting).cloned().collect();
        for known in waiting {
            let of_it = |d: &Due| {
                (&d.plan.account, &d.plan.policy, &d.plan.currency)
                    == (&known.plan.account, &known.plan.policy, &known.plan.currency)
            };
            let now = due.iter().position(of_it).map(|at| due.swap_remove(at));
            asking.go_on(look, items, &known, now, keeps);
        }
        for new in due {
            let why = self.follows(asking, look, &new.plan)?;
            asking.propose(items, new, (None, why), keeps, &look.settings.timezone);
        }
        // Whatever is in no plan is not paid either.
        let paid: HashSet<usize> = paid.sets.iter().flat_map(|one| one.set.members.clone()).collect();
        let left = items.iter_mut().enumerate().filter(|(m, _)| !paid.contains(m)).map(|(_, item)| item);
        for item in left.filter(|i| is_asked_for(i, &look.settings.policies)) {
            item.reason = Reason::new(Word::Approval, "its policy asks, and it could not be put into a plan");
        }
        Ok(())
    }

    /// One for each account, policy and currency; what approved plans pay is not among it.
    fn due(&self, look: &Looked<'_>, items: &[Item], priced: &[(PaySet, Quote)]) -> Vec<Due> {
        let policies = &look.settings.policies;
        let mut all: Vec<(usize, Currency, Vec<Placed>)> = Vec::new();
        for (set, quote) in priced {
            let account = &set.key.account;
            let Some(seen) = look.seen.iter().find(|s| &s.account.name == account) else { continue };
            if !set.members.iter().all(|&m| is_asked_for(&items[m], policies)) {
                continue;
            }
            let Some(exact) = self.exact_set(seen, items, set, quote) else { continue };
            let (policy, currency) = (set.key.policy, exact.currency.clone());
            let same = |(p, c, sets): &&mut (usize, Currency, Vec<Placed>)| {
                *p == policy
                    && c == &currency
                    && sets.first().is_some_and(|(s, _)| &s.request.account == account)
            };
            match all.iter_mut().find(same) {
                Some((_, _, sets)) => sets.push((exact, set.members.clone())),
                None => all.push((policy, currency, vec![(exact, set.members.clone())])),
            }
        }
        all.into_iter().filter_map(|(policy, _, sets)| one(&policies[policy], items, sets)).collect()
    }

    /// What came before a plan of these leases, in words.
    fn follows(&self, asking: &Asking, look: &Looked<'_>, new: &NewPlan) -> Result<String, LedgerError> {
        let zone = &look.settings.timezone;
        let before = look.now.checked_sub(BACK).unwrap_or(Timestamp::MIN);
        let shares = |p: &PlanRecord| p.plan.leases().any(|l| new.names(&p.plan.account, &l.id));
        let plans = self.ledger.plans(Some(before))?;
        let of_this = || plans.iter().filter(|p| p.plan.policy == new.policy && shares(p));
        // Refused in this pass: the ledger does not know it yet.
        let now = asking.changes.iter().find_map(|change| match change {
            Change::End { name, to: PlanState::Refused, why, .. } => {
                of_this().find(|p| &p.plan.name == name).map(|p| (p, why.clone()))
            }
            _ => None,
        });
        if let Some((plan, why)) = now {
            return Ok(format!("plan {}, approved{}, was not paid: {why}", plan.plan.name, plan.said(zone)));
        }
        let last = of_this().max_by_key(|p| p.last.at);
        Ok(match last.map(|p| (p, p.state())) {
            Some((plan, PlanState::Refused)) => {
                let why = plan.last.why.as_deref().unwrap_or_default();
                format!("plan {} was approved but not paid: {why}", plan.plan.name)
            }
            Some((plan, PlanState::Rejected)) => {
                format!("plan {} was rejected{}; now it is urgent", plan.plan.name, plan.said(zone))
            }
            _ => "due".to_owned(),
        })
    }
}

fn one(policy: &Policy, items: &[Item], sets: Vec<Placed>) -> Option<Due> {
    let members: Vec<usize> = sets.iter().flat_map(|(_, members)| members.clone()).collect();
    let sets: Vec<ExactSet> = sets.into_iter().map(|(set, _)| set).collect();
    let first = sets.first()?;
    let last = || members.iter().filter_map(|&m| items[m].last_chance());
    let plan = NewPlan {
        name: plan_name(&sets),
        account: first.request.account.clone(),
        provider: first.provider.clone(),
        policy: policy.name.clone(),
        amount: total(&sets)?,
        currency: first.currency.clone(),
        deadline: members.iter().filter_map(|&m| urgent_from(&items[m], policy)).min()?,
        valid_until: last().min()?,
        covers_until: last().max()?,
        sets,
    };
    Some(Due { plan, members })
}

impl Asking {
    /// A plan that waits goes on, or another one takes its place, or it is over.
    fn go_on(
        &mut self,
        look: &Looked<'_>,
        items: &mut [Item],
        known: &PlanRecord,
        now: Option<Due>,
        keeps: bool,
    ) {
        let (name, zone) = (&known.plan.name, &look.settings.timezone);
        let same = now.as_ref().is_some_and(|now| is_same(&known.plan.sets, &now.plan.sets));
        if let Some(now) = now.as_ref().filter(|_| same) {
            let moved = known.plan.deadline.duration_since(now.plan.deadline).abs() > OFF
                || known.plan.valid_until.duration_since(now.plan.valid_until).abs() > OFF
                || known.plan.covers_until.duration_since(now.plan.covers_until).abs() > OFF;
            let (deadline, valid_until, covers_until) =
                (now.plan.deadline, now.plan.valid_until, now.plan.covers_until);
            let plan = NewPlan { deadline, valid_until, covers_until, ..known.plan.clone() };
            say(items, &now.members, &waits(&plan, look.now, zone));
            if moved {
                self.changes.push(Change::Instants(Box::new(plan)));
            }
            return;
        }
        if cannot_be_judged(look, items, &known.plan, now.as_ref().map(|now| &now.plan)) {
            let members = now.iter().flat_map(|now| now.members.clone()).collect::<Vec<_>>();
            return say(items, &members, &waits(&known.plan, look.now, zone));
        }
        match now {
            Some(now) => {
                let why = format!("in place of plan {name}: {}", difference(&known.plan, &now.plan));
                self.propose(items, now, (Some(name.clone()), why), keeps, zone);
            }
            None => self.end(known, PlanState::Withdrawn, "nothing of it is to be paid now".to_owned()),
        }
    }

    /// `replaces`: the plan whose place it takes; `why`: what came before it.
    fn propose(
        &mut self,
        items: &mut [Item],
        new: Due,
        (replaces, why): (Option<String>, String),
        keeps: bool,
        zone: &TimeZone,
    ) {
        let words = new.plan.words();
        let prose = if keeps {
            waits(&new.plan, Timestamp::MIN, zone)
        } else {
            format!("its policy asks: the next cycle puts it into a plan ({words}), for somebody to approve")
        };
        say(items, &new.members, &prose);
        self.changes.push(Change::Propose { plan: Box::new(new.plan), replaces, why });
    }
}

fn say(items: &mut [Item], members: &[usize], prose: &str) {
    members.iter().for_each(|&m| items[m].reason = Reason::new(Word::Approval, prose));
}

/// What is to be done about a plan that waits, and until when.
fn waits(plan: &NewPlan, now: Timestamp, zone: &TimeZone) -> String {
    let until = if now < plan.deadline {
        format!("until {}", told(plan.deadline, zone))
    } else {
        format!("urgent since {}", told(plan.deadline, zone))
    };
    format!("plan {} ({}) waits for approval, {until}: renewd approve {}", plan.name, plan.words(), plan.name)
}

/// Something stands in the way of one of its leases at present, and nothing else is due: what the plan would be without that is not known.
/// What is due besides is never kept waiting for it.
fn cannot_be_judged(look: &Looked<'_>, items: &[Item], known: &NewPlan, now: Option<&NewPlan>) -> bool {
    let elsewhere: &Elsewhere<'_> = &|account, lease| look.elsewhere(account, lease);
    let ground = Ground::new(items, look.settings, elsewhere);
    let priced: HashSet<&LeaseId> = now.iter().flat_map(|now| now.leases()).map(|l| &l.id).collect();
    if priced.iter().any(|id| !known.names(&known.account, id)) {
        return false;
    }
    known.sets.iter().any(|set| {
        let left = set.request.leases.iter().filter(|l| !priced.contains(&l.id));
        left.into_iter().any(|l| ground.moved(set, l).is_none_or(|moved| moved.waits.is_some()))
    })
}

fn difference(before: &NewPlan, now: &NewPlan) -> String {
    let beyond =
        |of: &NewPlan, than: &NewPlan| of.leases().filter(|l| !than.names(&of.account, &l.id)).count();
    let leases = |n: usize| if n == 1 { "1 lease".to_owned() } else { format!("{n} leases") };
    let (more, less) = (beyond(now, before), beyond(before, now));
    let mut all = Vec::new();
    if more > 0 {
        all.push(format!("{} more", leases(more)));
    }
    if less > 0 {
        all.push(format!("{} not in it any more", leases(less)));
    }
    if all.is_empty() && before.amount != now.amount {
        all.push(format!("{} {} then, {} now", before.amount, before.currency, now.amount));
    }
    if all.is_empty() { "an end or a term is another".to_owned() } else { all.join(", ") }
}
