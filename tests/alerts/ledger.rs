//! What the ledger keeps of alerts: open ones, the log, silences, waiting mail, balances that moved.
use jiff::{SignedDuration, Timestamp};
use renewd::domain::{AlertKey, KeyPattern, Occasion, Severity};
use renewd::ledger::{
    AlertChange, AlertLog, BalanceMark, BalanceNote, Balances, Channel, How, Notes, OpenAlert, Outbox,
    QueuedMail, Silence, Telling, WaitingMails,
};
use rstest::rstest;

use crate::support::{acct, at, money, raw, seeded};

fn key(text: &str) -> KeyPattern {
    KeyPattern::parse(text).unwrap()
}

#[test]
fn an_alert_is_read_back_as_it_was_stored() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let untold = OpenAlert {
        key: AlertKey::account("short_funds", "yp"),
        severity: Severity::Urgent,
        account: Some(acct()),
        since: at(0).wall,
        told_at: at(0).wall,
        told: None,
        owed: Some(Occasion::Raised),
        title: "title".into(),
        text: "text".into(),
        once: false,
        grade: 3,
        leases: vec!["L1".into(), "L2".into()],
        heard: vec!["p-000001".into(), "p-000002.1".into()],
        course: renewd::domain::Course::begun(at(0).wall),
        news_at: at(0).wall,
        deadline: Some(at(9).wall),
    };
    ledger.apply_alerts(&[AlertChange::Keep(untold.clone())], &[], at(1).wall).unwrap();
    assert_eq!(ledger.open_alerts().unwrap(), std::slice::from_ref(&untold));
    let told = OpenAlert { told: Some((Severity::Urgent, 3)), owed: None, leases: Vec::new(), ..untold };
    ledger.apply_alerts(&[AlertChange::Tell(told.clone())], &[], at(2).wall).unwrap();
    assert_eq!(ledger.open_alerts().unwrap(), [OpenAlert { told_at: at(2).wall, ..told }]);
}

#[test]
fn an_alert_of_an_older_ledger_counts_as_told() {
    let dir = tempfile::tempdir().unwrap();
    let old = rusqlite::Connection::open(dir.path().join("ledger.db")).unwrap();
    old.execute_batch(renewd::ledger::sqlite::MIGRATIONS[0].1).unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    old.execute_batch(
        "INSERT INTO alert (key, severity, account, since, told_at, title, text, once) VALUES ('short_funds:yp', 'warning', 'yp',
           '2026-11-17T12:00:00.000000000Z', '2026-11-17T12:00:00.000000000Z', 'title', 'text', 0)",
    )
    .unwrap();
    drop(old);
    let ledger = renewd::ledger::sqlite::open(dir.path(), renewd::ledger::sqlite::Access::Pay).unwrap();
    let open = ledger.open_alerts().unwrap();
    assert_eq!((open[0].told, open[0].owed), (Some((Severity::Warning, 0)), None));
}

#[test]
fn a_silence_lasts_until_its_instant_and_outlives_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    ledger.set_silence(&key("short_funds:*"), at(120).wall, at(0).wall).unwrap();
    ledger.set_silence(&key("clock:*"), at(60).wall, at(0).wall).unwrap();
    drop(ledger);
    let ledger = renewd::ledger::sqlite::open(dir.path(), renewd::ledger::sqlite::Access::Note).unwrap();
    let keys = |minute: i64| -> Vec<String> {
        ledger.silences(at(minute).wall).unwrap().into_iter().map(|s| s.key.as_str().to_owned()).collect()
    };
    assert_eq!(keys(59), ["clock:*", "short_funds:*"]);
    assert_eq!(keys(60), ["short_funds:*"]);
    assert_eq!(keys(120), Vec::<String>::new());
}

#[test]
fn the_newest_word_on_a_silence_stands_and_no_time_at_all_lifts_it() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    ledger.set_silence(&key("clock:*"), at(60).wall, at(0).wall).unwrap();
    ledger.set_silence(&key("clock:*"), at(30).wall, at(5).wall).unwrap();
    let want = Silence { key: key("clock:*"), since: at(5).wall, until: at(30).wall };
    assert_eq!(ledger.silences(at(6).wall).unwrap(), [want]);
    ledger.set_silence(&key("clock:*"), at(7).wall, at(7).wall).unwrap();
    assert_eq!(ledger.silences(at(7).wall).unwrap(), []);
}

#[test]
fn the_log_says_what_was_told_and_what_was_kept_back_for_ninety_days() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let telling = |minute: i64, how| Telling {
        at: at(minute).wall,
        key: AlertKey::order("unknown", "yp", "O1"),
        account: Some(acct()),
        severity: Severity::Warning,
        occasion: Occasion::Resolved,
        how,
        title: "title".into(),
    };
    let all = [telling(0, How::Told), telling(1, How::Capped), telling(2, How::Silenced)];
    let changes: Vec<AlertChange> = all.iter().rev().cloned().map(AlertChange::Log).collect();
    ledger.apply_alerts(&changes, &[], at(3).wall).unwrap();
    assert_eq!(ledger.tellings(at(0).wall).unwrap(), all);
    assert_eq!(ledger.tellings(at(1).wall).unwrap(), all[1..]);
    let later = at(2).wall.checked_add(SignedDuration::from_hours(24 * 90)).unwrap();
    ledger.apply_alerts(&[AlertChange::Log(Telling { at: later, ..all[0].clone() })], &[], later).unwrap();
    assert_eq!(ledger.tellings(Timestamp::MIN).unwrap().len(), 2, "the one at the edge and the new one");
}

