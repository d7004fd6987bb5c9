//! The money lane of one account: its payments, strictly one after the other.
//!
//! Order per set: fresh ends (a read at most 60 s old, begun after the last money call on them; where a quote reads the order
//! itself, it is that read) → fresh clean quote →
//! reserve → spend row → the one call → its verdict. A crash before the spend row spent nothing; after it, the next pass
//! finds the row and settles the payment by evidence.
use std::collections::HashSet;
use std::sync::Arc;

use jiff::SignedDuration;

use crate::domain::time::Moment;
use crate::domain::{Event, IntentId, Leases, Money, OrderId, Quote, State};
use crate::ledger::{Blocked, BudgetCheck, EventDetail, LedgerError, NewIntent, Purpose, SpendPermit};
use crate::planner::{GroupKey, Overcharged, PaySet, Priced};
use crate::policy::{Reason, Word};
use crate::providers::{Changer, PaymentReply, Reader, Spender};

use super::jobs::{Halt, Orders, Outcome};
use crate::engine::brake::stopped_by;
use crate::engine::facts::budgets::budget_check;
use crate::engine::observe::{Seen, beating};
use crate::engine::pay::blocked::blocked_reason;
use crate::engine::quote::pricing::Pricing;
use crate::engine::quote::question::Asked;
use crate::engine::quote::queue::{DOWN, Heard};
use crate::engine::{Payer, Viewer};

/// A reading is good for payments for so long.
pub(in crate::engine) const FRESH: SignedDuration = SignedDuration::from_secs(60);
/// Once its price is known, a payment goes on with a reading that leaves time for the connection.
pub(in crate::engine) const STILL_FRESH: SignedDuration = SignedDuration::from_secs(55);
/// A payment begins with a quote well within its 60 s, so that it cannot grow old between gate and wire.
pub(in crate::engine) const YOUNG: SignedDuration = SignedDuration::from_secs(45);

pub(in crate::engine) struct Lane {
    pub(in crate::engine) viewer: Viewer,
    pub(in crate::engine) seen: Seen,
    pub(in crate::engine) reader: Arc<dyn Reader>,
    pub(in crate::engine) spender: Arc<dyn Spender>,
    pub(in crate::engine) changer: Option<Arc<dyn Changer>>,
    pub(in crate::engine) orders: Orders,
    /// As of the newest reading.
    pub(in crate::engine) listed: Arc<Leases>,
    pub(in crate::engine) read_at: Moment,
    /// What the balance must be if nobody else spends: guards a second attempt.
    pub(in crate::engine) expected: Option<Money>,
    pub(in crate::engine) dead_promos: HashSet<String>,
    /// Policies that are held because of what was charged, in this lane too.
    pub(in crate::engine) overcharged: Vec<Overcharged>,
    /// Questions in a row that the provider did not answer.
    silent: usize,
    pub(in crate::engine) out: Outcome,
}

impl Payer {
    /// Pays an account's sets in order, then reads back once.
    pub(in crate::engine) async fn lane(self, seen: Seen, orders: Orders) -> Result<Outcome, LedgerError> {
        let name = seen.account.name.clone();
        let (Some(reader), Some(spender)) = (self.viewer.readers.get(&name), self.spenders.get(&name)) else {
            return Ok(Outcome::default());
        };
        let overcharged = self.viewer.overcharged()?;
        let mut lane = Lane {
            reader: Arc::clone(reader),
            spender: Arc::clone(spender),
            changer: self.changers.get(&name).cloned(),
            listed: Arc::clone(&seen.leases),
            read_at: seen.began.clone(),
            expected: seen.balance.as_ref().and_then(|b| seen.comparable(b)),
            viewer: self.viewer,
            seen,
            orders,
            dead_promos: HashSet::new(),
            overcharged,
            silent: 0,
            out: Outcome::default(),
        };
        lane.run().await?;
        Ok(lane.out)
    }
}

