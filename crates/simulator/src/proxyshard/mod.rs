//! A simulated ProxyShard: an account's wallet and orders to the cent, their life in time, and the provider's calls.
//!
//! An independent reading of the provider's page: it shares no code with the adapter that it is used to test. Where the
//! page leaves something open, [`Rules`] and [`Looks`] have a switch for it. Not responsible for sockets or faults: that is
//! the server's, which all simulated providers share.
mod account;
mod books;
mod calls;
mod catalogue;
mod change;
mod endpoint;
mod fleet;
mod life;
mod looks;
mod order;
mod paging;
mod price;
mod purchase;
mod reads;
mod rules;
mod site;
mod spec;
mod world;

pub use account::{Account, Promo};
pub use books::{Books, Entry, EntryKind, Lapse};
pub use catalogue::{AddonKind, Catalogue, Cycle, Family, Offer, Term};
pub use endpoint::Endpoint;
pub use fleet::FleetSpec;
pub use looks::{Count, CycleForm, Dates, Link, Looks, Paging, Sorting, Sparse, Spelling};
pub use order::{Addon, Address, Order, Pending, Status};
pub use rules::{CycleChange, Rules, TermStart};
pub use spec::OrderSpec;
pub use world::World;

#[cfg(test)]
mod tests;
