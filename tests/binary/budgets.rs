//! Budgets, kept balances and priorities to the cent, through the real binary and against the provider's books: what may be gone
//! counts, across restarts, accounts and the ends of days and months in the zone of the config.
//!
//! Every IPv4 lease costs 2.40 USD for 30 days here, so that each expectation can be added up by hand.

use crate::common::{self, Bench, in_hours, money, signal, until};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Unit};
use renewd::simulator::{Aim, Answer, Fault, Product, When};
use rstest::rstest;
use serde_json::Value;

const OTHER: &str = "sim-key-of-the-other-0123456789";
const WIDE: &str = "[guard]\nmax_payments_per_cycle = 1000\nmax_fleet_share = \"100%\"\n";

fn ip(n: usize) -> String {
    format!("203.0.113.{n}")
}

/// `n` leases that are due, the first ends first; each is paid by itself, so that a budget can cut between any two.
fn bench(balance: &str, n: usize) -> Bench {
    let bench = Bench::new(balance, &[]);
    bench.handle.with(|w| w.prices.set(Product::IPv4, "USA", 30, money("2.40")));
    for i in 1..=n {
        let end = in_hours(20 + i64::try_from(i).unwrap());
        bench.handle.with(|w| w.add_order(common::KEY, Product::IPv4, "USA", &[&ip(i)], end).unwrap());
    }
    bench
}

fn policy(name: &str, of: &[usize], more: &str) -> String {
    let ips: Vec<String> = of.iter().map(|i| format!("\"{}\"", ip(*i))).collect();
    format!(
        "[[policy]]\nname = \"{name}\"\nmatch = {{ ip = [{}] }}\naction = \"renew\"\nbefore = \"3d\"\nperiod = [\"30d\"]\n{more}\n",
        ips.join(", ")
    )
}

fn budget(name: &str, per: &str, limit: &str, more: &str) -> String {
    format!(
        "[[budget]]\nname = \"{name}\"\nper = \"{per}\"\nlimit = \"{limit}\"\ncurrency = \"USD\"\n{more}\n"
    )
}

/// Which of the leases 1 to `n` were charged at all, each once.
fn paid(bench: &Bench, n: usize) -> Vec<usize> {
    assert_eq!(bench.paid_twice(), Vec::<String>::new());
    (1..=n).filter(|i| bench.charged(&ip(*i)) > 0).collect()
}

fn reason(bench: &Bench, document: &Value, i: usize) -> String {
    bench.item(document, &ip(i))["reason"].as_str().unwrap().to_owned()
}

#[rstest]
#[case::the_first_ends_first("", "4.80", vec![1, 2])]
#[case::one_cent_less_saves_one_lease_less("", "4.79", vec![1])]
#[case::priority_comes_before_the_end("priority = 7", "4.80", vec![4, 1])]
#[case::a_lower_priority_comes_last("priority = -7", "7.20", vec![1, 2, 3])]
fn what_fits_is_shared_out_by_priority_then_by_the_nearest_end(
    #[case] fourth: &str,
    #[case] limit: &str,
    #[case] mut saved: Vec<usize>,
) {
    let bench = bench("100.00", 4);
    let rules = format!(
        "{WIDE}{}{}{}",
        policy("fourth", &[4], fourth),
        policy("rest", &[1, 2, 3], ""),
        budget("day", "day", limit, "")
    );
    bench.config("batch = 1", &rules);
    let (code, once) = bench.json(&["once"]);
    saved.sort_unstable();
    assert_eq!((code, paid(&bench, 4)), (3, saved.clone()), "{once:#}");
    for i in (1..=4).filter(|i| !saved.contains(i)) {
        assert!(reason(&bench, &once, i).starts_with("over_budget:"), "{once:#}");
    }
    let status = bench.json(&["status"]).1;
    assert!(
        status["open_alerts"].as_array().unwrap().iter().any(|a| a["key"] == "over_budget:yp"),
        "{status:#}"
    );
    bench.json(&["once"]);
    assert_eq!(paid(&bench, 4), saved, "a later cycle finds the budget used up");
}

