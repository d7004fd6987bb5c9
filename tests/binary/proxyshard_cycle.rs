//! The whole job against a simulated ProxyShard, through the real binary: what is on hold is renewed once, what the provider
//! is to pay for is steered and watched, and nothing is paid twice.

use std::time::Duration;

use renewd::clock::{Clock, SystemClock};
use renewd::domain::Money;
use renewd::simulator::proxyshard::{Endpoint, FleetSpec, Looks, OrderSpec, Sparse, Status, World};
use renewd::simulator::{Aim, Answer, Effect, Fault, When};
use rstest::rstest;

use crate::common::in_hours;
use crate::common::shard::{ShardBench, TOKEN};

const KEEP: &str = "[[policy]]\nname = \"keep\"\naction = \"renew\"\n";
const STEER: &str = "[[policy]]\nname = \"steer\"\naction = \"renew\"\npay_by = \"provider\"\n";

fn isp(hours: i64) -> OrderSpec {
    OrderSpec::new("ISP Proxy", Some("US"), "monthly", in_hours(hours))
}

/// Puts orders into the world and gives their ids.
fn orders(world: &mut World, specs: &[OrderSpec]) -> Vec<String> {
    specs.iter().map(|s| world.add_order(TOKEN, s).expect("the catalogue has it")).collect()
}

fn bench(wallet: &str, specs: &[OrderSpec]) -> (ShardBench, Vec<String>) {
    let mut ids = Vec::new();
    let bench = ShardBench::new(wallet, |w| ids = orders(w, specs));
    bench.config("", KEEP);
    (bench, ids)
}

#[test]
fn an_order_on_hold_is_renewed_once_and_an_active_one_waits() {
    let (bench, ids) = bench("100.00", &[isp(-5), isp(24), isp(24 * 20)]);
    let (code, plan) = bench.json(&["plan"]);
    assert_eq!(code, 0, "{plan:#}");
    let held = bench.item(&plan, &ids[0]);
    assert_eq!(
        (held["decision"].as_str(), held["stage"].as_str()),
        (Some("renew"), Some("rescue")),
        "{held:#}"
    );
    for id in &ids[1..] {
        let item = bench.item(&plan, id);
        assert_eq!(item["decision"], "wait");
        assert!(item["reason"].as_str().unwrap().starts_with("not_renewable_yet:"), "{item:#}");
    }
    assert_eq!(bench.sent(Endpoint::Renew), 0, "a plan pays nothing");
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 0, "{once:#}");
    assert_eq!(once["payments"][0]["state"], "confirmed");
    assert_eq!(once["payments"][0]["charged"], bench.sum().to_string());
    bench.json(&["once"]);
    assert_eq!((bench.charged(&ids[0]), bench.sent(Endpoint::Renew)), (1, 1));
    assert_eq!(bench.charged(&ids[1]) + bench.charged(&ids[2]), 0);
}

#[test]
fn hundreds_on_hold_are_renewed_once_each_over_all_pages() {
    let bench = ShardBench::new("1.00", |w| {
        let spec = FleetSpec::new(TOKEN, "90000.00".parse().unwrap(), 150, 230, 1);
        *w = World::fleet(7, SystemClock::new().now().wall, &spec);
    });
    bench.config("", KEEP);
    let (held, rest): (Vec<String>, Vec<String>) = bench.handle.with(|w| {
        let all = w.account(TOKEN).unwrap().orders();
        let (held, rest): (Vec<_>, Vec<_>) = all.partition(|o| o.status == Status::OnHold);
        (held.iter().map(|o| o.id.clone()).collect(), rest.iter().map(|o| o.id.clone()).collect())
    });
    assert_eq!((held.len(), rest.len()), (230, 151));
    let (code, once) = bench.json(&["once"]);
    assert_eq!(once["payments"].as_array().unwrap().len(), 230, "exit {code}");
    bench.settle(3);
    assert!(held.iter().all(|o| bench.charged(o) == 1));
    assert!(rest.iter().all(|o| bench.charged(o) == 0));
    assert_eq!(bench.paid_twice(), Vec::<String>::new());
    assert_eq!(bench.json(&["history", "--state", "confirmed"]).1["payments"].as_array().unwrap().len(), 230);
}

