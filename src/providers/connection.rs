//! What an adapter needs to reach one account, and why it could not be built. Not responsible for building one (`wiring.rs`).
use std::sync::Arc;

use jiff::SignedDuration;
use secrecy::SecretString;
use url::Url;

use super::Words;
use super::limiter::Limiter;
use crate::clock::Clock;
use crate::domain::{AccountName, OwnerSays, ProviderName};
use crate::redact::Redactor;

/// What an adapter needs to reach one account.
#[derive(Clone)]
pub struct Connection {
    /// The operator's name for the account; it stands in every lease.
    pub account: AccountName,
    /// Scheme and host, perhaps a path; https, or http to a loopback address.
    pub base_url: Url,
    /// The provider's key.
    pub api_key: SecretString,
    /// For one read, whole.
    pub read_timeout: SignedDuration,
    /// For one money call, whole: cutting it off makes its outcome unknown.
    pub money_timeout: SignedDuration,
    /// Knows the secrets of the process.
    pub redactor: Redactor,
    /// Tells the time and waits between tries.
    pub clock: Arc<dyn Clock>,
    /// The account's request limit: the reader and the spender must share one.
    pub limiter: Arc<dyn Limiter>,
    /// What the provider does not tell.
    pub owner_says: OwnerSays,
}

impl Connection {
    /// What cleans the provider's words.
    #[must_use]
    pub fn words(&self) -> Words {
        Words::new(self.redactor.clone(), &self.api_key)
    }
}

/// Why an adapter could not be built. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// No adapter of that name.
    #[error(
        "account `{account}`: there is no provider `{provider}`: write `youproxy`, `proxyshard`, `proxyseller` or `px6`"
    )]
    NoProvider {
        /// The account.
        account: AccountName,
        /// What was asked for.
        provider: ProviderName,
    },
    /// No path can be put behind the base URL.
    #[error("account `{account}`: `base_url` cannot be used: write it as https://HOST")]
    BaseUrl {
        /// The account.
        account: AccountName,
    },
    /// The key cannot stand in a URL.
    #[error(
        "account `{account}`: the API key is empty or dots only: put the key into the place that `api_key` names"
    )]
    Key {
        /// The account.
        account: AccountName,
    },
    /// The key cannot stand in a header.
    #[error(
        "account `{account}`: the API key is empty or holds a character that no header can carry: put the key alone into the place that `api_key` names"
    )]
    KeyText {
        /// The account.
        account: AccountName,
    },
    /// The HTTP client could not be made, such as for want of root certificates.
    #[error(
        "account `{account}`: no HTTPS client ({message}): see that the package ca-certificates is installed"
    )]
    Client {
        /// The account.
        account: AccountName,
        /// The library's words, cleaned.
        message: String,
    },
}
