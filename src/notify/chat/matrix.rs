//! Matrix: an `m.room.message` event, put under a transaction id of its own, so that a second try makes no second message.
//! <https://spec.matrix.org/latest/client-server-api/#put_matrixclientv3roomsroomidsendeventtypetxnid>
use jiff::tz::TimeZone;
use serde_json::json;
use sha2::{Digest, Sha256};
use url::Url;

use super::Call;
use super::document::Document;
use super::text::{body as words, cut, escaped, headline};
use crate::hex::hex;

/// An event has 65,536 bytes at most; the text is in it twice, the second time with markup.
const TEXT: usize = 8_000;

pub(super) fn call(
    base: &Url,
    token: &str,
    room: &str,
    document: &Document,
    zone: &TimeZone,
) -> Option<Call> {
    let head = headline(document);
    let mut text = words(document, zone);
    if let Some(link) = &document.link {
        text = format!("{text}\n\n{link}");
    }
    let (head, text) = (cut(&head, TEXT / 8), cut(text.trim(), TEXT));
    let html = |text: &str| text.chars().map(escaped).collect::<String>().replace('\n', "<br/>");
    let body = json!({
        "msgtype": "m.text",
        "body": format!("{head}\n\n{text}"),
        "format": "org.matrix.custom.html",
        "formatted_body": format!("<strong>{}</strong><br/><br/>{}", html(&head), html(&text)),
        "m.mentions": {},
    });
    // The same message, and no other, has the same id.
    let id =
        hex(&Sha256::digest(format!("{} {} {:?} {body}", document.key, document.occasion, document.since))
            [..16]);
    let mut url = base.clone();
    url.path_segments_mut().ok()?.pop_if_empty().extend([
        "_matrix",
        "client",
        "v3",
        "rooms",
        room,
        "send",
        "m.room.message",
        id.as_str(),
    ]);
    let call = Call { method: reqwest::Method::PUT, ..Call::post(url, &body) };
    Some(call.with("Authorization", format!("Bearer {token}")))
}
