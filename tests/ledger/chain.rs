//! The hash chain over payments: what somebody changes past renewd is found, and named.
use renewd::domain::{Event, OrderId, State};
use renewd::ledger::sqlite::{Access, MIGRATIONS, SqliteLedger};
use renewd::ledger::{
    Chain, ChainReport, Cycles, IntentFilter, Misfit, Overview, PauseRecord, Payments, SettleRead, SplitPart,
};
use rstest::rstest;
use rusqlite::Connection;
use sha2::{Digest, Sha256};

use crate::migrations::SHIPPED;
use crate::support::{acct, at, in_state, lockless, money, open, raw, reserved, said, seeded, walk};

/// Three payments: one confirmed, one split in two, one unknown with a settling read.
fn world(dir: &std::path::Path) -> SqliteLedger {
    let ledger = seeded(dir);
    in_state(&ledger, &[1], State::Confirmed);
    let whole = in_state(&ledger, &[2, 3], State::Unknown);
    let part = |n: usize, state| SplitPart {
        lease: format!("L{n}").as_str().into(),
        quoted: money("2.65"),
        state,
        detail: said("its end moved"),
    };
    ledger
        .split(
            &whole,
            State::Unknown,
            &[part(2, State::Confirmed), part(3, State::NotApplied)],
            &said("one of two"),
            &at(9),
        )
        .unwrap();
    let id = in_state(&ledger, &[4], State::Unknown);
    ledger
        .add_read(&id, &SettleRead { at: at(9), balance: money("94.70"), fell: money("2.65"), moved: 0 })
        .unwrap();
    ledger
}

fn verified(ledger: &SqliteLedger) -> ChainReport {
    ledger.verify_chain(None).unwrap()
}

/// Past renewd, as somebody who has the file and no scruples.
fn tamper(dir: &std::path::Path, sql: &str) {
    let raw = raw(dir);
    raw.pragma_update(None, "foreign_keys", false).unwrap();
    let mut triggers = raw.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'").unwrap();
    let names: Vec<String> = triggers.query_map([], |r| r.get(0)).unwrap().map(Result::unwrap).collect();
    for name in names {
        raw.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
    }
    raw.execute_batch(sql).unwrap();
}

#[test]
fn every_row_of_a_payment_is_linked_once_with_the_row() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = world(dir.path());
    let rows: usize = raw(dir.path())
        .query_row(
            "SELECT (SELECT count(*) FROM intent) + (SELECT count(*) FROM intent_event) + (SELECT count(*) FROM settle_read)",
            [],
            |r| r.get::<_, i64>(0),
        )
        .unwrap()
        .try_into()
        .unwrap();
    let report = verified(&ledger);
    assert_eq!((report.misfit, report.late, report.pending), (None, 0, false));
    assert_eq!(report.head.unwrap().rows, rows);
    assert_eq!(ledger.chain_head().unwrap(), report.head);
}

#[test]
fn a_ledger_without_payments_has_an_empty_chain_that_holds() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(verified(&seeded(dir.path())), ChainReport::default());
}

/// The encoding, as docs/ledger.md tells it: a link that was made today must hold in ten years.
#[test]
fn a_link_is_the_hash_of_the_one_before_it_and_of_all_that_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    reserved(&ledger, &[1]);
    let links: Vec<Vec<u8>> = raw(dir.path())
        .prepare("SELECT hash FROM payment_link ORDER BY n")
        .unwrap()
        .query_map([], |r| r.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let payment = "payment with\n\
        id i 1:1\nname t 8:p-000001\nprovider t 8:youproxy\naccount t 2:yp\nkind t 4:IPv4\nperiod_days i 2:30\npromo t 6:SAVE10\n\
        method t 6:leases\npolicy t 7:keep-us\nquoted t 4:2.65\ncurrency t 3:USD\nbalance_before t 6:100.00\nattempt i 1:1\ncycle i 1:1\n\
        created_at t 30:2026-11-17T12:00:00.000000000Z\ncreated_boot t 6:boot-1\ncreated_ms i 7:1000000\npurpose t 7:renewal\n.\n\
        intent i 1:1\nseq i 1:0\nlease t 2:L1\norder_id t 2:O1\nip t 11:203.0.113.1\n\
        expires_before t 30:2026-11-20T09:00:00.123456789Z\n.\n";
    let event = "event with\n\
        intent i 1:1\nseq i 1:0\nat t 30:2026-11-17T12:00:00.000000000Z\nboot t 6:boot-1\nms i 7:1000000\nevent t 8:reserved\n\
        state t 8:reserved\n.\n";
    let first = Sha256::new().chain_update([0; 32]).chain_update(payment).finalize().to_vec();
    let second = Sha256::new().chain_update(&first).chain_update(event).finalize().to_vec();
    assert_eq!(links, [first, second]);
}

