//! What the config calls the leases of an alert: put on every alert of a pass in one place, whichever rule raised it.
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::{AccountName, Alert, LeaseId};
use crate::engine::CycleReport;
use crate::policy::Policies;

/// Adds the labels of the leases that each alert touches.
pub fn labelled(alerts: &mut [Alert], report: &CycleReport, policies: &Policies<'_>) {
    if policies.labels.is_empty() {
        return;
    }
    for alert in alerts {
        alert.labels = labels_of(alert.account.as_ref(), &alert.leases, report, policies);
    }
}

/// The labels of these leases, sorted, each once.
pub fn labels_of(
    account: Option<&AccountName>,
    leases: &[LeaseId],
    report: &CycleReport,
    policies: &Policies<'_>,
) -> Vec<String> {
    let Some(account) = account.filter(|_| !policies.labels.is_empty()) else { return Vec::new() };
    let all: BTreeSet<Arc<str>> =
        leases.iter().flat_map(|id| labels(account, id, report, policies)).collect();
    all.iter().map(ToString::to_string).collect()
}

fn labels(
    account: &AccountName,
    id: &LeaseId,
    report: &CycleReport,
    policies: &Policies<'_>,
) -> Vec<Arc<str>> {
    let listed = report.lists.iter().find(|list| &list.account == account);
    if let Some(lease) = listed.and_then(|list| list.leases.get(id.as_str())) {
        return policies.labels_of(lease);
    }
    let item = report.items.iter().map(|i| &i.lease).find(|l| &l.account == account && &l.id == id);
    let lost = || report.lost.iter().find(|l| &l.account == account && &l.id == id);
    item.or_else(lost).map(|lease| policies.labels_of(lease)).unwrap_or_default()
}
