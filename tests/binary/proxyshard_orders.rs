//! Buying and changing orders through the real binary: once, through the gate, on record, and settled by looking.
use std::time::Duration;

use renewd::simulator::proxyshard::{Endpoint, OrderSpec};
use renewd::simulator::{Aim, Answer, Effect, Fault, When};
use rstest::rstest;
use serde_json::Value;

use crate::common::in_hours;
use crate::common::shard::{ShardBench, TOKEN};

const KEEP: &str = "[[policy]]\nname = \"keep\"\naction = \"renew\"\n";
const BUY: &[&str] =
    &["order", "create", "--yes", "--product", "ISP Proxy", "--location", "DE", "--cycle", "monthly"];

fn bench(wallet: &str) -> ShardBench {
    let bench = ShardBench::new(wallet, |w| {
        w.add_order(TOKEN, &OrderSpec::new("ISP Proxy", Some("US"), "monthly", in_hours(300))).unwrap();
    });
    bench.config("", KEEP);
    bench
}

fn sent(bench: &ShardBench) -> usize {
    bench.sent(Endpoint::Purchase)
}

#[test]
fn a_purchase_is_priced_without_paying_and_bought_once_to_the_cent() {
    let bench = bench("100.00");
    let mut quote = BUY.to_vec();
    quote[1] = "quote";
    quote.remove(2);
    let (code, priced) = bench.json(&quote);
    assert_eq!((code, sent(&bench)), (0, 0), "{priced:#}");
    let (code, bought) = bench.json(BUY);
    assert_eq!((code, bought["state"].as_str()), (0, Some("confirmed")), "{bought:#}");
    assert_eq!(bought["quoted"], priced["quoted"]);
    assert_eq!(bought["charged"], bench.sum().to_string());
    assert!(bought["order"].is_string() && bought["error"].is_null(), "{bought:#}");
    assert_eq!(sent(&bench), 1);
    let (_, history) = bench.json(&["history"]);
    assert_eq!(history["payments"][0]["purpose"], "purchase");
    let body =
        bench.handle.requests().iter().find(|r| r.endpoint == Some(Endpoint::Purchase)).unwrap().body.clone();
    assert!(!format!("{body:?}").contains("auto_renewal"), "no policy lets the provider pay");
}

#[rstest]
#[case::close(Effect::Process, Answer::Close)]
#[case::reset(Effect::Process, Answer::Reset)]
#[case::html(Effect::Process, Answer::Html(502))]
#[case::half(Effect::Process, Answer::HalfBody)]
#[case::hang(Effect::Process, Answer::Hang)]
#[case::refusal(Effect::Process, Answer::Refusal { status: 500, code: 0, message: "no".into() })]
fn a_lost_answer_is_settled_by_looking_and_never_by_buying_again(
    #[case] effect: Effect,
    #[case] answer: Answer,
) {
    let bench = bench("100.00");
    bench.handle.inject(Fault::on(Aim::Money).when(When::Next(1)).effect(effect).answer(answer));
    bench.json(BUY);
    bench.settle(6);
    let (_, history) = bench.json(&["history"]);
    assert_eq!(history["payments"][0]["state"], "confirmed", "{history:#}");
    assert!(history["payments"][0]["order"].is_string());
    assert_eq!((sent(&bench), history["payments"].as_array().unwrap().len()), (1, 1));
}

#[test]
fn a_purchase_that_never_arrived_is_shown_so_and_the_next_waits_for_that() {
    let bench = bench("100.00");
    let lost = Fault::on(Aim::Money).when(When::Next(1)).effect(Effect::Nothing).answer(Answer::Close);
    bench.handle.inject(lost);
    let (code, first) = bench.json(BUY);
    assert_eq!((code, first["state"].as_str()), (3, Some("unknown")), "{first:#}");
    let (code, second) = bench.json(BUY);
    assert_eq!((code, second["error"]["kind"].as_str()), (3, Some("unknown_pending")), "{second:#}");
    assert_eq!(sent(&bench), 1, "never two at once");
    bench.settle(8);
    assert_eq!(bench.json(&["history"]).1["payments"][0]["state"], "not_applied");
    let (code, third) = bench.json(BUY);
    assert_eq!((code, third["state"].as_str()), (0, Some("confirmed")), "{third:#}");
    assert_eq!(bench.handle.with(|w| w.books().charges().count()), 1);
}

