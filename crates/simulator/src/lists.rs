//! Words for how lists look and go wrong, the same for every provider. Not responsible for any list.
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// How instants are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateForm {
    /// `2026-08-31T09:00:00.000+00:00`.
    FractionOffset,
    /// `2026-08-31T09:00:00+00:00`.
    Offset,
    /// `2026-08-31T09:00:00Z`.
    Zulu,
    /// `2026-08-31T09:00:00.000Z`.
    FractionZulu,
    /// `2026-08-31T09:00:00+0000`.
    OffsetNoColon,
    /// `2026-08-31T09:00:00.000+0000`.
    FractionOffsetNoColon,
    /// `2026-08-31T09:00:00`: no zone at all.
    NoZone,
    /// `2026-08-31`: no time of day. It tells less than the others, so it is not one of [`DateForm::ALL`].
    DateOnly,
}

impl DateForm {
    /// All that tell the same instant.
    pub const ALL: [Self; 7] = [
        Self::FractionOffset,
        Self::Offset,
        Self::Zulu,
        Self::FractionZulu,
        Self::OffsetNoColon,
        Self::FractionOffsetNoColon,
        Self::NoZone,
    ];

    pub(super) fn write(self, at: Timestamp) -> String {
        let form = match self {
            Self::FractionOffset => "%Y-%m-%dT%H:%M:%S.%3f+00:00",
            Self::Offset => "%Y-%m-%dT%H:%M:%S+00:00",
            Self::Zulu => "%Y-%m-%dT%H:%M:%SZ",
            Self::FractionZulu => "%Y-%m-%dT%H:%M:%S.%3fZ",
            Self::OffsetNoColon => "%Y-%m-%dT%H:%M:%S+0000",
            Self::FractionOffsetNoColon => "%Y-%m-%dT%H:%M:%S.%3f+0000",
            Self::NoZone => "%Y-%m-%dT%H:%M:%S",
            Self::DateOnly => "%Y-%m-%d",
        };
        at.strftime(form).to_string()
    }
}

/// A way in which a list is wrong. Leases are named by what never changes: address (`YouProxy`), order (`ProxyShard`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Distortion {
    /// No records, and `success: true`.
    Empty,
    /// Only the first so many records.
    KeepFirst(usize),
    /// Without this lease, although it is rented.
    Hide(String),
    /// This lease has an end that nobody can read.
    UnreadableEnd(String),
    /// This lease has no end at all.
    NoEnd(String),
    /// This lease has no id.
    NoId(String),
    /// Every record twice.
    Duplicates,
    /// This lease has this end, whatever is true: an older one, from a replica that lags, or the true one as another answer spells it.
    End(String, String),
    /// Every end is off by up to so many milliseconds, by others in each answer.
    Jitter(i64),
    /// Every other answer tells its ends as dates alone.
    SometimesDates,
}

impl Distortion {
    /// An end as this distortion has it in an answer of `now`; `None` leaves it as it is.
    pub(super) fn respelled(&self, lease: &str, told: &Value, now: Timestamp) -> Option<Value> {
        match self {
            Self::End(of, text) if of == lease => Some(json!(text)),
            Self::Jitter(most) => {
                let end: Timestamp = told.as_str()?.parse().ok()?;
                let off = now.as_microsecond().wrapping_mul(7_919).rem_euclid(2 * most + 1) - most;
                let end = end.checked_add(SignedDuration::from_millis(off)).ok()?;
                Some(json!(DateForm::FractionZulu.write(end)))
            }
            Self::SometimesDates if now.as_microsecond() % 2 == 0 => Some(json!(told.as_str()?.get(..10)?)),
            _ => None,
        }
    }
}
