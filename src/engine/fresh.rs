//! How old the ends may be that a payment rests on, and the reading that replaces an old one. Not responsible for paying.
//!
//! A crash here has changed nothing: readings are stored whole, and the next pass begins with one of its own.
use std::sync::Arc;

use jiff::SignedDuration;

use super::lane::{FRESH, Lane, STILL_FRESH, YOUNG, by_id};
use super::observe::{beating, read, remember_holds};
use super::reading::take;
use crate::domain::{Lease, Quote};
use crate::ledger::{LastLook, LedgerError};
use crate::planner::{PaySet, Standing};
use crate::policy::{Reason, Word};
use crate::providers::ReadError;

/// Two spellings of one instant may differ by less than this.
const SPELLING: SignedDuration = SignedDuration::from_secs(1);

impl Lane {
    /// Before the price is asked: where its answer will tell the order as it is then, nothing need be read for it.
    pub(super) async fn fresh_before(&mut self, set: &PaySet) -> Result<Option<Reason>, LedgerError> {
        if self.reader.capabilities().quote_reads_order {
            return Ok(self.moved(set));
        }
        self.fresh_ends(set, FRESH).await
    }

    /// Asking may take long. What a payment rests on is at most a minute old when it leaves, ends and price alike.
    pub(super) async fn still_young(
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
    pub(super) fn last_look(&self, set: &PaySet, quote: &Quote) -> LastLook {
        let ends = if self.told_by(set, quote).is_some() { &quote.asked_at } else { &self.read_at };
        let look = LastLook::new(self.viewer.stands(&self.seen.account.name));
        look.priced(&quote.asked_at).read(ends)
    }

    /// The quote's own word on the order: as the payment expects it, or why not. `None`: it does not tell all that the lists told,
    /// so that they have to be read.
    fn told_by(&self, set: &PaySet, quote: &Quote) -> Option<Result<(), Reason>> {
        let (order, [member]) = (quote.order.as_ref()?, set.members.as_slice()) else { return None };
        let lease = &self.orders.items[*member].lease;
        match (order.end, lease.expires_at) {
            (Some(now), _)
                if lease.term_end().is_none_or(|end| now.duration_since(end).abs() >= SPELLING) =>
            {
                return Some(Err(moved()));
            }
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
        let what = |l: &Lease| (l.term_end(), l.state.clone(), l.order.clone(), l.ip.clone());
        let unlike = |&m: &usize| {
            let lease = &self.orders.items[m].lease;
            self.listed.get(&lease.id).is_none_or(|l| what(l) != what(lease))
        };
        set.members.iter().any(unlike).then(moved)
    }

    /// One reading for all that need one; stored and used to settle what is open.
    pub(super) async fn reread(&mut self) -> Result<Result<(), String>, LedgerError> {
        let began = self.viewer.clock.now();
        let reading = tokio::spawn(read(Arc::clone(&self.reader), crate::providers::Purpose::Money));
        let result = beating(reading, self.viewer.beat.as_ref()).await;
        let cut = || ReadError::NoAnswer("the reading was cut off".into());
        let mut inventory = match result.unwrap_or_else(|_| Err(cut())) {
            Ok(inventory) => inventory,
            Err(e) => return Ok(Err(e.to_string())),
        };
        let account = &self.seen.account;
        let known: Vec<Lease> =
            self.viewer.ledger.known_leases(&account.name)?.into_iter().map(|k| k.lease).collect();
        let guard = &self.viewer.settings.guard;
        let ledger = self.viewer.ledger.as_ref();
        remember_holds(ledger, &account.name, &known, &mut inventory.leases, began.wall)?;
        let loss = super::shrink::judge(ledger, guard, &account.name, &known, &inventory, began.wall)?;
        let listed = inventory.leases.clone();
        if let Some(loss) = loss {
            if !matches!(self.seen.standing, Standing::Shrunk(_)) {
                return Ok(Err(loss.text));
            }
            // Known since the cycle began: what is missing stays known, what is listed may be paid if urgent.
            inventory.leases.extend(loss.missing);
            inventory.leases.sort_by(|a, b| a.id.cmp(&b.id));
        }
        let shown = take(&self.viewer, account, &inventory, &listed, &began, false)?;
        self.out.doubles.extend(shown.doubles);
        self.out.charges.extend(shown.charges);
        self.listed = by_id(&listed);
        self.expected = self.seen.comparable(&inventory.balance);
        self.read_at = began;
        Ok(Ok(()))
    }
}

fn moved() -> Reason {
    Reason::new(Word::Backoff, "its end changed while this cycle ran; the next one looks again")
}
