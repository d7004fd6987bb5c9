//! What will fail is told before it is due, through the real binary: in plan, explain, status, check and by an alert, by address and
//! with the line of the config to change.

use crate::common::{Bench, in_hours};
use renewd::simulator::Product;
use serde_json::Value;

const A: &str = "203.0.113.1";
const B: &str = "203.0.113.2";
const C: &str = "203.0.113.3";

/// The policy that the README begins with.
const README: &str = "\n[[policy]]\nname = \"keep-all\"\naction = \"renew\"\nbefore = \"3d\"\nperiod = \"30d\"\nmax_price = \"3.00\"\n";

fn fleet(hours: i64) -> Bench {
    let orders: [(Product, &[&str], i64); 3] =
        [(Product::IPv4, &[A], hours), (Product::IPv6, &[B], hours), (Product::Mobile, &[C], hours + 24)];
    let bench = Bench::new("100.00", &orders);
    bench.config("", README);
    bench
}

fn line(bench: &Bench, key: &str) -> usize {
    let text = std::fs::read_to_string(bench.path("renewd.toml")).unwrap();
    text.lines().enumerate().filter(|(_, l)| l.starts_with(key)).last().unwrap().0 + 1
}

fn alerts(bench: &Bench) -> Vec<String> {
    let status = bench.json(&["status"]).1;
    let text = |v: &Value| v["key"].as_str().unwrap().to_owned();
    status["open_alerts"].as_array().unwrap().iter().map(text).collect()
}

fn words(item: &Value) -> Vec<&str> {
    item["warnings"].as_array().unwrap().iter().map(|w| w.as_str().unwrap()).collect()
}

#[test]
fn half_a_fleet_that_can_never_be_renewed_is_told_before_anything_is_stored() {
    let bench = fleet(24 * 10);
    let (code, plan) = bench.json(&["plan"]);
    assert_eq!(code, 0, "nothing is held yet: {plan:#}");
    assert_eq!(words(bench.item(&plan, A)), Vec::<&str>::new());
    assert_eq!(words(bench.item(&plan, B)), ["period_not_offered"]);
    assert_eq!(words(bench.item(&plan, C)), ["price_cap"]);
    assert_eq!(bench.item(&plan, C)["last_price"], Value::Null);

    let (code, check) = bench.json(&["check", "--live"]);
    assert_eq!((code, check["ok"].as_bool()), (0, Some(true)), "{check:#}");
    let problems = check["problems"].as_array().unwrap();
    let of =
        |key: &str| problems.iter().find(|p| p["key"] == key).unwrap_or_else(|| panic!("{key}: {check:#}"));
    for (key, name) in [("policy.period", B), ("policy.max_price", C)] {
        let problem = of(key);
        assert_eq!(problem["severity"], "warning");
        assert!(problem["message"].as_str().unwrap().contains(name), "{problem:#}");
        assert_eq!(problem["line"], line(&bench, key.trim_start_matches("policy.")));
    }

    let said = String::from_utf8(bench.renewd(&["check", "--live"]).stdout).unwrap();
    for line in said.lines() {
        assert!(line.matches("renewd.toml").count() <= 1, "its place is told once: {line}");
    }
    assert!(said.contains(&format!("renewd.toml:{}: policy.period", line(&bench, "period"))), "{said}");

    let out = bench.renewd(&["explain", B]);
    let said = String::from_utf8(out.stdout).unwrap();
    let place = format!("renewd.toml:{}", line(&bench, "period"));
    assert!(
        said.contains("policy `keep-all` wants 30d; IPv6 is offered for 90d") && said.contains(&place),
        "{said}"
    );
    assert_eq!(words(&bench.json(&["explain", C]).1["items"][0]), ["price_cap"]);
    assert_eq!(bench.payments_sent(), 0);
}

#[test]
fn an_alert_comes_within_the_runway_and_yields_to_the_hold_of_the_due() {
    let bench = fleet(24 * 10);
    bench.json(&["once"]);
    let status = bench.json(&["status"]).1;
    assert_eq!(status["healthy"], false, "{status:#}");
    let warnings = status["warnings"].as_array().unwrap();
    let rows: Vec<(&str, u64)> =
        warnings.iter().map(|w| (w["word"].as_str().unwrap(), w["leases"].as_u64().unwrap())).collect();
    assert_eq!(rows, [("price_cap", 1), ("period_not_offered", 1)], "{status:#}");
    let text = warnings[1]["text"].as_str().unwrap();
    assert!(text.contains(B) && text.contains(&format!("renewd.toml:{}", line(&bench, "period"))), "{text}");
    assert_eq!(alerts(&bench), ["cannot_renew:yp"]);

    // Due: each is held for its own reason, and people hear once.
    let bench = fleet(24);
    bench.json(&["once"]);
    assert_eq!(alerts(&bench), ["period_not_offered:yp", "price_cap:yp"]);

    // A month away nothing is told yet; whoever asks hears it.
    let bench = fleet(24 * 40);
    bench.json(&["once"]);
    assert_eq!(alerts(&bench), Vec::<String>::new());
    let status = bench.json(&["status"]).1;
    assert_eq!(
        (status["healthy"].as_bool(), status["warnings"].as_array().unwrap().len()),
        (Some(true), 2),
        "{status:#}"
    );
}

