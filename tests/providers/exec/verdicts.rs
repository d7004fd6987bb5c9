//! What each way in which a program may end says of a payment, over real processes; and that one permit is one run.
use std::os::unix::fs::PermissionsExt;

use renewd::providers::PaymentReply;
use rstest::rstest;

use super::bench::Bench;

const PAID: &str = r#"say '"outcome":"accepted","leases":["L1"],"charged":"2.65","balance":"97.35"'"#;

fn is_unknown(reply: &PaymentReply) -> bool {
    matches!(reply, PaymentReply::Unknown { .. })
}

#[tokio::test]
async fn a_plain_success_is_accepted_and_the_program_was_told_all_that_it_needs() {
    let b = Bench::new();
    b.on("extend", PAID);
    let PaymentReply::Accepted { balance, .. } = b.pay().await else { panic!("not accepted") };
    assert_eq!(balance.unwrap().amount.to_string(), "97.35");
    assert_eq!(b.calls(), ["capabilities", "extend"]);
    let input = b.input("extend");
    assert_eq!((input["verb"].as_str(), input["deadline_s"].as_u64()), (Some("extend"), Some(2)));
    assert_eq!(input["secret"]["api_key"], super::bench::KEY);
    assert_eq!(input["settings"]["base_url"], "https://x.example");
    let args = &input["args"];
    assert_eq!((args["price"].as_str(), args["currency"].as_str()), (Some("2.65"), Some("USD")));
    assert_eq!((args["term"]["days"].as_u64(), args["attempt"].as_u64()), (Some(30), Some(1)));
    assert_eq!(args["leases"][0]["expected_end"], "2026-12-01T09:00:00Z");
    assert!(args["intent"].as_str().is_some_and(|id| !id.is_empty()));
    assert!(b.input("capabilities").get("secret").is_none());
    let held = b.limiter.1.load(std::sync::atomic::Ordering::SeqCst);
    assert_eq!(held, 2, "as many tokens as requests_per_call says");
}

#[rstest]
#[case::another_exit(&format!("{PAID}\nexit 1"))]
#[case::verb_not_supported(&format!("{PAID}\nexit 2"))]
#[case::exit_unknown(&format!("{PAID}\nexit 3"))]
#[case::killed(&format!("{PAID}\nkill -9 $$"))]
#[case::terminated(&format!("{PAID}\nkill $$"))]
#[case::nothing("true")]
#[case::closed_stdout("exec >&-\nsleep 0.1")]
#[case::two_lines(&format!("{PAID}\n{PAID}"))]
#[case::words_before(&format!("echo paying\n{PAID}"))]
#[case::cut(r#"printf '{"protocol":1,"request":"%s","outcome":"acc' "$r""#)]
#[case::another_request(&format!("r=r-0\n{PAID}"))]
#[case::another_outcome(r#"say '"outcome":"ok","leases":["L1"]'"#)]
#[case::other_ids(r#"say '"outcome":"accepted","leases":["L2"]'"#)]
#[case::more_ids(r#"say '"outcome":"accepted","leases":["L1","L2"]'"#)]
#[case::no_ids(r#"say '"outcome":"accepted","leases":[]'"#)]
#[case::a_float(r#"say '"outcome":"accepted","leases":["L1"],"charged":2.65'"#)]
#[case::refused(r#"say '"outcome":"refused","code":"x","text":"no"'"#)]
#[case::never_sent(r#"say '"outcome":"never_sent","text":"no"'"#)]
#[case::says_unknown(r#"say '"outcome":"unknown","text":"reset"'"#)]
#[case::not_executable_within("/dev/null")]
#[tokio::test]
async fn anything_odd_is_unknown(#[case] script: &str) {
    let b = Bench::new();
    b.on("extend", script);
    let reply = b.pay().await;
    assert!(is_unknown(&reply), "{reply:?}");
    assert_eq!(b.calls().iter().filter(|c| *c == "extend").count(), 1, "one permit is one run");
}

