//! How the names and events of `[[hook]]` are read. Not responsible for making hooks.
use super::values as v;
use crate::record::HookEvent;

/// The word for an event.
pub(super) fn event(text: &str) -> Result<HookEvent, String> {
    v::choose(text, &HookEvent::ALL.map(|event| (event.as_str(), event)))
}

/// It becomes a part of an alert key.
pub(super) fn name(text: &str) -> Result<String, String> {
    v::account_name(text).map(|name| name.to_string()).map_err(|_| {
        format!("`{text}` cannot name a hook: use letters, digits, `.`, `_` and `-`, such as \"pool\"")
    })
}
