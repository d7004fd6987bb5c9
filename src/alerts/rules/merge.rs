//! What several payments of one order have to say under one key: one alert that speaks of each, whatever else fires.
use crate::domain::Alert;

/// The alerts by key, each key once. Those with parts are joined, each part once, oldest payment first; of others the first stands.
#[must_use]
pub fn merged(mut alerts: Vec<Alert>) -> Vec<Alert> {
    alerts.sort_by(|a, b| (&a.key, &a.parts).cmp(&(&b.key, &b.parts)));
    let mut all: Vec<(Alert, usize)> = Vec::new();
    for alert in alerts {
        match all.last_mut().filter(|(last, _)| last.key == alert.key) {
            Some((last, more)) => *more += usize::from(join(last, alert)),
            None => all.push((alert, 0)),
        }
    }
    all.into_iter().map(|(alert, more)| titled(alert, more)).collect()
}

/// Adds what the second says to the first; whether there was anything to add.
fn join(first: &mut Alert, second: Alert) -> bool {
    if second.parts.iter().all(|part| first.parts.contains(part)) {
        return false;
    }
    let said = format!("\n\n{}\n{}", second.title, second.text);
    first.text.push_str(said.trim_end());
    for action in second.actions {
        if !first.actions.contains(&action) {
            first.actions.push(action);
        }
    }
    first.severity = first.severity.max(second.severity);
    first.grade = first.grade.max(second.grade);
    first.deadline = [first.deadline, second.deadline].into_iter().flatten().min();
    first.once &= second.once;
    first.rows.extend(second.rows);
    first.leases.extend(second.leases);
    first.parts.extend(second.parts);
    true
}

fn titled(alert: Alert, more: usize) -> Alert {
    if more == 0 {
        return alert;
    }
    Alert { title: format!("{} (and {more} more of this order)", alert.title), ..alert }
}
