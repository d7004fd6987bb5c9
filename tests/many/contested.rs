//! Two payments of one account whose answers are lost, one after the other: the fall of the balance may be the later one's.
use std::time::Duration;

use renewd::simulator::{Aim, Answer, Effect, Fault};

use super::world::{Crowd, LAG_MS, rows};

fn states(crowd: &Crowd) -> Vec<String> {
    rows(&crowd.bench.path("state/ledger.db")).iter().map(|r| r.state().to_owned()).collect()
}

/// The first call hangs and does nothing. Once its spend row is a lag window old, the second lease is paid, its answer is lost
/// and the list lags: the balance fell by the price that both asked, and no end moved.
#[test]
fn a_fall_that_may_be_a_later_payments_is_no_case_for_a_person() {
    let mut crowd = Crowd::new(1, 1, 0, 3, 100_000);
    let handle = crowd.bench.handle.clone();
    handle.inject(Fault::on(Aim::Money).effect(Effect::Nothing).answer(Answer::Hang));
    crowd.bench.renewd(&["once"]);
    assert_eq!(states(&crowd), ["unknown"]);
    crowd.add("203.0.113.200");
    handle.set_lag(Duration::from_millis(LAG_MS - 100));
    handle.inject(Fault::on(Aim::Money).answer(Answer::Reset));
    std::thread::sleep(Duration::from_millis(LAG_MS / 2 + 50));
    crowd.bench.renewd(&["once"]);
    assert_eq!(states(&crowd), ["unknown", "unknown"], "{}", crowd.bench.log());
    for _ in 0..8 {
        std::thread::sleep(Duration::from_millis(LAG_MS / 4));
        crowd.bench.renewd(&["once"]);
        assert!(!states(&crowd).contains(&"needs_operator".to_owned()), "{}", crowd.bench.log());
    }
    assert_eq!(states(&crowd)[..2], ["not_applied", "confirmed"], "{}", crowd.bench.log());
}
