//! `PagerDuty`'s Events API v2: an incident is triggered and, when it is over, resolved under the same key.
//! <https://developer.pagerduty.com/docs/events-api-v2/trigger-events/>
use serde_json::json;
use url::Url;

use super::Call;
use super::document::Document;
use super::text::{cut, headline};
use crate::ledger::QueuedMail;

const SUMMARY: usize = 1_024;
const KEY: usize = 255;
/// Of the details, which may be far longer.
const TEXT: usize = 20_000;

pub(super) fn call(base: &Url, token: &str, mail: &QueuedMail, document: &Document) -> Option<Call> {
    let mut url = base.clone();
    url.path_segments_mut().ok()?.pop_if_empty().push("v2").push("enqueue");
    // What stands alone is its own incident.
    let incident = if mail.incident.is_empty() { &mail.message_id } else { &mail.incident };
    let incident = incident.trim_matches(['<', '>']);
    let host = incident.rsplit_once('@').map_or("renewd", |(_, host)| host);
    let rows: Vec<_> = document
        .rows
        .iter()
        .map(|row| json!({ "what": row.what, "stage": row.stage, "ends": row.ends, "amount": row.amount, "note": row.note }))
        .collect();
    let severity = match document.severity.as_str() {
        "urgent" => "critical",
        "info" => "info",
        _ => "warning",
    };
    let mut body = json!({
        "routing_key": token,
        "event_action": if document.is_over() { "resolve" } else { "trigger" },
        "dedup_key": cut(incident, KEY),
        "client": "renewd",
        "payload": {
            "summary": cut(&headline(document), SUMMARY),
            "source": host,
            "severity": severity,
            "timestamp": document.since,
            "component": document.account,
            "class": document.key.split(':').next(),
            "custom_details": {
                "key": document.key,
                "text": cut(&document.text, TEXT),
                "deadline": document.deadline,
                "what to do": document.actions,
                "leases": rows,
                "more": document.more,
            },
        },
    });
    if let Some(link) = &document.link {
        body["client_url"] = json!(link);
        body["links"] = json!([{ "href": link, "text": "Open renewd" }]);
    }
    Some(Call::post(url, &body))
}
