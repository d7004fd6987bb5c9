//! The JSON between renewd and a program: the one object that it is given, and the one line that it answers with.
//!
//! Pure. Not responsible for what an answer means. Money is a text and never a number: silent floats are the oldest mistake here.
use jiff::Timestamp;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::domain::{Currency, Money, RenewalRequest};
use crate::providers::json::{self, Object};

use super::can::PROTOCOL;

/// The most that stands in an id, an address or a word.
const LONGEST: usize = 256;

/// What a program is asked.
#[derive(Serialize)]
struct Question<'a, A> {
    protocol: u32,
    request: &'a str,
    verb: &'a str,
    account: &'a str,
    now: String,
    deadline_s: u64,
    settings: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<Secret<'a>>,
    args: &'a A,
}

#[derive(Serialize)]
struct Secret<'a> {
    api_key: &'a str,
}

/// What every question says.
pub struct Head<'a> {
    /// Its name, which the answer repeats.
    pub request: &'a str,
    /// What is to be done.
    pub verb: &'a str,
    /// Whose account.
    pub account: &'a str,
    /// Now.
    pub now: Timestamp,
    /// It is asked to end after so many seconds.
    pub deadline_s: u64,
    /// The account's `settings`.
    pub settings: &'a RawValue,
    /// The key, where it goes this way.
    pub key: Option<&'a SecretString>,
}

/// The object on a program's standard input.
pub fn question(head: &Head<'_>, args: &impl Serialize) -> Zeroizing<Vec<u8>> {
    let question = Question {
        protocol: PROTOCOL,
        request: head.request,
        verb: head.verb,
        account: head.account,
        now: head.now.to_string(),
        deadline_s: head.deadline_s,
        settings: head.settings,
        secret: head.key.map(|key| Secret { api_key: key.expose_secret() }),
        args,
    };
    Zeroizing::new(serde_json::to_vec(&question).expect("texts and numbers always make JSON"))
}

/// A term, as every verb says it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Term<'a> {
    /// So many days.
    Days(u32),
    /// One of the order's cycles.
    Cycle(&'a str),
}

impl<'a> Term<'a> {
    /// Of a request.
    pub fn of(request: &'a RenewalRequest) -> Self {
        request.cycle.as_deref().map_or(Self::Days(request.period_days), Self::Cycle)
    }
}

/// No arguments.
#[derive(Serialize)]
pub struct Nothing {}

/// Arguments of `periods`.
#[derive(Serialize)]
pub struct KindArgs<'a> {
    /// Of what.
    pub kind: &'a str,
}

/// Arguments of `quote`.
#[derive(Serialize)]
pub struct QuoteArgs<'a> {
    /// What they are; of one kind all of them.
    pub kind: &'a str,
    /// What is to be extended.
    pub leases: Vec<Ends<'a>>,
    /// By how much.
    pub term: Term<'a>,
    /// The promo code, where the policy has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promo: Option<&'a str>,
}

/// A lease with the end that it has.
#[derive(Serialize)]
pub struct Ends<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its order.
    pub order: &'a str,
    /// RFC 3339.
    pub ends: String,
}

/// Arguments of `extend`.
#[derive(Serialize)]
pub struct ExtendArgs<'a> {
    /// What they are; of one kind all of them.
    pub kind: &'a str,
    /// What is to be extended.
    pub leases: Vec<Extended<'a>>,
    /// By how much.
    pub term: Term<'a>,
    /// The price that was quoted for exactly that.
    pub price: String,
    /// In what.
    pub currency: &'a str,
    /// 1, or 2 for the one second attempt after evidence.
    pub attempt: u32,
    /// renewd's name for the payment: the same payment never comes twice.
    pub intent: &'a str,
    /// The promo code, where the policy has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promo: Option<&'a str>,
}

/// A lease that is to be extended.
#[derive(Serialize)]
pub struct Extended<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its order.
    pub order: &'a str,
    /// Its address.
    pub ip: &'a str,
    /// The end that it has now: with another, nothing is to be paid.
    pub expected_end: String,
}

/// Arguments of `set_auto_renewal`.
#[derive(Serialize)]
pub struct AutoArgs<'a> {
    /// What they are.
    pub kind: &'a str,
    /// Ids of leases.
    pub leases: Vec<&'a str>,
    /// On or off.
    pub on: bool,
}

/// The one object of an answer, which repeats protocol and request.
pub fn answer<'a>(said: &'a [u8], request: &str) -> Result<Object<'a>, String> {
    let text = std::str::from_utf8(said).map_err(|_| "the answer is not UTF-8".to_owned())?;
    let line = text.strip_suffix('\n').unwrap_or(text);
    if line.trim().is_empty() {
        return Err("there is no answer".to_owned());
    }
    if line.contains('\n') {
        return Err("the answer is more than one line".to_owned());
    }
    let object = object(line)?;
    ours(&object, request)?;
    Ok(object)
}

/// A JSON object in which no key stands twice.
pub fn object(line: &str) -> Result<Object<'_>, String> {
    // The position alone: serde's words may hold what stands there.
    let object = Object::parse(line)
        .map_err(|e| format!("the answer is not a JSON object (column {})", e.column()))?;
    match object.doubled() {
        Some(_) => Err("a key stands twice in the answer".to_owned()),
        None => Ok(object),
    }
}

