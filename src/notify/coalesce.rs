//! What an outage leaves to say: of each incident only its newest word. Pure; nothing is written here.
//!
//! A row is folded only together with the newer one that says the same better, and only once that one was taken. What nobody
//! heard of and is over by now needs no mail each: several are told together.
use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::alerting::Occasion;
use crate::ledger::OutboxMail;

/// Rows of one incident that wait; one word is said for all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The row that is sent.
    pub newest: OutboxMail,
    /// Older ones that it stands for, oldest first.
    pub older: Vec<OutboxMail>,
}

impl Letter {
    fn new(row: OutboxMail) -> Self {
        Self { newest: row, older: Vec::new() }
    }

    fn add(&mut self, row: OutboxMail) {
        self.older.push(std::mem::replace(&mut self.newest, row));
    }

    /// Oldest first.
    pub fn rows(&self) -> impl Iterator<Item = &OutboxMail> {
        self.older.iter().chain([&self.newest])
    }

    /// Everybody who was to get one of its rows.
    #[must_use]
    pub fn to(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for address in self.rows().flat_map(|row| &row.mail.to) {
            if !all.contains(address) {
                all.push(address.clone());
            }
        }
        all
    }

    /// When it may be tried: a newer word is not held up by what the older one met with.
    #[must_use]
    pub fn next_at(&self) -> Timestamp {
        self.newest.next_at
    }

    /// It began and ended without anybody hearing of it.
    fn passed(&self) -> bool {
        self.newest.mail.occasion == Occasion::Resolved.as_str()
            && self.older.iter().any(|row| row.mail.in_reply_to().is_none())
    }
}

/// What is left to say, most urgent first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Folded {
    /// One message each.
    pub letters: Vec<Letter>,
    /// One summary each: two or more incidents that are over, for the same recipients.
    pub passed: Vec<Vec<Letter>>,
}

/// Folds the waiting rows of one channel, given oldest first.
#[must_use]
pub fn fold(waiting: Vec<OutboxMail>) -> Folded {
    let mut alone: Vec<Letter> = Vec::new();
    let mut incidents: BTreeMap<String, Letter> = BTreeMap::new();
    for row in waiting {
        if row.mail.incident.is_empty() {
            alone.push(Letter::new(row));
            continue;
        }
        match incidents.get_mut(&row.mail.incident) {
            Some(letter) => letter.add(row),
            None => drop(incidents.insert(row.mail.incident.clone(), Letter::new(row))),
        }
    }
    let (passed, mut letters): (Vec<_>, Vec<_>) = incidents.into_values().partition(Letter::passed);
    let mut together: BTreeMap<Vec<String>, Vec<Letter>> = BTreeMap::new();
    for letter in passed {
        let mut to = letter.to();
        to.sort();
        together.entry(to).or_default().push(letter);
    }
    let (single, mut many): (Vec<_>, Vec<_>) = together.into_values().partition(|group| group.len() == 1);
    letters.extend(single.into_iter().flatten().chain(alone));
    letters.sort_by_key(|letter| (Reverse(letter.newest.mail.severity), letter.newest.id));
    many.iter_mut().for_each(|group| group.sort_by_key(|letter| letter.newest.id));
    Folded { letters, passed: many }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AlertKey, Severity};
    use crate::ledger::{Channel, QueuedMail};
    use proptest::prelude::*;

    fn row(id: i64, incident: &str, occasion: &str, severity: Severity, to: &[&str]) -> OutboxMail {
        let own = if occasion == "raised" { incident.to_owned() } else { format!("{incident}-{id}") };
        OutboxMail {
            id,
            mail: QueuedMail {
                channel: Channel::Mail,
                key: AlertKey::account("short_funds", "yp"),
                occasion: occasion.to_owned(),
                severity,
                title: incident.to_owned(),
                to: to.iter().map(ToString::to_string).collect(),
                subject: String::new(),
                text: String::new(),
                html: String::new(),
                message_id: own,
                incident: incident.to_owned(),
            },
            queued_at: Timestamp::from_second(id).unwrap(),
            attempts: 0,
            next_at: Timestamp::from_second(id).unwrap(),
            aside: false,
        }
    }

    const W: Severity = Severity::Warning;

    #[test]
    fn only_the_newest_word_of_an_incident_is_said_to_all_who_were_to_hear_one() {
        let rows = vec![
            row(1, "a", "raised", W, &["ops"]),
            row(2, "b", "raised", W, &["ops"]),
            row(3, "a", "escalated", Severity::Urgent, &["oncall"]),
        ];
        let folded = fold(rows);
        let said: Vec<_> = folded.letters.iter().map(|l| (l.newest.id, l.older.len(), l.to())).collect();
        assert_eq!(
            said,
            [(3, 1, vec!["ops".to_owned(), "oncall".to_owned()]), (2, 0, vec!["ops".to_owned()])],
            "the urgent one first"
        );
        assert!(folded.passed.is_empty());
    }

    #[test]
    fn what_came_and_went_unheard_is_told_together() {
        let rows = vec![
            row(1, "a", "raised", W, &["ops"]),
            row(2, "a", "resolved", W, &["ops"]),
            row(3, "b", "raised", W, &["ops"]),
            row(4, "b", "resolved", W, &["ops"]),
            row(5, "c", "raised", W, &["oncall"]),
            row(6, "c", "resolved", W, &["oncall"]),
        ];
        let folded = fold(rows);
        assert_eq!(
            folded.passed.iter().map(Vec::len).collect::<Vec<_>>(),
            [2],
            "a and b, for the same people"
        );
        assert_eq!(
            folded.letters.iter().map(|l| l.newest.id).collect::<Vec<_>>(),
            [6],
            "one alone is its own notice"
        );
    }

    #[test]
    fn the_end_of_what_was_heard_of_is_told_by_itself() {
        let rows = vec![row(1, "a", "repeated", W, &["ops"]), row(2, "a", "resolved", W, &["ops"])];
        let folded = fold(rows);
        assert_eq!(folded.letters.iter().map(|l| l.newest.id).collect::<Vec<_>>(), [2]);
    }

    proptest! {
        #[test]
        fn no_row_is_forgotten_and_none_is_said_twice(spec in proptest::collection::vec((0..6_u8, 0..4_u8), 0..40)) {
            let words = ["raised", "repeated", "escalated", "resolved"];
            let rows: Vec<_> = (1_i64..)
                .zip(&spec)
                .map(|(id, (who, what))| {
                    let incident = if *who == 0 { String::new() } else { format!("i{who}") };
                    row(id, &incident, words[usize::from(*what)], W, &["ops"])
                })
                .collect();
            let folded = fold(rows.clone());
            let all = folded.letters.iter().chain(folded.passed.iter().flatten());
            let mut seen: Vec<i64> = all.flat_map(|l| l.rows().map(|r| r.id).collect::<Vec<_>>()).collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, rows.iter().map(|r| r.id).collect::<Vec<_>>());
            let newest = folded.letters.iter().chain(folded.passed.iter().flatten());
            for letter in newest {
                prop_assert!(letter.older.iter().all(|r| r.id < letter.newest.id));
            }
        }
    }
}
