//! Charges that were not what the quote said: which of them hold their policy, and what that does to a plan.
//!
//! Pure. A charge over the policy's cap holds it at once, two over their quotes in a row do too, until an operator has looked and
//! said what was charged (`renewd resolve`): a provider that takes other amounts than it quotes is not believed a third time.
use super::item::{Item, PaidBy};
use crate::domain::{AccountName, IntentId, Money};
use crate::policy::{Decision, Policy, Reason, Word, jumps};

/// A policy that is held at an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overcharged {
    /// Where.
    pub account: AccountName,
    /// Which policy.
    pub policy: String,
    /// The payment that an operator is to look at.
    pub intent: IntentId,
    /// What was asked.
    pub quoted: Money,
    /// What was taken.
    pub charged: Money,
    /// In what.
    pub currency: String,
    /// It is known that it took this; else it counts for it, because it cannot be told which payment it was.
    pub known: bool,
    /// It broke a cap; else it was the second over its quote in a row.
    pub cap: bool,
}

impl Overcharged {
    /// What to do about it.
    #[must_use]
    pub fn command(&self) -> String {
        let charged = if self.known { self.charged.to_string() } else { "AMOUNT".to_owned() };
        format!("renewd resolve {} --charged {charged} --note \"…\"", self.intent)
    }

    /// Why nothing is paid.
    #[must_use]
    pub fn reason(&self) -> Reason {
        let Self { intent, quoted, charged, currency, .. } = self;
        let cost = if self.known { "cost" } else { "may have cost" };
        let what = if self.cap {
            "more than its policy allows"
        } else {
            "the second charge over its quote in a row"
        };
        let prose = format!(
            "payment {intent} {cost} {charged} {currency} where the quote said {quoted}, {what}: look at the provider, then {}",
            self.command()
        );
        Reason::new(Word::Overcharged, prose)
    }
}

/// What one lease of a payment cost, and what it cost the time before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Its share of the charge.
    pub amount: Money,
    /// The last price before and its days, if there was one.
    pub last: Option<(Money, u32)>,
}

/// Whether a charge is more than the policy would have let be paid, for a term of `days`.
#[must_use]
pub fn over_cap(policy: &Policy, charged: Money, leases: u64, days: u32, shares: &[Share]) -> bool {
    if policy.max_price.is_some_and(|cap| cap.times(leases).is_none_or(|all| charged > all)) {
        return true;
    }
    let Some(jump) = policy.max_price_jump else { return false };
    shares.iter().any(|share| {
        let Some((paid, last_days)) = share.last else { return false };
        jumps(jump, (share.amount, days), (paid, last_days))
    })
}

/// Whether a charge over its quote holds its policy, and if so whether for its cap: else for being the second in a row.
#[must_use]
pub fn holds(over_cap: bool, after_another: bool) -> Option<bool> {
    match (over_cap, after_another) {
        (true, _) => Some(true),
        (false, true) => Some(false),
        (false, false) => None,
    }
}

/// Holds what would be paid under a held policy, in the urgent stage too.
pub fn hold_overcharged(items: &mut [Item], policies: &[Policy], held: &[Overcharged]) {
    for item in items.iter_mut().filter(|i| i.decision() == Decision::Renew && i.paid_by == PaidBy::Renewd) {
        let policy = item.policy.map(|p| policies[p].name.as_str());
        let found =
            held.iter().find(|h| h.account == item.lease.account && Some(h.policy.as_str()) == policy);
        if let Some(found) = found {
            item.reason = found.reason();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Percent;
    use rstest::rstest;

    #[rstest]
    #[case::the_first(false, false, None)]
    #[case::the_second_in_a_row(false, true, Some(false))]
    #[case::over_its_cap(true, false, Some(true))]
    #[case::both(true, true, Some(true))]
    fn a_charge_over_its_quote_holds_its_policy(
        #[case] cap: bool,
        #[case] another: bool,
        #[case] holds_it: Option<bool>,
    ) {
        assert_eq!(holds(cap, another), holds_it);
    }

    #[rstest]
    #[case::within_the_cap(Some("6.00"), None, "6.00", false)]
    #[case::over_the_cap(Some("6.00"), None, "6.01", true)]
    #[case::within_the_jump(None, Some(25), "6.25", false)]
    #[case::over_the_jump(None, Some(25), "6.26", true)]
    #[case::no_cap(None, None, "900.00", false)]
    fn a_charge_breaks_what_its_quote_would_have_broken(
        #[case] max: Option<&str>,
        #[case] jump: Option<i64>,
        #[case] charged: &str,
        #[case] over: bool,
    ) {
        let mut policy = crate::policy::sample::keep("keep");
        policy.max_price = max.map(|m| m.parse().unwrap());
        policy.max_price_jump = jump.map(|j| Percent(rust_decimal::Decimal::from(j)));
        let charged: Money = charged.parse().unwrap();
        let shares = [Share { amount: charged, last: Some(("5.00".parse().unwrap(), 30)) }];
        assert_eq!(over_cap(&policy, charged, 1, 30, &shares), over);
    }
}
