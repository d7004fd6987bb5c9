//! How the hooks of the config stand, for `status` and the page.
use jiff::Timestamp;
use serde::Serialize;

use crate::ledger::{HookState, Ledger, LedgerError};
use crate::settings::Settings;

/// A hook.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct HookDoc {
    /// Its name.
    pub name: String,
    /// What it is told.
    pub on: Vec<&'static str>,
    /// Events that its program has not taken yet.
    pub waiting: usize,
    /// When the oldest of them was queued.
    pub oldest_at: Option<Timestamp>,
    /// Since when its program fails; null where it does not.
    pub failing_since: Option<Timestamp>,
    /// How the last failed attempt came out; null where nothing failed.
    pub error: Option<String>,
    /// Events that were given up after a day of attempts, within the last 90 days.
    pub set_aside: usize,
}

pub(super) fn hooks(ledger: &dyn Ledger, settings: &Settings) -> Result<Vec<HookDoc>, LedgerError> {
    if settings.hooks.is_empty() {
        return Ok(Vec::new());
    }
    let states = ledger.hook_states()?;
    let of = |hook: &crate::settings::Hook| {
        let known: Option<&HookState> = states.iter().find(|s| s.hook == hook.name);
        HookDoc {
            name: hook.name.clone(),
            on: hook.on.iter().map(|event| event.as_str()).collect(),
            waiting: known.map_or(0, |s| s.waiting),
            oldest_at: known.and_then(|s| s.oldest),
            failing_since: known.and_then(|s| s.failing_since),
            error: known.and_then(|s| s.last_error.clone()),
            set_aside: known.map_or(0, |s| s.aside.len()),
        }
    };
    Ok(settings.hooks.iter().map(of).collect())
}

impl HookDoc {
    /// A line for people, where there is something to say.
    #[must_use]
    pub fn words(&self, away: impl Fn(Timestamp) -> String) -> Option<String> {
        let events = |n: usize| if n == 1 { "1 event".to_owned() } else { format!("{n} events") };
        let waits = (self.waiting > 0).then(|| format!("{} waiting", events(self.waiting)));
        let fails = self.failing_since.map(|since| format!("failing since {}", away(since)));
        let aside = (self.set_aside > 0).then(|| format!("{} given up", events(self.set_aside)));
        let said: Vec<String> =
            waits.into_iter().chain(fails).chain(aside).chain(self.error.clone()).collect();
        (!said.is_empty()).then(|| format!("hook {}: {}", self.name, said.join(", ")))
    }
}