#[rstest]
#[case::a_quote("UPDATE intent SET quoted = '0.65' WHERE id = 1", "p-000001", "the payment itself")]
#[case::a_lease(
    "UPDATE intent_lease SET ip = '203.0.113.9' WHERE intent = 2 AND seq = 1",
    "p-000002",
    "the payment itself"
)]
#[case::a_lease_taken_out(
    "DELETE FROM intent_lease WHERE intent = 2 AND seq = 1",
    "p-000002",
    "the payment itself"
)]
#[case::an_event(
    "UPDATE intent_event SET evidence = 'paid' WHERE intent = 1 AND seq = 2",
    "p-000001",
    "event 2"
)]
#[case::an_instant("UPDATE intent_event SET ms = ms + 1 WHERE intent = 5 AND seq = 1", "p-000005", "event 1")]
#[case::a_read("UPDATE settle_read SET fell = '0.00'", "p-000005", "settling read 1")]
#[case::an_event_removed("DELETE FROM intent_event WHERE intent = 5 AND seq = 2", "p-000005", "event 2")]
#[case::a_payment_removed("DELETE FROM intent WHERE id = 1", "number 1", "the payment itself")]
#[case::a_read_removed("DELETE FROM settle_read", "p-000005", "settling read 1")]
#[case::two_events_swapped(
    "UPDATE intent_event SET seq = 99 WHERE intent = 5 AND seq = 1; UPDATE intent_event SET seq = 1 WHERE intent = 5 AND seq = 2;
     UPDATE intent_event SET seq = 2 WHERE intent = 5 AND seq = 99",
    "p-000005", "event 1")]
#[case::two_links_swapped(
    "UPDATE payment_link SET n = 1000 WHERE n = 3; UPDATE payment_link SET n = 3 WHERE n = 4;
     UPDATE payment_link SET n = 4 WHERE n = 1000",
    "p-000001",
    "event 2"
)]
#[case::a_forged_event(
    "INSERT INTO intent_event (intent, seq, at, boot, ms, event, state, charged)
     VALUES (5, 3, '2026-11-17T12:10:00.000000000Z', 'boot-1', 9, 'operator_charged', 'confirmed', '9.99')",
    "p-000005",
    "event 3"
)]
#[case::a_forged_event_with_a_link(
    "INSERT INTO intent_event (intent, seq, at, boot, ms, event, state)
     VALUES (5, 3, '2026-11-17T12:10:00.000000000Z', 'boot-1', 9, 'operator_charged', 'confirmed');
     INSERT INTO payment_link SELECT max(n) + 1, 'event', 5, 3, 0, randomblob(32) FROM payment_link",
    "p-000005",
    "event 3"
)]
#[case::a_forged_payment(
    "INSERT INTO intent SELECT 6, 'p-000006', parent, provider, account, kind, period_days, promo, method, policy, quoted, currency,
       balance_before, attempt, cycle, created_at, created_boot, created_ms, purpose, billing_cycle, purchase,
       approval, approval_set, approved FROM intent WHERE id = 1",
    "p-000006", "the payment itself")]
#[case::a_link_removed("DELETE FROM payment_link WHERE n = 3", "p-000001", "event 2")]
#[case::the_newest_link_removed(
    "DELETE FROM payment_link WHERE n = (SELECT max(n) FROM payment_link)",
    "p-000005",
    "settling read 1"
)]
#[case::all_links_removed("DELETE FROM payment_link", "p-000001", "the payment itself")]
#[case::a_link_that_claims_to_be_old("UPDATE payment_link SET late = 1 WHERE n = 4", "p-000001", "event 2")]
#[case::where_it_stands(
    "UPDATE intent_head SET charged = '0.01' WHERE intent = 1",
    "p-000001",
    "its present state"
)]
#[case::when_it_was_spent(
    "UPDATE intent_head SET spend_at = NULL WHERE intent = 1",
    "p-000001",
    "its present state"
)]
fn what_was_changed_past_renewd_is_named(#[case] sql: &str, #[case] payment: &str, #[case] what: &str) {
    let dir = tempfile::tempdir().unwrap();
    let ledger = world(dir.path());
    assert_eq!(verified(&ledger).misfit, None);
    tamper(dir.path(), sql);
    let Misfit { payment: of, what: row, why, .. } = verified(&ledger).misfit.expect(sql);
    // The parts of the split payment have numbers of their own: the last one is the fifth.
    let of = if of == "p-000002.1" { "p-000003".to_owned() } else { of };
    assert!(of == payment && row.starts_with(what), "{sql}\n{of}: {row}: {why}");
}

