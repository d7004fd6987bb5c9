//! From what is told of an order to a lease: whose word counts, and what is odd.
use rstest::rstest;
use secrecy::SecretString;

use super::*;
use crate::providers::proxyshard::detail;
use crate::providers::proxyshard::json::Object;
use crate::redact::Redactor;

fn words() -> Words {
    Words::new(Redactor::default(), &SecretString::from("sk-very-secret-77"))
}

fn listing(standing: Standing, json: &str) -> Listing {
    let facts = Facts::read(&Object::parse(json).unwrap());
    Listing { id: "o-1".to_owned(), standing, facts, torn: false }
}

fn order(json: &str) -> Detail {
    detail::read(format!(r#"{{"success":true,"order":{json}}}"#).as_bytes(), "o-1", &words()).unwrap()
}

/// One line of what became of it, and the oddities.
fn shown(listing: &Listing, asked: Asked) -> (String, Vec<String>) {
    let mut odd = Oddities::default();
    let row = row(listing, asked, &AccountName::from("ps"), &words(), &mut odd);
    let shown = match row {
        Row::Endless => "endless".to_owned(),
        Row::None => "none".to_owned(),
        Row::Lease(l) => {
            let text = |t: Option<String>| t.unwrap_or("-".to_owned());
            let end = text(l.expires_at.map(|end| end.to_string()));
            let flag = text(l.provider_renews.map(|on| on.to_string()));
            let price = text(l.price.map(|p| p.to_string()));
            format!(
                "{} {} {} {} {end} {flag} {price} {}",
                l.state.as_str(),
                l.kind,
                text(l.country),
                text(l.tag),
                text(l.cycle)
            )
        }
    };
    (shown, odd.lines())
}

const ITEM: &str = r#"{"order_id":"o-1","product_name":"ISP","cycle_name":"monthly","expires_at":"2026-12-01T00:00:00Z",
    "auto_renewal":true,"tag":"prod"}"#;

#[rstest]
#[case::list_alone(Asked::No(None), "active ISP - prod 2026-12-01T00:00:00Z true - monthly")]
#[case::the_fresh_detail_wins(
    Asked::Fresh(order(r#"{"status":"on_hold","expires_at":"2026-11-20T00:00:00Z","auto_renewal":false,"tag":"none","location":"DE","price_paid":900}"#)),
    "on-hold ISP DE - 2026-11-20T00:00:00Z false 9.00 monthly"
)]
#[case::a_remembered_detail_only_adds(
    Asked::No(Some(order(r#"{"status":"on_hold","expires_at":"2026-11-20T00:00:00Z","auto_renewal":false,"location":"DE","price_paid":900}"#))),
    "active ISP DE prod 2026-12-01T00:00:00Z true 9.00 monthly"
)]
#[case::what_failed_stands_as_the_list_has_it(
    Asked::Failed(None),
    "active ISP - prod 2026-12-01T00:00:00Z true - monthly"
)]
#[case::cancelled_and_listed_all_the_same(
    Asked::Fresh(order(r#"{"status":"CANCELED"}"#)),
    "active in the list and cancelled on its page ISP - prod 2026-12-01T00:00:00Z true - monthly"
)]
#[case::listed_and_not_found(
    Asked::Gone(None),
    "active in the list and not found on its page ISP - prod 2026-12-01T00:00:00Z true - monthly"
)]
#[case::a_word_that_nobody_knows(
    Asked::Fresh(order(r#"{"status":"Suspended sk-very-secret-77"}"#)),
    "Suspended [redacted] ISP - prod 2026-12-01T00:00:00Z true - monthly"
)]
#[case::a_status_that_is_no_word(
    Asked::Fresh(order(r#"{"status":7}"#)),
    "7 ISP - prod 2026-12-01T00:00:00Z true - monthly"
)]
#[case::a_detail_with_an_unreadable_end(
    Asked::Fresh(order(r#"{"expires_at":"soon"}"#)),
    "active ISP - prod 2026-12-01T00:00:00Z true - monthly"
)]
fn whose_word_counts(#[case] asked: Asked, #[case] want: &str) {
    assert_eq!(shown(&listing(Standing::Active, ITEM), asked).0, want);
}

