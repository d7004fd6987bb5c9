//! The ledger's port for plans that a person approves: they are put there by a cycle, spoken on by people, and used by payments.
//!
//! A crash leaves each step written or not. Payments are tied to an approval in the transaction that reserves them
//! ([`crate::ledger::Payments::reserve`]), so that no crash makes one approval pay twice. Not responsible for what goes into a plan.
use jiff::Timestamp;

use super::{LedgerError, NewPlan, PlanRecord, PlanState};

/// What is said of a plan.
#[derive(Debug, Clone)]
pub struct PlanWord<'a> {
    /// Where it stands from then on.
    pub state: PlanState,
    /// Who says so, if somebody does.
    pub by: Option<&'a str>,
    /// In that person's words.
    pub note: Option<&'a str>,
    /// In renewd's words.
    pub why: Option<&'a str>,
    /// When.
    pub at: Timestamp,
}

/// Plans that a person approves.
pub trait Approvals: Send + Sync {
    /// Plans that still decide over their leases, and those that ceased to at or after `since`; oldest first.
    fn plans(&self, since: Option<Timestamp>) -> Result<Vec<PlanRecord>, LedgerError>;
    /// The plan of that name, wherever it stands.
    fn plan_named(&self, name: &str) -> Result<Option<PlanRecord>, LedgerError>;
    /// Puts a plan up for approval. `replaces`: the one of its account and policy that waits now; if that is another one by now, or
    /// somebody has spoken on it, nothing is written and the answer is no.
    fn propose(
        &self,
        plan: &NewPlan,
        replaces: Option<&str>,
        why: &str,
        at: Timestamp,
    ) -> Result<bool, LedgerError>;
    /// The compare-and-set of every other step: the plan still is `from`. No: it is not, and nothing was written.
    fn say_of_plan(&self, name: &str, from: PlanState, word: &PlanWord<'_>) -> Result<bool, LedgerError>;
    /// Keeps up the instants of a plan.
    fn set_deadline(&self, plan: &NewPlan) -> Result<(), LedgerError>;
}
