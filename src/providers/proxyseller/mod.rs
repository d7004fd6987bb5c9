//! Proxy-Seller (API v2): leases by address or by whole order, quotes that are bound to their payment, a log of renewals.
//!
//! Responsible for the calls and their meaning. The provider's own id of a lease changes with every renewal, so a lease has an id of the
//! adapter's (`reference.rs`); what the provider calls it now is remembered from the newest list (`known.rs`) and travels with the
//! permit. `wire.rs` knows the JSON, `envelope.rs` what surrounds every answer, `map.rs` the list, `quote.rs` prices, `order.rs` new orders,
//! `catalogue.rs` what can be bought, `log.rs` the log of renewals, `reply.rs` payment answers. Not responsible for deciding what is
//! renewed. Reads may be repeated, a payment never: see `spend.rs` for what a crash means.
mod call;
mod catalogue;
mod change;
mod dates;
mod envelope;
pub mod fuzz_entry;
mod known;
mod log;
mod map;
mod order;
mod pace;
mod quote;
mod read;
mod reference;
pub mod reply;
#[cfg(test)]
mod sample;
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
    Ok(Arc::new(read::SellerReader::new(&connection)?))
}

/// The part that spends.
///
/// # Errors
/// [`ConnectError`] where no client can be made of this connection.
pub fn spender(connection: Connection) -> Result<Arc<dyn Spender>, ConnectError> {
    Ok(Arc::new(spend::SellerSpender::new(connection)?))
}

/// The part that changes orders.
///
/// # Errors
/// [`ConnectError`] where no client can be made of this connection.
pub fn changer(connection: Connection) -> Result<Arc<dyn Changer>, ConnectError> {
    Ok(Arc::new(change::SellerChanger::new(&connection)?))
}
