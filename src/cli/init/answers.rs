//! What a first config needs to know. Not responsible for asking it (`collect.rs`).
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};

use crate::settings::Sources;

/// Stand for secrets that were typed and are in no file yet: the config is looked at with them in the environment of that look alone.
pub(super) const KEY_VARIABLE: &str = "INIT_API_KEY";
pub(super) const PASSWORD_VARIABLE: &str = "INIT_SMTP_PASSWORD";

/// Where a secret is.
pub(super) enum Secret {
    /// In a file that was there before.
    Kept(PathBuf),
    /// Typed just now: a file will be made.
    Typed(SecretString),
}

/// Mail.
pub(super) struct Mail {
    pub(super) host: String,
    pub(super) port: Option<u16>,
    pub(super) tls: &'static str,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) login: Option<(String, Secret)>,
}

/// Everything.
pub(super) struct Answers {
    pub(super) name: String,
    pub(super) provider: String,
    pub(super) base_url: Option<String>,
    pub(super) key: Option<Secret>,
    pub(super) command: Vec<String>,
    pub(super) provider_renews: bool,
    /// What nobody has said yet and payments wait for.
    pub(super) unsaid: bool,
    pub(super) mail: Option<Mail>,
}

impl Answers {
    /// What the config is looked at with: a typed secret is in this environment alone.
    pub(super) fn sources(&self) -> Sources {
        let typed = |secret: &Secret| match secret {
            Secret::Typed(secret) => Some(secret.expose_secret().to_owned()),
            Secret::Kept(_) => None,
        };
        let key = self.key.as_ref().and_then(typed).map(|secret| (KEY_VARIABLE.to_owned(), secret));
        let login = self.mail.as_ref().and_then(|mail| mail.login.as_ref());
        let password = login.and_then(|(_, secret)| typed(secret)).map(|s| (PASSWORD_VARIABLE.to_owned(), s));
        Sources { environment: key.into_iter().chain(password).collect(), ..Sources::default() }
    }

    /// Nothing is left to be said before it can pay.
    pub(super) fn is_whole(&self) -> bool {
        !self.unsaid
    }

    /// What is left to be said.
    pub(super) fn lacks(&self) -> Option<&'static str> {
        self.unsaid.then_some(
            "nothing is paid until you say that the provider's own auto-renewal is off for every lease: provider_renews = \"off\" in \
             [[account]] (or --provider-renews off)",
        )
    }
}
