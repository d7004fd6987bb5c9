//! Proxy-Seller through the real binary: ids that change with every renewal, whole orders, its refusals, and its log as evidence.

use std::time::Duration;

use crate::common::seller::{KEY, SellerBench};
use crate::common::{KEEP, all_bytes};
use renewd::simulator::proxyseller::{DateStyle, Endpoint, Product};
use renewd::simulator::{Aim, Answer, Effect, Fault, When};
use rstest::rstest;

const A: &str = "203.0.113.1";
const B: &str = "203.0.113.2";

fn one_due() -> SellerBench {
    SellerBench::new("100.00", &[(Product::Ipv4, &[A], 24), (Product::Ipv4, &[B], 24 * 20)])
}

#[test]
fn all_types_are_paid_once_by_the_ids_of_today_and_keep_their_names_in_the_ledger() {
    let bench = SellerBench::new(
        "500.00",
        &[
            (Product::Ipv4, &["203.0.113.1", "203.0.113.2"], 24),
            (Product::Ipv6, &["203.0.113.9:10001", "203.0.113.9:10002", "203.0.113.9:10003"], 24),
            (Product::Mobile, &["203.0.113.5"], 24),
            (Product::Isp, &["203.0.113.6"], 24),
            (Product::MixIsp, &["203.0.113.7", "203.0.113.8"], 24),
        ],
    );
    let before = bench.json(&["plan"]).1;
    let id = bench.item(&before, A)["lease"].clone();
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 0, "{once:#}");
    let places = [
        "203.0.113.1",
        "203.0.113.2",
        "203.0.113.9:10001",
        "203.0.113.9:10003",
        "203.0.113.5",
        "203.0.113.6",
        "203.0.113.8",
    ];
    for place in places {
        assert_eq!(bench.charged(place), 1, "{place}");
    }
    assert!(bench.payments().iter().all(|p| p["state"] == "confirmed"), "{:#?}", bench.payments());
    let (code, again) = bench.json(&["once"]);
    assert_eq!((code, again["payments"].as_array().unwrap().len()), (0, 0), "{again:#}");
    let plan = bench.json(&["plan"]).1;
    assert_eq!(bench.item(&plan, A)["lease"], id, "a renewal changes the provider's id and not the lease's");
    let makes: Vec<String> = bench
        .handle
        .requests()
        .iter()
        .filter(|r| r.endpoint == Some(Endpoint::ProlongMake))
        .map(|r| format!("{} {}", r.path, r.body))
        .collect();
    assert_eq!(makes.len(), 5, "{makes:#?}");
    let asks = |path: &str, by: &str| {
        makes.iter().any(|m| m.starts_with(&format!("prolong/make/{path} {{\"{by}\":[")))
    };
    assert!(asks("ipv4", "ids") && asks("mobile", "ids") && asks("isp", "ids"), "{makes:#?}");
    assert!(asks("ipv6", "orderIds") && asks("mix_isp", "orderIds"), "{makes:#?}");
    // Two seconds lie between the payments, by the provider's own clock.
    let mut sent: Vec<_> = bench
        .handle
        .requests()
        .iter()
        .filter(|r| r.endpoint == Some(Endpoint::ProlongMake))
        .map(|r| r.at)
        .collect();
    sent.sort();
    assert!(sent.windows(2).all(|w| w[1].duration_since(w[0]).as_millis() >= 2_000), "{sent:?}");
}

#[rstest]
#[case(DateStyle::Dotted)]
#[case(DateStyle::DottedDay)]
#[case(DateStyle::Dashed)]
#[case(DateStyle::Iso)]
fn every_form_of_a_date_leads_from_the_list_to_a_confirmed_payment(#[case] dates: DateStyle) {
    let bench = one_due();
    bench.handle.with(|w| {
        w.dates = dates;
        w.numbers_for_flags = true;
        w.empty_order_id = true;
    });
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, bench.charged(A)), (0, 1), "{once:#}");
    assert_eq!(bench.payments()[0]["state"], "confirmed", "{once:#}");
    bench.json(&["once"]);
    assert_eq!((bench.charged(A), bench.charged(B)), (1, 0));
}