#[rstest]
#[case::close(Answer::Close)]
#[case::reset(Answer::Reset)]
#[case::half(Answer::HalfBody)]
#[case::hang(Answer::Hang)]
#[case::html(Answer::Html(502))]
#[case::not_json(Answer::NotJson)]
#[case::too_many(Answer::TooMany(1))]
#[case::refusal_500(Answer::Refusal { status: 500, code: 0, message: "nothing happened".into() })]
#[case::refusal_409(Answer::Refusal { status: 409, code: 0, message: "conflict".into() })]
#[case::refusal_200(Answer::Refusal { status: 200, code: 0, message: "insufficient".into() })]
fn a_lost_answer_to_a_renewal_is_settled_without_paying_twice(#[case] answer: Answer) {
    let (bench, ids) = bench("100.00", &[isp(-5), isp(-4)]);
    bench.handle.inject(Fault::on(Aim::Money).when(When::Nth(1)).answer(answer));
    bench.settle(8);
    assert_eq!((bench.charged(&ids[0]), bench.charged(&ids[1])), (1, 1));
    let (_, history) = bench.json(&["history", "--state", "confirmed"]);
    assert_eq!(history["payments"].as_array().unwrap().len(), 2, "{history:#}");
}

#[test]
fn a_renewal_lost_before_the_provider_saw_it_is_paid_in_the_second_attempt() {
    let (bench, ids) = bench("100.00", &[isp(-5)]);
    let lost = Fault::on(Aim::Money).when(When::Nth(1)).effect(Effect::Nothing).answer(Answer::Close);
    bench.handle.inject(lost);
    for _ in 0..8 {
        bench.json(&["once"]);
        bench.pass(700);
    }
    assert_eq!(bench.charged(&ids[0]), 1, "in rescue evidence allows one more");
    assert_eq!(bench.sent(Endpoint::Renew), 2);
}

#[test]
fn a_wallet_that_is_too_low_holds_and_says_how_much_is_missing_and_how_long_is_left() {
    let (bench, ids) = bench("0.50", &[isp(-5)]);
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 3);
    assert!(bench.item(&once, &ids[0])["reason"].as_str().unwrap().starts_with("short_funds:"));
    assert_eq!(bench.sent(Endpoint::Renew), 0);
    let (_, status) = bench.json(&["status"]);
    let alert = &status["open_alerts"][0];
    assert_eq!((alert["key"].as_str(), alert["severity"].as_str()), (Some("short_funds:ps"), Some("urgent")));
    let whole: String = {
        let ledger = rusqlite::Connection::open(bench.path("state/ledger.db")).unwrap();
        ledger.query_row("SELECT text FROM alert WHERE key = 'short_funds:ps'", [], |r| r.get(0)).unwrap()
    };
    assert!(whole.contains("gone for good in 66h") || whole.contains("gone for good in 2d"), "{whole}");
    bench.handle.with(|w| w.top_up(SystemClock::new().now().wall, TOKEN, "50.00".parse().unwrap()));
    bench.json(&["once"]);
    assert_eq!(bench.charged(&ids[0]), 1);
}

#[test]
fn sparse_items_and_odd_spellings_change_nothing() {
    let (bench, ids) = bench("100.00", &[isp(-5), isp(24)]);
    bench.handle.with(|w| {
        w.looks = Looks { sparse: Some(Sparse { percent: 100, seed: 1 }), ..w.looks.clone() };
    });
    let (_, once) = bench.json(&["once"]);
    assert_eq!(bench.charged(&ids[0]), 1, "{once:#}");
    assert_eq!(bench.item(&once, &ids[1])["decision"], "wait");
}

