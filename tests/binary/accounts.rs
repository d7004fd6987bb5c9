//! Accounts that are called otherwise, get another key, or are somebody else's: the real binary against a simulated provider.

use std::fs;
use std::time::Duration;

use crate::common::{Bench, KEEP, KEY, in_hours, money, signal, until};
use renewd::simulator::{Aim, Answer, Effect, Fault, Product};
use rustix::process::Signal;
use serde_json::Value;

const A: &str = "203.0.113.1";
const B: &str = "203.0.113.2";
const OTHER_KEY: &str = "sim-key-of-another-account-0123";

fn bench() -> Bench {
    Bench::new("100.00", &[(Product::IPv4, &[A], 24)])
}

/// The config with the account called `name`, `more` within it.
fn called(bench: &Bench, name: &str, more: &str, rest: &str) {
    bench.config(more, rest);
    let text = fs::read_to_string(bench.path("renewd.toml")).unwrap();
    fs::write(bench.path("renewd.toml"), text.replace("name = \"yp\"", &format!("name = \"{name}\"")))
        .unwrap();
}

/// A term that was just paid is due again: as if a month had gone by.
fn due_again(policy: &str) -> String {
    policy.replace("before = \"3d\"", "before = \"40d\"")
}

fn word(bench: &Bench, document: &Value, ip: &str) -> String {
    bench.item(document, ip)["reason"].as_str().unwrap().split(':').next().unwrap().to_owned()
}

fn open_alerts(bench: &Bench) -> Vec<String> {
    let status = bench.json(&["status"]).1;
    let alerts = status["open_alerts"].as_array().unwrap();
    alerts.iter().map(|a| a["key"].as_str().unwrap().to_owned()).collect()
}

fn states(bench: &Bench, account: &str) -> Vec<String> {
    let history = bench.json(&["history", "--account", account]).1;
    let payments = history["payments"].as_array().unwrap();
    payments.iter().map(|p| p["state"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_renamed_account_remembers_its_last_price() {
    let bench = bench();
    assert_eq!(bench.json(&["once"]).0, 0);
    bench.handle.with(|w| w.prices.set(Product::IPv4, "USA", 30, money("9.99")));
    called(&bench, "new", "", &due_again(&format!("{KEEP}max_price_jump = \"25%\"\n")));
    let (code, plan) = bench.json(&["plan"]);
    assert_eq!((code, word(&bench, &plan, A).as_str()), (3, "price_jump"), "before a pass that pays, too");
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, word(&bench, &once, A).as_str()), (3, "price_jump"), "{once:#}");
    assert_eq!(bench.charged(A), 1);
}

#[test]
fn a_renamed_account_shows_its_old_payments_before_and_after_the_next_pass() {
    let bench = bench();
    assert_eq!(bench.json(&["once"]).0, 0);
    assert_eq!(bench.json(&["pause", "yp"]).0, 0);
    called(&bench, "new", "was = [\"yp\"]", KEEP);
    assert_eq!(states(&bench, "new"), ["confirmed"]);
    assert_eq!(bench.json(&["once"]).0, 0);
    assert_eq!(states(&bench, "new"), ["confirmed"]);
    let status = bench.json(&["status"]).1;
    assert_eq!(status["paused"], serde_json::json!(["new"]), "{status:#}");
    assert_eq!(status["accounts"][0]["leases"], 1);
}

#[test]
fn a_months_budget_goes_on_after_a_rename() {
    let bench = bench();
    assert_eq!(bench.json(&["once"]).0, 0);
    let budget = "[[budget]]\nname = \"m\"\naccount = [\"new\"]\nper = \"month\"\nlimit = \"3.00\"\ncurrency = \"USD\"\n";
    called(&bench, "new", "", &format!("{}{budget}", due_again(KEEP)));
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, word(&bench, &once, A).as_str()), (3, "over_budget"), "{once:#}");
    let spent = bench.json(&["status"]).1["budgets"][0]["spent"].clone();
    assert_eq!(money(spent.as_str().unwrap()), bench.charges().1);
}