#[rstest]
#[case::only_all_has_it(Asked::Failed(None), "not told ISP - prod 2026-12-01T00:00:00Z true - monthly")]
#[case::its_detail_has_no_status(
    Asked::Fresh(order("{}")),
    "not told ISP - prod 2026-12-01T00:00:00Z true - monthly"
)]
#[case::its_detail_says_that_it_is_cancelled(Asked::Fresh(order(r#"{"status":"cancelled"}"#)), "none")]
#[case::it_is_not_found(
    Asked::Gone(None),
    "there in the list and not found on its page ISP - prod 2026-12-01T00:00:00Z true - monthly"
)]
#[case::its_detail_settles_it(
    Asked::Fresh(order(r#"{"status":" Active"}"#)),
    "active ISP - prod 2026-12-01T00:00:00Z true - monthly"
)]
fn an_unclear_standing_is_settled_by_the_detail_or_left_alone(#[case] asked: Asked, #[case] want: &str) {
    assert_eq!(shown(&listing(Standing::Unclear, ITEM), asked).0, want);
}

#[rstest]
#[case::not_told("{}", "active unknown - - - - - -", &["have no end: 1", "have no product name: 1"])]
#[case::unreadable(r#"{"product_name":"P","expires_at":"in a month"}"#, "active P - - - - - -", &["have an end that cannot be read: 1"])]
#[case::lifetime_but_unreadable(r#"{"product_name":"Premium Residential Proxy","expires_at":"never"}"#, "active Premium Residential Proxy - - - - - -", &["have an end that cannot be read: 1"])]
#[case::no_zone(r#"{"product_name":"P","expires_at":"2026-12-01 09:00:00"}"#, "active P - - 2026-12-01T09:00:00Z - - -", &["have an end without a time zone, taken as UTC: 1"])]
#[case::date_only(r#"{"product_name":"P","expires_at":"2026-12-01","cycle_id":"c9"}"#, "active P - - 2026-12-01T00:00:00Z - - c9", &["have an end without a time of day, taken as midnight UTC: 1"])]
#[case::by_traffic(r#"{"product_name":"standart residential proxy"}"#, "endless", &[])]
#[case::by_its_cycle(r#"{"product_name":"New","cycle_name":"Lifetime","expires_at":null}"#, "endless", &[])]
fn what_is_odd_is_counted(#[case] item: &str, #[case] want: &str, #[case] odd: &[&str]) {
    let (row, lines) = shown(&listing(Standing::Active, item), Asked::No(None));
    let want_lines: Vec<String> = odd.iter().map(|line| format!("orders that {line}")).collect();
    assert_eq!((row.as_str(), lines), (want, want_lines));
}

#[test]
fn an_order_by_traffic_that_is_on_hold_is_shown() {
    let item = r#"{"product_name":"Premium Residential Proxy","cycle_name":"lifetime"}"#;
    let (row, _) = shown(&listing(Standing::OnHold, item), Asked::No(None));
    assert_eq!(row, "on-hold Premium Residential Proxy - - - - - lifetime");
}

#[test]
fn a_price_that_cannot_be_read_is_odd_and_no_price() {
    let (row, lines) = shown(&listing(Standing::OnHold, ITEM), Asked::Fresh(order(r#"{"price_paid":9.5}"#)));
    assert_eq!(row, "on-hold ISP - prod 2026-12-01T00:00:00Z true - monthly");
    assert_eq!(lines, ["orders that have a price that cannot be read: 1"]);
}

#[rstest]
#[case::in_service(Standing::Active, "2026-12-01T00:00:00Z")]
#[case::on_hold(Standing::OnHold, "2026-12-01T08:00:00Z")]
fn an_end_that_list_and_detail_spell_differently_does_not_move_between_readings(
    #[case] standing: Standing,
    #[case] end: &str,
) {
    let listing = listing(standing, r#"{"product_name":"P","expires_at":"2026-12-01"}"#);
    let detail = order(r#"{"expires_at":"2026-12-01T08:00:00Z"}"#);
    for asked in [Asked::Fresh(detail.clone()), Asked::No(Some(detail.clone())), Asked::Failed(Some(detail))]
    {
        assert!(shown(&listing, asked).0.contains(end));
    }
}
