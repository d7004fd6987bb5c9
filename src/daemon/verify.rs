//! Before the first cycle the ledger is read through: nobody pays on a damaged one, and a large one takes longer than a start may.
//!
//! A crash here has changed nothing: the next start reads it again.
use std::sync::Arc;
use std::time::Duration;

use super::error::RunError;
use super::systemd::Beacon;
use crate::engine::Viewer;

/// Between two signs of life.
const BEAT: Duration = Duration::from_secs(5);

/// Reads all of it. Ends early where renewd is stopped meanwhile.
///
/// # Errors
/// [`RunError::Ledger`] where it is damaged, or cannot be read.
pub(super) async fn through(viewer: &Viewer, beacon: &Beacon) -> Result<(), RunError> {
    let ledger = Arc::clone(&viewer.ledger);
    let mut reading = tokio::task::spawn_blocking(move || ledger.verify());
    loop {
        beacon.beat();
        tokio::select! {
            () = viewer.stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(BEAT) => {}
            verified = &mut reading => {
                let verified = verified.map_err(|e| RunError::Scheduler(e.to_string()))?;
                return verified.map_err(RunError::Ledger);
            }
        }
    }
}
