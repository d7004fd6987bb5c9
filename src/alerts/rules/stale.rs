//! Alerts about ends that went back behind what a confirmed payment brought: one per order, since each is a matter of its own.
use std::collections::BTreeMap;

use super::{AccountReport, Item, deadline, grade, leases, row, touched, urgency};
use crate::domain::{Alert, AlertKey};

/// A list that lags or was set back, or a term that the provider took back: nothing is paid by such an end.
pub(super) fn stale(account: &AccountReport, items: &[&Item]) -> Vec<Alert> {
    let name = &account.account;
    let mut orders: BTreeMap<_, Vec<&Item>> = BTreeMap::new();
    for item in items {
        orders.entry(&item.lease.order).or_default().push(item);
    }
    let alert = |(order, items): (&crate::domain::OrderId, Vec<&Item>)| {
        let prose = items.first().map(|i| i.reason.prose.clone()).unwrap_or_default();
        Alert {
            rows: items.iter().map(|i| row(i)).collect(),
            actions: vec![
                "check at the provider which end is right".into(),
                format!("renewd history --account {name}"),
                "if the provider really took the term back: renew it there by hand".into(),
            ],
            deadline: deadline(&items),
            grade: grade(&items),
            leases: touched(&items),
            ..super::plain(
                AlertKey::order("stale_end", name.as_str(), order.as_str()),
                urgency(&items),
                Some(name),
                &format!(
                    "{} of order {order} ({name}) are listed with an end that was already paid for",
                    leases(items.len())
                ),
                &format!(
                    "{}. renewd pays each term once: it waits until the list shows the newer end again.",
                    prose.trim_end_matches('.')
                ),
            )
        }
    };
    orders.into_iter().map(alert).collect()
}
