//! A provider that takes more than it quoted: what it took counts at once, in the ledger, in budgets and against every cap, and the
//! policy that met it waits for a person. Through the real binary, against the books of simulated providers.
#[path = "overcharges/parts.rs"]
mod parts;

use std::time::Duration;

use crate::common::{self, Bench, in_hours, money};
use jiff::SignedDuration;
use renewd::clock::{Clock, SystemClock};
use renewd::domain::Money;
use renewd::simulator::proxyshard::{Endpoint, OrderSpec};
use renewd::simulator::{Aim, Answer, Effect, Fault, Product, When};
use rstest::rstest;
use serde_json::Value;

use crate::common::shard::{ShardBench, TOKEN};

const KEEP: &str = "[[policy]]\nname = \"keep\"\naction = \"renew\"\n";
/// Hours for which an order on hold can be renewed.
const GRACE: i64 = 72;
const BUY: &[&str] =
    &["order", "create", "--yes", "--product", "ISP Proxy", "--location", "US", "--cycle", "monthly"];
const YP_BUY: &[&str] = &[
    "order",
    "create",
    "--yes",
    "--kind",
    "IPv4",
    "--country",
    "USA",
    "--period",
    "30d",
    "--goal",
    "shop",
    "--auth",
    "login",
];

fn plus(a: Money, cents: i64) -> Money {
    a.plus(Money::from_cents(cents)).unwrap()
}

/// So many orders on hold, and what a term of one is quoted at.
fn held(orders: usize) -> (ShardBench, Money) {
    let bench = ShardBench::new("1000.00", |w| {
        for n in 0..orders {
            let end = in_hours(-5 - i64::try_from(n).unwrap());
            w.add_order(TOKEN, &OrderSpec::new("ISP Proxy", Some("US"), "monthly", end)).unwrap();
        }
    });
    bench.config("", KEEP);
    let (_, plan) = bench.json(&["plan"]);
    let quoted = plan["items"].as_array().unwrap().iter().find_map(|i| i["quote"]["amount"].as_str());
    (bench, quoted.map_or_else(|| money("5.00"), money))
}

fn budget(limit: Money) -> String {
    format!("[[budget]]\nname = \"small\"\nper = \"month\"\nlimit = \"{limit}\"\ncurrency = \"USD\"\n")
}

/// Every payment costs 4.00 more than it was quoted.
fn dearer<E>(answer: Answer) -> Fault<E>
where
    E: renewd::simulator::Kind,
{
    Fault::on(Aim::Money).when(When::Always).effect(Effect::Surcharge(money("4.00"))).answer(answer)
}

fn payments(history: &Value) -> Vec<&Value> {
    history["payments"].as_array().unwrap().iter().collect()
}

fn held_with<'a>(document: &'a Value, word: &str) -> Vec<&'a Value> {
    let items = document["items"].as_array().unwrap();
    items.iter().filter(|i| i["reason"].as_str().unwrap().starts_with(&format!("{word}:"))).collect()
}

fn alerts(status: &Value) -> Vec<String> {
    let open = status["open_alerts"].as_array().unwrap();
    open.iter().map(|a| a["key"].as_str().unwrap().to_owned()).collect()
}

#[rstest]
#[case::the_answer_came(Answer::Honest)]
#[case::the_answer_was_lost(Answer::Close)]
fn a_surplus_counts_at_once_and_no_limit_is_overrun(#[case] answer: Answer) {
    let (bench, quoted) = held(2);
    // Both fit at their quotes; what the first takes leaves too little for the second.
    let limit = plus(quoted.times(2).unwrap(), 399);
    bench.config("", &format!("{KEEP}{}", budget(limit)));
    bench.handle.inject(dearer(answer));
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, bench.sent(Endpoint::Renew)), (3, 1), "{once:#}");
    assert_eq!(held_with(&once, "over_budget").len(), 1, "{once:#}");
    let (_, history) = bench.json(&["history"]);
    let paid = payments(&history)[0];
    assert_eq!(paid["charged"], bench.sum().to_string(), "{paid:#}");
    assert_eq!(paid["charged"], plus(quoted, 400).to_string());
    let (_, status) = bench.json(&["status"]);
    assert_eq!(status["budgets"][0]["spent"], bench.sum().to_string(), "{status:#}");
    let keys = alerts(&status);
    assert!(keys.iter().any(|k| k.starts_with("charge_differs:ps:")), "{keys:?}");
    assert!(!keys.iter().any(|k| k.starts_with("unexplained_spend")), "it is no stranger's: {keys:?}");
    bench.json(&["once"]);
    assert_eq!(bench.sent(Endpoint::Renew), 1, "nor in the next cycle");
}

