//! Reads the lists of what can be bought, whatever their elements look like: only the calls are documented, not the shapes.
//!
//! A list that holds nothing readable is empty, never an error: what is not told cannot be checked, and the price
//! call has the last word. Source: client API pages, `proxyType`, `country`, `mobileOperator`, `promoCode`.
use serde_json::value::RawValue;

use crate::domain::{Operator, PromoCode};

use super::wire::{self, Object};
use super::{dates, envelope};

/// Lists within lists.
const DEEPEST: usize = 8;

/// The kinds on offer, in the list's order, known ones in their own spelling.
pub fn kinds(answer: &Object<'_>) -> Vec<String> {
    let names = ["proxyType", "type", "code", "name", "value"];
    let mut found = Vec::new();
    for raw in elements(answer) {
        if let Some(name) = named(raw, &names) {
            let kind = wire::kind(&name).as_str().to_owned();
            if !found.contains(&kind) {
                found.push(kind);
            }
        }
    }
    found
}

/// The countries of a kind: alpha-3 codes, sorted.
pub fn countries(answer: &Object<'_>) -> Vec<String> {
    let names = ["alpha3code", "alpha3", "code", "country"];
    let three = |code: &String| code.len() == 3 && code.bytes().all(|b| b.is_ascii_alphabetic());
    let mut found: Vec<String> = elements(answer)
        .filter_map(|raw| named(raw, &names))
        .map(|c| c.to_uppercase())
        .filter(three)
        .collect();
    found.sort();
    found.dedup();
    found
}

/// The mobile operators, however they are grouped.
pub fn operators(answer: &Object<'_>) -> Vec<Operator> {
    let mut found = Vec::new();
    for (key, raw) in payload(answer) {
        walk(raw, country_of(key), 0, &mut found);
    }
    found
}

/// The codes of `promoCodes`; `None` where it is no list of codes.
pub fn promos(answer: &Object<'_>) -> Option<Vec<PromoCode>> {
    answer.get("promoCodes").and_then(wire::list)?.into_iter().map(promo).collect()
}

/// Terms in days; `None` where they are no list of whole numbers.
pub fn periods(answer: &Object<'_>) -> Option<Vec<u32>> {
    let days = |raw: &RawValue| wire::whole(raw).and_then(|n| u32::try_from(n).ok());
    answer.get("rentPeriodDays").and_then(wire::list)?.into_iter().map(days).collect()
}

/// Everything beside the envelope.
fn payload<'o, 'a>(answer: &'o Object<'a>) -> impl Iterator<Item = (&'o str, &'a RawValue)> {
    answer.pairs().filter(|(key, _)| !matches!(*key, "success" | "error"))
}

fn elements<'a>(answer: &Object<'a>) -> impl Iterator<Item = &'a RawValue> {
    let lists: Vec<Vec<&RawValue>> = payload(answer).filter_map(|(_, raw)| wire::list(raw)).collect();
    lists.into_iter().flatten()
}

