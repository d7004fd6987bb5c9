//! How old the ends may be that a payment rests on, and the reading that replaces an old one. Not responsible for paying.
//!
//! A crash here has changed nothing: readings are stored whole, and the next pass begins with one of its own.
use std::sync::Arc;

use jiff::SignedDuration;
use tokio::task::{JoinError, JoinHandle};

use super::lane::{FRESH, Lane, STILL_FRESH, YOUNG};
use crate::domain::{Balance, Currency, IntentId, Lease, LeaseView, Quote, TermEnd};
use crate::engine::Viewer;
use crate::engine::observe::{beating, ends, order_log, read, remember_holds, with_missing};
use crate::engine::settle::measure::doubt;
use crate::engine::settle::take;
use crate::ledger::{LastLook, LedgerError};
use crate::planner::{PaySet, Standing};
use crate::policy::{Reason, Word};
use crate::providers::{Concern, Purpose, ReadError, Reader};

/// How long a reading may go on once renewd is asked to stop.
const LAST_LOOK: std::time::Duration = std::time::Duration::from_secs(1);

impl Viewer {
    /// A reading that was begun, unless renewd is to stop meanwhile: a provider that answers gets to show what was just paid, and
    /// one that is stalled holds no stop up.
    async fn unless_stopped<T>(&self, reading: JoinHandle<T>) -> Option<Result<T, JoinError>> {
        let stopped = async {
            self.stop.cancelled().await;
            self.clock.sleep(LAST_LOOK).await;
        };
        tokio::select! {
            read = beating(reading, self.beat.as_ref()) => Some(read),
            () = stopped => None,
        }
    }

    /// The balance as it is now; `None` where it is not told.
    pub(in crate::engine) async fn balance_now(&self, reader: Arc<dyn Reader>) -> Option<Balance> {
        let reading = tokio::spawn(async move { reader.balance(Purpose::Money).await });
        self.unless_stopped(reading).await?.ok()?.ok()
    }

    /// What the balance right after a refusal says against it: one that charged all the same is not taken for a refusal. Who gets no
    /// access reads no balance either.
    pub(in crate::engine) async fn doubt(
        &self,
        reader: Arc<dyn Reader>,
        (id, currency): (&IntentId, &Currency),
        concerns: Concern,
    ) -> Result<Option<String>, LedgerError> {
        if concerns == Concern::Access {
            return Ok(None);
        }
        match self.balance_now(reader).await.filter(|told| &told.currency == currency) {
            Some(told) => {
                doubt(self.ledger.as_ref(), &self.settings.timing, id, told.amount, &self.clock.now())
            }
            None => Ok(None),
        }
    }
}

impl Lane {
    /// Before the price is asked: where its answer will tell the order as it is then, nothing need be read for it.
    pub(in crate::engine) async fn fresh_before(
        &mut self,
        set: &PaySet,
    ) -> Result<Option<Reason>, LedgerError> {
        if self.reader.capabilities().quote_reads_order {
            return Ok(self.moved(set));
        }
        self.fresh_ends(set, FRESH).await
    }

    /// Asking may take long. What a payment rests on is at most a minute old when it leaves, ends and price alike.
    pub(in crate::engine) async fn still_young(
        &mut self,
        set: &PaySet,
        quote: &Quote,
    ) -> Result<Option<Reason>, LedgerError> {
        let stands = match self.told_by(set, quote) {
            // As fresh as the quote, whose age is looked at below. To read all lists again would make it old.
            Some(told) => told.err().or_else(|| self.moved(set)),
            None => self.fresh_ends(set, STILL_FRESH).await?,
        };
        if stands.is_some() {
            return Ok(stands);
        }
        let age = self.viewer.clock.now().age_of(&quote.asked_at);
        Ok(age.is_none_or(|age| age > YOUNG).then(|| {
            Reason::new(
                Word::Backoff,
                "the provider took too long to tell the price; the next cycle asks again",
            )
        }))
    }

    /// What must still hold when the payment leaves: its price, the ends that it rests on, and that nobody stopped the spending.
    pub(in crate::engine) fn last_look(&self, set: &PaySet, quote: &Quote) -> LastLook {
        let ends = if self.told_by(set, quote).is_some() { &quote.asked_at } else { &self.read_at };
        let look = self.viewer.leaves_under(&self.seen.account.name);
        look.priced(&quote.asked_at).read(ends)
    }

