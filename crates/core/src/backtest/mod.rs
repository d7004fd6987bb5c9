//! The recorded time lived again under other policies and budgets: what they would have paid, held and lost, beside what happened. Pure.
//!
//! The planner itself decides at each instant at which something may change; ends, prices and balances are those on record as far as they
//! do not follow from what would have been paid. Not responsible for reading the ledger (`views`).
//!
//! # Rules
//!
//! *When it looks.* At the first start on the schedule at or after each instant at which a lease falls due, becomes urgent or comes to a
//! list, and while something due is not paid at each further start, but not more often than once an hour.
//!
//! *Ends.* A lease begins with the end that it had when the time begins. What would have been paid moves it on: to the end that the same
//! payment brought, where it happened, else by its days. A term that the provider renewed by itself it renews here, too, where nobody
//! paid for it before. What left the list before its end is gone.
//!
//! *Prices.* The newest that was read by then for so many days, else the next one; of the lease itself, else of one of the same kind and
//! country. Where none was ever read, the payment is made, takes nothing from balance and budgets, and is counted as unknown.
//!
//! *Balances.* The one on record at the beginning, less what would have been paid, with the top-ups and other charges that happened. Where
//! none is on record no funds are missing.
//!
//! *Left out.* Pauses, outages, payments that failed, quotes with warnings and what an operator kept are what happened, and not what a
//! config says: here every payment succeeds.
mod facts;
mod prices;
mod result;
mod step;
mod walk;
mod world;

#[cfg(test)]
mod tests;

pub use facts::{AccountPast, Facts, LeasePast, PriceSeen, Renewal, Rules};
pub use result::{Backtest, Entry, Totals};
pub use walk::backtest;
