//! Nothing that a program started lives on: neither what it left behind, nor what made a session of its own.
use std::time::Duration;

use renewd::providers::PaymentReply;

use super::bench::Bench;

/// Forks twice, in a session of its own, and pays after a while.
fn pays_late(b: &Bench) -> String {
    let (late, pid) = (b.path("late"), b.path("pid"));
    format!(
        "setsid sh -c '(trap \"\" TERM HUP; echo $$ > {}; sleep 2; echo paid > {}) >/dev/null 2>&1 </dev/null &' &\nsleep 0.3\n",
        pid.display(),
        late.display()
    )
}

#[tokio::test]
async fn a_grandchild_with_a_session_of_its_own_ends_with_the_program() {
    let b = Bench::new();
    b.on("extend", &format!("{}say '\"outcome\":\"accepted\",\"leases\":[\"L1\"]'", pays_late(&b)));
    assert!(matches!(b.pay().await, PaymentReply::Accepted { .. }));
    assert!(b.path("pid").exists(), "it did start");
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert!(!b.path("late").exists());
}

#[tokio::test]
async fn it_ends_too_where_the_program_is_ended_for_being_late() {
    let b = Bench::new();
    b.on("extend", &format!("{}sleep 60", pays_late(&b).replace("sleep 2;", "sleep 4;")));
    assert!(matches!(b.pay().await, PaymentReply::Unknown { .. }));
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert!(!b.path("late").exists());
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_any_more_is_ended() {
    let b = Bench::new();
    b.on("balance", &format!("{}sleep 60", pays_late(&b)));
    let reader = b.reader();
    let asked = reader.balance(renewd::providers::Purpose::Money);
    let given_up = tokio::time::timeout(Duration::from_secs(1), asked).await;
    assert!(given_up.is_err() && b.path("pid").exists());
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert!(!b.path("late").exists());
}
