//! The books of one simulated account, exact to the cent: what is rented until when, what was charged for what, and from when
//! on a list or a balance shows it. Independent of the adapters and of the product's own simulator.
use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

/// A value and the instant from which a reading shows it.
#[derive(Clone)]
pub struct Shown<T> {
    pub from: Timestamp,
    pub value: T,
}

fn shown<T>(all: &[Shown<T>], now: Timestamp) -> &T {
    let last = all.iter().rev().find(|s| s.from <= now).unwrap_or(&all[0]);
    &last.value
}

/// One lease.
#[derive(Clone)]
pub struct Lot {
    pub order: String,
    pub ip: String,
    pub kind: &'static str,
    pub country: Option<&'static str>,
    pub tag: String,
    /// What a term costs.
    pub cents: i64,
    pub ids: Vec<Shown<String>>,
    pub ends: Vec<Shown<Timestamp>>,
    pub auto: Vec<Shown<bool>>,
    /// Lost for good.
    pub gone: bool,
}

impl Lot {
    pub fn id(&self, now: Timestamp) -> &str {
        shown::<String>(&self.ids, now)
    }

    pub fn is(&self, id: &str) -> bool {
        self.ids.iter().any(|s| s.value == id)
    }

    pub fn end_shown(&self, now: Timestamp) -> Timestamp {
        *shown(&self.ends, now)
    }

    pub fn end(&self) -> Timestamp {
        self.ends.last().unwrap().value
    }

    pub fn auto(&self) -> bool {
        self.auto.last().unwrap().value
    }

    pub fn auto_shown(&self, now: Timestamp) -> bool {
        *shown(&self.auto, now)
    }
}

/// What a line of the books is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A payment of renewd's: the intent that its permit names.
    Payment(String),
    /// The provider's own auto-renewal.
    Auto,
    /// Somebody at the provider's site.
    Foreign,
    TopUp,
}

/// One term that was charged.
#[derive(Clone, Debug)]
pub struct Term {
    pub lot: usize,
    /// The end that it extended.
    pub end_before: Timestamp,
    pub cents: i64,
}

/// One line of the books.
#[derive(Clone, Debug)]
pub struct Entry {
    /// From when on the balance shows it.
    pub shown_from: Timestamp,
    /// From when on the list shows its new ends.
    pub ends_from: Timestamp,
    /// Negative: spent.
    pub cents: i64,
    pub what: What,
    /// Not what the quote asked.
    pub odd: bool,
    /// Its payment was answered with a refusal, or it landed after every window: no gate can have counted it.
    pub unforeseen: bool,
    pub terms: Vec<Term>,
}

/// A payment that the provider took and processes later.
#[derive(Clone)]
pub struct Later {
    pub at: Timestamp,
    pub order: Buy,
}

/// What is to be charged.
#[derive(Clone)]
pub struct Buy {
    pub what: What,
    pub lots: Vec<usize>,
    pub days: i64,
    pub cents: i64,
    pub balance_lag: SignedDuration,
    pub ends_lag: SignedDuration,
    /// Ids change with the renewal.
    pub rotate: bool,
    /// Not what the quote asked.
    pub odd: bool,
    pub unforeseen: bool,
}

/// How the provider's world behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Days, renewable early, gone at the end.
    Days,
    /// Months, renewable only on hold, 72 hours of grace, own auto-renewal before the end.
    Months,
}

/// A whole account at its provider.
pub struct Books {
    pub manner: Manner,
    pub lots: Vec<Lot>,
    pub entries: Vec<Entry>,
    pub opening: i64,
    pub later: Vec<Later>,
    /// A term that is bought on hold begins then, not at the old end.
    pub from_now: bool,
    serial: u64,
}

/// How long an order on hold is kept.
pub const GRACE: SignedDuration = SignedDuration::from_hours(72);
/// How long a lapsed lease stays in the list of a provider without grace.
const LINGERS: SignedDuration = SignedDuration::from_hours(24);
/// So long before the end the provider's auto-renewal charges.
const AUTO_BEFORE: SignedDuration = SignedDuration::from_mins(90);

impl Books {
    pub fn new(manner: Manner, opening: i64, from_now: bool) -> Self {
        Self {
            manner,
            lots: Vec::new(),
            entries: Vec::new(),
            opening,
            later: Vec::new(),
            from_now,
            serial: 0,
        }
    }

    pub fn balance(&self) -> i64 {
        self.opening + self.entries.iter().map(|e| e.cents).sum::<i64>()
    }

    pub fn balance_shown(&self, now: Timestamp) -> i64 {
        self.opening + self.entries.iter().filter(|e| e.shown_from <= now).map(|e| e.cents).sum::<i64>()
    }

    pub fn lot_of(&self, id: &str) -> Option<usize> {
        self.lots.iter().position(|l| l.is(id))
    }

