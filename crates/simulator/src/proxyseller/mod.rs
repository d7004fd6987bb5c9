//! A simulated Proxy-Seller (API v2): an account's money and proxies to the cent, and the provider's calls over them.
//!
//! An independent reading of the provider's pages: it shares no code with the adapter that it is used to test. Not
//! responsible for sockets or faults: that is the server's, which all simulated providers share.
mod account;
mod books;
mod calls;
mod dates;
mod endpoint;
mod fields;
mod fleet;
mod looks;
mod product;
mod prolong;
mod purchase;
mod site;
mod world;

pub use account::{Account, LogRow, Proxy};
pub use books::{Books, Entry, EntryKind, Line};
pub use dates::DateStyle;
pub use endpoint::Endpoint;
pub use fleet::FleetSpec;
pub use product::Product;
pub use world::World;

use site::Coded;

#[cfg(test)]
mod tests;
