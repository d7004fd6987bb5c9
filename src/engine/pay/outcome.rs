//! What a lane does with the answer to a payment: the verdict is recorded, and a lost one is looked into at once.
//!
//! A crash before the verdict's row leaves `spend_started`, which the next pass takes for unknown.
use std::sync::Arc;

use jiff::SignedDuration;

use super::lane::Lane;
use crate::domain::{Balance, Currency, Event, IntentId, Measured, Money, PromoStatus, Quote, State};
use crate::engine::facts::overcharged;
use crate::engine::pay::jobs::Halt;
use crate::engine::pay::late::never_sent;
use crate::engine::settle::measure::{measure, replied};
use crate::evidence::Charge;
use crate::ledger::{EventDetail, LedgerError};
use crate::planner::{Overcharged, PaySet, Priced, cannot_wait};
use crate::policy::{Reason, Word};
use crate::providers::{Concern, PaymentReply};

/// A price is good for so long.
const GOOD: SignedDuration = SignedDuration::from_secs(60);

impl Lane {
    pub(in crate::engine) async fn record(
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
            PaymentReply::Ends { told, balance, charged } => {
                self.ends_told(set, (id, quote, priced), &told, (balance, charged)).await
            }
            PaymentReply::Accepted { balance, charged, promo, .. } => {
                self.accepted((id, quote, priced), (balance, charged), None).await?;
                if let (Some(PromoStatus::Invalid), Some(code)) = (promo, &set.key.promo) {
                    tracing::warn!(payment = %id, "the promo code was not accepted in the payment: stopped for this cycle");
                    self.dead_promos.insert(code.clone());
                }
                Ok(Halt::No)
            }
            PaymentReply::Refused { code, message, concerns } => {
                let of = (id, &quote.balance.currency);
                if let Some(why) = self.viewer.doubt(Arc::clone(&self.reader), of, concerns).await? {
                    let said = said(Some(code.to_string()), format!("refused ({message}), but {why}"));
                    return self.answer_lost(set, id, quote, said).await;
                }
                let reason =
                    Reason::new(Word::Refused, format!("payment {id} was refused: code {code}: {message}"));
                write(Event::Refused, &said(Some(code.to_string()), message))?;
                self.change(set, &reason);
                if concerns == Concern::Access {
                    self.out.shut_out = Some(format!("a payment met no access: {}", reason.prose));
                }
                Ok(match concerns {
                    Concern::Account | Concern::Access => Halt::Because(reason),
                    Concern::Lease => Halt::No,
                })
            }
            PaymentReply::NeverSent(why) => {
                never_sent(ledger.as_ref(), id, &said(None, why.clone()), &now)?;
                self.not_sent(set, id, quote, &why)
            }
            PaymentReply::Unknown { code, message } => {
                self.answer_lost(set, id, quote, said(code.map(|c| c.to_string()), message)).await
            }
        }
    }

    /// A good reply for exactly the asked set, with what it said of the new ends.
    pub(in crate::engine) async fn accepted(
        &mut self,
        (id, quote, priced): (&IntentId, &Quote, &Priced),
        (balance, charged): (Option<Balance>, Option<Money>),
        ends: Option<String>,
    ) -> Result<(), LedgerError> {
        let ledger = Arc::clone(&self.viewer.ledger);
        let now = self.viewer.clock.now();
        let balance = balance.filter(|b| b.currency == quote.balance.currency).map(|b| b.amount);
        let mut detail =
            replied(ledger.as_ref(), &self.viewer.settings.timing, id, (balance, charged), &now)?;
        let words: Vec<String> = ends.into_iter().chain(detail.evidence.take()).collect();
        detail.evidence = (!words.is_empty()).then(|| words.join("; "));
        ledger.append(id, State::SpendStarted, Event::Accepted, &detail, &now)?;
        let seen = match balance {
            Some(told) => Some(told),
            None => self.look_at_balance(id, &quote.balance.currency).await?,
        };
        self.expected = seen.or_else(|| self.expected.and_then(|e| e.minus(priced.total)));
        self.hold_overcharged(id)
    }

    pub(in crate::engine) async fn answer_lost(
        &mut self,
        set: &PaySet,
        id: &IntentId,
        quote: &Quote,
        said: EventDetail,
    ) -> Result<Halt, LedgerError> {
        let now = self.viewer.clock.now();
        tracing::warn!(payment = %id, "the outcome is unknown: {}", said.message.as_deref().unwrap_or_default());
        self.viewer.ledger.append(id, State::SpendStarted, Event::AnswerLost, &said, &now)?;
        self.look_at_balance(id, &quote.balance.currency).await?;
        self.hold_overcharged(id)?;
        let halt = self.after_unknown(set, id).await?;
        self.hold_overcharged(id)?;
        Ok(halt)
    }

    /// No byte left: whether the fault lies here or with the provider decides what the others do.
    fn not_sent(
        &mut self,
        set: &PaySet,
        id: &IntentId,
        quote: &Quote,
        why: &str,
    ) -> Result<Halt, LedgerError> {
        let now = self.viewer.clock.now();
        // Somebody stopped the spending between its row and its first byte.
        if let Some(reason) = self.paused()? {
            self.change(set, &reason);
            return Ok(Halt::Because(reason));
        }
        let reason = Reason::new(Word::Backoff, format!("payment {id} could not be sent: {why}"));
        self.change(set, &reason);
        // It was held up here, not by the provider: the others have prices of their own.
        if now.age_of(&quote.asked_at).is_none_or(|age| age > GOOD) || self.viewer.stop.is_cancelled() {
            return Ok(Halt::No);
        }
        Ok(Halt::Because(Reason::new(Word::Backoff, format!("the provider cannot be reached: {why}"))))
    }

    /// The balance right after a call whose answer did not tell it. Gives it where it shows what the payment cost: a balance that lags
    /// shows nothing yet.
    async fn look_at_balance(
        &mut self,
        id: &IntentId,
        currency: &Currency,
    ) -> Result<Option<Money>, LedgerError> {
        let told = match self.viewer.balance_now(Arc::clone(&self.reader)).await {
            Some(balance) if &balance.currency == currency => balance.amount,
            _ => return Ok(None),
        };
        let (ledger, timing) = (self.viewer.ledger.as_ref(), &self.viewer.settings.timing);
        let now = self.viewer.clock.now();
        let charge = measure(ledger, timing, id, (told, Measured::Reading), &now)?;
        Ok(matches!(charge, Charge::Seen(_)).then_some(told))
    }

    /// The next quote tells the balance too: where the reading after the last payment showed nothing yet, it is the first that does.
    pub(in crate::engine) fn measure_by(&mut self, quote: &Quote) -> Result<(), LedgerError> {
        let Some(id) = self.out.begun.last().cloned() else { return Ok(()) };
        let ledger = Arc::clone(&self.viewer.ledger);
        let last = ledger.intent(&id)?;
        let now = self.viewer.clock.now();
        if !quote.asked_at.is_from(&last.state_at, &now) || quote.balance.currency != last.currency {
            return Ok(());
        }
        let timing = &self.viewer.settings.timing;
        let seen = measure(ledger.as_ref(), timing, &id, (quote.balance.amount, Measured::Answers), &now)?;
        if matches!(seen, Charge::Seen(_)) {
            self.hold_overcharged(&id)?;
        }
        Ok(())
    }

    /// A payment that cost more than its quote may hold what is left of its policy, from the next payment on.
    pub(in crate::engine) fn hold_overcharged(&mut self, id: &IntentId) -> Result<(), LedgerError> {
        let record = self.viewer.ledger.intent(id)?;
        if record.detail.charged.is_some_and(|c| c > record.quoted) || record.state == State::Split {
            self.overcharged = self.viewer.keep_overcharged()?;
        }
        Ok(())
    }

    /// Why a set may not be paid any more, though it could when the cycle began.
    pub(in crate::engine) fn charged_too_much(&self, set: &PaySet) -> Option<Reason> {
        let policy = &self.viewer.settings.policies[set.key.policy].name;
        overcharged::of(&self.overcharged, &self.seen.account.name, policy).map(Overcharged::reason)
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
                format!("the outcome of payment {id} is unknown; renewd is looking for evidence"),
            ),
        );
        let rest = format!("payment {id} of this account is being settled first");
        Ok(Halt::Settling(Reason::new(Word::UnknownPending, rest)))
    }

    /// What would lapse before it can be looked at again is given back, to be paid all the same; a batch is parted for that where it may be.
    pub(in crate::engine) fn put_off_what_can_wait(
        &mut self,
        sets: Vec<PaySet>,
        reason: &Reason,
    ) -> Vec<PaySet> {
        let now = self.viewer.clock.now().wall;
        let patience = self.viewer.patience(now);
        let mut go_on = Vec::new();
        for set in sets {
            for part in if self.may_split(&set) { set.singles() } else { vec![set] } {
                let last = part.members.iter().filter_map(|&m| self.orders.items[m].last_chance()).min();
                if cannot_wait(last, now, patience) {
                    go_on.push(part);
                } else {
                    self.change(&part, reason);
                }
            }
        }
        go_on
    }

    pub(in crate::engine) async fn read_back(&mut self) -> Result<(), LedgerError> {
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
