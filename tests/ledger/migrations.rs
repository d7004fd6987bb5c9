//! Shipped migrations never change, and each is replayed over data from before it.
use renewd::ledger::sqlite::{Access, MIGRATIONS, open};
use renewd::ledger::{IntentFilter, Ledger};
use rusqlite::Connection;
use sha2::{Digest, Sha256};

/// File name, SHA-256 of the shipped text, and rows as they may stand in a ledger right after it.
const SHIPPED: &[(&str, &str, &str)] = &[
    (
    "0001_ledger.sql",
    "23a2c79ff392a9e0f07e46f328faa060f5594ab457c01667a5c51eb22a3ef7c1",
    "INSERT INTO cycle VALUES (1, '2026-11-17T12:00:00.000000000Z', 'b', 1, NULL, 'ok', 1, 0, 0);
     INSERT INTO intent VALUES (1, 'p-000001', NULL, 'youproxy', 'yp', 'IPv4', 30, NULL, 'leases', 'keep', '2.65', 'USD',
       '100.00', 1, 1, '2026-11-17T12:00:00.000000000Z', 'b', 1);
     INSERT INTO intent_lease VALUES (1, 0, 'L1', 'O1', '203.0.113.1', '2026-11-20T09:00:00.000000000Z');
     INSERT INTO intent_event VALUES
       (1, 0, '2026-11-17T12:00:00.000000000Z', 'b', 1, 'reserved', 'reserved', NULL, NULL, NULL, NULL, NULL, NULL),
       (1, 1, '2026-11-17T12:00:01.000000000Z', 'b', 2, 'spend_started', 'spend_started', NULL, NULL, NULL, NULL, NULL, NULL),
       (1, 2, '2026-11-17T12:00:02.000000000Z', 'b', 3, 'accepted', 'accepted', '2.65', '97.35', NULL, NULL, NULL, 'a good reply');
     INSERT INTO settle_read VALUES (1, 1, '2026-11-17T12:05:00.000000000Z', 'b', 4, '97.35', '2.65', 0);
     INSERT INTO outbox (id, key, recipients, subject, text, html, message_id, in_reply_to, queued_at, next_at) VALUES
       (1, 'short_funds:yp', 'a@example.org', '[renewd warning] x', 't', 'h', 'm1', NULL, '2026-11-17T12:00:00.000000000Z',
        '2026-11-17T12:00:00.000000000Z');",
    ),
    (
    "0002_orders.sql",
    "d99e2d12ba8e2254b44598e47ac3e313eb01647730b5597d828350e86302300b",
    "INSERT INTO order_change VALUES (1, 'proxyshard', 'ps', 'O1', 'O1', 'auto_on', 'on', 'why', '2026-11-17T12:00:00.000000000Z');
     INSERT INTO order_change_end VALUES (1, 'done', NULL, NULL, '2026-11-17T12:00:01.000000000Z');",
    ),
    (
        "0003_quotes.sql",
        "698bf5e1b9ca98dbf820ac01da9c161ce4071d6de0b411df55441736a4e38712",
        "INSERT INTO quote_seen VALUES ('yp', 'L1', '2.65', 'USD', 30, '2026-11-20T09:00:00.000000000Z',
           '2026-11-17T12:00:00.000000000Z');",
    ),
    (
        "0004_alerts.sql",
        "b90f7c7d79496da79fcb1718cb3a24b8e2636a39a7424401ef509cf7db7572cb",
        "INSERT INTO alert (key, severity, account, since, told_at, title, text, once, owed) VALUES ('short_funds:yp', 'warning', 'yp',
       '2026-11-17T12:00:00.000000000Z', '2026-11-17T12:00:00.000000000Z', 'title', 'text', 0, 'raised');
     INSERT INTO silence VALUES ('clock:*', '2026-11-17T12:00:00.000000000Z', '2026-11-17T13:00:00.000000000Z');
     INSERT INTO balance_mark VALUES ('yp', '2026-11-17T12:00:00.000000000Z', '100.00', 'USD', NULL, NULL);
     INSERT INTO balance_note VALUES (1, 'yp', '2026-11-17T12:00:00.000000000Z', '2026-11-17T12:10:00.000000000Z', '100.00',
       '88.00', 'USD', '0.00', '12.00');",
    ),
    (
        "0005_channels.sql",
        "5980536ed2604729e6ccb5d7666fb9b5ad4f07221bb4b5f57cc76fd4cca66865",
        "INSERT INTO outbox (channel, key, recipients, subject, text, html, message_id, queued_at, next_at) VALUES
       ('webhook', 'short_funds:yp', '', 'x', 't', '', 'm2', '2026-11-17T12:00:00.000000000Z', '2026-11-17T12:00:00.000000000Z');",
    ),
    (
        "0006_heard.sql",
        "4235fb956985b3864208e52315aa57de86748041505f812f95300b6e4ff2fe72",
        "INSERT INTO alert (key, severity, account, since, told_at, title, text, once, heard) VALUES ('unknown:yp:O1', 'warning', 'yp',
       '2026-11-17T12:00:00.000000000Z', '2026-11-17T12:00:00.000000000Z', 'title', 'text', 0, 'p-000001');",
    ),
    (
        "0009_charges.sql",
        "a6717929984d4445b034316d9c4d16ead88a8dfec011703b4fc26e3accd47ab0",
        "INSERT INTO intent_event (intent, seq, at, boot, ms, event, state, charged, measured) VALUES
       (1, 3, '2026-11-17T12:00:03.000000000Z', 'b', 5, 'measured', 'accepted', '2.65', 'reading');
     INSERT INTO balance_note (account, since, at, before, after, currency, explained, unexplained, contested) VALUES ('yp',
       '2026-11-17T12:10:00.000000000Z', '2026-11-17T12:20:00.000000000Z', '100.00', '88.00', 'USD', '2.65', '9.35', 'p-000001');",
    ),
];

