//! The limit holds in virtual time, over two processes' worth of limiters and without a file.
use proptest::prelude::*;

use super::*;
use crate::clock::VirtualClock;

const MINUTE_MS: i64 = 60_000;

fn clock() -> Arc<VirtualClock> {
    Arc::new(VirtualClock::starting_at("2026-11-21T06:00:00Z".parse().unwrap()))
}

fn limiter(dir: &Path, limit: u32, clock: &Arc<VirtualClock>) -> SharedLimiter {
    let key = SecretString::from("a-secret-key");
    let name = AccountName::from("yp");
    SharedLimiter::new(dir, name, &ProviderName::from("youproxy"), &key, limit, clock.clone())
}

fn now_ms(clock: &VirtualClock) -> i64 {
    clock.now().boot_ms
}

/// The most requests in any minute that starts with one of them.
fn busiest(sent: &[i64]) -> usize {
    sent.iter()
        .map(|from| sent.iter().filter(|at| (*from..=from + MINUTE_MS).contains(at)).count())
        .max()
        .unwrap_or(0)
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

#[derive(Debug, Clone)]
enum Step {
    Read(bool),
    QuoteAndPay { pays: bool, after_ms: u64 },
    Idle(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => any::<bool>().prop_map(Step::Read),
        3 => (any::<bool>(), 0_u64..30_000).prop_map(|(pays, after_ms)| Step::QuoteAndPay { pays, after_ms }),
        1 => (0_u64..90_000).prop_map(Step::Idle),
    ];
    prop::collection::vec(step, 1..60)
}

async fn send(steps: Vec<Step>, limiters: &[SharedLimiter], clock: &VirtualClock) -> Vec<i64> {
    let mut sent = Vec::new();
    for (i, step) in steps.into_iter().enumerate() {
        let limiter = &limiters[i % limiters.len()];
        match step {
            Step::Read(routine) => {
                let purpose = if routine { Purpose::Routine } else { Purpose::Money };
                limiter.acquire(1, purpose).await;
                sent.push(now_ms(clock));
            }
            Step::QuoteAndPay { pays, after_ms } => {
                limiter.acquire(2, Purpose::Money).await;
                sent.push(now_ms(clock));
                clock.advance(Duration::from_millis(after_ms));
                if pays {
                    limiter.payment_leaves().await;
                    sent.push(now_ms(clock));
                }
            }
            Step::Idle(ms) => clock.advance(Duration::from_millis(ms)),
        }
    }
    sent
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_minute_ever_holds_more_than_the_limit(steps in steps(), limit in 3_u32..12, in_file in any::<bool>()) {
        let dir = tempfile::tempdir().unwrap();
        let place = if in_file { dir.path().to_path_buf() } else { dir.path().join("missing") };
        let clock = clock();
        let mut limiters = vec![limiter(&place, limit, &clock)];
        if in_file {
            limiters.push(limiter(&place, limit, &clock));
        }
        let sent = run(send(steps, &limiters, &clock));
        prop_assert!(busiest(&sent) <= limit as usize, "{sent:?}");
    }
}

#[test]
fn two_limiters_on_one_file_share_the_window() {
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    let (one, two) = (limiter(dir.path(), 6, &clock), limiter(dir.path(), 6, &clock));
    run(async {
        for _ in 0..3 {
            one.acquire(1, Purpose::Money).await;
            two.acquire(1, Purpose::Money).await;
        }
        let before = now_ms(&clock);
        two.acquire(1, Purpose::Money).await;
        assert_eq!(now_ms(&clock) - before, MINUTE_MS + 1);
    });
}

/// A ledger of several machines, with a clock of its own, an hour apart from theirs.
#[derive(Default)]
struct Ledger {
    rows: Mutex<Vec<RequestRow>>,
    clock: Mutex<Option<Arc<VirtualClock>>>,
    away: AtomicBool,
}

impl SharedWindow for Ledger {
    fn turn(
        &self,
        _account: &str,
        work: &mut dyn FnMut(&[RequestRow], i64) -> RequestTurn,
    ) -> Result<(), String> {
        if self.away.load(Ordering::SeqCst) {
            return Err("away".to_owned());
        }
        let now = self.clock.lock().unwrap().as_ref().unwrap().now().boot_ms + 3_600_000;
        let mut rows = self.rows.lock().unwrap();
        let turn = work(&rows, now);
        if turn.drop_held
            && let Some(at) = rows.iter().position(|r| r.held)
        {
            rows.remove(at);
        }
        rows.extend(turn.add);
        Ok(())
    }
}

#[test]
fn two_machines_share_one_window_and_each_keeps_its_own_while_the_ledger_is_away() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let clock = clock();
    let ledger = Arc::new(Ledger::default());
    *ledger.clock.lock().unwrap() = Some(Arc::clone(&clock));
    let of = |dir: &Path| limiter(dir, 6, &clock).shared_by(Some(ledger.clone()));
    let (one, two) = (of(here.path()), of(there.path()));
    run(async {
        for _ in 0..3 {
            one.acquire(1, Purpose::Money).await;
            two.acquire(1, Purpose::Money).await;
        }
        let before = now_ms(&clock);
        two.acquire(1, Purpose::Money).await;
        assert_eq!(now_ms(&clock) - before, MINUTE_MS + 1);
        assert!(!here.path().join("requests.db").exists());
        ledger.away.store(true, Ordering::SeqCst);
        let before = now_ms(&clock);
        for _ in 0..5 {
            two.acquire(1, Purpose::Money).await;
        }
        assert_eq!(now_ms(&clock), before, "one of its own six counts still");
        two.acquire(1, Purpose::Money).await;
        assert_eq!(now_ms(&clock) - before, MINUTE_MS + 1);
    });
}

