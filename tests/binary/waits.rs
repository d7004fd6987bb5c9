//! A limit of requests makes renewd wait for a minute at a time: whoever watches is told what for, and a script is not.
use std::process::Stdio;

use renewd::simulator::Product;
use rstest::rstest;
use rustix::process::Signal;

use crate::common::{Bench, KEEP, signal, until};

/// More orders than the least limit takes in a minute, each quoted by itself.
fn many() -> Bench {
    let ips: Vec<[String; 1]> = (1..=8).map(|n| [format!("203.0.113.{n}")]).collect();
    let ips: Vec<[&str; 1]> = ips.iter().map(|one| [one[0].as_str()]).collect();
    let orders: Vec<(Product, &[&str], i64)> = ips.iter().map(|one| (Product::IPv4, &one[..], 24)).collect();
    let bench = Bench::new("100.00", &orders);
    bench.config("batch = 1", KEEP);
    let config = std::fs::read_to_string(bench.path("renewd.toml")).unwrap();
    let slow = config.replace("max_requests_per_minute = 100000", "max_requests_per_minute = 6");
    assert_ne!(config, slow);
    std::fs::write(bench.path("renewd.toml"), slow).unwrap();
    bench
}

#[rstest]
#[case::a_cycle(&["once"])]
#[case::a_script(&["once", "--json"])]
#[case::the_daemon(&["run"])]
fn a_long_wait_names_the_account_and_its_limit(#[case] command: &[&str]) {
    let bench = many();
    let log = std::fs::File::create(bench.path("run.log")).unwrap();
    let mut child = bench.command(command).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
    until("it says what it waits for", 20, || bench.log().contains("waiting "));
    let said = bench.log();
    let line = said.lines().find(|line| line.contains("waiting ")).unwrap();
    assert!(line.contains(" s: account yp allows 6 requests a minute"), "{line}");
    let seconds: u64 = line.split("waiting ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!((3..=61).contains(&seconds), "{line}");
    signal(&child, Signal::TERM);
    let mut printed = String::new();
    std::io::Read::read_to_string(&mut child.stdout.take().unwrap(), &mut printed).unwrap();
    child.wait().unwrap();
    assert!(!printed.contains("waiting "), "{printed}");
    assert_eq!(bench.log().matches("waiting ").count(), 1, "{}", bench.log());
}
