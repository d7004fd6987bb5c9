//! Lists, whole and torn: what becomes a lease, and what is told of the rest.
use rstest::rstest;

use super::*;
use crate::redact::Redactor;

fn words() -> Words {
    Words::new(Redactor::default(), &"sk-very-secret-77".into())
}

fn read(body: &str) -> Result<(Fleet, Vec<&'static str>), Trouble> {
    let (account, words) = (AccountName::from("seller"), words());
    let mut gather = Gather::new(&account, &words);
    let missing = gather.all(body.as_bytes())?;
    Ok((gather.finish(), missing.into_iter().map(|of| of.path).collect()))
}

const NONE: &str = r#""ipv6":[],"mobile":[],"isp":[],"mix":[],"mix_isp":[],"resident":[]"#;

fn list(of_ipv4: &str) -> String {
    format!(r#"{{"status":"success","data":{{"ipv4":[{of_ipv4}],{NONE}}},"errors":[]}}"#)
}

fn record(more: &str) -> String {
    format!(
        r#"{{"id":"64af01","order_id":"o-1","base_order_number":"1700013","ip":"203.0.113.1","login":"L","password":"P","link_reboot":"R",
            "country_alpha3":"USA","status":"Active","can_prolong":true,"date_end":"26.07.2026 21:05:09","auto_renew":"N"{more}}}"#
    )
}

fn one(more: &str) -> Lease {
    let (fleet, missing) = read(&list(&record(more))).unwrap();
    assert_eq!((fleet.leases.len(), fleet.unreadable, missing), (1, 0, vec![]), "{more}");
    fleet.leases.lease(0)
}

#[test]
fn a_lease_is_named_by_what_stays_and_the_provider_knows_it_by_what_changes() {
    let (before, _) = read(&list(&record(""))).unwrap();
    let (after, _) =
        read(&list(&record("").replace("64af01", "64af99").replace("07.2026", "08.2026"))).unwrap();
    let (old, new) = (before.leases.lease(0), after.leases.lease(0));
    assert_eq!((old.id.as_str(), &new.id), ("ipv4:o-1:203.0.113.1", &old.id));
    let name = |fleet: &Fleet| fleet.known.names_of([old.id.as_str()].into_iter());
    assert_eq!(
        (name(&before), name(&after)),
        (Some(vec!["64af01".to_owned()]), Some(vec!["64af99".to_owned()]))
    );
    assert_eq!(before.known.order_of("1700013"), Some(OrderId::from("o-1")));
    assert_eq!(old.expires_at, Some("2026-07-26T21:05:09Z".parse().unwrap()));
    assert!(new.expires_at > old.expires_at);
}

