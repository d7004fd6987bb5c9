//! One reading of an account, as evidence takes it. Pure.
use super::LogReading;
use crate::domain::{AccountName, Balance, Leases, Moment, ProviderName};

/// One reading of an account.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    /// Whose.
    pub account: &'a AccountName,
    /// Payments of another provider under this name are not judged by it.
    pub provider: &'a ProviderName,
    /// The list, sorted by id.
    pub leases: &'a Leases,
    /// The balance.
    pub balance: &'a Balance,
    /// The list is whole: what it lacks is not there.
    pub complete: bool,
    /// It shows ends that moved by the provider's own renewal, which the balance may show too: that is not on record yet.
    pub provider_renewed: bool,
    /// The provider's quotes are the prices of exactly their payments.
    pub bound: bool,
    /// What the provider's own log of renewals told with it.
    pub log: &'a LogReading,
    /// When it began; a payment that started later is not judged by it.
    pub began: &'a Moment,
}