#[rstest]
#[case::flood("yes | head -c 3000000", "said too much")]
#[case::endless_flood("yes", "said too much")]
#[case::sleeps(&format!("sleep 60\n{PAID}"), "took too long")]
#[case::ignores_term(&format!("trap '' TERM\nsleep 60\n{PAID}"), "took too long")]
#[case::answers_when_asked_to_end(&format!("trap '{}; exit 0' TERM\nsleep 60 & wait", PAID.replace('\'', "\"'\"")), "took too long")]
#[case::a_child_keeps_stdout_open(&format!("(sleep 60) &\nsleep 60\n{PAID}"), "took too long")]
#[tokio::test]
async fn what_floods_or_hangs_is_ended_and_unknown(#[case] script: &str, #[case] words: &str) {
    let b = Bench::new();
    b.on("extend", script);
    let PaymentReply::Unknown { message, .. } = b.pay().await else { panic!("not unknown") };
    assert!(message.contains(words), "{message}");
}

#[tokio::test]
async fn a_good_answer_stands_though_children_were_left_behind_and_they_are_ended() {
    let b = Bench::new();
    let pays_late = format!("(sleep 1; echo late > {}) &\n{PAID}", b.path("late").display());
    b.on("extend", &pays_late);
    assert!(matches!(b.pay().await, PaymentReply::Accepted { .. }));
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    assert!(!b.path("late").exists());
}

#[rstest]
#[case::refused(r#"say '"outcome":"refused","code":"low","text":"poor"'"#)]
#[case::never_sent(r#"say '"outcome":"never_sent","text":"no route"'"#)]
#[tokio::test]
async fn a_refusal_counts_where_the_owner_trusts_it(#[case] script: &str) {
    let mut b = Bench::new();
    b.trust_refusals = true;
    b.on("extend", script);
    assert!(matches!(b.pay().await, PaymentReply::Refused { .. }));
}

#[tokio::test]
async fn a_program_that_cannot_be_started_was_never_asked() {
    for text in ["#!/nowhere/interpreter\n", "\u{7f}ELF"] {
        let b = Bench::new();
        let broken = b.path("broken");
        std::fs::write(&broken, text).unwrap();
        std::fs::set_permissions(&broken, std::fs::Permissions::from_mode(0o755)).unwrap();
        // What it says of itself cannot be asked; were it known, the payment would meet the same.
        let reply = b.pay_by(&broken).await;
        assert!(matches!(reply, PaymentReply::NeverSent(_)), "{text}: {reply:?}");
    }
    for gone in ["/nowhere/program", "/tmp"] {
        let reply = Bench::new().pay_by(std::path::Path::new(gone)).await;
        assert!(matches!(reply, PaymentReply::NeverSent(_)), "{gone}: {reply:?}");
    }
}

#[tokio::test]
async fn a_program_that_can_be_started_no_more_between_two_calls_was_never_asked_to_pay() {
    let b = Bench::new();
    b.on("extend", PAID);
    // The first call takes the right to run from the program, so that the kernel refuses the second.
    let can = std::fs::read_to_string(b.path("capabilities")).unwrap();
    b.on("capabilities", &format!("chmod 600 \"$0\"\n{can}"));
    let reply = b.pay().await;
    assert!(matches!(&reply, PaymentReply::NeverSent(why) if why.contains("os error 13")), "{reply:?}");
    assert_eq!(b.calls(), ["capabilities"]);
}

#[tokio::test]
async fn what_stands_against_the_payment_when_it_is_about_to_leave_stops_it() {
    let b = Bench::new();
    b.on("extend", PAID);
    let paused = b.permit(&[1], Err("spending was paused".to_owned()));
    let reply = b.pay_with(paused).await;
    assert!(
        matches!(&reply, PaymentReply::NeverSent(why) if why.contains("spending was paused")),
        "{reply:?}"
    );
    assert_eq!(b.calls(), ["capabilities"]);
}

#[tokio::test]
async fn a_program_that_does_not_name_the_verb_is_not_asked_to_pay() {
    let b = Bench::new();
    let can = std::fs::read_to_string(b.path("capabilities")).unwrap();
    b.on("extend", PAID).on("capabilities", can.replace("\"extend\",\"set", "\"set").trim());
    assert!(matches!(b.pay().await, PaymentReply::NeverSent(_)));
    assert_eq!(b.calls(), ["capabilities"]);
}

#[tokio::test]
async fn a_program_that_others_may_change_is_not_run() {
    let b = Bench::new();
    b.on("extend", PAID);
    std::fs::set_permissions(b.path("program"), std::fs::Permissions::from_mode(0o777)).unwrap();
    let reply = b.pay().await;
    assert!(matches!(&reply, PaymentReply::NeverSent(why) if why.contains("chmod go-w")), "{reply:?}");
    assert_eq!(b.calls(), [""; 0]);
}
