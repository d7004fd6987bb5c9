//! What became of a purchase, told from reads alone: a new order in the list, and the balance.
//!
//! Pure. *New*: none of the order's leases was known before the money call. Absence is not evidence: orders may be provisioned
//! long after they were paid for.
//!
//! | new orders that match | balance | verdict |
//! |---|---|---|
//! | one that bears the purchase's own mark, or the one that the reply named | any | confirmed; charged = the fall if it is the quote or more, else the quote, marked so |
//! | exactly one | fell by the quote | confirmed, charged = the fall |
//! | exactly one | the first reading that shows a fall within the lag window shows more | confirmed, charged = the fall |
//! | exactly one | fell otherwise | confirmed, charged = the quote, marked so |
//! | exactly one | unchanged | after 4 × lag window a person must look: somebody else may have bought it |
//! | several | – | after the lag window a person must look |
//! | none | fell by the quote | after 4 × lag window a person must look |
//! | none | unchanged in `settle_reads` spaced reads over the lag window | not applied |
//! | none | moved otherwise | after 4 × lag window a person must look |
//!
//! After a refusal, or once it was shown as not charged, a new order is this purchase's only if the balance fell by exactly its
//! price and the order's end lies a term after the money call: somebody may have bought the like by hand since.
use super::readings::agreeing;
use super::{Charge, Look, Sight, seen};
use crate::domain::time::Timing;
use crate::domain::{Measured, Money, OrderId, State};

/// Everything that the evidence looks at.
#[derive(Debug, Clone)]
pub struct PurchaseCase<'a> {
    /// Accepted, unknown, or a state open to late evidence.
    pub state: State,
    /// New orders of the kind, place and size that was bought.
    pub candidates: &'a [OrderId],
    /// The order that the provider's reply named, where the list has it under that name, or one that is listed under the purchase's mark.
    pub named: Option<&'a OrderId>,
    /// The one candidate's end, where the list tells it, lies a term after the money call.
    pub timely: bool,
    /// What the quote asked.
    pub quoted: Money,
    /// Another payment's charge is not known: an unchanged balance proves nothing.
    pub ambiguous: bool,
    /// The balances are in one currency.
    pub comparable: bool,
    /// What else may have moved the balance since the quote: what the fall says of the amount.
    pub sight: Sight,
    /// Earlier looks of this boot, oldest first, then the present one; never empty.
    pub looks: &'a [Look],
    /// `[timing]`.
    pub timing: &'a Timing,
}

/// What it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PurchaseVerdict {
    /// It was charged, and this is the order.
    Confirmed {
        /// As the list spells it.
        order: OrderId,
        /// What it cost.
        charged: Money,
        /// How that is known.
        measured: Measured,
        /// In words.
        why: String,
    },
    /// It was not charged.
    NotApplied(String),
    /// Only a person can say.
    NeedsOperator(String),
    /// Accepted, and the order is not listed within the lag window.
    Overdue,
    /// Not yet.
    Wait,
}

/// Judges a purchase; see the table above. Total.
#[must_use]
pub fn judge_purchase(case: &PurchaseCase<'_>) -> PurchaseVerdict {
    let Some(now) = case.looks.last() else { return PurchaseVerdict::Wait };
    let fell = now.fell == case.quoted && case.comparable;
    if let Some(order) = case.named {
        return confirmed(
            case,
            order,
            "the order that the reply named, or that bears this purchase's mark, is listed",
        );
    }
    let lag = case.timing.lag_window;
    let four = case.timing.four_lags();
    let unmoved = now.fell == Money::ZERO && case.comparable;
    let failed = matches!(case.state, State::Refused | State::NotApplied);
    if let [order] = case.candidates
        && !unmoved
        && case.timely
        && case.comparable
        && (!failed || fell && !case.ambiguous)
    {
        return confirmed(case, order, "one new order matches what was bought");
    }
    match case.state {
        State::Accepted if now.elapsed >= lag => return PurchaseVerdict::Overdue,
        State::Unknown => {}
        _ => return PurchaseVerdict::Wait,
    }
    let person = |why: String| PurchaseVerdict::NeedsOperator(why);
    match case.candidates.len() {
        0 if unmoved && !case.ambiguous => {
            let agreeing = agreeing(case.looks, case.timing);
            if now.elapsed >= lag && agreeing >= case.timing.settle_reads as usize {
                let why = format!(
                    "{agreeing} agreeing reads over the lag window: no new order, the balance is unchanged"
                );
                return PurchaseVerdict::NotApplied(why);
            }
            PurchaseVerdict::Wait
        }
        _ if now.elapsed < lag => PurchaseVerdict::Wait,
        0 | 1 if now.elapsed < four => PurchaseVerdict::Wait,
        0 if fell => person(format!(
            "the balance fell by {}, the price asked, and no new order is listed",
            case.quoted
        )),
        0 => person(format!(
            "no new order is listed, and the balance differs by {} from what renewd knows of",
            now.fell
        )),
        1 => person("a new order matches what was bought, and the balance is unchanged".to_owned()),
        n => person(format!("{n} new orders match what was bought")),
    }
}

