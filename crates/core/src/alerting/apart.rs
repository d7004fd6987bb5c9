//! How far apart the reminders of one alert are: the longer nothing new happens, the further. Pure: all it knows is an argument.
//!
//! A reminder is for what may have been forgotten; daily ones teach people to look away. Nothing grows quieter towards a deadline.
use jiff::{SignedDuration, Timestamp};

use crate::domain::{Alert, Severity};

/// The longest time between two reminders.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The same of what is urgent, in multiples of `repeat`.
const URGENT: i32 = 2;
/// A deadline that came nearer by so much is news.
const NEARER: SignedDuration = SignedDuration::from_hours(24);
/// Below this it is not, however little time is left.
const SLIGHT: SignedDuration = SignedDuration::from_hours(1);

/// How long after `told_at` people are reminded, where the last news was told at `news_at`: `repeat`, then twice that, four times
/// that, … Never so long that less than half of the time to its deadline is left, unless that is less than `repeat`.
#[must_use]
pub fn next_reminder(
    alert: &Alert,
    news_at: Timestamp,
    told_at: Timestamp,
    repeat: SignedDuration,
) -> SignedDuration {
    let so_far = told_at.duration_since(news_at).max(SignedDuration::ZERO);
    let grown = so_far.saturating_add(repeat).min(LONGEST.max(repeat));
    let left = alert.deadline.map(|deadline| deadline.duration_since(told_at));
    match (alert.severity, left) {
        (Severity::Urgent, Some(left)) if left.is_positive() => repeat,
        (Severity::Urgent, _) => grown.min(repeat.saturating_mul(URGENT)),
        (_, Some(left)) => grown.min(left / 2).max(repeat),
        (_, None) => grown,
    }
}

/// Whether a deadline is worse than the one that people were told: a day nearer, or half of the time is gone at once.
#[must_use]
pub fn is_worse(told: Option<Timestamp>, now_told: Option<Timestamp>, now: Timestamp) -> bool {
    let (Some(told), Some(new)) = (told, now_told) else { return false };
    let nearer = told.duration_since(new);
    let (was_left, left) = (told.duration_since(now), new.duration_since(now).max(SignedDuration::ZERO));
    nearer >= NEARER || (nearer >= SLIGHT && left.saturating_mul(2) <= was_left)
}