#[test]
fn a_renamed_policy_keeps_its_budget_used() {
    let bench = bench();
    let budget = |policy: &str| {
        format!(
            "[[budget]]\nname = \"m\"\npolicy = [\"{policy}\"]\nper = \"month\"\nlimit = \"3.00\"\ncurrency = \"USD\"\n"
        )
    };
    bench.config("", &format!("{KEEP}{}", budget("keep")));
    assert_eq!(bench.json(&["once"]).0, 0);
    let renamed = due_again(KEEP).replace("name = \"keep\"", "name = \"hold-on-to\"\nwas = [\"keep\"]");
    bench.config("", &format!("{renamed}{}", budget("hold-on-to")));
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, word(&bench, &once, A).as_str()), (3, "over_budget"), "{once:#}");
    assert_eq!(bench.charged(A), 1);
}

#[test]
fn a_refused_payment_is_looked_at_again_under_the_new_name() {
    let bench = bench();
    bench.handle.inject(Fault::code(Aim::Money, 10));
    assert_eq!(bench.json(&["once"]).0, 3);
    called(&bench, "new", "was = [\"yp\"]", &KEEP.replace("period", "on_unknown = \"retry\"\nperiod"));
    let reason = || {
        let once = bench.json(&["once"]).1;
        bench.item(&once, A)["reason"].as_str().unwrap().to_owned()
    };
    assert!(reason().contains("waiting for the lag window"), "it keeps its term from being paid at once");
    for _ in 0..9 {
        bench.pass(1_050);
        reason();
    }
    // It was read often enough under the new name: from here on it is only a matter of time.
    assert!(reason().contains("next attempt in"), "{}", reason());
    assert_eq!((states(&bench, "new"), bench.payments_sent()), (vec!["refused".to_owned()], 1));
}

#[test]
fn a_charge_that_lands_after_the_rename_enters_the_ledger() {
    let bench = bench();
    bench
        .handle
        .inject(Fault::on(Aim::Money).effect(Effect::After(Duration::from_secs(3))).answer(Answer::Close));
    assert_eq!(bench.json(&["once"]).0, 3);
    called(&bench, "new", "", KEEP);
    assert_eq!(word(&bench, &bench.json(&["plan"]).1, A), "unknown_pending");
    bench.settle(8);
    assert_eq!(states(&bench, "new"), ["confirmed"]);
    assert_eq!((bench.charged(A), bench.payments_sent()), (1, 1));
}

#[test]
fn a_rotated_key_is_the_same_account_once_its_list_shows_it() {
    let bench = bench();
    assert_eq!(bench.json(&["once"]).0, 0);
    bench.handle.with(|w| assert!(w.change_key(KEY, OTHER_KEY)));
    bench.secret("yp.key", OTHER_KEY);
    bench.handle.with(|w| w.prices.set(Product::IPv4, "USA", 30, money("9.99")));
    bench.config("", &due_again(&format!("{KEEP}max_price_jump = \"25%\"\n")));
    let (_, once) = bench.json(&["once"]);
    assert_eq!(word(&bench, &once, A), "price_jump", "it is known, with its last price: {once:#}");
    // From then on the new key alone is enough: also with the list away, under another name.
    called(&bench, "new", "", &due_again(KEEP));
    assert_eq!(bench.json(&["once"]).0, 0);
    assert_eq!((states(&bench, "new").len(), bench.charged(A)), (2, 2));
}

#[test]
fn a_strangers_list_is_not_paid_for_until_resume() {
    let bench = bench();
    assert_eq!(bench.json(&["once"]).0, 0);
    bench.handle.with(|w| {
        w.add_account(OTHER_KEY, money("50.00"));
        w.add_order(OTHER_KEY, Product::IPv4, "USA", &[B], in_hours(20)).unwrap();
    });
    bench.secret("yp.key", OTHER_KEY);
    for _ in 0..2 {
        let (code, once) = bench.json(&["once"]);
        assert_eq!((code, word(&bench, &once, B).as_str()), (3, "account_changed"), "{once:#}");
    }
    assert_eq!((bench.charged(B), open_alerts(&bench)), (0, vec!["account_changed:yp".to_owned()]));
    assert_eq!(bench.json(&["status"]).1["healthy"], false, "nothing is paid");
    let (code, resumed) = bench.json(&["resume", "yp"]);
    assert_eq!(code, 0);
    assert!(
        resumed["accepted"][0]["changed"].as_str().unwrap().contains("its key is not known yet"),
        "{resumed:#}"
    );
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, bench.charged(B)), (0, 1), "{once:#}");
    assert_eq!(states(&bench, "yp"), ["confirmed"], "its own payment only");
    let all = bench.json(&["history"]).1;
    let old = all["payments"][1]["account"].as_str().unwrap();
    assert!(old.starts_with("yp.before-"), "{all:#}");
    assert!(open_alerts(&bench).is_empty());
    assert_eq!(tellings(&bench, "account_changed:yp"), ["raised", "resolved"]);
}

