//! The webhook: one signed JSON POST per message. URL and secret are in no text.
//!
//! Signed is the timestamp, a dot, and the body, byte for byte as sent: a body cannot be changed, and an old call cannot be
//! played again for a new one.
use std::time::Duration;

use hmac::{Hmac, Mac};
use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, USER_AGENT};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::direct;
use crate::hex::hex;
use crate::ledger::{Channel, QueuedMail};
use crate::notify::context::Letterhead;
use crate::notify::transport::{Courier, SendError, Unanswered, answered, client};
use crate::settings;

/// Connect, send and answer.
const WHOLE_CALL: Duration = Duration::from_secs(15);

/// The way to one URL.
pub struct Webhook {
    client: reqwest::Client,
    url: SecretString,
    secret: Option<SecretString>,
    limit: Duration,
}

impl Webhook {
    /// A webhook for `[alerts.webhook]`.
    ///
    /// # Errors
    /// The client cannot be built (no CA certificates, say).
    pub fn new(to: &settings::Webhook) -> Result<Self, SendError> {
        Self::within(to, WHOLE_CALL)
    }

    /// The same with another bound on one call.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn within(to: &settings::Webhook, limit: Duration) -> Result<Self, SendError> {
        let client = client(limit)
            .map_err(|e| SendError::Server(format!("the webhook's client cannot be built: {e}")))?;
        Ok(Self { client, url: to.url.clone(), secret: to.secret.clone(), limit })
    }

    /// Posts a message of occasion `test`.
    ///
    /// # Errors
    /// It was not taken.
    pub async fn send_test(&self, letterhead: &Letterhead) -> Result<(), SendError> {
        self.post(direct::test_call(letterhead, Channel::Webhook).text, letterhead.now()).await
    }

    async fn post(&self, body: String, now: Timestamp) -> Result<(), SendError> {
        let stamp = now.as_second().to_string();
        let mut request = self
            .client
            .post(self.url.expose_secret())
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("renewd/", env!("CARGO_PKG_VERSION")))
            .header("X-Renewd-Timestamp", &stamp);
        if let Some(secret) = &self.secret {
            request = request.header("X-Renewd-Signature", sign(secret, &stamp, &body)?);
        }
        match answered(self.limit, request.body(body).send()).await {
            Ok(reply) => judge(reply.status()),
            Err(Unanswered::Late) => {
                let limit = self.limit.as_secs();
                Err(SendError::Server(format!("the webhook did not answer within {limit}s")))
            }
            Err(Unanswered::Broken(why)) => {
                Err(SendError::Server(format!("the webhook cannot be reached: {why}")))
            }
        }
    }
}

/// `sha256=` and the hex HMAC-SHA256 of `timestamp.body`.
fn sign(secret: &SecretString, stamp: &str, body: &str) -> Result<String, SendError> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
        .map_err(|_| SendError::Server("the webhook's secret cannot be a key".to_owned()))?;
    mac.update(stamp.as_bytes());
    mac.update(b".");
    mac.update(body.as_bytes());
    Ok(format!("sha256={}", hex(&mac.finalize().into_bytes())))
}

/// What the answer means. Only what is about this one body lets the others go on.
fn judge(status: reqwest::StatusCode) -> Result<(), SendError> {
    let code = status.as_u16();
    match code {
        200..300 => Ok(()),
        300..400 => Err(SendError::Server(format!(
            "the webhook answers {code}: redirects are not followed, keep the final address in [alerts.webhook] url"
        ))),
        400 | 413 | 415 | 422 => {
            Err(SendError::Refused(format!("the webhook refuses this message ({code})")))
        }
        401 | 403 | 404 | 410 => Err(SendError::Server(format!(
            "the webhook answers {code}: is the address in [alerts.webhook] url still good?"
        ))),
        _ => Err(SendError::Server(format!("the webhook answers {code}"))),
    }
}

#[async_trait::async_trait]
impl Courier for Webhook {
    fn channel(&self) -> Channel {
        Channel::Webhook
    }

    async fn send(&self, mail: &QueuedMail, _written: Timestamp, now: Timestamp) -> Result<(), SendError> {
        self.post(mail.text.clone(), now).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_documented_one() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac hook-secret-0123
        let secret = SecretString::from("hook-secret-0123".to_owned());
        let want = "sha256=349372aa30b266a6b494420f6efa32c0a380638b619af9c1f2a36f898051e7a7";
        assert_eq!(sign(&secret, "1700000000", "{\"a\":1}").unwrap(), want);
    }
}
