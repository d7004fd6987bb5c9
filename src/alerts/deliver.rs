//! From the outbox to the world: each channel by itself, so that a dead one delays no other; and what is told without the ledger.
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::task::JoinHandle;

use super::{hooks, tell, wake};
use crate::alerts::ledger_outage;
use crate::clock::Clock;
use crate::domain::Alert;
use crate::engine::Viewer;
use crate::ledger::{Channel, LedgerError, QueuedMail};
use crate::notify::{
    self, Attempt, Chat, Courier, Letterhead, Mailer, SendError, Webhook, direct, heartbeat,
};
use crate::settings::Settings;

/// How long until the outbox is looked at without such a word: for a next attempt, and for what other processes put there.
const LOOK: Duration = Duration::from_secs(5);

/// Tries every undelivered message of every channel now; what is not taken stays in the outbox.
///
/// # Errors
/// The ledger's.
pub async fn all(viewer: &Viewer) -> Result<(), LedgerError> {
    each(viewer, Attempt::All).await
}

/// Tries the messages whose time has come.
///
/// # Errors
/// The ledger's.
pub async fn due(viewer: &Viewer) -> Result<(), LedgerError> {
    each(viewer, Attempt::Due).await
}

/// Every configured way at once.
async fn each(viewer: &Viewer, attempt: Attempt) -> Result<(), LedgerError> {
    let ways = viewer.settings.alerts.ways().into_iter().map(|way| channel(viewer, way, attempt));
    join_all(ways).await.into_iter().collect()
}

/// Delivers beside the loop for as long as it is not aborted: a long cycle, a slow mail server and a dead webhook wait for
/// each other in no pairing.
#[must_use]
pub fn spawn(viewer: &Viewer) -> Vec<JoinHandle<()>> {
    let each = |which: Channel| {
        let (viewer, mut queued) = (viewer.clone(), wake::subscribe());
        tokio::spawn(async move {
            let mut attempt = Attempt::Anew;
            loop {
                queued.mark_unchanged();
                if let Err(e) = channel(&viewer, which.clone(), attempt).await {
                    tracing::error!("{e}");
                }
                attempt = Attempt::Due;
                tokio::select! {
                    _ = queued.changed() => {}
                    () = viewer.clock.sleep(LOOK) => {}
                }
            }
        })
    };
    viewer.settings.alerts.ways().into_iter().map(each).collect()
}

async fn channel(viewer: &Viewer, which: Channel, attempt: Attempt) -> Result<(), LedgerError> {
    let now = (attempt == Attempt::Due).then(|| viewer.clock.now().wall);
    // A courier reads the CA certificates: not every second for nothing.
    if !viewer.ledger.outbox(now)?.iter().any(|message| message.mail.channel == which) {
        return Ok(());
    }
    let courier = match courier(&viewer.settings, &which) {
        Ok(Some(courier)) => courier,
        Ok(None) => return Ok(()),
        Err(e) => {
            tracing::error!(channel = which.as_str(), "nothing can be sent: {e}");
            return Ok(());
        }
    };
    with(viewer, courier.as_ref(), attempt).await
}

/// `None` where the config has no such channel: its messages wait until it has one again.
fn courier(settings: &Settings, which: &Channel) -> Result<Option<Box<dyn Courier>>, SendError> {
    let alerts = &settings.alerts;
    Ok(match which {
        Channel::Mail => match &alerts.email {
            Some(email) => Some(Box::new(Mailer::smtp(email)?)),
            None => None,
        },
        Channel::Webhook => match &alerts.webhook {
            Some(webhook) => Some(Box::new(Webhook::new(webhook)?)),
            None => None,
        },
        Channel::Named(name) => match alerts.channels.iter().find(|channel| channel.name == *name) {
            Some(channel) => Some(Box::new(Chat::new(channel, &settings.timezone)?)),
            None => None,
        },
    })
}

/// Tries messages through this courier.
///
/// # Errors
/// The ledger's.
pub async fn with(viewer: &Viewer, courier: &dyn Courier, which: Attempt) -> Result<(), LedgerError> {
    let clock = viewer.clock.as_ref();
    let letterhead =
        || Letterhead::new(&viewer.settings.alerts, &viewer.settings.timezone, viewer.clock.now().wall);
    let done = notify::pump(viewer.ledger.as_ref(), courier, clock, which, &letterhead).await?;
    if let Some(error) = done.last_error {
        tracing::error!(
            channel = courier.channel().as_str(),
            waiting = done.left,
            "a message was not accepted and stays in the outbox: {error}"
        );
    }
    Ok(())
}

/// How long a command that ends waits for servers. What is in the outbox by then stays there.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a daemon that stops does: its messages are safe in the outbox.
const LAST_WORDS: Duration = Duration::from_millis(1_500);

