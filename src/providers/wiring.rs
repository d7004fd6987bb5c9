//! Turns a provider's name into its adapter: besides the adapters' folders the only place that names one.
//!
//! Not responsible for the config: a [`Connection`] holds checked values.
use std::sync::Arc;

use super::connection::{ConnectError, Connection};
use super::{Capabilities, Changer, Reader, Spender, proxyseller, proxyshard, px6, youproxy};
use crate::domain::ProviderName;

/// What a provider can do, without reaching for it; `None` where no adapter has that name.
#[must_use]
pub fn capabilities(provider: &ProviderName) -> Option<Capabilities> {
    match provider.as_str() {
        "youproxy" => Some(youproxy::capabilities()),
        "proxyshard" => Some(proxyshard::capabilities()),
        "proxyseller" => Some(proxyseller::capabilities()),
        "px6" => Some(px6::capabilities()),
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
        "proxyseller" => proxyseller::reader(connection),
        "px6" => px6::reader(connection),
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
        "proxyseller" => proxyseller::spender(connection),
        "px6" => px6::spender(connection),
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
        "proxyseller" => proxyseller::changer(connection),
        "px6" => Ok(px6::changer()),
        _ => Err(ConnectError::NoProvider { account: connection.account, provider: provider.clone() }),
    }
}
