//! The alert about mail that is refused for good: addresses, and messages that were put aside. Mail that only waits has its own
//! (`own`).
use crate::domain::alert::AlertRow;
use crate::domain::{Alert, AlertKey, Severity};
use crate::ledger::{MailRefusal, PutAside};
use crate::settings::Alerts;

use super::plain;

/// Causes whose own messages are no news when they, too, cannot be sent: each would bring the next.
const OF_MAIL: [&str; 2] = ["mail_refused", "mail_undelivered"];

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
    let text = "What is refused is not known to be read by anybody. An address is tried with every further mail; a message that was \
                put aside is tried again a few times a day, and at each start or reload of renewd, for a week.";
    let row = |what: String, why: &str| AlertRow { what, ends: None, amount: None, note: why.to_owned() };
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
