//! Rows of the log: which are renewals of known orders, and how exactly their instants are known.
use rstest::rstest;

use super::*;
use crate::redact::Redactor;

fn read(items: &str, more: &str) -> Result<Page, Trouble> {
    let words = Words::new(Redactor::default(), &"sk-very-secret-77".into());
    let mut known = Known::default();
    known.order("1700013".to_owned(), "o-1");
    known.order("1700026".to_owned(), "o-2");
    known.order("1700026".to_owned(), "o-3");
    let body = format!(
        r#"{{"status":"success","data":{{"metadata":{{"total_pages":3}},"items":[{items}]{more}}},"errors":[]}}"#
    );
    page(body.as_bytes(), &known, "2026-11-20T00:00:00Z".parse().unwrap(), &words)
}

fn row(more: &str) -> String {
    format!(
        r#"{{"id":"700001","order_id":"64af77","order_number":"1700013_e_0a","base_order_number":"1700013","summ":"$25.00","is_extend":"Y","auto_order":"N"{more}}}"#
    )
}

fn one(row: &str) -> LoggedRenewal {
    let page = read(row, "").unwrap();
    assert_eq!((page.rows, page.renewals.len(), page.pages), (1, 1, Some(3)), "{row}");
    page.renewals[0].clone()
}

#[test]
fn a_renewal_is_linked_by_the_number_of_its_first_order() {
    let found = one(&row(r#","date_insert":"2026-11-21T10:00:00+00:00""#));
    assert_eq!((found.order.as_str(), found.by_provider), ("o-1", false));
    assert_eq!(found.amount.map(|a| a.to_string()).as_deref(), Some("25.00"));
    assert_eq!(found.at, Some("2026-11-21T10:00:00Z".parse().unwrap()));
}

#[rstest]
#[case::with_its_zone(r#","created_at":"2026-11-21T12:00:00+02:00""#, true)]
#[case::whatever_its_name(r#","payed":"2026-11-21T10:00:00Z""#, true)]
#[case::without_a_zone(r#","date":"2026-11-21 10:00:00""#, false)]
#[case::a_day(r#","date":"21.11.2026""#, false)]
#[case::none("", false)]
#[case::no_date(r#","date":"soon""#, false)]
#[case::of_a_term(r#","date_start":"2026-11-21T10:00:00Z","date_end":"2026-12-21T10:00:00Z""#, false)]
fn only_an_instant_with_its_zone_is_one(#[case] more: &str, #[case] dated: bool) {
    assert_eq!(one(&row(more)).at.is_some(), dated);
}

#[test]
fn what_the_provider_renewed_by_itself_is_marked_so() {
    assert!(one(&row("").replace(r#""auto_order":"N""#, r#""auto_order":"Y""#)).by_provider);
    assert!(
        one(&row("").replace(r#""auto_order":"N""#, r#""auto_order":"?""#)).by_provider,
        "what may be is"
    );
}

#[rstest]
#[case::a_purchase(r#""is_extend":"Y""#, r#""is_extend":"N""#)]
#[case::nobody_says_that_it_is_a_renewal(r#""is_extend":"Y","#, "")]
#[case::not_paid(r#""id":"700001""#, r#""id":"700001","status":"NOT_PAYED""#)]
#[case::given_back(r#""id":"700001""#, r#""id":"700001","status":"RETURN""#)]
#[case::of_an_order_that_is_not_listed(r#""base_order_number":"1700013""#, r#""base_order_number":"9""#)]
#[case::of_a_number_that_two_orders_have(
    r#""base_order_number":"1700013""#,
    r#""base_order_number":"1700026""#
)]
#[case::of_long_ago(r#""id":"700001""#, r#""id":"700001","date":"2026-11-19 01:00:00""#)]
fn what_is_no_renewal_since_then_is_left_out(#[case] from: &str, #[case] to: &str) {
    let row = row("");
    assert!(row.contains(from));
    assert_eq!(read(&row.replace(from, to), "").unwrap().renewals, []);
}

#[test]
fn the_end_is_reached_where_rows_go_back_in_time_past_what_is_asked_for() {
    let of = |dates: &[&str]| {
        let rows: Vec<String> = dates.iter().map(|d| row(&format!(r#","date":"{d}T00:00:00Z""#))).collect();
        read(&rows.join(","), "").unwrap().done
    };
    assert!(of(&["2026-11-22", "2026-11-21", "2026-11-18"]));
    assert!(!of(&["2026-11-22", "2026-11-21"]), "not yet");
    assert!(!of(&["2026-11-18", "2026-11-22"]), "the other way round");
    assert!(!read(&row(""), "").unwrap().done, "nobody knows");
    assert!(!read("", "").unwrap().done);
}

#[test]
fn a_log_that_is_none_is_no_log() {
    let words = Words::new(Redactor::default(), &"sk-very-secret-77".into());
    for body in [
        "",
        "{}",
        "<html>",
        r#"{"status":"success","data":{},"errors":[]}"#,
        r#"{"status":"success","data":{"items":[7]},"errors":[]}"#,
    ] {
        assert!(page(body.as_bytes(), &Known::default(), Timestamp::UNIX_EPOCH, &words).is_err(), "{body}");
    }
}
