//! From the outbox to the world: each channel by itself, so that a dead one delays no other; and what is told without the ledger.
use std::time::Duration;

use tokio::task::JoinHandle;

use super::outage;
use crate::clock::Clock;
use crate::engine::Viewer;
use crate::ledger::{Channel, LedgerError};
use crate::notify::{self, Attempt, Courier, Letterhead, Mailer, SendError, Webhook, heartbeat};
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
            loop {
                if let Err(e) = channel(&viewer, which, Attempt::Due).await {
                    tracing::error!("{e}");
                }
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
    tokio::join!(ledger_trouble(settings, error, clock), ping(settings, false));
}

/// Tells of ledger trouble without the ledger: log, and one direct message per channel and `repeat`.
pub async fn ledger_trouble(settings: &Settings, error: &LedgerError, clock: &dyn Clock) {
    tracing::error!("{error}");
    if !error.is_outage() {
        return;
    }
    if !outage::due(&settings.state_dir, clock.now().wall, settings.alerts.repeat) {
        return;
    }
    let text = format!("{error}\n\nNo payment is started while this lasts. Due leases are not renewed.\n");
    direct(settings, TROUBLE, &text, clock).await;
}

/// The ledger works: who was told of its trouble is told of its end.
pub async fn ledger_good(settings: &Settings, clock: &dyn Clock) {
    if outage::over(&settings.state_dir) {
        direct(settings, GOOD, "The ledger can be used again; due leases are renewed.\n", clock).await;
    }
}

async fn direct(settings: &Settings, title: &str, text: &str, clock: &dyn Clock) {
    let (mail, webhook) =
        tokio::join!(direct_mail(settings, title, text, clock), direct_call(settings, title, text, clock));
    for (channel, sent) in [(Channel::Mail, mail), (Channel::Webhook, webhook)] {
        if let Err(e) = sent {
            tracing::error!(channel = channel.as_str(), "the message about it was not taken either: {e}");
        }
    }
}

const TROUBLE: &str = "[renewd URGENT] the ledger cannot be used, payments stop";
const GOOD: &str = "[renewd resolved] the ledger can be used again";

async fn direct_mail(
    settings: &Settings,
    title: &str,
    text: &str,
    clock: &dyn Clock,
) -> Result<(), SendError> {
    let Some(email) = &settings.alerts.email else { return Ok(()) };
    Mailer::smtp(email)?.direct(email, title, text, clock.now().wall).await.map(drop)
}

async fn direct_call(
    settings: &Settings,
    title: &str,
    text: &str,
    clock: &dyn Clock,
) -> Result<(), SendError> {
    let Some(webhook) = &settings.alerts.webhook else { return Ok(()) };
    let letterhead = Letterhead::new(&settings.alerts, &settings.timezone, clock.now().wall);
    Webhook::new(webhook)?.direct(&letterhead, "ledger", title, text).await
}
