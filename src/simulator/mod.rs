//! A simulated YouProxy over real sockets: `renewd demo`, `renewd simulate` and the tests of the real binary talk to it.
//!
//! Responsible for: an account's money and leases to the cent ([`World`], no sockets), the provider's HTTP API over
//! them ([`Simulator`]), and every way such a provider may fail ([`Fault`]). Not responsible for anything that renewd
//! does: it is an independent reading of the provider's pages and shares no code with the adapter that it is used to test.
//! Time comes from the [`crate::clock::Clock`] it is given, also in the `Date` header.
mod account;
mod answer;
mod books;
mod calls;
mod endpoint;
mod fault;
mod fleet;
mod prices;
mod product;
mod purchase;
mod reply;
mod request;
mod serve;
mod server;
mod shape;
mod wire;
mod world;

pub use account::{Account, Promo, Rental};
pub use books::{Books, Entry, EntryKind, Lapse, Line};
pub use endpoint::Endpoint;
pub use fault::{Aim, Answer, Effect, Fault, FaultId, When};
pub use fleet::FleetSpec;
pub use prices::Prices;
pub use product::Product;
pub use serve::{ServeOptions, serve};
pub use server::{Handle, Request, Simulator};
pub use shape::{DateForm, Distortion, LetterCase, ListStyle, Shape};
pub use world::World;

#[cfg(test)]
mod tests;
