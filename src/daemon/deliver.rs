//! From the outbox to the world: each channel by itself, so that a dead one delays no other; and what is told without the ledger.
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinHandle;

use super::{outage, tell};
use crate::clock::Clock;
use crate::engine::Viewer;
use crate::ledger::{Channel, LedgerError, QueuedMail};
use crate::notify::{self, Attempt, Courier, Letterhead, Mailer, SendError, Webhook, direct, heartbeat};
use crate::settings::{Alerts, Settings};

/// Tries every undelivered message of every channel now; what is not taken stays in the outbox.
///
/// # Errors
/// The ledger's.
pub async fn all(viewer: &Viewer) -> Result<(), LedgerError> {
    let (mail, webhook) = tokio::join!(
        channel(viewer, Channel::Mail, Attempt::All),
        channel(viewer, Channel::Webhook, Attempt::All)
    );
    mail.and(webhook)
}

/// Tries the messages whose time has come.
///
/// # Errors
/// The ledger's.
pub async fn due(viewer: &Viewer) -> Result<(), LedgerError> {
    let (mail, webhook) = tokio::join!(
        channel(viewer, Channel::Mail, Attempt::Due),
        channel(viewer, Channel::Webhook, Attempt::Due)
    );
    mail.and(webhook)
}

/// Delivers beside the loop for as long as it is not aborted: a long cycle, a slow mail server and a dead webhook wait for
/// each other in no pairing.
#[must_use]
pub fn spawn(viewer: &Viewer) -> Vec<JoinHandle<()>> {
    let each = |which: Channel| {
        let viewer = viewer.clone();
        tokio::spawn(async move {
            let mut attempt = Attempt::Anew;
            loop {
                if let Err(e) = channel(&viewer, which, attempt).await {
                    tracing::error!("{e}");
                }
                attempt = Attempt::Due;
                viewer.clock.sleep(Duration::from_secs(1)).await;
            }
        })
    };
    vec![each(Channel::Mail), each(Channel::Webhook)]
}

async fn channel(viewer: &Viewer, which: Channel, attempt: Attempt) -> Result<(), LedgerError> {
    let now = (attempt == Attempt::Due).then(|| viewer.clock.now().wall);
    // A courier reads the CA certificates: not every second for nothing.
    if !viewer.ledger.outbox(now)?.iter().any(|message| message.mail.channel == which) {
        return Ok(());
    }
    let courier = match courier(&viewer.settings.alerts, which) {
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
fn courier(alerts: &Alerts, which: Channel) -> Result<Option<Box<dyn Courier>>, SendError> {
    Ok(match which {
        Channel::Mail => match &alerts.email {
            Some(email) => Some(Box::new(Mailer::smtp(email)?)),
            None => None,
        },
        Channel::Webhook => match &alerts.webhook {
            Some(webhook) => Some(Box::new(Webhook::new(webhook)?)),
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
            "a message was not taken and stays in the outbox: {error}"
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
    let done = tokio::select! {
        done = tokio::time::timeout(PATIENCE, work) => done.unwrap_or(Ok(())),
        () = viewer.stop.cancelled() => Ok(()),
    };
    let waiting = viewer.ledger.outbox(None)?;
    let to_go = |which| waiting.iter().filter(|m| !m.aside && m.mail.channel == which).count();
    for which in [Channel::Mail, Channel::Webhook] {
        let n = to_go(which);
        if n > 0 && configured(&viewer.settings.alerts, which) {
            tracing::warn!(
                channel = which.as_str(),
                "{n} not delivered yet: kept in the outbox, and tried again by the next `renewd once` or by the daemon"
            );
        }
    }
    done
}

fn configured(alerts: &Alerts, which: Channel) -> bool {
    match which {
        Channel::Mail => alerts.email.is_some(),
        Channel::Webhook => alerts.webhook.is_some(),
    }
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
    if matches!(error, LedgerError::Held(_)) {
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

/// Tells of ledger trouble without the ledger: one direct message per channel and `repeat`.
async fn ledger_trouble(settings: &Settings, error: &LedgerError, clock: &dyn Clock) {
    if error.is_outage() && due_now(settings, clock) {
        tell_trouble(settings, &error.to_string(), clock).await;
    }
}

fn due_now(settings: &Settings, clock: &dyn Clock) -> bool {
    outage::due(&settings.state_dir, clock.now().wall, settings.alerts.repeat)
}

/// People count as told once somebody took the message: a mail server that is away, too, is asked again in the next cycle.
async fn tell_trouble(settings: &Settings, error: &str, clock: &dyn Clock) {
    let now = clock.now().wall;
    let letterhead = Letterhead::new(&settings.alerts, &settings.timezone, now);
    let messages = direct::ledger_trouble(&settings.alerts, &letterhead, error, now);
    let to = |channel| messages.iter().find(move |message| message.channel == channel);
    let (mail, call) = tokio::join!(
        straight(settings, to(Channel::Mail), now),
        straight(settings, to(Channel::Webhook), now)
    );
    outage::settle(&settings.state_dir, now, messages.is_empty() || mail || call);
}

/// Whether anybody has it.
async fn straight(settings: &Settings, message: Option<&QueuedMail>, now: Timestamp) -> bool {
    let Some(message) = message else { return false };
    let sent = match courier(&settings.alerts, message.channel) {
        Ok(Some(courier)) => courier.send(message, now, now).await,
        Ok(None) => return false,
        Err(e) => Err(e),
    };
    let Err(e) = sent else { return true };
    tracing::error!(channel = message.channel.as_str(), "the message about it was not taken either: {e}");
    matches!(e, SendError::Partly { left, .. } if left.len() < message.to.len())
}

/// The ledger works: who was told of its trouble is told of its end. That goes by the outbox, as everything does.
pub fn ledger_good(viewer: &Viewer) {
    let (settings, now) = (&viewer.settings, viewer.clock.now().wall);
    let Some(since) = outage::noted(&settings.state_dir, now) else { return };
    let letterhead = Letterhead::new(&settings.alerts, &settings.timezone, now);
    let messages = direct::ledger_good(&settings.alerts, &letterhead, since);
    match viewer.ledger.apply_alerts(&[], &messages, now) {
        Ok(()) => drop(outage::over(&settings.state_dir)),
        Err(e) => tracing::error!("{e}"),
    }
}
