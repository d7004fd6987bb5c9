//! The word from whoever puts something into the outbox to whoever delivers it. A word that is lost costs a few seconds: the outbox is
//! looked at without one, too.
use std::sync::LazyLock;

use tokio::sync::watch;

static QUEUED: LazyLock<watch::Sender<()>> = LazyLock::new(|| watch::Sender::new(()));

/// Says that something was put into the outbox: who delivers looks at once.
pub(super) fn queued() {
    QUEUED.send_replace(());
}

/// Hears it from now on.
pub(super) fn subscribe() -> watch::Receiver<()> {
    QUEUED.subscribe()
}
