//! Switching auto-renewal: what is sent, and what each answer proves.
use rstest::rstest;
use secrecy::SecretString;

use super::*;
use crate::domain::{AccountName, Kind, LeaseId, OrderId};
use crate::redact::Redactor;

fn request(leases: &[&str]) -> ChangeRequest {
    ChangeRequest {
        account: AccountName::from("yp"),
        kind: Kind::from("IPv4"),
        order: OrderId::from("A1"),
        leases: leases.iter().map(|id| LeaseId::from(*id)).collect(),
        what: Change::Tag(None),
    }
}

fn verdict(auto: &Auto<'_>, status: u16, body: &str) -> String {
    let words = Words::new(Redactor::default(), &SecretString::from("sk-very-secret"));
    match judge(auto, status, body.as_bytes(), &words) {
        ChangeReply::Done { .. } => "done".to_owned(),
        ChangeReply::Refused { code, .. } => format!("refused {code}"),
        ChangeReply::Unknown { code, message } => {
            assert!(!message.is_empty() && !message.contains("very-secret"), "{message}");
            code.map_or("unknown".to_owned(), |code| format!("unknown {code}"))
        }
        other => format!("{other:?}"),
    }
}

#[test]
fn the_bodies_are_those_of_the_vendors_pages() {
    let asked = request(&["101", "102"]);
    let body = |on, whole_order| {
        let auto = Auto { request: &asked, on, days: 30, whole_order };
        String::from_utf8(auto.body()).unwrap()
    };
    assert_eq!(
        body(true, false),
        r#"{"proxyType":"IPv4","ipAddressIds":["101","102"],"rentPeriodDays":30,"autoExtend":true}"#
    );
    assert_eq!(
        body(false, true),
        r#"{"proxyType":"IPv4","orderIds":["A1"],"rentPeriodDays":30,"autoExtend":false}"#
    );
}

#[rstest]
#[case::by_lease(200, r#"{"success":true,"ipAddressIds":["102","101"],"error":null}"#, "done")]
#[case::with_all_echoes(
    200,
    r#"{"success":true,"proxyType":"ipv4","ipAddressIds":["101","102"],"autoExtend":true}"#,
    "done"
)]
#[case::other_ids(200, r#"{"success":true,"ipAddressIds":["101","103"]}"#, "unknown")]
#[case::an_id_is_missing(200, r#"{"success":true,"ipAddressIds":["101"]}"#, "unknown")]
#[case::an_id_twice(200, r#"{"success":true,"ipAddressIds":["101","101"]}"#, "unknown")]
#[case::no_ids(200, r#"{"success":true,"error":null}"#, "unknown")]
#[case::orders_instead(200, r#"{"success":true,"orderIds":["A1"]}"#, "unknown")]
#[case::the_flag_is_another(
    200,
    r#"{"success":true,"ipAddressIds":["101","102"],"autoExtend":false}"#,
    "unknown"
)]
#[case::another_kind(200, r#"{"success":true,"proxyType":"ISP","ipAddressIds":["101","102"]}"#, "unknown")]
#[case::success_and_error(
    200,
    r#"{"success":true,"ipAddressIds":["101","102"],"error":{"code":16,"message":"x"}}"#,
    "unknown 16"
)]
#[case::refused(
    200,
    r#"{"success":false,"error":{"code":24,"message":"Incorrect ip addresses"}}"#,
    "refused 24"
)]
#[case::refused_but_with_ids(
    200,
    r#"{"success":false,"ipAddressIds":["101"],"error":{"code":24,"message":"x"}}"#,
    "unknown 24"
)]
#[case::away(200, r#"{"success":false,"error":{"code":3,"message":"Service unavailable"}}"#, "unknown 3")]
#[case::unavailable(503, r#"{"success":false,"error":{"code":24,"message":"x"}}"#, "unknown 503")]
#[case::html(200, "<html>", "unknown")]
#[case::cut_off(200, r#"{"success":true,"ipAddr"#, "unknown")]
fn only_an_echo_of_exactly_the_asked_ids_is_done(
    #[case] status: u16,
    #[case] body: &str,
    #[case] want: &str,
) {
    let asked = request(&["101", "102"]);
    assert_eq!(
        verdict(&Auto { request: &asked, on: true, days: 30, whole_order: false }, status, body),
        want
    );
}

#[test]
fn a_whole_order_echoes_its_id() {
    let asked = request(&["101", "102"]);
    let auto = Auto { request: &asked, on: false, days: 30, whole_order: true };
    assert_eq!(verdict(&auto, 200, r#"{"success":true,"orderIds":["A1"],"error":null}"#), "done");
    assert_eq!(verdict(&auto, 200, r#"{"success":true,"orderIds":["A2"],"error":null}"#), "unknown");
    assert_eq!(verdict(&auto, 200, r#"{"success":true,"ipAddressIds":["101","102"]}"#), "unknown");
}

#[test]
fn cycles_and_tags_are_not_here_and_nothing_is_sent() {
    let connection = Connection {
        account: AccountName::from("yp"),
        base_url: "http://127.0.0.1:9".parse().unwrap(),
        api_key: SecretString::from("sk-very-secret"),
        read_timeout: jiff::SignedDuration::from_secs(1),
        money_timeout: jiff::SignedDuration::from_secs(1),
        redactor: Redactor::default(),
        clock: Arc::new(crate::clock::SystemClock::new()),
        limiter: Arc::new(NoLimit),
        owner_says: Default::default(),
    };
    let changer = YouProxyChanger::new(connection).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for what in [Change::Cycle("monthly".to_owned()), Change::Tag(None)] {
        let reply = runtime.block_on(changer.send(&ChangeRequest { what, ..request(&["101"]) }, None));
        assert!(matches!(reply, ChangeReply::Unsupported(_)), "{reply:?}");
    }
}

struct NoLimit;

#[async_trait::async_trait]
impl Limiter for NoLimit {
    async fn acquire(&self, _: u32, _: Purpose) {}
}
