//! `[[alerts.channel]]`: services that people read in the place of mail. Not responsible for what is said there or how.
use secrecy::{ExposeSecret, SecretString};

use super::draft::{Draft, secret, secret_url};
use super::fields::Fields;
use super::formats::{self, Format, Need, topic};
use super::secret::Vault;
use super::values as v;
use crate::domain::{AccountName, Alert, AlertKey, Severity};

/// Whether an alert is of one of these severities and of one of these accounts; an empty list takes any.
pub(super) fn fits(severity: &[Severity], accounts: &[AccountName], alert: &Alert) -> bool {
    (severity.is_empty() || severity.contains(&alert.severity))
        && (accounts.is_empty() || alert.account.as_ref().is_some_and(|a| accounts.contains(a)))
}

/// One of `[[alerts.channel]]`.
#[derive(Debug, Clone)]
pub struct Channel {
    /// What it is called.
    pub name: String,
    /// What kind of service.
    pub format: Format,
    /// The whole address to post to, or the service's base address: a secret. https, or http to a loopback address.
    pub url: SecretString,
    /// Where the service has one.
    pub token: Option<SecretString>,
    /// A chat, room or topic.
    pub chat: Option<String>,
    /// Empty = any.
    pub severity: Vec<Severity>,
    /// Empty = any.
    pub accounts: Vec<AccountName>,
}

impl Channel {
    /// The alert about this channel, which only the others can tell.
    #[must_use]
    pub fn trouble(&self) -> AlertKey {
        AlertKey::account("channel", &self.name)
    }

    /// Whether this alert goes there: by severity and account, as a route.
    #[must_use]
    pub fn takes(&self, alert: &Alert) -> bool {
        fits(&self.severity, &self.accounts, alert) && alert.key != self.trouble()
    }

    /// Every secret of it.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        std::iter::once(&self.url).chain(&self.token)
    }
}

pub(super) fn channels(draft: &Draft<'_>, vault: &Vault<'_>) -> Vec<Option<Channel>> {
    draft.rows("alerts.channel").map(|row| channel(row, vault)).collect()
}

fn channel(row: &Fields<'_>, vault: &Vault<'_>) -> Option<Channel> {
    let token = secret(row, "token", vault);
    let url = secret_url(row, "url", vault);
    let format = row.read("format", formats::format)?;
    let chat = row.read("chat", v::line);
    needed(row, format, "token", format.token());
    needed(row, format, "chat", format.chat());
    if !row.given("url") && format.usual_url().is_none() {
        row.tell("url", "is missing: write url = { file = \"/etc/renewd/chat.url\" }");
    }
    if let (Format::Matrix, Some(room)) = (format, &chat)
        && !room.starts_with('!')
    {
        row.tell(
            "chat",
            "takes the room's id, which begins with `!`, and not its name: see the room's settings, Advanced",
        );
    }
    let url = match url {
        Some(url) => url,
        None if row.given("url") => return None,
        None => SecretString::from(format.usual_url()?.to_owned()),
    };
    if format == Format::Ntfy && chat.is_none() && !vault.sealed && topic(url.expose_secret()).is_none() {
        row.tell("url", "what is kept there names no topic: end it with one, or add `chat = \"TOPIC\"`");
        return None;
    }
    (!row.given("token") || token.is_some()).then_some(Channel {
        name: row.read("name", formats::name)?,
        format,
        url,
        token,
        chat,
        severity: row.list("severity", v::severity),
        accounts: row.list("account", |text| Ok(AccountName::new(text))),
    })
}

fn needed(row: &Fields<'_>, format: Format, key: &str, need: Need) {
    let word = format.as_str();
    match (need, row.given(key)) {
        (Need::Must, false) => {
            let shown = row.key(key).map_or("", |known| known.shown);
            row.tell(key, format!("is missing: {word} does not work without it, write {key} = {shown}"));
        }
        (Need::No, true) => row.tell(key, format!("{word} has no such thing: remove it")),
        _ => {}
    }
}