/// Whose lease it was when it was paid: another client in the list of today takes nothing off what was spent.
#[test]
fn a_clients_budget_goes_by_the_labels_of_the_day_of_each_payment() {
    let bench = bench("100.00", 4);
    let list =
        |rows: &str| std::fs::write(bench.path("clients.csv"), format!("target,label\n{rows}")).unwrap();
    list("203.0.113.1,client-a\n203.0.113.2,client-a\n203.0.113.3,client-b\n203.0.113.4,client-b\n");
    let rules = format!(
        "{WIDE}[[label]]\nfile = \"clients.csv\"\n{}{}",
        common::KEEP,
        budget("a", "month", "2.40", "label = [\"client-a\"]")
    );
    bench.config("batch = 20", &rules);
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, paid(&bench, 4)), (3, vec![1, 3, 4]), "{once:#}");
    assert!(
        reason(&bench, &once, 2).starts_with("over_budget: 2.40 USD needed, budget `a` has 0.00"),
        "{once:#}"
    );
    assert_eq!(bench.item(&once, &ip(3))["labels"], serde_json::json!(["client-b"]));
    let history = bench.json(&["history"]).1;
    let sets: Vec<usize> = history["payments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["leases"].as_array().unwrap().len())
        .collect();
    assert_eq!(sets, [2, 1], "what counts in the budget is paid apart from what does not");
    // The first lease is another client's now; what was paid for it was paid for this one.
    list("203.0.113.1,client-b\n203.0.113.2,client-a\n");
    let (_, later) = bench.json(&["once"]);
    assert_eq!(paid(&bench, 4), [1, 3, 4], "{later:#}");
    list("203.0.113.1,client-a\n");
    bench.json(&["once"]);
    assert_eq!(paid(&bench, 4), [1, 2, 3, 4], "nobody's budget counts the second one");
}

#[test]
fn a_budget_per_cycle_is_whole_again_in_the_next_one() {
    let bench = bench("100.00", 5);
    bench.config("batch = 1", &format!("{WIDE}{}{}", common::KEEP, budget("each", "cycle", "5.00", "")));
    for saved in [vec![1, 2], vec![1, 2, 3, 4], vec![1, 2, 3, 4, 5]] {
        bench.json(&["once"]);
        assert_eq!(paid(&bench, 5), saved);
    }
}

#[test]
fn a_budget_counts_the_accounts_and_policies_it_names_and_the_tightest_one_is_named() {
    let bench = bench("100.00", 4);
    bench.secret("other.key", OTHER);
    bench.handle.with(|w| {
        w.add_account(OTHER, money("100.00"));
        for i in 11..=13 {
            w.add_order(OTHER, Product::IPv4, "USA", &[&ip(i)], in_hours(30)).unwrap();
        }
    });
    let rules = [
        format!(
            "[[account]]\nname = \"other\"\nprovider = \"youproxy\"\nbase_url = \"{}\"\napi_key = {{ file = \"other.key\" }}\nbatch = 1\n",
            bench.base_url
        ),
        WIDE.to_owned(),
        policy("first", &[1, 2], ""),
        policy("second", &[3, 4, 11, 12, 13], ""),
        budget("yp-only", "day", "7.20", "account = [\"yp\"]"),
        budget("second-only", "week", "4.80", "policy = [\"second\"]"),
        budget("second-of-other", "month", "2.40", "account = [\"other\"]\npolicy = [\"second\"]"),
        budget("all", "month", "100.00", ""),
    ];
    bench.config("batch = 1", &rules.concat());
    let once = bench.json(&["once"]).1;
    let all = paid(&bench, 13);
    assert_eq!(all.iter().filter(|i| **i <= 4).count(), 3, "yp: three times 2.40 fit: {once:#}");
    assert!(all.contains(&1) && all.contains(&2) && all.contains(&3), "{all:?}");
    assert_eq!(
        all.iter().filter(|i| **i > 10).count(),
        1,
        "other: one, and with it `second-only` is used up"
    );
    assert!(
        reason(&bench, &once, 4).contains("`yp-only`") || reason(&bench, &once, 4).contains("`second-only`")
    );
    let left = (11..=13).find(|i| !all.contains(i)).unwrap();
    assert!(reason(&bench, &once, left).contains("has 0.00 left"), "{}", reason(&bench, &once, left));
}

#[rstest]
#[case::killed_and_started_again(true)]
#[case::in_one_process(false)]
fn a_payment_whose_answer_was_lost_counts_until_it_is_settled(#[case] killed: bool) {
    let bench = bench("100.00", 3);
    bench.config("batch = 1", &format!("{WIDE}{}{}", common::KEEP, budget("day", "day", "5.00", "")));
    // Charged, the answer lost; while it hangs, the process may die.
    let answer = if killed { Answer::Hang } else { Answer::Close };
    bench.handle.inject(Fault::on(Aim::Money).when(When::Nth(1)).answer(answer));
    if killed {
        let mut child = bench.spawn(&["once"]);
        until("the first payment is sent", 20, || bench.payments_sent() == 1);
        signal(&child, rustix::process::Signal::KILL);
        child.wait().unwrap();
    }
    bench.settle(12);
    assert_eq!(bench.charges(), (2, money("4.80")), "the lost one, one more, and the third never");
    let once = bench.json(&["once"]).1;
    assert_eq!(bench.charges(), (2, money("4.80")));
    let left = (1..=3).find(|i| bench.charged(&ip(*i)) == 0).unwrap();
    assert!(reason(&bench, &once, left).contains("0.20 left"), "{}", reason(&bench, &once, left));
}

