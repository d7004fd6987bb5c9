//! One mail where one pass has the same thing to say of several orders of an account.
use std::collections::BTreeMap;

use super::Told;
use crate::domain::{Alert, AlertKey, Occasion};

/// Joins alerts of one cause, account and occasion that are told in the same pass; each stays an alert of its own. What is
/// not told now is left out.
#[must_use]
pub fn bundle(told: &[Told]) -> Vec<Told> {
    let mut groups: BTreeMap<(AlertKey, Occasion), Vec<&Told>> = BTreeMap::new();
    for one in told {
        if let Some(occasion) = one.occasion {
            let key = if one.alert.key.is_of_an_order() { one.alert.key.group() } else { one.alert.key.clone() };
            groups.entry((key, occasion)).or_default().push(one);
        }
    }
    groups.into_iter().map(|((key, occasion), members)| join(key, occasion, &members)).collect()
}

fn join(key: AlertKey, occasion: Occasion, members: &[&Told]) -> Told {
    let (first, n) = (members[0], members.len());
    if n == 1 {
        return first.clone();
    }
    let all = || members.iter().map(|m| &m.alert);
    let mut actions: Vec<String> = Vec::new();
    for action in all().flat_map(|a| &a.actions) {
        if !actions.contains(action) {
            actions.push(action.clone());
        }
    }
    let said: Vec<String> = all().map(|a| format!("{}\n{}", a.title, a.text).trim_end().to_owned()).collect();
    let alert = Alert {
        key,
        severity: all().map(|a| a.severity).max().unwrap_or(first.alert.severity),
        account: first.alert.account.clone(),
        title: format!("{} (and {} more like it)", first.alert.title, n - 1),
        text: said.join("\n\n"),
        actions,
        rows: all().flat_map(|a| a.rows.clone()).collect(),
        deadline: all().filter_map(|a| a.deadline).min(),
        once: first.alert.once,
        grade: all().map(|a| a.grade).max().unwrap_or_default(),
        leases: all().flat_map(|a| a.leases.clone()).collect(),
    };
    let since = members.iter().map(|m| m.since).min().unwrap_or(first.since);
    Told { changes: Vec::new(), occasion: Some(occasion), alert, since }
}
