//! Prices and balances as a program tells them: every field that is needed, or no quote.
//!
//! Pure. Any warning stops the payment. Not responsible for judging the price.
use serde_json::value::RawValue;

use crate::domain::{Balance, Money, PromoStatus, RequestLease, Warning};
use crate::providers::json::{self, Object};

use super::mask::Mask;
use super::wire;

/// A price as told; the balance may have to be asked besides.
#[derive(Debug, PartialEq, Eq)]
pub struct Price {
    /// Of the whole set.
    pub price: Money,
    /// The balance's currency is the price's.
    pub balance: Balance,
    /// The balance was told.
    pub has_balance: bool,
    /// Of the promo code, where one was sent and something is said of it.
    pub promo: Option<PromoStatus>,
    /// Anything at all that speaks against paying.
    pub warnings: Vec<Warning>,
}

/// The answer to `quote` for exactly these leases.
///
/// # Errors
/// What is missing or odd.
pub fn read(answer: &Object<'_>, asked: &[RequestLease], promo: bool, mask: &Mask) -> Result<Price, String> {
    let mut told = wire::ids(answer, "leases")?;
    let mut ids: Vec<&str> = asked.iter().map(|lease| lease.id.as_str()).collect();
    told.sort_unstable();
    ids.sort_unstable();
    if told != ids {
        return Err("`leases` is not the set that was asked for".to_owned());
    }
    let price = wire::money(answer, "price")?;
    if !price.is_positive() {
        return Err("`price` is not above zero".to_owned());
    }
    let currency = wire::currency(answer)?;
    let balance = wire::maybe_money(answer, "balance")?;
    let raw = answer.member("warnings").ok_or_else(|| {
        "`warnings` is missing, so it cannot be known that there are none: write [] for none".to_owned()
    })?;
    let word = answer.get("promo").map(|raw| json::text(raw).ok_or("`promo` is not a text")).transpose()?;
    let valid = |word: &str| if word == "valid" { PromoStatus::Valid } else { PromoStatus::Invalid };
    Ok(Price {
        price,
        has_balance: balance.is_some(),
        balance: Balance { amount: balance.unwrap_or_default(), currency },
        promo: word.as_deref().filter(|_| promo).map(valid),
        warnings: warnings(raw, mask),
    })
}

/// `[]` is none; every other shape warns.
fn warnings(raw: &RawValue, mask: &Mask) -> Vec<Warning> {
    let one = |raw: &RawValue| {
        let object = wire::object(raw.get()).ok();
        let text = |key: &str| object.as_ref()?.get(key).and_then(json::text);
        let message = match (text("code"), text("text")) {
            (Some(code), Some(text)) => format!("{code}: {text}"),
            (Some(one), None) | (None, Some(one)) => one.into_owned(),
            (None, None) => raw.get().to_owned(),
        };
        Warning { code: None, message: mask.quote(&message), short_of_funds: false }
    };
    match json::list(raw) {
        Some(all) => all.into_iter().map(one).collect(),
        None => vec![one(raw)],
    }
}

/// The answer to `balance`.
///
/// # Errors
/// What is missing or odd.
pub fn balance(answer: &Object<'_>) -> Result<Balance, String> {
    Ok(Balance { amount: wire::money(answer, "balance")?, currency: wire::currency(answer)? })
}

/// The answer to `periods`.
///
/// # Errors
/// What is missing or odd.
pub fn days(answer: &Object<'_>) -> Result<Vec<u32>, String> {
    let wrong = || "`days` is not a list of whole numbers".to_owned();
    let all = answer.get("days").and_then(json::list).ok_or_else(wrong)?;
    let one = |raw: &RawValue| json::whole(raw).and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0);
    all.into_iter().map(|raw| one(raw).ok_or_else(wrong)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{LeaseId, OrderId, Told};
    use crate::redact::Redactor;
    use rstest::rstest;

    fn lease(id: &str) -> RequestLease {
        RequestLease {
            id: LeaseId::from(id),
            order: OrderId::from("o"),
            ip: "203.0.113.1".to_owned(),
            port: None,
            expires_at: "2026-12-01T09:00:00Z".parse().unwrap(),
            told: Told::Instant,
        }
    }

    fn price(json: &str) -> Result<Price, String> {
        let mask = Mask::new(Redactor::default(), &"sk-12345".into());
        read(&wire::object(json).unwrap(), &[lease("a"), lease("b")], true, &mask)
    }

    const GOOD: &str = r#"{"leases":["b","a"],"price":"5.30","currency":"USD","balance":"9.00","warnings":[],"promo":"valid"}"#;

    #[test]
    fn a_price_is_for_exactly_the_asked_set() {
        let told = price(GOOD).unwrap();
        assert_eq!((told.price.to_string(), told.balance.amount.to_string()), ("5.30".into(), "9.00".into()));
        assert_eq!((told.promo, told.warnings.len(), told.has_balance), (Some(PromoStatus::Valid), 0, true));
        assert!(!price(&GOOD.replace(r#""balance":"9.00","#, "")).unwrap().has_balance);
    }

    #[test]
    fn days_are_whole_numbers() {
        let read = |json: &str| days(&wire::object(json).unwrap());
        assert_eq!(read(r#"{"days":[30,90]}"#), Ok(vec![30, 90]));
        for bad in [r#"{"days":["30"]}"#, r#"{"days":[0]}"#, r#"{"days":[1.5]}"#, r#"{"days":30}"#, "{}"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[rstest]
    #[case::fewer(r#"["b","a"]"#, r#"["a"]"#)]
    #[case::another(r#"["b","a"]"#, r#"["a","c"]"#)]
    #[case::twice(r#"["b","a"]"#, r#"["a","b","b"]"#)]
    #[case::a_number(r#""5.30""#, "5.30")]
    #[case::nothing(r#""5.30""#, r#""0.00""#)]
    #[case::below(r#""5.30""#, r#""-1.00""#)]
    #[case::no_currency(r#""currency":"USD","#, "")]
    #[case::small_letters(r#""USD""#, r#""usd""#)]
    #[case::a_numeric_balance(r#""9.00""#, "9.00")]
    #[case::warnings_untold(r#""warnings":[],"#, "")]
    fn anything_less_is_no_price(#[case] good: &str, #[case] bad: &str) {
        let text = GOOD.replacen(good, bad, 1);
        assert_ne!(text, GOOD);
        assert!(price(&text).is_err(), "{text}");
    }

    #[rstest]
    #[case::as_meant(r#"[{"code":"low","text":"sk-12345 is low"}]"#, "low: [redacted] is low")]
    #[case::a_text(r#"["soon"]"#, "\"soon\"")]
    #[case::no_list(r#""soon""#, "\"soon\"")]
    #[case::null("null", "null")]
    fn every_other_shape_of_warnings_warns(#[case] shape: &str, #[case] message: &str) {
        let told = price(&GOOD.replace("\"warnings\":[]", &format!("\"warnings\":{shape}"))).unwrap();
        assert_eq!(told.warnings[0].message, message);
    }
}
