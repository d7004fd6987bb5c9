//! The life of a payment: states, events and the total transition function.
//!
//! Not responsible for storing either (ledger) or for deciding what happened (`evidence`).
use std::fmt;

use serde::Serialize;

/// Where a payment stands. `Ord` has no meaning beyond stable sorting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Budget is held; a crash here proves that nothing was spent.
    Reserved,
    /// Durable before the first byte leaves; a crash here means that the outcome is unknown.
    SpendStarted,
    /// A good reply for exactly the asked set; the new end has not been seen yet.
    Accepted,
    /// A refusal from the closed list.
    Refused,
    /// The outcome is not known; evidence settles it.
    Unknown,
    /// Shown not to have been charged, or never sent.
    NotApplied,
    /// The new end was seen, or an operator said that it was charged.
    Confirmed,
    /// Evidence cannot settle it: a person must (`renewd resolve`).
    NeedsOperator,
    /// Given up before anything was sent.
    Released,
    /// A payment of several leases that was applied to some: its parts stand in its place.
    Split,
}

impl State {
    /// Every state, for tables and tests.
    pub const ALL: [Self; 10] = [
        Self::Reserved,
        Self::SpendStarted,
        Self::Accepted,
        Self::Refused,
        Self::Unknown,
        Self::NotApplied,
        Self::Confirmed,
        Self::NeedsOperator,
        Self::Released,
        Self::Split,
    ];

    /// The word in JSON, SQL and tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::SpendStarted => "spend_started",
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
            Self::NotApplied => "not_applied",
            Self::Confirmed => "confirmed",
            Self::NeedsOperator => "needs_operator",
            Self::Released => "released",
            Self::Split => "split",
        }
    }

    /// The state of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == word)
    }

    /// Money is or may be gone: it counts in budgets.
    #[must_use]
    pub fn counts_in_budgets(self) -> bool {
        matches!(
            self,
            Self::Reserved
                | Self::SpendStarted
                | Self::Accepted
                | Self::Unknown
                | Self::Confirmed
                | Self::NeedsOperator
        )
    }

    /// Somebody or something still has to find out what happened.
    #[must_use]
    pub fn is_unsettled(self) -> bool {
        matches!(
            self,
            Self::Reserved | Self::SpendStarted | Self::Accepted | Self::Unknown | Self::NeedsOperator
        )
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What can happen to a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// The spend row is being written.
    SpendStarted,
    /// Given up before sending.
    Released,
    /// A good reply for exactly the asked set.
    Accepted,
    /// A refusal from the closed list.
    Refused,
    /// The answer was lost, odd, or the process died while waiting for it.
    AnswerLost,
    /// The connection was never made: no byte left.
    NeverSent,
    /// Every end was seen to have moved.
    EndsMoved,
    /// An accepted payment's end has not moved within the lag window.
    LagOver,
    /// Agreeing reads show that nothing was charged.
    ShownNotApplied,
    /// The reads contradict each other or leave it open.
    Inconclusive,
    /// Some leases moved and some did not.
    PartlyMoved,
    /// The balance right after it was seen, and with it what it cost; says nothing of what became of it.
    Measured,
    /// An operator says that it was charged.
    OperatorCharged,
    /// An operator says that it was not charged.
    OperatorNotCharged,
}

impl Event {
    /// Every event, for tables and tests.
    pub const ALL: [Self; 14] = [
        Self::SpendStarted,
        Self::Released,
        Self::Accepted,
        Self::Refused,
        Self::AnswerLost,
        Self::NeverSent,
        Self::EndsMoved,
        Self::LagOver,
        Self::ShownNotApplied,
        Self::Inconclusive,
        Self::PartlyMoved,
        Self::Measured,
        Self::OperatorCharged,
        Self::OperatorNotCharged,
    ];

    /// The word in the ledger.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SpendStarted => "spend_started",
            Self::Released => "released",
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::AnswerLost => "answer_lost",
            Self::NeverSent => "never_sent",
            Self::EndsMoved => "ends_moved",
            Self::LagOver => "lag_over",
            Self::ShownNotApplied => "shown_not_applied",
            Self::Inconclusive => "inconclusive",
            Self::PartlyMoved => "partly_moved",
            Self::Measured => "measured",
            Self::OperatorCharged => "operator_charged",
            Self::OperatorNotCharged => "operator_not_charged",
        }
    }
}

