//! Earlier payments, as the planner takes them.
use jiff::SignedDuration;

use crate::domain::State;
use crate::domain::time::{Moment, Timing};
use crate::evidence::quiet;
use crate::ledger::IntentRecord;
use crate::planner::Past;

/// What the planner needs of a payment. `hold`: `failover_hold`.
#[must_use]
pub fn past_of(record: &IntentRecord, now: &Moment, timing: &Timing, hold: SignedDuration) -> Past {
    Past {
        intent: record.id.clone(),
        account: record.request.account.clone(),
        provider: record.provider.clone(),
        leases: record.request.leases.clone(),
        days: record.request.period_days,
        after: record.detail.expires_after.filter(|_| record.state == State::Confirmed),
        state: record.state,
        state_at: record.state_at.wall,
        elapsed: record.spend_started_at.as_ref().and_then(|at| now.since(at)),
        never_sent: record.never_sent,
        operator_spoke: record.operator_spoke,
        quiet: quiet(record, now, timing),
        failover_hold: record.crossed.as_ref().map(|failover| {
            let since = failover.since_spend(record.spend_started_at.as_ref(), now);
            hold.saturating_sub(since)
        }),
    }
}
