//! Leases that are gone, for hooks: lost against their policy, or let go as planned. Both need the policies, so they are told with the
//! pass and not with the list that shows them.
//!
//! The ledger knows what was told: a pass that is repeated after a crash tells nothing twice.
use jiff::Timestamp;
use serde_json::json;

use crate::domain::Lease;
use crate::engine::{CycleReport, Viewer};
use crate::ledger::{Happening, HookEvent, LOST_UNTOLD, LedgerError, losses};
use crate::policy::{Action, Decision, Policies, Policy, Word};
use crate::settings::Settings;

/// Queues what this pass knows to be gone. Before people are told: that strikes the losses out.
///
/// # Errors
/// The ledger's.
pub fn tell_gone(viewer: &Viewer, report: &CycleReport) -> Result<(), LedgerError> {
    let note = viewer.ledger.noted(LOST_UNTOLD)?.unwrap_or_default();
    let all = gone(report, &viewer.settings, &losses(&note));
    if all.is_empty() {
        return Ok(());
    }
    viewer.ledger.happened(&all, viewer.clock.now().wall)
}

fn gone(report: &CycleReport, settings: &Settings, left: &[Lease]) -> Vec<Happening> {
    let (now, policies) = (report.started.wall, report.policies(settings));
    let mut all = Vec::new();
    let passed = |l: &Lease| l.expires_at.is_some_and(|end| end <= now);
    for item in &report.items {
        let event = match (item.reason.word, item.decision()) {
            (Word::Lapsed, _) => HookEvent::Lost,
            (_, Decision::Release) if passed(&item.lease) => HookEvent::Released,
            _ => continue,
        };
        all.push(happening(event, &item.lease, "end_passed", settings, &policies, now));
    }
    // Another address under the same id is told as that.
    let is_listed = |l: &Lease| {
        report.idle(&l.account, &l.id).is_some()
            || report.items.iter().any(|i| i.lease.account == l.account && i.lease.id == l.id)
    };
    for lease in left.iter().filter(|l| settings.account(&l.account).is_some() && !is_listed(l)) {
        let Some(event) = policies.of(lease).and_then(|policy| end_of(lease, policy)) else { continue };
        let why = if passed(lease) { "end_passed" } else { "left_list" };
        all.push(happening(event, lease, why, settings, &policies, now));
    }
    all
}

/// What it means that a lease is gone. Of one that is only watched nobody planned anything.
fn end_of(lease: &Lease, policy: &Policy) -> Option<HookEvent> {
    let planned = lease.expires_at.is_some_and(|end| policy.is_past_until(end));
    match policy.action {
        Action::Renew if !planned => Some(HookEvent::Lost),
        Action::Renew | Action::Release => Some(HookEvent::Released),
        _ => None,
    }
}

fn happening(
    event: HookEvent,
    lease: &Lease,
    why: &str,
    settings: &Settings,
    policies: &Policies<'_>,
    now: Timestamp,
) -> Happening {
    let end = lease.expires_at.map(|end| end.to_string());
    let body = json!({
        "account": lease.account.as_str(),
        "provider": settings.account(&lease.account).map(|a| a.provider.as_str()),
        "lease": lease.id.as_str(),
        "order": lease.order.as_str(),
        "kind": lease.kind.as_str(),
        "ip": lease.ip,
        "ended": end,
        "policy": policies.of(lease).map(|p| p.name.as_str()),
        "labels": policies.labels_of(lease).iter().map(ToString::to_string).collect::<Vec<_>>(),
        "why": why,
    });
    Happening {
        event,
        id: format!(
            "{}:{}:{}:{}",
            event.as_str(),
            lease.account,
            lease.id,
            end.as_deref().unwrap_or("unknown")
        ),
        at: now,
        body: body.to_string(),
        once_of: Some(lease.account.clone()),
        not_for: None,
    }
}
