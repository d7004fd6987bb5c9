//! `renewd check`: policies whose leases an earlier one decides, told from the leases that were read last, at their line of the config.
use renewd::simulator::Product;
use rstest::rstest;
use serde_json::Value;

use crate::common::{self, Bench, in_hours};

fn bench() -> Bench {
    let bench = Bench::new("100.00", &[]);
    bench.handle.with(|w| {
        let mut add = |product, country, ips: &[&str]| {
            w.add_order(common::KEY, product, country, ips, in_hours(480)).unwrap();
        };
        add(Product::IPv4, "USA", &["198.18.1.1", "198.18.1.2"]);
        add(Product::Isp, "USA", &["198.18.2.1"]);
        add(Product::IPv4, "DEU", &["198.18.1.9"]);
    });
    bench.config("", common::KEEP);
    bench
}

fn policies(matches: [&str; 2]) -> String {
    let [wide, narrow] =
        matches.map(|of| format!("match = {{ {of} }}\naction = \"renew\"\nperiod = \"30d\"\n"));
    format!("[[policy]]\nname = \"wide\"\n{wide}[[policy]]\nname = \"narrow\"\n{narrow}")
}

fn shadows(bench: &Bench, args: &[&str]) -> Vec<Value> {
    let (code, check) = bench.json(args);
    assert_eq!((code, check["ok"].as_bool()), (0, Some(true)), "{check:#}");
    let of = |p: &&Value| {
        let said = p["message"].as_str().unwrap();
        said.contains("never decides") || said.contains("partly shadowed")
    };
    check["problems"].as_array().unwrap().iter().filter(of).cloned().collect()
}

#[rstest]
#[case::a_country_before_its_kind(["country = [\"USA\"]", "country = [\"USA\"], kind = [\"IPv4\"]"], "all 2 of its 2 leases")]
#[case::a_network_before_a_part_of_it(["ip = [\"198.18.0.0/16\"]", "ip = [\"198.18.1.0/24\"]"], "all 3 of its 3 leases")]
#[case::one_that_crosses_it(["country = [\"USA\"]", "kind = [\"IPv4\"]"], "2 of its 3 leases")]
fn what_an_earlier_policy_takes_is_told_from_the_leases_on_record(
    #[case] matches: [&str; 2],
    #[case] words: &str,
) {
    let bench = bench();
    bench.config("", &policies(matches));
    assert_eq!(shadows(&bench, &["check"]), Vec::<Value>::new(), "nothing was read yet");
    bench.json(&["once"]);
    let asked = bench.handle.requests().len();
    let told = shadows(&bench, &["check"]);
    assert_eq!((told.len(), bench.handle.requests().len()), (1, asked), "{told:#?}");
    let message = told[0]["message"].as_str().unwrap();
    assert!(message.starts_with("policy `narrow` ") && message.contains(words), "{message}");
    assert!(message.contains("such as 198.18.1.1 under `wide`"), "{message}");
    let text = std::fs::read_to_string(bench.path("renewd.toml")).unwrap();
    let line = text.lines().enumerate().filter(|(_, l)| *l == "[[policy]]").last().unwrap().0 + 1;
    assert_eq!(
        (told[0]["line"].as_u64(), told[0]["severity"].as_str()),
        (Some(line as u64), Some("warning")),
        "{told:#?}"
    );
    assert_eq!(
        told,
        shadows(&bench, &["check", "--live"]),
        "asked or read from the ledger: the same is told"
    );
}

#[test]
fn one_for_a_part_before_one_for_the_rest_is_in_order() {
    let bench = bench();
    bench.config("", &policies(["country = [\"USA\"], kind = [\"IPv4\"]", "country = [\"USA\"]"]));
    bench.json(&["once"]);
    assert_eq!(shadows(&bench, &["check"]), Vec::<Value>::new());
}