/// What people were told of an alert.
fn tellings(bench: &Bench, key: &str) -> Vec<String> {
    let sql = format!("SELECT occasion FROM alert_log WHERE key = '{key}' AND how = 'told' ORDER BY at");
    sql_of(bench, &sql)
}

fn sql_of(bench: &Bench, sql: &str) -> Vec<String> {
    let out = std::process::Command::new("sqlite3").arg(bench.path("state/ledger.db")).arg(sql).output();
    let out = out.expect("sqlite3 is needed: apt-get install sqlite3");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn a_strangers_list_is_not_paid_for_on_the_first_pass_after_an_upgrade_either() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 24 * 20)]);
    assert_eq!(bench.json(&["once"]).0, 0);
    // A ledger from before accounts were known by their keys.
    sql_of(&bench, "DELETE FROM account_mark WHERE kind <> 'name'");
    bench.handle.with(|w| {
        w.add_account(OTHER_KEY, money("50.00"));
        w.add_order(OTHER_KEY, Product::IPv4, "USA", &[B], in_hours(20)).unwrap();
    });
    bench.secret("yp.key", OTHER_KEY);
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, word(&bench, &once, B).as_str()), (3, "account_changed"), "{once:#}");
    assert_eq!(bench.charged(B), 0);
    // The right key is known at once.
    bench.secret("yp.key", KEY);
    assert_eq!(bench.json(&["once"]).0, 0);
    assert!(open_alerts(&bench).is_empty());
}

#[test]
fn a_pause_under_the_new_name_stops_a_renewd_that_knows_the_old_one() {
    let bench = bench();
    assert_eq!(bench.json(&["once"]).0, 0);
    called(&bench, "new", "", &due_again(KEEP));
    assert_eq!(bench.json(&["pause", "new"]).0, 0);
    // As a daemon goes on that was not reloaded yet.
    called(&bench, "yp", "", &due_again(KEEP));
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, word(&bench, &once, A).as_str()), (3, "paused"), "{once:#}");
    called(&bench, "new", "", &due_again(KEEP));
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, word(&bench, &once, A).as_str()), (3, "paused"), "{once:#}");
    // And back: a word under the other name is as good.
    called(&bench, "yp", "", &due_again(KEEP));
    assert_eq!(bench.json(&["resume", "yp"]).0, 0);
    assert_eq!(bench.json(&["once"]).0, 0);
    assert_eq!(bench.charged(A), 2);
}

#[test]
fn a_pause_of_an_account_that_no_renewd_knows_yet_says_so() {
    let bench = bench();
    assert_eq!(bench.json(&["once"]).0, 0);
    two_accounts(&bench, KEY, OTHER_KEY);
    let said = |args: &[&str]| String::from_utf8(bench.renewd(args).stderr).unwrap();
    assert!(said(&["pause", "two"]).contains("knows no account two yet"));
    assert!(!said(&["pause", "yp"]).contains("knows no account"));
}

fn two_accounts(bench: &Bench, yp_key: &str, ps_key: &str) {
    bench.secret("yp.key", yp_key);
    bench.secret("two.key", ps_key);
    let two = format!(
        "[[account]]\nname = \"two\"\nprovider = \"youproxy\"\nbase_url = \"{}\"\napi_key = {{ file = \"two.key\" }}\nmax_requests_per_minute = 100000\n",
        bench.base_url
    );
    bench.config("", &format!("{two}{}", due_again(KEEP)));
}

