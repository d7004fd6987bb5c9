//! Moving a ledger from a file to a server and back: nothing is lost, nothing is changed, and the old one is refused.
use std::path::Path;

use renewd::domain::State;
use renewd::ledger::sqlite::{Access, SqlLedger, move_ledger, open};
use renewd::ledger::{Chain, Cycles, Inventories, LedgerError, Notes, Payments, SettleRead, Site};

use crate::server::cluster;
use crate::support::{acct, all, at, in_state, intent, inventory, lease, money, yp};

/// A history with payments in every state, parts, reads and a renamed account's name.
fn filled(dir: &Path) -> SqlLedger {
    let ledger = open(dir, Access::Pay).unwrap();
    ledger.start_cycle(&at(-1)).unwrap();
    let leases = (1..10).map(|n| lease("yp", n)).collect();
    ledger.record_inventory(&yp(), &acct(), at(-1).wall, &inventory(leases)).unwrap();
    for (n, state) in [
        State::Confirmed,
        State::Unknown,
        State::NotApplied,
        State::Released,
        State::Refused,
        State::Reserved,
    ]
    .into_iter()
    .enumerate()
    {
        let id = in_state(&ledger, &[n + 1], state);
        let read = SettleRead { at: at(9), balance: money("94.70"), fell: money("5.30"), moved: 0 };
        ledger.add_read(&id, &read).unwrap();
    }
    ledger.note("some", "note").unwrap();
    ledger
}

fn head(ledger: &SqlLedger) -> String {
    let report = ledger.verify_chain(None).unwrap();
    assert!(report.misfit.is_none(), "{report:?}");
    format!("{:?}", report.head)
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test-all"]
fn a_ledger_that_is_moved_there_and_back_is_the_same() {
    let (dir, back) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = filled(dir.path());
    let (payments, chain, known) = (all(&file), head(&file), file.last_list(&acct()).unwrap());
    let site = cluster().site(dir.path());
    let server = Site::Server(Box::new(site.clone()));
    let moved = move_ledger(&file, &server.open(Access::Note).unwrap()).unwrap();
    assert_eq!(moved.payments, payments.len());
    drop(file);
    for access in [Access::Pay, Access::Note, Access::Read] {
        let told = open(dir.path(), access).unwrap_err();
        assert!(matches!(&told, LedgerError::MovedTo { to, .. } if to.contains("ledger at")), "{told:?}");
    }

    let there = server.open(Access::Read).unwrap();
    assert!(all(&there) == payments && there.last_list(&acct()).unwrap() == known);
    assert_eq!((head(&there), there.noted("some").unwrap().as_deref()), (chain.clone(), Some("note")));
    drop(there);
    // It goes on where the other stopped.
    let there = cluster().open(&site, dir.path(), Access::Pay).unwrap();
    assert_eq!(there.start_cycle(&at(20)).unwrap(), 2);
    there.reserve(&intent(&[8]), &[]).unwrap().unwrap();
    let (payments, chain) = (all(&there), head(&there));
    drop(there);

    let home = open(back.path(), Access::Pay).unwrap();
    let source = server.open(Access::Note).unwrap();
    assert!(matches!(move_ledger(&source, &home), Err(LedgerError::Elsewhere(_))), "somebody pays on it");
    cluster().sql(dir.path(), "UPDATE pay_lease SET released = true").unwrap();
    move_ledger(&source, &home).unwrap();
    assert!(all(&home) == payments);
    assert_eq!(head(&home), chain);
    drop(home);
    open(back.path(), Access::Pay).unwrap().start_cycle(&at(30)).unwrap();
    assert!(matches!(server.open(Access::Read), Err(LedgerError::MovedTo { .. })));
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test-all"]
fn a_place_that_is_in_use_is_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let file = filled(dir.path());
    let server = Site::Server(Box::new(cluster().site(dir.path())));
    let target = server.open(Access::Note).unwrap();
    target.start_cycle(&at(0)).unwrap();
    let told = move_ledger(&file, &target).unwrap_err().to_string();
    assert!(told.contains("in use"), "{told}");
    drop(file);
    assert_eq!(all(&open(dir.path(), Access::Read).unwrap()).len(), 6, "the old one is as it was");
}
