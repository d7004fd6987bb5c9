//! Signals as futures.
use tokio::signal::unix::{Signal, SignalKind, signal};

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

/// SIGHUP, again and again.
///
/// # Errors
/// The system refuses to install the handler.
pub fn reload_asked() -> std::io::Result<Signal> {
    signal(SignalKind::hangup())
}