impl Lane {
    async fn run(&mut self) -> Result<(), LedgerError> {
        let sets = std::mem::take(&mut self.orders.sets);
        let (later, now): (Vec<PaySet>, Vec<PaySet>) =
            sets.into_iter().partition(|set| self.switches_off(set));
        // A flag is switched off only once nothing else of the account stands in the way of paying right after it.
        let (halt, later) = match self.pay_all(now.into()).await? {
            Halt::Settling(reason) => (Halt::No, self.put_off_what_can_wait(later, &reason)),
            halt => (halt, later),
        };
        match halt {
            Halt::No | Halt::Settling(_) => {
                let off = self.switch_off(later).await?;
                let ready = self.once_read_off(off).await?;
                self.pay_all(ready.into()).await?;
            }
            Halt::Because(reason) => later.iter().for_each(|rest| self.change(rest, &reason)),
        }
        if !self.out.begun.is_empty() {
            self.read_back().await?;
        }
        Ok(())
    }

    async fn pay_all(&mut self, mut sets: std::collections::VecDeque<PaySet>) -> Result<Halt, LedgerError> {
        let mut settling = Halt::No;
        while let Some(set) = sets.pop_front() {
            (self.viewer.beat)();
            if self.viewer.stop.is_cancelled() {
                self.change(&set, &Reason::new(Word::Backoff, "renewd is stopping; the next cycle pays it"));
                continue;
            }
            match self.pay_set(&set, &mut sets).await? {
                Halt::No => {}
                Halt::Settling(reason) => {
                    sets = self.put_off_what_can_wait(sets.into(), &reason).into();
                    settling = Halt::Settling(reason);
                }
                Halt::Because(reason) => {
                    sets.iter().for_each(|rest| self.change(rest, &reason));
                    return Ok(Halt::Because(reason));
                }
            }
        }
        Ok(settling)
    }

    pub(in crate::engine) fn change(&mut self, set: &PaySet, reason: &Reason) {
        self.out.changed.extend(set.members.iter().map(|&m| (m, reason.clone())));
    }

    /// The set waits. Where the provider told nothing several times in a row, so does all that is left: each question may take
    /// minutes.
    fn put_off(&mut self, set: &PaySet, reason: Reason, silent: bool) -> Halt {
        self.change(set, &reason);
        self.silent = if silent { self.silent + 1 } else { 0 };
        if self.silent >= DOWN { Halt::Because(reason) } else { Halt::No }
    }

    async fn pay_set(
        &mut self,
        set: &PaySet,
        sets: &mut std::collections::VecDeque<PaySet>,
    ) -> Result<Halt, LedgerError> {
        if self.orders.allowance.is_used_up() {
            return Ok(self.no_more_calls(set));
        }
        if let Some(reason) = self.not_approved(set) {
            self.change(set, &reason);
            return Ok(Halt::No);
        }
        if set.key.promo.as_ref().is_some_and(|p| self.dead_promos.contains(p)) {
            self.change(
                set,
                &Reason::new(
                    Word::PromoInvalid,
                    "its promo code was not accepted in a payment of this cycle",
                ),
            );
            return Ok(Halt::No);
        }
        if let Some(reason) = self.fresh_before(set).await? {
            let silent = reason.word == Word::AccountDown;
            return Ok(self.put_off(set, reason, silent));
        }
        if let Some(reason) = self.charged_too_much(set) {
            self.change(set, &reason);
            return Ok(Halt::No);
        }
        let asked = self.quote(set).await;
        let asked = self.within_plan(set, asked);
        let silent = matches!(Heard::of(&asked), Heard::Silence(_));
        let (Ok(quote), Ok(priced)) = (&asked.answer, &asked.verdict) else {
            if self.may_split(set) {
                self.silent += usize::from(silent);
                set.singles().into_iter().rev().for_each(|one| sets.push_front(one));
            } else if let Err(reason) = &asked.verdict {
                return Ok(self.put_off(set, reason.clone(), silent));
            }
            return Ok(Halt::No);
        };
        // Of what is paid at once each must cost the same, or nobody could say what was paid for which.
        if !quote.adds_up(set.members.len()) && self.may_split(set) {
            set.singles().into_iter().rev().for_each(|one| sets.push_front(one));
            return Ok(Halt::No);
        }
        self.silent = 0;
        self.measure_by(quote)?;
        if let Some(reason) = self.charged_too_much(set) {
            self.change(set, &reason);
            return Ok(Halt::No);
        }
        if let Some(reason) = self.covers(set, quote, priced) {
            self.change(set, &reason);
            return Ok(Halt::No);
        }
        if let Some(reason) = self.still_young(set, quote).await? {
            self.change(set, &reason);
            return Ok(Halt::No);
        }
        self.pay(set, quote, priced, sets).await
    }

