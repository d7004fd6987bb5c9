//! Each set of policies in `config/examples`, behind an account at a simulated provider: it is a config, it can be looked at, and a cycle
//! under it goes through. What it decides of which lease is held by `tests/library/plans.rs`.
use std::path::Path;

use renewd::simulator::Product;

use crate::common::Bench;

#[test]
fn each_example_of_policies_runs_behind_an_account() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/examples");
    for example in std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
        let bench = Bench::new(
            "500.00",
            &[
                (Product::IPv4, &["203.0.113.1", "203.0.113.2"], 30),
                (Product::IPv6, &["2001:db8::1", "2001:db8::2"], 30),
                (Product::Mobile, &["192.0.2.1"], 20),
                (Product::Isp, &["198.51.100.1"], 500),
            ],
        );
        let policies = std::fs::read_to_string(&example).unwrap();
        bench.config("", "");
        let config = bench.path("renewd.toml");
        // The example names its own time zone, which belongs before the first table.
        let (head, rest) = policies.split_at(policies.find("\n[[").unwrap() + 1);
        let own = std::fs::read_to_string(&config).unwrap();
        std::fs::write(&config, format!("{head}{own}{rest}")).unwrap();
        let out = bench.renewd(&["check"]);
        let said = String::from_utf8([out.stdout, out.stderr].concat()).unwrap();
        assert_eq!(out.status.code(), Some(0), "{}: {said}", example.display());
        let (_, plan) = bench.json(&["plan"]);
        assert_eq!(plan["items"].as_array().map(Vec::len), Some(6), "{}: {plan}", example.display());
        let code = bench.renewd(&["once"]).status.code();
        assert!([Some(0), Some(3)].contains(&code), "{}: {code:?}", example.display());
        assert!(bench.paid_twice().is_empty());
    }
}
