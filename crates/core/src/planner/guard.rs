//! Limits on how much may happen in one cycle.
use crate::domain::Percent;

/// `[guard]`.
#[derive(Debug, Clone)]
pub struct Guard {
    /// Money calls in one cycle.
    pub max_payments_per_cycle: u32,
    /// Whole percent of an account's leases paid in one cycle.
    pub max_fleet_share: Percent,
    /// Whole percent of an inventory whose loss is not believed.
    pub hold_on_shrink: Percent,
}
