//! Collects everything that is wrong, so that one run tells it all.
use std::cell::RefCell;

use super::Problem;
use super::tree::Place;

/// `file:line: key: message`; without the parts that there are none of.
#[must_use]
pub fn problem_line(p: &Problem) -> String {
    let line = p.line.map(|n| format!(":{n}")).unwrap_or_default();
    let key = if p.key.is_empty() { String::new() } else { format!("{}: ", p.key) };
    format!("{}{line}: {key}{}", p.file, p.message)
}

/// The problems found so far. Shared by every reader of one load.
#[derive(Default)]
pub(super) struct Problems(RefCell<Vec<(usize, Problem)>>);

impl Problems {
    /// Notes one; the same one twice is one.
    pub fn push(&self, place: &Place, key: impl Into<String>, message: impl Into<String>) {
        let problem = Problem {
            file: place.file.to_string(),
            line: place.line,
            key: key.into(),
            message: message.into(),
        };
        let mut all = self.0.borrow_mut();
        if all.iter().all(|(_, known)| *known != problem) {
            all.push((place.rank, problem));
        }
    }

    /// In the order of the files, then of their lines.
    pub fn into_sorted(self) -> Vec<Problem> {
        let mut all = self.0.into_inner();
        all.sort_by(|(rank_a, a), (rank_b, b)| (rank_a, a.line).cmp(&(rank_b, b.line)));
        all.into_iter().map(|(_, problem)| problem).collect()
    }
}
