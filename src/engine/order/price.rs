//! Whether a price that was told may still be paid for a purchase: not grown old, and not dearer than what somebody said yes to.
//!
//! Pure. Not responsible for caps, funds and warnings: those are the gate's.
use crate::domain::{Moment, Quote};
use crate::engine::pay::lane::YOUNG;
use crate::policy::{Reason, Word};

/// Asking may take long, and a purchase leaves with a price of its own minute or not at all.
pub(super) fn grown_old(quote: &Quote, now: &Moment) -> Option<Reason> {
    now.age_of(&quote.asked_at).is_none_or(|age| age > YOUNG).then(|| {
        Reason::new(
            Word::QuoteError,
            "the provider took too long to tell the price: nothing was bought, ask again",
        )
    })
}

/// Why a new price may not be paid where somebody said yes to another.
pub(super) fn dearer(approved: &Quote, now: &Quote) -> Option<Reason> {
    let same = approved.balance.currency == now.balance.currency;
    (!same || now.price > approved.price).then(|| {
        let (was, is) = (&approved.balance.currency, &now.balance.currency);
        let prose = format!(
            "{} {was} were approved, and it costs {} {is} now: nothing was bought",
            approved.price, now.price
        );
        Reason::new(Word::PriceCap, prose)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Balance, Method, Money};
    use rstest::rstest;

    /// Wall and boot clock together, but where the wall clock was set.
    fn at(second: i64) -> Moment {
        let wall = jiff::Timestamp::from_second(second).unwrap();
        Moment { wall, boot_id: "boot".to_owned(), boot_ms: second.max(0) * 1_000 }
    }

    fn quote() -> Quote {
        Quote {
            price: Money::from_cents(500),
            balance: Balance {
                amount: Money::from_cents(10_000),
                currency: crate::domain::Currency::new("USD"),
            },
            promo: None,
            warnings: Vec::new(),
            method: Method::Order,
            asked_at: at(0),
            paid_before: None,
            each: None,
            order: None,
        }
    }

    #[rstest]
    #[case::at_once(0, true)]
    #[case::within_the_minute(45, true)]
    #[case::the_balance_was_told_late(65, false)]
    #[case::the_clock_was_set_back(-3_600, false)]
    fn a_purchase_leaves_with_a_price_of_its_own_minute(#[case] age: i64, #[case] may: bool) {
        assert_eq!(grown_old(&quote(), &at(age)).is_none(), may);
    }
}
