//! The readers of px6's free answers as functions over bytes: the same that the calls use, for whoever holds a body in hand.
//!
//! Pure. Not responsible for asking (`read.rs`), nor for answers to payments (`reply.rs`). An error is told in words.
use jiff::Timestamp;

use crate::domain::{AccountName, Balance, Lease, Moment, OwnerSays, Quote};
use crate::providers::{ReadError, Words};

use super::{envelope, map, quote};

/// The body of a page of `getproxy`: rows on it, their leases, and rows that cannot be read.
///
/// # Errors
/// An error of the provider's, or no page.
pub fn page(body: &[u8], account: &AccountName, words: &Words) -> Result<(usize, Vec<Lease>, usize), String> {
    let told = |trouble: envelope::Trouble| ReadError::from(trouble).to_string();
    let answer = envelope::open(body, words).map_err(told)?;
    let mut listed = map::Listed::default();
    let of = map::Origin { account, says: &OwnerSays::default(), now: Timestamp::UNIX_EPOCH, words };
    let added = listed.add(&answer, &of).map_err(told)?;
    let fleet = listed.finish();
    Ok((added.rows, fleet.leases.to_vec(), fleet.unreadable))
}

/// The body of `getprice` for so many and so long.
///
/// # Errors
/// An error of the provider's, or no price of exactly that.
pub fn price(body: &[u8], count: usize, days: u32, words: &Words) -> Result<Quote, String> {
    let at = Moment { wall: Timestamp::UNIX_EPOCH, boot_id: String::new(), boot_ms: 0 };
    quote::read(body, quote::Asked { count, days, at }, words).map_err(|e| ReadError::from(e).to_string())
}

/// The balance in any good answer.
///
/// # Errors
/// An error of the provider's, or no balance.
pub fn balance(body: &[u8], words: &Words) -> Result<Balance, String> {
    let opened = envelope::open(body, words).and_then(|answer| envelope::balance(&answer));
    opened.map_err(|e| ReadError::from(e).to_string())
}