/// A text, or the first of these fields of an object that is one.
fn named(raw: &RawValue, names: &[&str]) -> Option<String> {
    let text = match wire::text(raw) {
        Some(text) => text.into_owned(),
        None => {
            let object = Object::parse(raw.get()).ok()?;
            names.iter().find_map(|name| object.any_case(name).find_map(wire::text))?.into_owned()
        }
    };
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// A key such as `USA` names the country of all below it.
fn country_of(key: &str) -> Option<String> {
    (key.len() == 3 && key.bytes().all(|b| b.is_ascii_uppercase())).then(|| key.to_owned())
}

fn walk(raw: &RawValue, country: Option<String>, depth: usize, found: &mut Vec<Operator>) {
    if depth > DEEPEST {
        return;
    }
    if let Some(items) = wire::list(raw) {
        return items.into_iter().for_each(|item| walk(item, country.clone(), depth + 1, found));
    }
    let Ok(object) = Object::parse(raw.get()) else { return };
    let told = object.any_case("country").next().or_else(|| object.any_case("alpha3code").next());
    let country = told.and_then(|raw| named(raw, &["alpha3code", "code"])).or(country);
    let tags = ["tag", "mobileOperator", "operator", "code"];
    if let Some(tag) = tags.iter().find_map(|key| object.any_case(key).find_map(wire::text)) {
        let rotations = object.pairs().find_map(|(_, raw)| seconds(raw)).unwrap_or_default();
        found.push(Operator { tag: tag.trim().to_owned(), country, rotations });
        return;
    }
    for (key, raw) in object.pairs() {
        walk(raw, country_of(key).or_else(|| country.clone()), depth + 1, found);
    }
}

/// A list of whole numbers, perhaps written as texts.
fn seconds(raw: &RawValue) -> Option<Vec<u32>> {
    let items = wire::list(raw).filter(|items| !items.is_empty())?;
    let one = |raw: &RawValue| match wire::text(raw) {
        Some(text) => text.trim().parse().ok(),
        None => wire::whole(raw).and_then(|n| u32::try_from(n).ok()),
    };
    items.into_iter().map(one).collect()
}

/// Source: `promoCode`, fields `code`, `endDate`, `endless`.
fn promo(raw: &RawValue) -> Option<PromoCode> {
    let object = Object::parse(raw.get()).ok()?;
    let code = object.get("code").and_then(wire::text)?.into_owned();
    let endless = object.get("endless").and_then(wire::flag).unwrap_or(false);
    let end = object.get("endDate").and_then(wire::text).and_then(|text| dates::read(&text));
    Some(PromoCode { code, ends_at: end.map(|(at, _)| at).filter(|_| !endless) })
}

/// A list that the account may go without: its own error, or a shape nobody knows, leaves it empty; no answer at all, or a
/// wrong key, is an error of the account.
pub fn optional<T: Default>(read: Result<T, envelope::Trouble>) -> Result<T, envelope::Trouble> {
    match read {
        Err(envelope::Trouble::Unreadable(what)) => {
            tracing::warn!("a list of what can be bought cannot be read: {what}");
            Ok(T::default())
        }
        Err(trouble @ envelope::Trouble::Error { .. })
            if !trouble.is_wrong_key() && !trouble.is_passing() =>
        {
            tracing::warn!(?trouble, "a list of what can be bought is refused");
            Ok(T::default())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(json: &str) -> Object<'_> {
        Object::parse(json).unwrap()
    }

    #[test]
    fn kinds_are_texts_or_objects_of_any_of_the_known_forms() {
        for json in [
            r#"{"success":true,"proxyTypes":["IPV4","mobile"],"error":null}"#,
            r#"{"list":[{"proxyType":"ipv4","name":"IPv4 proxies"},{"proxyType":"MOBILE"}]}"#,
            r#"{"data":[{"id":1,"name":"IPv4"},{"id":2,"name":"MOBILE"},{"id":3}]}"#,
        ] {
            assert_eq!(kinds(&object(json)), ["IPv4", "MOBILE"], "{json}");
        }
        assert_eq!(kinds(&object(r#"{"success":true,"proxyTypes":{}}"#)), [""; 0]);
    }

    #[test]
    fn countries_are_alpha_3_codes_each_once() {
        let json = r#"{"success":true,"countries":[{"id":7,"name":"United States","alpha3code":"USA"},
            {"Alpha3Code":"deu"},"GBR",{"alpha3code":"USA"},{"name":"nowhere"},"US",5]}"#;
        assert_eq!(countries(&object(json)), ["DEU", "GBR", "USA"]);
    }

    #[test]
    fn operators_are_found_however_they_are_grouped() {
        let flat = r#"{"mobileOperators":[{"tag":"vodafone","name":"V","rotationTimes":[300,600]}]}"#;
        let by_country = r#"{"mobileOperators":{"USA":[{"tag":"vodafone","rotation":["300","600"]}]}}"#;
        let nested = r#"{"list":[{"country":{"alpha3code":"USA"},"operators":[{"tag":"vodafone","times":[300,600]}]}]}"#;
        for (json, country) in [(flat, None), (by_country, Some("USA")), (nested, Some("USA"))] {
            let want = Operator {
                tag: "vodafone".to_owned(),
                country: country.map(str::to_owned),
                rotations: vec![300, 600],
            };
            assert_eq!(operators(&object(json)), [want], "{json}");
        }
    }
}
