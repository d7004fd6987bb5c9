//! The readers of YouProxy's free answers as functions over bytes: the same that the calls use, for whoever holds a body in hand.
//!
//! Pure. Not responsible for asking (`read.rs`), nor for answers to payments (`reply.rs`). An error is told in words.
use jiff::Timestamp;

use crate::domain::{AccountName, Balance, Kind, Lease, Leases, Method, Moment, Quote};
use crate::providers::Words;

use super::stream::ListReader;
use super::{map, quote, read};

/// The body of `ipAddress`: its leases, sorted by id, and how many records could not be read.
///
/// # Errors
/// No list, or one that is not believed.
pub fn list(body: &[u8], account: &AccountName, words: &Words) -> Result<(Vec<Lease>, usize), String> {
    let fleet = map::fleet(body, account, words).map_err(|e| format!("{e:?}"))?;
    Ok((fleet.leases.to_vec(), fleet.unreadable))
}

/// The same as it arrives.
///
/// # Errors
/// As above.
pub fn list_in_pieces<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    account: &AccountName,
    words: &Words,
) -> Result<Leases, String> {
    let mut reader = ListReader::new(account, words);
    pieces.into_iter().try_for_each(|piece| reader.feed(piece)).map_err(|e| format!("{e:?}"))?;
    reader.finish().map(|fleet| fleet.leases).map_err(|e| format!("{e:?}"))
}

/// The body of `calculate/extend`, asked at `at` for leases of `kind`, with a promo code or without.
///
/// # Errors
/// An error of the provider's, or a field that is not as documented.
pub fn quote(body: &[u8], kind: &Kind, promo: bool, at: Timestamp, words: &Words) -> Result<Quote, String> {
    let at = Moment { wall: at, boot_id: String::new(), boot_ms: 0 };
    let asked = quote::Asked { kind, promo, method: Method::Leases, at };
    quote::read(body, asked, words).map_err(|e| format!("{e:?}"))
}

/// The body of `balance`.
///
/// # Errors
/// An error of the provider's, or a field that is not as documented.
pub fn balance(body: &[u8], words: &Words) -> Result<Balance, String> {
    read::balance(body, words).map_err(|e| format!("{e:?}"))
}
