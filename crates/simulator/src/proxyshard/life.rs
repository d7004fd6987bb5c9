//! Time passing over ProxyShard: auto-renewal, the end of a term, three days on hold, late charges. And the renewal itself,
//! which the provider and the customer share. Not responsible for calls.
use jiff::Timestamp;

use super::books::EntryKind;
use super::price::{self, Bill};
use super::world::Charge;
use super::{Endpoint, Lapse, Order, Status, Term, TermStart, World};
use crate::site::{Site, later};
use renewd_core::domain::Money;

enum Step {
    Lands(usize),
    Tries(String, String),
    Holds(String, String),
    Retries(String, String),
    Goes(String, String),
}

/// Who renews, and with what in it that is not on the page.
pub(super) struct Renewal {
    pub(super) kind: EntryKind,
    pub(super) endpoint: Option<Endpoint>,
    pub(super) surcharge: Money,
    /// False: the money is taken, and the order stays as it is.
    pub(super) delivers: bool,
}

impl Renewal {
    const BY_PROVIDER: Self =
        Self { kind: EntryKind::AutoRenewal, endpoint: None, surcharge: Money::ZERO, delivers: true };
}

impl World {
    /// Lets everything happen that is due up to `now`, in its order. The first call is where time begins: holds and losses
    /// that were due before it happen then, tries of the auto-renewal that were due before it are over.
    pub fn advance_to(&mut self, now: Timestamp) {
        let begun = *self.reached.get_or_insert(now);
        while let Some((at, step)) = self.next_step(now) {
            self.reached = Some(at);
            match step {
                Step::Lands(index) => {
                    let (_, call) = self.pending.remove(index);
                    let _answer_nobody_hears = self.process(at, &call);
                }
                Step::Tries(key, id) => self.try_renewal(at, &key, &id),
                Step::Holds(key, id) => self.alter(at, &key, &id, |order| order.status = Status::OnHold),
                Step::Retries(key, id) => self.retry_renewal(at, &key, &id),
                Step::Goes(key, id) => self.lose(at, &key, &id),
            }
        }
        self.reached = self.reached.max(Some(now.max(begun)));
    }

    /// The provider renews an order by itself, here and now. False where the wallet does not cover it, or there is no
    /// such order with a term.
    pub fn renew_by_provider(&mut self, now: Timestamp, key: &str, id: &str) -> bool {
        self.renew_term(now, key, id, &Renewal::BY_PROVIDER)
    }

    fn next_step(&self, now: Timestamp) -> Option<(Timestamp, Step)> {
        let lands = self.pending.iter().enumerate().map(|(n, (at, _))| ((*at, 0), Step::Lands(n)));
        let orders = self
            .accounts
            .iter()
            .flat_map(|(key, account)| account.orders().filter_map(|order| self.step_of(key, order)));
        // What is due since before now is made up for now: time does not run backwards.
        let floor = self.reached.unwrap_or(now);
        let floored = lands.chain(orders).map(|((at, rank), step)| ((at.max(floor), rank), step));
        let due = floored.filter(|((at, _), _)| *at <= now);
        due.min_by_key(|(order, _)| *order).map(|((at, _), step)| (at, step))
    }

    /// The next thing that happens to an order, when, and after what else of the same instant.
    fn step_of(&self, key: &str, order: &Order) -> Option<((Timestamp, u8), Step)> {
        let names = || (key.to_owned(), order.id.clone());
        let end = order.expires_at?;
        match order.status {
            Status::Cancelled => None,
            Status::Active if order.tried_for == Some(end) => {
                let (key, id) = names();
                Some(((end, 2), Step::Holds(key, id)))
            }
            Status::Active => {
                let (key, id) = names();
                Some(((order.auto_at()?, 1), Step::Tries(key, id)))
            }
            Status::OnHold => {
                let (key, id) = names();
                let gone = order.gone_at()?;
                let every = self.rules.retries_on_hold.filter(|every| order.auto_renewal && !every.is_zero());
                let last = order.retried_at.map_or(end, |at| at.max(end));
                match every.map(|every| later(last, every)).filter(|at| *at < gone) {
                    Some(at) => Some(((at, 3), Step::Retries(key, id))),
                    None => Some(((gone, 4), Step::Goes(key, id))),
                }
            }
        }
    }

