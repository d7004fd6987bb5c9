//! What every way out has in common: it takes a message, or says why not. Not responsible for when it is asked.
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::ledger::{Channel, QueuedMail};

/// Why a message was not taken. The words hold no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Nothing gets through now; the other messages would fare no better.
    #[error("{0}")]
    Server(String),
    /// This message is refused; others may be taken.
    #[error("{0}")]
    Refused(String),
    /// This message is refused as it is, and can never be sent; others may be taken.
    #[error("{0}")]
    Never(String),
    /// Nothing gets through before so long has passed: the service says so.
    #[error("{why}")]
    Later {
        /// How long.
        wait: SignedDuration,
        /// In its words.
        why: String,
    },
    /// Not every recipient has it, perhaps none.
    #[error("{why}")]
    Partly {
        /// Who still waits for it.
        left: Vec<String>,
        /// Who was refused for good, and why.
        refused: Vec<(String, String)>,
        /// Why they did not get it.
        why: String,
    },
}

/// A way out.
#[async_trait::async_trait]
pub trait Courier: Send + Sync {
    /// Which part of the outbox it takes.
    fn channel(&self) -> Channel;

    /// Sends one message, bounded in time. `written` is when it was queued, `now` when it is sent.
    ///
    /// # Errors
    /// It was not taken, as far as we know: it is tried again with the same id.
    async fn send(&self, mail: &QueuedMail, written: Timestamp, now: Timestamp) -> Result<(), SendError>;
}

/// An error with its causes, each said once.
pub(super) fn chain(e: &dyn std::error::Error) -> String {
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

/// A client for one call to an address of the config: nothing of the environment, no redirect, no connection that was used before.
pub(super) fn client(limit: Duration) -> Result<reqwest::Client, String> {
    reqwest::Client::builder()
        .no_proxy()
        .referer(false)
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .timeout(limit)
        .build()
        .map_err(|e| chain(&e.without_url()))
}

/// Why there was no answer. The words hold no address.
pub(super) enum Unanswered {
    /// Not within the limit.
    Late,
    /// The connection, in words.
    Broken(String),
}

/// The answer within the limit. The client's own covers this; the second one holds should that ever change.
pub(super) async fn answered<T>(
    limit: Duration,
    call: impl Future<Output = reqwest::Result<T>>,
) -> Result<T, Unanswered> {
    match tokio::time::timeout(limit.saturating_add(Duration::from_secs(1)), call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(e)) if !e.is_timeout() => Err(Unanswered::Broken(chain(&e.without_url()))),
        Ok(Err(_)) | Err(_) => Err(Unanswered::Late),
    }
}
