//! Two payments of one account, the first of unknown outcome: the fall of the balance may be the later one's.
use std::time::Duration;

use rstest::rstest;

use renewd::simulator::{Aim, Answer, Effect, Fault};

use super::world::{Crowd, LAG_MS, rows};

fn states(crowd: &Crowd) -> Vec<String> {
    rows(&crowd.bench.path("state/ledger.db")).iter().map(|r| r.state().to_owned()).collect()
}

/// The first call hangs and does nothing. Once its spend row is a lag window old, the second lease is paid and the list lags:
/// the balance fell by the price that both asked, and no end moved.
#[rstest]
#[case::its_answer_lost(Answer::Reset, "unknown")]
#[case::its_answer_good(Answer::Honest, "accepted")]
fn a_fall_that_may_be_a_later_payments_is_no_case_for_a_person(#[case] answer: Answer, #[case] state: &str) {
    let mut crowd = Crowd::new(1, 1, 0, 3, 100_000);
    let handle = crowd.bench.handle.clone();
    handle.inject(Fault::on(Aim::Money).effect(Effect::Nothing).answer(Answer::Hang));
    crowd.bench.renewd(&["once"]);
    assert_eq!(states(&crowd), ["unknown"]);
    crowd.add("203.0.113.200");
    handle.set_lag(Duration::from_millis(LAG_MS - 100));
    handle.inject(Fault::on(Aim::Money).answer(answer));
    std::thread::sleep(Duration::from_millis(LAG_MS / 2 + 50));
    crowd.bench.renewd(&["once"]);
    assert_eq!(states(&crowd), ["unknown", state], "{}", crowd.bench.log());
    for _ in 0..8 {
        std::thread::sleep(Duration::from_millis(LAG_MS / 4));
        crowd.bench.renewd(&["once"]);
        assert!(!states(&crowd).contains(&"needs_operator".to_owned()), "{}", crowd.bench.log());
    }
    assert_eq!(states(&crowd)[..2], ["not_applied", "confirmed"], "{}", crowd.bench.log());
}
