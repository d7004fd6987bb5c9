//! When a term that was tried may be tried again: contract I1 and I6, row by row.
use super::*;
use crate::domain::RequestLease;
use crate::domain::time::Timing;
use crate::domain::{AccountName, LeaseId, Leases, OrderId, TermEnd, Told, sample};
use crate::policy::sample::keep;
use rstest::rstest;

const NOW: i64 = 1_000_000;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_second(secs).unwrap()
}

fn lease() -> Lease {
    Lease { ip: "203.0.113.1".to_owned(), expires_at: Some(at(NOW + 86_400)), ..sample::lease() }
}

fn policy(on_unknown: OnUnknown) -> Policy {
    Policy { on_unknown, ..keep("keep") }
}

/// A payment of this very term that came to `state` so many seconds ago.
fn past(state: State, ago: i64) -> Past {
    Past {
        intent: "p-000001".into(),
        account: AccountName::new("yp"),
        provider: ProviderName::new("youproxy"),
        leases: vec![RequestLease {
            id: LeaseId::new("L1"),
            order: OrderId::new("O1"),
            ip: "203.0.113.1".to_owned(),
            told: Default::default(),
            port: None,
            expires_at: at(NOW + 86_400),
        }],
        days: 30,
        after: None,
        state,
        state_at: at(NOW - ago),
        elapsed: Some(SignedDuration::from_secs(ago)),
        never_sent: false,
        operator_spoke: false,
        quiet: Quiet::No,
        failover_hold: None,
    }
}

fn quiet(quiet: Quiet, ago: i64) -> Past {
    Past { quiet, ..past(State::Refused, ago) }
}

fn unsent(ago: i64) -> Past {
    Past { never_sent: true, ..past(State::NotApplied, ago) }
}

/// Of a sibling: another lease and address of the same order.
fn sibling(state: State) -> Past {
    let mut one = past(state, 60);
    one.leases[0].id = LeaseId::new("L2");
    one.leases[0].ip = "203.0.113.2".to_owned();
    one
}

fn judged(past: &[Past], on_unknown: OnUnknown, stage: Stage) -> Clearance {
    judged_for(&lease(), past, on_unknown, stage)
}

fn judged_for(lease: &Lease, past: &[Past], on_unknown: OnUnknown, stage: Stage) -> Clearance {
    let timing = Timing {
        read_timeout: SignedDuration::from_secs(30),
        money_timeout: SignedDuration::from_secs(120),
        lag_window: SignedDuration::from_secs(900),
        settle_reads: 3,
    };
    let world = World {
        now: at(NOW),
        timing: &timing,
        patience: timing.lag_window,
        policies: crate::policy::sample::policies(&[], at(NOW)),
        accounts: &[],
        past,
        clock_held: None,
    };
    let provider = past.first().map_or_else(|| ProviderName::new("youproxy"), |p| p.provider.clone());
    clearance(&world, &provider, lease, &policy(on_unknown), stage)
}

/// `1` or `2`: that attempt; otherwise the reason's word.
fn word(past: &[Past]) -> String {
    told(past, OnUnknown::Hold, Stage::Normal)
}

fn told(past: &[Past], on_unknown: OnUnknown, stage: Stage) -> String {
    match judged(past, on_unknown, stage) {
        Clearance::Attempt(n) => n.to_string(),
        Clearance::Blocked(reason) => reason.word.as_str().to_owned(),
    }
}

