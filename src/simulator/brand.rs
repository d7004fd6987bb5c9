//! Which provider is simulated, by the word that `provider` has in a config. Not responsible for any of them.
use std::fmt;
use std::str::FromStr;

/// A provider that can be simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Brand {
    /// `youproxy`.
    #[default]
    YouProxy,
    /// `proxyshard`.
    ProxyShard,
}

impl Brand {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::YouProxy, Self::ProxyShard];

    /// The word in a config.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::YouProxy => "youproxy",
            Self::ProxyShard => "proxyshard",
        }
    }

    /// The name for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::YouProxy => "YouProxy",
            Self::ProxyShard => "ProxyShard",
        }
    }

    /// The account's name in the config that is printed. Each has its own, and its own port and key, so that both fit into
    /// one config.
    #[must_use]
    pub fn account(self) -> &'static str {
        match self {
            Self::YouProxy => "sim",
            Self::ProxyShard => "shard",
        }
    }

    /// Where it listens unless told otherwise.
    #[must_use]
    pub fn port(self) -> u16 {
        match self {
            Self::YouProxy => 8787,
            Self::ProxyShard => 8788,
        }
    }

    /// The key it answers to unless told otherwise.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::YouProxy => "simulated-key",
            Self::ProxyShard => "simulated-shard-key",
        }
    }

    /// The folder of the printed config, below the home directory: a ledger of its own.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Self::YouProxy => "renewd-try",
            Self::ProxyShard => "renewd-try-shard",
        }
    }

    /// Orders stay for a while after their end, on hold, and are listed as cancelled when they are gone.
    #[must_use]
    pub fn keeps_ended_orders(self) -> bool {
        self == Self::ProxyShard
    }
}

impl fmt::Display for Brand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The word names no provider that can be simulated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no simulated provider `{word}`: write {}", Brand::ALL.map(Brand::as_str).join(" or "))]
pub struct NoBrand {
    word: String,
}

impl FromStr for Brand {
    type Err = NoBrand;

    fn from_str(word: &str) -> Result<Self, NoBrand> {
        let found = Self::ALL.into_iter().find(|brand| brand.as_str() == word);
        found.ok_or_else(|| NoBrand { word: word.chars().take(40).collect() })
    }
}
