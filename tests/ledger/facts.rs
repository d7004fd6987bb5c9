//! Facts about accounts and leases.
use renewd::domain::{AccountName, LeaseId};
use renewd::ledger::{AccountFacts, Cycles, DecisionRow, Inventories, Prices};
use rusqlite::Connection;

use crate::plan::Sorted;
use crate::support::{acct, at, inventory, lease, money, raw, seeded, yp};

/// Counts the writes to lease rows from here on.
fn watch(raw: &Connection) {
    raw.execute_batch(
        "CREATE TABLE written (n INTEGER);
         CREATE TRIGGER watch_insert AFTER INSERT ON lease BEGIN INSERT INTO written VALUES (1); END;
         CREATE TRIGGER watch_update AFTER UPDATE ON lease BEGIN INSERT INTO written VALUES (1); END;
         CREATE TRIGGER watch_delete AFTER DELETE ON lease BEGIN INSERT INTO written VALUES (1); END;",
    )
    .unwrap();
}

fn written(raw: &Connection) -> i64 {
    raw.query_row("SELECT count(*) FROM written", [], |r| r.get(0)).unwrap()
}

#[test]
fn leases_are_kept_as_they_were_read() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let mut odd = lease("yp", 2);
    (odd.expires_at, odd.country, odd.provider_renews, odd.tag) =
        (None, None, None, Some("prod-1".to_owned()));
    let now = vec![lease("yp", 1), odd];
    ledger.record_inventory(&yp(), &acct(), at(5).wall, &inventory(now.clone())).unwrap();
    let known = ledger.known_leases(&acct()).unwrap();
    assert_eq!(known.iter().map(|k| k.lease.clone()).collect::<Vec<_>>(), now);
    assert!(known.iter().all(|k| k.first_seen == at(-1).wall), "seen since the first read");
}

#[test]
fn an_unchanged_inventory_writes_no_lease() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let raw = raw(dir.path());
    watch(&raw);
    let mut now: Vec<_> = (1..10).map(|n| lease("yp", n)).collect();
    ledger.record_inventory(&yp(), &acct(), at(5).wall, &inventory(now.clone())).unwrap();
    assert_eq!(written(&raw), 0);
    now[4].tag = Some("new".to_owned());
    ledger.record_inventory(&yp(), &acct(), at(6).wall, &inventory(now)).unwrap();
    assert_eq!(written(&raw), 1);
}

#[test]
fn an_unchanged_list_and_plan_write_no_lease_no_decision_and_no_digest() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let now: Vec<_> = (1..10).map(|n| lease("yp", n)).collect();
    let decided = |word: &str| {
        let row = |l: &renewd::domain::Lease| DecisionRow {
            account: l.account.clone(),
            lease: l.id.clone(),
            ip: l.ip.clone(),
            kind: l.kind.clone(),
            decision: "wait".to_owned(),
            word: word.to_owned(),
            reason: format!("{word}: later"),
            policy: None,
        };
        now.iter().map(row).collect::<Vec<_>>()
    };
    ledger.record_plan(1, at(0).wall, &Sorted::of(&decided("not_due"))).unwrap();
    let file = raw(dir.path());
    for table in ["lease", "decision", "digest"] {
        for (n, event) in ["INSERT", "UPDATE", "DELETE"].iter().enumerate() {
            let no = format!(
                "CREATE TRIGGER no_{table}_{n} BEFORE {event} ON {table} BEGIN SELECT raise(ABORT, '{event} {table}'); END"
            );
            file.execute_batch(&no).unwrap();
        }
    }
    ledger.record_inventory(&yp(), &acct(), at(5).wall, &inventory(now.clone())).unwrap();
    ledger.record_plan(1, at(5).wall, &Sorted::of(&decided("not_due"))).unwrap();
    assert!(ledger.record_plan(1, at(5).wall, &Sorted::of(&decided("window"))).is_err(), "the triggers hold");
}

#[test]
fn a_ledger_without_digests_is_compared_row_by_row_once() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let file = raw(dir.path());
    let digests = || -> i64 { file.query_row("SELECT count(*) FROM digest", [], |r| r.get(0)).unwrap() };
    file.execute_batch("DELETE FROM digest; UPDATE lease SET tag = 'old' WHERE lease = 'L3'").unwrap();
    watch(&file);
    let now: Vec<_> = (1..10).map(|n| lease("yp", n)).collect();
    let listed = inventory(now.clone());
    assert_eq!(ledger.difference(&acct(), &listed.leases).unwrap().known.len(), 9);
    ledger.record_inventory(&yp(), &acct(), at(5).wall, &listed).unwrap();
    assert_eq!((written(&file), digests()), (1, 1), "the one that differs");
    assert!(ledger.difference(&acct(), &listed.leases).unwrap().is_empty());
    assert_eq!(ledger.last_list(&acct()).unwrap().to_vec(), now);
}

