//! A measured span: the balance directly before a money call, the first one after it, and what else may have moved it in between.
//!
//! Pure. The one place that says what a difference of two balances is worth. Nothing fell: the balance lags, or nothing was charged,
//! and that is no measurement. Something else was open in between: the quote stands. Otherwise the fall is what the payment
//! cost, and where that cannot be known to the cent the larger number is taken, never the smaller.
use crate::domain::Money;

/// What else of renewd's moved the balance within a span, or may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    /// Nothing that is not known to the cent.
    Tight,
    /// The balance after it may lag behind what an earlier payment cost: it may have fallen by more than it shows, not by less.
    AtLeast,
    /// Something is open, or its cost is not known.
    Contested,
}

/// Two balances and what lies between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Directly before the money call.
    pub before: Money,
    /// After it.
    pub after: Money,
    /// What other payments are known to have taken in between.
    pub known: Money,
    /// What else may have.
    pub sight: Sight,
}

/// What a span says of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charge {
    /// Nothing fell.
    Unseen,
    /// It cost this.
    Seen(Money),
    /// It cost this, no less than its quote, and perhaps more: the balance may lag behind what an earlier payment cost.
    Least(Money),
    /// So much fell, and it is not known whose it is: the quote stands.
    Contested(Money),
}

impl Span {
    /// By how much the balance fell that nothing else accounts for; below zero it rose.
    #[must_use]
    pub fn fell(&self) -> Option<Money> {
        self.before.minus(self.after)?.minus(self.known)
    }

    /// What it says of the payment that was quoted so.
    #[must_use]
    pub fn charge(&self, quoted: Money) -> Charge {
        self.fell().map_or(Charge::Unseen, |fell| charge(fell, self.sight, quoted))
    }
}

/// What a fall says of the payment that was quoted so.
#[must_use]
pub fn charge(fell: Money, sight: Sight, quoted: Money) -> Charge {
    match sight {
        _ if !fell.is_positive() => Charge::Unseen,
        Sight::Contested => Charge::Contested(fell),
        Sight::AtLeast if fell < quoted => Charge::Unseen,
        Sight::AtLeast => Charge::Least(fell),
        _ => Charge::Seen(fell),
    }
}

impl Charge {
    /// What counts for the payment from now on: no less than its quote, which stands until it is known that it was charged.
    #[must_use]
    pub fn at_once(self, quoted: Money) -> Option<Money> {
        match self {
            Self::Seen(fell) | Self::Least(fell) if fell >= quoted => Some(fell),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    fn cents(n: i64) -> Money {
        Money::from_cents(n)
    }

    #[rstest]
    #[case::as_quoted(9_500, 0, Sight::Tight, Charge::Seen(cents(500)))]
    #[case::a_surplus(9_100, 0, Sight::Tight, Charge::Seen(cents(900)))]
    #[case::less(9_600, 0, Sight::Tight, Charge::Seen(cents(400)))]
    #[case::the_balance_lags(10_000, 0, Sight::Tight, Charge::Unseen)]
    #[case::a_top_up(20_000, 0, Sight::Tight, Charge::Unseen)]
    #[case::another_payment_took_the_rest(9_200, 300, Sight::Tight, Charge::Seen(cents(500)))]
    #[case::something_is_open(9_100, 0, Sight::Contested, Charge::Contested(cents(900)))]
    #[case::open_and_as_quoted(9_500, 0, Sight::Contested, Charge::Contested(cents(500)))]
    #[case::a_surplus_behind_a_lag(9_100, 0, Sight::AtLeast, Charge::Least(cents(900)))]
    #[case::as_quoted_behind_a_lag(9_500, 0, Sight::AtLeast, Charge::Least(cents(500)))]
    #[case::less_behind_a_lag(9_600, 0, Sight::AtLeast, Charge::Unseen)]
    fn a_span_of_a_payment_of_5_says(
        #[case] after: i64,
        #[case] known: i64,
        #[case] sight: Sight,
        #[case] says: Charge,
    ) {
        let span = Span { before: cents(10_000), after: cents(after), known: cents(known), sight };
        assert_eq!(span.charge(cents(500)), says);
    }

    #[rstest]
    #[case::as_quoted(500, Some(500))]
    #[case::a_surplus(900, Some(900))]
    #[case::less_waits_for_its_proof(400, None)]
    fn what_was_seen_of_a_payment_of_5_counts_at_once(#[case] fell: i64, #[case] counts: Option<i64>) {
        assert_eq!(Charge::Seen(cents(fell)).at_once(cents(500)), counts.map(cents));
        assert_eq!(Charge::Contested(cents(fell)).at_once(cents(500)), None);
    }

    proptest! {
        /// Whatever lags: what counts at once is never less than the quote, and never more than what fell.
        #[test]
        fn what_counts_at_once_is_between_quote_and_fall(
            before in -10_000_i64..10_000, after in -10_000_i64..10_000, quoted in 1_i64..2_000, sight in 0..3,
        ) {
            let sight = [Sight::Tight, Sight::AtLeast, Sight::Contested][usize::try_from(sight).unwrap()];
            let span = Span { before: cents(before), after: cents(after), known: Money::ZERO, sight };
            if let Some(counted) = span.charge(cents(quoted)).at_once(cents(quoted)) {
                prop_assert!(counted >= cents(quoted) && Some(counted) == span.fell() && sight != Sight::Contested);
            }
        }
    }
}
