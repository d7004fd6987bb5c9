//! When are two ends the end of one term? The one rule for it, and what of a lease names its term.
//!
//! Providers spell ends differently from answer to answer: with and without a fraction, a little off, as a date alone, and an
//! old one comes back from a replica that lags. No two ends are compared by equality anywhere in renewd but where this file says so:
//!
//! - Two instants are the same up to [`NEAR`], whatever the term: jitter and lost fractions are seconds, the shortest term is hours.
//! - A date alone spans from 14 h before its UTC day to 12 h after it, which is that day anywhere on earth. Where that overlaps the
//!   other end, both are the same if the term has at least four days: its neighbours are then days away. Of a shorter term
//!   nothing can be said: [`Sameness::Unclear`].
//! - Of a payment the nearer of its old and its new end wins ([`Bought::place`]): a provider that corrects a new end by hours has not
//!   taken the term back, and one that shows the old end again, or corrects it by hours, has not given one. A new end that was never
//!   seen (the payment is open, or a person said what became of it) is taken to lie the paid period after the old one.
//!
//! Pure. Not responsible for whether a later end proves a payment: that takes a whole term (`evidence`).
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Instants this near are one end. A money call lasts longer than clocks jitter, and no term is this short.
pub const NEAR: SignedDuration = SignedDuration::from_secs(60);
/// From so many days on, two ends whose spans overlap are one: the next term ends further away than a date can blur.
const LONG: u32 = 4;
/// A date begins somewhere on earth so long before its UTC day,
const EAST: SignedDuration = SignedDuration::from_hours(14);
/// and ends so long after its UTC midnight.
const WEST: SignedDuration = SignedDuration::from_hours(24 + 12);

/// How exactly an end was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// As a date alone: its instant is taken to be midnight UTC.
    Date,
    /// With its time of day.
    #[default]
    Instant,
}

/// The end of a term as it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TermEnd {
    /// Its instant.
    pub at: Timestamp,
    /// How exactly that is known.
    pub told: Told,
}

/// What one end is beside another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sameness {
    /// The end of the same term.
    Same,
    /// Of an earlier one.
    Earlier,
    /// Of a later one.
    Later,
    /// Too blurred to say.
    Unclear,
}

impl TermEnd {
    /// One with its time of day.
    #[must_use]
    pub const fn instant(at: Timestamp) -> Self {
        Self { at, told: Told::Instant }
    }

    /// The instants that it may stand for.
    fn span(self) -> (Timestamp, Timestamp) {
        match self.told {
            Told::Instant => (self.at, self.at),
            Told::Date => (before(self.at, EAST), after(self.at, WEST)),
        }
    }

    /// The last instant that it may stand for.
    #[must_use]
    pub fn latest(self) -> Timestamp {
        self.span().1
    }

    /// The earliest instant of an end that may be the same as this one, to look for it by.
    #[must_use]
    pub fn earliest(self) -> Timestamp {
        before(before(self.at, EAST), WEST)
    }

    /// Whether a price is for the term that ends so, as far as can be told: it was asked when that term's end was `asked`. How exactly that
    /// was told is not kept with a price; a date stands as midnight UTC.
    #[must_use]
    pub fn is_priced_at(self, asked: Timestamp, days: u32) -> bool {
        let is_date = asked.as_nanosecond() % (86_400 * 1_000_000_000) == 0;
        let as_date = || compare(Self { at: asked, told: Told::Date }, self, Some(days)) == Sameness::Same;
        let beside = compare(Self::instant(asked), self, Some(days));
        self.at == asked || matches!(beside, Sameness::Same | Sameness::Unclear) || (is_date && as_date())
    }

    /// Whether this is the end that was expected, of a term of `days`: what a payment rests on has not moved. An end that is told
    /// to the letter as before has not moved either, however short the term is.
    #[must_use]
    pub fn stands(self, expected: Self, days: u32) -> bool {
        self == expected || compare(expected, self, Some(days)) == Sameness::Same
    }
}

