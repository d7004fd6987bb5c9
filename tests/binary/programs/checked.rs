//! `renewd provider check`: good programs pass it, each bad one fails in the row that is about its fault, and what passed may run.
use std::fs;
use std::os::unix::fs::PermissionsExt;

use rstest::rstest;
use serde_json::Value;

use super::{config, placed, python, rack};
use crate::common::{Bench, KEEP, documents};
use renewd::simulator::Product;

fn check(bench: &Bench, args: &[&str]) -> (i32, Value) {
    let mut all = vec!["--json", "provider", "check"];
    all.extend(args);
    let out = bench.renewd(&all);
    let document = serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{e}: {out:?}"));
    if out.status.code() != Some(2) {
        documents::check(renewd::views::Document::ProviderCheck, &document);
    }
    (out.status.code().unwrap(), document)
}

fn row(document: &Value, n: u64) -> &Value {
    let rows = document["checks"].as_array().unwrap();
    rows.iter().find(|r| r["row"] == n).unwrap_or_else(|| panic!("no row {n}: {document:#}"))
}

fn outcome(document: &Value, n: u64) -> &str {
    row(document, n)["outcome"].as_str().unwrap()
}

#[test]
fn the_example_in_python_passes_also_its_rehearsal() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &["203.0.113.1"], 24)]);
    let program = placed(&bench, "youproxy.py");
    let key = bench.path("yp.key").display().to_string();
    let account =
        format!("api_key = {{ file = \"{key}\" }}\nsettings = {{ base_url = \"{}\" }}", bench.base_url);
    config(&bench, &[&python(), "-I", &program], &account, KEEP);
    let (code, document) = check(&bench, &["--simulator", "--", &python(), "-I", &program]);
    assert_eq!(code, 0, "{document:#}");
    for n in 0..=8 {
        assert_eq!(outcome(&document, n), "pass", "{document:#}");
    }
    assert_eq!(outcome(&document, 9), "unproved");
    assert_eq!(bench.payments_sent(), 0, "nothing was paid with the real key");
}

#[test]
fn the_example_in_shell_passes_and_pays_once_through_the_ledger() {
    let bench = Bench::new("1.00", &[]);
    let fleet = rack(&bench, "require_check = true");
    let program = bench.path("rack.sh").display().to_string();
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 3);
    assert!(once["accounts"][0]["error"].as_str().unwrap().contains("provider check"), "{once:#}");
    // The lease that is not due, so that only the word of the operator pays it.
    let (code, document) = check(&bench, &[&program, "--pay", "r-2", "--max", "0.50"]);
    assert_eq!((code, outcome(&document, 9)), (3, "fail"), "{document:#}");
    let (code, document) = check(&bench, &[&program, "--pay", "r-2", "--max", "1.00"]);
    assert_eq!((code, outcome(&document, 9)), (0, "pass"), "{document:#}");
    assert_eq!(outcome(&document, 3), "unproved", "it has no key");
    let history = bench.json(&["history"]).1;
    let payments = history["payments"].as_array().unwrap();
    assert_eq!((payments.len(), payments[0]["state"].as_str()), (1, Some("confirmed")), "{history:#}");
    assert_eq!(payments[0]["policy"], "keep");
    assert!(fs::read_to_string(&fleet).unwrap().starts_with("balance\t99.15\tUSD\n"));
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 0, "what passed may run: {once:#}");
    assert_eq!(bench.json(&["status"]).1["accounts"][0]["program_checked"], true);
    let text = fs::read_to_string(&program).unwrap();
    fs::write(&program, format!("{text}# changed\n")).unwrap();
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 3, "another program has to pass for itself: {once:#}");
}

/// What a program does with its real fleet is nothing that a rehearsal may find out.
#[rstest]
#[case::one_lease(1)]
#[case::two_leases(2)]
fn a_program_that_does_not_go_to_the_simulated_provider_is_never_told_to_pay(#[case] leases: usize) {
    let bench = Bench::new("1.00", &[]);
    let fleet = rack(&bench, "require_check = true");
    let text = fs::read_to_string(&fleet).unwrap();
    let text: String = text.lines().take(leases + 1).map(|line| format!("{line}\n")).collect();
    fs::write(&fleet, &text).unwrap();
    let program = bench.path("rack.sh").display().to_string();
    let (code, document) = check(&bench, &["--simulator", &program]);
    assert_eq!((code, outcome(&document, 8)), (3, "fail"), "{document:#}");
    let seen = row(&document, 8)["seen"].to_string();
    let said = row(&document, 8)["text"].to_string();
    assert!(
        said.contains("all well") && !said.contains("reset"),
        "the first scene is the last: {said} {seen}"
    );
    assert_eq!(fs::read_to_string(&fleet).unwrap(), text, "nothing was paid or moved");
}

