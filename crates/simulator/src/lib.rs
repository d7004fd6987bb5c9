//! Simulated providers over real sockets: `renewd demo`, `renewd simulate` and the tests of the real binary talk to them.
//!
//! Responsible for: an account's money and leases to the cent (`youproxy`, `proxyshard`, `proxyseller`, `px6`: no sockets), an HTTP API over
//! them ([`Simulator`]), and every way such a provider may fail ([`Fault`]). Not responsible for anything that renewd
//! does: each is an independent reading of its provider's pages and shares no code with the adapter that it is used to
//! test. Time comes from the [`renewd_core::clock::Clock`] it is given, also in the `Date` header.
mod answer;
mod brand;
mod fault;
mod lists;
pub mod proxyseller;
pub mod proxyshard;
pub mod px6;
mod reply;
mod request;
mod serve;
mod server;
mod shown;
mod site;
mod stranger;
mod twice;
mod wire;
pub mod youproxy;

pub use brand::{Brand, NoBrand};
pub use fault::{Aim, Effect, Fault, FaultId, When};
pub use lists::{DateForm, Distortion};
pub use request::Request;
pub use serve::{ServeOptions, serve};
pub use server::{Handle, Simulator};
pub use site::{Answer, Kind, Site};
pub use stranger::{NoCall, Stranger};
pub use youproxy::{
    Account, Books, Endpoint, Entry, EntryKind, FleetSpec, Lapse, LetterCase, Line, ListStyle, Prices,
    Product, Promo, Rental, Shape, World,
};
