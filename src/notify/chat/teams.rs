//! Microsoft Teams: an Adaptive Card, as a workflow that posts to a channel takes it.
//! <https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using>
//!
//! Runs of text know no Markdown, and without `msteams.entities` nobody is mentioned.
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::document::{Document, Tone};
use super::text::{cut, headline, lines};

/// The whole message, in bytes.
const MESSAGE: usize = 28 * 1024;
const HEADLINE: usize = 1_000;
const LINE: usize = 1_000;

pub(super) fn body(document: &Document, zone: &TimeZone) -> Value {
    let mut all = lines(document, zone);
    let whole = message(document, &all, false);
    if whole.to_string().len() <= MESSAGE {
        return whole;
    }
    loop {
        let shorter = message(document, &all, true);
        if shorter.to_string().len() <= MESSAGE || all.pop().is_none() {
            return shorter;
        }
    }
}

fn message(document: &Document, lines: &[String], cut_off: bool) -> Value {
    let run = |text: &str, style: Value| {
        let mut run = json!({ "type": "TextRun", "text": text });
        if let (Some(run), Value::Object(style)) = (run.as_object_mut(), style) {
            run.extend(style);
        }
        json!({ "type": "RichTextBlock", "spacing": "None", "inlines": [run] })
    };
    let colour = match document.tone() {
        Tone::Over => "good",
        Tone::Urgent => "attention",
        Tone::Warning => "warning",
        Tone::Info => "default",
    };
    let head = json!({ "weight": "bolder", "size": "medium", "color": colour });
    let mut blocks = vec![run(&cut(&headline(document), HEADLINE), head)];
    // An empty run is refused: a space keeps the empty line.
    blocks.extend(lines.iter().map(|line| {
        let line = if line.is_empty() { " ".to_owned() } else { cut(line, LINE) };
        run(&line, json!({}))
    }));
    if cut_off {
        blocks.push(run("…", json!({})));
    }
    let mut card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
    });
    if let Some(link) = &document.link {
        card["actions"] = json!([{ "type": "Action.OpenUrl", "title": "Open renewd", "url": link }]);
    }
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": card,
        }],
    })
}
