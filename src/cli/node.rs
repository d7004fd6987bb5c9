//! The pay lease for whoever pays: the daemon, which may wait for it, and commands, which hold it or end with exit 4.
//!
//! On a ledger in a file there is none: its lock is enough. A command that is killed leaves the lease to run out, or to the next start on
//! this machine.
use std::sync::Arc;
use std::time::Duration;

use crate::daemon::node::Node;
use crate::engine::Viewer;
use crate::ledger::{Identity, LedgerError, Tenure};

use super::context::{Context, Failure};
use super::output;

/// Longer than any look at the lease takes that is answered at all.
const PATIENCE: Duration = Duration::from_secs(20);

/// This process among the nodes of its ledger.
pub(super) struct Joined {
    /// `None`: the ledger has one node.
    pub node: Option<Arc<Node>>,
    tenure: Arc<Tenure>,
}

/// Takes part; whether it pays is not known yet.
pub(super) fn join(ctx: &Context) -> Result<Joined, Failure> {
    let ttl = ctx.settings.ledger.lease_ttl;
    let Some((lease, hold)) = ctx.site.pay_lease(ttl) else {
        return Ok(Joined { node: None, tenure: Arc::new(Tenure::alone()) });
    };
    let identity = Identity::lock(ctx.site.state_dir())?;
    let tenure = Arc::new(Tenure::shared(hold, ttl));
    let node = Node::start(lease, &tenure, &ctx.clock, identity, ttl)
        .map_err(|e| Failure::failed(format!("the pay lease cannot be kept: {e}")))?;
    Ok(Joined { node: Some(Arc::new(node)), tenure })
}

/// Takes part and holds the lease, or ends with exit 4.
pub(super) async fn hold(ctx: &Context) -> Result<Joined, Failure> {
    let joined = join(ctx)?;
    let Some(node) = joined.node.clone() else { return Ok(joined) };
    let began = ctx.clock.now();
    let path = ctx.site.label();
    while joined.tenure.epoch().is_none() {
        let sight = node.sight();
        if let Some(row) = sight.row.as_ref().filter(|row| !row.is_free()) {
            if row.holder == node.name {
                // Its own, from before: the next look takes it back.
                tokio::time::sleep(Duration::from_millis(20)).await;
                if ctx.clock.now().boot_ms.saturating_sub(began.boot_ms) < 2_000 {
                    continue;
                }
            }
            output::note(&format!("renewd: the node {} holds the pay lease", row.holder));
            return Err(LedgerError::Elsewhere(path).into());
        }
        if let Some(why) = sight.trouble {
            return Err(Failure::failed(format!("the pay lease cannot be looked at: {why}")));
        }
        let waited = ctx.clock.now().boot_ms.saturating_sub(began.boot_ms);
        if u128::try_from(waited).unwrap_or(0) > PATIENCE.as_millis() {
            return Err(LedgerError::Elsewhere(path).into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(joined)
}

impl Joined {
    /// What is decided from here on is decided under the lease.
    pub(super) fn lead(&self, viewer: &mut Viewer) {
        viewer.tenure = Arc::clone(&self.tenure);
    }

    /// The same for a command: it begins nothing more once the lease is gone.
    pub(super) fn bind(&self, viewer: &mut Viewer) {
        self.lead(viewer);
        let (Some(_), Some(epoch)) = (&self.node, self.tenure.epoch()) else { return };
        let (tenure, stop) = (Arc::clone(&self.tenure), viewer.stop.clone());
        tokio::spawn(async move {
            tenure.over(epoch).await;
            stop.cancel();
        });
    }
}
