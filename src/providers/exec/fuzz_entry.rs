//! The readers of a program's answers as functions over bytes: the same that the calls use, for whoever holds an answer in hand.
//!
//! Pure; runs nothing. The name of the question is [`REQUEST`].
use secrecy::SecretString;

use crate::domain::{AccountName, Currency, Lease, Money, RenewalRequest};
use crate::providers::PaymentReply;
use crate::redact::Redactor;

use super::list::ListReader;
use super::mask::Mask;
use super::reply::Judge;
use super::{quote, wire};
use crate::programs::{End, Ran};

/// What an answer must name.
pub const REQUEST: &str = "r-1";

fn mask(key: &str) -> Mask {
    Mask::new(Redactor::default(), &SecretString::from(key))
}

/// The lines of `list`, in two pieces: its leases, and why they are only a part.
///
/// # Errors
/// Why it is no list.
pub fn list(
    pieces: (&[u8], &[u8]),
    account: &AccountName,
    key: &str,
) -> Result<(Vec<Lease>, Option<String>), String> {
    let mask = mask(key);
    let mut reader = ListReader::new(account, REQUEST, &mask);
    if reader.feed(pieces.0) {
        reader.feed(pieces.1);
    }
    let fleet = reader.finish()?;
    Ok((fleet.leases.to_vec(), fleet.part))
}

/// The answer to `quote`: the price, and what speaks against paying it.
///
/// # Errors
/// Why it is no price of exactly these leases.
pub fn price(said: &[u8], asked: &RenewalRequest, key: &str) -> Result<(Money, Vec<String>), String> {
    let mask = mask(key);
    let answer = wire::answer(said, REQUEST).map_err(|why| mask.quote(&why))?;
    let price = quote::read(&answer, &asked.leases, asked.promo.is_some(), &mask);
    let price = price.map_err(|why| mask.quote(&why))?;
    Ok((price.price, price.warnings.into_iter().map(|w| w.message).collect()))
}

/// What a run of `extend` proves that ended by itself with `exit` and had said that.
#[must_use]
pub fn payment(
    asked: &RenewalRequest,
    exit: i32,
    said: &[u8],
    trust_refusals: bool,
    key: &str,
) -> PaymentReply {
    let mask = mask(key);
    let judge = Judge { request: REQUEST, mask: &mask, trust_refusals, named: true };
    let ran = Ran { end: End::Exit(exit), left: 0, log: Vec::new(), heeded: false };
    judge.payment(asked, &Currency::from("USD"), Ok(ran), said)
}
