//! The envelope around every free answer: HTTP status, `success`, `message`.
//!
//! Responsible for telling a good answer from an error, and which errors pass by themselves. Not for what spends or changes: those
//! answers go through `reply.rs` alone. Source: the vendor's reference, "Errors"; `success` is absent in `/me`,
//! `/orders/calculate` and `/proxies/available-count`.
use serde_json::value::RawValue;

use crate::domain::QuoteError;
use crate::providers::http::Reply;
use crate::providers::{ReadError, Words};

use super::json::{self, Object};

/// Why a free call brought nothing. Texts are clean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Network, time-out, an HTTP status that says nothing of the question.
    NoAnswer {
        /// What was seen.
        what: String,
        /// Another try may help.
        passing: bool,
    },
    /// The key is not taken: 401 or 403.
    Key {
        /// Which of the two.
        status: u16,
        /// The provider's words.
        message: String,
    },
    /// The provider's own error.
    Refused {
        /// HTTP status: 200 where only the body says it.
        status: u16,
        /// Its words.
        message: String,
    },
    /// Not what was asked for.
    Unreadable(String),
}

impl Trouble {
    /// Worth another try within seconds.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::NoAnswer { passing: true, .. })
    }

    /// The provider says that there is no such thing.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    /// Likely to befall the next question too.
    pub fn is_of_the_account(&self) -> bool {
        matches!(self, Self::NoAnswer { .. } | Self::Key { .. })
    }

    /// In words, for a log line.
    pub fn words(&self) -> String {
        match self {
            Self::NoAnswer { what, .. } | Self::Unreadable(what) => what.clone(),
            Self::Key { status, message } | Self::Refused { status, message } => {
                format!("HTTP status {status}: {message}")
            }
        }
    }
}

impl From<Trouble> for ReadError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::NoAnswer { what, .. } => Self::NoAnswer(what),
            Trouble::Key { status, message } => Self::WrongKey { code: status.into(), message },
            Trouble::Refused { status, message } => Self::Refused { code: status.into(), message },
            Trouble::Unreadable(what) => Self::Unreadable(what),
        }
    }
}

impl From<Trouble> for QuoteError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::NoAnswer { what, .. } => Self::NoAnswer(what),
            Trouble::Key { status, message } | Trouble::Refused { status, message } => {
                Self::Refused { code: status.into(), message }
            }
            Trouble::Unreadable(what) => Self::Unreadable(what),
        }
    }
}

/// Anything but 200 is no answer; 4xx with the provider's own body is its refusal.
pub fn check_status(reply: &Reply, words: &Words) -> Result<(), Trouble> {
    let status = reply.status;
    let nothing =
        |passing| Trouble::NoAnswer { what: format!("HTTP status {status} instead of 200"), passing };
    let refusal = refusal(&reply.body, words);
    Err(match (status, refusal) {
        (200, _) => return Ok(()),
        (401 | 403, message) => Trouble::Key {
            status,
            message: message
                .unwrap_or_else(|| "no reason given; it may not come from the provider".to_owned()),
        },
        (408 | 429 | 500.., _) => nothing(true),
        (400..=499, Some(message)) => Trouble::Refused { status, message },
        _ => nothing(false),
    })
}

/// The words of a body that says `success: false`; `None` for any other body.
pub fn refusal(body: &[u8], words: &Words) -> Option<String> {
    let object = Object::parse(json::decoded(body).ok()?).ok()?;
    let refused = object.doubled().is_none() && object.get("success").and_then(json::flag) == Some(false);
    refused.then(|| message(&object, words).unwrap_or_default())
}

/// Opens an object that does not say `success: false`.
pub fn object<'a>(body: &'a [u8], words: &Words) -> Result<Object<'a>, Trouble> {
    let text = text(body)?;
    let object = Object::parse(text).map_err(|error| Trouble::Unreadable(not_json(text, &error, words)))?;
    if let Some(key) = object.doubled() {
        return Err(Trouble::Unreadable(format!("`{}` stands in it twice", words.quote(key))));
    }
    match object.get("success").map(json::flag) {
        None | Some(Some(true)) => Ok(object),
        Some(Some(false)) => {
            Err(Trouble::Refused { status: 200, message: message(&object, words).unwrap_or_default() })
        }
        Some(None) => Err(Trouble::Unreadable("`success` is neither true nor false".to_owned())),
    }
}

/// Opens a bare array.
pub fn array<'a>(body: &'a [u8], words: &Words) -> Result<Vec<&'a RawValue>, Trouble> {
    let text = text(body)?;
    if text.trim_start().starts_with('{') {
        // An error, or something that nobody expects here.
        object(body, words)?;
    }
    serde_json::from_str(text).map_err(|error| Trouble::Unreadable(not_json(text, &error, words)))
}

/// The list under this key. A success that has none there, or `null`, and counts nothing, lists nothing; an answer that does not say
/// `success` must have it.
pub fn listed<'a>(answer: &Object<'a>, key: &str) -> Result<Vec<&'a RawValue>, Trouble> {
    let none = answer.get("count").and_then(json::whole).is_none_or(|n| n == 0);
    match answer.get(key) {
        None if none && answer.get("success").and_then(json::flag) == Some(true) => Ok(Vec::new()),
        told => {
            told.and_then(json::list).ok_or_else(|| Trouble::Unreadable(format!("`{key}` is not a list")))
        }
    }
}

/// The `message` of an answer, cleaned.
pub fn message(object: &Object<'_>, words: &Words) -> Option<String> {
    object.get("message").and_then(json::text).map(|text| words.quote(&text)).filter(|text| !text.is_empty())
}

fn text(body: &[u8]) -> Result<&str, Trouble> {
    json::decoded(body).map_err(|_| Trouble::Unreadable("it is not UTF-8".to_owned()))
}

/// serde's words name line and column only; of the body nothing is shown.
pub fn not_json(text: &str, error: &serde_json::Error, words: &Words) -> String {
    if let Some(word) = json::no_number(text, error) {
        return format!("{word} stands in it, which is not a JSON number");
    }
    let what = if text.trim_start().starts_with('<') {
        "it is HTML, not JSON"
    } else {
        "it is not the JSON expected"
    };
    format!("{what} ({})", words.quote(&error.to_string()))
}
