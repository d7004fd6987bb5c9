//! Nothing that a program started lives on: neither what it left behind, nor what made a session of its own.
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use renewd::programs::{End, Job, Limits, Runner};
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

/// Two ways lead to renewd, one for what a program says and one for word of its end: whichever comes first, nothing is lost.
#[tokio::test]
async fn what_it_said_is_heard_to_the_end_also_where_word_of_its_end_comes_first() {
    let folder = tempfile::tempdir().unwrap();
    let supervisor = folder.path().join("supervisor");
    let script = "#!/bin/sh\nread -r order\nprintf '\"started\"\\n{\"ended\":{\"code\":0,\"signal\":null,\"left\":0}}\\n' >&0\nsleep 0.3\necho all of it\n";
    std::fs::write(&supervisor, script).unwrap();
    std::fs::set_permissions(&supervisor, std::fs::Permissions::from_mode(0o755)).unwrap();
    let run = |size| {
        let limits = Limits { time: Duration::from_secs(20), grace: Duration::from_secs(1), size };
        let job = Job {
            argv: vec!["/bin/true".to_owned()],
            env: Vec::new(),
            input: Vec::new().into(),
            open_input: false,
            nice: 0,
            limits,
        };
        let runner = Runner::with(supervisor.clone());
        async move {
            let mut said = Vec::new();
            let keep = |piece: &[u8]| {
                said.extend_from_slice(piece);
                true
            };
            let end = runner.run(job, || Ok(()), keep).await.unwrap().end;
            (end, String::from_utf8(said).unwrap())
        }
    };
    assert_eq!(run(100).await, (End::Exit(0), "all of it\n".to_owned()));
    assert_eq!(run(3).await, (End::Stopped, String::new()), "and what it said too much is no good end");
}
