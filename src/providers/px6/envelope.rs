//! What every answer of px6 begins with: `status`, whose account it is, its balance; or an error's number and words.
//!
//! Responsible for telling a good answer from an error, and which errors pass by themselves. Not for payments: their answers go
//! through `reply.rs` alone. Source: the vendor's developer page. A failure is an ordinary answer; only the limit answers by HTTP.
use crate::domain::identity::fingerprint;
use crate::domain::{Balance, QuoteError};
use crate::providers::{ReadError, Words};

use super::wire::{self, Object};

/// "Error unknown".
const UNKNOWN: i64 = 30;
/// The key is wrong.
const WRONG_KEY: i64 = 100;
/// The account takes calls from other addresses only.
const ADDRESS: i64 = 105;
/// Of a price: a term that is not sold.
pub const NOT_SOLD: [i64; 2] = [210, 410];

/// Why a free call brought nothing. Texts are clean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Network, time-out, HTTP status.
    NoAnswer {
        /// What was seen.
        what: String,
        /// Another try may help.
        passing: bool,
    },
    /// The provider's own error.
    Error {
        /// Its number.
        code: i64,
        /// Its words.
        message: String,
    },
    /// Not what was asked for.
    Unreadable(String),
}

impl Trouble {
    /// Worth another try within seconds.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::NoAnswer { passing, .. } => *passing,
            Self::Error { code, .. } => *code == UNKNOWN,
            Self::Unreadable(_) => false,
        }
    }

    /// Likely to befall the next question too.
    pub fn is_of_the_account(&self) -> bool {
        match self {
            Self::NoAnswer { .. } => true,
            Self::Error { code, .. } => [WRONG_KEY, ADDRESS].contains(code),
            Self::Unreadable(_) => false,
        }
    }
}

impl From<Trouble> for ReadError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::NoAnswer { what, .. } => Self::NoAnswer(what),
            Trouble::Error { code: WRONG_KEY, message } => Self::WrongKey { code: WRONG_KEY, message },
            Trouble::Error { code: ADDRESS, message } => Self::Refused {
                code: ADDRESS,
                message: format!(
                    "{message}; the account's list of allowed addresses may lack this machine's"
                ),
            },
            Trouble::Error { code, message } => Self::Refused { code, message },
            Trouble::Unreadable(what) => Self::Unreadable(what),
        }
    }
}

impl From<Trouble> for QuoteError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::NoAnswer { what, .. } => Self::NoAnswer(what),
            Trouble::Error { code, message } => Self::Refused { code, message },
            Trouble::Unreadable(what) => Self::Unreadable(what),
        }
    }
}

/// Anything but 200 is no answer at all, whatever stands in its body. 429 and, of older servers, 503 are the limit.
pub fn check_status(status: u16) -> Result<(), Trouble> {
    if status == 200 {
        return Ok(());
    }
    let passing = matches!(status, 408 | 429 | 500..);
    Err(Trouble::NoAnswer { what: format!("HTTP status {status} instead of 200"), passing })
}

/// Opens an answer that says `yes` and no error.
pub fn open<'a>(body: &'a [u8], words: &Words) -> Result<Object<'a>, Trouble> {
    let unreadable = |what: &str| Trouble::Unreadable(what.to_owned());
    let answer = object(body, words).map_err(Trouble::Unreadable)?;
    match (said(&answer), answer.get("error_id")) {
        (Some(true), None) => Ok(answer),
        (Some(true), Some(_)) => Err(unreadable("it says success and an error")),
        (Some(false), Some(raw)) => {
            let code = wire::number(raw).ok_or_else(|| unreadable("its `error_id` is not a whole number"))?;
            Err(Trouble::Error { code, message: message(&answer, words) })
        }
        (Some(false), None) => Err(unreadable("it says no success, but no error either")),
        (None, _) => Err(unreadable("its `status` is neither yes nor no")),
    }
}

/// An object in which no key stands twice, or what is wrong with it.
pub fn object<'a>(body: &'a [u8], words: &Words) -> Result<Object<'a>, String> {
    let text = wire::decoded(body).map_err(|_| "it is not UTF-8".to_owned())?;
    let answer = Object::parse(text).map_err(|error| not_json(text, &error, words))?;
    match answer.doubled() {
        Some(key) => Err(format!("`{}` stands in it twice", words.quote(key))),
        None => Ok(answer),
    }
}

/// `yes` or `no`, to the letter.
pub fn said(answer: &Object<'_>) -> Option<bool> {
    match answer.get("status").and_then(wire::text)?.as_ref() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

/// The words of an error, cleaned.
pub fn message(answer: &Object<'_>, words: &Words) -> String {
    let told = answer.get("error").and_then(wire::text);
    told.map(|text| words.quote(&text)).unwrap_or_default()
}

/// The account's balance, which stands in every good answer.
pub fn balance(answer: &Object<'_>) -> Result<Balance, Trouble> {
    let told = answer.get("balance");
    let amount = told.and_then(wire::money).ok_or_else(|| {
        let spelled = told.map(wire::spelled).unwrap_or_default();
        Trouble::Unreadable(format!("`balance` is not an amount that renewd can hold{spelled}"))
    })?;
    let currency = answer.get("currency").and_then(wire::currency);
    let currency = currency.ok_or_else(|| Trouble::Unreadable("`currency` is not a currency".to_owned()))?;
    Ok(Balance { amount, currency })
}

/// A hash of the provider's number of whose account this is: the account is known by it after its key was changed.
pub fn owner(answer: &Object<'_>) -> Option<String> {
    let id = answer.get("user_id").and_then(wire::id)?;
    Some(fingerprint("", &"px6".into(), "", &id))
}

/// serde's words name line and column only; of the body nothing is shown.
fn not_json(text: &str, error: &serde_json::Error, words: &Words) -> String {
    if let Some(word) = wire::no_number(text, error) {
        return format!("{word} stands in it, which is not a JSON number");
    }
    let html = text.trim_start().starts_with('<');
    let what = if html { "it is HTML, not JSON" } else { "it is not a JSON object" };
    format!("{what} ({})", words.quote(&error.to_string()))
}