#[test]
fn what_a_product_lacks_or_does_not_have_is_told_at_once_and_nothing_is_sent() {
    let bench = bench("100.00");
    let cases: &[(&[&str], &str)] = &[
        (&["--product", "ISP Proxy", "--cycle", "monthly"], "location"),
        (&["--product", "ISP Proxy", "--location", "DE"], "cycle"),
        (&["--product", "ISP Proxy", "--location", "DE", "--cycle", "monthly", "--goal", "x"], "goal"),
        (&["--product", "Premium Residential Proxy", "--cycle", "monthly"], "cycle"),
        (&["--product", "ISP Proxy", "--location", "DE", "--cycle", "fortnightly"], "cycle"),
        (&["--product", "ISP Proxy", "--location", "ATLANTIS", "--cycle", "monthly"], "country"),
        (&["--product", "No Such Thing", "--cycle", "monthly"], "kind"),
        (
            &["--product", "ISP Proxy", "--location", "DE", "--cycle", "monthly", "--auto-renewal"],
            "auto-renewal",
        ),
        (&["--product", "ISP Proxy", "--kind", "IPv4"], "kind"),
        (&["--quantity", "1"], "kind"),
        (&["--product", "ISP Proxy", "--location", "DE", "--cycle", "monthly", "--addon", "p0f"], "addon"),
    ];
    for (args, field) in cases {
        let mut all = vec!["order", "create", "--yes"];
        all.extend(*args);
        let (code, document) = bench.json(&all);
        let message = document["error"]["message"].as_str().unwrap().to_owned();
        assert_eq!(code, 2, "{args:?}: {message}");
        assert!(message.contains(field), "{args:?}: {message}");
    }
    assert_eq!(sent(&bench), 0);
    let (code, document) = bench.json(&["order", "create", "--product", "ISP Proxy"]);
    assert_eq!(code, 2, "without --yes and without a terminal: {document:#}");
}

#[test]
fn budgets_kept_balances_caps_and_pauses_hold_a_purchase() {
    let bench = bench("100.00");
    let held = |account: &str, rest: &str, word: &str| {
        bench.config(account, rest);
        let (code, document) = bench.json(BUY);
        assert_eq!((code, document["error"]["kind"].as_str()), (3, Some(word)), "{document:#}");
        assert_eq!(sent(&bench), 0, "{word}");
    };
    held("keep_balance = \"99.00\"", KEEP, "short_funds");
    held("", &format!("{KEEP}max_price = \"0.50\"\n"), "price_cap");
    let budget = "[[budget]]\nname = \"small\"\nper = \"month\"\nlimit = \"1.00\"\ncurrency = \"USD\"\n";
    held("", &format!("{KEEP}{budget}"), "over_budget");
    bench.config("", KEEP);
    bench.json(&["pause"]);
    held("", KEEP, "paused");
    bench.json(&["resume"]);
    assert_eq!(bench.json(BUY).0, 0);
}

#[test]
fn an_order_file_says_the_same_and_a_mistake_in_it_is_named_with_its_line() {
    let bench = bench("100.00");
    let file = bench.path("order.toml");
    std::fs::write(&file, "product = \"ISP Proxy\"\nlocation = \"DE\"\ncycle = \"monthly\"\nquantity = 2\n")
        .unwrap();
    let path = file.to_str().unwrap();
    let (code, priced) = bench.json(&["order", "quote", "--file", path]);
    assert_eq!(code, 0, "{priced:#}");
    let (_, one) = bench.json(&["order", "quote", "--file", path, "--quantity", "1"]);
    assert_ne!(priced["quoted"], one["quoted"], "flags win over the file");
    std::fs::write(&file, "product = \"ISP Proxy\"\nlocatoin = \"DE\"\n").unwrap();
    let (code, wrong) = bench.json(&["order", "create", "--yes", "--file", path]);
    let message = wrong["error"]["message"].as_str().unwrap();
    assert_eq!(code, 2);
    assert!(
        message.contains("order.toml") && message.contains("line 2") && message.contains("locatoin"),
        "{message}"
    );
    assert_eq!(sent(&bench), 0);
}

