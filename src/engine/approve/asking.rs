//! Policies that ask before they pay: what of their approved plans is paid in a pass, what is put up for approval, and what is over.
//!
//! Looks, and writes nothing: what becomes of the plans is a list of changes, kept in the ledger before the first payment (`keep.rs`).
//! Whether an approved payment is still what it was is judged by the rules of plan files (`locate.rs`). A crash loses the list, and the
//! next pass makes it anew.
use std::collections::HashSet;

use jiff::Timestamp;

use super::exact::{Exactly, Plans};
use super::locate::{Elsewhere, Ground, Moved, not_listed};
use crate::domain::time::told;
use crate::domain::{AccountName, LeaseId};
use crate::engine::observe::Seen;
use crate::ledger::{NewPlan, PlanRecord, PlanState};
use crate::planner::{
    Against, GroupKey, Item, PaidBy, PlannedList, Standing, Unit, Verdict, against, names_term, rejects,
    urgent_from,
};
use crate::policy::{Policies, Policy, Reason, Word};
use crate::settings::Settings;

/// What becomes of a plan.
#[derive(Debug, Clone)]
pub(in crate::engine) enum Change {
    /// It is put up for approval, in place of the one that waits now.
    Propose { plan: Box<NewPlan>, replaces: Option<String>, why: String },
    /// It is over.
    End { name: String, from: PlanState, to: PlanState, why: String },
    /// Its instants are others: its policy says `urgent` otherwise, or its ends are spelled otherwise.
    Instants(Box<NewPlan>),
}

/// The plans of a pass.
#[derive(Debug, Clone, Default)]
pub(in crate::engine) struct Asking {
    /// Those that decide over their leases.
    pub plans: Vec<PlanRecord>,
    /// What becomes of them.
    pub changes: Vec<Change>,
}

/// What a pass looked at.
pub(in crate::engine) struct Looked<'a> {
    pub seen: &'a [Seen],
    pub lists: &'a [PlannedList],
    pub policies: Policies<'a>,
    pub settings: &'a Settings,
    pub now: Timestamp,
}

impl Looked<'_> {
    /// A lease of which nothing is to be said, as an item; missing from a list that is not believed whole it may still be there.
    pub(in crate::engine) fn elsewhere(&self, account: &AccountName, lease: &LeaseId) -> Result<Item, Moved> {
        let list = self.lists.iter().find(|list| &list.account == account);
        if let Some((list, idle)) = list.and_then(|list| Some((list, list.find(lease)?)))
            && let Some(item) = list.items(vec![&idle], &self.policies).into_iter().next()
        {
            return Ok(item);
        }
        let whole = self.seen.iter().any(|s| &s.account.name == account && s.standing == Standing::Good);
        Err(Moved { waits: (!whole).then_some(Word::Shrunk), ..not_listed() })
    }

    fn policy(&self, plan: &NewPlan) -> Option<&Policy> {
        self.settings.policies.iter().find(|p| p.name == plan.policy)
    }
}

/// A plan may name a whole fleet: so many of what moved are told one by one.
const TOLD: usize = 5;

fn some_of(moved: &[String]) -> String {
    let told = moved.iter().take(TOLD).map(String::as_str).collect::<Vec<_>>().join("; ");
    match moved.len().saturating_sub(TOLD) {
        0 => told,
        more => format!("{told}; and {more} more"),
    }
}

/// A lease that a person has to approve, and that could be paid.
pub(in crate::engine) fn is_asked_for(item: &Item, policies: &[Policy]) -> bool {
    let asks = item.policy.is_some_and(|p| policies[p].approval);
    asks && item.reason.word == Word::Due && item.paid_by == PaidBy::Renewd
}

/// Why a plan file pays nothing of it.
pub(in crate::engine) const NO_FILE: &str = "its policy asks: renewd approve pays it, and no plan file does";

/// Where no plan of an operator's word is looked at, nothing of a policy that asks is due.
pub(in crate::engine) fn hold_all(items: &mut [Item], policies: &[Policy], why: &str) {
    for item in items.iter_mut().filter(|i| is_asked_for(i, policies)) {
        item.reason = Reason::new(Word::Approval, why);
    }
}

impl Asking {
    /// That plan is over.
    pub(in crate::engine) fn end(&mut self, plan: &PlanRecord, to: PlanState, why: String) {
        let name = plan.plan.name.clone();
        self.plans.retain(|p| p.plan.name != name);
        self.changes.push(Change::End { name, from: plan.state(), to, why });
    }

    /// Plans of accounts that left the config, of policies that ask no more, and those whose time is over.
    pub(in crate::engine) fn tidy(&mut self, look: &Looked<'_>) {
        let zone = &look.settings.timezone;
        for plan in self.plans.clone() {
            let (new, state) = (&plan.plan, plan.state());
            // An approval that comes to nothing is told as that.
            let moot = if state == PlanState::Approved { PlanState::Refused } else { PlanState::Withdrawn };
            let over = match state {
                PlanState::Rejected => new.covers_until,
                _ => new.valid_until,
            };
            if look.settings.account_at(&new.account, &new.provider).is_none() {
                self.end(&plan, moot, format!("account {} left the config", new.account));
            } else if look.policy(new).is_some_and(|p| !p.approval) {
                let why = format!("policy `{}` does not ask any more", new.policy);
                self.end(&plan, PlanState::Withdrawn, why);
            } else if look.now >= over {
                let to = if state == PlanState::Approved { moot } else { PlanState::Expired };
                self.end(&plan, to, format!("its first lease ended at {}", told(new.valid_until, zone)));
            }
        }
    }

