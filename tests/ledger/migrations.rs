//! Shipped migrations never change, and each is replayed over data from before it.
use renewd::domain::State;
use renewd::ledger::sqlite::{Access, MIGRATIONS, open};
use renewd::ledger::{IntentFilter, NewIntent, Payments, Purpose, postgres};
use rusqlite::Connection;
use sha2::{Digest, Sha256};

/// File name, SHA-256 of the shipped text, and rows as they may stand in a ledger right after it.
pub const SHIPPED: &[(&str, &str, &str)] = &[
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
        "0007_terms.sql",
        "aad431803afd5eb26968ca3e5c9c2be2205295ca951c1be05648aa5455bb8833",
        "INSERT INTO lease (account, lease, order_id, ip, kind, expires_at, first_seen, port) VALUES ('yp', 'L1', 'O1', '203.0.113.1',
       'IPv4', '2026-11-20', '2026-11-17T12:00:00.000000000Z', 50100);",
    ),
    (
        "0008_accounts.sql",
        "4ea7a1c9daab7ab693c12535f085e9ee5d3fac408bc424eb0bcf1ef82ccce029",
        "INSERT INTO account_number VALUES (7, 'proxyshard', 'other', '2026-11-17T12:00:00.000000000Z');
         INSERT INTO account_mark VALUES (7, 'key', 'abc', '2026-11-17T12:00:00.000000000Z');",
    ),
    (
        "0009_charges.sql",
        "6d7d155ed2c8071c29fe341c157628288abba302b711349f58cec5dab9395a4f",
        "INSERT INTO intent_event (intent, seq, at, boot, ms, event, state, charged, measured) VALUES
       (1, 3, '2026-11-17T12:00:03.000000000Z', 'b', 5, 'measured', 'accepted', '2.65', 'reading');
     INSERT INTO balance_note (account, since, at, before, after, currency, explained, unexplained, contested) VALUES ('yp',
       '2026-11-17T12:10:00.000000000Z', '2026-11-17T12:20:00.000000000Z', '100.00', '88.00', 'USD', '2.65', '9.35', 'p-000001');",
    ),
    (
        "0010_telling.sql",
        "f94ff5a4f8ebe8cd84e3f55452be095fecfe1015cdfc0732b8f43835dce16571",
        "UPDATE outbox SET refused = 'a@example.org' || char(9) || 'no such user', tried_at = queued_at;",
    ),
    (
        "0011_digests.sql",
        "775d1e0a68b4db7b4dcc5a46c46990a60f5586d8ac0d8c5fad4753263e0f8d21",
        "INSERT INTO digest VALUES ('yp', 'lease', x'00');",
    ),
    (
        "0012_reading.sql",
        "9b564416944eeb13b55995bd858e6843e12721c33c50b76bd1040d1dd94104ff",
        "INSERT INTO outlook (account, at, config, renew, hold, need, short_by) VALUES ('yp', '2026-11-17T12:00:00.000000000Z', 'c', 1, 2,
       '2.65', '0.00');",
    ),
    (
        "0013_pauses.sql",
        "8855c0e3dfb0f3b9c151a2c70c89b2e89ac56f57b2e5fb58fae9518937f7a324",
        "INSERT INTO pause VALUES ('yp', '2026-11-17T12:00:00.000000000Z', 'alice', 'why', '2026-11-18T12:00:00.000000000Z', 'b', 9);",
    ),
    (
        "0014_labels.sql",
        "71dc0adf029260f7bfa8776ca9b0484ad5ec53982ec8ab57e4ffd4e53ff9f132",
        "UPDATE lease SET operator = 'o2', started_at = '2026-01-17T12:00:00.000000000Z';",
    ),
    (
        "0015_named_channels.sql",
        "5cf7a0bb753bbcbf703c6a4d2732c73a7bf70b442b16a78f8a753b1f7340d4a0",
        "INSERT INTO outbox (channel, name, key, recipients, subject, text, html, message_id, queued_at, next_at) VALUES
       ('webhook', 'ops-chat', 'short_funds:yp', '', 'x', '{}', '', 'm3', '2026-11-17T12:00:00.000000000Z', '2026-11-17T12:00:00.000000000Z');",
    ),
    (
        "0016_approvals.sql",
        "778c17f06a3a8a7fd172af2c4a21333fb6a75dc6d89d3d58a406312bc3a87a09",
        "INSERT INTO approval_plan VALUES (1, '01234-abcde', 'youproxy', 'yp', 'keep', '2.65', 'USD', '[]', 'approved',
           '2026-11-19T09:00:00.000000000Z', '2026-11-20T09:00:00.000000000Z', '2026-11-20T09:00:00.000000000Z');
         INSERT INTO approval_event VALUES (1, 1, 'waiting', '2026-11-17T12:00:00.000000000Z', NULL, NULL, 'due'),
           (2, 1, 'approved', '2026-11-17T12:01:00.000000000Z', 'ann', 'looks right', NULL);",
    ),
    (
        "0017_keeps.sql",
        "781448ddbb8399994ab99f777e91d975b562491f3129c37219073fa7df2d4b51",
        "INSERT INTO keep VALUES (1, 'yp', 'L1', 'O1', '203.0.113.1', NULL, 'keep', '2026-11-17T12:00:00.000000000Z', 'alice',
           '2027-03-01', NULL);",
    ),
    (
        "0018_hooks.sql",
        "fdc1eadad9955163b6e885b9956f3de881c29b4ccccf3bf217dfc715c93fa833",
        "INSERT INTO hook VALUES ('pool', 'renewed' || char(10) || 'lost', NULL);
         INSERT INTO hook_event VALUES (1, 'pool', 'renewed', 'renewed:p-000001', '{\"schema\":1}', '2026-11-17T12:00:00.000000000Z', 1,
           '2026-11-17T12:00:01.000000000Z', '2026-11-17T12:00:06.000000000Z', 'it ended with exit code 1', NULL);
         INSERT INTO hook_told VALUES ('yp', 'lost:yp:L1:2026-11-20T09:00:00Z', '2026-11-20T09:10:00.000000000Z');",
    ),
    ("0019_sent_by_boot.sql", "31e5fd536494463b1875a4205d89fac54c72396ba0c9d5d8101f67e5f95c9884", ""),
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

