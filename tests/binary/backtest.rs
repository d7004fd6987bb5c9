//! What other policies would have done, held against months of a simulated account whose books are known.
use std::fs;

use renewd::simulator::Product;
use serde_json::{Value, json};

use crate::common::{Bench, money};

const A: &str = "203.0.113.1";
const B: &str = "203.0.113.2";
const C: &str = "203.0.113.3";
const DAY: u64 = 24 * 3_600 * 1_000;

/// A and B are kept, C is let go.
const RULES: &str = r#"
[[policy]]
name = "go"
action = "release"
match = { ip = ["203.0.113.3"] }
[[policy]]
name = "keep"
action = "renew"
before = "3d"
period = "30d"
max_price = "3.00"
"#;

/// So many days of that account, a cycle a day.
fn lived(days: u64, balance: &str) -> Bench {
    let bench = Bench::new(
        balance,
        &[(Product::IPv4, &[A], 24 * 5), (Product::IPv4, &[B], 24 * 17 + 5), (Product::IPv4, &[C], 24 * 9)],
    );
    bench.config("", RULES);
    for _ in 0..days {
        bench.json(&["once"]);
        bench.pass(DAY);
    }
    bench.json(&["once"]);
    bench
}

fn backtest(bench: &Bench, rules: &str, more: &[&str]) -> Value {
    let file = bench.path("other.toml");
    fs::write(&file, rules).unwrap();
    let args = [&["backtest", "--policy", file.to_str().unwrap()], more].concat();
    let (code, document) = bench.json(&args);
    assert_eq!(code, 0, "{document:#}");
    document
}

fn of<'a>(document: &'a Value, list: &str, ip: &str) -> Vec<&'a Value> {
    document[list].as_array().unwrap().iter().filter(|e| e["ip"] == ip).collect()
}

#[test]
fn the_config_that_ran_gives_what_happened_and_another_one_what_it_would_have_done() {
    let bench = lived(70, "100.00");
    let (charges, sum) = bench.charges();
    assert_eq!((charges, sum), (5, money("13.25")), "A thrice and B twice");
    let same = backtest(&bench, RULES, &[]);
    let totals = &same["totals"];
    assert_eq!(totals["actual"], json!({ "paid": 5, "lost": 1, "amount": { "USD": "13.25" } }), "{same:#}");
    assert_eq!(
        (&totals["what_if"], &totals["difference"]),
        (&totals["actual"], &json!({ "USD": "0.00" })),
        "{same:#}"
    );
    assert_eq!(
        (of(&same, "paid", A).len(), of(&same, "paid", B).len(), of(&same, "lost", C).len()),
        (3, 2, 1)
    );
    assert_eq!((&same["held"], &same["unknown_prices"]), (&json!([]), &json!(0)));

    // C would have been paid, at what its like cost; B would have been let go.
    let other = RULES.replace("203.0.113.3", B);
    let other = backtest(&bench, &other, &[]);
    assert_eq!((of(&other, "paid", C).len(), of(&other, "paid", B).len()), (3, 0), "{other:#}");
    assert_eq!((of(&other, "lost", B).len(), of(&other, "lost", C).len()), (1, 0));
    let paid = of(&other, "paid", C)[0];
    assert_eq!(
        (&paid["amount"], &paid["currency"], &paid["policy"]),
        (&json!("2.65"), &json!("USD"), &json!("keep"))
    );
    assert_eq!(other["totals"]["difference"], json!({ "USD": "2.65" }));

    // A cap under every price: nothing is paid, all is held and lost.
    let capped = backtest(&bench, &RULES.replace("3.00", "2.00"), &[]);
    assert_eq!((capped["paid"].as_array().unwrap().len(), capped["lost"].as_array().unwrap().len()), (0, 3));
    assert!(
        of(&capped, "held", A)[0]["reason"].as_str().unwrap().starts_with("price_cap: 2.65 USD"),
        "{capped:#}"
    );

    // A budget of one lease a month.
    let budget = "[[budget]]\nname = \"small\"\nper = \"month\"\nlimit = \"3.00\"\ncurrency = \"USD\"\n";
    let tight = backtest(&bench, &format!("{RULES}{budget}"), &[]);
    assert!(!of(&tight, "held", B).is_empty() || !of(&tight, "held", A).is_empty(), "{tight:#}");

    // Of a period of which no price was ever read nothing is guessed.
    let unknown =
        backtest(&bench, &RULES.replace("\"30d\"", "\"60d\"").replace("max_price", "# max_price"), &[]);
    assert_eq!(unknown["unknown_prices"], json!(unknown["paid"].as_array().unwrap().len()));
    assert!(
        of(&unknown, "paid", A)[0]["amount"].is_null() && unknown["totals"]["what_if"]["amount"] == json!({})
    );

    let out =
        bench.renewd(&["backtest", "--policy", bench.path("other.toml").to_str().unwrap(), "--since", "30d"]);
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(text.contains("would have been paid:") && text.contains("difference: "), "{text}");
    assert_eq!(bench.charges().0, 5, "nothing was paid meanwhile");
}

#[test]
fn balances_are_those_that_would_have_been() {
    let bench = lived(40, "6.00");
    assert_eq!(bench.charges().0, 2, "the balance was enough for two");
    let same = backtest(&bench, RULES, &[]);
    assert_eq!(same["totals"]["what_if"]["amount"], same["totals"]["actual"]["amount"], "{same:#}");
    assert!(
        same["held"]
            .as_array()
            .unwrap()
            .iter()
            .any(|e| e["reason"].as_str().unwrap().starts_with("short_funds"))
    );
    // Without A there would have been money for B all the time.
    let other = backtest(&bench, &RULES.replace("203.0.113.3", "203.0.113.1\", \"203.0.113.3"), &[]);
    assert_eq!((of(&other, "paid", B).len(), of(&other, "lost", A).len()), (1, 1), "{other:#}");
}

#[test]
fn what_is_not_on_record_is_said() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 24)]);
    let nothing = backtest(&bench, RULES, &[]);
    assert_eq!((&nothing["paid"], &nothing["totals"]["actual"]["paid"]), (&json!([]), &json!(0)));
    let limits = |d: &Value| d["limits"].to_string();
    assert!(limits(&nothing).contains("was never read"), "{nothing:#}");
    bench.json(&["once"]);
    let early = backtest(&bench, RULES, &["--since", "2020-01-01"]);
    assert!(limits(&early).contains("nothing is on record before"), "{early:#}");
    let file = bench.path("bad.toml");
    fs::write(&file, "[[policy]]\nname = \"x\"\n").unwrap();
    assert_eq!(bench.json(&["backtest", "--policy", file.to_str().unwrap()]).0, 2);
}