#[rstest]
#[case::never_tried(&[], "1")]
#[case::given_back(&[past(State::Released, 60)], "1")]
#[case::accepted(&[past(State::Accepted, 60)], "accepted")]
#[case::unknown(&[past(State::Unknown, 60)], "unknown_pending")]
#[case::under_way(&[past(State::SpendStarted, 60)], "unknown_pending")]
#[case::a_person_must_look(&[past(State::NeedsOperator, 60)], "needs_operator")]
#[case::charged_and_not_listed_yet(&[past(State::Confirmed, 899)], "accepted")]
#[case::charged_and_not_moved_for_a_lag_window(&[past(State::Confirmed, 900)], "needs_operator")]
#[case::a_siblings_unknown_bars_the_order(&[sibling(State::Unknown)], "unknown_pending")]
#[case::a_siblings_question_bars_the_order(&[sibling(State::NeedsOperator)], "needs_operator")]
#[case::a_siblings_acceptance_bars_nothing(&[sibling(State::Accepted)], "1")]
#[case::a_siblings_charge_bars_nothing(&[sibling(State::Confirmed)], "1")]
fn what_is_open_or_charged_bars_the_term(#[case] past: &[Past], #[case] expected: &str) {
    assert_eq!(word(past), expected);
}

#[test]
fn another_provider_of_the_same_address_bars_nothing() {
    let other = Past { provider: ProviderName::new("proxyshard"), ..past(State::Unknown, 60) };
    assert_eq!(word(&[past(State::Released, 60), other]), "1");
}

/// A payment of a program's account.
fn programs(account: &str, state: State) -> Past {
    Past {
        account: AccountName::new(account),
        provider: ProviderName::new(ProviderName::PROGRAM),
        ..past(state, 60)
    }
}

/// The same, extended by a month: what is read now is old beside it.
fn extended(paid: Past) -> Past {
    Past { after: Some(at(NOW + 86_400 * 31)), ..paid }
}

#[test]
fn accounts_of_two_programs_have_nothing_to_do_with_each_other() {
    let elsewhere = |mut p: Past| {
        (p.leases[0].order, p.leases[0].ip) = (OrderId::new("O7"), "198.51.100.7".to_owned());
        p
    };
    let open = [State::Unknown, State::NeedsOperator, State::Accepted, State::Confirmed];
    for state in open {
        let own = programs("yp", state);
        assert_ne!(word(&[elsewhere(own.clone())]), "1", "its own id: {state}");
        assert_eq!(word(&[elsewhere(programs("other", state))]), "1", "another's id: {state}");
        let mut place = programs("other", state);
        place.leases[0].id = LeaseId::new("L7");
        assert_eq!(word(&[place]), "1", "another's order and address: {state}");
        assert_eq!(word(&[programs("other", state)]), word(&[own]), "all of it: {state}");
    }
    assert_eq!(word(&[elsewhere(extended(programs("other", State::Confirmed)))]), "1", "nor are ends old");
}

#[test]
fn a_lease_that_shares_its_address_by_now_is_not_the_one_that_was_alone_there() {
    let alone = |state| {
        let mut paid = extended(past(state, 60));
        paid.leases[0].id = LeaseId::new("A");
        paid
    };
    let here = |id: &str, port| Lease { id: LeaseId::new(id), port, ..lease() };
    let listed: Leases = vec![here("A", Some(8001)), here("B", Some(8002))].into();
    let joined = here("B", Some(8002));
    let word = |p: &Past| match judged_for(&joined, std::slice::from_ref(p), OnUnknown::Hold, Stage::Normal) {
        Clearance::Attempt(n) => n.to_string(),
        Clearance::Blocked(reason) => reason.word.as_str().to_owned(),
    };
    let mut paid = alone(State::Confirmed);
    assert_eq!(word(&paid), "accepted", "it may be the same under another id");
    paid.learn_ports(&vec![here("B", Some(8002))].into());
    assert_eq!(word(&paid), "accepted", "as long as its own is not there");
    paid.learn_ports(&listed);
    assert_eq!(word(&paid), "1", "both are listed: they are two");
}

#[test]
fn whose_payment_is_open_is_told_apart() {
    let Clearance::Blocked(own) = judged(&[past(State::Unknown, 1)], OnUnknown::Hold, Stage::Normal) else {
        panic!("blocked")
    };
    let Clearance::Blocked(others) = judged(&[sibling(State::Unknown)], OnUnknown::Hold, Stage::Normal)
    else {
        panic!("blocked")
    };
    assert!(own.prose.starts_with("its payment p-000001"), "{}", own.prose);
    assert!(others.prose.starts_with("a payment of its order or address, p-000001"), "{}", others.prose);
}

