//! Gotify: `POST /message` with the application's token in a header. <https://gotify.net/docs/pushmsg>
use jiff::tz::TimeZone;
use serde_json::json;
use url::Url;

use super::Call;
use super::document::{Document, Tone};
use super::text::{body as words, headline};

pub(super) fn call(base: &Url, token: &str, document: &Document, zone: &TimeZone) -> Option<Call> {
    let mut url = base.clone();
    url.path_segments_mut().ok()?.pop_if_empty().push("message");
    let priority = match document.tone() {
        Tone::Over => 4,
        Tone::Urgent => 8,
        Tone::Warning => 5,
        Tone::Info => 2,
    };
    let mut extras = json!({ "client::display": { "contentType": "text/plain" } });
    if let Some(link) = &document.link {
        extras["client::notification"] = json!({ "click": { "url": link } });
    }
    let text = match words(document, zone) {
        // An empty message is refused.
        text if text.trim().is_empty() => headline(document),
        text => text,
    };
    let body =
        json!({ "title": headline(document), "message": text, "priority": priority, "extras": extras });
    Some(Call::post(url, &body).with("X-Gotify-Key", token.to_owned()))
}