    /// The one try before the end: with the flag on, from what is in the wallet. A missed one is not made up for.
    fn try_renewal(&mut self, at: Timestamp, key: &str, id: &str) {
        let Some(order) = self.order_mut(key, id) else { return };
        order.tried_for = order.expires_at;
        if order.auto_renewal && order.auto_at() == Some(at) {
            let _short_of_funds_is_no_news = self.renew_term(at, key, id, &Renewal::BY_PROVIDER);
        }
    }

    fn retry_renewal(&mut self, at: Timestamp, key: &str, id: &str) {
        let Some(order) = self.order_mut(key, id) else { return };
        order.retried_at = Some(at);
        let _short_of_funds_is_no_news = self.renew_term(at, key, id, &Renewal::BY_PROVIDER);
    }

    fn lose(&mut self, at: Timestamp, key: &str, id: &str) {
        let Some(order) = self.order_mut(key, id) else { return };
        let lapse = Lapse {
            account: key.to_owned(),
            order: id.to_owned(),
            addresses: order.addresses.iter().map(|address| address.ip.clone()).collect(),
            end: order.expires_at.unwrap_or(at),
            gone_at: at,
        };
        self.books.lapses.push(lapse);
        self.alter(at, key, id, |order| {
            order.status = Status::Cancelled;
            order.addresses.clear();
        });
    }

    /// Charges one term and gives it. False, and nothing is done, where the wallet does not cover it.
    pub(super) fn renew_term(&mut self, at: Timestamp, key: &str, id: &str, how: &Renewal) -> bool {
        let Some(account) = self.accounts.get(key) else { return false };
        let Some(order) = account.order(id) else { return false };
        let (Some(end_before), Some(cycle)) = (order.expires_at, order.cycle.clone()) else { return false };
        let (bill, left) = price::renewal(&self.catalogue, &self.rules, account, at, order);
        let bill: Bill = bill.dearer(how.surcharge);
        let on_hold = order.status == Status::OnHold;
        let (product, quantity) = (order.product.clone(), order.quantity);
        let end = if how.delivers {
            self.new_end(at, end_before, on_hold, self.catalogue.term(&product, &cycle))
        } else {
            end_before
        };
        let charge = Charge {
            at,
            key,
            kind: how.kind,
            endpoint: how.endpoint,
            order: id,
            bill,
            cycle: Some(cycle),
            end_before: Some(end_before),
            end_after: Some(end),
        };
        if !self.charge(charge) {
            return false;
        }
        if how.delivers {
            let addresses = self.rules.new_addresses.then(|| self.fresh_addresses(quantity));
            self.alter(at, key, id, |order| {
                order.price_paid = bill.base;
                order.addons = left;
                order.status = Status::Active;
                order.expires_at = Some(end);
                order.addresses = addresses.unwrap_or_else(|| order.addresses.clone());
            });
        }
        true
    }

    pub(super) fn new_end(&self, at: Timestamp, old: Timestamp, on_hold: bool, term: Term) -> Timestamp {
        // Whole seconds, so that every date form says the same end.
        let now = Timestamp::from_second(at.as_second()).unwrap_or(at);
        let from_old = term.after(old);
        let afresh = on_hold && (self.rules.term_start == TermStart::Now || from_old <= at);
        if afresh { term.after(now) } else { from_old }
    }

    /// Changes an order so that lagging lists still know what it was.
    pub(super) fn alter(&mut self, at: Timestamp, key: &str, id: &str, how: impl FnOnce(&mut Order)) {
        if let Some(kept) = self.accounts.get_mut(key).and_then(|account| account.kept_mut(id)) {
            kept.change(at, how);
        }
    }

    pub(super) fn order_mut(&mut self, key: &str, id: &str) -> Option<&mut Order> {
        self.accounts.get_mut(key).and_then(|account| account.order_mut(id))
    }
}