    /// The quote's own word on the order: as the payment expects it, or why not. `None`: it does not tell all that the lists told,
    /// so that they have to be read.
    fn told_by(&self, set: &PaySet, quote: &Quote) -> Option<Result<(), Reason>> {
        let (order, [member]) = (quote.order.as_ref()?, set.members.as_slice()) else { return None };
        let lease = &self.orders.items[*member].lease;
        match (order.end, lease.expires_at) {
            (Some(now), _) if !stands(now, lease, set) => return Some(Err(moved())),
            (None, Some(_)) => return None,
            _ => {}
        }
        if order.provider_renews == Some(true) {
            let prose = "the provider's auto-renewal is on again; renewd pays only while it is off";
            return Some(Err(Reason::new(Word::ProviderOwns, prose)));
        }
        Some(Ok(()))
    }

    /// Reads the list again if the reading is old; a set whose ends moved meanwhile is left to the next cycle.
    async fn fresh_ends(
        &mut self,
        set: &PaySet,
        fresh: SignedDuration,
    ) -> Result<Option<Reason>, LedgerError> {
        let old = self.viewer.clock.now().age_of(&self.read_at).is_none_or(|age| age > fresh);
        if old && let Err(why) = self.reread().await? {
            return Ok(Some(Reason::new(Word::AccountDown, why)));
        }
        Ok(self.moved(set))
    }

    /// Whether the newest reading has another end or state than this set was decided on. The provider is paid by id: behind it
    /// must stand the address that was planned.
    fn moved(&self, set: &PaySet) -> Option<Reason> {
        let unlike = |&m: &usize| {
            let lease = &self.orders.items[m].lease;
            let what = lease.view();
            let same = |l: &LeaseView<'_>| {
                (l.state, l.order, l.ip) == (what.state, what.order, what.ip)
                    && l.named_end().is_some_and(|now| stands(now, lease, set))
            };
            self.listed.get(lease.id.as_str()).filter(same).is_none()
        };
        set.members.iter().any(unlike).then(moved)
    }

    /// One reading for all that need one; stored and used to settle what is open.
    pub(in crate::engine) async fn reread(&mut self) -> Result<Result<(), String>, LedgerError> {
        let began = self.viewer.clock.now();
        let (name, timing) = (&self.seen.account.name, &self.viewer.settings.timing);
        let since = order_log::since(self.viewer.ledger.as_ref(), name, timing, &began)?;
        let reader = Arc::clone(&self.reader);
        let reading = tokio::spawn(async move {
            let list = read(Arc::clone(&reader), Purpose::Money).await?;
            Ok((list, order_log::read(reader, since).await))
        });
        let Some(result) = self.viewer.unless_stopped(reading).await else {
            return Ok(Err("renewd is stopping".to_owned()));
        };
        let cut = || ReadError::NoAnswer("the reading was cut off".into());
        let (mut inventory, log) = match result.unwrap_or_else(|_| Err(cut())) {
            Ok(read) => read,
            Err(e) => return Ok(Err(e.to_string())),
        };
        let account = &self.seen.account;
        let guard = &self.viewer.settings.guard;
        let ledger = self.viewer.ledger.as_ref();
        let difference = ledger.difference(&account.name, &inventory.leases)?;
        remember_holds(ledger, &account.name, &difference, &mut inventory.leases, began.wall)?;
        ends::keep(
            ledger,
            (&self.viewer.settings, began.wall),
            &account.name,
            &difference,
            &mut inventory.leases,
        )?;
        let loss = crate::engine::observe::shrink::judge(
            ledger,
            guard,
            &account.name,
            &difference,
            &inventory,
            began.wall,
        )?;
        let listed = Arc::clone(&inventory.leases);
        if let Some(loss) = loss {
            if !loss.part && !matches!(self.seen.standing, Standing::Shrunk(_)) {
                return Ok(Err(loss.text));
            }
            // Known since the cycle began: what is missing stays known, what is listed may be paid if urgent.
            inventory.leases = with_missing(&listed, &loss.missing);
        }
        let shown = take(&self.viewer, account, (&inventory, &log), &listed, &difference, &began, None)?;
        self.out.doubles.extend(shown.doubles);
        self.out.charges.extend(shown.charges);
        if !self.out.begun.is_empty() {
            // It may have shown what an earlier payment of this lane cost.
            self.overcharged = self.viewer.keep_overcharged()?;
        }
        self.listed = listed;
        self.expected = self.seen.comparable(&inventory.balance);
        self.read_at = began;
        Ok(Ok(()))
    }
}

/// Whether an end that is told now is the one that the lease was planned with.
fn stands(now: TermEnd, lease: &Lease, set: &PaySet) -> bool {
    lease.named_end().is_some_and(|planned| now.stands(planned, set.key.period_days))
}

fn moved() -> Reason {
    Reason::new(Word::Backoff, "its end changed while this cycle ran; the next one looks again")
}
