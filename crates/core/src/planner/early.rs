//! What is said of a lease whose end is far, whether it is judged by itself or among the idle. Pure.
use jiff::Timestamp;

use crate::domain::time::words;
use crate::domain::{LeaseView, OrderState};
use crate::policy::{Action, Keep, Policy, Reason, Stage, Word, due_at};

/// Without a policy the defaults say when a lapse is near.
pub(super) fn nobodys_stage(lease: &LeaseView<'_>, end: Timestamp, now: Timestamp) -> Stage {
    match end.duration_since(now).as_hours() {
        _ if *lease.state == OrderState::OnHold => Stage::Rescue,
        ..12 => Stage::Urgent,
        12..72 => Stage::Normal,
        _ => Stage::Early,
    }
}

/// Why nothing is paid yet, or never, for what ends that far ahead.
pub(super) fn waits(word: Word, policy: &Policy, order: &str, end: Timestamp, now: Timestamp) -> Reason {
    let prose = match (word, policy.until) {
        (Word::PastUntil, Some(until)) => {
            format!("its end is on or after {until}, where policy `{}` stops", policy.name)
        }
        (Word::NotRenewableYet, _) => {
            format!("the provider renews it only at its end, in {}", words(end.duration_since(now)))
        }
        _ => format!("due in {}", words(due_at(policy, order, end).duration_since(now))),
    };
    Reason::new(word, prose)
}

pub(super) fn no_policy() -> Reason {
    Reason::new(Word::NoPolicy, "no policy matches, so nothing renews it")
}

/// A lease that an operator keeps is not let go because the name of a policy is.
pub(super) fn keep_lost(keep: &Keep) -> Reason {
    let like = &keep.like;
    Reason::new(
        Word::KeepLost,
        format!(
            "{}, and the config has no policy `{like}`: nobody renews it. Put that policy back, keep it like another one, or end \
             that with renewd keep {} --off",
            keep.words(),
            if keep.lease.ip.is_empty() { keep.lease.id.as_str() } else { &keep.lease.ip }
        ),
    )
}

/// What a policy says that does not renew.
pub(super) fn left_alone(action: Action, policy: &Policy) -> Reason {
    match action {
        Action::Release => Reason::new(Word::ReleasePolicy, format!("`{}` lets it lapse", policy.name)),
        Action::Ignore => Reason::new(Word::IgnorePolicy, format!("`{}` says ignore", policy.name)),
        Action::Watch | Action::Renew => {
            Reason::new(Word::WatchPolicy, format!("`{}` says watch", policy.name))
        }
    }
}