#[rstest]
#[case::the_answer_came(Answer::Honest)]
#[case::the_answer_was_lost(Answer::Close)]
fn a_purchases_surplus_counts_at_once_and_the_next_is_held(#[case] answer: Answer) {
    let (bench, quoted) = held(0);
    bench.handle.inject(dearer(answer));
    bench.json(BUY);
    bench.settle(6);
    let (_, history) = bench.json(&["history"]);
    let first = payments(&history)[0];
    assert_eq!(first["charged"], bench.sum().to_string(), "{first:#}");
    bench.config("", &format!("{KEEP}{}", budget(plus(bench.sum(), 1))));
    let (code, second) = bench.json(BUY);
    assert_eq!((code, second["error"]["kind"].as_str()), (3, Some("over_budget")), "{second:#}");
    assert_eq!(bench.sent(Endpoint::Purchase), 1, "{quoted}");
}

#[rstest]
#[case::the_answer_came(Answer::Honest)]
#[case::the_answer_was_lost(Answer::Close)]
fn a_charge_over_its_cap_holds_the_policy_until_a_person_says_what_was_charged(#[case] answer: Answer) {
    let (bench, quoted) = held(3);
    bench.config("", &format!("{KEEP}max_price = \"{}\"\n", plus(quoted, 100)));
    bench.handle.inject(dearer(answer));
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, bench.sent(Endpoint::Renew)), (3, 1), "{once:#}");
    assert_eq!(held_with(&once, "overcharged").len(), 2, "in rescue, too: {once:#}");
    assert!(alerts(&bench.json(&["status"]).1).contains(&"overcharged:ps".to_owned()));
    bench.handle.clear_faults();
    // Another limit is no word on what was charged.
    bench.config("", &format!("{KEEP}max_price = \"90.00\"\n"));
    let (code, again) = bench.json(&["once"]);
    assert_eq!((code, held_with(&again, "overcharged").len()), (3, 2), "{again:#}");
    assert_eq!(bench.sent(Endpoint::Renew), 1);
    let (code, bought) = bench.json(BUY);
    assert_eq!((code, bought["error"]["kind"].as_str()), (3, Some("overcharged")), "{bought:#}");
    let real = bench.sum().to_string();
    let (code, said) =
        bench.json(&["resolve", "p-000001", "--charged", &real, "--note", "seen at the panel"]);
    assert_eq!((code, said["payment"]["state"].as_str()), (0, Some("confirmed")), "{said:#}");
    let (_, paid) = bench.json(&["once"]);
    assert_eq!(bench.sent(Endpoint::Renew), 3, "{paid:#}");
    assert!(!alerts(&bench.json(&["status"]).1).contains(&"overcharged:ps".to_owned()));
}

/// The config with other names for what is kept under the old ones.
fn rename(bench: &ShardBench, account: bool, policy: bool) {
    let mut text = std::fs::read_to_string(bench.path("renewd.toml")).unwrap();
    if account {
        text = text.replace("name = \"ps\"", "name = \"shards\"\nwas = [\"ps\"]");
    }
    if policy {
        text = text.replace("name = \"keep\"", "name = \"hold-on\"\nwas = [\"keep\"]");
    }
    std::fs::write(bench.path("renewd.toml"), text).unwrap();
}

