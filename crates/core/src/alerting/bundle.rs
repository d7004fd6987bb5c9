//! One mail where one pass has the same thing to say of several orders of an account, or both that money came and what it
//! put right.
use std::collections::{BTreeMap, BTreeSet};

use super::Told;
use crate::domain::alert::AlertRow;
use crate::domain::{Alert, AlertKey, Occasion, Severity};

/// Joins alerts of one cause, account and occasion that are told in the same pass; each stays an alert of its own. What is
/// not told now is left out.
#[must_use]
pub fn bundle(told: &[Told]) -> Vec<Told> {
    let mut groups: BTreeMap<(AlertKey, Occasion), Vec<&Told>> = BTreeMap::new();
    for one in told {
        if let Some(occasion) = one.occasion {
            let key =
                if one.alert.key.is_of_an_order() { one.alert.key.group() } else { one.alert.key.clone() };
            groups.entry((key, occasion)).or_default().push(one);
        }
    }
    let joined = |((key, occasion), members): ((AlertKey, Occasion), Vec<&Told>)| {
        with_silence(join(key, occasion, &members), members.len())
    };
    with_their_top_ups(groups.into_iter().map(joined).collect())
}

/// A reminder says how to end the reminders: what is urgent is not put out of mind for long. `n` alerts are told in it.
fn with_silence(mut mail: Told, n: usize) -> Told {
    if mail.occasion == Some(Occasion::Repeated) {
        let key = &mail.alert.key;
        let pattern = if n == 1 { key.to_string() } else { format!("{key}:*") };
        let span = if mail.alert.severity == Severity::Urgent { "1d" } else { "7d" };
        mail.alert.actions.push(format!("renewd silence {pattern} --for {span}"));
    }
    mail
}

/// What a top-up puts right, and the cause that says the money came.
const WAITS_FOR_MONEY: [&str; 2] = ["short_funds", "runway"];
const MONEY_CAME: &str = "top_up";

/// The notice that there is money enough also says how much came: no second mail does.
fn with_their_top_ups(mut mails: Vec<Told>) -> Vec<Told> {
    let host = |mails: &[Told], top_up: &Told| {
        mails.iter().position(|m| {
            m.occasion == Some(Occasion::Resolved)
                && WAITS_FOR_MONEY.contains(&m.alert.key.cause())
                && m.alert.account == top_up.alert.account
        })
    };
    for top_up in mails.extract_if(.., |m| m.alert.key.cause() == MONEY_CAME).collect::<Vec<_>>() {
        match host(&mails, &top_up) {
            Some(n) => {
                let row = AlertRow {
                    stage: None,
                    what: top_up.alert.title,
                    ends: None,
                    amount: None,
                    note: top_up.alert.text,
                };
                mails[n].alert.rows.push(row);
            }
            None => mails.push(top_up),
        }
    }
    mails
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
        text: if occasion == Occasion::Resolved { String::new() } else { said.join("\n\n") },
        actions,
        rows: match occasion {
            // What is over has no rows of its own: its title says what it was.
            Occasion::Resolved => {
                all().flat_map(|a| std::iter::once(over(a)).chain(a.rows.clone())).collect()
            }
            _ => all().flat_map(|a| a.rows.clone()).collect(),
        },
        deadline: all().filter_map(|a| a.deadline).min(),
        once: first.alert.once,
        grade: all().map(|a| a.grade).max().unwrap_or_default(),
        leases: all().flat_map(|a| a.leases.clone()).collect(),
        parts: all().flat_map(|a| a.parts.clone()).collect(),
        labels: all().flat_map(|a| a.labels.clone()).collect::<BTreeSet<_>>().into_iter().collect(),
    };
    let since = members.iter().map(|m| m.since).min().unwrap_or(first.since);
    let until = members.iter().filter_map(|m| m.until).max();
    let reminder = members.iter().filter_map(|m| m.reminder).min();
    Told { changes: Vec::new(), occasion: Some(occasion), alert, since, until, reminder }
}

fn over(alert: &Alert) -> AlertRow {
    let note = if alert.text.is_empty() { alert.key.to_string() } else { alert.text.clone() };
    AlertRow { stage: None, what: alert.title.clone(), ends: None, amount: None, note }
}