/// Whether it answers this question.
pub fn ours(object: &Object<'_>, request: &str) -> Result<(), String> {
    if object.get("protocol").and_then(json::whole) != Some(i64::from(PROTOCOL)) {
        return Err(format!("the answer's `protocol` is not {PROTOCOL}"));
    }
    match object.get("request").and_then(json::text) {
        Some(told) if told == request => Ok(()),
        _ => Err("the answer's `request` is not the one that was asked".to_owned()),
    }
}

/// A text that names something: not empty, one line, not long.
pub fn name<'a>(object: &Object<'a>, key: &str) -> Result<std::borrow::Cow<'a, str>, String> {
    let raw = object.get(key).ok_or_else(|| format!("`{key}` is missing"))?;
    let text = json::text(raw).ok_or_else(|| format!("`{key}` is not a text"))?;
    if text.trim() != text || text.is_empty() || text.len() > LONGEST || text.chars().any(char::is_control) {
        return Err(format!("`{key}` is empty, too long, or has blanks or control characters around it"));
    }
    Ok(text)
}

/// The same, where it may be missing.
pub fn maybe_name<'a>(object: &Object<'a>, key: &str) -> Result<Option<std::borrow::Cow<'a, str>>, String> {
    object.get(key).map(|_| name(object, key)).transpose()
}

/// An amount: a decimal text.
pub fn money(object: &Object<'_>, key: &str) -> Result<Money, String> {
    let raw = object.get(key).ok_or_else(|| format!("`{key}` is missing"))?;
    let text =
        json::text(raw).ok_or_else(|| format!("`{key}` is not an amount in quotes, such as \"2.65\""))?;
    text.parse().map_err(|_| format!("`{key}` is not an amount such as \"2.65\""))
}

/// The same, where it may be missing.
pub fn maybe_money(object: &Object<'_>, key: &str) -> Result<Option<Money>, String> {
    object.get(key).map(|_| money(object, key)).transpose()
}

/// A currency: three capitals.
pub fn currency(object: &Object<'_>) -> Result<Currency, String> {
    let text = name(object, "currency")?;
    if text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase()) {
        return Ok(Currency::new(text));
    }
    Err("`currency` is not three capitals such as \"USD\"".to_owned())
}

/// A list of ids.
pub fn ids(object: &Object<'_>, key: &str) -> Result<Vec<String>, String> {
    let wrong = || format!("`{key}` is not a list of texts");
    let raw = object.get(key).ok_or_else(|| format!("`{key}` is missing"))?;
    let all = json::list(raw).ok_or_else(wrong)?;
    all.into_iter().map(|id| json::text(id).map(std::borrow::Cow::into_owned).ok_or_else(wrong)).collect()
}

/// An instant: RFC 3339 with an offset.
pub fn instant(text: &str) -> Option<Timestamp> {
    // jiff reads more spellings than that; none of them is meant here.
    let shape = text.as_bytes().get(4) == Some(&b'-') && matches!(text.as_bytes().get(10), Some(b'T' | b't'));
    let zoned = text.ends_with(['Z', 'z']) || text.get(19..).is_some_and(|rest| rest.contains(['+', '-']));
    let plain = text.chars().all(|c| c.is_ascii_digit() || "-+:.TtZz".contains(c));
    if shape && zoned && plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_one_line_that_repeats_its_question() {
        let good = r#"{"protocol":1,"request":"r-1","x":1}"#;
        for said in [good.to_owned(), format!("{good}\n")] {
            assert!(answer(said.as_bytes(), "r-1").is_ok());
        }
        for bad in [
            String::new(),
            "\n".to_owned(),
            format!("{good}\n{good}\n"),
            format!("{good}\n\n"),
            format!("log\n{good}"),
            good[..20].to_owned(),
            good.replace("r-1", "r-2"),
            good.replace("\"protocol\":1", "\"protocol\":2"),
            good.replace("\"protocol\":1", "\"protocol\":\"1\""),
            good.replace("\"x\"", "\"request\""),
            format!("[{good}]"),
            format!("{good} {good}"),
        ] {
            assert!(answer(bad.as_bytes(), "r-1").is_err(), "{bad}");
        }
        assert!(answer(b"\xff\xfe{}", "r-1").is_err());
    }

    #[test]
    fn money_is_text_and_instants_have_an_offset() {
        let of = |json: &str| Object::parse(json).ok().and_then(|o| money(&o, "price").ok());
        assert_eq!(of(r#"{"price":"2.65"}"#).unwrap().to_string(), "2.65");
        for bad in
            [r#"{"price":2.65}"#, r#"{"price":"2,65"}"#, r#"{"price":"2.65 USD"}"#, r#"{"price":""}"#, "{}"]
        {
            assert_eq!(of(bad), None, "{bad}");
        }
        for good in ["2026-11-29T18:00:00Z", "2026-11-29T19:00:00.5+01:00", "2026-11-29t18:00:00-00:30"] {
            assert!(instant(good).is_some(), "{good}");
        }
        for bad in [
            "2026-11-29",
            "2026-11-29T18:00:00",
            "2026-11-29 18:00:00Z",
            "1764439200",
            "soon",
            "",
            "2026-11-29T18:00:00[UTC]",
        ] {
            assert_eq!(instant(bad), None, "{bad}");
        }
    }
}
