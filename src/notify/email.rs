//! Mails as bytes, and who has to get them: headers, MIME, and what a server's word on each recipient means for the message. The
//! password is in no text. Not responsible for the dialogue with the server (`smtp`).
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use lettre::address::Envelope;
use lettre::message::header::{self, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{TlsParameters, TlsParametersBuilder};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncFileTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::ExposeSecret;

use super::direct;
use super::smtp::{Fates, Letter, Recipient, Server, wired};
use super::smtp_trust::Trust;
use crate::domain::Severity;
use crate::ledger::{Channel, QueuedMail};
use crate::notify::context::Letterhead;
use crate::notify::transport::{Courier, SendError, chain};
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
    /// A folder of `.eml` files.
    Folder {
        /// Writes them.
        transport: AsyncFileTransport<Tokio1Executor>,
        /// Sender.
        from: String,
    },
    /// The same, each called by the day of the story and by its subject: for the demo.
    Diary {
        /// Where.
        folder: PathBuf,
        /// Sender.
        from: String,
        /// When the story began.
        start: Timestamp,
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
        let (parameters, trust) = match email.tls {
            Tls::Implicit | Tls::StartTls => {
                let trust = own_trust(email)?;
                (Some(tls_parameters(email, trust.is_some())?), trust)
            }
            Tls::None => (None, None),
        };
        let helo = email.helo.as_deref().map_or_else(ClientId::default, called);
        let pair = email.username.as_ref().zip(email.password.as_ref());
        let credentials =
            pair.map(|(user, password)| Credentials::new(user.clone(), password.expose_secret().to_owned()));
        let (host, port, tls) = (email.host.clone(), email.port, email.tls);
        let server = Server { host, port, tls, parameters, trust, helo, credentials, limit };
        Ok(Self::Smtp { server: Box::new(server), from: email.from.clone() })
    }

    /// A mailer that writes `.eml` files into `folder`.
    #[must_use]
    pub fn folder(folder: &Path, from: &str) -> Self {
        Self::Folder { transport: AsyncFileTransport::new(folder), from: from.to_owned() }
    }

    /// A mailer that writes `.eml` files into `folder`, called by the day since `start` and by their subjects.
    #[must_use]
    pub fn diary(folder: &Path, from: &str, start: Timestamp) -> Self {
        Self::Diary { folder: folder.to_owned(), from: from.to_owned(), start }
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
        let (Self::Smtp { from, .. } | Self::Folder { from, .. } | Self::Diary { from, .. }) = self;
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
        let message = self.message(mail, date, &to.iter().collect::<Vec<_>>())?;
        let told = |e: &dyn std::fmt::Display| SendError::Server(format!("the mail cannot be written: {e}"));
        match self {
            Self::Smtp { .. } => Ok(()),
            Self::Folder { transport, .. } => {
                let envelope: &Envelope = message.envelope();
                transport.send_raw(envelope, &message.formatted()).await.map(drop).map_err(|e| told(&e))
            }
            Self::Diary { folder, start, .. } => {
                let path = free(folder, &entry(date, *start, &mail.subject));
                tokio::fs::write(path, message.formatted()).await.map_err(|e| told(&e))
            }
        }
    }
}

/// What the config says of certificates beside the system's.
fn own_trust(email: &Email) -> Result<Option<Trust>, SendError> {
    let Some(file) = &email.ca else { return Ok(None) };
    let trust = Trust::read(file, &email.host);
    trust.map(Some).map_err(|why| {
        SendError::Server(format!("ca in [alerts.email] names {}, which {why}", file.display()))
    })
}

/// How TLS begins. lettre can be told of further CAs and not of a single certificate, so where the config names some (`judged`), it
/// asks for the proof of the key alone, and `Trust` judges what was presented before anything else is sent.
fn tls_parameters(email: &Email, judged: bool) -> Result<TlsParameters, SendError> {
    let builder = TlsParametersBuilder::new(email.host.clone()).dangerous_accept_invalid_certs(judged);
    let builder = builder.dangerous_accept_invalid_hostnames(judged);
    builder.build().map_err(|e| {
        SendError::Server(format!(
            "TLS cannot be set up ({}): are CA certificates installed (ca-certificates)?",
            chain(&e)
        ))
    })
}

/// A name or an address as SMTP wants it in its greeting.
fn called(helo: &str) -> ClientId {
    match helo.parse() {
        Ok(IpAddr::V4(ip)) => ClientId::Ipv4(ip),
        Ok(IpAddr::V6(ip)) => ClientId::Ipv6(ip),
        Err(_) => ClientId::Domain(helo.to_owned()),
    }
}

/// The most of a subject that a file is called by.
const LONGEST_NAME: usize = 72;

/// A file's name that sorts by time and says what the mail is about: `day-20-0600-warning-top-up-3.00-usd-at-ps`.
fn entry(at: Timestamp, start: Timestamp, subject: &str) -> String {
    let minutes = at.duration_since(start).as_mins().max(0);
    let mut words = String::new();
    for c in subject.strip_prefix("[renewd").unwrap_or(subject).chars().take(LONGEST_NAME) {
        match c {
            c if c.is_alphanumeric() => words.extend(c.to_lowercase()),
            '.' if words.ends_with(|c: char| c.is_ascii_digit()) => words.push('.'),
            _ if words.is_empty() || words.ends_with('-') => {}
            _ => words.push('-'),
        }
    }
    let (day, hour, minute) = (minutes / (24 * 60), minutes / 60 % 24, minutes % 60);
    format!("day-{day:02}-{hour:02}{minute:02}-{}", words.trim_end_matches(['-', '.']))
}

/// The first name of that kind that nothing has.
fn free(folder: &Path, name: &str) -> PathBuf {
    let numbered = (2..10_000).map(|n| folder.join(format!("{name}-{n}.eml")));
    let first = folder.join(format!("{name}.eml"));
    std::iter::once(first.clone()).chain(numbered).find(|path| !path.exists()).unwrap_or(first)
}

fn mailbox(text: &str) -> Result<Mailbox, SendError> {
    text.parse().map_err(|e| SendError::Server(format!("from in [alerts.email] is not a mail address: {e}")))
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
            Err(e) => unreadable.push((spelt.clone(), format!("it is not a mail address: {e}"))),
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
