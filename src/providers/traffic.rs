//! How many requests went to each account's provider, how they ended and how long they took: for `/metrics`. Counted in this process
//! and since its start; a restart begins anew, as counters may.
//!
//! Not responsible for the limit (`limiter`), nor for what an answer means. Holds names of accounts and numbers, nothing of a request.
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::domain::AccountName;

/// Upper bounds of the buckets, in milliseconds: from a quick answer to a payment that was cut off.
pub const BOUNDS_MS: [u64; 11] = [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 120_000];

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// A whole answer that is no error of HTTP's.
    Answered,
    /// The provider asked for fewer requests.
    RateLimited,
    /// A whole answer with another error of the caller's.
    ClientError,
    /// A whole answer with an error of the provider's.
    ServerError,
    /// The connection was never made: no byte left.
    NotSent,
    /// No whole answer: it broke off, or took too long.
    NoAnswer,
}

impl Ending {
    /// Each of them.
    pub const ALL: [Self; 6] = [
        Self::Answered,
        Self::RateLimited,
        Self::ClientError,
        Self::ServerError,
        Self::NotSent,
        Self::NoAnswer,
    ];

    /// Of a whole answer.
    #[must_use]
    pub fn of_status(status: u16) -> Self {
        match status {
            429 => Self::RateLimited,
            400..=499 => Self::ClientError,
            500..=599 => Self::ServerError,
            _ => Self::Answered,
        }
    }

    /// The word in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::RateLimited => "rate_limited",
            Self::ClientError => "client_error",
            Self::ServerError => "server_error",
            Self::NotSent => "not_sent",
            Self::NoAnswer => "no_answer",
        }
    }
}

/// The requests of one account that ended in one way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counted {
    /// How many.
    pub requests: u64,
    /// What they took in all, in milliseconds.
    pub total_ms: u64,
    /// How many took at most so long, by [`BOUNDS_MS`]; what took longer than all of them is in none.
    pub buckets: [u64; BOUNDS_MS.len()],
}

/// Requests by account and ending.
pub type Traffic = BTreeMap<(AccountName, Ending), Counted>;

/// One process, one count: readers and spenders come and go with each config.
static TRAFFIC: Mutex<Traffic> = Mutex::new(BTreeMap::new());

/// A request ended.
pub(super) fn count(account: &AccountName, ending: Ending, took_ms: i64) {
    let mut traffic = TRAFFIC.lock().unwrap_or_else(PoisonError::into_inner);
    let counted = traffic.entry((account.clone(), ending)).or_default();
    counted.add(u64::try_from(took_ms).unwrap_or_default());
}

/// All of it, as of now.
#[must_use]
pub fn traffic() -> Traffic {
    TRAFFIC.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

impl Counted {
    fn add(&mut self, took_ms: u64) {
        self.requests += 1;
        self.total_ms = self.total_ms.saturating_add(took_ms);
        for (bound, bucket) in BOUNDS_MS.iter().zip(&mut self.buckets) {
            if took_ms <= *bound {
                *bucket += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_in_every_bucket_that_is_long_enough_for_it() {
        let mut counted = Counted::default();
        [0, 50, 51, 119_999, 120_001].into_iter().for_each(|ms| counted.add(ms));
        assert_eq!((counted.requests, counted.total_ms), (5, 240_101));
        assert_eq!(counted.buckets, [2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4]);
    }

    #[test]
    fn every_ending_has_a_word_of_its_own() {
        let words: std::collections::BTreeSet<_> = Ending::ALL.map(Ending::as_str).into_iter().collect();
        assert_eq!(words.len(), Ending::ALL.len());
        assert_eq!(Ending::of_status(429).as_str(), "rate_limited");
        assert_eq!(Ending::of_status(404).as_str(), "client_error");
        assert_eq!(Ending::of_status(503).as_str(), "server_error");
        assert_eq!(Ending::of_status(200).as_str(), "answered");
    }
}
