//! From facts to a plan: every lease with its decision, reason and price. Pure.
mod guard;

pub use guard::Guard;
