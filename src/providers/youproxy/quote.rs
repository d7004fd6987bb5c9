//! Reads the answer to a price question: every field it needs, or no quote.
//!
//! Not responsible for judging the price. Source: client API pages, `calculate/extend` and `calculate/extend/order`.
use serde_json::value::RawValue;

use crate::domain::{Balance, Kind, Method, Moment, Money, PromoStatus, Quote, Warning};
use crate::providers::Words;

use super::envelope::{self, Trouble};
use super::wire::{self, Object};

/// "Insufficient funds on balance".
const SHORT_OF_FUNDS: i64 = 16;

/// What a price was asked for, as far as its answer must show it.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// The kind asked for.
    pub kind: &'a Kind,
    /// A promo code was sent.
    pub promo: bool,
    /// By lease or by order.
    pub method: Method,
    /// Before the request left.
    pub at: Moment,
}

/// The quote in `body`.
///
/// # Errors
/// [`Trouble`] for an error of the provider's, and for any field that is missing or not as documented.
pub fn read(body: &[u8], asked: Asked<'_>, words: &Words) -> Result<Quote, Trouble> {
    let answer = envelope::open(body, words)?;
    let need = |key: &str| answer.get(key).ok_or_else(|| Trouble::Unreadable(format!("`{key}` is missing")));
    let wrong = |key: &str, want: &str| Trouble::Unreadable(format!("`{key}` is not {want}"));

    let kind = wire::text(need("proxyType")?).ok_or_else(|| wrong("proxyType", "a text"))?;
    if !kind.eq_ignore_ascii_case(asked.kind.as_str()) {
        return Err(wrong("proxyType", "the one that was asked for"));
    }
    let number = |key: &str, want: &str, good: fn(&Money) -> bool| {
        let raw = need(key)?;
        wire::money(raw).filter(good).ok_or_else(|| wrong(key, &format!("{want}{}", wire::spelled(raw))))
    };
    let price = number("price", "a number above zero", |price| price.is_positive())?;
    let amount = number("balance", "a number that renewd can hold", |_| true)?;
    let currency = wire::currency(need("currency")?).ok_or_else(|| wrong("currency", "a text"))?;
    let warnings = answer.member("warnings").ok_or_else(|| {
        Trouble::Unreadable("`warnings` is missing, so it cannot be known that there are none".to_owned())
    })?;
    Ok(Quote {
        price,
        balance: Balance { amount, currency },
        promo: promo(&answer, asked.promo),
        warnings: warnings_of(warnings, words),
        method: asked.method,
        asked_at: asked.at,
        paid_before: None,
        each: None,
        order: None,
    })
}

/// What became of the code, if one was sent: `VALID` alone is valid.
pub fn promo(answer: &Object<'_>, sent: bool) -> Option<PromoStatus> {
    let status = answer.get("promoCodeStatus").and_then(wire::text);
    sent.then(|| if status.as_deref() == Some("VALID") { PromoStatus::Valid } else { PromoStatus::Invalid })
}

/// `null` and `[]` are none; every other shape warns, since an unread warning stops an order all the same.
pub fn warnings_of(raw: &RawValue, words: &Words) -> Vec<Warning> {
    if wire::is_null(raw) {
        return Vec::new();
    }
    match wire::list(raw) {
        Some(items) => items.into_iter().map(|item| warning(item, words)).collect(),
        None => vec![warning(raw, words)],
    }
}

fn warning(raw: &RawValue, words: &Words) -> Warning {
    if let Some((code, message)) = envelope::code_and_message(raw, words) {
        return Warning { code: Some(code), message, short_of_funds: code == SHORT_OF_FUNDS };
    }
    let text = wire::text(raw);
    let message = words.quote(text.as_deref().unwrap_or(raw.get()));
    Warning { code: None, message, short_of_funds: false }
}

#[cfg(test)]
#[path = "quote_tests.rs"]
mod tests;
