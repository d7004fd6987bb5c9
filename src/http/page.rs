//! The status page for people: rendered here, without scripts, readable in the dark and on a telephone.
//!
//! Not responsible for facts: it shows the `status` and `plan` documents. Everything is escaped.
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, context};
use serde_json::Value;

/// Held leases in the table; `renewd plan` lists all.
const SHOWN: usize = 50;

static TEMPLATES: LazyLock<Result<Environment<'static>, String>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    // A field that the document lacks leaves a gap: the page must not vanish when it is needed most.
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.add_filter("instant", instant);
    let added = environment.add_template("status.html", include_str!("templates/status.html.j2"));
    added.map(|()| environment).map_err(|e| e.to_string())
});

/// The page.
///
/// # Errors
/// The template's, in words.
pub(super) fn render(status: &Value, plan: &Value, alive: bool) -> Result<String, String> {
    let environment = TEMPLATES.as_ref().map_err(Clone::clone)?;
    let items = plan["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let held: Vec<&Value> = items.iter().filter(|item| item["decision"] == "hold").collect();
    let shown: Vec<&Value> = held.iter().take(SHOWN).copied().collect();
    let unread = status["error"]["message"].as_str();
    let context = context! {
        s => Serde(status),
        held => Serde(&shown),
        held_in_all => held.len(),
        renewing => items.iter().filter(|item| item["decision"] == "renew").count(),
        unread,
        alive,
        version => env!("CARGO_PKG_VERSION"),
    };
    environment.get_template("status.html").and_then(|page| page.render(context)).map_err(|e| e.to_string())
}

/// To the minute, in UTC; what is no instant stays as it is.
fn instant(value: &str) -> String {
    match value.parse::<Timestamp>() {
        Ok(at) => at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC").to_string(),
        Err(_) => value.to_owned(),
    }
}