/// For a command that has done and shown its work: tries everything, for a bounded time or until it is told to stop, and says
/// what stays. `good` is the heartbeat's word, if it is due one.
///
/// # Errors
/// The ledger's.
pub async fn at_the_end(viewer: &Viewer, good: Option<bool>) -> Result<(), LedgerError> {
    let beat = async {
        if let Some(good) = good {
            ping(&viewer.settings, good).await;
        }
    };
    let mail = async {
        all(viewer).await?;
        // Who was refused is told to those who are not.
        tell::delivered(viewer)?;
        due(viewer).await
    };
    let work = async { tokio::join!(mail, beat).0 };
    let messages = async {
        tokio::select! {
            done = tokio::time::timeout(PATIENCE, work) => done.unwrap_or(Ok(())),
            () = viewer.stop.cancelled() => Ok(()),
        }
    };
    let (done, told) = tokio::join!(messages, hooks::at_the_end(viewer));
    let waiting = viewer.ledger.outbox(None)?;
    for which in viewer.settings.alerts.ways() {
        let n = waiting.iter().filter(|m| !m.aside && m.mail.channel == which).count();
        if n > 0 {
            tracing::warn!(
                channel = which.as_str(),
                "{n} not delivered yet: kept in the outbox, and tried again by the next `renewd once` or by the daemon"
            );
        }
    }
    done.and(told)
}

/// For a daemon that stops: what is due and goes out at once does.
pub async fn last_words(viewer: &Viewer) {
    match tokio::time::timeout(LAST_WORDS, due(viewer)).await {
        Ok(Ok(())) => {}
        Ok(Err(e)) => tracing::error!("{e}"),
        Err(_) => tracing::info!("messages that no server has taken yet stay in the outbox"),
    }
}

/// Pings the heartbeat and waits for it, at most ten seconds: for commands that end.
pub async fn ping(settings: &Settings, good: bool) {
    let Some(url) = &settings.alerts.heartbeat else { return };
    if let Err(e) = heartbeat::ping(url, good).await {
        tracing::warn!("heartbeat: {e}");
    }
}

/// The ledger cannot be opened or used, and the command ends: log, direct messages, a bad heartbeat. One that another
/// renewd holds is no trouble: that one speaks for itself.
pub async fn cannot_use(settings: &Settings, error: &LedgerError, clock: &dyn Clock) {
    if matches!(error, LedgerError::Held(_) | LedgerError::Elsewhere(_)) {
        return;
    }
    tracing::error!("{error}");
    let telling = async { tokio::join!(ledger_trouble(settings, error, clock), ping(settings, false)) };
    if tokio::time::timeout(PATIENCE, telling).await.is_err() {
        tracing::error!("nobody took the message about it in time");
    }
}

/// The same beside the loop, which goes on at once.
pub fn ledger_trouble_beside(viewer: &Viewer, error: &LedgerError) {
    tracing::error!("{error}");
    let (settings, clock, error) =
        (Arc::clone(&viewer.settings), Arc::clone(&viewer.clock), error.to_string());
    if due_now(&settings, clock.as_ref()) {
        tokio::spawn(async move { tell_trouble(&settings, &error, clock.as_ref()).await });
    }
}

/// Nobody pays, so nobody delivers: this node tells it by itself, past the outbox. Whether anybody has it, or nobody is to be told.
pub async fn nobody_pays(settings: &Settings, alert: &Alert, clock: &dyn Clock) -> bool {
    let now = clock.now().wall;
    let letterhead = Letterhead::new(&settings.alerts, &settings.timezone, now);
    let messages = direct::raised(&settings.alerts, &letterhead, alert.clone(), now);
    let told = join_all(messages.iter().map(|message| straight(settings, message, now))).await;
    messages.is_empty() || told.contains(&true)
}

/// Tells of ledger trouble without the ledger: one direct message per channel and `repeat`.
async fn ledger_trouble(settings: &Settings, error: &LedgerError, clock: &dyn Clock) {
    if error.is_outage() && due_now(settings, clock) {
        tell_trouble(settings, &error.to_string(), clock).await;
    }
}

fn due_now(settings: &Settings, clock: &dyn Clock) -> bool {
    ledger_outage::due(&settings.state_dir, clock.now().wall, settings.alerts.repeat)
}

/// People count as told once somebody took the message: a mail server that is away, too, is asked again in the next cycle.
async fn tell_trouble(settings: &Settings, error: &str, clock: &dyn Clock) {
    let now = clock.now().wall;
    let letterhead = Letterhead::new(&settings.alerts, &settings.timezone, now);
    let messages = direct::ledger_trouble(&settings.alerts, &letterhead, error, now);
    let told = join_all(messages.iter().map(|message| straight(settings, message, now))).await;
    ledger_outage::settle(&settings.state_dir, now, messages.is_empty() || told.contains(&true));
}

/// Whether anybody has it.
async fn straight(settings: &Settings, message: &QueuedMail, now: Timestamp) -> bool {
    let sent = match courier(settings, &message.channel) {
        Ok(Some(courier)) => courier.send(message, now, now).await,
        Ok(None) => return false,
        Err(e) => Err(e),
    };
    let Err(e) = sent else { return true };
    tracing::error!(channel = message.channel.as_str(), "the message about it was not accepted either: {e}");
    matches!(e, SendError::Partly { left, .. } if left.len() < message.to.len())
}

/// The ledger works: who was told of its trouble is told of its end. That goes by the outbox, as everything does.
pub fn ledger_good(viewer: &Viewer) {
    let (settings, now) = (&viewer.settings, viewer.clock.now().wall);
    let Some(since) = ledger_outage::noted(&settings.state_dir, now) else { return };
    let letterhead = Letterhead::new(&settings.alerts, &settings.timezone, now);
    let messages = direct::ledger_good(&settings.alerts, &letterhead, since);
    match viewer.ledger.apply_alerts(&[], &messages, now) {
        Ok(()) => {
            wake::queued();
            let _ = ledger_outage::over(&settings.state_dir);
        }
        Err(e) => tracing::error!("{e}"),
    }
}
