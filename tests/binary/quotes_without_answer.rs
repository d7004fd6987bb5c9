//! Leases whose price question never gets an answer: they are held, and keep nobody else from being paid. Through the real binary,
//! against the books of both simulated providers.

use crate::common::shard::{ShardBench, TOKEN};
use crate::common::{Bench, KEEP, KEY, in_hours};
use renewd::simulator::proxyshard::{Endpoint as Call, OrderSpec};
use renewd::simulator::{Aim, Answer, Fault, Product, When};
use rstest::rstest;

/// Leases of one group, `203.0.113.1` ending first.
fn fleet(n: i64) -> (Bench, Vec<String>) {
    let ips: Vec<String> = (1..=n).map(|i| format!("203.0.113.{i}")).collect();
    let orders: Vec<[&str; 1]> = ips.iter().map(|ip| [ip.as_str()]).collect();
    let orders: Vec<(Product, &[&str], i64)> =
        orders.iter().zip(13..).map(|(ip, hours)| (Product::IPv4, &ip[..], hours)).collect();
    let bench = Bench::new("1000.00", &orders);
    bench.config("", &format!("{KEEP}\n[guard]\nmax_fleet_share = \"100%\"\n"));
    (bench, ips)
}

/// Every question about the price of this address is answered so.
fn sicken(bench: &Bench, ip: &str, answer: &Answer) {
    let id = bench.handle.with(|w| w.account(KEY).unwrap().rental(ip).unwrap().id.clone());
    bench.handle.inject(Fault::on(Aim::Quotes).about(&id).when(When::Always).answer(answer.clone()));
}

fn quotes(bench: &Bench) -> usize {
    let requests = bench.handle.requests();
    requests.iter().filter(|r| r.endpoint.is_some_and(renewd::simulator::Endpoint::is_quote)).count()
}

/// Orders on hold, the first of them the longest.
fn shards(n: i64) -> (ShardBench, Vec<String>) {
    let mut ids = Vec::new();
    let bench = ShardBench::new("9000.00", |w| {
        let spec = |hours| OrderSpec::new("ISP Proxy", Some("US"), "monthly", in_hours(hours));
        ids = (0..n).map(|i| w.add_order(TOKEN, &spec(i - 60)).unwrap()).collect();
    });
    bench.config("", "[[policy]]\nname = \"keep\"\naction = \"renew\"\n");
    (bench, ids)
}

fn sicken_order(bench: &ShardBench, id: &str) {
    let aim = Aim::Endpoint(Call::Order);
    bench.handle.inject(Fault::on(aim).about(id).when(When::Always).answer(Answer::Status(500)));
}

#[rstest]
#[case::the_first(0, Answer::Status(500), "quote_error:")]
#[case::one_in_the_middle(2, Answer::Status(500), "quote_error:")]
#[case::the_first_unreadable(0, Answer::TruncatedJson, "quote_unreadable:")]
#[case::one_in_the_middle_unreadable(2, Answer::TruncatedJson, "quote_unreadable:")]
fn one_sick_lease_is_held_and_the_others_are_paid_in_the_same_cycle(
    #[case] sick: usize,
    #[case] answer: Answer,
    #[case] word: &str,
) {
    let (bench, ips) = fleet(5);
    sicken(&bench, &ips[sick], &answer);
    let (code, once) = bench.json(&["once"]);
    let reason = bench.item(&once, &ips[sick])["reason"].as_str().unwrap();
    assert!(code == 3 && reason.starts_with(word), "{once:#}");
    for (n, ip) in ips.iter().enumerate() {
        assert_eq!(bench.charged(ip), usize::from(n != sick), "{ip}: {once:#}");
    }
    assert_eq!(once["payments"].as_array().unwrap().len(), 1, "the healthy ones in one batch: {once:#}");
}

#[test]
fn many_sick_leases_that_end_first_keep_no_other_from_being_paid() {
    let (bench, ips) = fleet(16);
    ips[..6].iter().for_each(|ip| sicken(&bench, ip, &Answer::Status(500)));
    // Both picks after the third silence may fall on sick ones: then the next cycle picks anew.
    let all_paid = || {
        bench.json(&["once"]);
        ips[6..].iter().all(|ip| bench.charged(ip) == 1)
    };
    assert!((0..5).any(|_| all_paid()));
    assert!(ips[..6].iter().all(|ip| bench.charged(ip) == 0));
}

#[test]
fn a_sick_lease_in_another_group_holds_no_group_behind_it() {
    let (a, b) = ("203.0.113.1", "203.0.113.2");
    let bench = Bench::new("100.00", &[(Product::IPv4, &[a], 20), (Product::Isp, &[b], 24)]);
    sicken(&bench, a, &Answer::Close);
    let (_, once) = bench.json(&["once"]);
    assert_eq!((bench.charged(a), bench.charged(b)), (0, 1), "{once:#}");
}

#[test]
fn a_provider_that_prices_nothing_is_asked_a_few_times_and_no_more() {
    let (bench, ips) = fleet(55);
    bench.handle.inject(Fault::on(Aim::Quotes).when(When::Always).answer(Answer::Status(503)));
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 3);
    assert!(quotes(&bench) <= 15, "{} questions", quotes(&bench));
    assert_eq!(bench.payments_sent(), 0);
    for ip in &ips {
        let item = bench.item(&once, ip);
        assert!(item["reason"].as_str().unwrap().starts_with("quote_error:"), "{item:#}");
    }
    bench.handle.clear_faults();
    bench.json(&["once"]);
    assert!(ips.iter().all(|ip| bench.charged(ip) == 1), "and all are paid once it is back");
}

#[test]
fn an_order_that_cannot_be_read_is_held_and_the_others_on_hold_are_renewed_in_the_same_cycle() {
    let (bench, ids) = shards(4);
    sicken_order(&bench, &ids[0]);
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 3);
    assert!(bench.item(&once, &ids[0])["reason"].as_str().unwrap().starts_with("quote_error:"), "{once:#}");
    let charged: Vec<usize> = ids.iter().map(|id| bench.charged(id)).collect();
    assert_eq!(charged, [0, 1, 1, 1], "{once:#}");
}

#[test]
fn many_orders_that_cannot_be_read_keep_no_other_from_being_renewed() {
    let (bench, ids) = shards(9);
    ids[..4].iter().for_each(|id| sicken_order(&bench, id));
    let all_paid = || {
        bench.json(&["once"]);
        ids[4..].iter().all(|id| bench.charged(id) == 1)
    };
    assert!((0..5).any(|_| all_paid()));
    assert!(ids[..4].iter().all(|id| bench.charged(id) == 0));
}

#[test]
fn a_provider_that_falls_silent_between_two_payments_is_let_be_until_the_next_cycle() {
    let (bench, ids) = shards(20);
    // The wallet is read with the list, with each price in the plan, with each price before a payment, and right after the payment.
    let until_the_third_payment = When::Next(1 + 20 + 2 * 3);
    bench.handle.inject(Fault::on(Aim::Endpoint(Call::Me)).when(until_the_third_payment));
    bench.handle.inject(Fault::on(Aim::Endpoint(Call::Me)).when(When::Always).answer(Answer::Status(500)));
    bench.json(&["once"]);
    assert_eq!(ids.iter().filter(|id| bench.charged(id) == 1).count(), 3);
    assert!(bench.sent(Call::Me) <= 27 + 20, "{} questions", bench.sent(Call::Me));
    bench.handle.clear_faults();
    bench.settle(4);
    assert!(ids.iter().all(|id| bench.charged(id) == 1));
}