/// The same for servers.
const SHIPPED_FOR_SERVERS: &[(&str, &str)] = &[
    ("0001_ledger.sql", "fb287d07fbc9d5abe4cc2b44fae457c24a852a7aee0fd649b6e37d84a82a345e"),
    ("0002_requests.sql", "fe6ec256ab8c81ce57d31e37654c66a3efcde3773d11a00863c57237e698bf8d"),
    ("0003_hooks.sql", "4e72d9d663abdb7e2a26dc5cfda82d0c5160169e03f056924763f6c9e409bfbb"),
    ("0004_sent_by_boot.sql", "31e5fd536494463b1875a4205d89fac54c72396ba0c9d5d8101f67e5f95c9884"),
];

#[test]
fn shipped_migrations_for_servers_are_as_they_were_shipped() {
    assert_eq!(postgres::MIGRATIONS.len(), SHIPPED_FOR_SERVERS.len(), "a new migration needs its hash here");
    for ((name, sql), (shipped, hash)) in postgres::MIGRATIONS.iter().zip(SHIPPED_FOR_SERVERS) {
        assert_eq!(name, shipped);
        let now: String = Sha256::digest(sql.as_bytes()).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(&now, hash, "{name} was shipped: add a new file instead of changing it");
    }
}

#[test]
fn migrations_are_numbered_in_order_without_a_gap() {
    for all in [MIGRATIONS, postgres::MIGRATIONS] {
        for (n, (name, _)) in (1..).zip(all) {
            assert!(name.starts_with(&format!("{n:04}_")), "{name}");
        }
    }
}

/// A payment of the term that was accepted, and one that was confirmed, in a ledger from before terms were known by a rule.
#[test]
fn payments_of_schema_6_still_keep_their_terms() {
    let dir = tempfile::tempdir().unwrap();
    let raw = Connection::open(dir.path().join("ledger.db")).unwrap();
    for ((_, sql), (.., rows)) in MIGRATIONS.iter().zip(SHIPPED).take(6) {
        raw.execute_batch(sql).unwrap();
        raw.execute_batch(rows).unwrap();
    }
    raw.execute_batch(
        "INSERT INTO intent_event VALUES (1, 3, '2026-11-17T12:06:00.000000000Z', 'b', 5, 'ends_moved', 'confirmed', '2.65', '97.35',
           '2026-12-20T09:00:00.000000000Z', NULL, NULL, 'its end moved');",
    )
    .unwrap();
    raw.pragma_update(None, "user_version", 6).unwrap();
    drop(raw);

    let ledger = open(dir.path(), Access::Pay).unwrap();
    let paid = ledger.intent(&"p-000001".into()).unwrap();
    assert_eq!(paid.state, State::Confirmed);
    let again = |end: &str| {
        let mut request = paid.request.clone();
        request.leases[0].expires_at = end.parse().unwrap();
        let new = NewIntent {
            labels: Vec::new(),
            provider: paid.provider.clone(),
            purpose: Purpose::Renewal,
            request,
            policy: "keep".to_owned(),
            quoted: paid.quoted,
            currency: paid.currency.clone(),
            balance_before: paid.balance_before,
            cycle: 1,
            attempt: 1,
            approval: None,
            at: paid.created_at.clone(),
        };
        ledger.reserve(&new, &[]).unwrap()
    };
    for old in ["2026-11-20T09:00:00Z", "2026-11-20T08:59:59.02Z", "2026-10-21T09:00:00Z"] {
        assert!(again(old).is_err(), "{old}");
    }
    again("2026-12-20T09:00:00.5Z").expect("the next term");
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