#[rstest]
#[case::closed(Answer::Close)]
#[case::reset(Answer::Reset)]
#[case::half_a_body(Answer::HalfBody)]
#[case::hang(Answer::Hang)]
#[case::bad_gateway(Answer::Html(502))]
#[case::too_many_at_the_edge(Answer::TooMany(1))]
#[case::under_way(Answer::Refusal { status: 200, code: 57, message: "Prolong for this order is already in progress".into() })]
#[case::a_warning(Answer::Warning { code: 0, message: "Insufficient funds".into() })]
fn an_answer_lost_after_the_charge_is_settled_by_the_log_before_any_end_moved(#[case] answer: Answer) {
    let bench = one_due();
    // Neither the list nor the balance shows anything for as long as this test runs.
    bench.handle.set_lag(Duration::from_secs(3_600));
    bench.handle.set_balance_lag(Duration::from_secs(3_600));
    bench.handle.inject(Fault::on(Aim::Money).answer(answer));
    bench.json(&["once"]);
    let payments = bench.payments();
    assert_eq!((payments.len(), &payments[0]["state"]), (1, &"confirmed".into()), "{payments:#?}");
    assert!(payments[0].to_string().contains("own log"), "{payments:#?}");
    assert_eq!((bench.payments_sent(), bench.charged(A)), (1, 1));
    // Paid, and not yet shown: it waits, and is not paid again.
    let (_, once) = bench.json(&["once"]);
    assert!(bench.item(&once, A)["reason"].as_str().unwrap().starts_with("accepted:"), "{once:#}");
    assert_eq!(bench.payments_sent(), 1);
}

#[test]
fn a_log_that_lags_is_no_proof_until_it_tells_and_absence_alone_is_none() {
    let bench = one_due();
    bench.handle.set_lag(Duration::from_secs(3_600));
    bench.handle.set_balance_lag(Duration::from_secs(3_600));
    bench.handle.with(|w| w.log_lag = Duration::from_millis(1_500));
    bench.handle.inject(Fault::on(Aim::Money).answer(Answer::Close));
    bench.json(&["once"]);
    assert_eq!(bench.payments()[0]["state"], "unknown");
    bench.pass(1_600);
    bench.json(&["once"]);
    assert_eq!(bench.payments()[0]["state"], "confirmed", "{:#?}", bench.payments());
    assert_eq!(bench.payments_sent(), 1);
}

#[test]
fn an_answer_lost_before_the_charge_is_paid_once_after_all_rules_of_absence_held() {
    let bench = one_due();
    bench.config("", &KEEP.replace("period", "on_unknown = \"retry\"\nperiod"));
    bench.handle.inject(Fault::on(Aim::Money).effect(Effect::Nothing).answer(Answer::Close));
    bench.json(&["once"]);
    assert_eq!(bench.payments()[0]["state"], "unknown");
    bench.json(&["once"]);
    assert_eq!(bench.payments_sent(), 1, "that the log has nothing is no proof by itself");
    for _ in 0..9 {
        bench.pass(1_050);
        bench.json(&["once"]);
    }
    assert_eq!((bench.charged(A), bench.payments_sent()), (1, 2), "{:#?}", bench.payments());
}

#[test]
fn a_log_without_dates_proves_only_together_with_the_quote_gone() {
    let bench = one_due();
    bench.handle.set_lag(Duration::from_secs(3_600));
    bench.handle.with(|w| w.log_without_dates = true);
    bench.handle.set_balance_lag(Duration::from_millis(1_500));
    bench.handle.inject(Fault::on(Aim::Money).answer(Answer::Close));
    bench.json(&["once"]);
    assert_eq!(bench.payments()[0]["state"], "unknown", "{:#?}", bench.payments());
    bench.pass(1_600);
    bench.json(&["once"]);
    assert_eq!(bench.payments()[0]["state"], "confirmed", "{:#?}", bench.payments());
    assert_eq!((bench.charged(A), bench.payments_sent()), (1, 1));
}

#[test]
fn a_log_that_cannot_be_read_leaves_it_to_ends_and_balance() {
    let bench = one_due();
    bench.handle.inject(Fault::on(Aim::Money).answer(Answer::Close));
    bench
        .handle
        .inject(Fault::on(Aim::Endpoint(Endpoint::OrderList)).when(When::Always).answer(Answer::Html(404)));
    bench.json(&["once"]);
    let payments = bench.payments();
    assert_eq!((&payments[0]["state"], bench.charged(A)), (&"confirmed".into(), 1), "{payments:#?}");
    assert!(!payments[0].to_string().contains("own log"), "{payments:#?}");
}

#[test]
fn ids_that_change_while_a_payment_settles_neither_hide_it_nor_pay_it_again() {
    let bench = SellerBench::new("100.00", &[(Product::Ipv4, &[A, B], 24)]);
    bench.handle.with(|w| w.log_lag = Duration::from_secs(3_600));
    bench.handle.set_lag(Duration::from_millis(1_500));
    bench.handle.inject(Fault::on(Aim::Money).answer(Answer::Close));
    bench.json(&["once"]);
    assert_eq!(bench.payments()[0]["state"], "unknown");
    bench.pass(1_600);
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, &bench.payments()[0]["state"]), (0, &"confirmed".into()), "{once:#}");
    assert_eq!((bench.charged(A), bench.charged(B), bench.payments_sent()), (1, 1, 1));
}

