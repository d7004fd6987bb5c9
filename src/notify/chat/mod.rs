//! Channels that the config names: one call to a service for each message, in the service's own shape and within its limits. Not
//! responsible for which message goes where, or for when it is tried again.
//!
//! What is sent is made of the stored document at the time of sending, so that a channel whose format was corrected takes what waits
//! for it. No message here repeats the address or the token.
mod discord;
mod document;
mod gotify;
mod matrix;
mod ntfy;
mod pagerduty;
mod reply;
mod slack;
mod teams;
mod telegram;
mod text;

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use secrecy::ExposeSecret;
use serde_json::Value;
use url::Url;

use self::document::Document;
use self::reply::Reply;
use super::direct;
use crate::ledger::{Channel, QueuedMail};
use crate::notify::context::Letterhead;
use crate::notify::transport::{Courier, SendError, Unanswered, answered, client};
use crate::redact::Redactor;
use crate::settings::{self, Format};

/// Connect, send and answer.
const WHOLE_CALL: Duration = Duration::from_secs(15);
/// Of an answer no more than this is read: a service that says more is not believed to say anything.
const MOST_OF_AN_ANSWER: usize = 16 * 1024;

/// The way to one service.
pub struct Chat {
    client: reqwest::Client,
    to: settings::Channel,
    zone: TimeZone,
    redactor: Redactor,
}

/// One call, before it is sent.
struct Call {
    method: Method,
    url: Url,
    header: Option<(&'static str, String)>,
    body: String,
}

impl Call {
    fn post(url: Url, body: &Value) -> Self {
        Self { method: Method::POST, url, header: None, body: body.to_string() }
    }

    fn with(self, name: &'static str, value: String) -> Self {
        Self { header: Some((name, value)), ..self }
    }
}

impl Chat {
    /// The way to that channel; times are shown in that zone.
    ///
    /// # Errors
    /// The client cannot be built (no CA certificates, say).
    pub fn new(to: &settings::Channel, zone: &TimeZone) -> Result<Self, SendError> {
        let client = client(WHOLE_CALL).map_err(|e| {
            SendError::Server(format!("the client of channel {} cannot be built: {e}", to.name))
        })?;
        let redactor = Redactor::new(secrets(to));
        Ok(Self { client, to: to.clone(), zone: zone.clone(), redactor })
    }

    /// Sends a message of occasion `test`.
    ///
    /// # Errors
    /// It was not taken; the words are the service's, where it said any.
    pub async fn send_test(&self, letterhead: &Letterhead) -> Result<(), SendError> {
        let mail = direct::test_call(letterhead, self.channel());
        self.deliver(&mail).await
    }

    fn trouble(&self, why: &str) -> SendError {
        SendError::Server(format!("channel {}: {}", self.to.name, self.redactor.hide(why)))
    }

    fn call(&self, mail: &QueuedMail) -> Result<Call, SendError> {
        let document = Document::read(&mail.text).map_err(|e| {
            SendError::Never(format!("channel {}: the message cannot be read: {e}", self.to.name))
        })?;
        let base: Url =
            self.to.url.expose_secret().parse().map_err(|_| self.trouble("its address is not a URL"))?;
        let token = self.to.token.as_ref().map(|token| token.expose_secret()).unwrap_or_default();
        let chat = self.to.chat.as_deref();
        let zone = &self.zone;
        let call = match self.to.format {
            Format::Json => Some(document::post(base, token, &mail.text)),
            Format::Slack => Some(Call::post(base, &slack::body(&document, zone))),
            Format::Discord => Some(Call::post(base, &discord::body(&document, zone))),
            Format::Teams => Some(Call::post(base, &teams::body(&document, zone))),
            Format::Telegram => telegram::call(&base, token, chat.unwrap_or_default(), &document, zone),
            Format::Ntfy => ntfy::call(&base, token, chat, &document, zone),
            Format::Gotify => gotify::call(&base, token, &document, zone),
            Format::Matrix => matrix::call(&base, token, chat.unwrap_or_default(), &document, zone),
            Format::PagerDuty => pagerduty::call(&base, token, mail, &document),
        };
        call.ok_or_else(|| self.trouble("its address cannot be made whole: write the service's base address"))
    }

    async fn deliver(&self, mail: &QueuedMail) -> Result<(), SendError> {
        let call = self.call(mail)?;
        let mut request = self
            .client
            .request(call.method, call.url)
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("renewd/", env!("CARGO_PKG_VERSION")))
            .body(call.body);
        if let Some((name, value)) = call.header {
            request = request.header(name, value);
        }
        match answered(WHOLE_CALL, answer(request)).await {
            Ok(reply) => self.judged(&reply),
            Err(Unanswered::Late) => {
                Err(self.trouble(&format!("no answer within {}s", WHOLE_CALL.as_secs())))
            }
            Err(Unanswered::Broken(why)) => Err(self.trouble(&format!("cannot be reached: {why}"))),
        }
    }

    fn judged(&self, reply: &Reply) -> Result<(), SendError> {
        let named = |why: String| format!("channel {}: {}", self.to.name, self.redactor.hide(&why));
        reply.judge(self.to.format).map_err(|e| match e {
            SendError::Refused(why) => SendError::Refused(named(why)),
            SendError::Later { wait, why } => SendError::Later { wait, why: named(why) },
            other => SendError::Server(named(other.to_string())),
        })
    }
}

/// The address is a secret as a whole, and each part of its path may be one.
fn secrets(to: &settings::Channel) -> Vec<String> {
    let url = to.url.expose_secret();
    let path = url.parse::<Url>().ok();
    let parts = path.iter().flat_map(Url::path_segments).flatten().filter(|part| part.len() >= 8);
    let token = to.token.iter().map(|token| token.expose_secret().to_owned());
    parts.map(str::to_owned).chain(token).chain([url.to_owned()]).collect()
}

/// What came back, of its body the beginning.
async fn answer(request: reqwest::RequestBuilder) -> reqwest::Result<Reply> {
    let mut reply = request.send().await?;
    let retry_after = reply.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let status = reply.status().as_u16();
    let mut body = Vec::new();
    while body.len() < MOST_OF_AN_ANSWER
        && let Some(piece) = reply.chunk().await?
    {
        body.extend_from_slice(&piece);
    }
    body.truncate(MOST_OF_AN_ANSWER);
    Ok(Reply { status, retry_after, body: String::from_utf8_lossy(&body).into_owned() })
}

#[async_trait::async_trait]
impl Courier for Chat {
    fn channel(&self) -> Channel {
        Channel::Named(self.to.name.clone())
    }

    async fn send(&self, mail: &QueuedMail, _written: Timestamp, _now: Timestamp) -> Result<(), SendError> {
        self.deliver(mail).await
    }
}
