//! Why a free call of a program told nothing, and what that is in the port's words. Pure.
use std::time::Duration;

use crate::domain::QuoteError;
use crate::providers::ReadError;

/// The longest that is waited because a program asks for it.
const LONGEST_WAIT: u64 = 60;

/// Why a free call told nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The program says what went wrong.
    Said {
        /// The word.
        kind: String,
        /// Its text, masked.
        text: String,
        /// When to try again.
        after: Option<u64>,
    },
    /// It may not run, or did not answer.
    NoAnswer(String),
    /// What it said cannot be read.
    Unreadable(String),
}

impl Trouble {
    /// How long to wait before it is tried again, where that may help.
    pub fn passes(&self, tried: u32) -> Option<Duration> {
        let Self::Said { kind, after, .. } = self else { return None };
        let usual = Duration::from_secs(1 << tried.min(4));
        let asked = after.map(|s| Duration::from_secs(s.min(LONGEST_WAIT)));
        matches!(kind.as_str(), "unavailable" | "rate_limited").then(|| asked.unwrap_or(usual))
    }

    /// In words.
    pub fn text(&self) -> String {
        match self {
            Self::Said { kind, text, .. } => format!("{kind}: {text}"),
            Self::NoAnswer(why) | Self::Unreadable(why) => why.clone(),
        }
    }
}

impl From<Trouble> for ReadError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Said { kind, text, .. } => match kind.as_str() {
                "wrong_key" => Self::WrongKey { code: 1, message: text },
                "unavailable" | "rate_limited" => Self::NoAnswer(format!("{kind}: {text}")),
                _ => Self::Refused { code: 1, message: format!("{kind}: {text}") },
            },
            Trouble::NoAnswer(why) => Self::NoAnswer(why),
            Trouble::Unreadable(why) => Self::Unreadable(why),
        }
    }
}

impl From<Trouble> for QuoteError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Said { kind, text, .. } if matches!(kind.as_str(), "unavailable" | "rate_limited") => {
                Self::NoAnswer(format!("{kind}: {text}"))
            }
            Trouble::Said { kind, text, .. } => Self::Refused { code: 1, message: format!("{kind}: {text}") },
            Trouble::NoAnswer(why) => Self::NoAnswer(why),
            Trouble::Unreadable(why) => Self::Unreadable(why),
        }
    }
}
