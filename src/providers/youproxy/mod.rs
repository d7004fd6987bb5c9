//! YouProxy: leases by IP, quotes that are bound to their payment, IPv6 by whole orders.
//!
//! Responsible for the calls and their meaning. `wire.rs` knows the JSON, `envelope.rs` free answers, `map.rs` the list, `quote.rs`
//! prices, `order.rs` new orders, `catalogue.rs` what can be bought, `reply.rs` payment answers. Not responsible for deciding what is renewed. Reads may be repeated, a payment never: see
//! `spend.rs` for what a crash means.
mod above;
mod call;
mod catalogue;
mod change;
mod doubles;
mod envelope;
pub mod fuzz_entry;
mod map;
mod order;
mod quote;
mod read;
pub mod reply;
mod scan;
mod site;
mod spend;
mod stream;
mod wire;

use std::sync::Arc;

pub use read::capabilities;

use super::{Changer, ConnectError, Connection, Reader, Spender, dates};

/// The part that reads and quotes.
///
/// # Errors
/// [`ConnectError`] where no client can be made of this connection.
pub fn reader(connection: Connection) -> Result<Arc<dyn Reader>, ConnectError> {
    Ok(Arc::new(read::YouProxyReader::new(connection)?))
}

/// The part that spends.
///
/// # Errors
/// [`ConnectError`] where no client can be made of this connection.
pub fn spender(connection: Connection) -> Result<Arc<dyn Spender>, ConnectError> {
    Ok(Arc::new(spend::YouProxySpender::new(connection)?))
}

/// The part that changes orders.
///
/// # Errors
/// [`ConnectError`] where no client can be made of this connection.
pub fn changer(connection: Connection) -> Result<Arc<dyn Changer>, ConnectError> {
    Ok(Arc::new(change::YouProxyChanger::new(connection)?))
}
