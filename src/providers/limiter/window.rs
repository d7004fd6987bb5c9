//! The arithmetic of a sliding window of one minute. Pure: no clock, no storage.
use std::time::Duration;

use super::Purpose;

/// How long a request counts. A request exactly this long ago still does.
pub const WINDOW_MS: i64 = 60_000;

/// One request that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// Boot clock when it was taken.
    pub at_ms: i64,
    /// What for.
    pub purpose: Purpose,
    /// Taken for a payment that has not left yet.
    pub held: bool,
}

impl Token {
    /// Still in the window at `now_ms`. A token from the future is of another boot and counts no more.
    pub fn counts(&self, now_ms: i64) -> bool {
        self.at_ms <= now_ms && now_ms.saturating_sub(self.at_ms) <= WINDOW_MS
    }
}

/// How many tokens of the whole limit a purpose may use.
pub fn share(limit: u32, purpose: Purpose) -> usize {
    let whole = usize::try_from(limit).unwrap_or(usize::MAX).max(1);
    match purpose {
        Purpose::Routine => (whole.saturating_mul(2) / 3).max(1),
        Purpose::Money => whole,
    }
}

/// How long to wait until `n` more fit; `None` = they fit now. More than the limit counts as the limit.
pub fn wait(tokens: &[Token], now_ms: i64, n: usize, purpose: Purpose, limit: u32) -> Option<Duration> {
    let whole = share(limit, Purpose::Money);
    let of_all = free_at(tokens.iter().map(|t| t.at_ms), now_ms, n, whole);
    let of_share = match purpose {
        Purpose::Money => None,
        Purpose::Routine => {
            let routine = tokens.iter().filter(|t| t.purpose == Purpose::Routine).map(|t| t.at_ms);
            free_at(routine, now_ms, n, share(limit, Purpose::Routine))
        }
    };
    of_all.max(of_share)
}

/// How long to wait until `pace_ms` have passed since the last request left; `None` = they have. What is held has not left.
pub fn pause(tokens: &[Token], now_ms: i64, pace_ms: i64) -> Option<Duration> {
    let last = tokens.iter().filter(|t| !t.held && t.at_ms <= now_ms).map(|t| t.at_ms).max()?;
    let left = last.saturating_add(pace_ms).saturating_sub(now_ms);
    (left > 0).then(|| Duration::from_millis(left.unsigned_abs()))
}

fn free_at(taken: impl Iterator<Item = i64>, now_ms: i64, n: usize, allowed: usize) -> Option<Duration> {
    let mut taken: Vec<i64> = taken.collect();
    taken.sort_unstable();
    let too_many = (taken.len() + n.min(allowed)).checked_sub(allowed).filter(|over| *over > 0)?;
    let oldest = taken.get(too_many - 1)?;
    let ms = oldest.saturating_add(WINDOW_MS + 1).saturating_sub(now_ms).max(1);
    Some(Duration::from_millis(ms.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(at_ms: i64, purpose: Purpose) -> Token {
        Token { at_ms, purpose, held: false }
    }

    #[test]
    fn the_wait_ends_when_the_oldest_token_leaves_the_window() {
        let tokens = [at(0, Purpose::Money), at(10, Purpose::Money), at(20, Purpose::Money)];
        assert_eq!(wait(&tokens, 30, 1, Purpose::Money, 3), Some(Duration::from_millis(59_971)));
        assert_eq!(wait(&tokens, 30, 2, Purpose::Money, 3), Some(Duration::from_millis(59_981)));
        assert_eq!(wait(&tokens, 30, 1, Purpose::Money, 4), None);
    }

    #[test]
    fn routine_is_stopped_at_two_thirds_and_money_is_not() {
        let tokens = vec![at(0, Purpose::Routine); 40];
        assert!(wait(&tokens, 1, 1, Purpose::Routine, 60).is_some());
        assert_eq!(wait(&tokens, 1, 20, Purpose::Money, 60), None);
    }

    #[test]
    fn a_pace_is_counted_from_the_last_request_that_left() {
        let held = Token { held: true, ..at(90, Purpose::Money) };
        let tokens = [at(0, Purpose::Money), at(50, Purpose::Routine), held, at(500, Purpose::Money)];
        assert_eq!(
            pause(&tokens, 100, 350),
            Some(Duration::from_millis(300)),
            "what is held or of the future is not it"
        );
        assert_eq!(pause(&tokens, 400, 350), None);
        assert_eq!(pause(&[], 100, 350), None);
        assert_eq!(pause(&tokens, 50, 0), None, "no pace");
    }

    #[test]
    fn a_token_counts_for_a_minute_and_one_of_the_future_never() {
        let token = at(1000, Purpose::Money);
        assert!(token.counts(61_000) && !token.counts(61_001) && !token.counts(999));
    }
}