#[test]
fn swapped_names_hold_both_until_each_is_accepted_and_the_history_follows_the_key() {
    let bench = bench();
    bench.handle.with(|w| {
        w.add_account(OTHER_KEY, money("50.00"));
        w.add_order(OTHER_KEY, Product::IPv4, "USA", &[B], in_hours(24 * 60)).unwrap();
    });
    two_accounts(&bench, KEY, OTHER_KEY);
    assert_eq!(bench.json(&["once"]).0, 0);
    assert_eq!((states(&bench, "yp").len(), states(&bench, "two").len()), (1, 0));
    two_accounts(&bench, OTHER_KEY, KEY);
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, word(&bench, &once, A).as_str()), (3, "account_changed"), "{once:#}");
    assert_eq!(open_alerts(&bench), ["account_changed:two", "account_changed:yp"]);
    // Nobody accepts two accounts with one word.
    let (_, said) = bench.json(&["resume"]);
    assert_eq!(said["waiting"].as_array().unwrap().len(), 2, "{said:#}");
    assert_eq!(bench.json(&["once"]).0, 3);
    ["yp", "two"].iter().for_each(|name| assert_eq!(bench.json(&["resume", name]).0, 0));
    assert_eq!(bench.json(&["once"]).0, 0);
    assert_eq!((states(&bench, "yp").len(), states(&bench, "two").len()), (0, 2));
    assert_eq!((bench.charged(A), bench.charged(B)), (2, 0));
}

/// The same config with a state folder of its own.
fn second_state(bench: &Bench) -> std::path::PathBuf {
    let text = fs::read_to_string(bench.path("renewd.toml")).unwrap();
    let other = bench.path("second.toml");
    fs::write(&other, text.replace("/state\"", "/second\"")).unwrap();
    other
}

fn once_of(bench: &Bench, config: &std::path::Path) -> std::process::Command {
    let mut command = bench.command(&["once", "--json"]);
    command.env_clear();
    let mut own = std::process::Command::new(command.get_program());
    own.arg("--config").arg(config).args(["once", "--json"]);
    own
}

#[test]
fn two_state_folders_with_one_key_charge_once_in_the_same_second() {
    let bench = bench();
    let second = second_state(&bench);
    let run = |config: &std::path::Path| {
        let mut command = once_of(&bench, config);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
    };
    let both = [run(&bench.path("renewd.toml")), run(&second)];
    let done = both.map(|child| child.wait_with_output().unwrap());
    let said: Vec<String> = done.iter().map(|d| String::from_utf8_lossy(&d.stdout).into_owned()).collect();
    assert_eq!(bench.charged(A), 1, "{said:#?}");
}

#[test]
fn a_second_renewd_pays_nothing_while_the_first_lives_and_says_why() {
    let bench = bench();
    let second = second_state(&bench);
    let mut daemon = bench.spawn(&["run"]);
    until("the daemon paid", 20, || bench.charged(A) == 1);
    bench.handle.with(|w| w.add_order(KEY, Product::IPv4, "USA", &[B], in_hours(20)).map(drop)).unwrap();
    let out = once_of(&bench, &second).output().unwrap();
    let once: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(out.status.code(), Some(3), "{once:#}");
    assert!(once["payments"].as_array().unwrap().is_empty());
    let error = once["accounts"][0]["error"].as_str().unwrap();
    assert!(error.contains("another renewd on this machine"), "{error}");
    until("the daemon paid the other", 20, || bench.charged(B) == 1);
    signal(&daemon, Signal::KILL);
    daemon.wait().unwrap();
    let out = once_of(&bench, &second).output().unwrap();
    assert_eq!(out.status.code(), Some(0), "a dead process holds nothing");
    assert_eq!((bench.charged(A), bench.charged(B)), (1, 1));
}

#[test]
fn a_copy_of_a_state_folder_is_a_second_renewd() {
    let bench = bench();
    let mut daemon = bench.spawn(&["run"]);
    until("the daemon paid", 20, || bench.charged(A) == 1);
    let copy = bench.path("second");
    fs::create_dir(&copy).unwrap();
    assert!(bench.renewd(&["backup", copy.join("ledger.db").to_str().unwrap()]).status.success());
    bench.config("", &due_again(KEEP));
    let out = once_of(&bench, &second_state(&bench)).output().unwrap();
    let once: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(word(&bench, &once, A), "second_renewd", "{once:#}");
    signal(&daemon, Signal::KILL);
    daemon.wait().unwrap();
    assert_eq!(bench.charged(A), 1);
}

#[test]
fn a_runtime_folder_that_cannot_be_used_is_a_warning_and_no_more() {
    let bench = bench();
    fs::write(bench.path("run"), "a file where the folder should be").unwrap();
    let out = bench.command(&["once"]).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(0), "{said}");
    assert_eq!(said.matches("goes unnoticed").count(), 1, "{said}");
    assert_eq!(bench.charged(A), 1);
}
