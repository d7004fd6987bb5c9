//! The status page for people: rendered here, without scripts, readable in the dark and on a telephone.
//!
//! Not responsible for facts: it shows the `status`, `plan` and `forecast` documents. Everything is escaped.
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, context};
use serde_json::Value;

use super::Source;

/// Rows in a table; `renewd plan` and `renewd forecast` list all.
const SHOWN: usize = 50;

/// Days of the forecast that the page shows; `renewd forecast` shows more.
pub(super) const AHEAD: u16 = 14;

static TEMPLATES: LazyLock<Result<Environment<'static>, String>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    // A field that the document lacks leaves a gap: the page must not vanish when it is needed most.
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.add_filter("instant", instant);
    environment.add_filter("second", second);
    let added = environment.add_template("status.html", include_str!("templates/status.html.j2"));
    added.map(|()| environment).map_err(|e| e.to_string())
});

/// The page.
///
/// # Errors
/// The template's, in words.
pub(super) fn render(source: &dyn Source) -> Result<String, String> {
    let (status, plan, forecast) = (&source.status(), &source.plan(), &source.forecast(AHEAD));
    let environment = TEMPLATES.as_ref().map_err(Clone::clone)?;
    let items = plan["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let held: Vec<&Value> = items.iter().filter(|item| item["decision"] == "hold").collect();
    let shown: Vec<&Value> = held.iter().take(SHOWN).copied().collect();
    let days = forecast["days"].as_array().map(Vec::as_slice).unwrap_or_default();
    let ahead: Vec<&Value> = days.iter().take(SHOWN).collect();
    // The gravest first: what is urgent must not hide below what is not.
    let mut alerts: Vec<&Value> = status["open_alerts"].as_array().into_iter().flatten().collect();
    alerts.sort_by_key(|alert| match alert["severity"].as_str() {
        Some("urgent") => 0,
        Some("warning") => 1,
        _ => 2,
    });
    let unread = status["error"]["message"].as_str();
    let context = context! {
        s => Serde(status),
        alerts => Serde(&alerts),
        held => Serde(&shown),
        held_in_all => held.len(),
        renewing => items.iter().filter(|item| item["decision"] == "renew").count(),
        ahead => Serde(&ahead),
        ahead_in_all => days.len(),
        ahead_days => AHEAD,
        unpriced => forecast["unpriced"].as_u64().unwrap_or_default(),
        unread,
        alive => source.alive(),
        unwritable => source.unwritable(),
        version => env!("CARGO_PKG_VERSION"),
    };
    environment.get_template("status.html").and_then(|page| page.render(context)).map_err(|e| e.to_string())
}

/// To the minute, in UTC; what is no instant stays as it is.
fn instant(value: &str) -> String {
    shown(value, "%Y-%m-%d %H:%M UTC")
}

/// The same to the second: cycles may be seconds apart.
fn second(value: &str) -> String {
    shown(value, "%Y-%m-%d %H:%M:%S UTC")
}

fn shown(value: &str, form: &str) -> String {
    match value.parse::<Timestamp>() {
        Ok(at) => at.to_zoned(TimeZone::UTC).strftime(form).to_string(),
        Err(_) => value.to_owned(),
    }
}
