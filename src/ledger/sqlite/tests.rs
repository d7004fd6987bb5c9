//! What only the inside can stage: a disk with no room left, and how SQLite means to run our queries.
use jiff::Timestamp;

use super::{Access, history, in_memory, open, reserve};
use crate::domain::{Moment, State};
use crate::ledger::{Cycles, IntentFilter, LedgerError, Notes, Upkeep};

#[test]
fn a_full_disk_is_told_in_sqlites_words_and_leaves_the_ledger_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), Access::Pay).unwrap();
    ledger.note("before", "kept").unwrap();
    ledger.probe().unwrap();
    let pages: i64 = ledger.connection().unwrap().query_row("PRAGMA page_count", [], |r| r.get(0)).unwrap();
    ledger.connection().unwrap().execute_batch("VACUUM").unwrap();
    let shrunk: i64 = ledger.connection().unwrap().query_row("PRAGMA page_count", [], |r| r.get(0)).unwrap();
    assert!(shrunk < pages, "the probe's pages are free again");
    ledger.connection().unwrap().pragma_update_and_check(None, "max_page_count", shrunk, |_| Ok(())).unwrap();

    let LedgerError::Trouble { message, .. } = ledger.probe().unwrap_err() else {
        panic!("not told as trouble")
    };
    assert!(message.contains("full"), "{message}");
    assert_eq!(ledger.noted("before").unwrap().as_deref(), Some("kept"));
    assert_eq!(ledger.noted("probe").unwrap(), None);

    ledger
        .connection()
        .unwrap()
        .pragma_update_and_check(None, "max_page_count", 1_000_000, |_| Ok(()))
        .unwrap();
    ledger.probe().unwrap();
    ledger.resume(None).unwrap();
}

#[test]
fn what_is_asked_every_cycle_walks_no_history() {
    let ledger = in_memory().unwrap();
    let unsettled = IntentFilter { states: vec![State::Unknown, State::Accepted], ..IntentFilter::default() };
    let recent =
        IntentFilter { spend_since: Some(Moment::by_wall(Timestamp::UNIX_EPOCH)), ..IntentFilter::default() };
    let listing = |filter: &IntentFilter| {
        let which = history::Which::of(filter).sql;
        format!("SELECT i.name FROM intent_head h JOIN intent i ON i.id = h.intent WHERE {which}")
    };
    let queries = [
        reserve::PENDING.to_owned(),
        reserve::newest(reserve::BY_LEASE),
        reserve::newest(reserve::BY_PLACE),
        reserve::newest(reserve::BY_LEASE_THERE),
        reserve::newest(reserve::BY_PLACE_THERE),
        reserve::counting(true, false),
        reserve::counting(false, false),
        reserve::counting(false, true),
        history::PRICE.to_owned(),
        history::PRICE_BY_PLACE.to_owned(),
        listing(&unsettled),
        listing(&recent),
    ];
    let connection = ledger.connection().unwrap();
    for sql in queries {
        let mut query = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let free = vec![rusqlite::types::Null; query.parameter_count()];
        let steps: Vec<String> = query
            .query_map(rusqlite::params_from_iter(free), |r| r.get(3))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert!(!steps.is_empty() && steps.iter().all(|s| !s.contains("SCAN")), "{sql}\n{steps:?}");
    }
}
