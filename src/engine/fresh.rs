//! How old the ends may be that a payment rests on, and the reading that replaces an old one. Not responsible for paying.
//!
//! A crash here has changed nothing: readings are stored whole, and the next pass begins with one of its own.
use std::sync::Arc;

use super::lane::{FRESH, Lane, YOUNG, by_id};
use super::observe::{beating, read, remember_holds};
use super::reading::take;
use crate::domain::{Lease, Quote};
use crate::ledger::LedgerError;
use crate::planner::{PaySet, Standing};
use crate::policy::{Reason, Word};
use crate::providers::ReadError;

impl Lane {
    /// Asking may take long. What a payment rests on is at most a minute old when it leaves, ends and price alike.
    pub(super) async fn still_young(
        &mut self,
        set: &PaySet,
        quote: &Quote,
    ) -> Result<Option<Reason>, LedgerError> {
        if let Some(reason) = self.fresh_ends(set).await? {
            return Ok(Some(reason));
        }
        let age = self.viewer.clock.now().wall.duration_since(quote.asked_at);
        Ok((age > YOUNG).then(|| {
            Reason::new(
                Word::Backoff,
                "the provider took too long to tell the price; the next cycle asks again",
            )
        }))
    }

    /// Reads the list again if the reading is old; a set whose ends moved meanwhile is left to the next cycle.
    pub(super) async fn fresh_ends(&mut self, set: &PaySet) -> Result<Option<Reason>, LedgerError> {
        let old =
            self.viewer.clock.now().since(&self.read_at).is_none_or(|age| age > FRESH || age.is_negative());
        if old && let Err(why) = self.reread().await? {
            return Ok(Some(Reason::new(Word::AccountDown, why)));
        }
        // The provider is paid by id: behind it must stand what was planned.
        let what = |l: &Lease| (l.term_end(), l.state.clone(), l.order.clone(), l.ip.clone());
        let moved = set.members.iter().any(|&m| {
            let lease = &self.orders.items[m].lease;
            self.listed.get(&lease.id).is_none_or(|l| what(l) != what(lease))
        });
        Ok(moved.then(|| {
            Reason::new(Word::Backoff, "its end changed while this cycle ran; the next one looks again")
        }))
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
        remember_holds(&known, &mut inventory.leases, began.wall);
        let guard = &self.viewer.settings.guard;
        let ledger = self.viewer.ledger.as_ref();
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