#[test]
fn waiting_mail_is_counted_with_the_oldest_and_the_newest_error() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    assert_eq!(ledger.waiting_mails().unwrap(), WaitingMails::default());
    let mail = |id: &str| QueuedMail {
        key: AlertKey::account("short_funds", "yp"),
        to: vec!["ops@example.org".into()],
        subject: "s".into(),
        text: "t".into(),
        html: "h".into(),
        message_id: id.into(),
        channel: Channel::Mail,
        occasion: "raised".into(),
        severity: Severity::Warning,
        title: "s".into(),
        incident: id.into(),
    };
    ledger.apply_alerts(&[], &[mail("m1")], at(0).wall).unwrap();
    ledger.apply_alerts(&[], &[mail("m2")], at(5).wall).unwrap();
    let ids: Vec<i64> = ledger.outbox(None).unwrap().iter().map(|m| m.id).collect();
    ledger.mails_failed(&ids[..1], at(6).wall, at(7).wall, "older", false).unwrap();
    ledger.mails_failed(&ids[1..], at(8).wall, at(9).wall, "newer", false).unwrap();
    let want = WaitingMails { count: 2, oldest: Some(at(0).wall), last_error: Some("newer".into()) };
    assert_eq!(ledger.waiting_mails().unwrap(), want);
    ledger.mail_delivered(Some(ids[0]), &[], at(9).wall).unwrap();
    assert_eq!(ledger.waiting_mails().unwrap().oldest, Some(at(5).wall));
}

fn mark(minute: i64) -> BalanceMark {
    BalanceMark {
        account: acct(),
        at: at(minute).wall,
        balance: money("100.00"),
        currency: "USD".into(),
        odd: Some((money("-2.65"), at(minute).wall)),
    }
}

fn note(minute: i64) -> BalanceNote {
    BalanceNote {
        id: 0,
        account: acct(),
        since: at(0).wall,
        at: at(minute).wall,
        before: money("100.00"),
        after: money("-3.50"),
        currency: "USD".into(),
        explained: money("2.65"),
        unexplained: money("100.85"),
        contested: Vec::new(),
    }
}

#[test]
fn a_mark_and_what_was_not_explained_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    assert_eq!(ledger.balance_mark(&acct()).unwrap(), None);
    ledger.mark_balance(&mark(1), None, None).unwrap();
    assert_eq!(ledger.balance_mark(&acct()).unwrap(), Some(mark(1)));
    let even = BalanceMark { odd: None, ..mark(2) };
    ledger.mark_balance(&even, Some(&note(2)), None).unwrap();
    ledger.mark_balance(&even, Some(&note(3)), None).unwrap();
    assert_eq!(ledger.balance_mark(&acct()).unwrap(), Some(even));
    let found = ledger.balance_notes(at(3).wall).unwrap();
    assert_eq!(found, [BalanceNote { id: 2, ..note(3) }]);
    assert_eq!(ledger.balance_notes(at(0).wall).unwrap().len(), 2);
}

#[test]
fn a_mark_and_when_its_reading_was_settled_are_written_together_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let settled = Some(at(1).wall);
    let full = "CREATE TRIGGER full BEFORE INSERT ON note WHEN NEW.key LIKE 'balance.marked:%' BEGIN SELECT RAISE(ABORT, 'full'); END";
    raw(dir.path()).execute(full, []).unwrap();
    assert!(ledger.mark_balance(&mark(1), Some(&note(1)), settled).is_err());
    assert_eq!(ledger.balance_mark(&acct()).unwrap(), None);
    assert_eq!(ledger.balance_notes(at(0).wall).unwrap(), []);
    raw(dir.path()).execute("DROP TRIGGER full", []).unwrap();
    ledger.mark_balance(&mark(1), None, settled).unwrap();
    ledger.mark_balance(&mark(1), None, None).unwrap();
    assert_eq!(ledger.noted("balance.marked:yp").unwrap(), settled.map(|at| at.to_string()));
}

#[rstest]
#[case("UPDATE balance_note SET unexplained = '0.00'")]
#[case("DELETE FROM balance_note")]
#[case("INSERT OR REPLACE INTO balance_note SELECT * FROM balance_note")]
fn raw_sql_cannot_rewrite_what_was_found(#[case] sql: &str) {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    ledger.mark_balance(&mark(1), Some(&note(1)), None).unwrap();
    let refused = raw(dir.path()).execute(sql, []).unwrap_err().to_string();
    assert!(refused.contains("append-only"), "{refused}");
    assert_eq!(ledger.balance_notes(at(0).wall).unwrap().len(), 1);
}

#[test]
fn people_with_sqlite3_see_both() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    ledger.mark_balance(&mark(1), Some(&note(1)), None).unwrap();
    let seen: String = raw(dir.path())
        .query_row("SELECT account || ' ' || unexplained || ' ' || at FROM balance_changes", [], |r| r.get(0))
        .unwrap();
    assert_eq!(seen, "yp 100.85 2026-11-17T12:01:00Z");
}
