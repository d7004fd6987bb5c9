//! Instants and spans. Not responsible for reading a clock: see `clock.rs`.
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// Wall and boot clock read together. The boot clock cannot be set and counts suspended time, so the two together
/// tell a stepped clock from passing time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// Wall clock.
    pub wall: Timestamp,
    /// Which boot `boot_ms` belongs to.
    pub boot_id: String,
    /// Milliseconds since that boot.
    pub boot_ms: i64,
}

impl Moment {
    /// Time since `earlier`: the smaller of what wall and boot clock say, so that a clock set forward cannot make
    /// a lag window look over. `None` if the machine was rebooted in between.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Option<SignedDuration> {
        if self.boot_id != earlier.boot_id {
            return None;
        }
        let boot = SignedDuration::from_millis(self.boot_ms.saturating_sub(earlier.boot_ms));
        Some(boot.min(self.wall.duration_since(earlier.wall)))
    }

    /// Time since `earlier`; after a reboot only the wall clock is left to say.
    #[must_use]
    pub fn elapsed_since(&self, earlier: &Self) -> SignedDuration {
        self.since(earlier).unwrap_or_else(|| self.wall.duration_since(earlier.wall))
    }

    /// Time since `earlier` by the boot clock alone, which nobody sets: whether a lag is over, where that only tells what was charged.
    /// After a reboot the wall clock says.
    #[must_use]
    pub fn passed_since(&self, earlier: &Self) -> SignedDuration {
        if self.boot_id != earlier.boot_id || self.boot_id.is_empty() {
            return self.wall.duration_since(earlier.wall);
        }
        SignedDuration::from_millis(self.boot_ms.saturating_sub(earlier.boot_ms))
    }

    /// The instant this long before it, by both clocks.
    #[must_use]
    pub fn back(&self, span: SignedDuration) -> Self {
        Self {
            wall: self.wall.checked_sub(span).unwrap_or(Timestamp::MIN),
            boot_id: self.boot_id.clone(),
            boot_ms: self.boot_ms.saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)),
        }
    }

    /// An instant of which only the wall clock is known.
    #[must_use]
    pub fn by_wall(wall: Timestamp) -> Self {
        Self { wall, boot_id: String::new(), boot_ms: 0 }
    }

    /// Whether this came at `mark` or after it by either clock: a wall clock that was set hides nothing of the same boot.
    #[must_use]
    pub fn is_since(&self, mark: &Self) -> bool {
        self.wall >= mark.wall
            || (!mark.boot_id.is_empty() && self.boot_id == mark.boot_id && self.boot_ms >= mark.boot_ms)
    }

    /// How old what was seen at `earlier` is: the larger of what both clocks say, so that no clock that was set makes the old look
    /// young. `None` if the machine was rebooted in between.
    #[must_use]
    pub fn age_of(&self, earlier: &Self) -> Option<SignedDuration> {
        if self.boot_id != earlier.boot_id {
            return None;
        }
        let boot = SignedDuration::from_millis(self.boot_ms.saturating_sub(earlier.boot_ms));
        Some(boot.abs().max(self.wall.duration_since(earlier.wall).abs()))
    }

    /// Whether this came at `mark` or after it, as seen from `now`. Within a boot the boot clock says so, whatever the wall clock
    /// was set to; between two boots that are both over only the wall clock is left.
    #[must_use]
    pub fn is_from(&self, mark: &Self, now: &Self) -> bool {
        if self.boot_id == mark.boot_id {
            return self.boot_ms >= mark.boot_ms;
        }
        self.boot_id == now.boot_id || (mark.boot_id != now.boot_id && self.wall >= mark.wall)
    }

    /// As it is written in notes.
    #[must_use]
    pub fn noted(&self) -> String {
        format!("{} {} {}", self.wall, self.boot_id, self.boot_ms)
    }

    /// Reads [`Self::noted`].
    #[must_use]
    pub fn from_note(note: &str) -> Option<Self> {
        let mut words = note.split(' ');
        let (wall, boot_id, ms) = (words.next()?, words.next()?, words.next()?);
        Some(Self { wall: wall.parse().ok()?, boot_id: boot_id.to_owned(), boot_ms: ms.parse().ok()? })
    }
}

/// `[timing]`: how long renewd waits for answers and for proof.
#[derive(Debug, Clone)]
pub struct Timing {
    /// For one read, whole.
    pub read_timeout: SignedDuration,
    /// For one money call, whole.
    pub money_timeout: SignedDuration,
    /// How long a provider's lists may lag behind a payment.
    pub lag_window: SignedDuration,
    /// Agreeing reads before "not charged" may be concluded; at least 1.
    pub settle_reads: u32,
}

impl Timing {
    /// Four lag windows: what is not told by then is told by no reading.
    #[must_use]
    pub fn four_lags(&self) -> SignedDuration {
        self.lag_window.checked_mul(4).unwrap_or(SignedDuration::MAX)
    }
}