#[test]
fn logins_and_reboot_links_stay_behind() {
    let (fleet, _) = read(&list(
        &record(r#","login2":"x""#).replace("\"L\"", "\"hidden-l\"").replace("\"P\"", "\"hidden-p\""),
    ))
    .unwrap();
    assert!(!format!("{fleet:?}").contains("hidden"), "{fleet:?}");
}

#[rstest]
#[case::active(r#","status_type":"ACTIVE""#, OrderState::Active)]
#[case::ended_ends_soon(r#","status_type":"ENDED""#, OrderState::Active)]
#[case::a_word_nobody_knows(r#","status_type":"FROZEN""#, OrderState::Other("FROZEN".into()))]
#[case::a_number(r#","status_type":3"#, OrderState::Other("3".into()))]
fn unknown_words_of_a_state_mean_hands_off(#[case] more: &str, #[case] want: OrderState) {
    assert_eq!(one(more).state, want);
}

#[rstest]
#[case("1", true)]
#[case("\"Y\"", true)]
#[case("null", true)]
#[case("false", false)]
#[case("0", false)]
#[case("\"perhaps\"", false)]
#[case("[]", false)]
fn what_cannot_be_prolonged_is_for_a_person(#[case] told: &str, #[case] renewable: bool) {
    let text = list(&record("").replace("\"can_prolong\":true", &format!("\"can_prolong\":{told}")));
    let lease = read(&text).unwrap().0.leases.lease(0);
    assert_eq!(lease.state == OrderState::Active, renewable, "{:?}", lease.state);
}

#[rstest]
#[case("\"Y\"", Some(true))]
#[case("\"N\"", Some(false))]
#[case("true", Some(true))]
#[case("\"\"", None)]
#[case("null", None)]
#[case("\"monthly\"", Some(true))]
fn an_auto_renewal_that_may_be_on_is_on(#[case] told: &str, #[case] want: Option<bool>) {
    let text = list(&record("").replace("\"auto_renew\":\"N\"", &format!("\"auto_renew\":{told}")));
    assert_eq!(read(&text).unwrap().0.leases.lease(0).provider_renews, want);
}

#[rstest]
#[case("26.07.2026 21:05:09", Told::Instant, "no_zone")]
#[case("2026-07-26 21:05:09", Told::Instant, "no_zone")]
#[case("2026-07-26T21:05:09+00:00", Told::Instant, "")]
#[case("26.07.2026", Told::Date, "no_time")]
fn all_four_dates_are_read_and_what_they_lack_is_told(
    #[case] text: &str,
    #[case] told: Told,
    #[case] lacks: &str,
) {
    let (fleet, _) = read(&list(&record("").replace("26.07.2026 21:05:09", text))).unwrap();
    assert_eq!(fleet.leases.lease(0).told, told);
    let said = fleet.oddities.join("\n");
    assert_eq!(said.contains("time zone"), lacks == "no_zone", "{said}");
    assert_eq!(said.contains("time of day"), lacks == "no_time", "{said}");
}

#[test]
fn an_end_that_cannot_be_read_is_told_and_never_guessed() {
    let (fleet, _) = read(&list(&record("").replace("26.07.2026 21:05:09", "soon"))).unwrap();
    assert_eq!(fleet.leases.lease(0).expires_at, None);
    assert!(fleet.oddities[0].contains("no end that can be read: 1"), "{:?}", fleet.oddities);
}

#[test]
fn a_record_without_its_order_or_address_is_counted_and_never_dropped() {
    let broken = [
        record("").replace("\"order_id\":\"o-1\",", ""),
        record("").replace("203.0.113.1", " "),
        record(r#","order_id":"o-2""#),
        "7".to_owned(),
    ];
    let (fleet, _) = read(&list(&broken.join(","))).unwrap();
    assert_eq!((fleet.leases.len(), fleet.unreadable), (0, 4));
}

#[test]
fn an_empty_account_has_every_list_and_each_is_empty() {
    assert_eq!(read(&list("")).unwrap().0.leases.len(), 0);
    for body in [
        r#"{"status":"success","data":{},"errors":[]}"#.to_owned(),
        r#"{"status":"success","data":[],"errors":[]}"#.to_owned(),
        list("").replace(r#""mix_isp":[],"#, ""),
        list("").replace(r#""mix_isp":[],"#, r#""mix_isp":null,"#),
        list("").replace(r#","resident":[]"#, ""),
        list("").replace(r#""mobile":[]"#, r#""mobile":{}"#),
    ] {
        assert!(matches!(read(&body), Err(Trouble::Unreadable(_))), "{body}");
    }
}

#[test]
fn a_type_whose_list_is_missing_is_asked_for_and_what_says_that_there_is_more_is_read_on() {
    let without =
        list(&record("")).replace(r#""isp":[],"#, "").replace(r#""mix":[]"#, r#""mix":{"items":[]}"#);
    assert_eq!(read(&without).unwrap().1, ["mix", "isp"]);
    for more in
        [r#""total_pages":2"#, r#""total":9"#, r#""has_more":true"#, r#""metadata":{"total_pages":3}"#]
    {
        let said = list(&record("")).replace(r#""errors":[]"#, &format!(r#""errors":[],{more}"#));
        assert_eq!(read(&said).unwrap().1.len(), TYPES.len(), "{more}");
        let said = list(&record("")).replace(r#""resident":[]"#, &format!(r#""resident":[],{more}"#));
        assert_eq!(read(&said).unwrap().1.len(), TYPES.len(), "{more}");
    }
    let whole = list(&record("")).replace(r#""errors":[]"#, r#""errors":[],"total":1,"total_pages":1"#);
    assert_eq!(read(&whole).unwrap().1, [""; 0]);
}

#[test]
fn a_type_that_nobody_knows_is_listed_and_left_alone() {
    let body = list("")
        .replace(r#""resident":[]"#, &format!(r#""resident":[{{"a":1}}],"satellite":[{}]"#, record("")));
    let (fleet, _) = read(&body).unwrap();
    let lease = fleet.leases.lease(0);
    assert_eq!(lease.kind.as_str(), "satellite");
    assert!(matches!(lease.state, OrderState::Other(_)));
    assert!(fleet.oddities.iter().any(|o| o.contains("packages of traffic")), "{:?}", fleet.oddities);
}

#[test]
fn two_records_of_one_lease_are_one_lease_and_where_they_differ_nothing_is_paid_on_a_guess() {
    let twice = [record(""), record("")].join(",");
    let (fleet, _) = read(&list(&twice)).unwrap();
    assert_eq!((fleet.leases.len(), fleet.leases.lease(0).expires_at.is_some()), (1, true));
    // Between the two halves of a renewal both may stand in the list.
    let torn = [record(""), record("").replace("64af01", "64af99").replace("07.2026", "08.2026")].join(",");
    let (fleet, _) = read(&list(&torn)).unwrap();
    let lease = fleet.leases.lease(0);
    assert_eq!((fleet.leases.len(), lease.expires_at), (1, None));
    assert_eq!(fleet.known.names_of([lease.id.as_str()].into_iter()), None, "by neither of two ids");
}

#[test]
fn pages_are_taken_one_by_one_and_a_repeated_one_brings_nothing_new() {
    let (account, words) = (AccountName::from("seller"), words());
    let mut gather = Gather::new(&account, &words);
    let of = Type::find("ipv4").unwrap();
    let page = |items: &str| {
        format!(r#"{{"status":"success","data":{{"items":[{items}],"total_pages":2}},"errors":[]}}"#)
    };
    let two = record("").replace("203.0.113.1", "203.0.113.2");
    let brought = |new, pages| Ok(Page { rows: 1, new, pages, total: None });
    assert_eq!(gather.page(of, page(&record("")).as_bytes()), brought(1, Some(2)));
    assert_eq!(gather.page(of, page(&two).as_bytes()), brought(1, Some(2)));
    assert_eq!(gather.page(of, page(&two).as_bytes()), brought(0, Some(2)));
    let bare = format!(r#"{{"status":"success","data":[{two}],"errors":[]}}"#);
    assert_eq!(gather.page(of, bare.as_bytes()), brought(0, None));
    let unreadable = page("{}");
    assert_eq!(gather.page(of, unreadable.as_bytes()), brought(1, Some(2)));
    assert_eq!(gather.page(of, unreadable.as_bytes()), brought(0, Some(2)));
    assert!(gather.page(of, br#"{"status":"success","data":{},"errors":[]}"#).is_err());
    assert_eq!(gather.finish().leases.len(), 2);
}
