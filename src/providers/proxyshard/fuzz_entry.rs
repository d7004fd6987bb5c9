//! The readers of ProxyShard's free answers as functions over bytes: the same that the calls use, for whoever holds a body in hand.
//!
//! Pure. Not responsible for asking (`read.rs`), nor for answers to payments (`reply.rs`). An error is told in words.
use crate::domain::{Balance, Money, Offer};
use crate::providers::Words;

use super::{catalogue, detail, me, page};

/// What a page of `/orders` holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its orders, sorted, each once.
    pub orders: Vec<String>,
    /// Rows on it.
    pub rows: usize,
    /// Rows without a readable id.
    pub unreadable: usize,
    /// Rows whose order was there already.
    pub doubles: usize,
}

/// The body of a page of `/orders`.
///
/// # Errors
/// An error of the provider's, or no list.
pub fn page(body: &[u8], words: &Words) -> Result<Page, String> {
    let mut listed = page::Listed::default();
    let added = listed.add(body, words).map_err(|e| e.words())?;
    let page::Listed { orders, unreadable, doubles, .. } = listed;
    Ok(Page { orders: orders.into_keys().collect(), rows: added.rows, unreadable, doubles })
}

/// What the running term of an order cost and what the next one will, as its own record tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prices {
    /// `Ok(None)` = not told; an error says what cannot be read.
    pub paid: Result<Option<Money>, String>,
    /// The same for the next term.
    pub next: Result<Option<Money>, String>,
}

/// The body of `/orders/{id}`.
///
/// # Errors
/// An error of the provider's, no order, or another one.
pub fn order(body: &[u8], id: &str, words: &Words) -> Result<Prices, String> {
    let detail = detail::read(body, id, words).map_err(|e| e.words())?;
    Ok(Prices { paid: detail.paid(), next: detail.next() })
}

/// The body of `/proxies/products`: what can be bought, by name, and how many rows could not be read.
///
/// # Errors
/// An error of the provider's, or no list.
pub fn products(body: &[u8], words: &Words) -> Result<(Vec<Offer>, usize), String> {
    let shelf = catalogue::products(body, words).map_err(|e| e.words())?;
    Ok((shelf.offers, shelf.unreadable))
}

/// The body of `/me`: the wallet.
///
/// # Errors
/// An error of the provider's, or no whole number of cents.
pub fn wallet(body: &[u8], words: &Words) -> Result<Balance, String> {
    me::read(body, words).map(|me| me.wallet).map_err(|e| e.words())
}