/// An instant as people read it, in their zone.
#[must_use]
pub fn told(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%a %-d %b %Y %H:%M %Z").to_string()
}

/// The same as a title names it: of the days that are near.
#[must_use]
pub fn told_short(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%a %-d %b %H:%M").to_string()
}

/// A span in words: `3d 4h`, `12m`, `45s`. Two units at most; negative spans lose their sign.
#[must_use]
pub fn words(span: SignedDuration) -> String {
    let secs = span.as_secs().unsigned_abs();
    let (d, h, m, s) = (secs / 86_400, secs / 3600 % 24, secs / 60 % 60, secs % 60);
    let two = |a: u64, ua: &str, b: u64, ub: &str| {
        if b == 0 { format!("{a}{ua}") } else { format!("{a}{ua} {b}{ub}") }
    };
    match (d, h, m) {
        (0, 0, 0) => format!("{s}s"),
        (0, 0, _) => two(m, "m", s, "s"),
        (0, _, _) => two(h, "h", m, "m"),
        _ => two(d, "d", h, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(boot: &str, ms: i64, wall: &str) -> Moment {
        Moment { wall: wall.parse().unwrap(), boot_id: boot.to_owned(), boot_ms: ms }
    }

    #[test]
    fn what_came_after_a_mark_is_told_by_the_boot_clock_where_there_is_one() {
        let mark = at("b", 1_000, "2026-06-02T13:40:00Z");
        let set_back = at("b", 2_000, "2026-06-01T13:45:00Z");
        let set_forward = at("b", 500, "2026-06-03T00:00:00Z");
        assert!(set_back.is_from(&mark, &mark), "it came after, whatever the wall clock said");
        assert!(!set_forward.is_from(&mark, &mark), "it came before");
        assert!(mark.is_from(&mark, &mark));

        let now = at("c", 10, "2026-06-01T14:00:00Z");
        assert!(now.is_from(&mark, &now), "this boot came after that one");
        assert!(!mark.is_from(&now, &now), "and that one before this");
        let between = at("d", 5, "2026-06-02T13:50:00Z");
        assert!(between.is_from(&mark, &now), "both are over: the wall clock says");
        assert!(!mark.is_from(&between, &now));
    }

    #[test]
    fn no_clock_that_was_set_makes_the_old_look_young() {
        let seen = at("b", 0, "2026-06-02T13:40:00Z");
        let age = |ms, wall| at("b", ms, wall).age_of(&seen).unwrap().as_secs();
        assert_eq!(age(70_000, "2026-06-02T13:41:10Z"), 70);
        assert_eq!(age(70_000, "2026-06-02T13:40:05Z"), 70, "set back meanwhile");
        assert_eq!(age(5_000, "2026-06-02T12:40:05Z"), 3_595, "set back by an hour: nobody knows");
        assert_eq!(at("c", 0, "2026-06-02T13:40:00Z").age_of(&seen), None);
    }

    #[test]
    fn a_clock_that_was_set_hides_nothing_that_was_sent_since() {
        let sent = at("b", 1_000, "2026-06-02T13:40:00Z");
        let hour = SignedDuration::from_hours(1);
        let since = |ms, wall| sent.is_since(&at("b", ms, wall).back(hour));
        assert!(since(601_000, "2026-06-02T13:50:00Z"));
        let set_back = at("b", 601_000, "2026-06-01T13:50:00Z");
        assert_eq!(set_back.passed_since(&sent).as_secs(), 600);
        assert_eq!(
            set_back.elapsed_since(&sent).as_secs(),
            -85_800,
            "what was not charged waits for both clocks"
        );
        assert_eq!(at("c", 1, "2026-06-02T13:50:00Z").passed_since(&sent).as_secs(), 600);
        assert!(since(601_000, "2026-06-03T13:50:00Z"), "set forward by a day meanwhile");
        assert!(since(601_000, "2026-06-01T13:50:00Z"), "set back by a day meanwhile");
        assert!(!since(7_201_000, "2026-06-02T15:40:00Z"), "two hours are over by both clocks");
        assert!(
            !sent.is_since(&at("c", 1, "2026-06-03T13:50:00Z").back(hour)),
            "after a reboot the wall clock says"
        );
        assert!(
            !Moment { boot_id: String::new(), ..sent.clone() }
                .is_since(&Moment::by_wall("2026-06-02T13:40:01Z".parse().unwrap()))
        );
    }

    #[test]
    fn a_moment_survives_its_note() {
        let moment = at("0b1c", 123_456, "2026-06-02T13:40:00.123456789Z");
        assert_eq!(Moment::from_note(&moment.noted()), Some(moment));
        assert_eq!(Moment::from_note("2026-06-02T13:40:00Z"), None, "an older note has no boot");
        assert_eq!(Moment::from_note(""), None);
    }
}
