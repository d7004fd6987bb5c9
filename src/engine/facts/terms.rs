//! What leases and payments say of terms, for a look ahead. Pure.
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::domain::{LeaseView, Leases, RequestLease, Sameness};
use crate::ledger::IntentRecord;

/// An order on hold whose end is not told is overdue since it was seen so.
pub(super) fn named_by_their_holds(leases: &mut Arc<Leases>) {
    let untold = |l: &LeaseView<'_>| l.expires_at.is_none() && l.held_since.is_some();
    let held: Vec<usize> = (0..leases.len()).filter(|&n| untold(&leases.view(n))).collect();
    if !held.is_empty() {
        let leases = Arc::make_mut(leases);
        for n in held {
            let lease = leases.lease(n);
            leases.set(n, &LeaseView { expires_at: lease.held_since, ..lease.view() });
        }
    }
}

pub(super) fn sent_after(record: &IntentRecord, read_at: Timestamp) -> bool {
    record.spend_started_at.as_ref().is_some_and(|at| at.wall > read_at)
}

/// The end that this payment bought for the lease, if it was for its current term.
pub(super) fn paid_to(record: &IntentRecord, lease: &LeaseView<'_>) -> Option<Timestamp> {
    let term = lease.term()?;
    let mine = |l: &&RequestLease| l.is_lease(*lease) && record.bought(l).place(&term) != Sameness::Later;
    let of = record.request.leases.iter().find(mine)?;
    let days = SignedDuration::from_hours(24 * i64::from(record.request.period_days));
    of.expires_at.checked_add(days).ok()
}
