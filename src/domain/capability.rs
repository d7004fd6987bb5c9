//! What a provider can do. Not responsible for doing it.
use jiff::SignedDuration;

use super::{Bundle, Kind};

/// What a provider can and cannot do, instead of special cases by name.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// Kinds that are paid by whole orders.
    pub bundled_kinds: Vec<Kind>,
}

impl Capabilities {
    /// How leases of this kind are paid.
    #[must_use]
    pub fn bundle(&self, kind: &Kind) -> Bundle {
        if self.bundled_kinds.contains(kind) { Bundle::Order } else { Bundle::Lease }
    }
}
