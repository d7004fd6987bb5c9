//! Payments to the letter, of a plan file or of a plan that an operator approved: data, and what a price may be by it.
use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::{Method, Quote};
use crate::ledger::ApprovedSet;
pub use crate::ledger::ExactSet;
use crate::planner::PaySet;
use crate::policy::{Reason, Word};

/// A plan as its file says it, checked for form and seal only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    /// Unique.
    pub id: String,
    /// When the world was read for it.
    pub made_at: Timestamp,
    /// The ledger that it was made with; `None` where there was none yet.
    pub ledger: Option<String>,
    /// The config that it was made with, by section.
    pub config: BTreeMap<String, String>,
    /// What to pay, in order.
    pub sets: Vec<ExactSet>,
}

/// What stands between a fresh, clean quote and the plan.
pub(in crate::engine) fn beyond(exact: &ExactSet, quote: &Quote) -> Option<Reason> {
    if quote.balance.currency != exact.currency {
        let prose = format!("the quote is in {}, and the plan in {}", quote.balance.currency, exact.currency);
        return Some(Reason::new(Word::CurrencyChanged, prose));
    }
    let method = exact.request.method;
    if quote.method != method {
        let by = |m| if m == Method::Order { "as a whole order" } else { "by lease" };
        let prose = format!("the provider takes it {}, and the plan says {}", by(quote.method), by(method));
        return Some(Reason::new(Word::QuoteError, prose));
    }
    (quote.price > exact.price).then(|| {
        let prose =
            format!("{} {} is asked now, and the plan says {}", quote.price, exact.currency, exact.price);
        Reason::new(Word::PriceCap, prose)
    })
}

/// A payment of a plan, and the leases that it is for as they are now.
#[derive(Debug, Clone)]
pub(in crate::engine) struct Exactly {
    pub set: PaySet,
    pub exact: ExactSet,
    /// The operator's word that it is made by, where its policy asks for one.
    pub approval: Option<ApprovedSet>,
}

/// The payments of plans in a pass.
#[derive(Debug, Clone, Default)]
pub(in crate::engine) struct Plans {
    pub sets: Vec<Exactly>,
    /// Nothing else is paid.
    pub only: bool,
}

impl Plans {
    /// What the plans say of this payment.
    pub(in crate::engine) fn of(&self, set: &PaySet) -> Option<&Exactly> {
        self.sets.iter().find(|exactly| &exactly.set == set)
    }

    /// Whether a plan names that lease.
    pub(in crate::engine) fn name(&self, member: usize) -> bool {
        self.sets.iter().any(|exactly| exactly.set.members.contains(&member))
    }
}
