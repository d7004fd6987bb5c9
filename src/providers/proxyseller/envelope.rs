//! What surrounds every answer: `{status, data, errors}`. Responsible for telling good answers from errors, and what the fixed answer to
//! an access that is refused looks like. Not for what an answer to a payment proves (`reply.rs`).
use serde_json::value::RawValue;

use crate::domain::QuoteError;
use crate::providers::{ReadError, Words};

use super::wire::{self, Object};

/// The code of a refused access: a wrong key, an address that is not allowed, too many requests.
const NO_ACCESS: i64 = 503;

/// One element of `errors`; its text is clean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coded {
    /// The code.
    pub code: i64,
    /// Its text.
    pub message: String,
}

/// An answer within its envelope.
#[derive(Clone, Copy)]
pub enum Opened<'a> {
    /// `status: "success"`, and no error.
    Success(&'a RawValue),
    /// `status: "error"`: `data`, if it is not `null`, and the elements of `errors`.
    Error(Option<&'a RawValue>, Option<&'a RawValue>),
}

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
    Error(Coded),
    /// Not what was asked for.
    Unreadable(String),
}

impl Trouble {
    /// Worth another try within seconds. A refused access may be one for too many requests: more of them help nobody.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::NoAnswer { passing: true, .. })
    }
}

impl From<Trouble> for ReadError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::NoAnswer { what, .. } => Self::NoAnswer(what),
            Trouble::Error(Coded { code, message }) => Self::Refused { code, message },
            Trouble::Unreadable(what) => Self::Unreadable(what),
        }
    }
}

impl From<Trouble> for QuoteError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::NoAnswer { what, .. } => Self::NoAnswer(what),
            Trouble::Error(Coded { code, message }) => Self::Refused { code, message },
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

/// Opens an answer; the text says why it is none.
pub fn open<'a>(body: &'a [u8], words: &Words) -> Result<Opened<'a>, String> {
    let text = wire::decoded(body).map_err(|_| "it is not UTF-8".to_owned())?;
    let answer = Object::parse(text).map_err(|error| not_json(text, &error, words))?;
    if let Some(key) = answer.doubled() {
        return Err(format!("`{}` stands in it twice", words.quote(key)));
    }
    let errors = answer.get("errors");
    match answer.get("status").and_then(wire::text).as_deref() {
        Some("success") if errors.is_some_and(|raw| !is_empty(raw)) => {
            Err("it says success and an error".to_owned())
        }
        Some("success") => answer
            .get("data")
            .map(Opened::Success)
            .ok_or_else(|| "it says success, but there is no `data` in it".to_owned()),
        Some("error") => Ok(Opened::Error(answer.get("data"), errors)),
        _ => Err("its `status` is neither success nor error".to_owned()),
    }
}

/// The `data` of a free call that went well.
pub fn data<'a>(body: &'a [u8], words: &Words) -> Result<&'a RawValue, Trouble> {
    match open(body, words).map_err(Trouble::Unreadable)? {
        Opened::Success(data) => Ok(data),
        Opened::Error(_, raw) => Err(trouble(raw, words)),
    }
}

/// The same as an object without doubled keys.
pub fn object<'a>(body: &'a [u8], words: &Words) -> Result<Object<'a>, Trouble> {
    fields(data(body, words)?, words)
}

/// An object without doubled keys.
pub fn fields<'a>(raw: &'a RawValue, words: &Words) -> Result<Object<'a>, Trouble> {
    let object =
        Object::parse(raw.get()).map_err(|_| Trouble::Unreadable("`data` is not an object".to_owned()))?;
    match object.doubled() {
        Some(key) => Err(Trouble::Unreadable(format!("`{}` stands in it twice", words.quote(key)))),
        None => Ok(object),
    }
}

/// What an error says: the first of its elements, or that it says nothing.
pub fn trouble(errors: Option<&RawValue>, words: &Words) -> Trouble {
    match coded(errors, words) {
        Some(all) if is_access(&all) => Trouble::Error(access(&all)),
        Some(all) => match all.into_iter().next() {
            Some(first) => Trouble::Error(first),
            None => Trouble::Unreadable("it is an error without a word of what is wrong".to_owned()),
        },
        None => Trouble::Unreadable("its `errors` are not a list of codes with texts".to_owned()),
    }
}

/// The elements of `errors`; `None` where one of them cannot be read.
pub fn coded(errors: Option<&RawValue>, words: &Words) -> Option<Vec<Coded>> {
    let Some(raw) = errors else { return Some(Vec::new()) };
    wire::list(raw)?.into_iter().map(|raw| one(raw, words)).collect()
}

fn one(raw: &RawValue, words: &Words) -> Option<Coded> {
    let error = Object::parse(raw.get()).ok().filter(|error| error.doubled().is_none())?;
    let code = error.get("code")?;
    let code = wire::whole(code).or_else(|| wire::text(code)?.trim().parse().ok())?;
    let message = error.get("message").and_then(wire::text).map(|m| words.quote(&m)).unwrap_or_default();
    Some(Coded { code, message })
}

/// The one fixed answer to a refused access: three errors, all of one code, the first always with this text.
pub fn is_access(errors: &[Coded]) -> bool {
    let named = |first: &Coded| first.message.to_ascii_lowercase().starts_with("error api key");
    errors.len() == 3 && errors.iter().all(|e| e.code == NO_ACCESS) && errors.first().is_some_and(named)
}

/// What that says to people: the first text names the key, whatever it was.
pub fn access(errors: &[Coded]) -> Coded {
    let said = errors.first().map(|e| e.message.as_str()).unwrap_or_default();
    let message = format!(
        "no access ({said}): the API key is wrong, it may not be used from this machine's address, or there were too many requests"
    );
    Coded { code: NO_ACCESS, message }
}

fn is_empty(raw: &RawValue) -> bool {
    wire::list(raw).is_some_and(|items| items.is_empty())
}

/// serde's words name line and column only; of the body no more than its first characters are shown.
fn not_json(text: &str, error: &serde_json::Error, words: &Words) -> String {
    if let Some(word) = wire::no_number(text, error) {
        return format!("{word} stands in it, which is not a JSON number");
    }
    let what =
        if text.trim_start().starts_with('<') { "it is HTML, not JSON" } else { "it is not a JSON object" };
    format!("{what} ({})", words.quote(&error.to_string()))
}