#[test]
fn a_payment_that_meets_no_access_is_refused_and_the_account_is_down() {
    let bench = one_due();
    let no_access = Answer::Refusal { status: 200, code: 503, message: String::new() };
    bench.handle.inject(Fault::on(Aim::Money).effect(Effect::Nothing).answer(no_access));
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, &bench.payments()[0]["state"]), (3, &"refused".into()), "{once:#}");
    let status = bench.json(&["status"]).1;
    let alerts = status["open_alerts"].as_array().unwrap();
    assert!(alerts.iter().any(|a| a["key"] == "account_down:seller"), "{status:#}");
    assert_eq!(bench.charged(A), 0);
}

#[test]
fn an_account_without_access_is_down_and_nothing_is_sent() {
    let bench = one_due();
    bench.handle.with(|w| w.account_mut(KEY).unwrap().shut = true);
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 3, "{once:#}");
    let status = bench.json(&["status"]).1;
    assert!(status["open_alerts"].to_string().contains("account_down:seller"), "{status:#}");
    assert_eq!(bench.payments_sent(), 0);
}

#[rstest]
#[case::a_bare_warning(false)]
#[case::code_16(true)]
fn short_funds_hold_by_either_generation(#[case] coded: bool) {
    let bench = SellerBench::new("1.00", &[(Product::Ipv4, &[A], 24)]);
    bench.handle.with(|w| w.coded_short_funds = coded);
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 3);
    assert!(bench.item(&once, A)["reason"].as_str().unwrap().starts_with("short_funds:"), "{once:#}");
    assert_eq!(bench.payments_sent(), 0);
}

#[rstest]
#[case::one_list_has_all(None)]
#[case::the_list_of_all_types_is_cut(Some(1))]
fn the_providers_own_renewal_is_seen_and_taken_over(#[case] cap: Option<usize>) {
    let bench = SellerBench::new("100.00", &[(Product::Ipv4, &[B], 700), (Product::Ipv4, &[A], 48)]);
    bench.handle.with(|w| {
        w.list_cap = cap;
        w.account_mut(KEY).unwrap().proxy_mut(A).unwrap().auto = true;
    });
    let (_, once) = bench.json(&["once"]);
    assert!(bench.item(&once, A)["reason"].as_str().unwrap().starts_with("provider_owns:"), "{once:#}");
    assert_eq!(bench.payments_sent(), 0);
    bench.config("", &KEEP.replace("period", "take_over = true\nperiod"));
    for _ in 0..3 {
        bench.json(&["once"]);
        bench.pass(4_000);
    }
    let off =
        bench.handle.requests().into_iter().find(|r| r.endpoint == Some(Endpoint::AutoDisable)).unwrap();
    assert!(
        off.path == "autoprolong/disable/ipv4" && off.body.starts_with("{\"ids\":[\"64af"),
        "{} {}",
        off.path,
        off.body
    );
    assert_eq!(bench.charged(A), 1, "{:#?}", bench.payments());
}

#[test]
fn the_key_is_nowhere_in_the_state_directory() {
    let bench = one_due();
    bench.handle.inject(Fault::on(Aim::Money).answer(Answer::Refusal {
        status: 200,
        code: 57,
        message: format!("in progress: /personal/api/v2/{}/prolong", KEY.to_lowercase()),
    }));
    bench.json(&["once"]);
    for (path, bytes) in all_bytes(&bench.path("state")) {
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        assert!(!text.contains(&KEY.to_lowercase()), "{}", path.display());
    }
}

#[test]
fn an_order_is_bought_with_the_flags_that_are_known_already() {
    let bench = one_due();
    let flags = [
        "--kind",
        "IPv4",
        "--country",
        "USA",
        "--quantity",
        "2",
        "--period",
        "30d",
        "--goal",
        "shop",
        "--auth",
        "login",
    ];
    let quote: Vec<&str> = ["order", "quote"].into_iter().chain(flags).collect();
    let (code, told) = bench.json(&quote);
    assert_eq!(code, 0, "{told:#}");
    assert!(told.to_string().contains("3.54"), "{told:#}");
    let create: Vec<&str> = ["order", "create"].into_iter().chain(flags).chain(["--yes"]).collect();
    let (code, made) = bench.json(&create);
    assert_eq!(code, 0, "{made:#}");
    assert_eq!(bench.payments_sent(), 1);
    assert_eq!(bench.payments()[0]["state"], "confirmed", "{made:#}");
}
