//! Discord's webhooks: one embed. <https://discord.com/developers/docs/resources/webhook#execute-webhook>
//!
//! Nobody is mentioned, whatever the text says, and no character of it is markup.
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::document::{Document, Tone};
use super::text::{body as words, fitted, headline, units};

const TITLE: usize = 256;
const DESCRIPTION: usize = 4_096;

pub(super) fn body(document: &Document, zone: &TimeZone) -> Value {
    let colour = match document.tone() {
        Tone::Over => 0x1a_7f4b,
        Tone::Urgent => 0xb3_261e,
        Tone::Warning => 0x8a_5a00,
        Tone::Info => 0x2f_5d8a,
    };
    let mut embed = json!({
        "title": fitted(&headline(document), TITLE, units, plain),
        "description": fitted(&words(document, zone), DESCRIPTION, units, plain),
        "color": colour,
    });
    if let Some(link) = &document.link {
        embed["url"] = json!(link);
    }
    json!({ "embeds": [embed], "allowed_mentions": { "parse": [] } })
}

/// A backslash keeps a character from being markup.
fn plain(c: char) -> String {
    match c {
        '\\' | '*' | '_' | '~' | '`' | '|' | '>' | '<' | '#' | '[' | ']' | '(' | ')' | ':' | '@' => {
            format!("\\{c}")
        }
        other => other.to_string(),
    }
}