#[test]
fn an_order_that_never_tells_its_end_and_flaps_is_not_paid_again_in_the_term_it_was_paid_for() {
    let (bench, ids) = bench("100.00", &[isp(-5)]);
    bench.handle.with(|w| {
        w.looks = Looks { without: ["expires_at".to_owned()].into(), ..w.looks.clone() };
    });
    let ended = bench.handle.with(|w| w.account(TOKEN).unwrap().order(&ids[0]).unwrap().expires_at);
    bench.settle(6);
    assert_eq!(bench.charged(&ids[0]), 1, "on hold without an end it is renewed once");
    bench.json(&["once"]);
    // The provider's records fall back to what they were before the payment, all of them.
    bench.handle.with(|w| w.account_mut(TOKEN).unwrap().order_mut(&ids[0]).unwrap().expires_at = ended);
    // A list may lag behind a payment for that long; from then on it is a person's.
    bench.pass(2_100);
    let (_, again) = bench.json(&["once"]);
    let item = bench.item(&again, &ids[0]);
    assert_eq!(item["decision"], "hold", "{item:#}");
    assert!(
        item["reason"].as_str().unwrap().starts_with("needs_operator: payment p-000001 was charged"),
        "{item:#}"
    );
    assert_eq!((bench.charged(&ids[0]), bench.sent(Endpoint::Renew)), (1, 1));
}

#[test]
fn an_approved_plan_pays_an_order_on_hold_that_never_tells_its_end() {
    let (bench, ids) = bench("100.00", &[isp(-5)]);
    bench.handle.with(|w| {
        w.looks = Looks { without: ["expires_at".to_owned()].into(), ..w.looks.clone() };
    });
    // As where the daemon has seen it on hold before: that names its term.
    bench.json(&["pause"]);
    bench.json(&["once"]);
    bench.json(&["resume"]);
    let file = bench.path("reviewed.plan");
    let file = file.to_str().unwrap();
    bench.json(&["plan", "--out", file]);
    let (code, applied) = bench.json(&["apply", file]);
    assert_eq!((code, bench.charged(&ids[0])), (0, 1), "{applied:#}");
}

#[test]
fn an_order_on_hold_of_a_policy_that_asks_is_urgent_at_once_and_paid_by_a_word() {
    let (bench, ids) = bench("100.00", &[isp(-5), isp(24)]);
    bench.config("", &format!("{KEEP}approval = true\n"));
    bench.json(&["once"]);
    let status = bench.json(&["status"]).1;
    let plan = &status["waiting_approval"][0];
    assert_eq!((&plan["leases"], bench.sent(Endpoint::Renew)), (&serde_json::json!(1), 0), "{status:#}");
    let name = plan["plan"].as_str().unwrap();
    let key = format!("approval:{name}");
    let urgent = |a: &serde_json::Value| a["key"] == key.as_str() && a["severity"] == "urgent";
    assert!(status["open_alerts"].as_array().unwrap().iter().any(urgent), "{status:#}");
    assert_eq!(bench.json(&["approve", name]).0, 0);
    bench.json(&["once"]);
    bench.settle(4);
    assert_eq!((bench.charged(&ids[0]), bench.sent(Endpoint::Renew)), (1, 1));
}

#[test]
fn a_flag_that_is_on_is_a_conflict_and_take_over_pays_only_after_it_was_read_off() {
    let (bench, ids) = bench("100.00", &[isp(-5).auto_renewal(), isp(24).auto_renewal()]);
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 3);
    for id in &ids {
        assert!(bench.item(&once, id)["reason"].as_str().unwrap().starts_with("provider_owns:"), "{once:#}");
    }
    assert_eq!((bench.sent(Endpoint::Renew), bench.sent(Endpoint::AutoRenewal)), (0, 0));
    bench.config("", &format!("{KEEP}take_over = true\n"));
    bench.json(&["once"]);
    assert_eq!(bench.sent(Endpoint::Renew), 0, "not in the cycle that switches it off");
    bench.json(&["once"]);
    bench.settle(4);
    assert_eq!((bench.charged(&ids[0]), bench.charged(&ids[1])), (1, 0));
    let off = bench
        .handle
        .with(|w| ids.iter().all(|id| !w.account(TOKEN).unwrap().order(id).unwrap().auto_renewal));
    assert!(off, "neither may be charged by the provider");
}

