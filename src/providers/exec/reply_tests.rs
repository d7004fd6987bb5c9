//! The table of what an answer to a payment proves, row by row; and that nothing else is ever a success.
use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::domain::{AccountName, Kind, LeaseId, Method, OrderId, RequestLease, Told};
use crate::redact::Redactor;

const GOOD: &str = r#"{"protocol":1,"request":"r-1","outcome":"accepted","leases":["a","b"],"charged":"5.30","balance":"9.00","ends":{"a":"2026-12-31T09:00:00Z"},"reference":"x7"}"#;
const NO: &str =
    r#"{"protocol":1,"request":"r-1","outcome":"refused","code":"low","text":"sk-12345 is poor"}"#;

fn asked() -> RenewalRequest {
    let lease = |id: &str| RequestLease {
        id: LeaseId::from(id),
        order: OrderId::from("o"),
        ip: "203.0.113.1".to_owned(),
        port: None,
        expires_at: "2026-12-01T09:00:00Z".parse().unwrap(),
        told: Told::Instant,
    };
    RenewalRequest {
        account: AccountName::from("x"),
        kind: Kind::from("IPv4"),
        leases: vec![lease("a"), lease("b")],
        period_days: 30,
        cycle: None,
        promo: None,
        method: Method::Leases,
    }
}

fn ran(end: End) -> Result<Ran, NotStarted> {
    Ok(Ran { end, left: 0, log: Vec::new(), heeded: false })
}

fn judged(ran: Result<Ran, NotStarted>, said: &[u8], trust_refusals: bool) -> PaymentReply {
    let mask = Mask::new(Redactor::default(), &"sk-12345".into());
    let judge = Judge { request: "r-1", mask: &mask, trust_refusals, named: true };
    judge.payment(&asked(), &Currency::from("USD"), ran, said)
}

fn is_unknown(reply: &PaymentReply) -> bool {
    matches!(reply, PaymentReply::Unknown { .. })
}

#[test]
fn the_one_good_form_is_accepted_and_its_balance_is_kept() {
    let PaymentReply::Accepted { balance, charged, .. } = judged(ran(End::Exit(0)), GOOD.as_bytes(), false)
    else {
        panic!("not accepted");
    };
    assert_eq!(
        (balance.unwrap().amount.to_string(), charged.unwrap().to_string()),
        ("9.00".into(), "5.30".into())
    );
    let least = r#"{"protocol":1,"request":"r-1","outcome":"accepted","leases":["b","a"],"later":[{}]}"#;
    assert!(matches!(judged(ran(End::Exit(0)), least.as_bytes(), false), PaymentReply::Accepted { .. }));
}

#[test]
fn what_was_not_started_was_not_sent_by_renewds_own_knowledge() {
    let said =
        judged(Err(NotStarted("No such file or directory (os error 2)".into())), GOOD.as_bytes(), false);
    assert!(matches!(said, PaymentReply::NeverSent(why) if why.contains("os error 2")));
}

#[rstest]
#[case::refused(NO)]
#[case::never_sent(&NO.replace("refused", "never_sent"))]
fn a_claim_that_nothing_was_done_counts_only_where_the_owner_trusts_it(#[case] said: &str) {
    assert!(is_unknown(&judged(ran(End::Exit(0)), said.as_bytes(), false)));
    let trusted = judged(ran(End::Exit(0)), said.as_bytes(), true);
    assert!(
        matches!(trusted, PaymentReply::Refused { message, .. } if message.contains("[redacted] is poor"))
    );
    let with_leases = said.replace("\"code\"", "\"leases\":[\"a\"],\"code\"");
    assert!(is_unknown(&judged(ran(End::Exit(0)), with_leases.as_bytes(), true)), "it names what it did");
}

#[rstest]
#[case::another_exit(End::Exit(1))]
#[case::verb_not_supported(End::Exit(2))]
#[case::unknown(End::Exit(3))]
#[case::not_executable(End::Exit(126))]
#[case::not_found_by_a_shell(End::Exit(127))]
#[case::as_a_shell_says_signal(End::Exit(143))]
#[case::signal(End::Signal(9))]
#[case::late(End::Late)]
#[case::flood(End::Stopped)]
#[case::lost(End::Lost("x".into()))]
fn whatever_the_answer_says_any_other_end_is_unknown(#[case] end: End) {
    for said in [GOOD, NO, ""] {
        assert!(is_unknown(&judged(ran(end.clone()), said.as_bytes(), true)), "{said}");
    }
}

#[rstest]
#[case::no_line("")]
#[case::two_lines(&format!("{GOOD}\n{GOOD}\n"))]
#[case::a_log_line_before(&format!("paying\n{GOOD}\n"))]
#[case::cut(&GOOD[..GOOD.len() - 1])]
#[case::no_json("accepted")]
#[case::another_request(&GOOD.replace("r-1", "r-2"))]
#[case::no_request(&GOOD.replace("\"request\":\"r-1\",", ""))]
#[case::another_protocol(&GOOD.replace("\"protocol\":1", "\"protocol\":2"))]
#[case::another_outcome(&GOOD.replace("accepted", "Accepted"))]
#[case::no_outcome(&GOOD.replace("\"outcome\":\"accepted\",", ""))]
#[case::says_unknown(&GOOD.replace("accepted", "unknown"))]
#[case::an_error_beside(&GOOD.replace("\"balance\"", "\"error\":{\"kind\":\"bug\"},\"balance\""))]
#[case::none(&GOOD.replace("[\"a\",\"b\"]", "[]"))]
#[case::others(&GOOD.replace("[\"a\",\"b\"]", "[\"a\",\"b\",\"c\"]"))]
#[case::another_in_its_place(&GOOD.replace("[\"a\",\"b\"]", "[\"a\",\"c\"]"))]
#[case::twice(&GOOD.replace("[\"a\",\"b\"]", "[\"a\",\"b\",\"b\"]"))]
#[case::numbers(&GOOD.replace("[\"a\",\"b\"]", "[1,2]"))]
#[case::no_leases(&GOOD.replace("\"leases\":[\"a\",\"b\"],", ""))]
#[case::a_numeric_charge(&GOOD.replace("\"5.30\"", "5.30"))]
#[case::a_numeric_balance(&GOOD.replace("\"9.00\"", "9.00"))]
#[case::an_end_that_is_none(&GOOD.replace("2026-12-31T09:00:00Z", "soon"))]
#[case::a_key_twice(&GOOD.replace("\"protocol\"", "\"outcome\":\"accepted\",\"protocol\""))]
fn an_answer_that_differs_in_anything_is_unknown(#[case] said: &str) {
    assert!(is_unknown(&judged(ran(End::Exit(0)), said.as_bytes(), true)), "{said}");
}

