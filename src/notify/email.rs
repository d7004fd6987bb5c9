//! The mail server's side: TLS modes, login, one send at a time, errors that say what to do. The password is in no text.
use std::path::Path;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use lettre::message::header::{self, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls as SmtpTls, TlsParameters};
use lettre::{AsyncFileTransport, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::ExposeSecret;

use crate::ledger::OutboxMail;
use crate::settings::{Email, Tls};

/// lettre's own limit covers only the connect: a server that stalls later would hold us for ever.
const WHOLE_SEND: Duration = Duration::from_secs(60);

/// Why a mail was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// Nothing gets through now; the other mails would fare no better.
    #[error("{0}")]
    Server(String),
    /// This mail is refused; others may be taken.
    #[error("{0}")]
    Refused(String),
}

/// A way to send.
pub enum Mailer {
    /// A mail server.
    Smtp {
        /// The connection.
        transport: Box<AsyncSmtpTransport<Tokio1Executor>>,
        /// Sender.
        from: String,
        /// Bound on one send, whole.
        limit: Duration,
    },
    /// A folder of `.eml` files: for the demo.
    Folder {
        /// Writes them.
        transport: AsyncFileTransport<Tokio1Executor>,
        /// Sender.
        from: String,
    },
}

#[derive(Clone)]
struct AutoSubmitted(String);

impl header::Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(s: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(s.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), self.0.clone())
    }
}

impl Mailer {
    /// A mailer for `[alerts.email]`.
    ///
    /// # Errors
    /// TLS cannot be set up (no CA certificates, an impossible host name).
    pub fn smtp(email: &Email) -> Result<Self, MailError> {
        Self::smtp_within(email, WHOLE_SEND)
    }

    /// The same with another bound on one send.
    ///
    /// # Errors
    /// As [`Self::smtp`].
    pub fn smtp_within(email: &Email, limit: Duration) -> Result<Self, MailError> {
        let parameters = || {
            TlsParameters::new(email.host.clone()).map_err(|e| {
                MailError::Server(format!(
                    "TLS cannot be set up ({e}): are CA certificates installed (ca-certificates)?"
                ))
            })
        };
        let tls = match email.tls {
            Tls::Implicit => SmtpTls::Wrapper(parameters()?),
            Tls::StartTls => SmtpTls::Required(parameters()?),
            Tls::None => SmtpTls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&email.host)
            .port(email.port)
            .tls(tls)
            .timeout(Some(Duration::from_secs(20)));
        if let (Some(user), Some(password)) = (&email.username, &email.password) {
            builder =
                builder.credentials(Credentials::new(user.clone(), password.expose_secret().to_owned()));
        }
        Ok(Self::Smtp { transport: Box::new(builder.build()), from: email.from.clone(), limit })
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
    pub async fn greet(&self) -> Result<(), MailError> {
        let Self::Smtp { transport, limit, .. } = self else { return Ok(()) };
        match tokio::time::timeout(*limit, transport.test_connection()).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(MailError::Server("the mail server does not answer NOOP".into())),
            Ok(Err(e)) => Err(explain(&e)),
            Err(_) => Err(stalled(*limit)),
        }
    }

    /// Sends one queued mail.
    ///
    /// # Errors
    /// It was not taken, as far as we know: it is tried again with the same Message-ID.
    pub async fn send(&self, mail: &OutboxMail) -> Result<(), MailError> {
        let m = &mail.mail;
        let body = MultiPart::alternative_plain_html(m.text.clone(), m.html.clone());
        let mut builder =
            self.builder(&m.to, &m.subject, mail.queued_at)?.message_id(Some(m.message_id.clone()));
        if let Some(first) = &m.in_reply_to {
            builder = builder.in_reply_to(first.clone()).references(first.clone());
        }
        let message = builder
            .multipart(body)
            .map_err(|e| MailError::Refused(format!("the mail cannot be built: {e}")))?;
        self.hand_over(message).await
    }

    /// Sends one plain mail that is in no outbox.
    ///
    /// # Errors
    /// It was not taken.
    pub async fn direct(
        &self,
        email: &Email,
        subject: &str,
        text: &str,
        now: Timestamp,
    ) -> Result<Vec<String>, MailError> {
        let message = self
            .builder(&email.to, subject, now)?
            .header(header::ContentType::TEXT_PLAIN)
            .body(text.to_owned())
            .map_err(|e| MailError::Refused(format!("the mail cannot be built: {e}")))?;
        self.hand_over(message).await.map(|()| email.to.clone())
    }

    /// Sends the test message and gives its recipients.
    ///
    /// # Errors
    /// It was not taken.
    pub async fn send_test(&self, email: &Email, now: Timestamp) -> Result<Vec<String>, MailError> {
        let text =
            "This is the test message of renewd test-mail.\n\nIf you read it, alerts will reach you here.\n";
        self.direct(email, "[renewd] test message", text, now).await
    }

    fn builder(
        &self,
        to: &[String],
        subject: &str,
        date: Timestamp,
    ) -> Result<lettre::message::MessageBuilder, MailError> {
        let (Self::Smtp { from, .. } | Self::Folder { from, .. }) = self;
        let mailbox = |text: &String| {
            text.parse::<Mailbox>()
                .map_err(|e| MailError::Refused(format!("`{text}` is no mail address: {e}")))
        };
        let mut builder = Message::builder()
            .from(mailbox(from)?)
            .subject(subject)
            .date(SystemTime::from(date))
            .header(AutoSubmitted("auto-generated".into()));
        for address in to {
            builder = builder.to(mailbox(address)?);
        }
        Ok(builder)
    }

    async fn hand_over(&self, message: Message) -> Result<(), MailError> {
        match self {
            Self::Smtp { transport, limit, .. } => {
                match tokio::time::timeout(*limit, transport.send(message)).await {
                    Ok(Ok(_)) => Ok(()),
                    Ok(Err(e)) => Err(explain(&e)),
                    Err(_) => Err(stalled(*limit)),
                }
            }
            Self::Folder { transport, .. } => transport
                .send(message)
                .await
                .map(drop)
                .map_err(|e| MailError::Server(format!("the mail cannot be written: {e}"))),
        }
    }
}

fn stalled(limit: Duration) -> MailError {
    MailError::Server(format!(
        "the mail server did not finish within {}s: it may be overloaded",
        limit.as_secs()
    ))
}

fn chain(e: &dyn std::error::Error) -> String {
    let mut text = e.to_string();
    let mut next = e.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        next = cause.source();
    }
    text
}

fn explain(e: &lettre::transport::smtp::Error) -> MailError {
    let said = chain(e);
    let code = e.status().map(|c| c.to_string());
    match code.as_deref() {
        Some("535" | "534" | "530" | "538") => MailError::Server(format!(
            "the mail server refuses our login ({said}): check username and password in [alerts.email]"
        )),
        Some("421" | "451" | "452" | "454") => {
            MailError::Server(format!("the mail server is not ready ({said})"))
        }
        Some(_) => MailError::Refused(format!(
            "the mail server refuses this mail ({said}): check from and to in [alerts.email]"
        )),
        None if e.is_tls() || said.to_lowercase().contains("certificate") => MailError::Server(format!(
            "the mail server's certificate is not accepted ({said}): check host, or install its CA"
        )),
        None => MailError::Server(format!(
            "the mail server cannot be reached ({said}): check host, port and tls in [alerts.email]"
        )),
    }
}
