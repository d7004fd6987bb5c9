//! The operator of a seed whose policies ask: approves or rejects each plan after a while. And what the judge holds of it: nothing of such
//! a policy is paid without a word that covers it exactly, and no word pays twice.
use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use renewd::domain::{IntentId, RenewalRequest, State};
use renewd::ledger::{ApprovedSet, ExactSet, PlanState, PlanWord};

use crate::judge::{Inner, Judge, Shadow, first_name, near};
use crate::run::Run;

/// The operator, and what was said so far.
#[derive(Default)]
pub struct Words {
    /// What each plan would pay, as it was when it was approved, and when that was.
    approved: HashMap<String, (Vec<ExactSet>, Timestamp)>,
    /// By which word payments were made: the number of the word, the place in its plan, the payment.
    used: Vec<((i64, u32), String)>,
    /// Of which leases the operator does not want the term that ends then: account, address, end.
    rejected: Vec<(String, String, Timestamp)>,
}

/// When the operator answers the plan of this name, and how.
pub type Answers = HashMap<String, (Timestamp, PlanState)>;

impl Words {
    /// Whether nobody is asked again for this term, as it was rejected.
    pub fn turned_down(&self, account: &str, ip: &str, end: Timestamp) -> bool {
        self.rejected.iter().any(|(a, i, e)| a == account && i == ip && near(*e, end))
    }
}

impl Run {
    /// The operator reads what waits, and answers what was read long enough ago.
    pub fn the_operator_answers(&mut self, now: Timestamp) {
        if !self.asks {
            return;
        }
        let plans = self.ledger().plans(None).unwrap();
        for plan in plans.into_iter().filter(|p| p.state() == PlanState::Waiting) {
            let name = plan.plan.name.clone();
            let (at, word) = *self.answers.entry(name.clone()).or_insert_with(|| {
                let (slow, yes) = (self.far.u32(0..4) == 0, self.far.u32(0..100) < 80);
                let minutes = self.far.i64(5..if slow { 60 * 40 } else { 60 * 6 });
                let word = if yes { PlanState::Approved } else { PlanState::Rejected };
                (now + SignedDuration::from_mins(minutes), word)
            });
            if at > now {
                continue;
            }
            let said = PlanWord { state: word, by: Some("ann"), note: None, why: None, at: self.wall() };
            if !matches!(self.ledger().say_of_plan(&name, PlanState::Waiting, &said), Ok(true)) {
                continue;
            }
            self.answers.remove(&name);
            self.judge.fault(if word == PlanState::Approved { "plan approved" } else { "plan rejected" });
            self.judge.note(|| format!("plan {name} is {}: {}", word.as_str(), plan.plan.words()));
            let mut inner = self.judge.lock();
            match word {
                PlanState::Approved => drop(inner.words.approved.insert(name, (plan.plan.sets, now))),
                _ => {
                    let account = first_name(plan.plan.account.as_str());
                    let terms = plan.plan.leases().map(|l| (account.clone(), l.ip.clone(), l.expires_at));
                    let terms: Vec<_> = terms.collect();
                    inner.words.rejected.extend(terms);
                }
            }
        }
    }

    /// The next instant at which the operator says something.
    pub fn next_answer(&self) -> Option<Timestamp> {
        self.answers.values().map(|(at, _)| *at).min()
    }
}

impl Judge {
    /// Called with a payment as it reaches the provider.
    pub fn by_which_word(
        &self,
        inner: &mut Inner,
        (id, shadow): (&IntentId, &Shadow),
        request: &RenewalRequest,
        wrong: &mut Vec<String>,
    ) {
        let policy = self.settings.policies.iter().find(|p| p.name == shadow.policy).unwrap();
        if !policy.approval {
            return;
        }
        let Some(ApprovedSet { word, set, approval }) = &shadow.approval else {
            return wrong.push(format!("APPROVAL {id} of policy {} leaves without a word", policy.name));
        };
        let covered = inner.words.approved.get(&approval.plan).and_then(|(sets, _)| sets.get(*set as usize));
        match covered {
            None => {
                wrong.push(format!("APPROVAL {id} leaves by plan {}, which nobody approved", approval.plan))
            }
            Some(exact) => wrong.extend(differs(exact, request, shadow).map(|what| {
                format!("APPROVAL {id} is not what was approved as plan {}: {what}", approval.plan)
            })),
        }
        let again = |s: &Shadow| matches!(s.state, State::Released | State::NotApplied);
        for (_, other) in inner.words.used.iter().filter(|(by, _)| *by == (*word, *set)) {
            if !inner.shadows.get(other).is_some_and(again) {
                wrong.push(format!("APPROVAL {id} leaves by the same word as {other}"));
            }
        }
        inner.words.used.push(((*word, *set), id.to_string()));
    }
}

/// In what a payment is not the approved one. Less money is no difference.
fn differs(exact: &ExactSet, request: &RenewalRequest, shadow: &Shadow) -> Option<&'static str> {
    let planned = &exact.request;
    let known = |l: &renewd::domain::RequestLease| {
        planned.leases.iter().any(|p| p.id == l.id && p.ip == l.ip && near(p.expires_at, l.expires_at))
    };
    if first_name(planned.account.as_str()) != shadow.account {
        Some("its account")
    } else if planned.leases.len() != request.leases.len() || !request.leases.iter().all(known) {
        Some("its leases or their ends")
    } else if (planned.period_days, &planned.cycle) != (request.period_days, &request.cycle) {
        Some("its term")
    } else if shadow.quoted > exact.price {
        Some("its price")
    } else {
        None
    }
}
