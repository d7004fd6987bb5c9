//! Lists: read as they come, and refused whole where anything in them is odd.
use super::*;
use crate::redact::Redactor;
use rstest::rstest;

const HEAD: &str = r#"{"protocol":1,"request":"r-1"}"#;
const A: &str = r#"{"lease":{"id":"a","order":"o","ip":"203.0.113.1","kind":"IPv4","ends":"2026-12-01T09:00:00Z","state":"active","provider_renews":false,"price":"2.65"}}"#;
const B: &str = r#"{"lease":{"id":"b","order":"o","ip":"203.0.113.2","kind":"IPv4","country":"USA","tag":"t","ends":"2026-12-02T10:00:00+01:00","state":"held","provider_renews":null}}"#;
const END: &str = r#"{"end":true,"count":2,"complete":true}"#;

fn read(text: &str, piece: usize) -> Result<Fleet, String> {
    let (account, mask) = (AccountName::from("x"), Mask::new(Redactor::default(), &"sk-12345".into()));
    let mut reader = ListReader::new(&account, "r-1", &mask);
    text.as_bytes().chunks(piece).all(|piece| reader.feed(piece));
    reader.finish()
}

fn list(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[rstest]
#[case::byte_by_byte(1)]
#[case::in_pieces(7)]
#[case::at_once(1 << 20)]
fn a_list_is_the_same_however_it_arrives(#[case] piece: usize) {
    let fleet = read(&list(&[HEAD, B, A, END]), piece).unwrap();
    let rows: Vec<String> = fleet
        .leases
        .iter()
        .map(|l| {
            format!(
                "{} {} {} {} {:?} {:?}",
                l.id,
                l.ip,
                l.expires_at.unwrap(),
                l.state.as_str(),
                l.provider_renews,
                l.price
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            "a 203.0.113.1 2026-12-01T09:00:00Z active Some(false) Some(Money(2.65))",
            "b 203.0.113.2 2026-12-02T09:00:00Z on-hold None None",
        ]
    );
    assert_eq!(fleet.part, None);
    let no_newline = list(&[HEAD, B, A, END]);
    assert_eq!(read(no_newline.trim_end(), piece), Ok(fleet));
}

#[test]
fn an_unknown_state_is_hands_off_an_ended_lease_is_none_and_a_part_says_so() {
    let odd = A.replace("active", "frozen sk-12345");
    let fleet = read(&list(&[HEAD, &odd, &B.replace("held", "ended"), END]), 100).unwrap();
    assert_eq!(fleet.leases.len(), 1);
    assert_eq!(fleet.leases.view(0).state, &OrderState::Other("frozen [redacted]".into()));
    let part =
        read(&list(&[HEAD, A, B, &END.replace("\"complete\":true", "\"complete\":false")]), 100).unwrap();
    assert!(part.part.is_some());
    let local = read(&list(&[HEAD, &A.replace("09:00:00Z", "09:00:00"), B, END]), 100).unwrap();
    assert_eq!(local.leases.view(0).expires_at, None, "without an offset nobody knows when that is");
    assert_eq!(local.oddities.len(), 1);
}

#[rstest]
#[case::nothing(&[])]
#[case::no_head(&[A, B, END])]
#[case::another_request(&[r#"{"protocol":1,"request":"r-2"}"#, A, B, END])]
#[case::another_protocol(&[r#"{"protocol":2,"request":"r-1"}"#, A, B, END])]
#[case::no_end(&[HEAD, A, B])]
#[case::cut_at_a_line(&[HEAD, A, END])]
#[case::cut_within_a_line(&[HEAD, A, &B[..40]])]
#[case::another_count(&[HEAD, A, B, r#"{"end":true,"count":3,"complete":true}"#])]
#[case::a_count_in_quotes(&[HEAD, A, B, r#"{"end":true,"count":"2","complete":true}"#])]
#[case::completeness_untold(&[HEAD, A, B, r#"{"end":true,"count":2}"#])]
#[case::end_that_is_none(&[HEAD, A, B, r#"{"end":false,"count":2,"complete":true}"#])]
#[case::more_behind_the_end(&[HEAD, A, B, END, A])]
#[case::an_empty_line(&[HEAD, A, "", B, END])]
#[case::a_log_line(&[HEAD, "connecting…", A, B, END])]
#[case::the_same_id_twice(&[HEAD, A, A, END])]
#[case::neither(&[HEAD, A, r#"{"note":1}"#, B, END])]
fn a_list_that_is_not_whole_is_none(#[case] lines: &[&str]) {
    assert!(read(&list(lines), 64).is_err());
}

#[rstest]
#[case::a_numeric_id(r#""id":"a""#, r#""id":7"#)]
#[case::an_empty_id(r#""id":"a""#, r#""id":"""#)]
#[case::no_order(r#""order":"o","#, "")]
#[case::no_kind(r#""kind":"IPv4","#, "")]
#[case::a_numeric_end(r#""2026-12-01T09:00:00Z""#, "1764579600")]
#[case::no_end(r#""ends":"2026-12-01T09:00:00Z","#, "")]
#[case::no_state(r#""state":"active","#, "")]
#[case::a_flag_in_quotes(r#""provider_renews":false"#, r#""provider_renews":"no""#)]
#[case::a_price_without_quotes(r#""price":"2.65""#, r#""price":2.65"#)]
#[case::a_login(r#""id":"a""#, r#""id":"a","login":"u""#)]
#[case::a_password(r#""id":"a""#, r#""id":"a","PassWord":"p""#)]
#[case::a_secret(r#""id":"a""#, r#""id":"a","secret":null"#)]
#[case::a_key_twice(r#""id":"a""#, r#""id":"a","id":"c""#)]
fn one_odd_lease_makes_the_whole_list_unreadable(#[case] good: &str, #[case] bad: &str) {
    let odd = A.replacen(good, bad, 1);
    assert_ne!(odd, A);
    let why = read(&list(&[HEAD, &odd, B, END]), 64).unwrap_err();
    assert!(why.starts_with("line 2 of the list"), "{why}");
}

#[test]
fn a_line_without_an_end_is_not_kept() {
    assert!(read(&format!("{HEAD}\n{}", "x".repeat(1 << 20)), 4096).is_err());
}
