//! Slack's incoming webhooks: a header, sections of plain text, and a link. <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>
//!
//! Plain text shows nothing as markup and calls nobody; only `&`, `<` and `>` are escaped, as Slack asks for.
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::document::Document;
use super::text::{body as words, escaped, fitted, headline, units};

const HEADER: usize = 150;
const SECTION: usize = 3_000;
/// Of the text that a notification shows; Slack cuts far later.
const FALLBACK: usize = 3_000;
const LINK: usize = 2_000;

pub(super) fn body(document: &Document, zone: &TimeZone) -> Value {
    let fit = |text: &str, most| fitted(text, most, units, escaped);
    let head = headline(document);
    let text = words(document, zone);
    let mut blocks = vec![json!({
        "type": "header",
        "text": { "type": "plain_text", "text": fit(&head, HEADER), "emoji": false },
    })];
    // A headline that was cut is said again in full.
    let said = if units(&head) > HEADER { format!("{head}\n\n{text}") } else { text };
    if !said.trim().is_empty() {
        blocks.push(json!({
            "type": "section",
            "text": { "type": "plain_text", "text": fit(&said, SECTION), "emoji": false },
        }));
    }
    if let Some(link) = document.link.as_deref().filter(|link| units(link) < LINK) {
        let link: String = link.chars().map(escaped).collect();
        blocks.push(json!({
            "type": "section",
            "text": { "type": "mrkdwn", "text": format!("<{link}|Open renewd>") },
        }));
    }
    json!({ "text": fit(&head, FALLBACK), "blocks": blocks, "unfurl_links": false, "unfurl_media": false })
}
