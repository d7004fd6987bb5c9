//! The envelope around every free answer: `success`, the payload beside it, `error`.
//!
//! Responsible for telling a good answer from an error, and which errors pass by themselves. Not for payments: their answers go
//! through `reply.rs` alone. Source: client API pages, "Conventions" and "Codes".
use crate::domain::QuoteError;
use crate::providers::{ReadError, Words};

use super::wire::{self, Object};

/// The key is wrong.
const WRONG_KEY: i64 = 2;
/// The service is away; it comes back by itself.
const AWAY: i64 = 3;

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
        /// Its code.
        code: i64,
        /// Its text.
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
            Self::Error { code, .. } => *code == AWAY,
            Self::Unreadable(_) => false,
        }
    }

    /// The key is wrong: nothing else will be answered either.
    pub fn is_wrong_key(&self) -> bool {
        self.code() == Some(WRONG_KEY)
    }

    /// The provider's code, if it answered with one.
    pub fn code(&self) -> Option<i64> {
        match self {
            Self::Error { code, .. } => Some(*code),
            _ => None,
        }
    }
}

impl From<Trouble> for ReadError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::NoAnswer { what, .. } => Self::NoAnswer(what),
            Trouble::Error { code: WRONG_KEY, message } => Self::WrongKey { code: WRONG_KEY, message },
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

/// Anything but 200 is no answer at all, whatever stands in its body.
pub fn check_status(status: u16) -> Result<(), Trouble> {
    if status == 200 {
        return Ok(());
    }
    let passing = status == 429 || status >= 500;
    Err(Trouble::NoAnswer { what: format!("HTTP status {status} instead of 200"), passing })
}

/// Opens an answer that says `success: true` and no error.
pub fn open<'a>(body: &'a [u8], words: &Words) -> Result<Object<'a>, Trouble> {
    let text = wire::decoded(body).map_err(|_| unreadable("it is not UTF-8"))?;
    let object = Object::parse(text).map_err(|error| unreadable(&not_json(text, &error, words)))?;
    judge(object, words)
}

/// An answer that says `success: true` and no error.
pub fn judge<'a>(object: Object<'a>, words: &Words) -> Result<Object<'a>, Trouble> {
    if let Some(key) = object.doubled() {
        return Err(unreadable(&format!("`{}` stands in it twice", words.quote(key))));
    }
    let success = object.get("success").and_then(wire::flag);
    match (success, object.get("error")) {
        (Some(true), None) => Ok(object),
        (Some(false), Some(error)) => Err(error_of(error, words)),
        (Some(true), Some(_)) => Err(unreadable("it says success and an error")),
        (Some(false), None) => Err(unreadable("it says no success, but no error either")),
        (None, _) => Err(unreadable("it does not say `success`")),
    }
}

/// An error object's code and message.
pub fn code_and_message(error: &serde_json::value::RawValue, words: &Words) -> Option<(i64, String)> {
    let error = Object::parse(error.get()).ok()?;
    let code = error.get("code").and_then(wire::whole)?;
    let message = error.get("message").and_then(wire::text).map(|m| words.quote(&m)).unwrap_or_default();
    Some((code, message))
}

fn error_of(error: &serde_json::value::RawValue, words: &Words) -> Trouble {
    code_and_message(error, words).map_or_else(
        || unreadable("its error has no code that is a whole number"),
        |(code, message)| Trouble::Error { code, message },
    )
}

fn unreadable(what: &str) -> Trouble {
    Trouble::Unreadable(what.to_owned())
}

/// serde's words name line and column only; of the body no more than its first characters are shown.
pub fn not_json(text: &str, error: &serde_json::Error, words: &Words) -> String {
    if let Some(word) = wire::no_number(text, error) {
        return format!("{word} stands in it, which is not a JSON number");
    }
    let start: String = text.trim_start().chars().take(24).collect();
    let what = if start.starts_with('<') { "it is HTML, not JSON" } else { "it is not a JSON object" };
    format!("{what} ({})", words.quote(&error.to_string()))
}
