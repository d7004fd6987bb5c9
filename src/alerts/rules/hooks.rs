//! The alert about a hook that did not take an event for a day. Not responsible for running hooks.
use jiff::Timestamp;

use crate::alerting::DAY;
use crate::domain::{Alert, Severity};
use crate::ledger::HookState;
use crate::settings::Hook;

use super::{count, plain};

/// One for each hook of the config, while what was set aside is news: each event is told once.
#[must_use]
pub fn hooks_failed(states: &[HookState], hooks: &[Hook], now: Timestamp) -> Vec<Alert> {
    let alert = |hook: &Hook| {
        let state = states.iter().find(|state| state.hook == hook.name)?;
        let news: Vec<&String> =
            state.aside.iter().filter(|(_, at)| now.duration_since(*at) < DAY).map(|(id, _)| id).collect();
        let (name, n) = (&hook.name, news.len());
        let events = match n {
            0 => return None,
            1 => format!("an event ({})", news[0]),
            n => format!("{n} events"),
        };
        let said =
            state.last_error.as_ref().map(|said| format!(" Its last attempt: {said}.")).unwrap_or_default();
        let text = format!(
            "The program of this hook did not accept {} within a day of attempts, so renewd has stopped trying and goes on with the \
             events after it.{said} Whatever the hook keeps up to date may be out of date now.",
            if n == 1 { "this event" } else { "these events" }
        );
        Some(Alert {
            once: true,
            grade: count(n),
            parts: news.into_iter().cloned().collect(),
            actions: vec![format!("renewd check"), format!("journalctl -u renewd | grep {name}")],
            ..plain(
                hook.trouble(),
                Severity::Warning,
                None,
                &format!("Hook {name} failed: renewd gave up on {events}"),
                &text,
            )
        })
    };
    hooks.iter().filter_map(alert).collect()
}
