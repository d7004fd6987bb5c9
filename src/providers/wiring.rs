//! Turns a provider's name into its adapter: besides the adapters' folders the only place that names one.
//!
//! Not responsible for the config: a [`Connection`] holds checked values.
use std::sync::Arc;

use jiff::SignedDuration;
use secrecy::SecretString;
use url::Url;

use super::limiter::Limiter;
use super::{Capabilities, Changer, Reader, Spender, Words, proxyshard, youproxy};
use crate::clock::Clock;
use crate::domain::{AccountName, ProviderName};
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
    #[error("account `{account}`: there is no provider `{provider}`: write `youproxy` or `proxyshard`")]
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

/// What a provider can do, without reaching for it; `None` where no adapter has that name.
#[must_use]
pub fn capabilities(provider: &ProviderName) -> Option<Capabilities> {
    match provider.as_str() {
        "youproxy" => Some(youproxy::capabilities()),
        "proxyshard" => Some(proxyshard::capabilities()),
        _ => None,
    }
}

/// The part that reads and quotes. It cannot spend.
///
/// # Errors
/// [`ConnectError`] where the provider is not known or its client cannot be made.
pub fn connect(provider: &ProviderName, connection: Connection) -> Result<Arc<dyn Reader>, ConnectError> {
    match provider.as_str() {
        "youproxy" => youproxy::reader(connection),
        "proxyshard" => proxyshard::reader(connection),
        _ => Err(ConnectError::NoProvider { account: connection.account, provider: provider.clone() }),
    }
}

/// The part that spends: only for commands that may pay.
///
/// # Errors
/// [`ConnectError`] where the provider is not known or its client cannot be made.
pub fn connect_spender(
    provider: &ProviderName,
    connection: Connection,
) -> Result<Arc<dyn Spender>, ConnectError> {
    match provider.as_str() {
        "youproxy" => youproxy::spender(connection),
        "proxyshard" => proxyshard::spender(connection),
        _ => Err(ConnectError::NoProvider { account: connection.account, provider: provider.clone() }),
    }
}

/// The part that changes orders: only for commands that may pay.
///
/// # Errors
/// [`ConnectError`] where the provider is not known or its client cannot be made.
pub fn connect_changer(
    provider: &ProviderName,
    connection: Connection,
) -> Result<Arc<dyn Changer>, ConnectError> {
    match provider.as_str() {
        "youproxy" => youproxy::changer(connection),
        "proxyshard" => proxyshard::changer(connection),
        _ => Err(ConnectError::NoProvider { account: connection.account, provider: provider.clone() }),
    }
}
