//! A value that answers show only a while after it changed, the same for every provider whose balance lags. Not responsible for how long
//! that is.
use std::time::Duration;

use jiff::Timestamp;

use super::site::later;

/// What was ever true of something, each with the instant from which on it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown<T> {
    first: T,
    changes: Vec<(Timestamp, T)>,
}

impl<T> Shown<T> {
    /// Shown from the beginning of time.
    pub(super) fn new(first: T) -> Self {
        Self { first, changes: Vec::new() }
    }

    /// Changed at `at`, and shown from `lag` later on.
    pub(super) fn change(&mut self, at: Timestamp, lag: Duration, value: T) {
        self.changes.push((later(at, lag), value));
    }

    /// What is shown at `now`: of the changes that are shown by then, the one that was made last.
    pub(super) fn at(&self, now: Timestamp) -> &T {
        self.changes.iter().rev().find(|(from, _)| *from <= now).map_or(&self.first, |(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_change_that_is_shown_hides_an_older_one_that_lags_longer() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let mut shown = Shown::new(100);
        shown.change(at(10), Duration::from_secs(50), 90);
        assert_eq!([*shown.at(at(10)), *shown.at(at(59)), *shown.at(at(60))], [100, 100, 90]);
        shown.change(at(20), Duration::from_secs(5), 80);
        assert_eq!([*shown.at(at(24)), *shown.at(at(25)), *shown.at(at(60))], [100, 80, 80]);
    }
}