#[test]
fn who_recomputes_the_whole_chain_is_found_by_a_head_that_was_seen_earlier() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = world(dir.path());
    let mailed = ledger.chain_head().unwrap().unwrap();
    reserved(&ledger, &[5]);
    assert_eq!(ledger.verify_chain(Some(&mailed.hash)).unwrap().found, Some(mailed.rows));
    drop(ledger);

    // As renewd itself would link it, were it all older than the chain.
    tamper(
        dir.path(),
        "UPDATE intent SET quoted = '0.65' WHERE id = 1; DELETE FROM payment_link; INSERT INTO note VALUES ('chain.pending', '1')",
    );
    let ledger = open(dir.path(), Access::Pay).unwrap();
    let report = ledger.verify_chain(Some(&mailed.hash)).unwrap();
    assert_eq!((&report.misfit, report.found), (&None, None));
    assert_eq!(report.late, report.head.unwrap().rows, "and all of it says that it was linked later");
}

#[test]
fn two_processes_that_write_make_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let one = seeded(dir.path());
    let two = lockless(dir.path());
    for n in 1..5 {
        let id = reserved(&one, &[n]);
        walk(&two, &id, &[Event::SpendStarted, Event::AnswerLost]);
        one.append(&id, State::Unknown, Event::EndsMoved, &said("it moved"), &at(9)).unwrap();
    }
    std::thread::scope(|threads| {
        for (ledger, lease) in [(&one, 6), (&two, 7)] {
            threads.spawn(move || {
                let id = reserved(ledger, &[lease]);
                for minute in 0..50 {
                    let read =
                        SettleRead { at: at(minute), balance: money("94.70"), fell: money("2.65"), moved: 0 };
                    ledger.add_read(&id, &read).unwrap();
                }
            });
        }
    });
    let report = verified(&two);
    assert_eq!((report.misfit, report.head.unwrap().rows), (None, 4 * 5 + 2 * 2 + 100));
}

/// A ledger as it stood right before the chain.
fn of_schema_12(dir: &std::path::Path) {
    let raw = Connection::open(dir.join("ledger.db")).unwrap();
    for ((_, sql), (.., rows)) in MIGRATIONS.iter().zip(SHIPPED).take(12) {
        raw.execute_batch(sql).unwrap();
        raw.execute_batch(rows).unwrap();
    }
    raw.execute_batch(
        "INSERT INTO pause VALUES ('*', '2026-11-17T12:00:00.000000000Z'), ('yp', '2026-11-16T12:00:00.000000000Z')",
    )
    .unwrap();
    raw.pragma_update(None, "user_version", 12).unwrap();
}

#[test]
fn rows_that_are_older_than_the_chain_are_linked_when_the_ledger_is_opened_and_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    of_schema_12(dir.path());
    let pause = open(dir.path(), Access::Note).unwrap();
    assert!(verified(&pause).pending, "a word beside the daemon does not wait for a large ledger");
    drop(pause);
    let ledger = open(dir.path(), Access::Pay).unwrap();
    let report = verified(&ledger);
    // One payment, four events, one settling read.
    assert_eq!((&report.misfit, report.late, report.head.unwrap().rows), (&None, 6, 6));
    ledger.record_order(&"p-000001".into(), &OrderId::new("O7"), at(1).wall).unwrap();
    let report = verified(&ledger);
    assert_eq!((&report.misfit, report.late, report.head.unwrap().rows), (&None, 6, 7));
    tamper(dir.path(), "UPDATE intent_event SET charged = '0.65' WHERE seq = 2");
    assert_eq!(verified(&ledger).misfit.unwrap().what, "event 2");
}

#[test]
fn a_daemon_links_what_is_older_after_its_start_and_before_it_writes() {
    let dir = tempfile::tempdir().unwrap();
    of_schema_12(dir.path());
    let ledger = renewd::ledger::sqlite::open_unverified(dir.path()).unwrap();
    assert!(verified(&ledger).pending, "the start does not wait for it");
    ledger.verify().unwrap();
    assert_eq!((verified(&ledger).pending, verified(&ledger).late), (false, 6));
    drop(ledger);

    let dir = tempfile::tempdir().unwrap();
    of_schema_12(dir.path());
    let ledger = renewd::ledger::sqlite::open_unverified(dir.path()).unwrap();
    ledger.append(&"p-000001".into(), State::Accepted, Event::EndsMoved, &said("it moved"), &at(9)).unwrap();
    let report = verified(&ledger);
    assert_eq!(
        (report.misfit, report.late, report.head.unwrap().rows),
        (None, 6, 7),
        "a row that comes first, too"
    );
}

#[test]
fn a_pause_from_before_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    of_schema_12(dir.path());
    let ledger = open(dir.path(), Access::Pay).unwrap();
    let since = |account, text: &str| PauseRecord::since(account, text.parse().unwrap());
    let found = ledger.paused(&at(60 * 24 * 3650)).unwrap();
    assert_eq!(found, [since(None, "2026-11-17T12:00:00Z"), since(Some(acct()), "2026-11-16T12:00:00Z")]);
    assert_eq!(ledger.intents(&IntentFilter::default()).unwrap().len(), 1);
}
