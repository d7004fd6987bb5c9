//! Writes down what a pass found of plans that a person approves, and that approved ones are paid.
//!
//! Each step is a compare-and-set: what somebody said meanwhile stands, and the next pass goes by it. A crash between two steps leaves the
//! rest to the next pass; one after the last payment of a plan leaves it to be called paid by the next.
use super::asking::Change;
use crate::engine::Viewer;
use crate::ledger::{LedgerError, PlanState, PlanWord};

impl Viewer {
    /// What becomes of plans, before the first payment.
    pub(in crate::engine) fn keep_plans(&self, changes: &[Change]) -> Result<(), LedgerError> {
        let now = self.clock.now().wall;
        for change in changes {
            match change {
                Change::Propose { plan, replaces, why } => {
                    if self.ledger.propose(plan, replaces.as_deref(), why, now)? {
                        tracing::info!(plan = %plan.name, account = %plan.account, policy = %plan.policy, "waits for approval: {}", plan.words());
                    }
                }
                Change::End { name, from, to, why } => {
                    let word = PlanWord { state: *to, by: None, note: None, why: Some(why), at: now };
                    if self.ledger.say_of_plan(name, *from, &word)? {
                        tracing::info!(plan = %name, state = to.as_str(), "{why}");
                    }
                }
                Change::Instants(plan) => self.ledger.set_deadline(plan)?,
            }
        }
        Ok(())
    }

    /// Approved plans of which every payment was begun are over, whatever becomes of the payments.
    pub(in crate::engine) fn close_paid(&self) -> Result<(), LedgerError> {
        let now = self.clock.now().wall;
        for plan in self.ledger.plans(None)? {
            if plan.state() == PlanState::Approved && plan.left().next().is_none() {
                let n = plan.plan.sets.len();
                let why = if n == 1 {
                    "its payment was begun".to_owned()
                } else {
                    format!("its {n} payments were begun")
                };
                let word =
                    PlanWord { state: PlanState::Paid, by: None, note: None, why: Some(&why), at: now };
                self.ledger.say_of_plan(&plan.plan.name, PlanState::Approved, &word)?;
            }
        }
        Ok(())
    }
}
