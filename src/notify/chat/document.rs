//! The stored document of a message, read back to be said in another shape; and the channel that takes it as it is.
use jiff::Timestamp;
use serde::Deserialize;
use url::Url;

use super::Call;

/// A message, as [`crate::notify`] stores it for every channel but mail.
#[derive(Debug, Deserialize)]
pub(super) struct Document {
    pub key: String,
    pub occasion: String,
    pub severity: String,
    #[serde(default)]
    pub account: Option<String>,
    pub title: String,
    pub text: String,
    #[serde(default)]
    pub actions: Vec<String>,
    #[serde(default)]
    pub rows: Vec<Line>,
    #[serde(default)]
    pub more: usize,
    #[serde(default)]
    pub deadline: Option<Timestamp>,
    #[serde(default)]
    pub since: Option<Timestamp>,
    #[serde(default)]
    pub link: Option<String>,
}

/// How loud a message is to be, for services that have a colour, a priority or a sound for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Over,
    Info,
    Warning,
    Urgent,
}

/// One lease or order of it.
#[derive(Debug, Deserialize)]
pub(super) struct Line {
    pub what: String,
    #[serde(default)]
    pub stage: Option<String>,
    #[serde(default)]
    pub ends: Option<Timestamp>,
    #[serde(default)]
    pub amount: Option<String>,
    #[serde(default)]
    pub note: String,
}

impl Document {
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// It tells that something is over.
    pub fn is_over(&self) -> bool {
        self.occasion == "resolved"
    }

    /// How loud it is to be.
    pub fn tone(&self) -> Tone {
        match self.severity.as_str() {
            _ if self.is_over() => Tone::Over,
            "urgent" => Tone::Urgent,
            "warning" => Tone::Warning,
            _ => Tone::Info,
        }
    }
}

/// The document itself, with the token as a bearer's where there is one.
pub(super) fn post(url: Url, token: &str, document: &str) -> Call {
    let call = Call { method: reqwest::Method::POST, url, header: None, body: document.to_owned() };
    if token.is_empty() { call } else { call.with("Authorization", format!("Bearer {token}")) }
}
