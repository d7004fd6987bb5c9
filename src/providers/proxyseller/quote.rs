//! Reads the answer to a price question: a quote counts only with success, without a warning, and for exactly the set that was asked.
//!
//! Not responsible for judging the price. Source: API v2 pages, "Extend proxies", `prolong/calc`; "Calculate the order".
use serde_json::value::RawValue;

use crate::domain::{Currency, Method, Moment, Money, Quote, RenewalRequest, Warning};
use crate::domain::{QuoteError, RequestLease, same_port};
use crate::providers::Words;

use super::envelope::{self, Opened, Trouble};
use super::reference::address;
use super::wire::{self, CURRENCY, Object, Type};

/// "Insufficient funds on balance".
pub const SHORT_OF_FUNDS: i64 = 16;

/// What a price was asked for, as far as its answer must show it.
pub enum Set<'a> {
    /// These leases, and no others.
    Leases(&'a RenewalRequest),
    /// So many new ones.
    New(u32),
}

/// The quote in `body`, asked at `at`.
///
/// # Errors
/// An error of the provider's other than short funds, and any field that is missing or not as documented.
pub fn read(body: &[u8], set: &Set<'_>, at: Moment, words: &Words) -> Result<Quote, QuoteError> {
    match envelope::open(body, words).map_err(QuoteError::Unreadable)? {
        Opened::Success(data) => {
            let data = envelope::fields(data, words)?;
            shown(&data, set)?;
            Ok(priced(&data, set, at, warning(&data, words).into_iter().collect())?)
        }
        Opened::Error(data, errors) => short(data, errors, words).map_or_else(
            || Err(envelope::trouble(errors, words).into()),
            |(data, warning)| Ok(priced(&data, set, at, vec![warning])?),
        ),
    }
}

/// Short of funds, by either generation: a bare warning without errors, or the code with the calculation beside it.
fn short<'a>(
    data: Option<&'a RawValue>,
    errors: Option<&RawValue>,
    words: &Words,
) -> Option<(Object<'a>, Warning)> {
    let data = envelope::fields(data?, words).ok()?;
    let said = warning(&data, words);
    let warning = match envelope::coded(errors, words)?.as_slice() {
        [] => Warning { short_of_funds: true, ..said? },
        [one] if one.code == SHORT_OF_FUNDS => {
            Warning { code: Some(one.code), message: one.message.clone(), short_of_funds: true }
        }
        _ => return None,
    };
    Some((data, warning))
}

/// Whatever stands under `warning` but nothing: an unread one stops a payment all the same.
pub fn warning(data: &Object<'_>, words: &Words) -> Option<Warning> {
    let raw = data.get("warning")?;
    let text = wire::text(raw);
    let message = match &text {
        Some(text) if text.trim().is_empty() => return None,
        Some(text) => words.quote(text),
        None if ["[]", "false"].contains(&raw.get()) => return None,
        None => words.quote(raw.get()),
    };
    let short_of_funds = message.to_ascii_lowercase().contains("insufficient funds");
    Some(Warning { code: None, message, short_of_funds })
}

fn priced(
    data: &Object<'_>,
    set: &Set<'_>,
    asked_at: Moment,
    warnings: Vec<Warning>,
) -> Result<Quote, Trouble> {
    let wrong = |key: &str, want: &str| Trouble::Unreadable(format!("`{key}` is not {want}"));
    let number = |key: &str, want: &str, good: fn(&Money) -> bool| {
        data.get(key).and_then(wire::money).filter(good).ok_or_else(|| wrong(key, want))
    };
    let price = number("total", "a number above zero", |price| price.is_positive())?;
    let amount = number("balance", "a number that renewd can hold", |_| true)?;
    let currency = match data.get("currency") {
        None => Currency::from(CURRENCY),
        Some(raw) => {
            let told = wire::text(raw).map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
            Currency::new(told.ok_or_else(|| wrong("currency", "a text"))?)
        }
    };
    // Also where whole orders are renewed: its items were shown to be these leases and no others, so it holds nothing that a list hides.
    let method = if matches!(set, Set::Leases(_)) { Method::Leases } else { Method::Order };
    let mut balance = wire::usd(amount);
    balance.currency = currency;
    Ok(Quote {
        price,
        each: None,
        balance,
        promo: None,
        warnings,
        method,
        asked_at,
        paid_before: None,
        order: None,
    })
}

/// That the price is for what was asked: the number, and of leases each by order and address.
fn shown(data: &Object<'_>, set: &Set<'_>) -> Result<(), Trouble> {
    let asked = match set {
        Set::Leases(request) => request.leases.len(),
        Set::New(n) => usize::try_from(*n).unwrap_or(usize::MAX),
    };
    let unlike = |what: String| Err(Trouble::Unreadable(what));
    if let Some(raw) = data.get("quantity") {
        let told = wire::whole(raw).and_then(|n| usize::try_from(n).ok());
        if told != Some(asked) {
            return unlike(format!("the price is for another number than the {asked} asked for"));
        }
    }
    let Set::Leases(request) = set else { return Ok(()) };
    let Some(items) = data.get("items").and_then(wire::list) else {
        return unlike("`items` is not a list, so it cannot be known what the price is for".to_owned());
    };
    let of = Type::of(&request.kind);
    let mut left: Vec<&RequestLease> = request.leases.iter().collect();
    for raw in &items {
        let found = place(of, raw).and_then(|(order, ip, port)| {
            left.iter().position(|l| l.order.as_str() == order && l.ip == ip && same_port(l.port, port))
        });
        match found {
            Some(n) => drop(left.swap_remove(n)),
            None => {
                return unlike(
                    "`items` holds a proxy that was not asked for, or does not name it".to_owned(),
                );
            }
        }
    }
    match left.len() {
        0 => Ok(()),
        n => unlike(format!("`items` lacks {n} of the {asked} proxies asked for")),
    }
}

/// Order, address and port of an item.
fn place(of: Option<&Type>, raw: &RawValue) -> Option<(String, String, Option<u16>)> {
    let item = Object::parse(raw.get()).ok().filter(|item| item.doubled().is_none())?;
    let text = |key: &str| item.get(key).and_then(wire::text);
    let order = ["order_id", "orderId"].iter().find_map(|key| item.get(key).and_then(wire::id))?;
    let port = ["port_http", "port_socks"].iter().find_map(|key| item.get(key).and_then(wire::port));
    let ip = text("ip").or_else(|| text("ip_only"))?;
    let (ip, port) = address(of, &ip, text("ip_only").as_deref(), port);
    Some((order.trim().to_owned(), ip, port))
}

#[cfg(test)]
#[path = "quote_tests.rs"]
mod tests;