/// What `seen` is beside `known`, of a lease whose terms have so many days (`None` = not known, so a date is never clear).
#[must_use]
pub fn compare(known: TermEnd, seen: TermEnd, days: Option<u32>) -> Sameness {
    if known.told == Told::Instant && seen.told == Told::Instant {
        return match seen.at.duration_since(known.at) {
            apart if apart.abs() <= NEAR => Sameness::Same,
            apart if apart.is_negative() => Sameness::Earlier,
            _ => Sameness::Later,
        };
    }
    let ((from, to), (seen_from, seen_to)) = (known.span(), seen.span());
    if seen_to < from {
        Sameness::Earlier
    } else if seen_from > to {
        Sameness::Later
    } else if days.is_some_and(|d| d >= LONG || (d > 1 && known == seen)) {
        // No term of two days or more ends twice on one date.
        Sameness::Same
    } else {
        Sameness::Unclear
    }
}

/// What names the current term of a lease as it was read: its end. An order on hold has two names, or a range of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// Its end, or the earliest name of a term whose end is not told.
    pub from: TermEnd,
    /// The latest instant that may name it.
    pub to: Timestamp,
    /// `from` is an end that the provider told.
    pub told: bool,
}

impl Term {
    /// A term by its end alone.
    #[must_use]
    pub fn ending(end: TermEnd) -> Self {
        Self { from: end, to: end.at, told: true }
    }

    /// What this term is beside the one that was named `name`.
    fn beside(&self, name: TermEnd, days: u32) -> Sameness {
        let at_start = compare(name, self.from, Some(days));
        match compare(name, TermEnd::instant(self.to), Some(days)) {
            // Between its two names.
            Sameness::Later | Sameness::Same if at_start == Sameness::Earlier => Sameness::Same,
            Sameness::Same => Sameness::Same,
            _ => at_start,
        }
    }
}

/// What a payment bought, or was to buy, for one of its leases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bought {
    /// The end that the lease had: names the term that was to be extended.
    pub before: TermEnd,
    /// The end that was seen after it; `None` where none was.
    pub after: Option<Timestamp>,
    /// Days of the term that was asked for.
    pub days: u32,
}

impl Bought {
    /// What the term that a lease is in now is beside the one that was paid for: `Same` = that one, `Later` = one after it. Only
    /// `Later` is free to be paid.
    #[must_use]
    pub fn place(&self, term: &Term) -> Sameness {
        let beside = term.beside(self.before, self.days);
        if !term.told || (self.after.is_none() && self.days == 0) {
            return beside;
        }
        let after = self.after.map_or_else(|| self.asked_for(), |after| after.min(self.furthest()));
        let (old, new) = (term.from.at.duration_since(self.before.at), after.duration_since(term.from.at));
        match beside {
            Sameness::Later if old.abs() <= new.abs() => Sameness::Same,
            // What is the same, or blurred beside the old end, is not made another term by being near the new one.
            beside => beside,
        }
    }

    /// The new end that it was to bring: all that is known where none was seen, as of a payment that is open or was settled by a
    /// person's word.
    fn asked_for(&self) -> Timestamp {
        after(self.before.at, SignedDuration::from_hours(i64::from(self.days) * 24))
    }

    /// No new end of this payment's own lies further away. One that was shown beyond it holds a term of somebody else's too, or was a
    /// slip of the list: the terms in between must not seem to be the old one for as long as that is away.
    fn furthest(&self) -> Timestamp {
        let days = i64::from(self.days);
        after(self.before.latest(), SignedDuration::from_hours(days * 24 + (days * 12).min(48)))
    }

    /// Whether an end that is shown now is older than the one that this payment was seen to bring: it is not believed.
    #[must_use]
    pub fn is_stale(&self, term: &Term) -> bool {
        term.told && self.after.is_some_and(|a| term.from.at < a) && self.place(term) != Sameness::Later
    }
}

fn before(at: Timestamp, span: SignedDuration) -> Timestamp {
    at.checked_sub(span).unwrap_or(Timestamp::MIN)
}

fn after(at: Timestamp, span: SignedDuration) -> Timestamp {
    at.checked_add(span).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
#[path = "term_tests.rs"]
mod tests;
