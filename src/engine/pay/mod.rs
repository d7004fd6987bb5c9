//! Paying: one set at a time per account, each right after its own quote.
//!
//! A crash before a payment's spend row spent nothing; after it the payment is unknown, and evidence settles it.
mod blocked;
pub(super) mod call_limit;
pub(super) mod freshness;
pub(super) mod jobs;
pub(super) mod lane;
pub(super) mod late;
mod limits;
pub(super) mod outcome;
pub(super) mod switch_off;
mod told_ends;
