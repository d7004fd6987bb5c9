//! The word of a node on its own payment after it has lost the pay lease: the one thing that it may still write.
//!
//! Another node had to take the payment for unknown meanwhile. A crash before this leaves it so, and evidence settles it.
use crate::domain::{Event, IntentId, Moment, State, next_state};
use crate::ledger::{EventDetail, Ledger, LedgerError};

/// Writes that no byte left, from whatever state another node has brought the payment to.
pub(in crate::engine) fn never_sent(
    ledger: &dyn Ledger,
    id: &IntentId,
    detail: &EventDetail,
    now: &Moment,
) -> Result<(), LedgerError> {
    let evidence = Some("never_sent: no byte of it left".to_owned());
    let detail = &EventDetail { evidence, ..detail.clone() };
    let mut from = State::SpendStarted;
    // The other node may be writing, too: it moves a payment a few times at most.
    for _ in 0..4 {
        match ledger.append(id, from, Event::NeverSent, detail, now) {
            Err(LedgerError::Moved { found, .. }) if next_state(found, Event::NeverSent).is_ok() => {
                from = found
            }
            Err(LedgerError::Moved { found, .. }) => {
                tracing::error!(payment = %id, "nothing of it was sent, and another node has it as {found}");
                return Ok(());
            }
            done => return done.map(drop),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_word_closes_what_another_node_could_not_settle_and_contradicts_no_proof() {
        for state in [State::SpendStarted, State::Unknown, State::NotApplied, State::NeedsOperator] {
            assert_eq!(next_state(state, Event::NeverSent), Ok(State::NotApplied), "{state}");
        }
        for state in [State::Confirmed, State::Accepted, State::Refused, State::Split, State::Released] {
            assert!(next_state(state, Event::NeverSent).is_err(), "{state}");
        }
    }
}
