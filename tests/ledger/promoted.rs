//! A database that was promoted, or another one, answers for an open ledger; and a ledger that was copied away while somebody has it open.
//! Whatever is asked first, no payment begins there.
use renewd::domain::State;
use renewd::ledger::sqlite::{Access, SqlLedger, move_ledger, open};
use renewd::ledger::{
    Cycles, Held, Inventories, LedgerError, Node, Notes, OrderChanges, PayLease, Payments, RESTORED,
    Restored, ServerSite, Site,
};
use rstest::rstest;

use crate::orders::{change, purchase};
use crate::server::{Cluster, cluster};
use crate::support::{acct, at, intent, inventory, lease, yp};

const TTL: jiff::SignedDuration = jiff::SignedDuration::from_secs(30);

/// An open ledger with one reserved renewal, and whether it has one reserved purchase too.
fn begun(cluster: &Cluster, dir: &std::path::Path) -> (SqlLedger, ServerSite) {
    let site = cluster.site(dir);
    let ledger = cluster.open(&site, dir, Access::Pay).unwrap();
    ledger.start_cycle(&at(-1)).unwrap();
    let leases = (1..10).map(|n| lease("yp", n)).collect();
    ledger.record_inventory(&yp(), &acct(), at(-1).wall, &inventory(leases)).unwrap();
    (ledger, site)
}

fn note(ledger: &SqlLedger) -> Option<Restored> {
    ledger.noted(RESTORED).unwrap().and_then(|note| Restored::from_note(&note))
}

#[derive(Debug, Clone, Copy)]
enum First {
    Cycle,
    Reserve,
    Spend,
    Purchase,
}

/// By a connection that was made anew, or behind a pooler that leads the old one elsewhere.
#[rstest]
#[ignore = "needs PostgreSQL: scripts/test-all"]
fn a_promoted_database_begins_no_payment_whatever_is_asked_first(
    #[values("timeline = '0000002A'", "system_identifier = '7'")] was: &str,
    #[values(true, false)] is_cut: bool,
    #[values(First::Cycle, First::Reserve, First::Spend, First::Purchase)] first: First,
) {
    let dir = tempfile::tempdir().unwrap();
    let own = is_cut.then(|| Cluster::start("-c fsync=off"));
    let cluster = own.as_ref().unwrap_or_else(|| cluster());
    let (ledger, _site) = begun(cluster, dir.path());
    let id = match first {
        First::Purchase => ledger.reserve(&purchase(), &[]),
        _ => ledger.reserve(&intent(&[1]), &[]),
    };
    let id = id.unwrap().unwrap();
    // What was looked at before holds for this connection.
    assert_eq!(note(&ledger), None);
    cluster.sql(dir.path(), &format!("UPDATE pay_lease SET {was}")).unwrap();
    if is_cut {
        cluster.as_owner(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'renewd'",
        );
    }
    let told = match first {
        First::Cycle => {
            ledger.start_cycle(&at(2)).unwrap();
            assert!(note(&ledger).unwrap().bars(&acct()), "it is noticed before anything is read");
            ledger.reserve(&intent(&[2]), &[]).map(drop).unwrap_err()
        }
        First::Reserve => ledger.reserve(&intent(&[2]), &[]).map(drop).unwrap_err(),
        First::Spend => ledger.start_spend(&id, &at(2)).map(drop).unwrap_err(),
        First::Purchase => ledger.start_purchase(&id, &at(2)).map(drop).unwrap_err(),
    };
    assert!(matches!(told, LedgerError::Restored(_)), "{told:?}");
    assert_eq!(ledger.intent(&id).unwrap().state, State::Reserved);
    // And so it stays, also for what was reserved before.
    let again = match first {
        First::Purchase => ledger.start_purchase(&id, &at(3)).map(drop),
        _ => ledger.start_spend(&id, &at(3)).map(drop),
    };
    assert!(matches!(again, Err(LedgerError::Restored(_))), "{again:?}");
    assert!(note(&ledger).unwrap().bars(&acct()));
    // Every account was read twice.
    ledger.note(RESTORED, "").unwrap();
    match first {
        First::Purchase => ledger.start_purchase(&id, &at(4)).map(drop).unwrap(),
        _ => ledger.start_spend(&id, &at(4)).map(drop).unwrap(),
    }
}