#[test]
fn shipped_migrations_are_as_they_were_shipped() {
    assert_eq!(MIGRATIONS.len(), SHIPPED.len(), "a new migration needs its hash and sample rows here");
    for ((name, sql), (shipped, hash, _)) in MIGRATIONS.iter().zip(SHIPPED) {
        assert_eq!(name, shipped);
        let now: String = Sha256::digest(sql.as_bytes()).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(&now, hash, "{name} was shipped: add a new file instead of changing it");
    }
}

#[test]
fn migrations_are_numbered_in_order_without_a_gap() {
    for (n, (name, _)) in (1..).zip(MIGRATIONS) {
        assert!(name.starts_with(&format!("{n:04}_")), "{name}");
    }
}

#[test]
fn every_migration_keeps_the_data_of_those_before_it() {
    for start in 1..=MIGRATIONS.len() {
        let dir = tempfile::tempdir().unwrap();
        let raw = Connection::open(dir.path().join("ledger.db")).unwrap();
        raw.pragma_update(None, "foreign_keys", true).unwrap();
        for ((_, sql), (.., rows)) in MIGRATIONS.iter().zip(SHIPPED).take(start) {
            raw.execute_batch(sql).unwrap();
            raw.execute_batch(rows).unwrap();
        }
        raw.pragma_update(None, "user_version", start as i64).unwrap();
        drop(raw);

        let ledger = open(dir.path(), Access::Pay).unwrap();
        let payments = ledger.intents(&IntentFilter::default()).unwrap();
        assert_eq!(payments.len(), 1, "from schema {start}");
        assert_eq!(payments[0].detail.charged, Some("2.65".parse().unwrap()));
        assert_eq!(payments[0].request.leases.len(), 1);
        assert_eq!(payments[0].reads.len(), 1);
        let raw = Connection::open(dir.path().join("ledger.db")).unwrap();
        let version: i64 = raw.query_row("PRAGMA user_version", [], |r| r.get(0)).unwrap();
        assert_eq!(version, MIGRATIONS.len() as i64);
    }
}