    /// The quote from pricing if it is for exactly this set and young, else a new one.
    async fn quote(&mut self, set: &PaySet) -> Asked {
        let now = self.viewer.clock.now();
        // A quote that is not bound to its payment tells the balance as well: it is always asked anew.
        let bound = self.reader.capabilities().quote_is_bound;
        let ready = self.orders.ready.iter().find(|(asked, quote)| {
            bound
                && asked == set
                && now.age_of(&quote.asked_at).is_some_and(|age| age <= YOUNG)
                && set.members.iter().all(|&m| self.orders.items[m].attempt == 1)
        });
        let pricing = Pricing {
            viewer: &self.viewer,
            reader: self.reader.as_ref(),
            policies: &self.viewer.settings.policies,
            items: &self.orders.items,
            last: &self.orders.last,
            currency: self.seen.currency.as_ref().or(self.seen.balance.as_ref().map(|b| &b.currency)),
            batch: self.seen.account.batch,
            balance: self.seen.balance.as_ref(),
        };
        match ready.map(|(_, quote)| quote.clone()) {
            Some(quote) => pricing.judge(set, Ok(quote)),
            None => pricing.ask(set).await,
        }
    }

    /// What the balance must be by renewd's own count. Where quotes are not bound, that count is only an estimate, and the
    /// wallet read with this very quote is the better one.
    fn running(&self) -> Option<Money> {
        self.expected.filter(|_| self.reader.capabilities().quote_is_bound)
    }

    /// Funds as of this very quote; and, before a second attempt, that nothing moved since the last reading.
    fn covers(&self, set: &PaySet, quote: &Quote, priced: &Priced) -> Option<Reason> {
        let keep = self.seen.account.keep_balance;
        let after = quote.balance.amount.minus(quote.price);
        // A quote from pricing was asked before the payments of this lane: the running balance counts.
        let running = self.running().and_then(|e| e.minus(quote.price));
        let short = priced.short || after.is_none_or(|a| a < keep) || running.is_some_and(|r| r < keep);
        if short {
            return Some(Reason::new(
                Word::ShortFunds,
                format!(
                    "{} {} needed, the balance is {}",
                    quote.price, quote.balance.currency, quote.balance.amount
                ),
            ));
        }
        let second = set.members.iter().any(|&m| self.orders.items[m].attempt > 1);
        (second && self.expected != Some(quote.balance.amount)).then(|| {
            Reason::new(
                Word::UnknownPending,
                "the balance moved since the last reading: the second attempt waits for the next cycle",
            )
        })
    }

    async fn pay(
        &mut self,
        set: &PaySet,
        quote: &Quote,
        priced: &Priced,
        sets: &mut std::collections::VecDeque<PaySet>,
    ) -> Result<Halt, LedgerError> {
        let Some(intent) = self.intent(set, quote, priced) else { return Ok(Halt::No) };
        let at = intent.at.clone();
        let ledger = Arc::clone(&self.viewer.ledger);
        if let Some(reason) = self.paused()? {
            self.change(set, &reason);
            return Ok(Halt::Because(reason));
        }
        if !self.orders.allowance.take() {
            return Ok(self.no_more_calls(set));
        }
        let budgets = self.budgets(&set.key, quote, &intent.policy, &at);
        let reserved = match ledger.reserve(&intent, &budgets) {
            Err(LedgerError::Restored(_)) => {
                self.orders.allowance.give_back();
                return Ok(self.forgotten(set));
            }
            reserved => reserved?,
        };
        let id = match reserved {
            Ok(id) => id,
            // One lease that is blocked must not keep its whole batch from being paid.
            Err(Blocked::Pending { .. }) if self.may_split(set) => {
                self.orders.allowance.give_back();
                set.singles().into_iter().rev().for_each(|one| sets.push_front(one));
                return Ok(Halt::No);
            }
            Err(blocked) => {
                self.orders.allowance.give_back();
                self.change(set, &blocked_reason(&blocked));
                return Ok(Halt::No);
            }
        };
        let now = self.viewer.clock.now();
        // Another lane may have reserved what is left of the new day meanwhile: a payment counts in the span that it begins in.
        if self.budgets(&set.key, quote, &intent.policy, &now) != budgets {
            return self.release(set, &id, "a budget's next span began just now; the next cycle looks again");
        }
        // Before the row: a lease that is lost and taken anew meanwhile is another one.
        let look = self.last_look(set, quote);
        let permit = match ledger.start_spend(&id, &now) {
            Ok(permit) => permit.on(look).named(self.names(&intent)),
            Err(LedgerError::EndMoved { .. }) => {
                return self.release(set, &id, "its end changed just now; the next cycle looks again");
            }
            Err(LedgerError::Restored(_)) => {
                self.release(set, &id, "the ledger may have forgotten payments")?;
                return Ok(self.forgotten(set));
            }
            // Its node lost the pay lease just now: nothing was written but the reservation.
            Err(LedgerError::Elsewhere(_)) => return self.release(set, &id, "another node pays now"),
            Err(e) => return Err(e),
        };
        self.out.begun.push(id.clone());
        tracing::info!(payment = %id, account = %self.seen.account.name, leases = set.members.len(), quoted = %priced.total, "paying");
        let reply = self.send(set, permit).await;
        match self.record(set, &id, quote, priced, reply).await {
            Err(LedgerError::Moved { found, .. }) => Ok(self.settled_elsewhere(set, &id, &found.to_string())),
            done => done,
        }
    }