#[test]
fn where_a_policy_lets_the_provider_pay_a_purchase_is_bought_with_auto_renewal() {
    let bench = bench("100.00");
    bench.config("", &format!("{KEEP}pay_by = \"provider\"\n"));
    let (code, bought) = bench.json(BUY);
    assert_eq!(code, 0, "{bought:#}");
    let order = bought["order"].as_str().unwrap().to_owned();
    assert!(bench.handle.with(|w| w.account(TOKEN).unwrap().order(&order).unwrap().auto_renewal));
}

#[test]
fn a_history_of_an_account_that_nobody_knows_is_refused_and_of_one_that_left_is_shown() {
    let bench = bench("100.00");
    assert_eq!(bench.json(BUY).0, 0);
    let (code, none) = bench.json(&["history", "--account", "nosuch"]);
    assert!(code == 2 && none["error"]["message"].as_str().unwrap().contains("have ps"), "{none:#}");
    let config = bench.path("renewd.toml");
    let renamed = std::fs::read_to_string(&config).unwrap().replace("name = \"ps\"", "name = \"shard\"");
    std::fs::write(config, renamed).unwrap();
    let key = bench.path("ps.key");
    let token = std::fs::read_to_string(&key).unwrap();
    std::fs::write(&key, "another-token-0123456789").unwrap();
    let (code, old) = bench.json(&["history", "--account", "ps"]);
    assert_eq!((code, old["payments"].as_array().unwrap().len()), (0, 1), "{old:#}");
    assert_eq!(bench.json(&["history", "--account", "shard"]).0, 0, "it has paid nothing yet");
    // With its own key it is the same account under another name.
    std::fs::write(&key, token).unwrap();
    let (code, own) = bench.json(&["history", "--account", "shard"]);
    assert_eq!((code, own["payments"].as_array().unwrap().len()), (0, 1), "{own:#}");
}

#[test]
fn options_list_what_there_is() {
    let bench = bench("1.00");
    let (code, options) = bench.json(&["order", "options"]);
    assert_eq!(code, 0);
    let offers = options["offers"].as_array().unwrap();
    let isp: &Value = offers.iter().find(|o| o["kind"] == "ISP Proxy").unwrap();
    assert!(isp["countries"].as_array().unwrap().iter().any(|c| c == "DE"), "{isp:#}");
    assert!(isp["cycles"].as_array().unwrap().iter().any(|c| c == "monthly"), "{isp:#}");
}