#[rstest]
#[case::of_the_policy(false, true)]
#[case::of_the_account(true, false)]
#[case::of_both(true, true)]
fn another_name_ends_no_hold(#[case] account: bool, #[case] policy: bool) {
    let (bench, quoted) = held(3);
    bench.config("", &format!("{KEEP}max_price = \"{}\"\n", plus(quoted, 100)));
    bench.handle.inject(dearer(Answer::Honest));
    bench.json(&["once"]);
    rename(&bench, account, policy);
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, bench.sent(Endpoint::Renew)), (3, 1), "{once:#}");
    assert_eq!(held_with(&once, "overcharged").len(), 2, "{once:#}");
}

#[test]
fn two_charges_in_a_row_are_so_under_whatever_names() {
    let (bench, _) = held(3);
    let text = std::fs::read_to_string(bench.path("renewd.toml")).unwrap();
    let text = text.replace("max_payments_per_cycle = 1000\n", "max_payments_per_cycle = 1\n");
    std::fs::write(bench.path("renewd.toml"), text).unwrap();
    bench.handle.inject(dearer(Answer::Honest));
    bench.json(&["once"]);
    assert_eq!(bench.sent(Endpoint::Renew), 1);
    rename(&bench, true, true);
    bench.json(&["once"]);
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, bench.sent(Endpoint::Renew)), (3, 2), "{once:#}");
    assert_eq!(held_with(&once, "overcharged").len(), 1, "{once:#}");
}

#[test]
fn two_charges_over_their_quotes_in_a_row_hold_the_policy() {
    let (bench, _) = held(4);
    bench.handle.inject(dearer(Answer::Honest));
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, bench.sent(Endpoint::Renew)), (3, 2), "{once:#}");
    assert_eq!(held_with(&once, "overcharged").len(), 2, "{once:#}");
    bench.json(&["resolve", "p-000002", "--charged", "5.00", "--note", "the rest was paid back"]);
    let (_, history) = bench.json(&["history"]);
    assert_eq!(payments(&history)[0]["charged"], "5.00", "an operator's word replaces what was measured");
    let known: Vec<&str> = payments(&history).iter().filter_map(|p| p["measured"].as_str()).collect();
    assert_eq!(known, ["word", "reading"], "and the history says how each is known");
    bench.json(&["once"]);
    assert_eq!(bench.sent(Endpoint::Renew), 4, "two more, and then it is held again");
}

#[test]
fn a_balance_that_lags_is_no_measurement_and_the_first_that_shows_the_fall_is() {
    let (bench, quoted) = held(1);
    let text = std::fs::read_to_string(bench.path("renewd.toml")).unwrap();
    std::fs::write(bench.path("renewd.toml"), text.replace("lag_window = \"2s\"", "lag_window = \"60s\""))
        .unwrap();
    bench.handle.set_balance_lag(Duration::from_secs(4));
    bench.handle.inject(dearer(Answer::Honest));
    bench.json(&["once"]);
    bench.pass(4_200);
    bench.json(&["once"]);
    let (_, history) = bench.json(&["history"]);
    assert_eq!(payments(&history)[0]["charged"], plus(quoted, 400).to_string(), "{history:#}");
    let keys = alerts(&bench.json(&["status"]).1);
    assert!(keys.iter().any(|k| k.starts_with("charge_differs:ps:")), "{keys:?}");
    assert!(!keys.iter().any(|k| k.starts_with("unexplained") || k.starts_with("contested")), "{keys:?}");
}

#[test]
fn what_falls_between_payments_is_told_and_eats_no_budget() {
    let (bench, quoted) = held(2);
    bench.config("", &format!("{KEEP}{}", budget(quoted.times(2).unwrap())));
    bench.json(&["pause"]);
    bench.json(&["once"]);
    bench.handle.with(|w| w.spend_elsewhere(SystemClock::new().now().wall, TOKEN, money("7.00")));
    bench.json(&["once"]);
    let keys = alerts(&bench.json(&["status"]).1);
    assert!(keys.contains(&"unexplained_spend:ps".to_owned()), "{keys:?}");
    bench.json(&["resume"]);
    let (code, once) = bench.json(&["once"]);
    assert_eq!(
        (code, bench.sent(Endpoint::Renew)),
        (0, 2),
        "somebody else's purchase holds nothing: {once:#}"
    );
}

