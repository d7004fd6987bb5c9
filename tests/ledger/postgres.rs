//! What is only so on a server: its schema, the fence around a spend, connections that are killed, stalled, cut or led elsewhere.
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use renewd::domain::{AccountName, State};
use renewd::ledger::postgres::{Limits, MIGRATIONS, Target};
use renewd::ledger::sqlite::{Access, SqlLedger, in_memory};
use renewd::ledger::{
    Cycles, Held, Inventories, LedgerError, Notes, Outbox, Payments, RESTORED, Restored, ServerSite,
    SettleRead, Site, Upkeep,
};
use rstest::rstest;

use crate::server::{Cluster, cluster, program};
use crate::support::{acct, all, at, in_state, intent, inventory, lease, money, yp};

/// The world of `support::seeded`, on a server.
fn seeded(dir: &Path) -> (SqlLedger, ServerSite) {
    let site = cluster().site(dir);
    let ledger = cluster().open(&site, dir, Access::Pay).unwrap();
    fill(&ledger);
    (ledger, site)
}

fn fill(ledger: &SqlLedger) {
    ledger.start_cycle(&at(-1)).unwrap();
    let leases = (1..10).map(|n| lease("yp", n)).collect();
    ledger.record_inventory(&yp(), &acct(), at(-1).wall, &inventory(leases)).unwrap();
}

