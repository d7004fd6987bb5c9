//! What can be bought: `/proxies/products` and `/proxies/available-count`. Pure.
//!
//! Not responsible for which fields a product needs: see `product.rs`. A row that cannot be read is left out and counted.
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::domain::{Offer, Stock};
use crate::providers::Words;

use super::envelope::{self, Trouble};
use super::json::{self, Object};
use super::{product, wire};

/// Offers, and how many rows could not be read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Shelf {
    /// By product name, in name order.
    pub offers: Vec<Offer>,
    /// Rows without a readable name.
    pub unreadable: usize,
}

/// Reads the body of `/proxies/products`: one row per product and location, put together by product.
pub fn products(body: &[u8], words: &Words) -> Result<Shelf, Trouble> {
    let answer = envelope::object(body, words)?;
    let rows = envelope::listed(&answer, "products")?;
    let mut offers: BTreeMap<String, Offer> = BTreeMap::new();
    let mut unreadable = 0;
    for row in rows {
        let object = Object::parse(row.get()).ok();
        let name = object.as_ref().and_then(|o| wire::first_words(o, &["name"]));
        let (Some(object), Some(name)) = (object, name) else {
            unreadable += 1;
            continue;
        };
        let name = words.quote(&name);
        let offer = offers.entry(name.clone()).or_insert_with(|| Offer { kind: name, ..Offer::default() });
        let location = wire::first_words(&object, &["location"]);
        add(&mut offer.countries, location.map(|text| words.quote(&text)));
        for cycle in object.get("cycles").and_then(json::list).unwrap_or_default() {
            add(&mut offer.cycles, cycle_name(cycle).map(|text| words.quote(&text)));
        }
    }
    Ok(Shelf { offers: offers.into_values().collect(), unreadable })
}

/// Puts the stock beside the products that its short codes mean. How many rows could not be read, or mean no product.
pub fn stock(body: &[u8], offers: &mut [Offer], words: &Words) -> Result<usize, Trouble> {
    let mut lost = 0;
    for row in envelope::array(body, words)? {
        let placed = stock_row(row, words).is_some_and(|(code, stock)| {
            let mut meant =
                offers.iter_mut().filter(|offer| product::is_meant(&code, &offer.kind)).peekable();
            let any = meant.peek().is_some();
            meant.for_each(|offer| offer.stock.push(stock.clone()));
            any
        });
        lost += usize::from(!placed);
    }
    Ok(lost)
}

fn stock_row(row: &RawValue, words: &Words) -> Option<(String, Stock)> {
    let object = Object::parse(row.get()).ok()?;
    let country = words.quote(&wire::first_words(&object, &["country"])?);
    let amount = object.get("amount").and_then(json::whole).and_then(|n| u64::try_from(n).ok())?;
    Some((wire::first_words(&object, &["product"])?, Stock { country, amount }))
}

/// A cycle is a text, or an object that has a name.
fn cycle_name(raw: &RawValue) -> Option<String> {
    wire::words(raw).or_else(|| {
        let object = Object::parse(raw.get()).ok()?;
        wire::first_words(&object, &["cycle_name", "name", "cycle_id", "cycle", "id"])
    })
}

fn add(texts: &mut Vec<String>, text: Option<String>) {
    if let Some(text) = text.filter(|text| !texts.contains(text)) {
        texts.push(text);
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::redact::Redactor;

    fn words() -> Words {
        Words::new(Redactor::default(), &SecretString::from("sk-very-secret-77"))
    }

    #[test]
    fn rows_of_one_product_become_one_offer_with_its_stock() {
        let body = include_bytes!("../../../tests/replies/proxyshard/products.json");
        let mut shelf = products(body, &words()).unwrap();
        let counts = include_bytes!("../../../tests/replies/proxyshard/available_count.json");
        assert_eq!(stock(counts, &mut shelf.offers, &words()), Ok(2));
        let shown: Vec<String> = shelf
            .offers
            .iter()
            .map(|o| {
                let stock: Vec<String> =
                    o.stock.iter().map(|s| format!("{}={}", s.country, s.amount)).collect();
                format!("{}|{}|{}|{}", o.kind, o.countries.join(","), o.cycles.join(","), stock.join(","))
            })
            .collect();
        assert_eq!(
            shown,
            [
                "Datacenter Proxy|DE,US|monthly,quarterly|DE=120,US=0",
                "ISP Proxy|DE|monthly|DE=7",
                "Standart Residential Proxy||lifetime|",
            ]
        );
        assert_eq!(shelf.unreadable, 1);
    }

    #[test]
    fn an_error_in_place_of_the_bare_list_is_told() {
        let refused = stock(br#"{"success":false,"message":"no"}"#, &mut [], &words());
        assert_eq!(refused, Err(Trouble::Refused { status: 200, message: "no".to_owned() }));
        assert!(matches!(stock(b"{}", &mut [], &words()), Err(Trouble::Unreadable(_))));
    }
}