#[test]
fn each_lease_is_told_with_its_own_price() {
    let orders: [(Product, &[&str], i64); 3] =
        [(Product::Mobile, &[A], 24 * 10), (Product::Isp, &[B], 24 * 10), (Product::Mobile, &[C], 24 * 10)];
    let bench = Bench::new("100.00", &orders);
    bench.config("", README);
    bench.json(&["once"]);
    let status = bench.json(&["status"]).1;
    let text = status["warnings"][0]["text"].as_str().unwrap();
    let (mobile, isp) = (text.find("31.75 USD").unwrap(), text.find(&format!("{B}: 3.84 USD")).unwrap());
    assert_ne!(mobile, isp, "{text}");
    assert_eq!((text.matches("31.75 USD").count(), text.matches(A).count()), (1, 1), "{text}");
    let said = String::from_utf8(bench.renewd(&["explain", B]).stdout).unwrap();
    assert!(said.contains("(it ends in ") && !said.contains("31.75"), "{said}");
}

#[test]
fn a_config_that_is_mended_ends_it() {
    let bench = fleet(24 * 10);
    bench.json(&["once"]);
    assert_eq!(alerts(&bench), ["cannot_renew:yp"]);
    bench.config("", "[[policy]]\nname = \"keep-all\"\naction = \"renew\"\nperiod = [\"30d\", \"90d\"]\n");
    bench.json(&["once"]);
    assert_eq!(alerts(&bench), Vec::<String>::new());
    assert_eq!(bench.json(&["status"]).1["healthy"], true);
}

#[test]
fn a_window_that_never_opens_before_the_end_is_told_in_time() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 1)]);
    let day = in_hours(48).to_zoned(jiff::tz::TimeZone::UTC).strftime("%a").to_string();
    bench.config(
        "",
        &format!("[[policy]]\nname = \"keep\"\naction = \"renew\"\nurgent = \"1m\"\nwindow = \"{day} 00:00-24:00\"\n"),
    );
    let (_, once) = bench.json(&["once"]);
    assert!(bench.item(&once, A)["reason"].as_str().unwrap().starts_with("window:"), "{once:#}");
    assert_eq!(words(bench.item(&once, A)), ["window"]);
    assert_eq!(alerts(&bench), ["lapse_ahead:yp"]);
    assert_eq!(bench.charges().0, 0);
}

/// A lease that is let go or only watched is told of as long before its end as its policy says, and no earlier.
#[test]
fn a_notice_says_how_long_before_the_end_people_first_hear_of_a_lease_that_nobody_renews() {
    let ends: [(&str, i64); 3] = [("20d", 24 * 19), ("1d", 24 * 2), ("10d", 24 * 12 - 1)];
    for (action, cause) in [("release", "release:yp:"), ("watch", "watch:yp")] {
        for (notice, hours) in ends {
            let bench = Bench::new("100.00", &[(Product::IPv4, &[A], hours)]);
            let policy = format!("[[policy]]\nname = \"go\"\naction = \"{action}\"\nnotice = \"{notice}\"\n");
            bench.config("", &policy);
            bench.json(&["once"]);
            let told = |bench: &Bench| alerts(bench).iter().any(|key| key.starts_with(cause));
            assert_eq!(
                told(&bench),
                notice == "20d",
                "{action}, {notice} before the end, {hours} hours are left"
            );
            bench.pass(2 * 24 * 3_600_000 - 60_000);
            bench.json(&["once"]);
            assert!(told(&bench), "{action}: two days later the notice has come");
            assert_eq!(bench.charges().0, 0);
        }
    }
}

#[test]
fn leases_without_a_policy_and_budgets_in_a_foreign_currency_are_warnings_of_check() {
    let bench = fleet(24 * 40);
    let rest = "[[policy]]\nname = \"four\"\naction = \"renew\"\nmatch = { kind = [\"IPv4\"] }\n\
                [[budget]]\nname = \"euros\"\nper = \"month\"\nlimit = \"5.00\"\ncurrency = \"EUR\"\n";
    bench.config("", rest);
    let (code, check) = bench.json(&["check", "--live"]);
    assert_eq!((code, check["ok"].as_bool()), (0, Some(true)), "{check:#}");
    let said: Vec<&str> =
        check["problems"].as_array().unwrap().iter().map(|p| p["message"].as_str().unwrap()).collect();
    assert!(
        said.iter().any(|m| m.contains(B) && m.contains(C) && m.contains("no policy matches")),
        "{said:?}"
    );
    assert!(said.iter().any(|m| m.contains("budget `euros` is in EUR")), "{said:?}");
    let (_, status) = bench.json(&["status"]);
    assert_eq!(status["healthy"], true, "nobody wants them: {status:#}");
}

#[test]
fn a_before_that_is_longer_than_the_period_pays_one_term_however_many_cycles_run() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 24), (Product::IPv4, &[B], 24 * 45)]);
    let rest = "[[policy]]\nname = \"keep\"\naction = \"renew\"\nbefore = \"200d\"\nperiod = \"30d\"\n";
    bench.config_with("settle_reads = 1", "", rest);
    let (code, check) = bench.json(&["check"]);
    assert_eq!(code, 0, "{check:#}");
    assert!(
        check["problems"].as_array().unwrap().iter().any(|p| p["key"] == "policy[1].before"),
        "{check:#}"
    );
    for _ in 0..6 {
        bench.json(&["once"]);
    }
    assert_eq!((bench.charged(A), bench.charged(B)), (1, 0));
}
