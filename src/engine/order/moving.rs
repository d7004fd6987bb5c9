//! Whether the account's balance may still move for an earlier money call: then nothing is bought and no cycle is changed, since what
//! that costs could not be told from what the earlier call did; nor is an order given to the provider's auto-renewal that was paid just now.
use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::time::{Moment, Timing};
use crate::domain::{IntentId, Measured, OrderId, Quote, State};
use crate::engine::settle::measure::measure;
use crate::engine::{Payer, Viewer};
use crate::evidence::is_seen;
use crate::evidence::over;
use crate::ledger::{IntentFilter, IntentRecord, LedgerError};
use crate::policy::{Reason, Word};
use crate::providers::{PaymentReply, Reader};
use crate::settings::Account;

impl Viewer {
    /// The reason to wait, and until when: for the payments of one order, or of the whole account.
    pub(super) fn still_moving(
        &self,
        account: &Account,
        order: Option<&OrderId>,
    ) -> Result<Option<Reason>, LedgerError> {
        let (timing, now) = (&self.settings.timing, self.clock.now());
        let name = Some(account.name.clone());
        let open =
            vec![State::Reserved, State::SpendStarted, State::Accepted, State::Unknown, State::NeedsOperator];
        let mut all = self.ledger.intents(&IntentFilter {
            account: name.clone(),
            states: open,
            ..IntentFilter::default()
        })?;
        let spend_since = Some(now.back(timing.lag_window).back(timing.money_timeout));
        all.extend(self.ledger.intents(&IntentFilter {
            account: name,
            spend_since,
            ..IntentFilter::default()
        })?);
        let of = |r: &IntentRecord| order.is_none_or(|o| r.request.leases.iter().any(|l| &l.order == o));
        all.retain(|r| r.provider == account.provider && of(r));
        let zone = &self.settings.timezone;
        let until = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string();
        Ok(all.iter().find_map(|r| Some((r, moves_until(r, &now, timing)?))).map(|(r, end)| {
            let what = format!("payment {} of this account is {}", r.id, r.state);
            let again = match (r.state, end.filter(|at| *at > now.wall)) {
                (State::NeedsOperator, _) => format!("say what became of it first: renewd resolve {}", r.id),
                (_, Some(at)) => format!("try again after {}", until(at)),
                (_, None) => "try again once it is settled: renewd status".to_owned(),
            };
            let prose = format!("{what}, and the balance may still move for it; {again}");
            Reason::new(Word::UnknownPending, prose)
        }))
    }
}

impl Payer {
    /// A refusal, unless the balance right after it shows that it charged: then nobody knows what became of the purchase.
    pub(super) async fn unless_charged(
        &self,
        reader: &Arc<dyn Reader>,
        (id, quote): (&IntentId, &Quote),
        reply: PaymentReply,
    ) -> Result<PaymentReply, LedgerError> {
        let PaymentReply::Refused { code, message, concerns } = &reply else { return Ok(reply) };
        let of = (id, &quote.balance.currency);
        let doubt = self.viewer.doubt(Arc::clone(reader), of, *concerns).await?;
        Ok(match doubt {
            Some(why) => PaymentReply::Unknown {
                code: Some(*code),
                message: format!("refused ({message}), but {why}"),
            },
            None => reply,
        })
    }

    /// The balance right after a call whose answer did not tell it.
    pub(super) async fn look_at_balance(
        &self,
        reader: Arc<dyn Reader>,
        id: &IntentId,
        quote: &Quote,
    ) -> Result<(), LedgerError> {
        let viewer = &self.viewer;
        let record = viewer.ledger.intent(id)?;
        let untold = record.state == State::Accepted && record.detail.balance_after.is_none();
        if !untold && record.state != State::Unknown {
            return Ok(());
        }
        let Some(told) = viewer.balance_now(reader).await else { return Ok(()) };
        if told.currency == quote.balance.currency {
            let (timing, now) = (&viewer.settings.timing, viewer.clock.now());
            measure(viewer.ledger.as_ref(), timing, id, (told.amount, Measured::Reading), &now)?;
        }
        Ok(())
    }
}

/// Until when the balance may move for it, as far as that can be told; `None`: it does not.
fn moves_until(record: &IntentRecord, now: &Moment, timing: &Timing) -> Option<Option<Timestamp>> {
    // The provider's balance may lag from when the call was over.
    let over = record.spend_started_at.as_ref().map(|at| over(record, at, timing));
    let end = over.as_ref().and_then(|at| at.wall.checked_add(timing.lag_window).ok());
    let lags = over.as_ref().is_some_and(|at| now.elapsed_since(at) < timing.lag_window);
    let moves = match record.state {
        State::Released | State::Split => false,
        State::Confirmed => lags && !is_seen(record),
        State::Refused => lags,
        // Evidence has waited for the balance; a person's word may be hasty.
        State::NotApplied => lags && record.operator_spoke,
        _ => true,
    };
    moves.then_some(end)
}