#[rstest]
#[case::not_read_yet(&[quiet(Quiet::No, 100_000)], Stage::Urgent, "refused")]
#[case::ten_minutes_first(&[quiet(Quiet::Unchanged, 599)], Stage::Normal, "refused")]
#[case::then_again(&[quiet(Quiet::Unchanged, 600)], Stage::Normal, "1")]
#[case::twenty_after_two(&[quiet(Quiet::Unchanged, 9_000), quiet(Quiet::Unchanged, 1_199)], Stage::Normal, "refused")]
#[case::and_then_again(&[quiet(Quiet::Unchanged, 9_000), quiet(Quiet::Unchanged, 1_200)], Stage::Normal, "1")]
#[case::close_to_the_end_no_longer_than_a_quarter(&[quiet(Quiet::Unchanged, 9_000), quiet(Quiet::Unchanged, 900)], Stage::Urgent, "1")]
#[case::and_no_sooner(&[quiet(Quiet::Unchanged, 9_000), quiet(Quiet::Unchanged, 899)], Stage::Urgent, "refused")]
#[case::a_top_up_meanwhile_is_believed(&[quiet(Quiet::Changed, 600)], Stage::Normal, "1")]
#[case::once_and_not_each_time(&[quiet(Quiet::Changed, 99_000), quiet(Quiet::Changed, 90_000)], Stage::Urgent, "refused")]
#[case::whatever_came_between(&[quiet(Quiet::Changed, 99_000), quiet(Quiet::Changed, 95_000), quiet(Quiet::Unchanged, 90_000)], Stage::Urgent, "refused")]
fn after_a_refusal_it_is_tried_again_only_where_nothing_was_charged(
    #[case] past: &[Past],
    #[case] stage: Stage,
    #[case] expected: &str,
) {
    assert_eq!(told(past, OnUnknown::Hold, stage), expected);
}

#[test]
fn a_refusal_waits_at_most_six_hours() {
    let mut many: Vec<Past> = (0..12).map(|n| quiet(Quiet::Unchanged, 200_000 + n)).collect();
    many.push(quiet(Quiet::Unchanged, 21_599));
    assert_eq!(word(&many), "refused");
    many.push(quiet(Quiet::Unchanged, 21_600));
    many.remove(12);
    assert_eq!(word(&many), "1");
}

#[rstest]
#[case::at_first(&[quiet(Quiet::No, 60)], "waiting for the lag window")]
#[case::a_changed_one_lies_before_it(&[quiet(Quiet::Changed, 9_000), quiet(Quiet::No, 60)], "waiting for the lag window")]
#[case::just_before_two_hours(&[quiet(Quiet::No, 7_199)], "waiting for the lag window")]
#[case::after_two_hours_a_person(&[quiet(Quiet::No, 7_200)], "renewd resolve p-000001 --charged")]
#[case::changed_each_time(&[quiet(Quiet::Changed, 60), quiet(Quiet::Changed, 50)], "renewd resolve p-000001 --charged")]
fn a_refusal_that_stays_open_says_who_can_end_it(#[case] past: &[Past], #[case] words: &str) {
    let Clearance::Blocked(reason) = judged(past, OnUnknown::Hold, Stage::Normal) else { panic!("blocked") };
    assert!(reason.prose.contains(words), "{}", reason.prose);
}

#[test]
fn leases_of_a_refused_batch_go_alone() {
    let mut batch = quiet(Quiet::Unchanged, 600);
    batch.leases.extend(sibling(State::Refused).leases);
    assert_eq!(word(&[batch]), "2");
}

