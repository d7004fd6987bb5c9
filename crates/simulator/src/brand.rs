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
    /// `proxyseller`.
    ProxySeller,
    /// `px6`.
    Px6,
}

impl Brand {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::YouProxy, Self::ProxyShard, Self::ProxySeller, Self::Px6];

    /// The word in a config.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::YouProxy => "youproxy",
            Self::ProxyShard => "proxyshard",
            Self::ProxySeller => "proxyseller",
            Self::Px6 => "px6",
        }
    }

    /// The name for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::YouProxy => "YouProxy",
            Self::ProxyShard => "ProxyShard",
            Self::ProxySeller => "Proxy-Seller",
            Self::Px6 => "px6",
        }
    }

    /// The account's name in the config that is printed. Each has its own, and its own port and key, so that both fit into
    /// one config.
    #[must_use]
    pub fn account(self) -> &'static str {
        match self {
            Self::YouProxy => "sim",
            Self::ProxyShard => "shard",
            Self::ProxySeller => "seller",
            Self::Px6 => "px",
        }
    }

    /// Where it listens unless told otherwise.
    #[must_use]
    pub fn port(self) -> u16 {
        match self {
            Self::YouProxy => 8787,
            Self::ProxyShard => 8788,
            Self::ProxySeller => 8789,
            Self::Px6 => 8790,
        }
    }

    /// The key it answers to unless told otherwise.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::YouProxy => "simulated-key",
            Self::ProxyShard => "simulated-shard-key",
            Self::ProxySeller => "simulated-seller-key",
            Self::Px6 => "simulated-px6-key",
        }
    }

    /// The folder of the printed config, below the home directory: a ledger of its own.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Self::YouProxy => "renewd-try",
            Self::ProxyShard => "renewd-try-shard",
            Self::ProxySeller => "renewd-try-seller",
            Self::Px6 => "renewd-try-px6",
        }
    }

    /// What the account's owner has to say in the printed config, since the provider does not tell it.
    #[must_use]
    pub fn owner_says(self) -> &'static str {
        if self == Self::Px6 { "provider_renews = \"off\"\n" } else { "" }
    }

    /// It sells days, and `period` says which.
    #[must_use]
    pub fn sells_days(self) -> bool {
        self != Self::ProxyShard
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
