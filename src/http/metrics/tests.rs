//! A status document as both forms show it.
use serde_json::json;

use super::*;

fn now() -> jiff::Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

#[test]
fn a_status_document_becomes_numbers() {
    let status = json!({
        "schema": 1, "unknown": 2, "needs_operator": 0, "ledger": { "usable": true },
        "last_cycle": { "number": 7, "ended_at": "2026-11-21T12:00:00Z" },
        "open_alerts": [{ "severity": "urgent" }, { "severity": "info" }, { "severity": "urgent" }],
        "mails": { "waiting": 3, "oldest_at": "2026-11-21T11:00:00Z", "oldest_age": 3600 },
        "budgets": [{ "name": "monthly", "per": "month", "currency": "USD", "spent": "9.00", "reserved": "1.50", "counted": "10.50", "limit": "500.00" }],
        "accounts": [
            { "account": "yp", "provider": "p", "reachable": true, "balance": "12.50", "currency": "USD", "leases": 40,
              "next_due_at": "2026-11-22T00:00:00Z", "earliest_end_at": "2026-11-25T00:00:00Z", "outlook_at": "2026-11-21T11:00:00Z",
              "runway": { "top_up_by": "2026-11-21T13:00:00Z", "to": "2026-12-05T11:00:00Z", "short_by": "3.40" } },
            { "account": "lasts", "provider": "p", "reachable": true, "balance": "9.00", "currency": "USD", "leases": 1,
              "next_due_at": null, "earliest_end_at": null, "outlook_at": "2026-11-21T11:00:00Z",
              "runway": { "top_up_by": null, "to": "2026-12-05T11:00:00Z", "short_by": "0.00" } },
            { "account": "q\"\n", "provider": "p", "reachable": null, "balance": null, "currency": null, "leases": 0, "runway": null },
        ],
    });
    let mut metrics = Metrics::of_status(&status, true, now());
    let took = Durations { count: 4, total_ms: 70_250, within: vec![(50, 1), (1_000, 3)] };
    metrics.put("requests_total", &["yp", "answered"], Number::Whole(4));
    metrics.put("request_duration_seconds", &["yp", "answered"], Number::Durations(took));
    insta::assert_snapshot!(metrics.encode(Format::Text).unwrap());
}

#[test]
fn what_is_not_known_is_left_out_and_never_a_zero() {
    let status = json!({ "schema": 1, "error": { "kind": "ledger" } });
    let metrics = Metrics::of_status(&status, false, now());
    let text = metrics.encode(Format::OpenMetrics).unwrap();
    let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(samples, ["renewd_loop_alive 0", "renewd_ledger_usable 0"]);
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn a_number_of_no_listed_family_is_not_served() {
    let mut metrics = Metrics::default();
    metrics.put_whole("leases_by_address", &[], Some(1));
    assert_eq!(metrics.encode(Format::Text).unwrap(), "");
}