    /// What is to be put on record before a set is paid; `None` where nothing is left of it.
    fn intent(&self, set: &PaySet, quote: &Quote, priced: &Priced) -> Option<NewIntent> {
        let mut request = set.request(&self.orders.items)?;
        request.method = quote.method;
        let before = self.running().filter(|e| *e < quote.balance.amount).unwrap_or(quote.balance.amount);
        Some(NewIntent {
            provider: self.seen.account.provider.clone(),
            purpose: Purpose::Renewal,
            labels: set.labels(&self.orders.items),
            policy: self.viewer.settings.policies[set.key.policy].name.clone(),
            quoted: priced.total,
            currency: quote.balance.currency.clone(),
            balance_before: before,
            cycle: self.orders.cycle,
            attempt: set.members.iter().map(|&m| self.orders.items[m].attempt).max().unwrap_or(1),
            approval: self.orders.plans.of(set).and_then(|planned| planned.approval.clone()),
            at: self.viewer.clock.now(),
            request,
        })
    }

    /// What the provider calls the leases of a payment now, where that is not their ids.
    fn names(&self, intent: &NewIntent) -> Vec<String> {
        self.reader.names(&intent.request.leases)
    }

    /// Somebody may have stopped the spending while this cycle ran.
    pub(in crate::engine) fn paused(&self) -> Result<Option<Reason>, LedgerError> {
        let pauses = self.viewer.ledger.paused(&self.viewer.clock.now())?;
        let prose = |words| format!("spending was paused while this cycle ran{words}");
        let stopped = stopped_by(&pauses, &self.seen.account.name, &self.viewer.settings.timezone);
        Ok(stopped.map(|words| Reason::new(Word::Paused, prose(words))))
    }

    /// Gives a reservation back before anything was sent.
    fn release(&mut self, set: &PaySet, id: &IntentId, why: &str) -> Result<Halt, LedgerError> {
        self.orders.allowance.give_back();
        let now = self.viewer.clock.now();
        self.viewer.ledger.append(id, State::Reserved, Event::Released, &EventDetail::default(), &now)?;
        self.change(set, &Reason::new(Word::Backoff, why));
        Ok(Halt::No)
    }

    /// The one call. A task of its own: whatever happens around it, it is awaited to its end.
    async fn send(&self, set: &PaySet, permit: SpendPermit) -> PaymentReply {
        let spender = Arc::clone(&self.spender);
        let paying = tokio::spawn(async move { spender.extend(permit).await });
        let reply = beating(paying, self.viewer.beat.as_ref()).await;
        let orders: Vec<OrderId> =
            set.members.iter().map(|&m| self.orders.items[m].lease.order.clone()).collect();
        self.reader.forget(&orders);
        reply.unwrap_or_else(|_| PaymentReply::Unknown {
            code: None,
            message: "internal error while paying".into(),
        })
    }

    fn budgets(&self, key: &GroupKey, quote: &Quote, policy: &str, at: &Moment) -> Vec<BudgetCheck> {
        let settings = &self.viewer.settings;
        let counts =
            settings.budgets.iter().filter(|b| b.counts(&key.account, policy, &quote.balance.currency));
        counts.map(|b| budget_check(b, at.wall, &settings.timezone, Some(self.orders.cycle))).collect()
    }
}
