//! What a refused reservation means for its leases, in words.
use crate::domain::State;
use crate::ledger::Blocked;
use crate::policy::{Reason, Word};

/// What a refused reservation means for its leases.
pub(in crate::engine) fn blocked_reason(blocked: &Blocked) -> Reason {
    match blocked {
        Blocked::Budget { name, left } => {
            Reason::new(Word::OverBudget, format!("budget `{name}` has {left} left"))
        }
        // It was settled since the plan was made: the next plan sees its new end, or how long that is overdue.
        Blocked::Pending { intent, state: State::Confirmed } => Reason::new(
            Word::Accepted,
            format!("payment {intent} was charged for this term; its new end is not listed yet"),
        ),
        Blocked::Pending { intent, state: state @ State::NeedsOperator } => Reason::new(
            Word::NeedsOperator,
            format!("payment {intent} is {state} for this term and its end did not move"),
        ),
        Blocked::Approval { plan } => Reason::new(
            Word::Approval,
            format!("plan {plan} was used for this payment before, or its approval is no longer valid"),
        ),
        Blocked::Pending { intent, state } => Reason::new(
            Word::UnknownPending,
            format!("payment {intent} of this lease, order or address is {state}"),
        ),
    }
}
