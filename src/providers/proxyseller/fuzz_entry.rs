//! The readers of Proxy-Seller's free answers as functions over bytes: the same that the calls use, for whoever holds a body in hand.
//!
//! Pure. Not responsible for asking (`read.rs`), nor for answers to payments (`reply.rs`). An error is told in words.
use jiff::Timestamp;

use crate::domain::{AccountName, Lease, Moment, Quote, RenewalRequest};
use crate::evidence::LoggedRenewal;
use crate::providers::Words;

use super::known::Known;
use super::map::Gather;
use super::{log, quote};

/// The body of `proxy/list`: its leases, sorted by id, how many records could not be read, and whether it says that it is a part.
///
/// # Errors
/// No list, or one that is not believed.
pub fn list(body: &[u8], account: &AccountName, words: &Words) -> Result<(Vec<Lease>, usize, bool), String> {
    let mut gather = Gather::new(account, words);
    let missing = gather.all(body).map_err(|e| format!("{e:?}"))?;
    let fleet = gather.finish();
    Ok((fleet.leases.to_vec(), fleet.unreadable, !missing.is_empty()))
}

/// The body of `prolong/calc`, asked for `request`.
///
/// # Errors
/// An error of the provider's, or a field that is not as documented.
pub fn quote(body: &[u8], request: &RenewalRequest, words: &Words) -> Result<Quote, String> {
    let at = Moment { wall: Timestamp::UNIX_EPOCH, boot_id: String::new(), boot_ms: 0 };
    quote::read(body, &quote::Set::Leases(request), at, words).map_err(|e| format!("{e:?}"))
}

/// The body of `order/list`, where number `1001` is that of order `o-1`.
///
/// # Errors
/// An error of the provider's, or no rows.
pub fn log(body: &[u8], words: &Words) -> Result<Vec<LoggedRenewal>, String> {
    let mut known = Known::default();
    known.order("1001".to_owned(), "o-1");
    log::page(body, &known, Timestamp::UNIX_EPOCH, words)
        .map(|page| page.renewals)
        .map_err(|e| format!("{e:?}"))
}