#[test]
fn an_order_is_switched_tagged_and_put_into_another_cycle_on_record() {
    let bench = bench("100.00");
    let id = bench.handle.with(|w| w.account(TOKEN).unwrap().orders().next().unwrap().id.clone());
    let (code, preview) = bench.json(&["order", "auto", &id, "on", "--preview"]);
    assert_eq!((code, bench.sent(Endpoint::AutoRenewal)), (0, 0), "{preview:#}");
    let (code, on) = bench.json(&["order", "auto", &id, "on"]);
    assert_eq!((code, on["after"].as_str()), (0, Some("on")), "{on:#}");
    let (code, tag) = bench.json(&["order", "tag", &id, "prod-7"]);
    assert_eq!((code, tag["after"].as_str()), (0, Some("prod-7")), "{tag:#}");
    let (code, cycle) = bench.json(&["order", "cycle", &id, "quarterly"]);
    assert_eq!((code, cycle["after"].as_str()), (0, Some("quarterly")), "{cycle:#}");
    let (code, closed) = bench.json(&["order", "cycle", &id, "yearly"]);
    assert_eq!((code, closed["error"]["code"].as_str()), (3, Some("403")), "{closed:#}");
    assert_eq!(bench.json(&["order", "tag", "no-such-order", "x"]).0, 2);
    let calls = bench.sent(Endpoint::BillingCycle);
    for more in [&["--preview"][..], &[]] {
        let (code, none) = bench.json(&[&["order", "cycle", &id, "foo"], more].concat());
        let message = none["error"]["message"].as_str().unwrap();
        assert!(code == 2 && message.contains("`foo` is not a cycle of ISP Proxy; there is: "), "{none:#}");
    }
    assert_eq!(bench.sent(Endpoint::BillingCycle), calls, "nothing was sent");
    let ledger = rusqlite::Connection::open(bench.path("state/ledger.db")).unwrap();
    let rows: i64 =
        ledger.query_row("SELECT count(*) FROM changes WHERE outcome IS NOT NULL", [], |r| r.get(0)).unwrap();
    assert_eq!(rows, 4, "each with its answer");
}

#[test]
fn an_order_with_a_payment_that_is_not_settled_gets_no_other_cycle_and_no_second_payer() {
    let bench = bench("100.00");
    let id = bench.handle.with(|w| {
        w.add_order(TOKEN, &OrderSpec::new("ISP Proxy", Some("US"), "monthly", in_hours(-5))).unwrap()
    });
    bench.handle.set_lag(Duration::from_secs(60));
    bench.handle.inject(Fault::on(Aim::Money).answer(Answer::Close));
    bench.json(&["once"]);
    assert_eq!(bench.sent(Endpoint::Renew), 1);
    let calls = || (bench.sent(Endpoint::BillingCycle), bench.sent(Endpoint::AutoRenewal));
    let before = calls();
    for args in [["order", "cycle", &id, "quarterly"], ["order", "auto", &id, "on"]] {
        let (code, held) = bench.json(&args);
        assert_eq!(
            (code, held["error"]["kind"].as_str()),
            (3, Some("unknown_pending")),
            "{args:?}: {held:#}"
        );
    }
    assert_eq!(calls(), before, "nothing was sent");
    assert_eq!(bench.json(&["order", "tag", &id, "prod-7"]).0, 0, "what costs nothing goes on");
}

#[test]
fn while_spending_is_paused_nothing_leaves_that_can_lead_to_money() {
    let bench = bench("100.00");
    let id = bench.handle.with(|w| w.account(TOKEN).unwrap().orders().next().unwrap().id.clone());
    assert_eq!(bench.json(&["pause"]).0, 0);
    for args in [&["order", "cycle", &id, "quarterly"][..], &["order", "auto", &id, "on"], BUY] {
        let (code, held) = bench.json(args);
        assert_eq!((code, held["error"]["kind"].as_str()), (3, Some("paused")), "{args:?}: {held:#}");
    }
    let switched = || bench.sent(Endpoint::BillingCycle) + bench.sent(Endpoint::AutoRenewal);
    assert_eq!((sent(&bench), switched()), (0, 0));
    // What costs nothing goes on.
    assert_eq!(bench.json(&["order", "tag", &id, "prod-7"]).0, 0);
    assert_eq!(bench.json(&["order", "auto", &id, "off"]).0, 0);
    let switched = bench.sent(Endpoint::AutoRenewal);
    // Steering lets the provider pay only while spending goes on.
    bench.config("", &format!("{KEEP}pay_by = \"provider\"\n"));
    bench.json(&["once"]);
    assert_eq!(bench.sent(Endpoint::AutoRenewal), switched);
    assert_eq!(bench.json(&["resume"]).0, 0);
    bench.json(&["once"]);
    assert_eq!(bench.sent(Endpoint::AutoRenewal), switched + 1);
    assert_eq!(bench.json(&["order", "cycle", &id, "quarterly"]).0, 0);
}
