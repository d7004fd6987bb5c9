//! px6 (Proxy6): leases by proxy, paid by GET, whose answer tells the new end of each.
//!
//! Responsible for the calls and their meaning. `site.rs` knows the paths, `wire.rs` values, `envelope.rs` what every answer begins
//! with, `map.rs` the list, `quote.rs` prices, `order.rs` new proxies, `reply.rs` answers to what is paid. Not responsible for deciding
//! what is renewed. Reads may be repeated, a payment never: see `spend.rs` for what a crash means.
mod call;
mod change;
mod envelope;
pub mod fuzz_entry;
mod map;
mod order;
mod quote;
mod read;
pub mod reply;
mod site;
mod spend;
mod wire;

use std::sync::Arc;

pub use read::capabilities;

use super::{Changer, ConnectError, Connection, Reader, Spender};

/// The part that reads and quotes.
///
/// # Errors
/// [`ConnectError`] where no client can be made of this connection.
pub fn reader(connection: Connection) -> Result<Arc<dyn Reader>, ConnectError> {
    Ok(Arc::new(read::Px6Reader::new(connection)?))
}

/// The part that spends.
///
/// # Errors
/// [`ConnectError`] where no client can be made of this connection.
pub fn spender(connection: Connection) -> Result<Arc<dyn Spender>, ConnectError> {
    Ok(Arc::new(spend::Px6Spender::new(connection)?))
}

/// The part that changes orders: there is nothing that it could change.
#[must_use]
pub fn changer() -> Arc<dyn Changer> {
    Arc::new(change::Px6Changer)
}
