//! Signals: caught from the first moment of `run`, acted on once somebody listens.
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// The handlers of the daemon. Whatever arrives after [`Signals::install`] is kept: before it, a SIGHUP would end the process.
pub struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
}

impl Signals {
    /// Installs the handlers. To be called before anything that takes time: config, ledger, network.
    ///
    /// # Errors
    /// The system refuses to install them.
    pub fn install() -> std::io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            hup: signal(SignalKind::hangup())?,
        })
    }

    /// Listens beside everything else: SIGTERM and SIGINT cancel `stop`, a SIGHUP is kept in what is returned until somebody
    /// asks. Several that nobody asked about yet are one reload.
    #[must_use]
    pub fn listen(mut self, stop: CancellationToken) -> Arc<Notify> {
        let reload = Arc::new(Notify::new());
        let asked = Arc::clone(&reload);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = self.term.recv() => break,
                    _ = self.int.recv() => break,
                    _ = self.hup.recv() => asked.notify_one(),
                }
            }
            tracing::info!("stopping: nothing is waited for but a payment in flight");
            stop.cancel();
            // The handlers stay: a second SIGTERM must not cut a payment off.
            std::future::pending::<()>().await;
        });
        reload
    }
}

/// Comes back when SIGTERM or SIGINT arrives.
pub async fn stop_asked() {
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}