    /// Leaves alone what an operator rejected, until one of its leases becomes urgent.
    pub(in crate::engine) fn hold_rejected(&self, items: &mut [Item], look: &Looked<'_>) {
        let (policies, zone) = (&look.settings.policies, &look.settings.timezone);
        for plan in self.plans.iter().filter(|p| p.state() == PlanState::Rejected) {
            let ids: HashSet<&LeaseId> = plan.plan.leases().map(|l| &l.id).collect();
            let its = |i: &Item| ids.contains(&i.lease.id) && names_term(&plan.plan, i);
            let mine: Vec<Item> = items.iter().filter(|i| its(i)).cloned().collect();
            if !rejects(plan, mine.iter(), policies, look.now) {
                continue;
            }
            let urgent = |i: &Item| i.policy.and_then(|p| urgent_from(i, &policies[p]));
            let next = mine.iter().filter_map(urgent).filter(|at| *at > look.now).min();
            let next = match next {
                Some(at) => format!("it is asked again when urgent, at {}", told(at, zone)),
                None => "it is not asked again".to_owned(),
            };
            let prose = format!("plan {} was rejected{}; {next}", plan.plan.name, plan.said(zone));
            for item in items.iter_mut().filter(|i| is_asked_for(i, policies) && its(i)) {
                item.reason = Reason::new(Word::Approval, prose.clone());
            }
        }
    }

    /// The payments of approved plans that can be made now, taken out of the groups. A plan that is not what was approved any more is
    /// refused; one that something stands in the way of for now waits.
    pub(in crate::engine) fn take(
        &mut self,
        items: &mut [Item],
        groups: &mut Vec<(GroupKey, Vec<usize>)>,
        look: &Looked<'_>,
    ) -> Vec<Exactly> {
        let elsewhere: &Elsewhere<'_> = &|account, lease| look.elsewhere(account, lease);
        let (mut found, mut held) = (Vec::new(), Vec::new());
        let approved: Vec<PlanRecord> =
            self.plans.iter().filter(|p| p.state() == PlanState::Approved).cloned().collect();
        for plan in approved {
            let ground = Ground::new(items, look.settings, elsewhere);
            let (mut sets, mut waits, mut moved) = (Vec::new(), Vec::new(), Vec::new());
            for (n, exact) in plan.left() {
                match ground.find(exact, groups) {
                    Ok(set) => {
                        sets.push(Exactly {
                            set,
                            exact: exact.clone(),
                            approval: Some(plan.approved_set(n)),
                        });
                    }
                    Err(what) if what.iter().all(|m| m.waits.is_some()) => {
                        let its = exact.request.leases.iter();
                        let places = its.filter_map(|l| ground.place(&exact.request.account, &l.id));
                        let why = format!("plan {} is approved, and waits: {}", plan.plan.name, what[0].text);
                        // The alert of what stands in the way speaks for all of them.
                        let reason = Reason::new(what[0].waits.unwrap_or(Word::Approval), why);
                        waits.extend(places.map(|place| (place, reason.clone())));
                    }
                    Err(what) => moved.extend(what.into_iter().filter(|m| m.waits.is_none()).map(|m| m.text)),
                }
            }
            if moved.is_empty() {
                found.extend(sets);
                held.extend(waits);
            } else {
                self.end(&plan, PlanState::Refused, some_of(&moved));
            }
        }
        let mut taken: HashSet<usize> = found.iter().flat_map(|one| one.set.members.clone()).collect();
        for (m, reason) in held {
            taken.insert(m);
            if items[m].reason.word == Word::Due {
                items[m].reason = reason;
            }
        }
        groups.iter_mut().for_each(|(_, members)| members.retain(|m| !taken.contains(m)));
        groups.retain(|(_, members)| !members.is_empty());
        found
    }

    /// Refuses the approved plans of which something is against its payment for good: a price, a warning, a budget, the funds. Nothing of
    /// such a plan is paid. Gives whether there was one.
    pub(in crate::engine) fn refuse_spoiled(
        &mut self,
        plans: &mut Plans,
        items: &mut [Item],
        units: &mut Vec<Unit>,
        verdicts: &[Verdict],
    ) -> bool {
        let denied = |members: &[usize]| {
            let of = |(unit, verdict): (&Unit, &Verdict)| match verdict {
                Verdict::Deny(reason) if unit.members == members => Some(reason.clone()),
                _ => None,
            };
            units.iter().zip(verdicts).find_map(of)
        };
        let against_it = |one: &Exactly| {
            let own = one.set.members.iter().map(|&m| items[m].reason.clone());
            own.chain(denied(&one.set.members)).find(|reason| against(reason.word) == Against::Moved)
        };
        let spoiled = plans.sets.iter().find_map(|one| {
            let plan = one.approval.as_ref()?.approval.plan.clone();
            Some((plan, against_it(one)?))
        });
        let Some((name, reason)) = spoiled else { return false };
        let of_it = |one: &Exactly| one.approval.as_ref().is_some_and(|a| a.approval.plan == name);
        let members: HashSet<usize> =
            plans.sets.iter().filter(|one| of_it(one)).flat_map(|one| one.set.members.clone()).collect();
        let prose = format!("the approved plan {name} is not paid: {}", reason.prose);
        for &m in &members {
            if items[m].reason.word == Word::Due {
                items[m].reason = Reason::new(reason.word, prose.clone());
            }
        }
        plans.sets.retain(|one| !of_it(one));
        units.retain(|unit| !unit.members.iter().any(|m| members.contains(m)));
        if let Some(plan) = self.plans.iter().find(|p| p.plan.name == name).cloned() {
            self.end(&plan, PlanState::Refused, reason.to_string());
        }
        true
    }
}
