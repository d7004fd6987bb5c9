//! A simulated YouProxy: an account's money and leases to the cent, and the provider's calls over them.
//!
//! An independent reading of the provider's pages: it shares no code with the adapter that it is used to test. Not
//! responsible for sockets or faults: that is the server's, which all simulated providers share.
mod account;
mod books;
mod calls;
mod endpoint;
mod fields;
mod fleet;
mod prices;
mod product;
mod purchase;
mod quote;
mod shape;
mod site;
mod world;

pub use account::{Account, Promo, Rental};
pub use books::{Books, Entry, EntryKind, Lapse, Line};
pub use endpoint::Endpoint;
pub use fleet::FleetSpec;
pub use prices::Prices;
pub use product::Product;
pub use shape::{LetterCase, ListStyle, Shape};
pub use world::World;

use site::Coded;

#[cfg(test)]
mod tests;
