//! Buying and switching YouProxy orders through the real binary: each kind to the cent, lost answers settled by looking.

use std::time::Duration;

use crate::common::{self, Bench, KEEP, KEY, in_hours, money};
use renewd::simulator::{Aim, Answer, Effect, Endpoint, Fault, Product, Shape, When};
use rstest::rstest;
use serde_json::Value;

const A: &str = "203.0.113.1";
/// Two IPv4 for 30 days.
const BUY: &[&str] = &[
    "order",
    "create",
    "--yes",
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

fn bench(balance: &str) -> Bench {
    Bench::new(balance, &[(Product::IPv4, &[A], 24 * 20)])
}

fn bought(bench: &Bench) -> usize {
    sent(bench, Endpoint::Order)
}

fn sent(bench: &Bench, endpoint: Endpoint) -> usize {
    bench.handle.requests().iter().filter(|r| r.endpoint == Some(endpoint)).count()
}

fn newest(bench: &Bench) -> Value {
    bench.json(&["history"]).1["payments"][0].clone()
}

/// The orders that the provider really has, less the one it had before.
fn made(bench: &Bench) -> Vec<String> {
    bench.handle.with(|w| {
        let rentals = w.account(KEY).unwrap().rentals();
        let mut orders: Vec<String> = rentals.iter().filter(|r| r.ip != A).map(|r| r.order.clone()).collect();
        orders.dedup();
        orders
    })
}

#[rstest]
#[case::ipv4(&["--kind", "IPv4", "--period", "30d"], 3)]
#[case::isp(&["--kind", "ISP", "--period", "60d"], 2)]
#[case::ipv6(&["--kind", "IPv6", "--period", "90d", "--protocol", "socks"], 5)]
#[case::mobile(&["--kind", "MOBILE", "--period", "30d", "--operator", "vodafone", "--rotation", "600"], 1)]
fn each_kind_is_bought_once_to_the_cent(#[case] kind: &[&str], #[case] quantity: usize) {
    let bench = bench("500.00");
    let count = quantity.to_string();
    let common = ["--country", "USA", "--goal", "shop", "--auth", "ip:203.0.113.7", "--quantity", &count];
    let asked = |verb: &[&'static str]| bench.json(&[verb, kind, &common[..]].concat());
    let (code, quote) = asked(&["order", "quote"]);
    assert_eq!((code, bought(&bench)), (0, 0), "{quote:#}");
    let (code, document) = asked(&["order", "create", "--yes"]);
    assert_eq!((code, &document["state"]), (0, &"confirmed".into()), "{document:#}");
    assert_eq!(document["quoted"], quote["quoted"]);
    assert_eq!(bench.charges(), (1, money(document["charged"].as_str().unwrap())));
    assert_eq!(made(&bench), [document["order"].as_str().unwrap()], "as the list spells it");
    assert_eq!(bought(&bench), 1);
    let payment = newest(&bench);
    assert_eq!((&payment["order"], &payment["intent"]), (&document["order"], &document["intent"]));
}

#[test]
fn kind_and_country_may_be_written_in_any_letter_case() {
    let bench = bench("100.00");
    let other = |word: &&'static str| match *word {
        "IPv4" => "ipv4",
        "USA" => "usa",
        same => same,
    };
    let (code, document) = bench.json(&BUY.iter().map(other).collect::<Vec<_>>());
    assert_eq!((code, &document["state"]), (0, &"confirmed".into()), "{document:#}");
}

#[rstest]
#[case::closed(Answer::Close)]
#[case::reset(Answer::Reset)]
#[case::half_a_body(Answer::HalfBody)]
#[case::hang(Answer::Hang)]
#[case::truncated(Answer::TruncatedJson)]
#[case::html(Answer::Html(200))]
#[case::bad_gateway(Answer::Html(502))]
#[case::looks_like_a_refusal(Answer::Refusal { status: 500, code: 16, message: "no".into() })]
#[case::too_many(Answer::TooMany(1))]
#[case::redirect(Answer::Redirect("/elsewhere".into()))]
fn an_answer_lost_after_the_charge_is_found_by_looking(#[case] answer: Answer) {
    let bench = bench("100.00");
    bench.handle.inject(Fault::on(Aim::Money).answer(answer));
    bench.json(BUY);
    bench.settle(5);
    let payment = newest(&bench);
    assert_eq!(
        (&payment["state"], &payment["charged"]),
        (&"confirmed".into(), &payment["quoted"]),
        "{payment:#}"
    );
    assert_eq!(made(&bench), [payment["order"].as_str().unwrap()]);
    assert_eq!((bought(&bench), bench.charges().0), (1, 1));
}

#[test]
fn an_order_that_is_listed_late_is_waited_for_and_nothing_else_is_bought() {
    let bench = bench("100.00");
    bench.handle.set_lag(Duration::from_secs(5));
    bench.handle.inject(Fault::on(Aim::Money).answer(Answer::Close));
    assert_eq!(bench.json(BUY).0, 3);
    let (code, second) = bench.json(BUY);
    assert_eq!((code, second["error"]["kind"].as_str()), (3, Some("unknown_pending")), "{second:#}");
    for _ in 0..8 {
        bench.pass(900);
        bench.json(&["once"]);
    }
    assert_eq!(newest(&bench)["state"], "confirmed");
    assert_eq!((bought(&bench), bench.charges().0), (1, 1));
}

#[rstest]
#[case::closed(Answer::Close)]
#[case::hang(Answer::Hang)]
fn an_answer_lost_before_the_charge_holds_the_next_until_it_is_shown(#[case] answer: Answer) {
    let bench = bench("100.00");
    bench.handle.inject(Fault::on(Aim::Money).effect(Effect::Nothing).answer(answer));
    let (code, first) = bench.json(BUY);
    assert_eq!((code, &first["state"]), (3, &"unknown".into()), "{first:#}");
    assert_eq!(bench.json(BUY).0, 3);
    assert_eq!(bought(&bench), 1);
    bench.settle(8);
    assert_eq!(newest(&bench)["state"], "not_applied");
    assert_eq!(bench.json(BUY).0, 0);
    assert_eq!((bought(&bench), bench.charges().0), (2, 1));
}

#[test]
fn a_refused_purchase_stays_refused_when_somebody_buys_by_hand() {
    let bench = bench("100.00");
    bench.handle.inject(Fault::code(Aim::Money, 19));
    let (code, refused) = bench.json(BUY);
    assert_eq!((code, &refused["state"]), (3, &"refused".into()), "{refused:#}");
    bench.handle.with(|w| {
        let ips = ["198.51.100.1", "198.51.100.2"];
        w.add_order(KEY, Product::IPv4, "USA", &ips, in_hours(24 * 90)).unwrap();
        // Bought by hand for another term, at another price.
        let balance = w.account(KEY).unwrap().balance;
        w.account_mut(KEY).unwrap().balance = balance.minus(money("7.77")).unwrap();
        w.top_up(in_hours(0), KEY, money("0.00")).unwrap();
    });
    bench.json(&["once"]);
    let payment = newest(&bench);
    assert_eq!((&payment["state"], &payment["charged"]), (&"refused".into(), &Value::Null), "{payment:#}");
}

#[test]
fn what_is_wrong_is_told_at_once_and_nothing_is_sent() {
    let bench = bench("100.00");
    let cases: &[(&[&str], &[&str])] = &[
        (&["--kind", "IPv4"], &["country", "period", "goal", "auth"]),
        (
            &["--kind", "IPv6", "--country", "USA", "--period", "90d", "--goal", "x", "--auth", "login"],
            &["protocol"],
        ),
        (
            &["--kind", "MOBILE", "--country", "USA", "--period", "30d", "--goal", "x", "--auth", "login"],
            &["operator", "rotation"],
        ),
        (
            &[
                "--kind",
                "IPv4",
                "--country",
                "USA",
                "--period",
                "30d",
                "--goal",
                "x",
                "--auth",
                "login",
                "--cycle",
                "monthly",
                "--addon",
                "p0f=1",
                "--protocol",
                "http",
            ],
            &["cycle", "addon", "protocol"],
        ),
    ];
    for (args, fields) in cases {
        let before = bench.handle.requests().len();
        let (code, document) = bench.json(&[&["order", "create", "--yes"], *args].concat());
        let told = document.to_string();
        assert_eq!(code, 2, "{args:?}: {told}");
        assert!(fields.iter().all(|f| told.contains(f)), "{args:?}: {told}");
        assert_eq!(bench.handle.requests().len(), before, "{args:?}: not even a read");
    }
    let off_offer =
        ["--kind", "IPv4", "--country", "ATA", "--period", "45d", "--goal", "x", "--auth", "login"];
    let (code, document) = bench.json(&[&["order", "create", "--yes"], &off_offer[..]].concat());
    assert_eq!(code, 2, "{document:#}");
    assert_eq!((bought(&bench), sent(&bench, Endpoint::CalculateOrder)), (0, 0));
}

#[test]
fn a_purchase_counts_in_budgets_from_then_on() {
    let bench = bench("100.00");
    let budget = "[[budget]]\nname = \"month\"\nper = \"month\"\nlimit = \"6.00\"\ncurrency = \"USD\"\n";
    bench.config("", &format!("{KEEP}{budget}"));
    assert_eq!(bench.json(BUY).0, 0);
    let (code, second) = bench.json(BUY);
    assert_eq!((code, second["error"]["kind"].as_str()), (3, Some("over_budget")), "{second:#}");
    assert_eq!(bought(&bench), 1);
}

#[test]
fn what_a_balance_keeps_is_not_spent_on_orders_either() {
    let bench = bench("10.00");
    bench.config("keep_balance = \"9.00\"", KEEP);
    let (code, held) = bench.json(BUY);
    assert_eq!((code, held["error"]["kind"].as_str()), (3, Some("short_funds")), "{held:#}");
    assert_eq!(bought(&bench), 0);
}

#[test]
fn an_unsettled_payment_of_an_account_that_left_the_config_stops_purchases_too() {
    let bench = bench("100.00");
    bench.handle.inject(Fault::on(Aim::Money).effect(Effect::Nothing).answer(Answer::Close));
    assert_eq!(bench.json(BUY).0, 3);
    let renamed = std::fs::read_to_string(bench.path("renewd.toml")).unwrap();
    std::fs::write(bench.path("renewd.toml"), renamed.replace("name = \"yp\"", "name = \"other\"")).unwrap();
    let (code, held) = bench.json(BUY);
    assert_eq!((code, bought(&bench)), (3, 1), "{held:#}");
}

#[test]
fn auto_renewal_is_switched_by_order_and_seen() {
    let bench = bench("100.00");
    let order = bench.handle.with(|w| w.account(KEY).unwrap().rental(A).unwrap().order.clone());
    let is_on = || bench.handle.with(|w| w.account(KEY).unwrap().rental(A).unwrap().auto);
    let (code, ahead) = bench.json(&["order", "auto", &order, "on", "--preview"]);
    let warned = ahead["message"].as_str().unwrap();
    assert!(code == 0 && warned.contains("holds it when it is due (provider_owns)"), "{warned}");
    assert!(!is_on());
    let (code, on) = bench.json(&["order", "auto", &order, "on"]);
    assert_eq!((code, is_on(), &on["after"]), (0, true, &"on".into()), "{on:#}");
    let (code, off) = bench.json(&["order", "auto", &order, "off", "--account", "yp"]);
    assert_eq!((code, is_on(), &off["after"]), (0, false, &"off".into()), "{off:#}");
    assert_eq!(bench.charges().0, 0);
    for args in [
        &["order", "cycle", &order, "monthly"][..],
        &["order", "tag", &order, "x"],
        &["order", "auto", "nope", "on"],
    ] {
        let (code, document) = bench.json(args);
        assert_eq!(code, 2, "{args:?} {document:#}");
    }
}

#[test]
fn auto_renewal_is_switched_on_for_a_term_that_is_on_offer() {
    let bench = bench("100.00");
    let end = common::in_hours(24 * 40);
    let ip = "2001:db8::7";
    bench.handle.with(|w| w.add_order(KEY, Product::IPv6, "USA", &[ip], end).unwrap());
    let auto = || bench.handle.with(|w| w.account(KEY).unwrap().rental(ip).unwrap().auto);
    let order = bench.handle.with(|w| w.account(KEY).unwrap().rental(ip).unwrap().order.clone());
    // The first period of the policy, 30 days, is not sold for IPv6.
    let (code, on) = bench.json(&["order", "auto", &order, "on"]);
    assert_eq!((code, auto()), (0, true), "{on:#}");
    bench.json(&["order", "auto", &order, "off"]);
    bench.config("", &common::KEEP.replace("before", "pay_by = \"provider\"\nbefore"));
    bench.json(&["once"]);
    assert!(auto(), "and so it is where the policy lets the provider pay");
}

#[test]
fn an_order_file_buys_and_flags_override_it() {
    let bench = bench("100.00");
    let file = bench.path("order.toml");
    let text = "kind = \"IPv4\"\ncountry = \"USA\"\nquantity = 3\nperiod = \"30d\"\ngoal = \"shop\"\nauth = \"login\"\n";
    std::fs::write(&file, text).unwrap();
    let path = file.to_str().unwrap();
    let (code, document) = bench.json(&["order", "create", "--yes", "--file", path, "--quantity", "1"]);
    assert_eq!(code, 0, "{document:#}");
    let ips = bench.handle.with(|w| w.account(KEY).unwrap().rentals().len());
    assert_eq!(ips, 2);
    std::fs::write(&file, text.replace("quantity = 3", "quantity = \"3\"")).unwrap();
    let (code, wrong) = bench.json(&["order", "create", "--yes", "--file", path]);
    let told = wrong.to_string();
    assert_eq!(code, 2, "{told}");
    assert!(told.contains("order.toml") && told.contains('3') && told.contains("quantity"), "{told}");
    assert_eq!(bought(&bench), 1);
}

#[rstest]
#[case::no_list(Answer::Without("ipAddresses".to_owned()))]
#[case::null(Answer::Field("ipAddresses".to_owned(), Value::Null))]
#[case::null_for_a_kind(Answer::Field("ipAddresses".to_owned(), serde_json::json!({ "ipv4": null, "isp": [] })))]
fn a_new_customer_whose_list_is_not_there_yet_can_buy(#[case] empty: Answer) {
    let bench = Bench::new("100.00", &[]);
    bench.handle.with(|w| w.list.shape = Shape::Flat);
    bench.handle.inject(Fault::on(Aim::Endpoint(Endpoint::IpAddress)).answer(empty).when(When::Next(2)));
    assert_eq!(bench.json(&["plan"]).0, 0);
    let (code, document) = bench.json(BUY);
    assert_eq!((code, bought(&bench)), (0, 1), "{document:#}");
    assert_eq!(made(&bench).len(), 1);
}

#[test]
fn a_list_that_is_gone_from_an_account_with_leases_is_not_believed() {
    let bench = bench("100.00");
    bench.handle.with(|w| w.list.shape = Shape::Flat);
    assert_eq!(bench.json(&["once"]).0, 0);
    bench.handle.inject(
        Fault::on(Aim::Endpoint(Endpoint::IpAddress))
            .answer(Answer::Field("ipAddresses".to_owned(), Value::Null)),
    );
    let (code, document) = bench.json(&["once"]);
    assert_eq!(code, 3, "{document:#}");
    let open = bench.json(&["status"]).1;
    assert!(open["open_alerts"].to_string().contains("inventory_empty:yp"), "{open:#}");
}