#[rstest]
#[case::half_a_minute(&[unsent(29)], "backoff")]
#[case::then(&[unsent(30)], "1")]
#[case::a_minute_after_two(&[unsent(500), unsent(59)], "backoff")]
#[case::and_then(&[unsent(500), unsent(60)], "1")]
#[case::at_most_a_quarter(&[unsent(9_001), unsent(9_002), unsent(9_003), unsent(9_004), unsent(9_005), unsent(9_006), unsent(9_007), unsent(899)], "backoff")]
#[case::of_an_hour(&[unsent(9_001), unsent(9_002), unsent(9_003), unsent(9_004), unsent(9_005), unsent(9_006), unsent(9_007), unsent(900)], "1")]
fn what_was_never_sent_is_sent_again_soon(#[case] past: &[Past], #[case] expected: &str) {
    assert_eq!(word(past), expected);
}

#[rstest]
#[case::hold_waits(OnUnknown::Hold, Stage::Normal, 100_000, "unknown_pending")]
#[case::hold_until_urgent(OnUnknown::Hold, Stage::Urgent, 1, "2")]
#[case::and_in_rescue(OnUnknown::Hold, Stage::Rescue, 1, "2")]
#[case::retry_after_two_windows(OnUnknown::Retry, Stage::Normal, 1_800, "2")]
#[case::not_before(OnUnknown::Retry, Stage::Normal, 1_799, "unknown_pending")]
#[case::retry_when_urgent(OnUnknown::Retry, Stage::Urgent, 1, "2")]
#[case::never(OnUnknown::Never, Stage::Urgent, 100_000, "unknown_pending")]
fn a_second_attempt_follows_evidence_when_the_policy_allows_it(
    #[case] on_unknown: OnUnknown,
    #[case] stage: Stage,
    #[case] ago: i64,
    #[case] expected: &str,
) {
    assert_eq!(told(&[past(State::NotApplied, ago)], on_unknown, stage), expected);
    // After a reboot the wall clock is what there is.
    let reboot = Past { elapsed: None, ..past(State::NotApplied, ago) };
    assert_eq!(told(&[reboot], on_unknown, stage), expected);
}

/// Begun by another node, which lost its lease since, so many seconds before its hold is over.
fn crossed(left: i64) -> Past {
    Past { failover_hold: Some(SignedDuration::from_secs(left)), ..past(State::NotApplied, 100_000) }
}

#[rstest]
#[case::absence_is_not_enough(crossed(60), OnUnknown::Retry, Stage::Normal, "unknown_pending")]
#[case::nor_is_time(crossed(-1), OnUnknown::Retry, Stage::Normal, "unknown_pending")]
#[case::nor_is_need(crossed(1), OnUnknown::Retry, Stage::Urgent, "unknown_pending")]
#[case::nor_where_the_policy_holds(crossed(1), OnUnknown::Hold, Stage::Urgent, "unknown_pending")]
#[case::need_and_time_are(crossed(0), OnUnknown::Retry, Stage::Urgent, "2")]
#[case::also_where_the_policy_holds(crossed(0), OnUnknown::Hold, Stage::Urgent, "2")]
#[case::never_rules_it_out(crossed(-100_000), OnUnknown::Never, Stage::Urgent, "unknown_pending")]
#[case::the_old_node_says_never_sent(Past { never_sent: true, ..crossed(60) }, OnUnknown::Never, Stage::Normal, "1")]
#[case::an_operator_has_spoken(Past { operator_spoke: true, ..crossed(60) }, OnUnknown::Never, Stage::Normal, "1")]
#[case::it_is_open_still(Past { state: State::Unknown, ..crossed(-60) }, OnUnknown::Retry, Stage::Urgent, "unknown_pending")]
fn what_a_lost_node_began_is_made_anew_by_its_word_a_persons_or_in_need_after_the_hold(
    #[case] past: Past,
    #[case] on_unknown: OnUnknown,
    #[case] stage: Stage,
    #[case] want: &str,
) {
    assert_eq!(told(&[past], on_unknown, stage), want);
}