#[rstest]
#[case("UPDATE intent SET quoted = '0.01'")]
#[case("UPDATE intent_lease SET expires_before = '2020'")]
#[case("UPDATE intent_event SET state = 'released'")]
#[case("UPDATE settle_read SET fell = '0.00'")]
#[case("UPDATE payment_link SET late = 1")]
#[case("DELETE FROM intent_lease")]
#[case("DELETE FROM intent_event")]
#[case("DELETE FROM settle_read")]
#[case("DELETE FROM payment_link")]
#[case("TRUNCATE intent CASCADE")]
#[case("TRUNCATE intent_event")]
#[case("TRUNCATE payment_link")]
#[case(
    "INSERT INTO intent_event (intent, seq, at, boot, ms, event, state) VALUES (1, 9, '', '', 0, 'x', 'released')"
)]
#[case("INSERT INTO payment_link VALUES (99, 'event', 1, 9, 0, sha256('x'))")]
#[case("INSERT INTO intent SELECT * FROM intent ON CONFLICT (id) DO UPDATE SET quoted = '0.01'")]
#[case("UPDATE intent_head SET state = 'not_applied'")]
#[case("UPDATE intent_head SET seq = 0")]
#[case("DELETE FROM intent_head")]
#[ignore = "needs PostgreSQL: scripts/test-all"]
fn raw_sql_cannot_rewrite_what_was_paid_on_a_server(#[case] sql: &str) {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = seeded(dir.path());
    let id = in_state(&ledger, &[1, 2], State::Unknown);
    let read = SettleRead { at: at(9), balance: money("94.70"), fell: money("5.30"), moved: 0 };
    ledger.add_read(&id, &read).unwrap();
    let before = format!("{:?}", ledger.intent(&id).unwrap());

    let refused = cluster().sql(dir.path(), sql).unwrap_err();
    assert!(refused.contains("append-only") || refused.contains("where its log says"), "{refused}");
    assert_eq!(format!("{:?}", ledger.intent(&id).unwrap()), before);
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test-all"]
fn tables_and_views_have_the_columns_of_a_file_in_its_order() {
    let dir = tempfile::tempdir().unwrap();
    drop(seeded(dir.path()));
    let folder = tempfile::tempdir().unwrap();
    drop(renewd::ledger::sqlite::open(folder.path(), Access::Pay).unwrap());
    let file = rusqlite::Connection::open(folder.path().join("ledger.db")).unwrap();
    let names = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY name";
    let mut names = file.prepare(names).unwrap();
    let names: Vec<String> = names.query_map([], |r| r.get(0)).unwrap().map(Result::unwrap).collect();
    assert!(names.len() > 35, "{names:?}");
    for name in names {
        let columns = format!("SELECT group_concat(name, ' ') FROM pragma_table_info('{name}')");
        let here: String = file.query_row(&columns, [], |r| r.get(0)).unwrap();
        let there = cluster().sql(
            dir.path(),
            &format!(
                "SELECT string_agg(column_name, ' ' ORDER BY ordinal_position) FROM information_schema.columns
                 WHERE table_schema = current_schema AND table_name = '{name}' AND column_name <> 'epoch'"
            ),
        );
        assert_eq!(there.unwrap(), here, "{name}");
    }
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test-all"]
fn the_views_say_what_is_in_the_tables() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = seeded(dir.path());
    in_state(&ledger, &[1, 2], State::Confirmed);
    in_state(&ledger, &[3], State::Unknown);
    in_state(&ledger, &[4], State::Reserved);
    let say = |sql: &str| cluster().sql(dir.path(), sql).unwrap();
    assert_eq!(say("SELECT * FROM spend_by_month"), "2026-11|yp|keep-us|USD|2|7.95");
    assert_eq!(
        say("SELECT payment, state, ips, leases, expires_before FROM payments WHERE state = 'confirmed'"),
        "p-000001|confirmed|203.0.113.1 203.0.113.2|2|2026-11-20T09:00:00Z"
    );
    assert_eq!(say("SELECT count(*) FROM leases"), "9");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test-all"]
fn nothing_is_spent_without_the_pay_lease() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, site) = seeded(dir.path());
    let id = ledger.reserve(&intent(&[1]), &[]).unwrap().unwrap();
    let refused = |what: &str| {
        let started = ledger.start_spend(&id, &at(1));
        assert!(matches!(started, Err(LedgerError::Elsewhere(_))), "{what}: {started:?}");
        assert_eq!(ledger.intent(&id).unwrap().state, State::Reserved, "{what}");
    };
    let held = |epoch, holder: &str| site.hold.set(Some(Held { epoch, holder: holder.to_owned() }));

    site.hold.set(None);
    refused("nothing is held");
    assert!(matches!(ledger.reserve(&intent(&[2]), &[]), Err(LedgerError::Elsewhere(_))));
    held(0, "test");
    refused("an older epoch");
    held(2, "test");
    refused("another epoch");
    held(1, "somebody");
    refused("another holder");
    held(1, "test");
    cluster()
        .sql(dir.path(), "UPDATE pay_lease SET expires_at = clock_timestamp() - interval '1 ms'")
        .unwrap();
    refused("it is over by the database's clock");
    cluster().lend(dir.path());
    ledger.start_spend(&id, &at(1)).unwrap();
    let epochs = "SELECT string_agg(epoch::text, ' ' ORDER BY seq) FROM intent_event";
    assert_eq!(cluster().sql(dir.path(), epochs).unwrap(), "1 1");
    site.hold.set(None);
    ledger
        .append(&id, State::SpendStarted, renewd::domain::Event::NeverSent, &Default::default(), &at(2))
        .unwrap();
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test-all"]
fn events_carry_the_epoch_that_they_were_written_under() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, site) = seeded(dir.path());
    cluster().sql(dir.path(), "UPDATE pay_lease SET epoch = 7").unwrap();
    site.hold.set(Some(Held { epoch: 7, holder: "test".to_owned() }));
    in_state(&ledger, &[1], State::SpendStarted);
    assert_eq!(cluster().sql(dir.path(), "SELECT DISTINCT epoch FROM intent_event").unwrap(), "7");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test-all"]