/// A ledger in a file that was brought back is held in the same way.
#[test]
fn no_payment_is_put_on_record_for_an_account_that_was_not_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = crate::support::seeded(dir.path());
    let id = ledger.reserve(&intent(&[1]), &[]).unwrap().unwrap();
    ledger.note(RESTORED, &Restored { older: 1, ..Restored::default() }.note()).unwrap();
    assert!(matches!(ledger.start_spend(&id, &at(1)), Err(LedgerError::Restored(_))));
    assert!(matches!(ledger.reserve(&intent(&[2]), &[]), Err(LedgerError::Restored(_))));
    ledger.note(RESTORED, &Restored { older: 1, done: vec![acct()], ..Restored::default() }.note()).unwrap();
    ledger.start_spend(&id, &at(2)).unwrap();
}

fn refused_as_moved(ledger: &SqlLedger, id: &renewd::domain::IntentId) {
    let moved = |what: &str, e: LedgerError| {
        assert!(matches!(e, LedgerError::MovedTo { .. } | LedgerError::Elsewhere(_)), "{what}: {e:?}");
    };
    moved("a reservation", ledger.reserve(&intent(&[2]), &[]).map(drop).unwrap_err());
    moved("a spend", ledger.start_spend(id, &at(2)).map(drop).unwrap_err());
    moved("a change", ledger.begin_change(&yp(), &change(), "x", at(2).wall).map(drop).unwrap_err());
    moved("a cycle", ledger.start_cycle(&at(2)).map(drop).unwrap_err());
    assert_eq!(ledger.intent(id).unwrap().state, State::Reserved);
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test-all"]
fn who_has_a_ledger_open_while_it_is_copied_away_begins_nothing_more_on_it() {
    let (dir, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (ledger, site) = begun(cluster(), dir.path());
    let id = ledger.reserve(&intent(&[1]), &[]).unwrap().unwrap();
    let server = Site::Server(Box::new(site.clone()));
    let source = server.open(Access::Note).unwrap();
    let target = open(to.path(), Access::Pay).unwrap();
    assert!(matches!(move_ledger(&source, &target), Err(LedgerError::Elsewhere(_))), "somebody pays on it");
    // Its holder was frozen for longer than its lease.
    cluster()
        .sql(dir.path(), "UPDATE pay_lease SET expires_at = clock_timestamp() - interval '2 seconds'")
        .unwrap();
    move_ledger(&source, &target).unwrap();

    let (row, _) = server.pay_lease(TTL).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let node = |name: &str| Node { name: name.to_owned(), now: at(1) };
    let keep = |row: &dyn PayLease, epoch| runtime.block_on(row.keep(&node("test"), epoch, TTL)).unwrap();
    assert!(!keep(row.as_ref(), 1), "what ran out before the copy is not renewed after it");
    for (name, back) in [("test", true), ("test", false), ("other", false)] {
        let taken = runtime.block_on(row.take(&node(name), TTL, back)).unwrap();
        assert!(taken.is_none(), "{name}: {taken:?}");
    }
    assert!(!runtime.block_on(row.read()).unwrap().unwrap().is_free());
    refused_as_moved(&ledger, &id);
    // Even to one who holds the lease by the row.
    cluster().lend(dir.path());
    site.hold.set(Some(Held { epoch: 1, holder: "test".to_owned() }));
    refused_as_moved(&ledger, &id);
    // The copy is free for whoever comes.
    drop(target);
    let there = open(to.path(), Access::Pay).unwrap();
    there.start_spend(&id, &at(3)).unwrap();
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test-all"]
fn a_file_that_is_open_while_it_is_copied_away_takes_nothing_more() {
    let (dir, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = crate::support::seeded(dir.path());
    if crate::server::wanted() {
        return;
    }
    let id = file.reserve(&intent(&[1]), &[]).unwrap().unwrap();
    let server = Site::Server(Box::new(cluster().site(to.path())));
    move_ledger(&file, &server.open(Access::Note).unwrap()).unwrap();
    refused_as_moved(&file, &id);
}