/// One that lists and prices at the simulated provider, and pays elsewhere.
#[test]
fn the_first_payment_that_does_not_arrive_ends_the_rehearsal() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &["203.0.113.1"], 24)]);
    let program = placed(&bench, "youproxy.py");
    let log = bench.path("paid.log");
    let text = fs::read_to_string(&program).unwrap();
    let main = text.find("\nif __name__").unwrap();
    let elsewhere = format!(
        "\nif sys.argv[-1] == 'extend':\n    open({:?}, 'a').write('x\\n')\n    sys.exit(3)\n",
        log.display().to_string()
    );
    fs::write(&program, format!("{}{elsewhere}{}", &text[..main], &text[main..])).unwrap();
    let key = bench.path("yp.key").display().to_string();
    let account =
        format!("api_key = {{ file = \"{key}\" }}\nsettings = {{ base_url = \"{}\" }}", bench.base_url);
    config(&bench, &[&python(), "-I", &program], &account, KEEP);
    let (code, document) = check(&bench, &["--simulator", "--", &python(), "-I", &program]);
    assert_eq!((code, outcome(&document, 8)), (3, "fail"), "{document:#}");
    assert_eq!(
        fs::read_to_string(&log).unwrap().lines().count(),
        1,
        "it is not told to pay again: {document:#}"
    );
}

#[test]
fn a_failed_row_takes_back_what_passed_before() {
    let bench = Bench::new("1.00", &[]);
    rack(&bench, "require_check = true");
    let program = bench.path("rack.sh").display().to_string();
    assert_eq!(check(&bench, &[&program]).0, 0);
    assert_eq!(bench.json(&["once"]).0, 0, "what passed may run");
    assert_eq!(check(&bench, &["--simulator", &program]).0, 3);
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 3);
    assert!(once["accounts"][0]["error"].as_str().unwrap().contains("provider check"), "{once:#}");
    assert_eq!(bench.json(&["status"]).1["accounts"][0]["program_checked"], false);
    // Row 9 as any other.
    assert_eq!(check(&bench, &[&program]).0, 0);
    let (code, document) = check(&bench, &[&program, "--pay", "r-2", "--max", "0.10"]);
    assert_eq!((code, outcome(&document, 9)), (3, "fail"), "{document:#}");
    assert_eq!(bench.json(&["once"]).0, 3);
}

/// The rack's program with something put in before its verbs.
fn bad(bench: &Bench, fault: &str) -> String {
    let key = bench.path("yp.key").display().to_string();
    rack(bench, &format!("api_key = {{ file = \"{key}\" }}"));
    let program = bench.path("rack.sh");
    let text = fs::read_to_string(&program).unwrap();
    let at = text.find("fleet=$(printf").unwrap();
    let honest = "key=$(printf '%s' \"$input\" | grep -o '\"api_key\":\"[^\"]*\"' | cut -d '\"' -f 4)\n";
    let refuse = "[ -z \"$key\" ] || [ \"${key#canary-}\" = \"$key\" ] || fail wrong_key 'no such key'\n";
    let (before, behind) = (&text[..at], &text[at..]);
    let fault = fault.replace("REFUSE", refuse);
    fs::write(&program, format!("{before}{honest}{fault}{behind}")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    program.display().to_string()
}

#[rstest]
#[case::good("REFUSE", None)]
#[case::any_key_gives_a_list("", Some(3))]
#[case::any_key_gives_an_empty_list(
    "[ \"$verb\" != list ] || [ \"${key#canary-}\" = \"$key\" ] || { say '\"x\":1'; echo '{\"end\":true,\"count\":0,\"complete\":true}'; exit 0; }\n",
    Some(3)
)]
#[case::the_key_in_the_log("echo \"key $key\" >&2\nREFUSE", Some(6))]
#[case::the_key_in_an_argument("[ \"$verb\" != balance ] || sh -c 'sleep 0.4; :' \"$key\"\nREFUSE", Some(6))]
#[case::a_price_for_a_foreign_id(
    "REFUSE[ \"$verb\" != quote ] || { say '\"leases\":[\"renewd-check-no-such-lease\"],\"price\":\"1.00\",\"currency\":\"USD\",\"warnings\":[]'; exit 0; }\n",
    Some(5)
)]
#[case::other_ids_each_time(
    "REFUSE[ \"$verb\" != list ] || { printf '{\"protocol\":1,\"request\":\"%s\"}\\n' \"$request\"; printf '{\"lease\":{\"id\":\"x%s\",\"order\":\"o\",\"ip\":\"203.0.113.1\",\"kind\":\"IPv4\",\"ends\":\"2027-01-01T00:00:00Z\",\"state\":\"active\"}}\\n' $$; echo '{\"end\":true,\"count\":1,\"complete\":true}'; exit 0; }\n",
    Some(4)
)]
#[case::a_password_in_the_list(
    "REFUSE[ \"$verb\" != list ] || { printf '{\"protocol\":1,\"request\":\"%s\"}\\n' \"$request\"; echo '{\"lease\":{\"id\":\"x\",\"password\":\"p\",\"order\":\"o\",\"ip\":\"203.0.113.1\",\"kind\":\"IPv4\",\"ends\":\"2027-01-01T00:00:00Z\",\"state\":\"active\"}}'; echo '{\"end\":true,\"count\":1,\"complete\":true}'; exit 0; }\n",
    Some(4)
)]
fn a_bad_program_fails_in_the_row_that_is_about_it(#[case] fault: &str, #[case] wrong: Option<u64>) {
    let bench = Bench::new("1.00", &[]);
    let program = bad(&bench, fault);
    let (code, document) = check(&bench, &[&program]);
    match wrong {
        None => assert_eq!(code, 0, "{document:#}"),
        Some(n) => assert_eq!((code, outcome(&document, n)), (3, "fail"), "{document:#}"),
    }
    assert_eq!(document["ok"], wrong.is_none());
}

