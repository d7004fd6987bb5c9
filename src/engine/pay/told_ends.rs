//! An answer that speaks of single leases, by their new ends or by name: it accepts a payment whole, or lease by lease.
//!
//! Of a batch that was renewed in part, each lease goes its own way from here: accepted where its told end is later or it is named as
//! renewed, unknown everywhere else. A crash before the verdict's row leaves `spend_started`; one between that row and the split leaves the whole as unknown, and
//! the list tells its leases apart.
use std::sync::Arc;

use super::lane::Lane;
use crate::domain::{Balance, Event, IntentId, Measured, Money, Quote, State};
use crate::engine::pay::jobs::Halt;
use crate::engine::settle::measure::around;
use crate::engine::settle::write::with_surplus;
use crate::evidence::{Charge, ToldEnd, accepted_by_answer, right_after};
use crate::ledger::{EventDetail, IntentRecord, LedgerError, SplitPart};
use crate::planner::{PaySet, Priced};
use crate::policy::{Reason, Word};

impl Lane {
    /// What an answer that speaks of single leases makes of its payment.
    pub(in crate::engine) async fn ends_told(
        &mut self,
        set: &PaySet,
        (id, quote, priced): (&IntentId, &Quote, &Priced),
        told: &[ToldEnd],
        (balance, charged): (Option<Balance>, Option<Money>),
    ) -> Result<Halt, LedgerError> {
        let record = self.viewer.ledger.intent(id)?;
        let ends = accepted_by_answer(&record.request, told);
        let words = in_words(&record, &ends);
        match ends.iter().flatten().count() {
            0 => {
                let message = "the answer says success, and tells no later end of any lease".to_owned();
                let said = EventDetail { message: Some(message), ..EventDetail::default() };
                self.answer_lost(set, id, quote, said).await
            }
            all if all == ends.len() => {
                self.accepted((id, quote, priced), (balance, charged), Some(words)).await?;
                Ok(Halt::No)
            }
            _ => self.accepted_in_part(set, (&record, quote), (&ends, words), (balance, charged)).await,
        }
    }

    async fn accepted_in_part(
        &mut self,
        set: &PaySet,
        (record, quote): (&IntentRecord, &Quote),
        (ends, words): (&[Option<&ToldEnd>], String),
        (balance, charged): (Option<Balance>, Option<Money>),
    ) -> Result<Halt, LedgerError> {
        let ledger = Arc::clone(&self.viewer.ledger);
        let (id, now) = (&record.id, self.viewer.clock.now());
        let (some, all) = (ends.iter().flatten().count(), ends.len());
        let message =
            format!("the answer accepts {some} of {all} leases; what became of the others is unknown");
        tracing::warn!(payment = %id, "{message}");
        let said =
            EventDetail { message: Some(message), evidence: Some(words.clone()), ..EventDetail::default() };
        ledger.append(id, State::SpendStarted, Event::AnswerLost, &said, &now)?;
        let told = balance.filter(|b| b.currency == quote.balance.currency).map(|b| b.amount);
        let fell = match told {
            Some(told) => self.fell(record, told)?,
            None => None,
        };
        let whole = EventDetail { evidence: Some(words), ..EventDetail::default() };
        ledger.split(id, State::Unknown, &parts(record, ends, fell.max(charged)), &whole, &now)?;
        self.expected = told;
        self.hold_overcharged(id)?;
        if let Err(why) = self.reread().await? {
            tracing::warn!(payment = %id, "no reading after an answer for some leases only: {why}");
        }
        self.hold_overcharged(id)?;
        if ledger.parts(id)?.iter().all(|part| part.state != State::Unknown) {
            return Ok(Halt::No);
        }
        let unclear = set.members.iter().zip(ends).filter(|(_, end)| end.is_none()).map(|(&m, _)| m);
        let rest = PaySet { key: set.key.clone(), members: unclear.collect() };
        let prose =
            format!("payment {id} was answered for other leases only; renewd is looking for evidence");
        self.change(&rest, &Reason::new(Word::UnknownPending, prose));
        let prose = format!("payment {id} of this account is being settled first");
        Ok(Halt::Settling(Reason::new(Word::UnknownPending, prose)))
    }

    /// What left the account by the balance in the answer, where that can be told.
    fn fell(&self, record: &IntentRecord, told: Money) -> Result<Option<Money>, LedgerError> {
        let (ledger, timing) = (self.viewer.ledger.as_ref(), &self.viewer.settings.timing);
        let around = around(ledger, record, timing)?;
        let now = self.viewer.clock.now();
        Ok(match right_after(record, (told, Measured::Answers), &around, &now, timing) {
            Charge::Seen(fell) | Charge::Least(fell) => Some(fell),
            Charge::Unseen | Charge::Contested(_) => None,
        })
    }
}

/// What the answer said of each lease, for the ledger.
fn in_words(record: &IntentRecord, ends: &[Option<&ToldEnd>]) -> String {
    let told = record.request.leases.iter().zip(ends);
    let told = told.filter_map(|(l, told)| {
        Some(match (*told)?.end {
            Some(end) => format!("{} until {}", l.id, end.at),
            None => l.id.to_string(),
        })
    });
    let told: Vec<String> = told.collect();
    let what = if ends.iter().flatten().all(|t| t.end.is_none()) { "names" } else { "tells new ends:" };
    format!("the answer {what} {}", told.join(", "))
}

/// One part per lease; what fell beyond the shares of the accepted ones, and is no share of another, counts for them.
fn parts(record: &IntentRecord, ends: &[Option<&ToldEnd>], fell: Option<Money>) -> Vec<SplitPart> {
    let shares = record.quoted.shares(ends.len());
    let of = |accepted: bool| -> Vec<Money> {
        let all = shares.iter().zip(ends).filter(|(_, end)| end.is_some() == accepted);
        all.map(|(share, _)| *share).collect()
    };
    let mut costs = with_surplus(of(true), &of(false), fell, false).into_iter();
    let part = |((lease, end), quoted): ((&crate::domain::RequestLease, &Option<&ToldEnd>), &Money)| {
        let (state, detail) = match end {
            Some(told) => {
                let evidence = match told.end {
                    Some(end) => format!("the answer tells its new end: {}", end.at),
                    None => "the answer names it as renewed".to_owned(),
                };
                let more = costs.next().filter(|cost| cost > quoted);
                let detail = EventDetail {
                    charged: more,
                    measured: more.map(|_| Measured::Quote),
                    evidence: Some(evidence),
                    ..EventDetail::default()
                };
                (State::Accepted, detail)
            }
            None => {
                let evidence = "the answer does not accept it, and others of the same payment it does";
                let evidence = Some(evidence.to_owned());
                (State::Unknown, EventDetail { evidence, ..EventDetail::default() })
            }
        };
        SplitPart { lease: lease.id.clone(), quoted: *quoted, state, detail }
    };
    record.request.leases.iter().zip(ends).zip(&shares).map(part).collect()
}
