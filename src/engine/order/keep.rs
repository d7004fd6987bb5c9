//! What a purchase keeps of its answer. Not responsible for sending it, nor for looking for the order later.
//!
//! A crash before the verdict's row leaves `spend_started`, which the next pass takes for unknown.
use crate::domain::{Event, IntentId, Money, Quote, State};
use crate::engine::Payer;
use crate::engine::pay::late::never_sent;
use crate::engine::settle::measure::replied;
use crate::ledger::{EventDetail, LedgerError};
use crate::providers::PaymentReply;

impl Payer {
    /// The verdict's row, and the order that the answer names.
    pub(super) fn keep(&self, id: &IntentId, quote: &Quote, reply: PaymentReply) -> Result<(), LedgerError> {
        let ledger = self.viewer.ledger.as_ref();
        let now = self.viewer.clock.now();
        let write = |event, detail: &EventDetail| ledger.append(id, State::SpendStarted, event, detail, &now);
        let said = |code: Option<i64>, message: String| EventDetail {
            code: code.map(|c| c.to_string()),
            message: Some(message),
            ..EventDetail::default()
        };
        match reply {
            PaymentReply::Accepted { balance, charged, order, .. } => {
                let same = balance.filter(|b| b.currency == quote.balance.currency);
                let balance_after: Option<Money> = same.map(|b| b.amount);
                let timing = &self.viewer.settings.timing;
                write(Event::Accepted, &replied(ledger, timing, id, (balance_after, charged), &now)?)?;
                if let Some(order) = order {
                    ledger.record_order(id, &order.as_str().into(), now.wall)?;
                }
            }
            PaymentReply::Refused { code, message, .. } => {
                write(Event::Refused, &said(Some(code), message))?;
            }
            // Ends are told of leases that were there before.
            PaymentReply::Ends { .. } => {
                write(Event::AnswerLost, &said(None, "an answer about a renewal".to_owned()))?;
            }
            PaymentReply::NeverSent(why) => {
                never_sent(ledger, id, &said(None, why), &now)?;
            }
            PaymentReply::Unknown { code, message } => {
                write(Event::AnswerLost, &said(code, message))?;
            }
        }
        Ok(())
    }
}
