//! Whose turn it is: the loop acts while its node holds the pay lease, and stands by else. On a ledger with one node it is always its turn.
//!
//! A node that stands by asks no provider and delivers nothing; it serves its page, follows the row, and tells one thing by itself: that
//! nobody pays. A crash leaves the lease to run out.
use tokio_util::sync::CancellationToken;

use super::run::{Daemon, last_due};
use crate::alerts::rules::{failover, nobody_pays};
use crate::alerts::{deliver, tell};
use crate::notify::Heart;

impl Daemon {
    /// Takes up the work that came with the lease, or lays it down.
    pub(super) fn turn(&mut self) {
        let held = self.payer.viewer.tenure.epoch();
        if held == self.acting {
            return;
        }
        if self.acting.take().is_some() {
            self.lay_down();
        }
        if let Some(epoch) = held {
            self.take_up(epoch);
        }
        self.say_line();
    }

    /// What a pass is stopped by: the end of the process, or of the lease under which it began.
    pub(super) fn stopping(&self) -> CancellationToken {
        let (Some(epoch), true) = (self.acting, self.node.is_some()) else { return self.stop.clone() };
        let (token, tenure) = (self.stop.child_token(), std::sync::Arc::clone(&self.payer.viewer.tenure));
        let over = token.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = tenure.over(epoch) => over.cancel(),
                () = over.cancelled() => {}
            }
        });
        token
    }

    fn take_up(&mut self, epoch: i64) {
        self.acting = Some(epoch);
        self.payer.viewer.stop = self.stopping();
        self.start_beside();
        if self.heart.is_none() {
            self.heart = Some(Heart::start());
        }
        let viewer = &self.payer.viewer;
        // The config was just taken: what was refused before is over.
        if let Err(e) = tell::config(viewer, None) {
            tracing::error!("{e}");
        }
        let Some(node) = self.node.clone() else { return };
        // Whoever paid before kept the schedule: what fell due since its last cycle is due now.
        self.last_due = last_due(viewer.ledger.as_ref());
        let from = node.sight().taken.filter(|taken| taken.epoch == epoch).and_then(|taken| taken.from);
        let told = match &from {
            Some(from) => {
                tracing::warn!(
                    "{} took over from {from}: it holds the pay lease of epoch {epoch}",
                    node.name
                );
                // What the other had begun is looked at before anything else.
                self.last_due = None;
                tell::facts(viewer, &[failover(&node.name, from, epoch)])
            }
            None => {
                tracing::info!("{} holds the pay lease of epoch {epoch}", node.name);
                Ok(())
            }
        };
        if let Err(e) = told.and_then(|()| tell::standby(viewer, &node.name, None)) {
            tracing::error!("{e}");
        }
        self.nobody_told = None;
    }

    fn lay_down(&mut self) {
        self.stop_beside();
        self.heart = None;
        *self.shared.report.write().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
        if let Some(node) = &self.node
            && !self.stop.is_cancelled()
        {
            tracing::warn!("{} does not hold the pay lease any more: it stands by", node.name);
        }
    }

    /// A look of a node that stands by: whether anybody pays.
    pub(super) async fn stand_by(&mut self) {
        let Some(node) = self.node.clone() else { return };
        let viewer = &self.payer.viewer;
        let now = viewer.clock.now();
        let repeat = i64::try_from(viewer.settings.alerts.repeat.as_millis()).unwrap_or(i64::MAX);
        let nobody = node.nobody_pays(&now);
        let is_told = self.nobody_told.is_some_and(|at| now.boot_ms.saturating_sub(at) < repeat);
        match nobody {
            Some(why) if !is_told => {
                tracing::error!("no node pays: {why}");
                let alert = nobody_pays(&node.name, &why);
                if deliver::nobody_pays(&viewer.settings, &alert, viewer.clock.as_ref()).await {
                    self.nobody_told = Some(now.boot_ms);
                }
            }
            Some(_) => {}
            None if self.nobody_told.take().is_some() => tracing::info!("a node holds the pay lease again"),
            None => {}
        }
        self.say_line();
    }
}
