//! Delivering one channel of the outbox: urgent first, then oldest, one at a time, at least once.
//!
//! A crash between the server's word and ours repeats a message with the same id; it never loses one. After an outage each
//! incident is told by its newest word only (`fold`). A recipient or a message that is refused for good holds up nothing else.
use jiff::{SignedDuration, Timestamp};

use super::summary;
use crate::clock::Clock;
use crate::ledger::{Ledger, LedgerError, QueuedMail};
use crate::notify::coalesce::{Letter, fold};
use crate::notify::context::Letterhead;
use crate::notify::transport::{Courier, SendError};

/// Which messages are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// Every undelivered one: for commands that end.
    All,
    /// Those whose next attempt is due: for the daemon.
    Due,
    /// Those, and what was put aside: for a daemon that starts or has read a new config, by which the way may be another one.
    Anew,
}

/// What a round did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PumpReport {
    /// Messages taken.
    pub delivered: usize,
    /// Messages not taken.
    pub failed: usize,
    /// Rows still in the outbox.
    pub left: usize,
    /// The newest error.
    pub last_error: Option<String>,
}

/// 5 s, 10 s, 20 s …, up to 5 minutes while the server, or one recipient's mailbox, is not ready. A message that is refused is no
/// reason to knock that often: up to an hour. What was put aside: an hour, two, four …, up to a day.
fn backoff(attempts: u32, error: &SendError) -> SignedDuration {
    let (first, most) = match error {
        SendError::Server(_) | SendError::Later { .. } => (5, 300),
        SendError::Partly { refused, .. } if refused.is_empty() => (5, 300),
        SendError::Refused(_) | SendError::Partly { .. } => (5, 3600),
        SendError::Never(_) => (3600, 24 * 3600),
    };
    let usual = SignedDuration::from_secs((first << attempts.min(10)).min(most));
    match error {
        SendError::Later { wait, .. } => usual.max(*wait),
        _ => usual,
    }
}

/// One message and the rows that it settles.
struct Parcel {
    mail: QueuedMail,
    written: Timestamp,
    /// The row that is the message; a summary has none.
    row: Option<i64>,
    folded: Vec<i64>,
    attempts: u32,
}

impl Parcel {
    fn letter(letter: &Letter) -> Self {
        Self {
            mail: QueuedMail { to: letter.to(), ..letter.newest.mail.clone() },
            written: letter.newest.queued_at,
            row: Some(letter.newest.id),
            folded: letter.older.iter().map(|row| row.id).collect(),
            attempts: letter.rows().map(|row| row.attempts).max().unwrap_or_default(),
        }
    }

    fn summary(letters: &[Letter], letterhead: &Letterhead) -> Self {
        Self {
            mail: summary::render(letterhead, letters),
            written: letterhead.now(),
            row: None,
            folded: letters.iter().flat_map(Letter::rows).map(|row| row.id).collect(),
            attempts: letters.iter().flat_map(Letter::rows).map(|row| row.attempts).max().unwrap_or_default(),
        }
    }

    fn rows(&self) -> Vec<i64> {
        self.folded.iter().copied().chain(self.row).collect()
    }
}

/// What is to be tried now.
fn parcels(
    ledger: &dyn Ledger,
    courier: &dyn Courier,
    which: Attempt,
    now: Timestamp,
    letterhead: &(dyn Fn() -> Letterhead + Sync),
) -> Result<Vec<Parcel>, LedgerError> {
    let waiting = ledger.outbox(None)?;
    let folded = fold(waiting.into_iter().filter(|m| m.mail.channel == courier.channel()).collect());
    let due = |letter: &Letter| match which {
        // A command that runs every few minutes is no reason to knock that often with what was refused.
        Attempt::All => !letter.newest.aside || letter.next_at() <= now,
        Attempt::Due => letter.next_at() <= now,
        Attempt::Anew => letter.newest.aside || letter.next_at() <= now,
    };
    let mut parcels: Vec<Parcel> = folded.letters.iter().filter(|l| due(l)).map(Parcel::letter).collect();
    let over = folded.passed.iter().filter(|group| group.iter().any(due));
    parcels.extend(over.map(|group| Parcel::summary(group, &letterhead())));
    Ok(parcels)
}

/// Tries messages once each; a server that is away ends the round.
///
/// # Errors
/// The ledger's.
pub async fn pump(
    ledger: &dyn Ledger,
    courier: &dyn Courier,
    clock: &dyn Clock,
    which: Attempt,
    letterhead: &(dyn Fn() -> Letterhead + Sync),
) -> Result<PumpReport, LedgerError> {
    let mut round = parcels(ledger, courier, which, clock.now().wall, letterhead)?.into_iter();
    let mut report = PumpReport::default();
    while let Some(parcel) = round.next() {
        let sent = courier.send(&parcel.mail, parcel.written, clock.now().wall).await;
        let at = clock.now().wall;
        let Err(error) = sent else {
            ledger.mail_delivered(parcel.row, &parcel.folded, at)?;
            report.delivered += 1;
            continue;
        };
        let mut rows = parcel.rows();
        if let SendError::Partly { left, refused, .. } = &error {
            for (address, why) in refused {
                tracing::error!(address, "the mail server refuses this recipient: {why}");
            }
            ledger.left_for(&rows, left, refused)?;
            if left.is_empty() {
                ledger.mail_delivered(parcel.row, &parcel.folded, at)?;
                report.delivered += 1;
                continue;
            }
        }
        let aside = matches!(error, SendError::Never(_));
        if aside {
            let title = &parcel.mail.title;
            tracing::error!(alert = %parcel.mail.key, "a message was put aside, it cannot be sent ({title}): {error}");
        }
        if matches!(error, SendError::Server(_) | SendError::Later { .. }) {
            // The others wait as long: they would fare no better.
            rows.extend(round.by_ref().flat_map(|rest| rest.rows()));
        }
        let next = at.checked_add(backoff(parcel.attempts, &error)).unwrap_or(at);
        ledger.mails_failed(&rows, at, next, &error.to_string(), aside)?;
        report.failed += 1;
        report.last_error = Some(error.to_string());
    }
    report.left = ledger.outbox(None)?.iter().filter(|m| m.mail.channel == courier.channel()).count();
    Ok(report)
}
