//! Reads the reference lists of a type: periods, countries, operators. Each is found by the name of its key, and an element by its `id`,
//! which is a readable code.
//!
//! A list that holds nothing readable is empty, never an error: what is not told cannot be checked, and the price call has the last word.
//! Source: the vendor's SDKs, `reference/list/{type}`.
use serde_json::value::RawValue;

use crate::domain::{Offer, Operator};
use crate::providers::Words;

use super::envelope::{self, Trouble};
use super::wire::{self, Object, Type};

/// The terms on offer, in days, ascending.
///
/// # Errors
/// The provider's own error, or an answer that names no period.
pub fn periods(body: &[u8], words: &Words) -> Result<Vec<u32>, Trouble> {
    let items = items(body, words)?;
    let mut days: Vec<u32> = elements(&items, "period").into_iter().filter_map(period).collect();
    days.sort_unstable();
    days.dedup();
    if days.is_empty() {
        return Err(Trouble::Unreadable("the reference list names no period".to_owned()));
    }
    Ok(days)
}

/// All that is told of a type.
///
/// # Errors
/// The provider's own error, or no list.
pub fn offer(of: &Type, body: &[u8], words: &Words) -> Result<Offer, Trouble> {
    let items = items(body, words)?;
    let codes = |key: &str| elements(&items, key).into_iter().filter_map(|raw| named(raw, "id"));
    let three = |code: &String| code.len() == 3 && code.bytes().all(|b| b.is_ascii_alphabetic());
    let mut countries: Vec<String> = codes("countr").map(|c| c.to_ascii_uppercase()).filter(three).collect();
    countries.sort();
    countries.dedup();
    let mut periods: Vec<u32> = elements(&items, "period").into_iter().filter_map(period).collect();
    periods.sort_unstable();
    periods.dedup();
    let operators = codes("operator").map(|tag| Operator { tag, country: None, rotations: Vec::new() });
    Ok(Offer {
        kind: of.kind.to_owned(),
        countries,
        periods,
        operators: if of.path == "mobile" { operators.collect() } else { Vec::new() },
        ..Offer::default()
    })
}

/// The object of lists, within `items` or without.
fn items<'a>(body: &'a [u8], words: &Words) -> Result<Object<'a>, Trouble> {
    let data = envelope::object(body, words)?;
    match data.get("items") {
        Some(raw) => envelope::fields(raw, words),
        None => Ok(data),
    }
}

/// The elements of every list whose key begins so.
fn elements<'a>(items: &Object<'a>, key: &str) -> Vec<&'a RawValue> {
    let named = |(name, _): &(&str, &RawValue)| name.to_ascii_lowercase().starts_with(key);
    items.pairs().filter(named).filter_map(|(_, raw)| wire::list(raw)).flatten().collect()
}

/// By its code, or by its name.
fn period(raw: &RawValue) -> Option<u32> {
    ["id", "code", "name"].iter().filter_map(|key| named(raw, key)).find_map(|text| wire::days(&text))
}

fn named(raw: &RawValue, key: &str) -> Option<String> {
    let text = match wire::text(raw) {
        Some(text) => text.into_owned(),
        None => Object::parse(raw.get()).ok()?.get(key).and_then(wire::id)?.into_owned(),
    };
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::Redactor;

    fn words() -> Words {
        Words::new(Redactor::default(), &"key-of-nobody".into())
    }

    const LIST: &str = r#"{"status":"success","data":{"items":{"country":[{"id":"USA","name":"United States"},{"id":"deu"},{"id":7}],
        "period":[{"id":"3m","name":"3 months"},{"id":"1m","name":"1 month"},{"id":"1w"},{"id":"x","name":"2 months"},{"id":9}],
        "operators":[{"id":"o2","name":"O2"},{}]}},"errors":[]}"#;

    #[test]
    fn periods_are_known_by_their_codes_and_a_list_without_any_is_none() {
        assert_eq!(periods(LIST.as_bytes(), &words()).unwrap(), [7, 30, 60, 90]);
        for body in [
            r#"{"status":"success","data":{"items":{}},"errors":[]}"#,
            r#"{"status":"success","data":[],"errors":[]}"#,
        ] {
            assert!(periods(body.as_bytes(), &words()).is_err(), "{body}");
        }
    }

    #[test]
    fn an_offer_has_countries_periods_and_for_mobile_operators() {
        let mobile = offer(Type::find("mobile").unwrap(), LIST.as_bytes(), &words()).unwrap();
        assert_eq!(
            (mobile.kind.as_str(), mobile.countries),
            ("MOBILE", vec!["DEU".to_owned(), "USA".to_owned()])
        );
        assert_eq!(mobile.operators.iter().map(|o| o.tag.as_str()).collect::<Vec<_>>(), ["o2"]);
        assert!(offer(Type::find("isp").unwrap(), LIST.as_bytes(), &words()).unwrap().operators.is_empty());
    }
}