#[test]
fn nothing_is_bought_while_an_earlier_charge_may_still_move_the_balance() {
    let (bench, _) = held(1);
    bench.handle.set_lag(Duration::from_millis(1_500));
    bench.handle.set_balance_lag(Duration::from_millis(1_500));
    bench.handle.inject(Fault::on(Aim::Money).when(When::Next(1)).answer(Answer::Close));
    bench.json(&["once"]);
    let (code, bought) = bench.json(BUY);
    assert_eq!((code, bought["error"]["kind"].as_str()), (3, Some("unknown_pending")), "{bought:#}");
    assert!(bought["error"]["message"].as_str().unwrap().contains("try again"), "{bought:#}");
    assert_eq!(bench.sent(Endpoint::Purchase), 0);
    bench.settle(10);
    bench.pass(2_100);
    let (code, bought) = bench.json(BUY);
    bench.pass(1_600);
    bench.settle(6);
    let (_, history) = bench.json(&["history"]);
    let books: Vec<String> =
        bench.handle.with(|w| w.books().charges().map(|e| e.amount.to_string()).collect());
    let ledger: Vec<&str> = payments(&history).iter().rev().map(|p| p["charged"].as_str().unwrap()).collect();
    assert_eq!(ledger, books, "exit {code}: {bought:#}\n{history:#}");
    let keys = alerts(&bench.json(&["status"]).1);
    assert!(!keys.iter().any(|k| k.starts_with("top_up") || k.starts_with("unexplained")), "{keys:?}");
}

fn fleet() -> (Bench, Money) {
    let ips: &[&str] = &["203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4"];
    let bench = Bench::new("1000.00", &[(Product::IPv4, ips, 24)]);
    let (_, plan) = bench.json(&["plan"]);
    let quoted = money(plan["items"][0]["quote"]["amount"].as_str().unwrap());
    (bench, quoted)
}

#[rstest]
#[case::each_alone(1, Answer::Honest)]
#[case::each_alone_and_lost(1, Answer::Close)]
#[case::in_batches(2, Answer::Honest)]
#[case::in_batches_without_a_balance_in_the_reply(2, Answer::Without("balance".into()))]
#[case::in_batches_and_lost(2, Answer::Close)]
fn a_reply_that_tells_an_overcharge_leaves_that_much_less_to_the_rest_of_the_cycle(
    #[case] batch: usize,
    #[case] answer: Answer,
) {
    let (bench, quoted) = fleet();
    // All four fit at their quotes, and what the first payment takes leaves too little for the last.
    let limit = plus(quoted.times(4).unwrap(), 399);
    bench.config(&format!("batch = {batch}"), &format!("{}{}", common::KEEP, budget(limit)));
    let once_dearer =
        Fault::on(Aim::Money).when(When::Next(1)).effect(Effect::Surcharge(money("4.00"))).answer(answer);
    bench.handle.inject(once_dearer);
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 3, "{once:#}");
    assert!(bench.charges().1 <= limit, "{} of {limit}: {once:#}", bench.charges().1);
    bench.settle(4);
    let (_, history) = bench.json(&["history", "--state", "confirmed"]);
    let counted =
        Money::sum(payments(&history).iter().map(|p| money(p["charged"].as_str().unwrap()))).unwrap();
    assert_eq!(counted, bench.charges().1, "{history:#}");
    let (_, status) = bench.json(&["status"]);
    assert_eq!(status["budgets"][0]["spent"], counted.to_string());
    assert!(bench.charges().1 <= limit, "nor later");
}

#[rstest]
#[case::the_answer_came(Answer::Honest)]
#[case::the_answer_was_lost(Answer::Close)]
fn a_purchase_over_its_cap_holds_the_next_at_the_other_provider_too(#[case] answer: Answer) {
    let (bench, quoted) = fleet();
    let policy =
        format!("[[policy]]\nname = \"keep\"\naction = \"watch\"\nmax_price = \"{}\"\n", plus(quoted, 100));
    bench.config("", &policy);
    bench.handle.inject(
        Fault::on(Aim::Money).when(When::Always).effect(Effect::Surcharge(money("4.00"))).answer(answer),
    );
    bench.json(YP_BUY);
    bench.settle(6);
    let (_, history) = bench.json(&["history"]);
    assert_eq!(payments(&history)[0]["charged"], bench.charges().1.to_string(), "{history:#}");
    let (code, second) = bench.json(YP_BUY);
    assert_eq!((code, second["error"]["kind"].as_str()), (3, Some("overcharged")), "{second:#}");
    assert_eq!(bench.charges().0, 1);
}

