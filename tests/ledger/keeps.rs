//! What an operator keeps, as the ledger has it.
use jiff::Timestamp;
use renewd::domain::{AccountName, Lease, LeaseName};
use renewd::ledger::Keeping;
use renewd::ledger::sqlite::Access;
use renewd::policy::Keep;

use crate::support::{at, lease, open};

fn keep(lease: &Lease, like: &str, minutes: i64) -> Keep {
    Keep {
        account: lease.account.clone(),
        lease: LeaseName::of(lease),
        like: like.to_owned(),
        since: at(minutes).wall,
        by: Some("alice".to_owned()),
        until: Some("2027-03-01".parse().unwrap()),
    }
}

#[test]
fn what_is_kept_is_read_back_as_it_was_said() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), Access::Pay).unwrap();
    let (one, two) =
        (keep(&lease("yp", 1), "a", 0), Keep { until: None, by: None, ..keep(&lease("yp", 2), "b", 1) });
    assert_eq!(ledger.keep(&[one.clone(), two.clone()], at(1).wall).unwrap(), []);
    drop(ledger);
    let ledger = open(dir.path(), Access::Note).unwrap();
    assert_eq!(ledger.keeps().unwrap(), [one.clone(), two.clone()]);
    ledger.end_keeps(&[one], at(2).wall).unwrap();
    assert_eq!(ledger.keeps().unwrap(), [two]);
}

#[test]
fn keeping_a_lease_again_replaces_what_was_said_also_under_another_id() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), Access::Pay).unwrap();
    let one = keep(&lease("yp", 1), "a", 0);
    ledger.keep(std::slice::from_ref(&one), at(0).wall).unwrap();
    let renamed = Lease { id: "other".into(), ..lease("yp", 1) };
    let again = keep(&renamed, "b", 5);
    assert_eq!(ledger.keep(std::slice::from_ref(&again), at(5).wall).unwrap(), [one]);
    let elsewhere = Keep { account: AccountName::new("other"), ..keep(&renamed, "c", 6) };
    assert_eq!(ledger.keep(std::slice::from_ref(&elsewhere), at(6).wall).unwrap(), []);
    assert_eq!(ledger.keeps().unwrap(), [again, elsewhere]);
}

#[test]
fn what_ended_is_remembered_for_400_days() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), Access::Pay).unwrap();
    let rows = || {
        let raw = rusqlite::Connection::open(dir.path().join("ledger.db")).unwrap();
        raw.query_row("SELECT count(*) FROM keeps", [], |r| r.get::<_, i64>(0)).unwrap()
    };
    let later = |days: i64| -> Timestamp { at(days * 24 * 60).wall };
    ledger.keep(&[keep(&lease("yp", 1), "a", 0)], later(0)).unwrap();
    ledger.keep(&[keep(&lease("yp", 1), "b", 1)], later(1)).unwrap();
    ledger.keep(&[keep(&lease("yp", 1), "c", 2)], later(401)).unwrap();
    assert_eq!(rows(), 3);
    ledger.keep(&[keep(&lease("yp", 1), "d", 3)], later(402)).unwrap();
    assert_eq!(rows(), 3);
}
