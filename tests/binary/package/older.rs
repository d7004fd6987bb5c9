//! A ledger as an older version left it, for the upgrade of the package and for a daemon that finds it.
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use renewd::ledger::sqlite::MIGRATIONS;
use rusqlite::Connection;

use crate::common::Bench;

/// The schema of that version.
const SCHEMA: usize = 6;

/// A payment of a lease that was confirmed, and a message that waits.
const ROWS: &str = "
    INSERT INTO cycle VALUES (1, '2024-11-17T12:00:00.000000000Z', 'b', 1, '2024-11-17T12:01:00.000000000Z', 'ok', 1, 0, 0);
    INSERT INTO intent VALUES (1, 'p-000001', NULL, 'youproxy', 'old', 'IPv4', 30, NULL, 'leases', 'keep', '2.65', 'USD',
      '100.00', 1, 1, '2024-11-17T12:00:00.000000000Z', 'b', 1);
    INSERT INTO intent_lease VALUES (1, 0, 'L1', 'O1', '203.0.113.1', '2024-11-20T09:00:00.000000000Z');
    INSERT INTO intent_event VALUES
      (1, 0, '2024-11-17T12:00:00.000000000Z', 'b', 1, 'reserved', 'reserved', NULL, NULL, NULL, NULL, NULL, NULL),
      (1, 1, '2024-11-17T12:00:01.000000000Z', 'b', 2, 'spend_started', 'spend_started', NULL, NULL, NULL, NULL, NULL, NULL),
      (1, 2, '2024-11-17T12:00:02.000000000Z', 'b', 3, 'accepted', 'accepted', '2.65', '97.35', NULL, NULL, NULL, 'a good reply'),
      (1, 3, '2024-11-17T12:06:00.000000000Z', 'b', 5, 'ends_moved', 'confirmed', '2.65', '97.35',
       '2024-12-20T09:00:00.000000000Z', NULL, NULL, 'its end moved');
    INSERT INTO settle_read VALUES (1, 1, '2024-11-17T12:05:00.000000000Z', 'b', 4, '97.35', '2.65', 0);";

/// Writes it.
pub fn ledger(file: &Path) {
    let raw = Connection::open(file).unwrap();
    for (n, (_, sql)) in MIGRATIONS.iter().take(SCHEMA).enumerate() {
        raw.execute_batch(sql).unwrap();
        // Written in the first schema: the later ones add columns.
        if n == 0 {
            raw.execute_batch(ROWS).unwrap();
        }
    }
    raw.pragma_update(None, "user_version", SCHEMA as i64).unwrap();
}

#[test]
fn a_ledger_of_an_older_version_goes_on_with_its_payments() {
    let bench = Bench::new("100.00", &[(renewd::simulator::Product::IPv4, &["203.0.113.7"], 24)]);
    std::fs::DirBuilder::new().mode(0o700).create(bench.path("state")).unwrap();
    ledger(&bench.path("state/ledger.db"));
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, once["payments"].as_array().map(Vec::len)), (0, Some(1)), "{once:#}");
    let (_, history) = bench.json(&["history"]);
    let states: Vec<(&str, &str)> = history["payments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (p["account"].as_str().unwrap(), p["state"].as_str().unwrap()))
        .collect();
    assert!(states.contains(&("old", "confirmed")) && states.len() == 2, "{history:#}");
    let (code, verified) = bench.json(&["history", "--verify"]);
    assert_eq!((code, verified["ok"].as_bool()), (0, Some(true)), "{verified:#}");
}
