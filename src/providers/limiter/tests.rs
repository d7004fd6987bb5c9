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

/// What is logged while all tokens are taken three times, so long after each other.
fn said(gap: Duration) -> String {
    let dir = tempfile::tempdir().unwrap();
    let (clock, seen) = (clock(), tempfile::NamedTempFile::new().unwrap());
    let limiter = limiter(dir.path(), 3, &clock);
    let log = tracing_subscriber::fmt().with_writer(Arc::new(seen.reopen().unwrap())).finish();
    tracing::subscriber::with_default(log, || {
        run(async {
            for _ in 0..3 {
                limiter.acquire(3, Purpose::Money).await;
                clock.advance(gap);
            }
        });
    });
    std::fs::read_to_string(seen.path()).unwrap()
}

#[test]
fn a_long_wait_is_told_once_and_a_short_one_never() {
    let long = said(Duration::ZERO);
    assert_eq!(long.matches("yp: waiting for its request limit (3 a minute)").count(), 1, "{long}");
    assert_eq!(said(Duration::from_secs(59)), "");
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