#[test]
fn routine_leaves_a_third_that_money_takes_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    let limiter = limiter(dir.path(), 60, &clock);
    run(async {
        let start = now_ms(&clock);
        for _ in 0..40 {
            limiter.acquire(1, Purpose::Routine).await;
        }
        for _ in 0..10 {
            limiter.acquire(2, Purpose::Money).await;
        }
        assert_eq!(now_ms(&clock), start);
        limiter.acquire(1, Purpose::Routine).await;
        assert!(now_ms(&clock) > start + MINUTE_MS);
    });
}

#[test]
fn the_file_holds_no_key() {
    let dir = tempfile::tempdir().unwrap();
    run(limiter(dir.path(), 6, &clock()).acquire(1, Purpose::Money));
    let bytes = std::fs::read(dir.path().join("requests.db")).unwrap();
    assert!(!String::from_utf8_lossy(&bytes).contains("a-secret-key"));
}

#[test]
fn the_file_is_its_users_alone_also_one_that_an_earlier_renewd_made() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("requests.db");
    let mode = || file.metadata().unwrap().permissions().mode() & 0o777;
    run(limiter(dir.path(), 6, &clock()).acquire(1, Purpose::Money));
    assert_eq!(mode(), 0o600);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    run(limiter(dir.path(), 6, &clock()).acquire(1, Purpose::Money));
    assert_eq!(mode(), 0o600);
}

/// What is logged while all tokens are taken so often, so long after each other.
fn said(times: usize, gap: Duration) -> String {
    let dir = tempfile::tempdir().unwrap();
    let (clock, seen) = (clock(), tempfile::NamedTempFile::new().unwrap());
    let limiter = limiter(dir.path(), 3, &clock);
    let log = tracing_subscriber::fmt().with_writer(Arc::new(seen.reopen().unwrap())).finish();
    crate::logging::with(log, || {
        run(async {
            for _ in 0..times {
                limiter.acquire(3, Purpose::Money).await;
                clock.advance(gap);
            }
        });
    });
    std::fs::read_to_string(seen.path()).unwrap()
}