fn a_takeover_waits_for_a_spend_that_has_begun() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = seeded(dir.path());
    let id = ledger.reserve(&intent(&[1]), &[]).unwrap().unwrap();
    let in_time = |sql: &'static str| {
        let (dir, (done, is_done)) = (dir.path().to_owned(), std::sync::mpsc::channel());
        std::thread::spawn(move || done.send(cluster().sql(&dir, sql)));
        is_done
    };
    // Somebody who holds the row as a spend does, for a moment.
    let fence =
        in_time("BEGIN; SELECT 1 FROM pay_lease WHERE epoch = 1 FOR SHARE; SELECT pg_sleep(1.5); COMMIT");
    std::thread::sleep(Duration::from_millis(400));
    let takeover = in_time("UPDATE pay_lease SET epoch = epoch + 1, holder = 'other'");
    assert!(takeover.recv_timeout(Duration::from_millis(500)).is_err(), "it did not wait");
    fence.recv().unwrap().unwrap();
    takeover.recv().unwrap().unwrap();
    assert!(matches!(ledger.start_spend(&id, &at(1)), Err(LedgerError::Elsewhere(_))));
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test-all"]
fn connections_that_were_killed_are_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let own = Cluster::start("-c fsync=off");
    let ledger = own.open(&own.site(dir.path()), dir.path(), Access::Pay).unwrap();
    fill(&ledger);
    let id = ledger.reserve(&intent(&[1]), &[]).unwrap().unwrap();
    let kill = || {
        own.as_owner(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'renewd'",
        );
    };
    kill();
    assert_eq!(ledger.intent(&id).unwrap().state, State::Reserved);
    kill();
    ledger.note("after", "kept").unwrap();
    kill();
    ledger.start_spend(&id, &at(1)).unwrap();
    kill();
    assert_eq!(ledger.noted("after").unwrap().as_deref(), Some("kept"));
    assert_eq!(all(&ledger).len(), 1);
}

fn schema_of(dir: &Path) -> String {
    cluster().sql(dir, "SELECT current_schema").unwrap()
}

