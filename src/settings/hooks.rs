//! `[[hook]]`: programs of the owner's that are told what happened. Not responsible for running them, nor for who may change them.
use super::draft::Draft;
use super::fields::Fields;
use super::hook_words::{event, name};
use super::values as v;
use crate::domain::AlertKey;
use crate::record::{HookEvent, Subscription};

/// One of `[[hook]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// What it is called.
    pub name: String,
    /// What it is told, each once.
    pub on: Vec<HookEvent>,
    /// The program by its whole path, and its arguments.
    pub command: Vec<String>,
}

impl Hook {
    /// The alert about this hook, which every other way tells.
    #[must_use]
    pub fn trouble(&self) -> AlertKey {
        AlertKey::account("hook", &self.name)
    }

    /// What the ledger must know of it.
    #[must_use]
    pub fn subscription(&self) -> Subscription {
        Subscription { hook: self.name.clone(), events: self.on.clone() }
    }
}

pub(super) fn hooks(draft: &Draft<'_>) -> Option<Vec<Hook>> {
    draft.rows("hook").map(hook).collect()
}

fn hook(row: &Fields<'_>) -> Option<Hook> {
    let mut on = row.list("on", event);
    on.sort_unstable();
    on.dedup();
    if row.given("on") && row.texts("on").is_empty() {
        row.tell("on", format!("names no event: write on = {}", row.key("on").map_or("", |k| k.shown)));
        return None;
    }
    let command = row.list("command", v::line);
    let first = command.first();
    if let Some(program) = first.filter(|program| !program.starts_with('/')) {
        let message =
            format!("`{program}` is not a whole path: renewd does not search PATH, so start it with /");
        row.tell("command", message);
        return None;
    }
    if row.given("command") && first.is_none() {
        row.tell("command", "names no program: write its whole path, then its arguments".to_owned());
    }
    Some(Hook {
        name: row.read("name", name)?,
        on: (!on.is_empty()).then_some(on)?,
        command: first.is_some().then_some(command)?,
    })
}
