//! ProxyShard: leases are whole orders, renewed only once they are on hold, at a price that nothing binds.
//!
//! Responsible for the calls and their meaning. `site.rs` knows the paths, `wire.rs` the JSON, `envelope.rs` free answers, `page.rs`
//! lists, `detail.rs` single orders, `memory.rs` which of those are asked again, `census.rs` what the lists make together, `map.rs`
//! leases, `quote.rs` prices, `product.rs` what can be bought, `reply.rs` answers to what spends or changes. Not responsible for
//! deciding what is renewed. Reads may be repeated, payments and changes never: see `spend.rs` for what a crash means.
#[cfg(test)]
#[path = "bad_line_tests.rs"]
mod bad_line;
mod call;
mod catalogue;
mod change;
mod detail;
mod detail_cache;
mod envelope;
mod facts;
pub mod fuzz_entry;
mod inventory;
mod map;
mod me;
mod merge_lists;
mod page;
mod product;
mod quote;
mod read;
pub mod reply;
mod site;
mod spend;
mod wire;

use std::sync::Arc;

pub use read::capabilities;

use super::{Changer, ConnectError, Connection, Reader, Spender, dates, json};

/// The part that reads and quotes.
///
/// # Errors
/// [`ConnectError`] where no client can be made of this connection.
pub fn reader(connection: Connection) -> Result<Arc<dyn Reader>, ConnectError> {
    Ok(Arc::new(read::ProxyShardReader::new(connection)?))
}

/// The part that spends.
///
/// # Errors
/// [`ConnectError`] where no client can be made of this connection.
pub fn spender(connection: Connection) -> Result<Arc<dyn Spender>, ConnectError> {
    Ok(Arc::new(spend::ProxyShardSpender::new(connection)?))
}

/// The part that changes orders.
///
/// # Errors
/// [`ConnectError`] where no client can be made of this connection.
pub fn changer(connection: Connection) -> Result<Arc<dyn Changer>, ConnectError> {
    Ok(Arc::new(change::ProxyShardChanger::new(connection)?))
}
