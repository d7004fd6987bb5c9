//! What a provider can do. Not responsible for doing it.
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::{Bundle, Kind};

/// What a provider can and cannot do, instead of special cases by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Leases can be paid before they end.
    pub renew_early: bool,
    /// The price asked is the price of exactly that payment.
    pub quote_is_bound: bool,
    /// A quote reads the order anew and tells it as [`OrderNow`](super::OrderNow): no list is read again before its payment.
    pub quote_reads_order: bool,
    /// A quote carries the provider's own warnings; where it does not, the adapter makes those about state and funds.
    pub warns: bool,
    /// The provider can renew by itself, and the API switches that.
    pub auto_renewal: bool,
    /// Terms are billing cycles that belong to the order, not days that are chosen with each payment.
    pub sells_cycles: bool,
    /// The provider keeps a lease for so long after its end.
    pub grace: Option<SignedDuration>,
    /// Kinds that are paid by whole orders; [`Capabilities::EVERY_KIND`] stands for all of them.
    pub bundled_kinds: Vec<Kind>,
    /// The provider may renew by itself, and nothing it tells shows whether it will: only its owner's word in the config does.
    pub hides_auto_renewal: bool,
    /// A price depends on kind, term and how many leases are paid at once, on nothing else of them: what is paid at once is priced at
    /// once, a lease of unknown kind has no price, and only the answer to a price says whether a term is sold.
    pub prices_by_count: bool,
    /// The least time between the beginnings of two calls, whatever the request limit allows.
    pub pace: Option<SignedDuration>,
    /// A purchase carries a mark of its own, and its leases are listed with it as their tag.
    pub marks_purchases: bool,
}

impl Capabilities {
    /// In `bundled_kinds`: whatever the kind.
    pub const EVERY_KIND: &str = "*";

    /// How leases of this kind are paid.
    #[must_use]
    pub fn bundle(&self, kind: &Kind) -> Bundle {
        let bundled = |k: &Kind| k == kind || k.as_str() == Self::EVERY_KIND;
        if self.bundled_kinds.iter().any(bundled) { Bundle::Order } else { Bundle::Lease }
    }
}
