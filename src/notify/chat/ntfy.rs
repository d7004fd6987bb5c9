//! ntfy: a message as JSON, posted to the root of the server. <https://docs.ntfy.sh/publish/#publish-as-json>
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use url::Url;

use super::Call;
use super::document::{Document, Tone};
use super::text::{body as words, cut, fitted, headline};
use crate::settings::topic;

/// Of the whole body, in bytes: ntfy makes an attachment of what is longer.
const BODY: usize = 4_096;
const TITLE: usize = 250;

pub(super) fn call(
    base: &Url,
    token: &str,
    chat: Option<&str>,
    document: &Document,
    zone: &TimeZone,
) -> Option<Call> {
    let (root, topic) = match chat {
        Some(topic) => (base.clone(), topic.to_owned()),
        None => topic(base.as_str())?,
    };
    let whole = words(document, zone);
    let mut most = BODY;
    let body = loop {
        let body = message(document, &topic, &fitted(&whole, most, str::len, |c| c.to_string()));
        let length = body.to_string().len();
        if length <= BODY || most == 0 {
            break body;
        }
        // Each byte of text is at least one of the body.
        most = most.saturating_sub(length - BODY);
    };
    let call = Call::post(root, &body);
    Some(if token.is_empty() { call } else { call.with("Authorization", format!("Bearer {token}")) })
}

fn message(document: &Document, topic: &str, text: &str) -> Value {
    let (priority, tag) = match document.tone() {
        Tone::Over => (3, "white_check_mark"),
        Tone::Urgent => (5, "rotating_light"),
        Tone::Warning => (4, "warning"),
        Tone::Info => (3, "information_source"),
    };
    let title = fitted(&headline(document), TITLE, str::len, |c| c.to_string());
    let mut body =
        json!({ "topic": topic, "title": title, "message": text, "priority": priority, "tags": [tag] });
    if text.is_empty() {
        body["message"] = json!(cut(&document.title, TITLE));
    }
    if let Some(link) = &document.link {
        body["click"] = json!(link);
    }
    body
}