#[test]
fn a_lease_that_is_gone_is_kept_and_may_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let gone = || -> Option<String> {
        raw(dir.path()).query_row("SELECT gone_at FROM leases WHERE lease = 'L9'", [], |r| r.get(0)).unwrap()
    };
    let without: Vec<_> = (1..9).map(|n| lease("yp", n)).collect();
    ledger.record_inventory(&yp(), &acct(), at(5).wall, &inventory(without.clone())).unwrap();
    assert_eq!(ledger.known_leases(&acct()).unwrap().len(), 8);
    assert_eq!(gone().as_deref(), Some("2026-11-17T12:05:00Z"));
    ledger.record_inventory(&yp(), &acct(), at(6).wall, &inventory(without)).unwrap();
    assert_eq!(gone().as_deref(), Some("2026-11-17T12:05:00Z"), "gone since it was first missed");
    let with: Vec<_> = (1..10).map(|n| lease("yp", n)).collect();
    ledger.record_inventory(&yp(), &acct(), at(7).wall, &inventory(with)).unwrap();
    let known = ledger.known_leases(&acct()).unwrap();
    assert_eq!((known.len(), known[8].first_seen), (9, at(-1).wall));
    assert_eq!(gone(), None);
}

#[test]
fn one_account_is_nothing_to_another() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let other = AccountName::new("yp-2");
    ledger.record_inventory(&yp(), &other, at(5).wall, &inventory(vec![lease("yp-2", 1)])).unwrap();
    assert_eq!(ledger.known_leases(&acct()).unwrap().len(), 9);
    assert_eq!(ledger.known_leases(&other).unwrap().len(), 1);
}

#[test]
fn an_account_that_cannot_be_read_keeps_what_was_known_and_since_when() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    ledger.record_unread(&yp(), &acct(), at(5).wall, "time-out").unwrap();
    ledger.record_unread(&yp(), &acct(), at(6).wall, "wrong key").unwrap();
    let good = AccountFacts {
        account: acct(),
        provider: yp(),
        read_at: Some(at(-1).wall),
        balance: Some(money("100.00")),
        currency: Some("USD".into()),
        leases: 9,
        error: Some("wrong key".to_owned()),
        failing_since: Some(at(5).wall),
    };
    assert_eq!(ledger.accounts().unwrap(), std::slice::from_ref(&good));
    assert_eq!(ledger.known_leases(&acct()).unwrap().len(), 9);
    ledger.record_inventory(&yp(), &acct(), at(7).wall, &inventory(vec![lease("yp", 1)])).unwrap();
    let healed =
        AccountFacts { read_at: Some(at(7).wall), leases: 1, error: None, failing_since: None, ..good };
    assert_eq!(ledger.accounts().unwrap(), [healed]);
}

#[test]
fn an_account_never_read_is_known_by_its_failure() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    ledger.record_unread(&yp(), &AccountName::new("new"), at(5).wall, "wrong key").unwrap();
    let facts = ledger.accounts().unwrap();
    let new = facts.iter().find(|a| a.account.as_str() == "new").unwrap();
    assert_eq!((new.read_at, new.balance, new.leases), (None, None, 0));
}

#[test]
fn twenty_thousand_leases_are_stored_and_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let mut many: Vec<_> = (0..20_000).map(|n| lease("yp", n)).collect();
    many.sort_by(|a, b| a.id.cmp(&b.id));
    ledger.record_inventory(&yp(), &acct(), at(5).wall, &inventory(many.clone())).unwrap();
    ledger.record_inventory(&yp(), &acct(), at(6).wall, &inventory(many.clone())).unwrap();
    let known = ledger.known_leases(&acct()).unwrap();
    assert_eq!(known.len(), many.len());
    assert_eq!(known[77].lease, many[77]);
    assert!(ledger.prices(&acct()).unwrap().is_empty());
    assert_eq!(known[0].lease.id, LeaseId::new("L0"));
}
