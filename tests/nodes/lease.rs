//! The statements of the pay lease on a real server, one by one.
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use jiff::SignedDuration;
use renewd::clock::{Clock, SystemClock};
use renewd::ledger::sqlite::Access;
use renewd::ledger::{Node, PayLease, Site};

use crate::server::cluster;

const TTL: SignedDuration = SignedDuration::from_secs(30);

struct Desk {
    dir: tempfile::TempDir,
    lease: Arc<dyn PayLease>,
    runtime: tokio::runtime::Runtime,
}

fn node(name: &str) -> Node {
    Node { name: name.to_owned(), now: SystemClock::new().now() }
}

impl Desk {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let site = Site::Server(Box::new(cluster().site(dir.path())));
        drop(site.open(Access::Note).unwrap());
        let (lease, _) = site.pay_lease(TTL).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { dir, lease, runtime }
    }

    fn take(&self, name: &str, back: bool) -> Option<(i64, Option<String>)> {
        let taken = self.runtime.block_on(self.lease.take(&node(name), TTL, back)).unwrap();
        taken.map(|taken| (taken.epoch, taken.from))
    }

    fn keep(&self, name: &str, epoch: i64) -> bool {
        self.runtime.block_on(self.lease.keep(&node(name), epoch, TTL)).unwrap()
    }

    fn sql(&self, text: &str) -> String {
        cluster().sql(self.path(), text).unwrap()
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn run_out(&self) {
        self.sql("UPDATE pay_lease SET expires_at = clock_timestamp() - interval '2 seconds'");
    }
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test-all"]
fn it_is_taken_once_kept_by_its_holder_and_given_back() {
    let desk = Desk::new();
    assert_eq!(desk.take("a", false), Some((1, None)));
    assert_eq!((desk.take("b", false), desk.take("b", true)), (None, None));
    assert!(desk.keep("a", 1) && !desk.keep("b", 1) && !desk.keep("a", 2));
    let row = desk.runtime.block_on(desk.lease.read()).unwrap().unwrap();
    assert_eq!((row.epoch, row.holder.as_str(), row.is_free()), (1, "a", false));
    assert!(row.left > SignedDuration::from_secs(20) && row.left <= TTL, "{:?}", row.left);
    desk.runtime.block_on(desk.lease.release(&node("b"), 1)).unwrap();
    assert_eq!(desk.take("b", false), None, "only its holder gives it back");
    desk.runtime.block_on(desk.lease.release(&node("a"), 1)).unwrap();
    assert!(!desk.keep("a", 1), "what was given back is not renewed");
    assert_eq!(desk.take("b", false), Some((2, None)));
    assert_eq!(desk.sql("SELECT count(*) FROM note WHERE key LIKE 'failover:%'"), "0");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test-all"]
fn a_node_takes_its_own_back_and_what_ran_out_under_another_is_a_failover() {
    let desk = Desk::new();
    assert_eq!(desk.take("a", false), Some((1, None)));
    assert_eq!(desk.take("a", true), Some((2, None)), "its own, before it has run out");
    desk.run_out();
    assert_eq!(desk.take("a", false), Some((3, None)), "its own, after");
    assert_eq!(desk.sql("SELECT count(*) FROM note WHERE key LIKE 'failover:%'"), "0");
    desk.run_out();
    assert_eq!(desk.take("b", false), Some((4, Some("a".to_owned()))));
    assert_eq!(desk.sql("SELECT key FROM note WHERE key LIKE 'failover:%'"), "failover:3");
    let note = desk.sql("SELECT value FROM note WHERE key = 'failover:3'");
    let failover = renewd::nodes::Failover::from_note(&note);
    assert_eq!(failover.note(), note);
    let since = SystemClock::new().now().wall.duration_since(failover.ended);
    assert!((1..20).contains(&since.as_secs()), "{since:?}");
    assert_eq!(desk.take("b", true), Some((5, None)));
    let again =
        renewd::nodes::Failover::from_note(&desk.sql("SELECT value FROM note WHERE key = 'failover:3'"));
    assert_eq!((again.ended, &again.taken), (failover.ended, &failover.taken));
    assert!(again.seen > failover.seen && again.seen_at.boot_ms >= failover.seen_at.boot_ms);
}

/// The lock of a spend: once the next epoch is there, no row of the last one can still appear.
#[test]
#[ignore = "needs PostgreSQL: scripts/test-all"]
fn a_takeover_waits_for_the_transaction_of_a_spend_and_sees_what_it_wrote() {
    let desk = Desk::new();
    assert_eq!(desk.take("a", false), Some((1, None)));
    let mut psql = cluster().session(desk.path());
    let input = psql.stdin.as_mut().unwrap();
    // The lease runs out while the transaction is open; the takeover must wait for it all the same.
    input
        .write_all(
            b"UPDATE pay_lease SET expires_at = clock_timestamp() + interval '300 milliseconds';
              BEGIN; SELECT 1 FROM pay_lease WHERE epoch = 1 FOR SHARE; SELECT pg_sleep(1.5);
              INSERT INTO note VALUES ('spend', 'of epoch 1'); COMMIT;\n",
        )
        .unwrap();
    let began = SystemClock::new().now().boot_ms;
    let taken = loop {
        if let Some(taken) = desk.take("b", false) {
            break taken;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    assert_eq!(taken, (2, Some("a".to_owned())));
    assert_eq!(desk.sql("SELECT value FROM note WHERE key = 'spend'"), "of epoch 1");
    assert!(SystemClock::new().now().boot_ms - began >= 1_000);
    psql.kill().unwrap();
    psql.wait().unwrap();
}
