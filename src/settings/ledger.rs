//! `[ledger]`: a server that keeps it, in the place of a file. Not responsible for what its URL says, beyond that it is one.
use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};

use super::draft::{Draft, secret};
use super::secret::Vault;
use super::values as v;

/// The shortest lease that a node which renews it six times in it can keep.
const SHORTEST: SignedDuration = SignedDuration::from_secs(1);

/// `[ledger]`.
#[derive(Debug, Clone)]
pub struct LedgerSettings {
    /// Where it is, a secret; `None` = a file in the state folder.
    pub url: Option<SecretString>,
    /// Pay although a failover of the database may lose a payment.
    pub allow_async_standby: bool,
    /// How long after a failover a payment of unknown outcome keeps its leases from a second attempt.
    pub failover_hold: SignedDuration,
    /// How long the paying node may be silent before another takes over.
    pub lease_ttl: SignedDuration,
}

impl LedgerSettings {
    /// Another place, or another way to be there.
    #[must_use]
    pub fn differs(&self, other: &Self) -> bool {
        let url = |of: &Self| of.url.as_ref().map(|url| url.expose_secret().to_owned());
        let rest = |of: &Self| (of.allow_async_standby, of.failover_hold, of.lease_ttl);
        url(self) != url(other) || rest(self) != rest(other)
    }

    /// Whatever of it nobody may see: the URL, and the password in it by itself.
    pub(super) fn secrets(&self) -> impl Iterator<Item = String> {
        let url = self.url.as_ref().map(|url| url.expose_secret().to_owned());
        let password = url.as_deref().and_then(password).map(str::to_owned);
        url.into_iter().chain(password)
    }
}

/// What stands between the user and the last `@`.
fn password(url: &str) -> Option<&str> {
    let (credentials, _) = url.split_once("://")?.1.rsplit_once('@')?;
    credentials.split_once(':').map(|(_, password)| password).filter(|password| !password.is_empty())
}

pub(super) fn ledger(draft: &Draft<'_>, vault: &Vault<'_>) -> Option<LedgerSettings> {
    let fields = &draft.scalars;
    let url = secret(fields, "ledger.url", vault);
    if fields.given("ledger.url") && url.is_none() {
        return None;
    }
    for key in ["ledger.allow_async_standby", "ledger.failover_hold", "ledger.lease_ttl"] {
        if fields.given(key) && url.is_none() {
            fields.tell(key, "is for a ledger on a server: give `url` beside it, or leave it out");
        }
    }
    let lease_ttl = fields.read("ledger.lease_ttl", v::span)?;
    if lease_ttl < SHORTEST {
        fields.tell("ledger.lease_ttl", "is too short to be kept: write at least \"1s\"");
    }
    Some(LedgerSettings {
        url,
        allow_async_standby: fields.flag("ledger.allow_async_standby").unwrap_or_default(),
        failover_hold: fields.read("ledger.failover_hold", v::span)?,
        lease_ttl,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_a_secret_of_its_own() {
        assert_eq!(password("postgres://renewd:hun@ter2@db/ledger"), Some("hun@ter2"));
        assert_eq!(password("postgres://renewd@db/ledger"), None);
        assert_eq!(password("nothing"), None);
    }
}