#[test]
fn a_third_attempt_is_a_persons_to_allow() {
    let twice = [past(State::NotApplied, 9_000), past(State::NotApplied, 5_000)];
    assert_eq!(told(&twice, OnUnknown::Retry, Stage::Urgent), "needs_operator");
    // Their word is a fresh start; what failed after it counts again.
    let spoken = Past { operator_spoke: true, ..past(State::NotApplied, 4_000) };
    assert_eq!(word(&[twice[0].clone(), twice[1].clone(), spoken.clone()]), "1");
    let with = |later: Past| [twice[0].clone(), twice[1].clone(), spoken.clone(), later];
    assert_eq!(told(&with(past(State::NotApplied, 3_000)), OnUnknown::Retry, Stage::Urgent), "2");
    assert_eq!(told(&with(past(State::NotApplied, 4_000)), OnUnknown::Retry, Stage::Urgent), "1");
}

/// A payment of this term that was confirmed so many seconds ago and brought a later end.
fn confirmed(ago: i64) -> Past {
    Past { after: Some(at(NOW + 31 * 86_400)), ..past(State::Confirmed, ago) }
}

fn words_of(past: &Past, end: TermEnd, stage: Stage) -> Option<Word> {
    let lease = Lease { expires_at: Some(end.at), told: end.told, ..lease() };
    match judged_for(&lease, std::slice::from_ref(past), OnUnknown::Retry, stage) {
        Clearance::Blocked(reason) => Some(reason.word),
        Clearance::Attempt(_) => None,
    }
}

#[rstest]
#[case::the_old_end(86_400_000)]
#[case::without_its_fraction(86_400_000 - 980)]
#[case::an_older_one(-86_400_000)]
fn an_old_end_after_a_payment_waits_a_lag_window_and_then_holds_whatever_the_stage(#[case] ms: i64) {
    let end = TermEnd::instant(at(NOW).checked_add(SignedDuration::from_millis(ms)).unwrap());
    for stage in [Stage::Normal, Stage::Urgent] {
        assert_eq!(words_of(&confirmed(899), end, stage), Some(Word::Accepted));
        assert_eq!(words_of(&confirmed(900), end, stage), Some(Word::Stale));
    }
}

#[test]
fn the_end_that_a_payment_brought_is_free_however_it_is_spelled() {
    for seconds in [31 * 86_400, 31 * 86_400 - 1, 31 * 86_400 - 3_600, 31 * 86_400 + 3_600] {
        assert_eq!(words_of(&confirmed(9_000), TermEnd::instant(at(NOW + seconds)), Stage::Normal), None);
    }
}

#[rstest]
#[case::refused(past(State::Refused, 60), Word::Refused)]
#[case::not_charged(past(State::NotApplied, 60), Word::UnknownPending)]
#[case::accepted(past(State::Accepted, 60), Word::Accepted)]
fn a_respelled_end_is_no_way_around_an_earlier_attempt(#[case] past: Past, #[case] word: Word) {
    for ms in [-59_000, -400, 400, 59_000] {
        let end = TermEnd::instant(at(NOW + 86_400).checked_add(SignedDuration::from_millis(ms)).unwrap());
        assert_eq!(words_of(&past, end, Stage::Normal), Some(word), "{ms} ms");
    }
    let date = TermEnd { at: at(NOW + 86_400 - (NOW % 86_400)), told: Told::Date };
    assert_eq!(words_of(&past, date, Stage::Normal), Some(word), "as a date");
}

#[test]
fn a_lease_behind_the_same_address_with_another_port_is_another_lease() {
    let mut paid = past(State::Unknown, 60);
    (paid.leases[0].port, paid.leases[0].order) = (Some(50_100), OrderId::new("O2"));
    let behind = |port| Lease { id: LeaseId::new("L9"), port, ..lease() };
    assert!(paid.touches(&behind(Some(50_100))) && paid.touches(&behind(None)));
    assert!(!paid.touches(&behind(Some(50_102))));
}
