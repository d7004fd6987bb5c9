//! Mails as bytes, and who has to get them: headers, MIME, and what a server's word on each recipient means for the message. The
//! password is in no text. Not responsible for the dialogue with the server (`smtp`).
use std::path::Path;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use lettre::address::Envelope;
use lettre::message::header::{self, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::TlsParameters;
use lettre::{AsyncFileTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::ExposeSecret;

use super::courier::{Courier, SendError, chain};
use super::direct;
use super::letterhead::Letterhead;
use super::smtp::{Fates, Letter, Recipient, Server, wired};
use crate::domain::Severity;
use crate::ledger::{Channel, QueuedMail};
use crate::settings::{Email, Tls};

/// Bound on each step of a send: a server that stalls would hold us for ever.
const WHOLE_STEP: Duration = Duration::from_secs(60);

/// A way to send.
pub enum Mailer {
    /// A mail server.
    Smtp {
        /// How it is reached.
        server: Box<Server>,
        /// Sender.
        from: String,
    },
    /// A folder of `.eml` files: for the demo.
    Folder {
        /// Writes them.
        transport: AsyncFileTransport<Tokio1Executor>,
        /// Sender.
        from: String,
    },
}

/// A header of one word that lettre does not know.
macro_rules! word_header {
    ($name:ident, $spelt:literal) => {
        #[derive(Clone)]
        struct $name(String);

        impl header::Header for $name {
            fn name() -> HeaderName {
                HeaderName::new_from_ascii_str($spelt)
            }

            fn parse(s: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
                Ok(Self(s.to_owned()))
            }

            fn display(&self) -> HeaderValue {
                HeaderValue::new(Self::name(), self.0.clone())
            }
        }
    };
}

word_header!(AutoSubmitted, "Auto-Submitted");
word_header!(Importance, "Importance");

impl Mailer {
    /// A mailer for `[alerts.email]`.
    ///
    /// # Errors
    /// TLS cannot be set up (no CA certificates, an impossible host name).
    pub fn smtp(email: &Email) -> Result<Self, SendError> {
        Self::smtp_within(email, WHOLE_STEP)
    }

    /// The same with another bound on each step.
    ///
    /// # Errors
    /// As [`Self::smtp`].
    pub fn smtp_within(email: &Email, limit: Duration) -> Result<Self, SendError> {
        let parameters = || {
            TlsParameters::new(email.host.clone()).map_err(|e| {
                SendError::Server(format!(
                    "TLS cannot be set up ({}): are CA certificates installed (ca-certificates)?",
                    chain(&e)
                ))
            })
        };
        let parameters = match email.tls {
            Tls::Implicit | Tls::StartTls => Some(parameters()?),
            Tls::None => None,
        };
        let pair = email.username.as_ref().zip(email.password.as_ref());
        let credentials =
            pair.map(|(user, password)| Credentials::new(user.clone(), password.expose_secret().to_owned()));
        let (host, port, tls) = (email.host.clone(), email.port, email.tls);
        let server = Server { host, port, tls, parameters, credentials, limit };
        Ok(Self::Smtp { server: Box::new(server), from: email.from.clone() })
    }

    /// A mailer that writes `.eml` files into `folder`.
    #[must_use]
    pub fn folder(folder: &Path, from: &str) -> Self {
        Self::Folder { transport: AsyncFileTransport::new(folder), from: from.to_owned() }
    }

    /// Connects, negotiates TLS, logs in and leaves.
    ///
    /// # Errors
    /// What stands against it, and what to do.
    pub async fn greet(&self) -> Result<(), SendError> {
        let Self::Smtp { server, .. } = self else { return Ok(()) };
        server.greet().await
    }

    /// Which of these addresses the server would not take now, with its words; no mail is sent.
    ///
    /// # Errors
    /// It cannot be asked.
    pub async fn unwelcome(&self, to: &[String]) -> Result<Vec<(String, String)>, SendError> {
        let Self::Smtp { server, from } = self else { return Ok(Vec::new()) };
        let (recipients, mut unreadable) = read(to);
        let fates = server.ask(&mailbox(from)?, &recipients).await?;
        unreadable.extend(fates.refused.into_iter().chain(fates.later));
        Ok(unreadable)
    }

    /// Sends the test message and gives its recipients.
    ///
    /// # Errors
    /// It was not taken, or not for all of them.
    pub async fn send_test(&self, email: &Email, letterhead: &Letterhead) -> Result<Vec<String>, SendError> {
        let mail = direct::test_mail(email, letterhead);
        self.send(&mail, letterhead.now(), letterhead.now()).await.map(|()| mail.to)
    }

    /// The message with these people in its header.
    fn message(&self, mail: &QueuedMail, date: Timestamp, to: &[&Recipient]) -> Result<Message, SendError> {
        let (Self::Smtp { from, .. } | Self::Folder { from, .. }) = self;
        let body = MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone());
        let mut builder = Message::builder()
            .from(mailbox(from)?)
            .subject(&mail.subject)
            .date(SystemTime::from(date))
            .header(AutoSubmitted("auto-generated".into()))
            .message_id(Some(mail.message_id.clone()));
        for recipient in to {
            builder = builder.to(recipient.mailbox.clone());
        }
        if let Some(first) = mail.in_reply_to() {
            builder = builder.in_reply_to(first.to_owned()).references(first.to_owned());
        }
        if mail.severity == Severity::Urgent {
            builder = builder.header(Importance("high".into()));
        }
        builder.multipart(body).map_err(|e| SendError::Never(format!("the mail cannot be built: {e}")))
    }

    async fn write(&self, mail: &QueuedMail, date: Timestamp, to: &[Recipient]) -> Result<(), SendError> {
        let Self::Folder { transport, .. } = self else { return Ok(()) };
        let message = self.message(mail, date, &to.iter().collect::<Vec<_>>())?;
        let envelope: &Envelope = message.envelope();
        let written = transport.send_raw(envelope, &message.formatted()).await;
        written.map(drop).map_err(|e| SendError::Server(format!("the mail cannot be written: {e}")))
    }
}

fn mailbox(text: &str) -> Result<Mailbox, SendError> {
    text.parse().map_err(|e| SendError::Server(format!("from in [alerts.email] is no mail address: {e}")))
}

/// Addresses as they are meant; and those that mean nothing.
fn read(to: &[String]) -> (Vec<Recipient>, Vec<(String, String)>) {
    let (mut recipients, mut unreadable) = (Vec::new(), Vec::new());
    for spelt in to {
        match spelt.parse::<Mailbox>() {
            Ok(mailbox) => {
                let mailbox = Mailbox::new(mailbox.name, wired(&mailbox.email));
                recipients.push(Recipient { spelt: spelt.clone(), mailbox });
            }
            Err(e) => unreadable.push((spelt.clone(), format!("it is no mail address: {e}"))),
        }
    }
    (recipients, unreadable)
}

/// What the fates of its recipients mean for the message. Where nobody has it, it stays for all of them: whether they or we are to
/// blame is not known then.
fn verdict(fates: Fates) -> Result<(), SendError> {
    let Fates { taken, refused, later } = fates;
    if refused.is_empty() && later.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = refused.iter().chain(&later).map(|(who, why)| format!("{who}: {why}")).collect();
    let mut left: Vec<String> = later.into_iter().map(|(who, _)| who).collect();
    if taken.is_empty() {
        left.extend(refused.iter().map(|(who, _)| who.clone()));
    }
    Err(SendError::Partly { left, refused, why: lines.join("; ") })
}

#[async_trait::async_trait]
impl Courier for Mailer {
    fn channel(&self) -> Channel {
        Channel::Mail
    }

    async fn send(&self, mail: &QueuedMail, written: Timestamp, _now: Timestamp) -> Result<(), SendError> {
        let (to, unreadable) = read(&mail.to);
        let Self::Smtp { server, from } = self else { return self.write(mail, written, &to).await };
        if mail.to.is_empty() {
            return Ok(());
        }
        let from = mailbox(from)?;
        let write = |named: &[&Recipient]| self.message(mail, written, named).map(|m| m.formatted());
        let mut fates = server.send(&Letter { from: &from, to: &to, write: &write }).await?;
        fates.refused.extend(unreadable);
        verdict(fates)
    }
}
