//! What every way out has in common: it takes a message, or says why not. Not responsible for when it is asked.
use jiff::Timestamp;

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
