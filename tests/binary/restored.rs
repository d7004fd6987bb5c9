//! A backup that is brought back, through the real binary: what was paid since is not paid again, and it is told.
use std::fs;
use std::time::Duration;

use renewd::simulator::Product;
use serde_json::Value;

use crate::common::{Bench, KEEP, KEY, in_hours};

const A: &str = "203.0.113.1";
const B: &str = "203.0.113.2";

fn bring_back(bench: &Bench) {
    for name in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
        let _ = fs::remove_file(bench.path("state").join(name));
    }
    fs::copy(bench.path("backup.db"), bench.path("state/ledger.db")).unwrap();
}

fn open_alerts(bench: &Bench) -> Vec<String> {
    let status = bench.json(&["status"]).1;
    let alerts = status["open_alerts"].as_array().unwrap();
    alerts.iter().map(|a| a["key"].as_str().unwrap().to_owned()).collect()
}

fn reason(bench: &Bench, document: &Value, ip: &str) -> String {
    bench.item(document, ip)["reason"].as_str().unwrap().to_owned()
}

fn states(history: &Value) -> Vec<&str> {
    history["payments"].as_array().unwrap().iter().map(|p| p["state"].as_str().unwrap()).collect()
}

#[test]
fn what_was_paid_after_the_backup_is_not_paid_again_although_the_list_does_not_show_it_yet() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 24 * 20), (Product::IPv4, &[B], 24 * 20)]);
    bench.config("", KEEP);
    assert_eq!(bench.json(&["once"]).0, 0);
    let to = bench.path("backup.db");
    assert_eq!(bench.renewd(&["backup", to.to_str().unwrap()]).status.code(), Some(0));
    bench.handle.set_lag(Duration::from_millis(2_500));
    bench.handle.set_balance_lag(Duration::from_millis(2_500));
    bench.handle.with(|w| w.set_end(KEY, A, in_hours(24)));
    bench.json(&["once"]);
    assert_eq!(bench.charged(A), 1);

    bring_back(&bench);
    bench.handle.with(|w| w.set_end(KEY, B, in_hours(24)));
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, bench.charged(A), bench.charged(B)), (3, 1, 0), "{once:#}");
    assert!(reason(&bench, &once, B).starts_with("restored: the ledger was restored"), "{once:#}");
    assert!(open_alerts(&bench).contains(&"restored:*".to_owned()), "{:?}", open_alerts(&bench));
    let status = bench.json(&["status"]).1;
    assert_eq!(status["healthy"], false, "{status:#}");
    let history = bench.json(&["history"]).1;
    let payments = history["payments"].as_array().unwrap();
    assert_eq!((payments.len(), &payments[0]["state"]), (1, &Value::from("unknown")), "{history:#}");

    bench.pass(3_200);
    // How many cycles it takes depends on when the two readings and the list that lags fall.
    bench.once_until(20, || states(&bench.json(&["history"]).1) == ["confirmed", "confirmed"]);
    let history = bench.json(&["history"]).1;
    assert_eq!((bench.charged(A), bench.charged(B)), (1, 1), "what is due and was not paid is paid now");
    assert_eq!(states(&history), ["confirmed", "confirmed"], "{history:#}");
    assert!(!open_alerts(&bench).contains(&"restored:*".to_owned()), "{:?}", open_alerts(&bench));
}
