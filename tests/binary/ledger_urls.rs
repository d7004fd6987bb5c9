//! A ledger on a server, as a command line and a config name it: what is wrong is told with the right exit, and never the password.
use std::process::Output;

use renewd::simulator::Product;
use rstest::rstest;

use crate::common::Bench;

fn bench() -> Bench {
    Bench::new("100.00", &[(Product::IPv4, &["203.0.113.1"], 24)])
}

fn told(out: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}

/// With this URL in the config.
fn by_config(bench: &Bench, url: &str, args: &[&str]) -> Output {
    bench.secret("ledger.url", url);
    let config = std::fs::read_to_string(bench.path("renewd.toml")).unwrap();
    let with = format!("{config}\n[ledger]\nurl = {{ file = \"{}\" }}\n", bench.path("ledger.url").display());
    std::fs::write(bench.path("renewd.toml"), with).unwrap();
    let out = bench.renewd(args);
    std::fs::write(bench.path("renewd.toml"), config).unwrap();
    out
}

#[rstest]
#[case::scheme("mysql://renewd:hunter2@localhost/renewd", 2, "postgres://")]
#[case::no_database("postgres://renewd:hunter2@localhost", 2, "database")]
#[case::plain("postgres://renewd:hunter2@db.example.org/renewd?sslmode=disable", 2, "verify-full")]
#[case::no_url("postgres://renewd:hunter2@localhost:port/renewd", 2, "postgres://")]
#[case::unreachable("postgres://renewd:hunter2@127.0.0.1:1/renewd", 1, "refused")]
#[case::no_socket("postgres://renewd:hunter2@/renewd?host=/nowhere", 1, "No such file")]
fn a_server_that_is_of_no_use_is_told_with_its_exit(
    #[case] url: &str,
    #[case] exit: i32,
    #[case] words: &str,
) {
    let bench = bench();
    for command in [&["status"][..], &["once"], &["history"], &["pause"]] {
        let out = by_config(&bench, url, command);
        let told = told(&out);
        assert_eq!(out.status.code(), Some(exit), "{command:?}: {told}");
        assert!(told.contains(words) && !told.contains("hunter2"), "{command:?}: {told}");
    }
    assert!(!bench.path("state/ledger.db").exists(), "nothing stands in for it");
    assert_eq!(bench.charges().0, 0);
}

#[test]
fn the_url_in_a_file_is_taken_whatever_the_config_says() {
    let bench = bench();
    bench.secret("other.url", "postgres://renewd:hunter2@127.0.0.1:1/renewd");
    let file = bench.path("other.url").display().to_string();
    std::fs::write(bench.path("renewd.toml"), "this is [no config\n").unwrap();
    let out = bench.renewd(&["pause", "--ledger-url-file", &file]);
    assert_eq!(out.status.code(), Some(1), "{}", told(&out));
    assert!(told(&out).contains("refused") && !told(&out).contains("hunter2"), "{}", told(&out));
}

#[test]
fn a_config_that_names_a_server_and_cannot_be_used_leads_to_no_file() {
    let bench = bench();
    let config = std::fs::read_to_string(bench.path("renewd.toml")).unwrap();
    std::fs::write(bench.path("renewd.toml"), format!("{config}\n[ledger]\nurl = 3\nnonsense = 4\n"))
        .unwrap();
    let out = bench.renewd(&["pause"]);
    assert_eq!(out.status.code(), Some(2), "{}", told(&out));
    assert!(told(&out).contains("--ledger-url-file"), "{}", told(&out));
}

#[test]
fn a_ledger_is_moved_by_names_that_hold_no_password() {
    let bench = bench();
    let out =
        bench.renewd(&["ledger", "copy", "--from", "postgres://renewd:hunter2@h/d", "--to", "sqlite:/tmp/x"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(told(&out).contains("url-file:PATH") && !told(&out).contains("hunter2"), "{}", told(&out));
}
