//! The alerts about ways out that do not work: mail that is refused for good, addresses and messages that were put aside, and named
//! channels that take nothing. Mail that only waits has its own (`daemon`).
use crate::domain::alert::AlertRow;
use crate::domain::time::words;
use crate::domain::{Alert, AlertKey, Severity};
use crate::ledger::{MailRefusal, PutAside, WaitingMails};
use crate::settings::{Alerts, Channel};
use jiff::Timestamp;

use super::{MAIL_LATE, plain};

/// Causes whose own messages are no news when they, too, cannot be sent: each would bring the next.
const OF_MAIL: [&str; 3] = ["mail_refused", "mail_undelivered", "channel"];

/// What the mail server refused for good, as the ledger has it.
#[derive(Debug, Clone, Default)]
pub struct Refused {
    /// Addresses.
    pub addresses: Vec<MailRefusal>,
    /// Messages.
    pub aside: Vec<PutAside>,
}

impl Refused {
    /// Without the addresses that the config has no more.
    #[must_use]
    pub fn of(addresses: Vec<MailRefusal>, aside: Vec<PutAside>, alerts: &Alerts) -> Self {
        let known = alerts.addresses();
        let addresses = addresses.into_iter().filter(|r| known.contains(&r.address)).collect();
        Self { addresses, aside }
    }
}

/// Each configured channel that has taken nothing for ten minutes: the others tell of it.
#[must_use]
pub fn channels_undelivered(
    waiting: &[(String, WaitingMails)],
    channels: &[Channel],
    now: Timestamp,
) -> Vec<Alert> {
    let late = |channel: &Channel| {
        let (_, waiting) = waiting.iter().find(|(name, _)| *name == channel.name)?;
        let age = now.duration_since(waiting.oldest?);
        if age <= MAIL_LATE {
            return None;
        }
        let messages = match waiting.count {
            1 => "1 message is".to_owned(),
            n => format!("{n} messages are"),
        };
        let name = &channel.name;
        let text = waiting.last_error.clone().map_or_else(
            || "The service has not accepted them yet. renewd keeps them and tries again.".to_owned(),
            |said| format!("renewd keeps them and tries again. The last attempt said: {said}"),
        );
        let title = format!("Channel {name}: {messages} not delivered, the oldest for {}", words(age));
        Some(Alert {
            actions: vec![format!("renewd test-alert {name}")],
            ..plain(channel.trouble(), Severity::Warning, None, &title, &text)
        })
    };
    channels.iter().filter_map(late).collect()
}

/// Whoever is refused cannot be told by mail; the others are, and the log, `status`, the page and the webhook say it too.
#[must_use]
pub fn mail_refused(refused: &Refused) -> Option<Alert> {
    let aside: Vec<&PutAside> = refused.aside.iter().filter(|m| !OF_MAIL.contains(&m.key.cause())).collect();
    let addresses = &refused.addresses;
    let whom = match addresses.as_slice() {
        [] => None,
        [one] => Some(format!("mail to {} is refused", one.address)),
        many => Some(format!("mail to {} addresses is refused", many.len())),
    };
    let what = match aside.as_slice() {
        [] => None,
        [_one] => Some("1 message cannot be sent and was put aside".to_owned()),
        many => Some(format!("{} messages cannot be sent and were put aside", many.len())),
    };
    let title = match (whom, what) {
        (None, None) => return None,
        (Some(one), None) | (None, Some(one)) => one,
        (Some(whom), Some(what)) => format!("{whom}; {what}"),
    };
    let mut title: Vec<char> = title.chars().collect();
    title[0] = title[0].to_ascii_uppercase();
    let text = "Nobody may have read what was refused. renewd tries an address again with every mail; a message that was \
                put aside is tried again a few times a day, and at each start or reload of renewd, for a week.";
    let row = |what: String, why: &str| AlertRow {
        stage: None,
        what,
        ends: None,
        amount: None,
        note: why.to_owned(),
    };
    let rows = addresses.iter().map(|r| row(r.address.clone(), &r.why));
    let rows = rows.chain(aside.iter().map(|m| row(m.title.clone(), &m.why))).collect();
    let parts = addresses.iter().map(|r| r.address.clone());
    let parts = parts.chain(aside.iter().map(|m| format!("message {}", m.id))).collect();
    Some(Alert {
        rows,
        parts,
        actions: vec![
            "correct the address in [alerts.email] or [[alerts.route]], or have the mail server take it"
                .into(),
            "renewd check --live".into(),
            "renewd test-mail".into(),
        ],
        ..plain(
            AlertKey::account("mail_refused", "*"),
            Severity::Warning,
            None,
            &title.into_iter().collect::<String>(),
            text,
        )
    })
}
