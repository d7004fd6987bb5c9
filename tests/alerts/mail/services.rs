//! Chat services as their public documents describe them: each refuses what the service refuses, in the service's words.
use serde_json::{Value, json};

use crate::mail::listener::Request;

/// Status, further headers, body.
pub type Verdict = (u16, &'static str, String);

fn refused(status: u16, body: Value) -> Verdict {
    (status, "", body.to_string())
}

fn units(text: &Value) -> usize {
    text.as_str().map_or(usize::MAX, |t| t.encode_utf16().count())
}

fn filled(text: &Value) -> bool {
    text.as_str().is_some_and(|t| !t.is_empty())
}

/// Every `&` begins one of three entities, and no other `<` or `>` is there.
fn escaped(text: &str) -> bool {
    let entity = |rest: &str| ["amp;", "lt;", "gt;"].iter().any(|e| rest.starts_with(e));
    text.split('&').skip(1).all(entity) && !text.contains(['<', '>'])
}

/// <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>
pub fn slack(request: &Request) -> Verdict {
    let bad = |why: &str| (400, "", why.to_owned());
    if request.line != "POST /services/T000/B000/slack-secret-4711 HTTP/1.1" {
        return (403, "", "invalid_token".to_owned());
    }
    let body = request.json();
    let blocks = body["blocks"].as_array().cloned().unwrap_or_default();
    if !filled(&body["text"]) || blocks.is_empty() || blocks.len() > 50 {
        return bad("invalid_payload");
    }
    for block in &blocks {
        let text = &block["text"];
        let plain = text["type"] == "plain_text";
        let most = match block["type"].as_str() {
            Some("header") if plain => 150,
            Some("section") => 3_000,
            _ => return bad("invalid_blocks"),
        };
        if !filled(&text["text"]) || units(&text["text"]) > most {
            return bad("invalid_blocks");
        }
        let said = text["text"].as_str().unwrap();
        // A link is the one markup that there is.
        let said = if plain {
            said.to_owned()
        } else {
            said.trim_start_matches('<').trim_end_matches('>').to_owned()
        };
        if !escaped(&said) || said.contains("!channel>") {
            return bad("invalid_blocks_format");
        }
    }
    (200, "", "ok".to_owned())
}

/// <https://discord.com/developers/docs/resources/webhook>
pub fn discord(request: &Request) -> Verdict {
    if request.line != "POST /api/webhooks/1/discord-secret-4711 HTTP/1.1" {
        return refused(404, json!({ "message": "Unknown Webhook", "code": 10015 }));
    }
    let invalid = || refused(400, json!({ "message": "Invalid Form Body", "code": 50035 }));
    let body = request.json();
    let embeds = body["embeds"].as_array().cloned().unwrap_or_default();
    if embeds.is_empty() || embeds.len() > 10 || body["allowed_mentions"] != json!({ "parse": [] }) {
        return invalid();
    }
    let all: usize = embeds.iter().map(|e| units(&e["title"]) + units(&e["description"])).sum();
    let fits =
        |e: &Value| units(&e["title"]) <= 256 && units(&e["description"]) <= 4_096 && e["color"].is_u64();
    if all > 6_000 || !embeds.iter().all(fits) {
        return invalid();
    }
    (204, "", String::new())
}

/// <https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using>
pub fn teams(request: &Request) -> Verdict {
    if !request.line.starts_with("POST /workflows/teams-secret-4711") {
        return refused(
            401,
            json!({ "error": { "code": "DirectApiAuthorizationRequired", "message": "not signed" } }),
        );
    }
    let invalid = |why: &str| refused(400, json!({ "error": { "code": "InvalidRequest", "message": why } }));
    if request.body.len() > 28 * 1024 {
        return refused(413, json!({ "error": { "code": "RequestEntityTooLarge", "message": "28 KB" } }));
    }
    let body = request.json();
    let card = &body["attachments"][0];
    if body["type"] != "message" || card["contentType"] != "application/vnd.microsoft.card.adaptive" {
        return invalid("no card");
    }
    let card = &card["content"];
    let runs = card["body"].as_array().cloned().unwrap_or_default();
    let good = |b: &Value| {
        b["type"] == "RichTextBlock"
            && b["inlines"][0]["type"] == "TextRun"
            && filled(&b["inlines"][0]["text"])
    };
    if card["type"] != "AdaptiveCard"
        || runs.is_empty()
        || !runs.iter().all(good)
        || !card["msteams"].is_null()
    {
        return invalid("the card is malformed");
    }
    (202, "", String::new())
}

/// <https://core.telegram.org/bots/api#sendmessage>
pub fn telegram(request: &Request) -> Verdict {
    let no = |status: u16, why: &str| {
        refused(status, json!({ "ok": false, "error_code": status, "description": why }))
    };
    if request.line != "POST /bot110201543:telegram-secret-4711/sendMessage HTTP/1.1" {
        return no(404, "Not Found");
    }
    let body = request.json();
    if body["chat_id"] != "-100123" {
        return no(400, "Bad Request: chat not found");
    }
    let text = body["text"].as_str().unwrap_or_default();
    let plain = text.replacen("<b>", "", 1).replacen("</b>", "", 1);
    if body["parse_mode"] != "HTML" || !escaped(&plain) {
        return no(400, "Bad Request: can't parse entities");
    }
    let read = plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    if read.is_empty() || read.encode_utf16().count() > 4_096 {
        return no(400, "Bad Request: message is too long");
    }
    (200, "", json!({ "ok": true, "result": { "message_id": 1 } }).to_string())
}

/// <https://docs.ntfy.sh/publish/#publish-as-json>
pub fn ntfy(request: &Request) -> Verdict {
    let no = |status: u16, code: u32, why: &str| {
        refused(status, json!({ "code": code, "http": status, "error": why }))
    };
    if request.line != "POST / HTTP/1.1" {
        return no(404, 40401, "page not found");
    }
    if request.header("authorization") != Some("Bearer tk_ntfy-secret-4711") {
        return no(403, 40301, "forbidden");
    }
    let body = request.json();
    if request.body.len() > 4_096 {
        return no(413, 41301, "attachment too large, or bandwidth limit reached");
    }
    let priority = body["priority"].as_u64().unwrap_or_default();
    if body["topic"] != "ops-topic" || !(1..=5).contains(&priority) || !filled(&body["message"]) {
        return no(400, 40017, "invalid request: request body must be valid message JSON");
    }
    (200, "", json!({ "id": "x", "topic": "ops-topic" }).to_string())
}

/// <https://gotify.net/docs/pushmsg>
pub fn gotify(request: &Request) -> Verdict {
    let no = |status: u16, why: &str| {
        refused(status, json!({ "error": "x", "errorCode": status, "errorDescription": why }))
    };
    if request.line != "POST /push/message HTTP/1.1" {
        return no(404, "page not found");
    }
    if request.header("x-gotify-key") != Some("gotify-secret-4711") {
        return no(401, "you need to provide a valid access token or user credentials to access this api");
    }
    let body = request.json();
    if !filled(&body["message"]) || !body["priority"].is_i64() {
        return no(400, "Field 'message' is required");
    }
    (200, "", json!({ "id": 1 }).to_string())
}

/// <https://spec.matrix.org/latest/client-server-api/#put_matrixclientv3roomsroomidsendeventtypetxnid>
pub fn matrix(request: &Request) -> Verdict {
    let no = |status: u16, code: &str, why: &str| refused(status, json!({ "errcode": code, "error": why }));
    let path = "PUT /_matrix/client/v3/rooms/!room:example.org/send/m.room.message/";
    let line = request.line.replace("%21", "!").replace("%3A", ":");
    let id = line.strip_prefix(path).and_then(|rest| rest.strip_suffix(" HTTP/1.1"));
    if id.is_none_or(|id| id.is_empty() || id.contains('/')) {
        return no(404, "M_UNRECOGNIZED", "Unrecognized request");
    }
    if request.header("authorization") != Some("Bearer matrix-secret-4711") {
        return no(401, "M_UNKNOWN_TOKEN", "Unrecognised access token");
    }
    let body = request.json();
    let good = body["msgtype"] == "m.text" && filled(&body["body"]) && body["m.mentions"] == json!({});
    if !good || request.body.len() > 60_000 {
        return no(413, "M_TOO_LARGE", "event too large");
    }
    (200, "", json!({ "event_id": "$x" }).to_string())
}

/// <https://developer.pagerduty.com/docs/events-api-v2/trigger-events/>
pub fn pagerduty(request: &Request) -> Verdict {
    let no = |why: &str| {
        refused(
            400,
            json!({ "status": "invalid event", "message": "Event object is invalid", "errors": [why] }),
        )
    };
    if request.line != "POST /v2/enqueue HTTP/1.1" {
        return (404, "", String::new());
    }
    let body = request.json();
    if units(&body["routing_key"]) != 32 {
        return no("Length of 'routing_key' is incorrect (should be 32 characters)");
    }
    let payload = &body["payload"];
    let severity = ["critical", "error", "warning", "info"].iter().any(|s| payload["severity"] == *s);
    let action = ["trigger", "resolve"].iter().any(|a| body["event_action"] == *a);
    if !action || !severity || !filled(&payload["source"]) || !filled(&payload["summary"]) {
        return no("'payload.summary' is missing or blank");
    }
    if units(&payload["summary"]) > 1_024 || units(&body["dedup_key"]) > 255 || !filled(&body["dedup_key"]) {
        return no("Length of 'dedup_key' is incorrect");
    }
    (202, "", json!({ "status": "success", "dedup_key": body["dedup_key"] }).to_string())
}

/// The documented body of the webhook, with a bearer's token.
pub fn json(request: &Request) -> Verdict {
    let named = request.line == "POST /json-secret-4711 HTTP/1.1";
    let known = request.header("authorization") == Some("Bearer json-token-4711");
    if !named || !known || request.json()["schema"] != 1 {
        return refused(403, serde_json::json!({ "error": "who are you?" }));
    }
    (200, "", String::new())
}
