//! Pages as the vendor's page has them, and everything that may be wrong with one.
use super::*;
use crate::domain::TermEnd;
use crate::providers::px6::envelope;
use crate::redact::Redactor;
use rstest::rstest;
use secrecy::SecretString;

const KEY: &str = "px-very-secret-77";

fn words() -> Words {
    Words::new(Redactor::default(), &SecretString::from(KEY))
}

fn row(more: &str) -> String {
    format!(
        r#""id":"11","ip":"185.22.134.250","host":"185.22.134.242","port":"7330","user":"5svBNZ","pass":"iagn2d","type":"http",
        "country":"ru","date":"2016-06-19 16:32:39","date_end":"2026-07-12 11:50:41","unixtime":1466379159,"unixtime_end":1798675200,
        "descr":"mine","active":"1"{more}"#
    )
}

fn read(pages: &[String], says: &OwnerSays) -> Result<Fleet, Trouble> {
    let (account, words) = (AccountName::from("px"), words());
    let now = "2026-11-21T06:00:00Z".parse().unwrap();
    let of = Origin { account: &account, says, now, words: &words };
    let mut listed = Listed::default();
    for page in pages {
        let answer = envelope::open(page.as_bytes(), &words).unwrap();
        listed.add(&answer, &of)?;
    }
    Ok(listed.finish())
}

fn page(count: &str, list: &str) -> String {
    format!(
        r#"{{"status":"yes","user_id":"1","balance":"48.80","currency":"RUB","list_count":{count},"list":{list}}}"#
    )
}

fn one(row: &str, says: &OwnerSays) -> Lease {
    let fleet = read(&[page("1", &format!("{{\"11\":{{{row}}}}}"))], says).unwrap();
    assert_eq!(fleet.unreadable, 0);
    fleet.leases.lease(0)
}