    /// The instant at which a lease is lost.
    pub fn lost_at(&self, lot: usize) -> Timestamp {
        match self.manner {
            Manner::Days => self.lots[lot].end(),
            Manner::Months => self.lots[lot].end() + GRACE,
        }
    }

    /// Lets everything happen that was to happen by `now`, in order.
    pub fn catch_up(&mut self, now: Timestamp) {
        loop {
            let late = self.later.iter().map(|l| l.at).min().filter(|at| *at <= now);
            let auto = self.next_auto(now);
            match (late, auto) {
                (Some(at), auto) if auto.is_none_or(|(when, _)| at <= when) => {
                    let i = self.later.iter().position(|l| l.at == at).unwrap();
                    let later = self.later.remove(i);
                    self.charge(at, &later.order);
                }
                (_, Some((at, lot))) => self.auto_renew(at, lot),
                _ => break,
            }
        }
        for lot in 0..self.lots.len() {
            let gone = match self.manner {
                Manner::Days => self.lots[lot].end() + LINGERS <= now,
                Manner::Months => self.lots[lot].end() + GRACE <= now,
            };
            self.lots[lot].gone |= gone;
        }
    }

    fn next_auto(&self, now: Timestamp) -> Option<(Timestamp, usize)> {
        if self.manner != Manner::Months {
            return None;
        }
        let due = self.lots.iter().enumerate().filter(|(_, l)| !l.gone && l.auto());
        due.map(|(i, l)| (l.end() - AUTO_BEFORE, i))
            .filter(|(at, i)| {
                // Tried once, at its instant: the flag must have been on then, and the wallet full.
                *at <= now && self.lots[*i].end() > now - AUTO_BEFORE && !self.tried(*i, *at)
            })
            .min()
    }

    fn tried(&self, lot: usize, at: Timestamp) -> bool {
        self.lots[lot].auto.iter().any(|s| s.from > at) || self.balance() < self.lots[lot].cents
    }

    fn auto_renew(&mut self, at: Timestamp, lot: usize) {
        let buy = Buy {
            what: What::Auto,
            lots: vec![lot],
            days: 30,
            cents: self.lots[lot].cents,
            balance_lag: SignedDuration::ZERO,
            ends_lag: SignedDuration::ZERO,
            rotate: false,
            odd: false,
            unforeseen: false,
        };
        self.charge(at, &buy);
    }

    /// Charges and extends; leases that are gone are left out, with their money.
    pub fn charge(&mut self, at: Timestamp, buy: &Buy) {
        let n = i64::try_from(buy.lots.len()).unwrap();
        let share = buy.cents / n;
        let mut terms = Vec::new();
        for (k, &lot) in buy.lots.iter().enumerate() {
            let cents = if k == 0 { buy.cents - share * (n - 1) } else { share };
            let l = &self.lots[lot];
            let lost = match self.manner {
                Manner::Days => l.end() <= at,
                Manner::Months => l.gone || l.end() + GRACE <= at,
            };
            if lost {
                continue;
            }
            let end_before = l.end();
            let from = if self.from_now && end_before < at { at } else { end_before };
            let end = from + SignedDuration::from_hours(24 * buy.days);
            let shown = at + buy.ends_lag;
            if buy.rotate {
                self.serial += 1;
                let id = format!("{}r{}", self.lots[lot].ids[0].value, self.serial);
                self.lots[lot].ids.push(Shown { from: shown, value: id });
            }
            self.lots[lot].ends.push(Shown { from: shown, value: end });
            terms.push(Term { lot, end_before, cents });
        }
        let cents: i64 = terms.iter().map(|t| t.cents).sum();
        if !terms.is_empty() {
            let (shown_from, ends_from) = (at + buy.balance_lag, at + buy.ends_lag);
            self.entries.push(Entry {
                shown_from,
                ends_from,
                cents: -cents,
                what: buy.what.clone(),
                odd: buy.odd,
                unforeseen: buy.unforeseen,
                terms,
            });
        }
    }

    /// Money that moves without a lease.
    pub fn money(&mut self, at: Timestamp, cents: i64, what: What, lag: SignedDuration) {
        self.entries.push(Entry {
            shown_from: at + lag,
            ends_from: at,
            cents,
            what,
            odd: false,
            unforeseen: false,
            terms: Vec::new(),
        });
    }

    /// What an intent was charged, by lot.
    pub fn charged(&self, intent: &str) -> BTreeMap<usize, i64> {
        let mut by_lot = BTreeMap::new();
        let paid = |e: &&Entry| matches!(&e.what, What::Payment(id) if id == intent);
        for term in self.entries.iter().filter(paid).flat_map(|e| &e.terms) {
            *by_lot.entry(term.lot).or_insert(0) += term.cents;
        }
        by_lot
    }
}
