//! What is still to be asked for its price at one account, and in which order. Pure.
//!
//! Responsible for: a question that brings no price is the trouble of its leases only; the account counts as down once several
//! in a row bring none, those picked from elsewhere included; and no pass spends long on silence. Where to look elsewhere is
//! drawn from the pass's instant, so that leases that are never answered cannot hide the same others cycle after cycle. Not
//! responsible for asking, nor for what a price is worth (`price.rs`).
use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use crate::domain::{Money, QuoteError};
use crate::engine::approve::exact::ExactSet;
use crate::engine::quote::Wanted;
use crate::engine::quote::question::Asked;
use crate::planner::{GroupKey, PaySet};
use crate::policy::{Reason, Word};

/// So many questions without a price raise doubt: the next is for a lease from elsewhere.
const DOUBT: usize = 3;
/// So many in a row, and the account counts as down for this pass: the first in their order, the last two from elsewhere.
pub(in crate::engine) const DOWN: usize = 5;
/// Silence of so long in all ends a pass's questions: each may hang for three time-outs.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);

/// One step of the asking.
#[derive(Debug, Clone)]
pub(in crate::engine) enum Todo {
    /// Leases that share a price which nobody has told yet.
    Group(GroupKey, Vec<usize>),
    /// Leases of a group in one question; one of them alone costs so much.
    Batch(PaySet, Money),
    /// This set in one question.
    Set(PaySet),
    /// The set of a plan, at no more than it says.
    Exactly(PaySet, Box<ExactSet>),
}

impl Todo {
    fn members(&self) -> &[usize] {
        match self {
            Self::Group(_, members) => members,
            Self::Batch(set, _) | Self::Set(set) | Self::Exactly(set, _) => &set.members,
        }
    }
}

impl From<Wanted> for Todo {
    fn from(wanted: Wanted) -> Self {
        match wanted {
            Wanted::Group(key, members) => Self::Group(key, members),
            Wanted::Exactly(set, exact) => Self::Exactly(set, exact),
        }
    }
}

/// What a step heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) enum Heard {
    /// It asked nothing.
    Nothing,
    /// An answer that can be read, whatever it says.
    Answer,
    /// None, for this reason.
    Silence(Reason),
}

impl Heard {
    pub(in crate::engine) fn of(asked: &Asked) -> Self {
        match (&asked.answer, &asked.verdict) {
            (_, Err(reason)) if reason.word == Word::Unparsable => Self::Nothing,
            (Err(QuoteError::NoAnswer(_) | QuoteError::Unreadable(_)), Err(reason)) => {
                Self::Silence(reason.clone())
            }
            _ => Self::Answer,
        }
    }
}

/// The questions of one account in one pass.
pub(in crate::engine) struct Queue {
    left: VecDeque<Todo>,
    seed: u64,
    in_a_row: usize,
    since_turn: usize,
    silent_for: SignedDuration,
}

impl Queue {
    /// All that is wanted, in this order.
    pub(in crate::engine) fn new(wanted: Vec<Wanted>, now: Timestamp) -> Self {
        Self {
            left: wanted.into_iter().map(Todo::from).collect(),
            seed: now.as_millisecond().unsigned_abs(),
            in_a_row: 0,
            since_turn: 0,
            silent_for: SignedDuration::ZERO,
        }
    }

    /// The next step.
    pub(in crate::engine) fn next(&mut self) -> Option<Todo> {
        self.left.pop_front()
    }

    /// Puts steps before all others, in this order.
    pub(in crate::engine) fn first(
        &mut self,
        todos: impl IntoIterator<Item = Todo, IntoIter: DoubleEndedIterator>,
    ) {
        todos.into_iter().rev().for_each(|todo| self.left.push_front(todo));
    }

    /// Takes in what the last step heard, after so long. `Some`: why nothing more is to be asked in this pass.
    pub(in crate::engine) fn heard(&mut self, heard: Heard, took: SignedDuration) -> Option<Reason> {
        let reason = match heard {
            Heard::Nothing => return None,
            Heard::Answer => {
                self.in_a_row = 0;
                return None;
            }
            Heard::Silence(reason) => reason,
        };
        self.in_a_row += 1;
        self.since_turn += 1;
        self.silent_for = self.silent_for.saturating_add(took);
        if self.in_a_row >= DOWN || self.silent_for >= PATIENCE {
            let prose = format!(
                "not asked, since {} without a price came before it (the last: {}); the next cycle asks again",
                if self.in_a_row == 1 {
                    "1 question".to_owned()
                } else {
                    format!("{} questions", self.in_a_row)
                },
                reason.prose
            );
            return Some(Reason::new(reason.word, prose));
        }
        if self.in_a_row >= DOUBT || self.since_turn >= DOUBT {
            self.since_turn = 0;
            self.turn();
        }
        None
    }

    /// All that is still to be asked.
    pub(in crate::engine) fn rest(self) -> Vec<usize> {
        self.left.iter().flat_map(|todo| todo.members().to_vec()).collect()
    }

    /// Goes on from a lease drawn from all that are left, around to where it is now.
    fn turn(&mut self) {
        let all: usize = self.left.iter().map(|todo| todo.members().len()).sum();
        let Some(mut place) = self.draw(all) else { return };
        let Some(n) = self.left.iter().position(|todo| {
            let here = todo.members().len();
            let found = place < here;
            place -= if found { 0 } else { here };
            found
        }) else {
            return;
        };
        self.left.rotate_left(n);
        match self.left.pop_front() {
            Some(Todo::Group(key, mut members)) => {
                members.rotate_left(place);
                self.left.push_front(Todo::Group(key, members));
            }
            // One sick lease may be anywhere in a batch: only a question for a single one tells of the account.
            Some(Todo::Batch(set, _)) => {
                let mut singles = set.singles();
                singles.rotate_left(place);
                self.first(singles.into_iter().map(Todo::Set));
            }
            Some(other) => self.left.push_front(other),
            None => {}
        }
    }

    /// A number below `n` (`SplitMix64`): the same for the same instant and the same number of draws before.
    fn draw(&mut self, n: usize) -> Option<usize> {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)).checked_rem(n as u64).and_then(|at| usize::try_from(at).ok())
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
