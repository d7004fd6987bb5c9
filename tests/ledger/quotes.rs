//! Prices that were asked, kept for the forecast.
use jiff::Timestamp;
use renewd::domain::LeaseId;
use renewd::ledger::{Prices, SeenQuote};

use crate::support::{acct, at, end, money, raw, seeded};

fn quote(lease: &str, amount: &str, seen_at: Timestamp) -> SeenQuote {
    SeenQuote {
        account: acct(),
        lease: lease.into(),
        amount: money(amount),
        currency: "USD".into(),
        period_days: 30,
        term_end: end(),
        seen_at,
    }
}

#[test]
fn the_newest_quote_of_each_lease_is_kept_to_the_digit() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    ledger
        .record_quotes(at(0).wall, &[quote("L1", "2.65", at(0).wall), quote("L2", "0.005", at(0).wall)])
        .unwrap();
    let newer = quote("L1", "12345678901234567.89", at(5).wall);
    ledger.record_quotes(at(5).wall, std::slice::from_ref(&newer)).unwrap();
    let kept = ledger.quotes(&acct()).unwrap();
    assert_eq!(kept.len(), 2);
    assert_eq!(kept[&LeaseId::new("L1")], newer);
    assert_eq!(kept[&LeaseId::new("L2")].amount, money("0.005"));
    assert!(ledger.quotes(&"other".into()).unwrap().is_empty(), "one account's quotes are no other's");
}

#[test]
fn a_quote_that_says_nothing_any_more_goes() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    ledger.record_quotes(at(0).wall, &[quote("L1", "2.65", at(0).wall)]).unwrap();
    let later = at(91 * 24 * 60).wall;
    ledger.record_quotes(later, &[quote("L2", "2.65", later)]).unwrap();
    assert_eq!(ledger.quotes(&acct()).unwrap().into_keys().collect::<Vec<_>>(), [LeaseId::new("L2")]);
}

#[test]
fn nothing_asked_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    // One connection throughout: it sees whether another has written since it looked last.
    let raw = raw(dir.path());
    let version = || -> i64 { raw.query_row("PRAGMA data_version", [], |r| r.get(0)).unwrap() };
    let before = version();
    ledger.record_quotes(at(0).wall, &[]).unwrap();
    assert_eq!(version(), before);
    ledger.record_quotes(at(0).wall, &[quote("L1", "2.65", at(0).wall)]).unwrap();
    assert_ne!(version(), before, "a write would have been seen");
}