#[test]
fn flags_are_steered_on_where_the_provider_pays_and_off_where_it_must_not() {
    let specs = [isp(48), isp(50).auto_renewal().tag("old"), isp(40).auto_renewal().tag("dear")];
    let (bench, ids) = bench("1000.00", &specs);
    bench.config(
        "",
        &format!(
            "[[policy]]\nname = \"old\"\nmatch = {{ tag = [\"old\"] }}\naction = \"release\"\npay_by = \"provider\"\n\
             [[policy]]\nname = \"dear\"\nmatch = {{ tag = [\"dear\"] }}\naction = \"renew\"\npay_by = \"provider\"\nmax_price = \"0.01\"\n{STEER}"
        ),
    );
    bench.json(&["once"]);
    let flag = |id: &str| bench.handle.with(|w| w.account(TOKEN).unwrap().order(id).unwrap().auto_renewal);
    assert!(flag(&ids[0]), "wanted");
    assert!(!flag(&ids[1]), "released");
    assert!(!flag(&ids[2]), "too dear");
    let calls = bench.sent(Endpoint::AutoRenewal);
    bench.json(&["once"]);
    assert_eq!((calls, bench.sent(Endpoint::AutoRenewal)), (3, 3), "what is as it should be is left alone");
    let posts: Vec<(String, String)> = bench
        .handle
        .requests()
        .iter()
        .filter(|r| r.endpoint == Some(Endpoint::AutoRenewal))
        .map(|r| (r.method.to_string(), format!("{:?}", r.query)))
        .collect();
    assert!(
        posts.iter().all(|(method, query)| method == "POST" && query.contains("auto_renewal")),
        "{posts:?}"
    );
    assert_eq!(bench.sent(Endpoint::Renew), 0);
}

#[test]
fn a_charge_by_the_provider_is_recorded_as_its_own() {
    let (bench, ids) = bench("1000.00", &[isp(30).auto_renewal()]);
    bench.config("", STEER);
    let (code, first) = bench.json(&["once"]);
    assert_eq!(code, 0, "{first:#}");
    assert!(bench.handle.with(|w| w.renew_by_provider(SystemClock::new().now().wall, TOKEN, &ids[0])));
    let (code, second) = bench.json(&["once"]);
    assert_eq!(code, 0, "{second:#}");
    let (_, history) = bench.json(&["history"]);
    let payment = &history["payments"][0];
    assert_eq!(
        (payment["purpose"].as_str(), payment["state"].as_str()),
        (Some("provider"), Some("confirmed"))
    );
    assert_eq!(payment["charged"], bench.sum().to_string(), "{payment:#}");
    bench.json(&["once"]);
    assert_eq!(bench.json(&["history"]).1["payments"].as_array().unwrap().len(), 1, "once");
    // People and spreadsheets see whose charge it was, and for which order: it has no address.
    let table = bench.said(&["history"]).1;
    let row = table.lines().nth(1).unwrap();
    assert!(table.contains("PURPOSE") && row.contains(" provider ") && row.contains(&ids[0]), "{table}");
    let csv = bench.said(&["history", "--csv"]).1;
    assert!(
        csv.lines()
            .next()
            .unwrap()
            .ends_with(",evidence,purpose,ips,approval,approved_by,approved_at,approval_note,labels"),
        "{csv}"
    );
    assert!(csv.lines().nth(1).unwrap().ends_with(",provider,,,,,,"), "{csv}");
}

