//! A simulated px6: an account's money and proxies to the cent, and the provider's calls over them, all of them by GET.
//!
//! An independent reading of the provider's pages: it shares no code with the adapter that it is used to test. Not responsible for
//! sockets or faults: that is the server's, which all simulated providers share.
mod account;
mod books;
mod calls;
mod endpoint;
mod fleet;
mod looks;
mod places;
mod prices;
mod site;
mod world;

pub use account::{Account, Proxy};
pub use books::{Books, Entry, EntryKind, Lapse, Line};
pub use endpoint::Endpoint;
pub use fleet::FleetSpec;
pub use prices::Prices;
pub use world::World;

#[cfg(test)]
mod tests;
