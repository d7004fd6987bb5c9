//! Names of things. Ids are opaque text: never numbers, never parsed, compared to the letter.
use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the text as it is.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

name_type!(
    /// The operator's name for an account (`[[account]] name`).
    AccountName
);
name_type!(
    /// A provider's name as in the config: `youproxy`, `proxyshard`, `px6`.
    ProviderName
);
impl ProviderName {
    /// What all programs of the owner's are called, whoever sells behind them.
    pub const PROGRAM: &str = "exec";

    /// It is a program of the owner's. Two accounts of such a provider may be with different vendors, so ids and orders of the one say
    /// nothing of the other's.
    #[must_use]
    pub fn is_program(&self) -> bool {
        self.0 == Self::PROGRAM
    }
}

name_type!(
    /// The provider's own id of a lease (YouProxy `ipAddressId`).
    LeaseId
);
name_type!(
    /// The provider's own id of an order.
    OrderId
);
name_type!(
    /// renewd's id of a payment intent, as people type it for `resolve`.
    IntentId
);
name_type!(
    /// What is rented: YouProxy `IPv4`, `IPv6`, `MOBILE`, `ISP`; elsewhere a product name.
    Kind
);
impl Kind {
    /// Of what is not told what it is.
    pub const UNKNOWN: &str = "unknown";

    /// It was not told, or could not be read.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.0 == Self::UNKNOWN
    }
}

name_type!(
    /// An ISO 4217 code as the provider spells it.
    Currency
);