#[test]
fn a_charge_by_the_provider_beside_a_lost_answer_is_not_taken_for_what_that_one_cost() {
    let (bench, ids) = bench("1000.00", &[isp(-5), isp(30).auto_renewal()]);
    bench.config("", STEER);
    bench.handle.inject(
        Fault::on(Aim::Money)
            .when(When::Always)
            .effect(Effect::Surcharge("4.00".parse().unwrap()))
            .answer(Answer::Close),
    );
    bench.handle.set_balance_lag(Duration::from_millis(700));
    bench.handle.set_lag(Duration::from_millis(700));
    bench.json(&["once"]);
    assert_eq!(bench.sent(Endpoint::Renew), 1);
    let ours = bench.sum();
    assert!(bench.handle.with(|w| w.renew_by_provider(SystemClock::new().now().wall, TOKEN, &ids[1])));
    let theirs = bench.sum().minus(ours).unwrap();
    for _ in 0..5 {
        bench.pass(800);
        bench.json(&["once"]);
    }
    let (_, history) = bench.json(&["history"]);
    let charged = |purpose: &str| -> Money {
        let all = history["payments"].as_array().unwrap().iter().filter(|p| p["purpose"] == purpose);
        Money::sum(all.map(|p| p["charged"].as_str().unwrap().parse().unwrap())).unwrap()
    };
    assert_eq!(charged("provider"), theirs, "{history:#}");
    assert!(charged("renewal") >= ours, "and never less for its own: {history:#}");
}

#[test]
fn an_order_on_hold_that_the_provider_should_have_paid_is_rescued_with_its_flag_off() {
    let (bench, ids) = bench("1000.00", &[isp(-3).auto_renewal()]);
    bench.config("", STEER);
    bench.json(&["once"]);
    bench.settle(4);
    assert_eq!((bench.charged(&ids[0]), bench.sent(Endpoint::Renew)), (1, 1));
    let order: Vec<Endpoint> = bench
        .handle
        .requests()
        .iter()
        .filter_map(|r| r.endpoint)
        .filter(|e| matches!(e, Endpoint::AutoRenewal | Endpoint::Renew))
        .collect();
    assert_eq!(order[..2], [Endpoint::AutoRenewal, Endpoint::Renew], "switched off first");
    bench.pass(2_000);
    bench.json(&["once"]);
    let on = bench.handle.with(|w| w.account(TOKEN).unwrap().order(&ids[0]).unwrap().auto_renewal);
    assert!(on, "and on again once the renewal is confirmed");
}

#[test]
fn a_wrong_token_and_a_list_that_the_account_contradicts_pay_nothing() {
    let (bench, _) = bench("100.00", &[isp(-5)]);
    bench.handle.inject(Fault::status(Aim::Any, 401));
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, once["accounts"][0]["reachable"].as_bool()), (3, Some(false)), "{once:#}");
    bench.handle.clear_faults();
    bench.handle.with(|w| w.looks.active_orders = Some(9));
    let (code, once) = bench.json(&["plan"]);
    assert_eq!(code, 3, "{once:#}");
    assert!(once["accounts"][0]["error"].as_str().unwrap().contains("not believed"), "{once:#}");
}

#[rstest]
#[case::switched_on(false, "provider_owns:")]
#[case::charged_by_the_provider(true, "provider_warning:")]
fn what_the_provider_may_pay_itself_since_the_decision_is_read_off_with_the_price(
    #[case] charged: bool,
    #[case] word: &str,
) {
    let (bench, ids) = bench("100.00", &[isp(-5), isp(-4)]);
    // The wallet is read with the list and with both prices of the plan; before the first payment it hangs once.
    bench.handle.inject(Fault::on(Aim::Endpoint(Endpoint::Me)).when(When::Nth(4)).answer(Answer::Hang));
    let (handle, second) = (bench.handle.clone(), ids[1].clone());
    let somebody = std::thread::spawn(move || {
        while handle.count(Endpoint::Me) < 4 {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        handle.with(|w| match charged {
            true => assert!(w.renew_by_provider(SystemClock::new().now().wall, TOKEN, &second)),
            false => {
                w.account_mut(TOKEN).unwrap().order_mut(&second).unwrap().auto_renewal = true;
            }
        });
    });
    let (_, once) = bench.json(&["once"]);
    somebody.join().unwrap();
    assert!(bench.item(&once, &ids[1])["reason"].as_str().unwrap().starts_with(word), "{once:#}");
    assert_eq!((bench.charged(&ids[0]), bench.sent(Endpoint::Renew)), (1, 1), "the first alone: {once:#}");
}