/// How it is known what a payment cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measured {
    /// By the balances in the provider's own answers: the quote before it, the reply or the next quote after it.
    Answers,
    /// By the quote before it and a reading of the balance after it.
    Reading,
    /// It is not: nothing fell yet, or something else moved the same balance. The quote stands.
    Quote,
    /// An operator said so.
    Word,
}

impl Measured {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Answers, Self::Reading, Self::Quote, Self::Word];

    /// The word in the ledger.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answers => "answers",
            Self::Reading => "reading",
            Self::Quote => "quote",
            Self::Word => "word",
        }
    }

    /// The measure of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.as_str() == word)
    }
}

/// An event that a payment in this state cannot meet: a bug or a race, never ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a payment that is {state} cannot meet `{}`", event.as_str())]
pub struct IllegalEvent {
    /// Where it stood.
    pub state: State,
    /// What was said to have happened.
    pub event: Event,
}

/// Where `event` takes a payment from `state`.
///
/// Late evidence is legal from every state in which bytes may have left: a charge that lands after `refused`,
/// `not_applied` or `needs_operator` is recorded, never dropped. What a payment cost may be seen, or be said by an operator, after it
/// is known that it was charged: that changes the amount and nothing else.
///
/// # Errors
/// [`IllegalEvent`] for every pair that is not in the table of the payment's life.
pub fn next_state(state: State, event: Event) -> Result<State, IllegalEvent> {
    use Event as E;
    use State as S;
    Ok(match (state, event) {
        (S::Reserved, E::SpendStarted) => S::SpendStarted,
        (S::Reserved, E::Released) => S::Released,
        (S::SpendStarted, E::Accepted) => S::Accepted,
        (S::SpendStarted, E::Refused) => S::Refused,
        (S::SpendStarted, E::AnswerLost) | (S::Accepted, E::LagOver) => S::Unknown,
        // The node that held its permit says so, also where another one took over meanwhile and had to take it for unknown: nobody
        // knows better.
        (S::SpendStarted | S::Unknown | S::NotApplied | S::NeedsOperator, E::NeverSent) => S::NotApplied,
        (S::Accepted | S::Unknown | S::NotApplied | S::NeedsOperator | S::Refused, E::EndsMoved) => {
            S::Confirmed
        }
        (S::Unknown, E::ShownNotApplied) => S::NotApplied,
        (S::Unknown, E::Inconclusive) => S::NeedsOperator,
        (S::Accepted | S::Unknown | S::NotApplied | S::NeedsOperator | S::Refused, E::PartlyMoved) => {
            S::Split
        }
        (
            S::Unknown | S::NeedsOperator | S::Accepted | S::NotApplied | S::Refused | S::Confirmed,
            E::OperatorCharged,
        ) => S::Confirmed,
        (S::Accepted | S::Unknown | S::Confirmed, E::Measured) => state,
        (S::Unknown | S::NeedsOperator | S::Accepted | S::NotApplied | S::Refused, E::OperatorNotCharged) => {
            S::NotApplied
        }
        _ => return Err(IllegalEvent { state, event }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transition_function_is_total_and_as_documented() {
        let table: Vec<String> = State::ALL
            .iter()
            .flat_map(|s| Event::ALL.iter().filter_map(move |e| next_state(*s, *e).ok().map(|n| (s, e, n))))
            .map(|(s, e, n)| format!("{s:<14} {:<20} {n}", e.as_str()))
            .collect();
        insta::assert_snapshot!(table.join("\n"));
    }

    #[test]
    fn nothing_leaves_a_final_state() {
        for s in [State::Confirmed, State::Released, State::Split] {
            assert!(
                Event::ALL
                    .iter()
                    .all(|e| next_state(s, *e).is_ok_and(|n| n == s) || next_state(s, *e).is_err()),
                "{s}"
            );
        }
        let stays: Vec<&Event> =
            Event::ALL.iter().filter(|e| next_state(State::Confirmed, **e).is_ok()).collect();
        assert_eq!(stays, [&Event::Measured, &Event::OperatorCharged], "only its amount may change");
    }

    #[test]
    fn words_are_unique_and_read_back() {
        for s in State::ALL {
            assert_eq!(State::parse(s.as_str()), Some(s));
        }
    }
}
