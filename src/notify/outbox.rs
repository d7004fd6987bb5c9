//! Delivering the outbox: oldest first, one at a time, at least once. A crash between the server's word and ours repeats a mail
//! with the same Message-ID; it never loses one.
use jiff::SignedDuration;

use super::email::{MailError, Mailer};
use crate::clock::Clock;
use crate::ledger::{Ledger, LedgerError};

/// Which mails are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// Every undelivered one: for commands that end.
    All,
    /// Those whose next attempt is due: for the daemon.
    Due,
}

/// What a round did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PumpReport {
    /// Taken by the server.
    pub delivered: usize,
    /// Not taken.
    pub failed: usize,
    /// Still in the outbox.
    pub left: usize,
    /// The newest error.
    pub last_error: Option<String>,
}

/// 5 s, 10 s, 20 s … up to 5 minutes.
fn backoff(attempts: u32) -> SignedDuration {
    SignedDuration::from_secs((5_i64 << attempts.min(6)).min(300))
}

/// Tries mails once each; a server that is away ends the round.
///
/// # Errors
/// The ledger's.
pub async fn pump(
    ledger: &dyn Ledger,
    mailer: &Mailer,
    clock: &dyn Clock,
    which: Attempt,
) -> Result<PumpReport, LedgerError> {
    let now = clock.now().wall;
    let due = ledger.outbox((which == Attempt::Due).then_some(now))?;
    let mut report = PumpReport::default();
    let mut due = due.into_iter();
    while let Some(mail) = due.next() {
        match mailer.send(&mail).await {
            Ok(()) => {
                ledger.mail_delivered(mail.id, clock.now().wall)?;
                report.delivered += 1;
            }
            Err(e) => {
                let at = clock.now().wall;
                let next = at.checked_add(backoff(mail.attempts)).unwrap_or(at);
                ledger.mail_failed(mail.id, at, next, &e.to_string())?;
                report.failed += 1;
                report.last_error = Some(e.to_string());
                if matches!(e, MailError::Server(_)) {
                    // The others wait as long: they would fare no better.
                    for rest in due.by_ref() {
                        ledger.mail_failed(rest.id, at, next, &e.to_string())?;
                    }
                }
            }
        }
    }
    report.left = ledger.outbox(None)?.len();
    Ok(report)
}
