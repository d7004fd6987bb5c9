//! When an alert is told, told again, and called over. Pure: what fires is an argument, and so is the time.
use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::domain::{AccountName, Alert, AlertKey};
use crate::ledger::{AlertChange, OpenAlert};

/// Why a mail is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// It is new.
    Raised,
    /// It still holds after `repeat`.
    Repeated,
    /// It got worse.
    Escalated,
    /// It is over.
    Resolved,
}

impl Occasion {
    /// The word in logs and mails.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Repeated => "repeated",
            Self::Escalated => "escalated",
            Self::Resolved => "resolved",
        }
    }
}

/// What becomes of one alert.
#[derive(Debug, Clone)]
pub struct Told {
    /// For the ledger.
    pub change: AlertChange,
    /// `None`: nobody is told now.
    pub occasion: Option<Occasion>,
    /// What is told.
    pub alert: Alert,
    /// Since when it holds.
    pub since: Timestamp,
}

/// Compares what fires with what is open. One mail per key; again after `repeat` or when it gets worse; a notice when it
/// is over. `once` alerts are told once and closed in silence. Alerts of a `frozen` account, of which nothing is known now,
/// are neither repeated nor resolved.
#[must_use]
pub fn reconcile(
    open: &[OpenAlert],
    firing: &[Alert],
    frozen: &BTreeSet<AccountName>,
    now: Timestamp,
    repeat: SignedDuration,
) -> Vec<Told> {
    let known: BTreeMap<&AlertKey, &OpenAlert> = open.iter().map(|a| (&a.key, a)).collect();
    let fires: BTreeSet<&AlertKey> = firing.iter().map(|a| &a.key).collect();
    let going_on = firing.iter().map(|alert| match known.get(&alert.key) {
        None => told(alert, now, now, Some(Occasion::Raised)),
        Some(before) => {
            let due = now.duration_since(before.told_at) >= repeat;
            let occasion = match () {
                () if alert.once => None,
                () if alert.severity > before.severity => Some(Occasion::Escalated),
                () if due => Some(Occasion::Repeated),
                () => None,
            };
            told(alert, before.since, if occasion.is_some() { now } else { before.told_at }, occasion)
        }
    });
    let over = open.iter().filter(|a| !fires.contains(&a.key)).filter_map(|a| {
        if a.account.as_ref().is_some_and(|name| frozen.contains(name)) {
            return None;
        }
        Some(Told {
            change: AlertChange::Close(a.key.clone()),
            occasion: (!a.once).then_some(Occasion::Resolved),
            alert: over(a),
            since: a.since,
        })
    });
    going_on.chain(over).collect()
}

fn told(alert: &Alert, since: Timestamp, told_at: Timestamp, occasion: Option<Occasion>) -> Told {
    let stored = OpenAlert {
        key: alert.key.clone(),
        severity: alert.severity,
        account: alert.account.clone(),
        since,
        told_at,
        title: alert.title.clone(),
        text: alert.text.clone(),
        once: alert.once,
    };
    let change = if occasion.is_some() { AlertChange::Tell(stored) } else { AlertChange::Keep(stored) };
    Told { change, occasion, alert: alert.clone(), since }
}

fn over(open: &OpenAlert) -> Alert {
    Alert {
        key: open.key.clone(),
        severity: open.severity,
        account: open.account.clone(),
        title: open.title.clone(),
        text: open.text.clone(),
        actions: Vec::new(),
        rows: Vec::new(),
        deadline: None,
        once: open.once,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Severity;
    use proptest::prelude::*;

    const REPEAT: SignedDuration = SignedDuration::from_hours(24);

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(hours * 3600).unwrap()
    }

    fn alert(cause: &str, severity: Severity, once: bool) -> Alert {
        let account = AccountName::from("yp");
        Alert {
            key: AlertKey::account(cause, "yp"),
            severity,
            account: Some(account),
            title: cause.to_owned(),
            text: String::new(),
            actions: Vec::new(),
            rows: Vec::new(),
            deadline: None,
            once,
        }
    }

    fn apply(open: &mut Vec<OpenAlert>, told: &[Told]) -> Vec<Occasion> {
        for t in told {
            open.retain(|a| a.key != t.alert.key);
            if let AlertChange::Tell(a) | AlertChange::Keep(a) = &t.change {
                open.push(a.clone());
            }
        }
        told.iter().filter_map(|t| t.occasion).collect()
    }

    fn step(open: &mut Vec<OpenAlert>, firing: &[Alert], frozen: bool, hour: i64) -> Vec<Occasion> {
        let frozen = if frozen { BTreeSet::from([AccountName::from("yp")]) } else { BTreeSet::new() };
        let told = reconcile(open, firing, &frozen, at(hour), REPEAT);
        apply(open, &told)
    }

    #[test]
    fn an_alert_is_told_once_then_after_repeat_then_resolved() {
        let (mut open, a) = (Vec::new(), [alert("short_funds", Severity::Warning, false)]);
        assert_eq!(step(&mut open, &a, false, 0), [Occasion::Raised]);
        assert_eq!(step(&mut open, &a, false, 23), []);
        assert_eq!(step(&mut open, &a, false, 24), [Occasion::Repeated]);
        assert_eq!(step(&mut open, &a, false, 25), []);
        assert_eq!(step(&mut open, &[], false, 26), [Occasion::Resolved]);
        assert_eq!(step(&mut open, &[], false, 27), []);
    }

    #[test]
    fn a_worse_alert_is_told_at_once() {
        let mut open = Vec::new();
        step(&mut open, &[alert("short_funds", Severity::Warning, false)], false, 0);
        assert_eq!(
            step(&mut open, &[alert("short_funds", Severity::Urgent, false)], false, 1),
            [Occasion::Escalated]
        );
        assert_eq!(step(&mut open, &[alert("short_funds", Severity::Warning, false)], false, 2), []);
    }

    #[test]
    fn a_fact_is_told_once_and_closed_in_silence() {
        let (mut open, a) = (Vec::new(), [alert("lapsed", Severity::Urgent, true)]);
        assert_eq!(step(&mut open, &a, false, 0), [Occasion::Raised]);
        assert_eq!(step(&mut open, &a, false, 100), []);
        assert_eq!(step(&mut open, &[], false, 101), []);
    }

    #[test]
    fn what_is_not_known_is_neither_resolved_nor_repeated() {
        let (mut open, a) = (Vec::new(), [alert("short_funds", Severity::Warning, false)]);
        step(&mut open, &a, false, 0);
        assert_eq!(step(&mut open, &[], true, 48), []);
        assert_eq!(step(&mut open, &[], false, 49), [Occasion::Resolved]);
    }

    proptest! {
        #[test]
        fn no_alert_is_mailed_twice_within_repeat(fires in proptest::collection::vec(any::<bool>(), 1..60)) {
            let (mut open, a) = (Vec::new(), [alert("x", Severity::Warning, false)]);
            let mut last: Option<i64> = None;
            for (hour, on) in (0_i64..).zip(fires) {
                let said = step(&mut open, if on { &a } else { &[] }, false, hour);
                prop_assert_eq!(open.len(), usize::from(on));
                match said.as_slice() {
                    [Occasion::Raised] => last = Some(hour),
                    [Occasion::Repeated] => { prop_assert!(hour - last.unwrap() >= 24); last = Some(hour); }
                    [Occasion::Resolved] => last = None,
                    other => prop_assert!(other.is_empty()),
                }
            }
        }
    }
}