#[test]
fn a_row_is_a_lease_and_its_login_is_not_in_it() {
    let lease = one(&row(r#","version":"4""#), &OwnerSays { renews_off: true, version: None });
    let shown = format!("{lease:?}");
    assert!(!shown.contains("5svBNZ") && !shown.contains("iagn2d"), "{shown}");
    let end: Timestamp = "2026-12-31T00:00:00Z".parse().unwrap();
    assert_eq!(lease.named_end(), Some(TermEnd::instant(end)), "the text beside it is nobody's UTC");
    assert_eq!((lease.id.as_str(), lease.order.as_str(), lease.ip.as_str()), ("11", "11", "185.22.134.250"));
    assert_eq!(
        (lease.kind.as_str(), lease.country.as_deref(), lease.tag.as_deref()),
        ("IPv4", Some("ru"), Some("mine"))
    );
    assert_eq!((lease.provider_renews, lease.state, lease.port), (Some(false), OrderState::Active, None));
}

#[rstest]
#[case::text(r#","version":"3""#, None, "IPv4-shared", "active")]
#[case::number(r#","version":6"#, Some(4), "IPv6", "active")]
#[case::by_its_owner("", Some(4), "IPv4", "active")]
#[case::by_its_owner_where_it_is_null(r#","version":null"#, Some(6), "IPv6", "active")]
#[case::nobody_says("", None, "unknown", "active")]
#[case::unreadable(r#","version":{}"#, Some(4), "unknown", "active")]
#[case::hands_off(r#","version":"5""#, Some(4), "MTProto", "version 5")]
#[case::nobody_knows(r#","version":9"#, Some(4), "unknown", "version 9")]
fn what_it_is_is_told_by_its_row_then_by_its_owner(
    #[case] more: &str,
    #[case] version: Option<u8>,
    #[case] kind: &str,
    #[case] state: &str,
) {
    let lease = one(&row(more), &OwnerSays { renews_off: false, version });
    assert_eq!((lease.kind.as_str(), lease.state.as_str(), lease.provider_renews), (kind, state, None));
}

#[rstest]
#[case::as_a_number("1798675200", true)]
#[case::as_text("\"1798675200\"", true)]
#[case::a_date("\"2026-12-31 00:00:00\"", false)]
#[case::nothing("null", false)]
#[case::zero("0", false)]
#[case::text_of_zero("\"0\"", false)]
#[case::a_fraction("1798675200.5", false)]
fn only_seconds_since_1970_are_an_end(#[case] end: &str, #[case] known: bool) {
    let row = row("").replace("\"unixtime_end\":1798675200", &format!("\"unixtime_end\":{end}"));
    assert_eq!(one(&row, &OwnerSays::default()).expires_at.is_some(), known);
}

#[rstest]
#[case::ended("0", "1700000000", "active")]
#[case::stopped("0", "1798675200", "not active")]
#[case::as_a_number_in_text("\"1\"", "1798675200", "active")]
#[case::a_word("\"paused\"", "1798675200", "not told")]
fn what_is_inactive_before_its_end_is_not_touched(
    #[case] active: &str,
    #[case] end: &str,
    #[case] state: &str,
) {
    let row = row("").replace("\"active\":\"1\"", &format!("\"active\":{active}"));
    assert_eq!(one(&row.replace("1798675200", end), &OwnerSays::default()).state.as_str(), state);
}

#[rstest]
#[case::an_empty_array("0", "[]", Some((0, 0)))]
#[case::an_empty_object("0", "{}", Some((0, 0)))]
#[case::counted_in_text("\"0\"", "[]", Some((0, 0)))]
#[case::nothing_with_a_count("1", "[]", None)]
#[case::nothing_without_a_count("null", "[]", None)]
#[case::null("0", "null", None)]
#[case::a_text("0", "\"\"", None)]
#[case::more_than_counted("0", r#"{"11":{"id":"11"}}"#, None)]
#[case::fewer_than_counted("2", r#"{"11":{"id":"11"}}"#, None)]
#[case::an_id_twice("2", r#"{"11":{"id":"11"},"11":{"id":"11"}}"#, None)]
#[case::by_id("1", r#"{"11":{"id":"11"}}"#, Some((1, 0)))]
#[case::its_key_alone("1", r#"{"11":{}}"#, Some((1, 0)))]
#[case::another_id_than_its_key("1", r#"{"11":{"id":"12"}}"#, Some((0, 1)))]
#[case::no_id("1", r#"[{"ip":"203.0.113.1"}]"#, Some((0, 1)))]
#[case::an_id_that_is_none("1", r#"[{"id":"1/2"}]"#, Some((0, 1)))]
#[case::a_key_that_is_none("1", r#"{"x":{}}"#, Some((0, 1)))]
#[case::a_field_twice("1", r#"[{"id":"11","ip":"203.0.113.1","ip":"203.0.113.2"}]"#, Some((0, 1)))]
#[case::no_row("2", r#"[5,{"id":11}]"#, Some((1, 1)))]
fn a_page_is_read_whole_or_not_at_all(
    #[case] count: &str,
    #[case] list: &str,
    #[case] want: Option<(usize, usize)>,
) {
    let read = read(&[page(count, list)], &OwnerSays::default());
    assert_eq!(read.ok().map(|fleet| (fleet.leases.len(), fleet.unreadable)), want);
}

#[test]
fn what_stands_on_two_pages_is_one_and_what_differs_there_is_not_paid() {
    let twice = |end: &str| {
        let again = row("").replace("1798675200", end);
        let pages = [page("1", &format!("[{{{}}}]", row(""))), page("1", &format!("[{{{again}}}]"))];
        let fleet = read(&pages, &OwnerSays { renews_off: true, version: Some(4) }).unwrap();
        assert_eq!((fleet.leases.len(), fleet.oddities.len()), (1, 1));
        fleet.leases.lease(0).state
    };
    assert_eq!(twice("1798675200"), OrderState::Active);
    assert!(matches!(twice("1798675201"), OrderState::Other(_)));
}

#[test]
fn a_port_belongs_to_an_address_that_stands_twice() {
    let rows: Vec<String> = [("11", "203.0.113.1", 1), ("12", "203.0.113.1", 2), ("13", "203.0.113.3", 3)]
        .map(|(id, ip, port)| {
            format!(r#"{{"id":"{id}","ip":"{ip}","port":"{port}","unixtime_end":1798675200}}"#)
        })
        .into();
    let fleet = read(&[page("3", &format!("[{}]", rows.join(",")))], &OwnerSays::default()).unwrap();
    let ports: Vec<Option<u16>> = fleet.leases.iter().map(|l| l.port).collect();
    assert_eq!(ports, [Some(1), Some(2), None]);
}

#[test]
fn a_page_that_repeats_itself_brings_nothing_new_whatever_stands_on_it() {
    let (account, words) = (AccountName::from("px"), words());
    let says = OwnerSays { renews_off: true, version: None };
    let of = Origin {
        account: &account,
        says: &says,
        now: "2026-11-21T06:00:00Z".parse().unwrap(),
        words: &words,
    };
    let page = page("2", &format!("[{{{}}},{{\"ip\":\"185.22.134.251\"}}]", row("")));
    let mut listed = Listed::default();
    let mut add = || listed.add(&envelope::open(page.as_bytes(), &words).unwrap(), &of).unwrap();
    assert_eq!(add(), Added { rows: 2, new: 2 });
    assert_eq!(add(), Added { rows: 2, new: 0 });
    assert_eq!(listed.finish().unreadable, 1);
}
