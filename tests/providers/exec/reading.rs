//! Lists, balances and prices of programs: read whole, or not believed.
use std::sync::Arc;

use renewd::domain::QuoteError;
use renewd::providers::{Purpose, ReadError};
use rstest::rstest;

use super::bench::{Bench, request};

const LEASE: &str = r#"{"lease":{"id":"L1","order":"O1","ip":"203.0.113.1","kind":"IPv4","ends":"2026-12-01T09:00:00Z","state":"active","provider_renews":false}}"#;
const BALANCE: &str = r#"say '"balance":"9.00","currency":"USD"'"#;

fn list(lines: &[&str]) -> String {
    let mut script = "printf '{\"protocol\":1,\"request\":\"%s\"}\\n' \"$r\"\n".to_owned();
    lines.iter().for_each(|line| script.push_str(&format!("echo '{line}'\n")));
    script
}

#[tokio::test]
async fn a_list_and_then_the_balance_make_an_inventory() {
    let b = Bench::new();
    b.on("list", &list(&[LEASE, r#"{"end":true,"count":1,"complete":true}"#])).on("balance", BALANCE);
    let reader = b.reader();
    assert!(!reader.capabilities().renew_early, "nobody knows yet");
    let inventory = reader.inventory(Purpose::Routine).await.unwrap();
    assert_eq!((inventory.leases.len(), inventory.balance.amount.to_string()), (1, "9.00".to_owned()));
    assert!(reader.capabilities().renew_early && reader.program().is_some());
    assert_eq!(b.calls(), ["capabilities", "list", "balance"]);
    assert_eq!(*b.limiter.0.lock().unwrap(), [(3, Purpose::Routine), (1, Purpose::Routine)]);
    reader.balance(Purpose::Money).await.unwrap();
    assert_eq!(b.calls().iter().filter(|c| *c == "capabilities").count(), 1, "asked once");
}

#[rstest]
#[case::no_last_line(list(&[LEASE]))]
#[case::killed_on_the_way(format!("{}kill -9 $$", list(&[LEASE])))]
#[case::a_failing_end(format!("{}exit 1", list(&[LEASE, r#"{"end":true,"count":1,"complete":true}"#])))]
#[case::nothing("true".to_owned())]
#[case::another_count(list(&[r#"{"end":true,"count":1,"complete":true}"#]))]
#[case::a_password(list(&[&LEASE.replace("\"id\"", "\"password\":\"p\",\"id\""), r#"{"end":true,"count":1,"complete":true}"#]))]
#[tokio::test]
async fn a_list_that_is_not_whole_says_nothing_of_what_is_missing(#[case] script: String) {
    let b = Bench::new();
    b.on("list", &script).on("balance", BALANCE);
    assert!(b.reader().inventory(Purpose::Routine).await.is_err());
}

#[tokio::test]
async fn the_words_of_an_error_decide_what_it_is_and_whether_it_is_tried_again() {
    let b = Bench::new();
    let error = |kind: &str| format!("say '\"error\":{{\"kind\":\"{kind}\",\"text\":\"t\"}}'; exit 1");
    b.on("balance", &error("wrong_key"));
    let reader = b.reader();
    assert!(matches!(reader.balance(Purpose::Money).await, Err(ReadError::WrongKey { .. })));
    b.on("balance", &error("not_allowed"));
    assert!(matches!(reader.balance(Purpose::Money).await, Err(ReadError::Refused { .. })));
    assert_eq!(b.calls().len(), 3, "neither is tried again");
    b.on(
        "balance",
        &format!("[ -e \"$here/tried\" ] || {{ : > \"$here/tried\"; {}; }}\n{BALANCE}", error("unavailable")),
    );
    assert!(reader.balance(Purpose::Money).await.is_ok());
    b.on("balance", "exit 2");
    assert!(matches!(reader.balance(Purpose::Money).await, Err(ReadError::NoAnswer(_))));
}

#[tokio::test]
async fn a_price_without_a_balance_has_it_asked_besides() {
    let b = Bench::new();
    b.on("balance", BALANCE)
        .on("quote", r#"say '"leases":["L1"],"price":"2.65","currency":"USD","warnings":[]'"#);
    let reader = b.reader();
    let quote = reader.quote(&request(&[1])).await.unwrap();
    assert_eq!((quote.price.to_string(), quote.balance.amount.to_string()), ("2.65".into(), "9.00".into()));
    assert_eq!(b.limiter.0.lock().unwrap()[0], (4, Purpose::Money), "quote, balance and the payment's two");
    b.on("balance", &BALANCE.replace("USD", "EUR"));
    assert!(matches!(reader.quote(&request(&[1])).await, Err(QuoteError::Unreadable(_))));
    b.on("quote", r#"say '"leases":["L2"],"price":"2.65","currency":"USD","warnings":[]'"#);
    assert!(matches!(reader.quote(&request(&[1])).await, Err(QuoteError::Unreadable(_))));
    let many: Vec<usize> = (1..22).collect();
    assert!(matches!(reader.quote(&request(&many)).await, Err(QuoteError::Refused { .. })));
}

#[tokio::test]
async fn a_program_that_has_not_passed_its_check_is_not_run_where_that_is_asked() {
    let b = Bench::new();
    b.on("balance", BALANCE);
    let reader = b.reader_allowed(Arc::new(|_| Err("not checked".to_owned())));
    let said = reader.balance(Purpose::Money).await.unwrap_err();
    assert!(said.to_string().contains("not checked"), "{said}");
    assert_eq!((b.calls(), reader.program().is_some()), (Vec::new(), true));
}

#[tokio::test]
async fn a_program_that_changed_is_asked_again_what_it_can_do_and_may_not_do_otherwise() {
    let b = Bench::new();
    b.on("balance", BALANCE);
    let reader = b.reader();
    reader.balance(Purpose::Money).await.unwrap();
    let before = reader.program();
    let text = std::fs::read_to_string(b.path("program")).unwrap();
    std::fs::write(b.path("program"), format!("{text}# another\n")).unwrap();
    reader.balance(Purpose::Money).await.unwrap();
    assert_ne!(reader.program(), before);
    assert_eq!(b.calls(), ["capabilities", "balance", "capabilities", "balance"]);
    std::fs::write(b.path("program"), format!("{text}# a third\n")).unwrap();
    let can = std::fs::read_to_string(b.path("capabilities")).unwrap();
    b.on("capabilities", can.replace("\"renew_early\":true", "\"renew_early\":false").trim());
    let said = reader.balance(Purpose::Money).await.unwrap_err();
    assert!(said.to_string().contains("reload renewd"), "{said}");
}

#[tokio::test]
async fn it_runs_in_an_empty_folder_of_its_own_with_little_around_it() {
    let b = Bench::new();
    let look =
        "pwd > \"$here/pwd\"; ls -la > \"$here/ls\"; umask > \"$here/umask\"; env | sort > \"$here/env\"";
    b.on("balance", &format!("{look}\n{BALANCE}"));
    b.reader().balance(Purpose::Money).await.unwrap();
    let read = |name: &str| std::fs::read_to_string(b.path(name)).unwrap();
    assert_eq!(read("umask").trim(), "0077");
    assert_eq!(read("ls").lines().count(), 3, "{}", read("ls"));
    assert!(!std::path::Path::new(read("pwd").trim()).exists(), "it is gone afterwards");
    let env = read("env");
    let names: Vec<&str> = env.lines().filter_map(|line| line.split('=').next()).collect();
    assert_eq!(names, ["LANG", "PATH", "PWD", "RENEWD_PROTOCOL", "TZ"]);
}