/// Bytes between a client and the server; what answers a COMMIT is swallowed while `armed`.
fn swallowing(server: &Path, armed: Arc<AtomicBool>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let door = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
    let socket = server.join(".s.PGSQL.5432");
    std::thread::spawn(move || {
        for client in door.incoming() {
            let (Ok(client), Ok(server)) = (client, UnixStream::connect(&socket)) else { return };
            let armed = Arc::clone(&armed);
            let (mut up, mut down) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            let answers = std::thread::spawn({
                let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                move || drop(std::io::copy(&mut from, &mut to))
            });
            std::thread::spawn(move || {
                let mut bytes = [0; 65_536];
                while let Ok(n @ 1..) = up.read(&mut bytes) {
                    let commits = bytes[..n].windows(6).any(|w| w == b"COMMIT");
                    if commits && armed.swap(false, Ordering::SeqCst) {
                        client.shutdown(std::net::Shutdown::Write).unwrap();
                        down.write_all(&bytes[..n]).unwrap();
                        std::thread::sleep(Duration::from_millis(300));
                        break;
                    }
                    if down.write_all(&bytes[..n]).is_err() {
                        break;
                    }
                }
                let _ = (client.shutdown(std::net::Shutdown::Both), down.shutdown(std::net::Shutdown::Both));
                let _ = answers.join();
            });
        }
    });
    folder
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test-all"]
fn a_commit_whose_answer_is_lost_gives_no_permit_and_is_closed_as_never_sent() {
    let dir = tempfile::tempdir().unwrap();
    let armed = Arc::new(AtomicBool::new(false));
    let door = swallowing(&cluster().folder, Arc::clone(&armed));
    let site = cluster().site_by(&cluster().url_by(door.path(), dir.path()), dir.path());
    let ledger = cluster().open(&site, dir.path(), Access::Pay).unwrap();
    fill(&ledger);
    let id = ledger.reserve(&intent(&[1]), &[]).unwrap().unwrap();
    // Everything that is looked at before was looked at.
    let other = ledger.reserve(&intent(&[2]), &[]).unwrap().unwrap();
    armed.store(true, Ordering::SeqCst);
    let told = ledger.start_spend(&id, &at(1)).unwrap_err();
    assert!(matches!(told, LedgerError::Trouble { .. }), "{told:?}");
    assert!(!armed.load(Ordering::SeqCst), "the commit was cut off");

    let closed = ledger.intent(&id).unwrap();
    assert_eq!((closed.state, closed.never_sent), (State::NotApplied, true), "{closed:?}");
    assert!(closed.detail.evidence.unwrap().contains("not confirmed"));
    ledger.start_spend(&other, &at(2)).unwrap();
    assert_eq!(ledger.noted(RESTORED).unwrap(), None, "nothing was forgotten");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test-all"]
fn a_commit_that_no_standby_confirmed_gives_no_permit() {
    let dir = tempfile::tempdir().unwrap();
    let own = Cluster::start("-c fsync=off");
    let site = own.site(dir.path());
    let ledger = own.open(&site, dir.path(), Access::Pay).unwrap();
    fill(&ledger);
    let (one, other) = (
        ledger.reserve(&intent(&[1]), &[]).unwrap().unwrap(),
        ledger.reserve(&intent(&[2]), &[]).unwrap().unwrap(),
    );
    let standbys = |names: &str| {
        own.as_owner(&format!("ALTER SYSTEM SET synchronous_standby_names = '{names}'"));
        own.as_owner("SELECT pg_reload_conf()");
        std::thread::sleep(Duration::from_millis(300));
    };
    standbys("nobody");
    // What an operator does to a commit that hangs, and a fast shutdown: it ends in success, and a warning.
    let cancel = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    let told = std::thread::scope(|scope| {
        let asking = scope.spawn(|| ledger.start_spend(&one, &at(1)).map(drop));
        while !asking.is_finished() {
            own.as_owner(cancel);
            std::thread::sleep(Duration::from_millis(100));
        }
        asking.join().unwrap().unwrap_err().to_string()
    });
    assert!(told.contains("did not confirm") && told.contains("synchronous replication"), "{told}");
    standbys("");
    ledger.start_spend(&other, &at(2)).unwrap();
    let closed = ledger.intent(&one).unwrap();
    assert_eq!((closed.state, closed.never_sent), (State::NotApplied, true));
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test-all"]
fn a_server_that_stands_still_is_given_up_in_time() {
    let dir = tempfile::tempdir().unwrap();
    let own = Cluster::start("-c fsync=off");
    let ledger = own.open(&own.site(dir.path()), dir.path(), Access::Pay).unwrap();
    fill(&ledger);
    let pids =
        own.as_owner("SELECT string_agg(pid::text, ' ') FROM pg_stat_activity WHERE pid <> pg_backend_pid()");
    let postmaster = std::fs::read_to_string(own.folder.join("data/postmaster.pid")).unwrap();
    let all: Vec<String> =
        pids.split(' ').chain([postmaster.lines().next().unwrap()]).map(str::to_owned).collect();
    let signal = |word: &str| {
        assert!(std::process::Command::new("kill").arg(word).args(&all).status().unwrap().success());
    };
    signal("-STOP");
    let told = std::thread::scope(|scope| {
        let (done, is_done) = std::sync::mpsc::channel();
        let asking = scope.spawn({
            let ledger = &ledger;
            move || done.send(ledger.note("while", "it stands"))
        });
        let told = is_done.recv_timeout(Duration::from_secs(20));
        signal("-CONT");
        drop(asking.join());
        told
    });
    let told = told.expect("an answer in time").unwrap_err();
    assert!(matches!(told, LedgerError::Trouble { .. }), "{told:?}");
    ledger.note("after", "kept").unwrap();
    assert_eq!(ledger.noted("while").unwrap(), None);
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test-all"]
fn nobody_pays_where_a_commit_may_be_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let own = Cluster::start("-c fsync=off");
    let mut site = own.site(dir.path());
    let ledger = own.open(&site, dir.path(), Access::Pay).unwrap();
    fill(&ledger);
    let id = ledger.reserve(&intent(&[1]), &[]).unwrap().unwrap();
    let mut standby = program("pg_receivewal")
        .args(["-U", "owner", "-D"])
        .arg(&own.folder)
        .arg("-h")
        .arg(&own.folder)
        .spawn()
        .unwrap();
    while own.as_owner("SELECT count(*) FROM pg_stat_replication") == "0" {
        std::thread::sleep(Duration::from_millis(50));
    }
    // Looked at again after an hour, and by each new connection.
    ledger.start_spend(&id, &at(1)).map(drop).expect("what was seen is good for an hour");
    let told = ledger.reserve(&intent(&[2]), &[]).map(drop);
    told.expect("the same");
    let mut later = intent(&[3]);
    later.at = at(62);
    let told = ledger.reserve(&later, &[]).unwrap_err();
    assert!(matches!(&told, LedgerError::Forgetful { what, .. } if what.contains("standby")), "{told:?}");
    drop(ledger);
    site.allow_async_standby = true;
    let ledger = own.open(&site, dir.path(), Access::Pay).unwrap();
    ledger.reserve(&later, &[]).unwrap().unwrap();
    standby.kill().unwrap();
    standby.wait().unwrap();

    drop(ledger);
    site.allow_async_standby = false;
    own.as_owner("ALTER ROLE app SET synchronous_commit = off");
    let ledger = own.open(&site, dir.path(), Access::Pay).unwrap();
    let mut more = intent(&[4]);
    more.at = at(63);
    let told = ledger.reserve(&more, &[]).unwrap_err().to_string();
    assert!(told.contains("synchronous_commit is off"), "{told}");
}

fn restored(ledger: &SqlLedger) -> Option<Restored> {
    ledger.noted(RESTORED).unwrap().and_then(|note| Restored::from_note(&note))
}

#[rstest]
#[case::promoted("timeline = '0000002A'")]
#[case::another("system_identifier = '7'")]
#[ignore = "needs PostgreSQL: scripts/test-all"]
fn another_database_holds_payments_until_accounts_were_read_again(#[case] was: &str) {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, site) = seeded(dir.path());
    assert_eq!(restored(&ledger), None);
    drop(ledger);
    cluster().sql(dir.path(), &format!("UPDATE pay_lease SET {was}")).unwrap();
    let ledger = cluster().open(&site, dir.path(), Access::Pay).unwrap();
    assert!(restored(&ledger).unwrap().bars(&AccountName::new("yp")));
    ledger.note(RESTORED, "").unwrap();
    drop(ledger);
    let ledger = cluster().open(&site, dir.path(), Access::Pay).unwrap();
    assert_eq!(restored(&ledger), None, "it is told once");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test-all"]
fn what_the_database_forgot_comes_back_from_the_log_of_this_node() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, site) = seeded(dir.path());
    let id = in_state(&ledger, &[1, 2], State::SpendStarted);
    in_state(&ledger, &[3], State::Reserved);
    let before = ledger.intent(&id).unwrap();
    drop(ledger);
    // A dump from before all that, played back.
    cluster().sql(dir.path(), "DROP SCHEMA IF EXISTS older CASCADE").unwrap();
    let schema = schema_of(dir.path());
    cluster().sql(dir.path(), &format!("DROP SCHEMA {schema} CASCADE; CREATE SCHEMA {schema}")).unwrap();

    let ledger = cluster().open(&site, dir.path(), Access::Pay).unwrap();
    let found = restored(&ledger).unwrap();
    assert_eq!(found.payments, ["p-000001"]);
    let back = all(&ledger);
    assert_eq!(back.len(), 1);
    assert_eq!(
        (back[0].state, &back[0].request, back[0].quoted),
        (State::SpendStarted, &before.request, before.quoted)
    );
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test-all"]
fn who_cannot_get_in_is_told_why_and_never_the_password() {
    let dir = tempfile::tempdir().unwrap();
    let own = Cluster::start("-c fsync=off");
    own.as_owner("ALTER ROLE app PASSWORD 'right'");
    let hba = own.folder.join("data/pg_hba.conf");
    std::fs::write(&hba, "local all owner trust\nlocal all all scram-sha-256\n").unwrap();
    own.as_owner("SELECT pg_reload_conf()");
    std::thread::sleep(Duration::from_millis(300));
    let open = |url: &str| {
        let target = Target::read(url, Limits::of_lease(Duration::from_secs(30))).unwrap();
        let site = ServerSite {
            target,
            state_dir: dir.path().to_owned(),
            hold: Arc::default(),
            allow_async_standby: false,
        };
        let site = Site::Server(Box::new(site));
        // A process that another test starts just now has the lock's handle until it runs its program.
        for _ in 0..100 {
            match site.open(Access::Pay).map(drop) {
                Err(LedgerError::Held(_)) => std::thread::sleep(Duration::from_millis(20)),
                opened => return opened,
            }
        }
        panic!("the lock stays taken");
    };
    let socket = own.folder.display();
    for (url, words) in [
        (format!("postgres://app:hunter2@/ledger?host={socket}"), "password authentication failed"),
        (format!("postgres://app:right@/nowhere?host={socket}"), "does not exist"),
        ("postgres://app:hunter2@127.0.0.1:1/ledger".to_owned(), "refused"),
        (format!("postgres://app:hunter2@/ledger?host={}", dir.path().display()), "No such file"),
    ] {
        let told = open(&url).unwrap_err();
        assert!(matches!(told, LedgerError::Trouble { .. }), "{told:?}");
        let told = format!("{told} {told:?}");
        assert!(told.contains(words) && !told.contains("hunter2") && !told.contains("right@"), "{told}");
    }
    open(&format!("postgres://app:right@/ledger?host={socket}")).unwrap();
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test-all"]
fn a_newer_or_foreign_schema_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, site) = seeded(dir.path());
    drop(ledger);
    let open = |access| Site::Server(Box::new(site.clone())).open(access).map(drop);
    cluster()
        .sql(dir.path(), "INSERT INTO schema_migration (number, name, sha256) VALUES (99, 'x', 'y')")
        .unwrap();
    let newest = i64::try_from(MIGRATIONS.len()).unwrap();
    for access in [Access::Pay, Access::Note, Access::Read] {
        assert!(
            matches!(open(access), Err(LedgerError::Newer { known, .. }) if known == newest),
            "{access:?}"
        );
    }
    cluster().sql(dir.path(), "DELETE FROM schema_migration WHERE number = 99").unwrap();
    open(Access::Read).unwrap();
    cluster().sql(dir.path(), "UPDATE schema_migration SET sha256 = 'of somebody'").unwrap();
    assert!(open(Access::Pay).unwrap_err().to_string().contains("not made by renewd"));
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test-all"]
fn readers_make_no_ledger_and_two_payers_of_one_folder_are_one_too_many() {
    let dir = tempfile::tempdir().unwrap();
    let site = cluster().site(dir.path());
    let open = |access| Site::Server(Box::new(site.clone())).open(access);
    assert!(matches!(open(Access::Read), Err(LedgerError::Missing(_))));
    let first = open(Access::Pay).unwrap();
    assert!(matches!(open(Access::Pay), Err(LedgerError::Held(_))));
    open(Access::Note).unwrap().note("beside", "a payer").unwrap();
    assert_eq!(first.noted("beside").unwrap().as_deref(), Some("a payer"));
    assert!(matches!(first.backup(&dir.path().join("copy")), Err(LedgerError::Served(_))));
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test-all"]
fn a_list_that_is_as_it_was_known_takes_the_same_few_ways_however_long_it_is() {
    let trips = |count: usize| {
        let dir = tempfile::tempdir().unwrap();
        let (ledger, _) = seeded(dir.path());
        let leases = |_| inventory((0..count).map(|n| lease("yp", n)).collect());
        let pass = |minute| {
            let before = ledger.round_trips().unwrap();
            ledger.record_inventory(&yp(), &acct(), at(minute).wall, &leases(())).unwrap();
            ledger.round_trips().unwrap() - before
        };
        let first = pass(1);
        pass(2);
        let rows = || {
            let written = "SELECT max(xmin::text::bigint) FROM (SELECT xmin FROM lease UNION ALL SELECT xmin FROM digest) AS all_rows";
            cluster().sql(dir.path(), written).unwrap()
        };
        let before = rows();
        let last = pass(3);
        assert_eq!(rows(), before, "no lease and no digest is written again");
        (first, last)
    };
    let (few, many) = (trips(20), trips(5_000));
    assert_eq!(few.1, many.1, "an unchanged list");
    assert!(few.1 < 10, "{few:?}");
    assert!(many.0 < 30, "a first list goes by the thousand: {many:?}");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test-all"]
fn writers_take_turns() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, site) = seeded(dir.path());
    let others: Vec<SqlLedger> =
        (0..3).map(|_| Site::Server(Box::new(site.clone())).open(Access::Note).unwrap()).collect();
    std::thread::scope(|scope| {
        for other in &others {
            scope.spawn(move || (0..20).map(|n| other.start_cycle(&at(n)).unwrap()).max());
        }
        for n in 1..10 {
            ledger.reserve(&intent(&[n]), &[]).unwrap().unwrap();
        }
    });
    assert_eq!(all(&ledger).len(), 9);
    assert_eq!(ledger.last_cycle().unwrap().unwrap().id, 61);
    assert!(ledger.outbox(None).unwrap().is_empty());
    drop(in_memory().unwrap());
}