#[test]
fn a_long_wait_says_what_for_at_most_once_a_minute_and_a_short_one_says_nothing() {
    let line = "waiting 60 s: account yp allows 3 requests a minute";
    let one = said(2, Duration::ZERO);
    assert_eq!(one.matches(line).count(), 1, "{one}");
    // Each of the nine waits lasts a minute: each may speak, and none does so twice.
    let many = said(10, Duration::ZERO);
    assert_eq!(many.matches(line).count(), 9, "{many}");
    assert_eq!(said(3, Duration::from_secs(59)), "");
}

#[test]
fn many_requests_that_wait_for_one_limit_say_so_once() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, seen) = (clock(), tempfile::NamedTempFile::new().unwrap());
    let limiter = limiter(dir.path(), 60, &clock);
    let log = tracing_subscriber::fmt().with_writer(Arc::new(seen.reopen().unwrap())).finish();
    crate::logging::with(log, || {
        for seconds in [42, 41, 2, 30] {
            limiter.0.tell(Duration::from_secs(seconds));
        }
    });
    let said = std::fs::read_to_string(seen.path()).unwrap();
    assert_eq!(said.matches("waiting ").count(), 1, "{said}");
    assert!(said.contains("waiting 42 s: account yp allows 60 requests a minute"), "{said}");
}

#[test]
fn rows_of_another_boot_do_not_count() {
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    let limiter = limiter(dir.path(), 3, &clock);
    run(limiter.acquire(3, Purpose::Money));
    let conn = rusqlite::Connection::open(dir.path().join("requests.db")).unwrap();
    assert_eq!(conn.execute("UPDATE request SET boot = 'earlier'", []).unwrap(), 3);
    let before = now_ms(&clock);
    run(limiter.acquire(3, Purpose::Money));
    assert_eq!(now_ms(&clock), before);
}

#[test]
fn a_damaged_file_does_not_lift_the_limit() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("requests.db"), "this is no database, and long enough to be sure of it")
        .unwrap();
    let clock = clock();
    let limiter = limiter(dir.path(), 3, &clock);
    run(async {
        let start = now_ms(&clock);
        limiter.acquire(3, Purpose::Money).await;
        limiter.acquire(1, Purpose::Money).await;
        assert_eq!(now_ms(&clock) - start, MINUTE_MS + 1);
    });
}

#[test]
fn two_limiters_on_one_file_keep_one_pace_payments_included() {
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    let pace = Some(SignedDuration::from_millis(350));
    for place in [dir.path().to_path_buf(), dir.path().join("missing")] {
        let one = limiter(&place, 1_000, &clock).paced(pace);
        // Without the file each process knows its own calls only.
        let two = if place.exists() {
            limiter(&place, 1_000, &clock).paced(pace)
        } else {
            SharedLimiter(Arc::clone(&one.0))
        };
        clock.advance(Duration::from_secs(61));
        run(async {
            let mut sent = Vec::new();
            for _ in 0..4 {
                one.acquire(2, Purpose::Money).await;
                sent.push(now_ms(&clock));
                two.acquire(1, Purpose::Routine).await;
                sent.push(now_ms(&clock));
                one.payment_leaves().await;
                sent.push(now_ms(&clock));
            }
            let gaps: Vec<i64> = sent.windows(2).map(|w| w[1] - w[0]).collect();
            assert!(gaps.iter().all(|gap| *gap == 350), "{gaps:?}");
        });
    }
}

#[test]
fn the_file_that_root_makes_belongs_to_the_owner_of_the_folder() {
    use std::os::unix::fs::MetadataExt;
    let dir = tempfile::tempdir().unwrap();
    if std::os::unix::fs::chown(dir.path(), Some(54_321), Some(54_321)).is_err() {
        return; // Only root gives files away, and only root can leave them to the wrong user.
    }
    let file = dir.path().join("requests.db");
    drop(super::store::open(&file).unwrap());
    let meta = file.metadata().unwrap();
    assert_eq!((meta.uid(), meta.gid()), (54_321, 54_321));
}