/// Two orders that are lost within minutes: the second is paid beside the first, whose answer is lost, while lists and balance lag.
#[rstest]
#[case::and_it_was_charged(Effect::Process, 2)]
#[case::and_nothing_was_charged(Effect::Nothing, 1)]
fn a_charge_beside_an_unclear_payment_is_nobody_elses_and_no_proof_of_absence(
    #[case] first: Effect,
    #[case] charges: usize,
) {
    let bench = ShardBench::new("1000.00", |w| {
        for seconds in [0, 1] {
            let end = in_hours(-GRACE).checked_add(SignedDuration::from_secs(40 + seconds)).unwrap();
            w.add_order(TOKEN, &OrderSpec::new("ISP Proxy", Some("US"), "monthly", end)).unwrap();
        }
    });
    bench.config("", KEEP);
    bench.handle.set_lag(Duration::from_millis(1_500));
    bench.handle.set_balance_lag(Duration::from_millis(1_500));
    bench.handle.inject(Fault::on(Aim::Money).when(When::Next(1)).effect(first).answer(Answer::Close));
    bench.handle.inject(dearer(Answer::Honest));
    let (_, once) = bench.json(&["once"]);
    assert_eq!(bench.sent(Endpoint::Renew), 2, "neither can wait: {once:#}");
    for _ in 0..6 {
        bench.pass(800);
        bench.json(&["once"]);
    }
    let (_, history) = bench.json(&["history"]);
    let states: Vec<&str> = payments(&history).iter().rev().map(|p| p["state"].as_str().unwrap()).collect();
    assert_eq!((bench.handle.with(|w| w.books().charges().count()), bench.paid_twice()), (charges, vec![]));
    assert_eq!(states[1], "confirmed", "{history:#}");
    assert_eq!(states[0] == "confirmed", charges == 2, "{history:#}");
    assert!(charges == 1 || states[0] != "not_applied", "{history:#}");
}

#[rstest]
#[case::the_first_took_more(1)]
#[case::the_second_took_more(2)]
fn what_was_taken_beyond_the_quotes_of_several_counts_where_no_balance_tells_them_apart(#[case] nth: u64) {
    let (bench, quoted) = held(2);
    bench.config("", &format!("{KEEP}{}", budget(money("100.00"))));
    // Both ends are seen at once, both charges later.
    bench.handle.set_balance_lag(Duration::from_millis(1_500));
    let surcharge = Effect::Surcharge(money("4.00"));
    bench.handle.inject(Fault::on(Aim::Money).when(When::Nth(nth)).effect(surcharge).answer(Answer::Honest));
    bench.json(&["once"]);
    assert_eq!(bench.sent(Endpoint::Renew), 2);
    let mut keys = Vec::new();
    for _ in 0..4 {
        bench.pass(1_500);
        bench.json(&["once"]);
        keys.extend(alerts(&bench.json(&["status"]).1));
    }
    let (_, history) = bench.json(&["history"]);
    let paid = payments(&history);
    let charged = Money::sum(paid.iter().map(|p| money(p["charged"].as_str().unwrap()))).unwrap();
    assert_eq!(charged, bench.sum(), "{history:#}");
    assert_eq!(charged, plus(quoted.times(2).unwrap(), 400));
    let (_, status) = bench.json(&["status"]);
    assert_eq!(status["budgets"][0]["spent"], charged.to_string(), "{status:#}");
    assert!(keys.iter().any(|k| k.starts_with("charge_differs:ps:")), "{keys:?}");
    assert!(!keys.iter().any(|k| k.starts_with("unexplained_spend")), "it is no stranger's: {keys:?}");
}
