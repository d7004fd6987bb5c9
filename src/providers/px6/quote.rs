//! Reads the answer to a price question: every field it needs, or no quote.
//!
//! The price names neither leases nor a country: it is that of any so many of one version for one term, and binds nobody. Not
//! responsible for judging it. Source: the vendor's developer page, `getprice`.
use crate::domain::{Method, Moment, Money, Quote, Warning};
use crate::providers::Words;

use super::envelope::{self, Trouble};
use super::wire;

/// What a price was asked for, which its answer must show.
#[derive(Debug, Clone)]
pub struct Asked {
    /// So many.
    pub count: usize,
    /// For so many days.
    pub days: u32,
    /// Before the request left.
    pub at: Moment,
}

/// The quote in `body`. The provider warns of nothing: that the balance does not cover it is found out here.
///
/// # Errors
/// [`Trouble`] for an error of the provider's, and for any field that is missing or not as documented.
pub fn read(body: &[u8], asked: Asked, words: &Words) -> Result<Quote, Trouble> {
    let answer = envelope::open(body, words)?;
    let unreadable = |what: String| Trouble::Unreadable(what);
    let same = |key: &str, want: i64| {
        let told = answer.get(key).and_then(wire::number);
        if told == Some(want) {
            Ok(())
        } else {
            Err(unreadable(format!("`{key}` is not {want}, which was asked for")))
        }
    };
    let count = i64::try_from(asked.count).unwrap_or(i64::MAX);
    same("count", count)?;
    same("period", i64::from(asked.days))?;
    let amount = |key: &str| {
        let raw = answer.get(key);
        let told = raw.and_then(wire::money).filter(|amount| amount.is_positive());
        let spelled = raw.map(wire::spelled).unwrap_or_default();
        told.ok_or_else(|| unreadable(format!("`{key}` is not an amount above zero{spelled}")))
    };
    let price = amount("price")?;
    // Without the price of each nothing shows that it is the same for all: for several, this one does not add up.
    let each = if answer.get("price_single").is_some() { amount("price_single")? } else { price };
    let balance = envelope::balance(&answer)?;
    let short = balance.amount < price;
    let warnings = short.then(|| short_of_funds(price, balance.amount)).into_iter().collect();
    Ok(Quote {
        price,
        balance,
        promo: None,
        warnings,
        method: Method::Leases,
        asked_at: asked.at,
        paid_before: None,
        each: Some(each),
        order: None,
    })
}

fn short_of_funds(price: Money, balance: Money) -> Warning {
    Warning {
        code: None,
        message: format!("{price} is asked, and the balance is {balance}"),
        short_of_funds: true,
    }
}

/// How many there are to be bought. Source: the vendor's developer page, `getcount`.
///
/// # Errors
/// [`Trouble`] for an error of the provider's, or no number.
pub fn stock(body: &[u8], words: &Words) -> Result<u64, Trouble> {
    let answer = envelope::open(body, words)?;
    let count = answer.get("count").and_then(wire::number).and_then(|n| u64::try_from(n).ok());
    count.ok_or_else(|| Trouble::Unreadable("`count` is not a number".to_owned()))
}

/// Where there are any. Source: the vendor's developer page, `getcountry`.
///
/// # Errors
/// [`Trouble`] for an error of the provider's, or no list.
pub fn countries(body: &[u8], words: &Words) -> Result<Vec<String>, Trouble> {
    let answer = envelope::open(body, words)?;
    let listed = answer.get("list").and_then(wire::list);
    let listed = listed.ok_or_else(|| Trouble::Unreadable("`list` is not a list".to_owned()))?;
    let two = |code: &String| code.len() == 2 && code.bytes().all(|b| b.is_ascii_alphabetic());
    let codes = listed.into_iter().filter_map(wire::text).map(|code| code.to_ascii_lowercase()).filter(two);
    let mut codes: Vec<String> = codes.collect();
    codes.sort();
    codes.dedup();
    Ok(codes)
}