#[rstest]
#[case::what_fits_is_paid("partial", vec![1, 2])]
#[case::all_or_none("hold", vec![])]
fn short_funds_are_met_as_the_policy_says_and_the_kept_balance_is_never_touched(
    #[case] mode: &str,
    #[case] saved: Vec<usize>,
) {
    // 9.79 less the kept 4.99 are 4.80: two leases to the cent.
    let bench = bench("9.79", 3);
    let rules = format!("{WIDE}{}", policy("all", &[1, 2, 3], &format!("on_short_funds = \"{mode}\"")));
    bench.config("batch = 1\nkeep_balance = \"4.99\"", &rules);
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, paid(&bench, 3)), (3, saved), "{once:#}");
    assert!(reason(&bench, &once, 3).starts_with("short_funds:"), "{once:#}");
    bench.handle.with(|w| w.top_up(in_hours(0), common::KEY, money("2.40"))).unwrap();
    bench.json(&["once"]);
    assert_eq!(paid(&bench, 3), [1, 2, 3], "once topped up, all are saved");
}

/// The instant at which the present span of a budget began in this zone.
fn span_start(per: &str, zone: &str) -> Timestamp {
    let now = in_hours(0).to_zoned(TimeZone::get(zone).unwrap());
    let today = now.round(jiff::ZonedRound::new().smallest(Unit::Day).mode(jiff::RoundMode::Trunc)).unwrap();
    let first = match per {
        "day" => today,
        "week" => {
            let back = i64::from(today.weekday().to_monday_zero_offset());
            today.checked_sub(jiff::Span::new().days(back)).unwrap()
        }
        _ => today.first_of_month().unwrap(),
    };
    first.timestamp()
}

#[rstest]
fn a_span_begins_at_midnight_in_the_zone_of_the_config_to_the_second(
    #[values("day", "week", "month")] per: &str,
    #[values("UTC", "Pacific/Kiritimati", "America/Los_Angeles")] zone: &str,
) {
    let bench = bench("100.00", 2);
    let rules = format!("{WIDE}{}{}", common::KEEP, budget("b", per, "2.40", ""));
    bench.config("batch = 1", &rules);
    let config = std::fs::read_to_string(bench.path("renewd.toml")).unwrap();
    std::fs::write(bench.path("renewd.toml"), format!("timezone = \"{zone}\"\n{config}")).unwrap();
    bench.json(&["once"]);
    assert_eq!(bench.charges().0, 1);
    let start = span_start(per, zone);
    let spent_at = |at: Timestamp| {
        let ledger = rusqlite::Connection::open(bench.path("state/ledger.db")).unwrap();
        let text = format!("{at:.9}");
        assert_eq!(ledger.execute("UPDATE intent_head SET spend_at = ?1", [text]).unwrap(), 1);
    };
    spent_at(start);
    bench.json(&["once"]);
    assert_eq!(bench.charges().0, 1, "spent in the first instant of the span: it counts");
    spent_at(start - SignedDuration::from_nanos(1));
    bench.json(&["once"]);
    assert_eq!(bench.charges().0, 2, "spent before it began: the budget is whole");
}

#[test]
fn a_budget_warns_at_its_share_before_it_is_used_up() {
    let bench = bench("100.00", 2);
    let rules = format!("{WIDE}{}{}", common::KEEP, budget("day", "day", "6.00", "warn_at = \"80%\""));
    bench.config("batch = 1", &rules);
    let (code, _) = bench.json(&["once"]);
    assert_eq!(code, 0, "everything was paid");
    let status = bench.json(&["status"]).1;
    let alert = &status["open_alerts"][0];
    assert_eq!(alert["key"], "budget_warn:*:day", "4.80 of 6.00 are 80 %: {status:#}");
}

#[test]
fn a_balance_that_lags_in_quotes_makes_no_payment_look_dearer_than_it_was() {
    let bench = bench("100.00", 3);
    let one_each = WIDE.replace("1000", "1");
    bench.config("batch = 1", &format!("{one_each}{}", common::KEEP));
    bench.handle.set_balance_lag(std::time::Duration::from_secs(20));
    for _ in 0..3 {
        bench.json(&["once"]);
    }
    let history = bench.json(&["history"]).1;
    let charged: Vec<&str> =
        history["payments"].as_array().unwrap().iter().map(|p| p["charged"].as_str().unwrap()).collect();
    assert_eq!(charged, ["2.40"; 3], "{history:#}");
    let alerts = bench.json(&["status"]).1["open_alerts"].to_string();
    assert!(!alerts.contains("charge_differs"), "{alerts}");
}
