//! What the end of another node means for a payment that it had begun: its bytes may still lie in a machine that is frozen, so that
//! absence at the provider shows less than usual.
//!
//! Kept in the ledger as a note for each epoch that ended so, written by the statement that took the lease. A lease that was given back,
//! or that a node took back from itself, leaves none.
use jiff::{SignedDuration, Timestamp};

use crate::domain::Moment;

/// A lease that ran out and was taken by another node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failover {
    /// When it ran out, by the database's clock.
    pub ended: Timestamp,
    /// When the other took it, by that node's own clocks.
    pub taken: Moment,
    /// The newest taking of the lease since then, or this very one, by the database's clock: whoever has it now tells time from there.
    pub seen: Timestamp,
    /// The same by that node's own clocks.
    pub seen_at: Moment,
}

impl Failover {
    /// The key of the note for that epoch.
    #[must_use]
    pub fn key(epoch: i64) -> String {
        format!("failover:{epoch}")
    }

    /// The note's text: the end in milliseconds and when it was taken; then the newest taking in the same way.
    #[must_use]
    pub fn note(&self) -> String {
        let (ended, seen) = (self.ended.as_millisecond(), self.seen.as_millisecond());
        format!("{ended} {} {seen} {}", self.taken.noted(), self.seen_at.noted())
    }

    /// Reads it. What cannot be read is a failover that is never over: evidence has no end to count from, and a person must say.
    #[must_use]
    pub fn from_note(note: &str) -> Self {
        let words: Vec<&str> = note.split(' ').collect();
        let ms = |text: &str| Timestamp::from_millisecond(text.parse().ok()?).ok();
        let moment = |of: &[&str]| Moment::from_note(&of.join(" "));
        let found = (words.len() == 8).then_some(()).and_then(|()| {
            Some(Self {
                ended: ms(words[0])?,
                taken: moment(&words[1..4])?,
                seen: ms(words[4])?,
                seen_at: moment(&words[5..8])?,
            })
        });
        found.unwrap_or_else(|| {
            let never = Moment { wall: Timestamp::MAX, boot_id: String::new(), boot_ms: i64::MAX };
            Self { ended: Timestamp::MAX, taken: never.clone(), seen: Timestamp::MIN, seen_at: never }
        })
    }

    /// How long ago a payment began that the old node had started, at least: by the boot clock where both nodes are of one boot, else
    /// since the end of its lease, before which it was begun: by the database's clock up to the newest taking, and by the own clock of
    /// whoever took it since then. No host's wall clock is compared with another's.
    #[must_use]
    pub fn since_spend(&self, started: Option<&Moment>, now: &Moment) -> SignedDuration {
        // A node that looks without having taken the lease since cannot tell how long ago that was.
        let since_seen = now.since(&self.seen_at).unwrap_or(SignedDuration::ZERO);
        let by_end = self.seen.duration_since(self.ended).saturating_add(since_seen);
        started.and_then(|at| now.since(at)).map_or(by_end, |own| own.max(by_end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(boot: &str, secs: i64) -> Moment {
        Moment {
            wall: Timestamp::from_second(1_800_000_000 + secs).unwrap(),
            boot_id: boot.to_owned(),
            boot_ms: secs * 1000,
        }
    }

    fn failover() -> Failover {
        let (ended, seen) = (at("", 100).wall, at("", 160).wall);
        Failover { ended, taken: at("new", 130), seen, seen_at: at("new", 150) }
    }

    #[test]
    fn a_failover_survives_its_note() {
        assert_eq!(Failover::from_note(&failover().note()), failover());
        for broken in ["nonsense", "", "1 2 3 4 5 6 7 8"] {
            let broken = Failover::from_note(broken);
            assert!(broken.since_spend(None, &at("c", 0)).is_negative(), "nothing is over");
        }
    }

    #[test]
    fn no_wall_clock_of_the_old_host_makes_a_hold_look_over() {
        // The old host's clock was a day behind: its row looks a day old.
        let row = at("old", -86_400);
        let since = |row: &Moment, now: &Moment| failover().since_spend(Some(row), now).as_secs();
        assert_eq!(since(&row, &at("new", 150)), 60, "as the lease was taken");
        assert_eq!(since(&row, &at("new", 170)), 80, "and by the new host's boot clock from there");
        assert_eq!(since(&row, &at("other", 90_000)), 60, "whoever did not take it knows no more");
        assert_eq!(since(&at("new", 20), &at("new", 170)), 150, "one machine ran both");
    }
}