#[rstest]
#[case::another_self_each_time(
    "case $verb in capabilities) sed_name=$$ ;; esac\n",
    "\"name\":\"rack.sh\"",
    "\"name\":\"'$$'\"",
    1
)]
#[case::ignores_term("trap '' TERM\n", "", "", 7)]
#[case::late_each_time("case $verb in capabilities) sleep 20 ;; esac\n", "", "", 1)]
#[case::an_unknown_verb_is_well("case $verb in no-such-verb) exit 0 ;; esac\n", "", "", 2)]
#[case::hangs_without_input("[ -n \"$(head -c 1)\" ] || sleep 100\n", "", "", 2)]
fn a_program_that_is_bad_from_its_first_line_fails_too(
    #[case] first: &str,
    #[case] good: &str,
    #[case] instead: &str,
    #[case] wrong: u64,
) {
    let bench = Bench::new("1.00", &[]);
    let program = from_its_first_line(&bench, first, |text| {
        text.replacen(good, instead, usize::from(!good.is_empty()))
    });
    let (code, document) = check(&bench, &[&program]);
    assert_eq!((code, outcome(&document, wrong)), (3, "fail"), "{document:#}");
}

/// The rack's program with `first` before all else.
fn from_its_first_line(bench: &Bench, first: &str, change: impl Fn(String) -> String) -> String {
    rack(bench, "");
    let program = bench.path("rack.sh");
    let text = change(fs::read_to_string(&program).unwrap());
    fs::write(&program, text.replacen("set -u\n", &format!("set -u\nverb=${{1-}}\n{first}"), 1)).unwrap();
    program.display().to_string()
}

/// A machine that is busy for a moment says nothing about the program.
#[test]
fn a_program_that_is_late_once_is_asked_again() {
    let bench = Bench::new("1.00", &[]);
    let late = "case $verb in capabilities) ! mkdir \"$0.late\" 2>/dev/null || sleep 20 ;; esac\n";
    let program = from_its_first_line(&bench, late, |text| text);
    let (code, document) = check(&bench, &[&program]);
    assert_eq!((code, outcome(&document, 1)), (0, "pass"), "{document:#}");
    assert!(row(&document, 1)["text"].as_str().unwrap().contains("asked again"), "{document:#}");
}

#[test]
fn what_others_can_change_is_not_even_run_and_an_unknown_program_is_a_mistake() {
    let bench = Bench::new("1.00", &[]);
    rack(&bench, "");
    let program = bench.path("rack.sh");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o777)).unwrap();
    let (code, document) = check(&bench, &[&program.display().to_string()]);
    assert_eq!((code, outcome(&document, 0)), (3, "fail"), "{document:#}");
    assert_eq!(check(&bench, &["/bin/true"]).0, 2, "no account of the config has it");
    assert_eq!(check(&bench, &["/nowhere/program"]).0, 2);
}
