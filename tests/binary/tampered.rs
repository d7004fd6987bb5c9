//! A ledger that somebody edited past renewd, and `renewd history --verify`, which finds it and names the row.
use renewd::simulator::Product;
use rstest::rstest;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::common::Bench;

/// Two payments, confirmed.
fn paid() -> Bench {
    let bench =
        Bench::new("100.00", &[(Product::IPv4, &["203.0.113.1"], 24), (Product::IPv6, &["2001:db8::1"], 24)]);
    bench.settle(5);
    assert_eq!(bench.charges().0, 2);
    bench
}

fn tamper(bench: &Bench, sql: &str) {
    let raw = Connection::open(bench.path("state/ledger.db")).unwrap();
    let mut triggers = raw.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'").unwrap();
    let names: Vec<String> = triggers.query_map([], |r| r.get(0)).unwrap().map(Result::unwrap).collect();
    drop(triggers);
    for name in names {
        raw.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
    }
    raw.pragma_update(None, "foreign_keys", false).unwrap();
    raw.execute_batch(sql).unwrap();
}

fn verify(bench: &Bench, more: &[&str]) -> (i32, Value, String) {
    let args = [&["history", "--verify"], more].concat();
    let (exit, document) = bench.json(&args);
    let out = bench.renewd(&args);
    assert_eq!(out.status.code(), Some(exit));
    (exit, document, String::from_utf8(out.stdout).unwrap())
}

#[test]
fn a_history_as_renewd_wrote_it_holds_and_its_head_is_told() {
    let bench = paid();
    let (exit, document, text) = verify(&bench, &[]);
    assert_eq!(
        (exit, &document["ok"], &document["linked_from"]),
        (0, &json!(true), &json!(1)),
        "{document:#}"
    );
    let (rows, head) = (document["rows"].as_u64().unwrap(), document["head"].as_str().unwrap());
    assert!(rows >= 8 && head.len() == 64, "{document:#}");
    assert_eq!(text, format!("{rows} rows fit; head {head}\n"));

    let (exit, document, text) = verify(&bench, &["--head", head]);
    assert_eq!((exit, &document["asked"]["row"]), (0, &json!(rows)));
    assert!(text.contains(&format!("the head that you named is row {rows}")), "{text}");
    let (exit, document, text) = verify(&bench, &["--head", &"00".repeat(32)]);
    assert_eq!((exit, &document["ok"], &document["asked"]["row"]), (3, &json!(false), &Value::Null));
    assert!(text.contains("is not in the chain"), "{text}");
    assert_eq!(bench.renewd(&["history", "--verify", "--head", "123"]).status.code(), Some(2));
    assert_eq!(bench.renewd(&["history", "--head", head]).status.code(), Some(2));
    assert_eq!(bench.renewd(&["history", "--verify", "--since", "3d"]).status.code(), Some(2));
}

#[test]
fn before_the_first_payment_there_is_nothing_to_verify_and_that_is_well() {
    let bench = Bench::new("100.00", &[]);
    bench.json(&["once"]);
    let (exit, document, text) = verify(&bench, &[]);
    assert_eq!((exit, &document["rows"], &document["head"]), (0, &json!(0), &Value::Null));
    assert_eq!(text, "there are no payments yet\n");
}

#[rstest]
#[case::edited(
    "UPDATE intent_event SET charged = '0.01' WHERE intent = 1 AND seq = 2",
    "event 2 of payment p-000001"
)]
#[case::a_quote(
    "UPDATE intent SET quoted = '0.01' WHERE id = 2",
    "the payment itself, with its leases of payment p-000002"
)]
#[case::deleted("DELETE FROM intent_event WHERE intent = 2 AND seq = 1", "event 1 of payment p-000002")]
#[case::swapped(
    "UPDATE intent_event SET seq = 9 WHERE intent = 1 AND seq = 1; UPDATE intent_event SET seq = 1 WHERE intent = 1 AND seq = 2;
     UPDATE intent_event SET seq = 2 WHERE intent = 1 AND seq = 9",
    "event 1 of payment p-000001"
)]
#[case::forged(
    "INSERT INTO intent_event (intent, seq, at, boot, ms, event, state) VALUES (1, 9, 'then', 'boot', 1, 'measured', 'confirmed')",
    "event 9 of payment p-000001"
)]
fn what_somebody_changed_is_found_and_named(#[case] sql: &str, #[case] named: &str) {
    let bench = paid();
    tamper(&bench, sql);
    let (exit, document, text) = verify(&bench, &[]);
    assert_eq!((exit, &document["ok"]), (3, &json!(false)), "{document:#}");
    assert!(text.contains("the payments on record were changed") && text.contains(named), "{text}");
    let misfit = &document["misfit"];
    let of =
        format!("{} of payment {}", misfit["what"].as_str().unwrap(), misfit["payment"].as_str().unwrap());
    assert_eq!(of, named);
    assert!(misfit["why"].is_string());
}

#[test]
fn it_is_verified_beside_a_config_that_cannot_be_used() {
    let bench = paid();
    bench.config("", "nonsense = 1\n");
    assert_eq!(verify(&bench, &[]).0, 0);
}