#[rstest]
#[case::with_its_end(r#"{"a":"2026-12-31T09:00:00Z"}"#, Some("2026-12-31T09:00:00Z"))]
#[case::without_an_end("{}", None)]
#[case::with_the_end_of_another(r#"{"b":"2026-12-31T09:00:00Z"}"#, None)]
fn of_a_part_that_was_accepted_each_lease_is_named_and_the_others_are_not(
    #[case] ends: &str,
    #[case] end: Option<&str>,
) {
    let some = GOOD.replace(r#"["a","b"]"#, r#"["a"]"#).replace(r#"{"a":"2026-12-31T09:00:00Z"}"#, ends);
    let PaymentReply::Ends { told, balance, .. } = judged(ran(End::Exit(0)), some.as_bytes(), false) else {
        panic!("not told lease by lease")
    };
    let end = end.map(|at| TermEnd::instant(at.parse().unwrap()));
    assert_eq!(told, [ToldEnd { lease: LeaseId::from("a"), end }]);
    assert_eq!(balance.unwrap().amount.to_string(), "9.00");
    for odd in [r#"["a","a"]"#, r#"["a","c"]"#, r#"["c"]"#] {
        let said = GOOD.replace(r#"["a","b"]"#, odd);
        assert!(is_unknown(&judged(ran(End::Exit(0)), said.as_bytes(), true)), "{odd}");
    }
}

#[test]
fn a_switch_is_done_only_where_exactly_the_asked_leases_are_named() {
    let mask = Mask::new(Redactor::default(), &"sk-12345".into());
    let judge = Judge { request: "r-1", mask: &mask, trust_refusals: false, named: true };
    let change = |ids: &[&str]| judge.change(ids, ran(End::Exit(0)), GOOD.as_bytes());
    assert!(matches!(change(&["b", "a"]), ChangeReply::Done { .. }));
    for others in [&["a"][..], &["a", "b", "c"], &["c"]] {
        assert!(matches!(change(others), ChangeReply::Unknown { .. }), "{others:?}");
    }
    let refused = judge.change(&["a"], ran(End::Exit(0)), NO.as_bytes());
    assert!(matches!(refused, ChangeReply::Unknown { .. }));
}

/// The leases that an answer of the allowed form names, read by other means than the judge's.
fn says_so(said: &[u8], named: &[&str]) -> bool {
    let Ok(serde_json::Value::Object(answer)) = serde_json::from_slice::<serde_json::Value>(said) else {
        return false;
    };
    let ids: Option<BTreeSet<&str>> = answer
        .get("leases")
        .and_then(|l| l.as_array())
        .and_then(|l| l.iter().map(|id| id.as_str()).collect());
    answer.get("protocol") == Some(&1.into())
        && answer.get("request") == Some(&"r-1".into())
        && answer.get("outcome") == Some(&"accepted".into())
        && ids == Some(named.iter().copied().collect())
}

fn any_end() -> impl Strategy<Value = End> {
    prop_oneof![
        8 => Just(End::Exit(0)),
        1 => (0..256_i32).prop_map(End::Exit),
        1 => (1..32_i32).prop_map(End::Signal),
        1 => Just(End::Late),
        1 => Just(End::Stopped),
    ]
}

/// A good or a refusing answer, with bytes changed, put in, taken out and doubled.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let cuts = proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>(), 0..5_u8), 0..6);
    (prop_oneof![Just(GOOD), Just(NO)], cuts).prop_map(|(text, cuts)| {
        let mut bytes = text.as_bytes().to_vec();
        for (at, byte, how) in cuts {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => drop(bytes.remove(at)),
                3 => bytes.truncate(at),
                _ => bytes.extend_from_within(at..),
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn no_output_of_any_program_is_a_success_unless_it_says_so_in_the_one_form(
        end in any_end(),
        said in prop_oneof![4 => mutated(), 1 => proptest::collection::vec(any::<u8>(), 0..200)],
        trust in any::<bool>(),
    ) {
        let reply = judged(ran(end.clone()), &said, trust);
        let named = match &reply {
            PaymentReply::Accepted { .. } => vec!["a", "b"],
            PaymentReply::Ends { told, .. } => told.iter().map(|t| t.lease.as_str()).collect(),
            _ => Vec::new(),
        };
        prop_assert!(named.is_empty() || (end == End::Exit(0) && says_so(&said, &named)));
        let unsent = matches!(reply, PaymentReply::NeverSent(_));
        prop_assert!(!unsent, "a program cannot say that renewd started none");
        let refused = matches!(reply, PaymentReply::Refused { .. });
        prop_assert!(trust || !refused);
    }
}
