//! What ProxyShard does where its page is silent, one switch for each question. Not responsible for doing it.
use std::time::Duration;

/// Where a renewed term begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TermStart {
    /// At the end of the old one; now, if a term from there would be over already.
    OldEnd,
    /// Now. (The provider's own renewal, before the end, begins at the old end all the same.)
    Now,
}

/// What a change of the billing cycle costs, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CycleChange {
    /// Nothing: the next renewal is for the new cycle.
    AtRenewal,
    /// The new cycle's price at once, and the end moves by one new cycle.
    AtOnce,
}

/// The switches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Where a renewed term begins.
    pub term_start: TermStart,
    /// What a change of the cycle costs.
    pub cycle_change: CycleChange,
    /// The promo code of the purchase counts at renewals too.
    pub promo_again: bool,
    /// A promo code that is not valid is passed over at full price, instead of refused.
    pub ignore_bad_promo: bool,
    /// A renewal that comes this soon after another of the same order is not told from it, and charges again without
    /// moving the end: what two parallel calls do that both see the order on hold. Zero: renewals are told apart.
    pub race_window: Duration,
    /// The provider tries its auto-renewal again so often while the order is on hold; `None`: never.
    pub retries_on_hold: Option<Duration>,
    /// Each renewal gives the order other addresses.
    pub new_addresses: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            term_start: TermStart::OldEnd,
            cycle_change: CycleChange::AtRenewal,
            promo_again: false,
            ignore_bad_promo: false,
            race_window: Duration::from_secs(1),
            retries_on_hold: None,
            new_addresses: false,
        }
    }
}
