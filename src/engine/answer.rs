//! What a lane does with the answer to a payment: the verdict is recorded, and a lost one is looked into at once.
//!
//! A crash before the verdict's row leaves `spend_started`, which the next pass takes for unknown.
use std::sync::Arc;

use jiff::SignedDuration;

use super::lane::{Halt, Lane};
use crate::domain::{Event, IntentId, PromoStatus, Quote, State};
use crate::ledger::{Blocked, EventDetail, LedgerError};
use crate::planner::{PaySet, Priced, cannot_wait};
use crate::policy::{Reason, Word};
use crate::providers::PaymentReply;

/// A price is good for so long.
const GOOD: SignedDuration = SignedDuration::from_secs(60);

impl Lane {
    pub(super) async fn record(
        &mut self,
        set: &PaySet,
        id: &IntentId,
        quote: &Quote,
        priced: &Priced,
        reply: PaymentReply,
    ) -> Result<Halt, LedgerError> {
        let ledger = Arc::clone(&self.viewer.ledger);
        let now = self.viewer.clock.now();
        let write = |event, detail: &EventDetail| ledger.append(id, State::SpendStarted, event, detail, &now);
        let said = |code: Option<String>, message: String| EventDetail {
            code,
            message: Some(message),
            ..EventDetail::default()
        };
        match reply {
            PaymentReply::Accepted { balance, promo, .. } => {
                let balance = balance.filter(|b| b.currency == quote.balance.currency).map(|b| b.amount);
                write(Event::Accepted, &EventDetail { balance_after: balance, ..EventDetail::default() })?;
                self.expected = balance.or_else(|| self.expected.and_then(|e| e.minus(priced.total)));
                if let (Some(PromoStatus::Invalid), Some(code)) = (promo, &set.key.promo) {
                    tracing::warn!(payment = %id, "the promo code was not accepted in the payment: stopped for this cycle");
                    self.dead_promos.insert(code.clone());
                }
                Ok(Halt::No)
            }
            PaymentReply::Refused { code, message } => {
                let reason =
                    Reason::new(Word::Refused, format!("payment {id} was refused: code {code}: {message}"));
                write(Event::Refused, &said(Some(code.to_string()), message))?;
                self.change(set, &reason);
                // A wrong key or an empty balance concerns all that would follow.
                Ok(if matches!(code, 2 | 16) { Halt::Because(reason) } else { Halt::No })
            }
            PaymentReply::NeverSent(why) => {
                write(Event::NeverSent, &said(None, why.clone()))?;
                // Somebody stopped the spending between its row and its first byte.
                if let Some(reason) = self.paused()? {
                    self.change(set, &reason);
                    return Ok(Halt::Because(reason));
                }
                let reason = Reason::new(Word::Backoff, format!("payment {id} could not be sent: {why}"));
                self.change(set, &reason);
                // It was held up here, not by the provider: the others have prices of their own.
                if now.age_of(&quote.asked_at).is_none_or(|age| age > GOOD) || self.viewer.stop.is_cancelled()
                {
                    return Ok(Halt::No);
                }
                Ok(Halt::Because(Reason::new(
                    Word::Backoff,
                    format!("the provider cannot be reached: {why}"),
                )))
            }
            PaymentReply::Unknown { code, message } => {
                tracing::warn!(payment = %id, "the outcome is unknown: {message}");
                write(Event::AnswerLost, &said(code.map(|c| c.to_string()), message))?;
                self.after_unknown(set, id).await
            }
        }
    }

    /// Reads at once: most lost answers are settled by the list and the balance within the same cycle.
    async fn after_unknown(&mut self, set: &PaySet, id: &IntentId) -> Result<Halt, LedgerError> {
        if let Err(why) = self.reread().await? {
            tracing::warn!(payment = %id, "no reading after a lost answer: {why}");
        }
        if self.viewer.ledger.intent(id)?.state == State::Confirmed {
            return Ok(Halt::No);
        }
        self.change(
            set,
            &Reason::new(
                Word::UnknownPending,
                format!("the outcome of payment {id} is unknown; evidence is being read"),
            ),
        );
        let rest = format!("payment {id} of this account is being settled first");
        Ok(Halt::Settling(Reason::new(Word::UnknownPending, rest)))
    }

    /// What would lapse within a lag window is given back, to be paid all the same; a batch is parted for that where it may be.
    pub(super) fn put_off_what_can_wait(&mut self, sets: Vec<PaySet>, reason: &Reason) -> Vec<PaySet> {
        let (now, lag) = (self.viewer.clock.now().wall, self.viewer.settings.timing.lag_window);
        let mut go_on = Vec::new();
        for set in sets {
            for part in if self.may_split(&set) { set.singles() } else { vec![set] } {
                let last = part.members.iter().filter_map(|&m| self.orders.items[m].last_chance()).min();
                if cannot_wait(last, now, lag) {
                    go_on.push(part);
                } else {
                    self.change(&part, reason);
                }
            }
        }
        go_on
    }

    pub(super) async fn read_back(&mut self) -> Result<(), LedgerError> {
        let open =
            self.out.begun.iter().map(|id| self.viewer.ledger.intent(id)).collect::<Result<Vec<_>, _>>()?;
        if open.iter().any(|r| matches!(r.state, State::Accepted | State::Unknown | State::Refused))
            && let Err(why) = self.reread().await?
        {
            tracing::warn!(account = %self.seen.account.name, "no read-back: {why}");
        }
        Ok(())
    }
}

/// What a refused reservation means for its leases.
pub(super) fn blocked_reason(blocked: &Blocked) -> Reason {
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
        Blocked::Pending { intent, state } => Reason::new(
            Word::UnknownPending,
            format!("payment {intent} of this lease, order or address is {state}"),
        ),
    }
}
