//! The mail server's side: TLS modes, login, one send at a time. The password is in no text. What went wrong is put into words
//! by `explain`.
use std::path::Path;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use lettre::address::Envelope;
use lettre::message::header::{self, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls as SmtpTls, TlsParameters};
use lettre::{AsyncFileTransport, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::ExposeSecret;

use super::courier::{Courier, SendError, chain};
use super::explain::{explain, sending, stalled};
use crate::domain::Severity;
use crate::ledger::{Channel, QueuedMail};
use crate::settings::{Email, Tls};

/// lettre's own limit covers only the connect: a server that stalls later would hold us for ever.
const WHOLE_SEND: Duration = Duration::from_secs(60);

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
        Self::smtp_within(email, WHOLE_SEND)
    }

    /// The same with another bound on one send.
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
    pub async fn greet(&self) -> Result<(), SendError> {
        let Self::Smtp { transport, limit, .. } = self else { return Ok(()) };
        match tokio::time::timeout(*limit, transport.test_connection()).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(SendError::Server("the mail server does not answer NOOP".into())),
            Ok(Err(e)) => Err(explain(&e)),
            Err(_) => Err(stalled(*limit)),
        }
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
    ) -> Result<Vec<String>, SendError> {
        let message = self
            .builder(&email.to, subject, now)?
            .header(header::ContentType::TEXT_PLAIN)
            .body(text.to_owned())
            .map_err(|e| SendError::Refused(format!("the mail cannot be built: {e}")))?;
        self.hand_over(message).await.map(|()| email.to.clone())
    }

    /// Sends the test message and gives its recipients.
    ///
    /// # Errors
    /// It was not taken.
    pub async fn send_test(&self, email: &Email, now: Timestamp) -> Result<Vec<String>, SendError> {
        let text =
            "This is the test message of renewd test-mail.\n\nIf you read it, alerts will reach you here.\n";
        self.direct(email, "[renewd] test message", text, now).await
    }

    fn builder(
        &self,
        to: &[String],
        subject: &str,
        date: Timestamp,
    ) -> Result<lettre::message::MessageBuilder, SendError> {
        let (Self::Smtp { from, .. } | Self::Folder { from, .. }) = self;
        let mailbox = |text: &String| {
            text.parse::<Mailbox>()
                .map_err(|e| SendError::Refused(format!("`{text}` is no mail address: {e}")))
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

    /// One bad address must not keep a mail from the others: where the whole is refused, each gets its own copy.
    async fn hand_over(&self, message: Message) -> Result<(), SendError> {
        let (envelope, bytes) = (message.envelope().clone(), message.formatted());
        let Err(error) = self.raw(&envelope, &bytes).await else { return Ok(()) };
        if !matches!(error, SendError::Refused(_)) || envelope.to().len() < 2 {
            return Err(error);
        }
        let mut left = Vec::new();
        let mut why = error.to_string();
        for address in envelope.to() {
            let one = Envelope::new(envelope.from().cloned(), vec![address.clone()])
                .map_err(|e| SendError::Refused(e.to_string()))?;
            if let Err(e) = self.raw(&one, &bytes).await {
                why = format!("{address}: {e}");
                left.push(address.to_string());
            }
        }
        match left.len() {
            0 => Ok(()),
            n if n == envelope.to().len() => Err(error),
            _ => Err(SendError::Partly { left, why }),
        }
    }

    async fn raw(&self, envelope: &Envelope, bytes: &[u8]) -> Result<(), SendError> {
        match self {
            Self::Smtp { transport, limit, .. } => {
                let sent = async {
                    match transport.send_raw(envelope, bytes).await {
                        Ok(_) => Ok(()),
                        Err(e) => Err(sending(e, transport).await),
                    }
                };
                tokio::time::timeout(*limit, sent).await.unwrap_or_else(|_| Err(stalled(*limit)))
            }
            Self::Folder { transport, .. } => transport
                .send_raw(envelope, bytes)
                .await
                .map(drop)
                .map_err(|e| SendError::Server(format!("the mail cannot be written: {e}"))),
        }
    }
}

#[async_trait::async_trait]
impl Courier for Mailer {
    fn channel(&self) -> Channel {
        Channel::Mail
    }

    async fn send(&self, mail: &QueuedMail, written: Timestamp, _now: Timestamp) -> Result<(), SendError> {
        let body = MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone());
        let mut builder =
            self.builder(&mail.to, &mail.subject, written)?.message_id(Some(mail.message_id.clone()));
        if let Some(first) = mail.in_reply_to() {
            builder = builder.in_reply_to(first.to_owned()).references(first.to_owned());
        }
        if mail.severity == Severity::Urgent {
            builder = builder.header(Importance("high".into()));
        }
        let message = builder
            .multipart(body)
            .map_err(|e| SendError::Refused(format!("the mail cannot be built: {e}")))?;
        self.hand_over(message).await
    }
}
