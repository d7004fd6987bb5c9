//! Where an order stands. Not responsible for the words of one provider: its adapter translates them.
use serde::{Deserialize, Serialize};

/// Where an order stands at the provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// In service.
    Active,
    /// Past its end and kept for a while: it can still be renewed.
    OnHold,
    /// A word that nobody knows: hands off. The text is the provider's, cleaned.
    Other(String),
}

impl OrderState {
    /// The word in the ledger.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Active => "active",
            Self::OnHold => "on-hold",
            Self::Other(word) => word,
        }
    }

    /// The state of a stored word.
    #[must_use]
    pub fn stored(word: &str) -> Self {
        match word {
            "active" => Self::Active,
            "on-hold" => Self::OnHold,
            other => Self::Other(other.to_owned()),
        }
    }
}
