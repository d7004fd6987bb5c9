//! Every rule of the module's page, worked out by hand; properties against a naive reckoning are in `naive.rs`.
pub(crate) mod bench;
mod budgets;
mod cautions;
mod naive;
mod prices;
mod rules;