fn confirmed(case: &PurchaseCase<'_>, order: &OrderId, what: &str) -> PurchaseVerdict {
    let seen = seen(case.looks, case.quoted, case.sight, case.timing);
    let by = if matches!(seen, Charge::Least(_)) { Measured::Quote } else { Measured::Reading };
    let (charged, measured, why) = match seen.at_once(case.quoted).filter(|_| case.comparable) {
        Some(fell) if fell > case.quoted => {
            (fell, by, format!("{what}, and the balance fell by {fell}, more than the quote"))
        }
        Some(fell) => (fell, Measured::Reading, format!("{what}, and the balance fell by {fell}")),
        None => {
            let why = format!("{what}; the balance does not show the price, so the quote is taken");
            (case.quoted, Measured::Quote, why)
        }
    };
    PurchaseVerdict::Confirmed { order: order.clone(), charged, measured, why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    const LAG: SignedDuration = SignedDuration::from_mins(15);

    fn verdict(
        state: State,
        candidates: &[&str],
        named: Option<&str>,
        looks: &[(i64, i64)],
        ambiguous: bool,
    ) -> PurchaseVerdict {
        let timing = Timing {
            read_timeout: SignedDuration::from_secs(30),
            money_timeout: SignedDuration::from_secs(120),
            lag_window: LAG,
            settle_reads: 3,
        };
        let candidates: Vec<OrderId> = candidates.iter().map(|c| OrderId::from(*c)).collect();
        let named = named.map(OrderId::from);
        let looks: Vec<Look> = looks
            .iter()
            .map(|(minutes, cents)| Look {
                elapsed: SignedDuration::from_mins(*minutes),
                fell: Money::from_cents(*cents),
                moved: 0,
            })
            .collect();
        let case = PurchaseCase {
            state,
            candidates: &candidates,
            named: named.as_ref(),
            timely: true,
            quoted: Money::from_cents(500),
            ambiguous,
            comparable: true,
            sight: Sight::Tight,
            looks: &looks,
            timing: &timing,
        };
        judge_purchase(&case)
    }

    fn word(
        state: State,
        candidates: &[&str],
        named: Option<&str>,
        looks: &[(i64, i64)],
        ambiguous: bool,
    ) -> &'static str {
        match verdict(state, candidates, named, looks, ambiguous) {
            PurchaseVerdict::Confirmed { why, .. } if why.contains("quote is taken") => "confirmed by quote",
            PurchaseVerdict::Confirmed { .. } => "confirmed",
            PurchaseVerdict::NotApplied(_) => "not applied",
            PurchaseVerdict::NeedsOperator(_) => "person",
            PurchaseVerdict::Overdue => "overdue",
            PurchaseVerdict::Wait => "wait",
        }
    }

    #[test]
    fn every_row_of_the_table() {
        use State::{Accepted, NeedsOperator, NotApplied, Unknown};
        let quiet: &[(i64, i64)] = &[(0, 0), (7, 0), (15, 0)];
        assert_eq!(word(Accepted, &["a", "b"], Some("a"), &[(1, 500)], false), "confirmed");
        assert_eq!(word(Accepted, &[], Some("a"), &[(1, 77)], false), "confirmed by quote");
        assert_eq!(word(Unknown, &["a"], None, &[(1, 500)], false), "confirmed");
        assert_eq!(word(Unknown, &["a"], None, &[(1, 300)], false), "confirmed by quote");
        assert_eq!(word(Unknown, &["a"], None, &[(59, 0)], false), "wait");
        assert_eq!(word(Unknown, &["a"], None, &[(60, 0)], false), "person");
        assert_eq!(word(Unknown, &["a", "b"], None, &[(14, 500)], false), "wait");
        assert_eq!(word(Unknown, &["a", "b"], None, &[(15, 500)], false), "person");
        assert_eq!(word(Unknown, &[], None, &[(59, 500)], false), "wait");
        assert_eq!(word(Unknown, &[], None, &[(60, 500)], false), "person");
        assert_eq!(word(Unknown, &[], None, quiet, false), "not applied");
        assert_eq!(word(Unknown, &[], None, quiet, true), "wait");
        assert_eq!(word(Unknown, &[], None, &[(0, 0), (15, 0)], false), "wait");
        assert_eq!(word(Unknown, &[], None, &[(60, 33)], false), "person");
        assert_eq!(word(Accepted, &[], None, &[(14, 500)], false), "wait");
        assert_eq!(word(Accepted, &[], None, &[(15, 500)], false), "overdue");
        assert_eq!(
            word(NotApplied, &["a"], None, &[(90, 500)], false),
            "confirmed",
            "late evidence is heard"
        );
        assert_eq!(word(NeedsOperator, &[], None, &[(90, 500)], false), "wait");
    }

    #[test]
    fn a_person_is_told_what_was_seen() {
        let why = |candidates: &[&str], fell: i64| match verdict(
            State::Unknown,
            candidates,
            None,
            &[(60, fell)],
            false,
        ) {
            PurchaseVerdict::NeedsOperator(why) => why,
            other => panic!("{other:?}"),
        };
        assert!(why(&[], 500).starts_with("the balance fell by 5.00, the price asked"));
        assert!(why(&[], 499).contains("the balance differs by 4.99"));
        assert!(why(&["a"], 0).contains("the balance is unchanged"));
        assert!(why(&["a", "b"], 500).starts_with("2 new orders"));
    }

    #[test]
    fn what_somebody_bought_by_hand_is_not_taken_for_a_purchase_that_failed() {
        for state in [State::Refused, State::NotApplied] {
            assert_eq!(word(state, &["a"], None, &[(9_000, 500)], false), "confirmed");
            assert_eq!(word(state, &["a"], None, &[(9_000, 777)], false), "wait", "at another price");
            assert_eq!(word(state, &["a"], None, &[(9_000, 500)], true), "wait", "beside an unknown charge");
        }
    }
}
