//! Every rule of the module's page, worked out by hand; properties against a naive reckoning are in `naive.rs`.
mod budgets;
mod cautions;
mod naive;
mod prices;
mod rules;
