//! The table of `renewal.rs`, row by row.
use jiff::SignedDuration;

use super::*;
use crate::domain::{TermEnd, Told};
use crate::evidence::terms_moved;
use jiff::Timestamp;
use rstest::rstest;

const LAG: i64 = 900;

fn timing() -> Timing {
    Timing {
        read_timeout: SignedDuration::from_secs(30),
        money_timeout: SignedDuration::from_secs(120),
        lag_window: SignedDuration::from_secs(LAG),
        settle_reads: 3,
    }
}

fn look(secs: i64, fell: i64, moved: usize) -> Look {
    Look { elapsed: SignedDuration::from_secs(secs), fell: Money::from_cents(fell), moved }
}

const T: Timestamp = Timestamp::UNIX_EPOCH;

fn word(state: State, ends: &[End], looks: &[Look], ambiguous: bool) -> &'static str {
    told(state, ends, looks, ambiguous, true)
}

fn told(state: State, ends: &[End], looks: &[Look], ambiguous: bool, comparable: bool) -> &'static str {
    let timing = timing();
    let quoted = Money::from_cents(265);
    let case = Case {
        state,
        ends,
        quoted,
        ambiguous,
        contested: false,
        sight: if ambiguous { Sight::Contested } else { Sight::Tight },
        comparable,
        bound: true,
        looks,
        log: Logged::Nothing,
        timing: &timing,
    };
    match judge(&case) {
        Verdict::Confirmed { charged, why, .. } if why.contains("quote is taken") => {
            assert_eq!(charged, Money::from_cents(265));
            "confirmed at the quote"
        }
        Verdict::Confirmed { .. } => "confirmed",
        Verdict::Split => "split",
        Verdict::NotApplied(_) => "not applied",
        Verdict::NeedsOperator(_) => "needs operator",
        Verdict::Overdue => "overdue",
        Verdict::Wait => "wait",
    }
}

#[rstest]
#[case::all_moved_and_fell(&[End::Moved(T)], &[look(1, 265, 1)], "confirmed")]
#[case::all_moved_balance_unclear(&[End::Moved(T)], &[look(1, -9735, 1)], "confirmed at the quote")]
#[case::some_moved(&[End::Moved(T), End::Same], &[look(1, 100, 1)], "split")]
#[case::some_moved_and_one_is_not_listed(&[End::Moved(T), End::Same, End::Odd], &[look(LAG, 100, 1)], "wait")]
#[case::not_listed_for_long(&[End::Moved(T), End::Same, End::Odd], &[look(4 * LAG, 100, 1)], "split")]
#[case::fell_within_the_window(&[End::Same], &[look(LAG - 1, 265, 0)], "wait")]
#[case::fell_after_the_window(&[End::Same], &[look(LAG, 265, 0)], "needs operator")]
#[case::unchanged_three_spaced_reads(&[End::Same], &[look(300, 0, 0), look(600, 0, 0), look(900, 0, 0)], "not applied")]
#[case::unchanged_but_too_few(&[End::Same], &[look(600, 0, 0), look(900, 0, 0)], "wait")]
#[case::unchanged_but_too_close(&[End::Same], &[look(890, 0, 0), look(895, 0, 0), look(900, 0, 0)], "wait")]
#[case::unchanged_within_the_window(&[End::Same], &[look(0, 0, 0), look(300, 0, 0), look(600, 0, 0)], "wait")]
#[case::a_disagreeing_read_starts_over(&[End::Same], &[look(300, 0, 0), look(600, 5, 0), look(900, 0, 0), look(1200, 0, 0)], "wait")]
#[case::top_up_within_four_windows(&[End::Same], &[look(4 * LAG - 1, -5000, 0)], "wait")]
#[case::top_up_after_four_windows(&[End::Same], &[look(4 * LAG, -5000, 0)], "needs operator")]
#[case::gone_from_the_list_is_no_proof(&[End::Odd], &[look(300, 0, 0), look(600, 0, 0), look(900, 0, 0)], "wait")]
#[case::gone_for_long(&[End::Odd], &[look(4 * LAG, 0, 0)], "needs operator")]
fn an_unknown_payment_is_settled_by_the_table(
    #[case] ends: &[End],
    #[case] looks: &[Look],
    #[case] want: &str,
) {
    assert_eq!(word(State::Unknown, ends, looks, false), want);
}

#[rstest]
#[case::the_new_end_confirms(&[End::Moved(T)], &[look(1, 265, 1)], "confirmed")]
#[case::a_lagging_list_waits(&[End::Same], &[look(LAG - 1, 265, 0)], "wait")]
#[case::a_lag_window_without_a_new_end(&[End::Same], &[look(LAG, 265, 0)], "overdue")]
#[case::partly_moved_waits(&[End::Moved(T), End::Same], &[look(1, 265, 1)], "wait")]
fn an_accepted_payment_needs_its_new_end(#[case] ends: &[End], #[case] looks: &[Look], #[case] want: &str) {
    assert_eq!(word(State::Accepted, ends, looks, false), want);
}

#[test]
fn a_later_charge_that_is_not_known_yet_keeps_the_case_open() {
    let looks = [look(300, 0, 0), look(600, 0, 0), look(900, 0, 0)];
    assert_eq!(word(State::Unknown, &[End::Same], &looks, true), "wait");
}

#[rstest]
#[case::alone(false, LAG, "needs operator")]
#[case::with_another(true, LAG, "wait")]
#[case::with_another_for_long(true, 4 * LAG, "needs operator")]
fn a_fall_that_may_be_another_payments_waits(#[case] contested: bool, #[case] secs: i64, #[case] want: &str) {
    let timing = timing();
    let case = Case {
        state: State::Unknown,
        ends: &[End::Same],
        quoted: Money::from_cents(265),
        ambiguous: false,
        contested,
        sight: Sight::Tight,
        comparable: true,
        bound: true,
        looks: &[look(secs, 265, 0)],
        log: Logged::Nothing,
        timing: &timing,
    };
    let told = if matches!(judge(&case), Verdict::NeedsOperator(_)) { "needs operator" } else { "wait" };
    assert_eq!(told, want);
}

#[rstest]
#[case::a_fall_by_the_quote_in_figures(265, LAG, "wait")]
#[case::no_fall_in_figures(0, LAG, "wait")]
#[case::for_long(265, 4 * LAG, "needs operator")]
fn a_balance_in_another_currency_is_no_evidence(#[case] fell: i64, #[case] secs: i64, #[case] want: &str) {
    let looks = [look(300, 0, 0), look(600, 0, 0), look(secs, fell, 0)];
    assert_eq!(told(State::Unknown, &[End::Same], &looks, false, false), want);
    let moved = told(State::Unknown, &[End::Moved(T)], &[look(secs, fell, 1)], false, false);
    assert_eq!(moved, "confirmed at the quote");
}

#[test]
fn late_evidence_confirms_and_absence_says_nothing_more() {
    for state in [State::NotApplied, State::NeedsOperator, State::Refused] {
        assert_eq!(word(state, &[End::Moved(T)], &[look(99_999, 265, 1)], false), "confirmed");
        assert_eq!(word(state, &[End::Same], &[look(99_999, 265, 0)], false), "wait");
    }
}

/// By instants.
fn end(before: Timestamp, now: Option<Timestamp>, spent_at: Timestamp, days: u32) -> End {
    crate::evidence::end(TermEnd::instant(before), now.map(TermEnd::instant), spent_at, days)
}

#[test]
fn an_end_moves_by_a_term_less_two_days_or_is_odd() {
    let day = |d: i64| Timestamp::from_second(d * 86_400).unwrap();
    assert_eq!(end(day(3), Some(day(3)), day(0), 30), End::Same);
    assert_eq!(end(day(3), Some(day(33)), day(0), 30), End::Moved(day(33)));
    assert_eq!(end(day(3), Some(day(28)), day(0), 30), End::Moved(day(28)));
    assert_eq!(end(day(3), Some(day(27)), day(0), 30), End::Odd);
    assert_eq!(end(day(3), Some(day(2)), day(0), 30), End::Odd);
    assert_eq!(end(day(3), None, day(0), 30), End::Odd);
    assert_eq!((terms_moved(day(3), day(33), 30), terms_moved(day(3), day(63), 30)), (1, 2));
    assert_eq!((terms_moved(day(3), day(31), 30), terms_moved(day(3), day(3), 30)), (1, 0));
}

/// A payment of an order on hold that is in service again and tells no end.
#[rstest]
#[case::its_money_left(State::Unknown, &[End::Again], &[look(1, 265, 0)], false, "confirmed")]
#[case::its_money_is_not_seen_to_leave(State::Unknown, &[End::Again], &[look(1, 264, 0)], false, "wait")]
#[case::nor_for_long(State::Unknown, &[End::Again], &[look(4 * LAG, 264, 0)], false, "needs operator")]
#[case::a_later_charge_is_not_known(State::Unknown, &[End::Again], &[look(LAG, 265, 0)], true, "wait")]
#[case::never_not_applied(State::Unknown, &[End::Again], &[look(300, 0, 0), look(600, 0, 0), look(900, 0, 0)], false, "wait")]
#[case::one_moved_and_one_is_back(State::Unknown, &[End::Moved(T), End::Again], &[look(1, 265, 1)], false, "confirmed")]
#[case::one_is_back_and_one_is_not(State::Unknown, &[End::Again, End::Same], &[look(1, 265, 0)], false, "wait")]
#[case::accepted(State::Accepted, &[End::Again], &[look(1, 265, 0)], false, "confirmed")]
fn back_in_service_counts_only_with_its_money(
    #[case] state: State,
    #[case] ends: &[End],
    #[case] looks: &[Look],
    #[case] ambiguous: bool,
    #[case] want: &str,
) {
    assert_eq!(word(state, ends, looks, ambiguous), want);
}

#[rstest]
#[case::by_the_quote(false, false, 265, 265)]
#[case::by_less_where_quotes_bind(true, false, 200, 265)]
#[case::by_less_where_they_do_not(false, false, 200, 200)]
#[case::by_a_cent_less(false, false, 264, 264)]
#[case::by_more(false, false, 266, 266)]
#[case::by_more_where_quotes_bind(true, false, 266, 266)]
#[case::by_more_with_a_charge_that_is_not_known(false, true, 266, 265)]
#[case::not_at_all(false, false, 0, 265)]
#[case::it_rose(false, false, -100, 265)]
#[case::by_less_with_a_charge_that_is_not_known(false, true, 200, 265)]
fn what_was_charged_is_the_fall_where_that_is_the_better_measure(
    #[case] bound: bool,
    #[case] ambiguous: bool,
    #[case] fell: i64,
    #[case] charged: i64,
) {
    let timing = timing();
    let case = Case {
        state: State::Unknown,
        ends: &[End::Moved(T)],
        quoted: Money::from_cents(265),
        ambiguous,
        contested: false,
        sight: if ambiguous { Sight::Contested } else { Sight::Tight },
        comparable: true,
        bound,
        looks: &[look(1, fell, 1)],
        log: Logged::Nothing,
        timing: &timing,
    };
    let Verdict::Confirmed { charged: told, .. } = judge(&case) else { panic!("confirmed") };
    assert_eq!(told, Money::from_cents(charged));
}

#[test]
fn nothing_looked_at_and_nothing_bought_wait() {
    assert_eq!(word(State::Unknown, &[End::Moved(T)], &[], false), "wait");
    assert_eq!(word(State::Unknown, &[], &[look(1, 265, 0)], false), "wait");
}

#[test]
fn an_end_that_is_respelled_has_stayed_and_one_that_is_unclear_has_neither_moved_nor_stayed() {
    let instant = |text: &str| TermEnd::instant(text.parse().unwrap());
    let date = |text: &str| TermEnd { told: Told::Date, ..instant(&format!("{text}T00:00:00Z")) };
    let before = instant("2026-12-01T09:00:32.98Z");
    let judged = |now: TermEnd, days: u32| crate::evidence::end(before, Some(now), before.at, days);
    assert_eq!(judged(instant("2026-12-01T09:00:32Z"), 30), End::Same);
    assert_eq!(judged(date("2026-12-01"), 30), End::Same);
    assert_eq!(judged(date("2026-12-01"), 2), End::Odd);
    assert_eq!(judged(date("2026-12-01"), 1), End::Odd);
    assert_eq!(judged(instant("2026-12-01T10:00:32.98Z"), 30), End::Odd, "later, and by no term");
    let moved = date("2026-12-31");
    assert_eq!(judged(moved, 30), End::Moved(moved.at));
}

#[test]
fn a_term_that_was_paid_after_its_end_may_be_counted_from_that_end() {
    let day = |d: i64| Timestamp::from_second(d * 86_400).unwrap();
    assert_eq!(end(day(3), Some(day(31)), day(5), 30), End::Moved(day(31)));
    assert_eq!(end(day(3), Some(day(30)), day(5), 30), End::Odd);
    assert_eq!(
        end(day(3), Some(day(3) + SignedDuration::from_hours(11)), day(3), 1),
        End::Odd,
        "half a day's term"
    );
    assert_eq!(
        end(day(3), Some(day(3) + SignedDuration::from_hours(12)), day(3), 1),
        End::Moved(day(3) + SignedDuration::from_hours(12))
    );
}

/// The first look that shows a fall is the measure, if it came in time; what moves the balance later is somebody else's.
#[rstest]
#[case::in_the_first_look(&[look(1, 900, 1)], Charge::Seen(Money::from_cents(900)))]
#[case::behind_a_lag(&[look(1, 0, 1), look(LAG, 900, 1)], Charge::Seen(Money::from_cents(900)))]
#[case::after_the_lag_window(&[look(1, 0, 1), look(LAG, 0, 1), look(LAG + 1, 900, 1)], Charge::Contested(Money::from_cents(900)))]
#[case::nobody_looked_between(&[look(1, 0, 1), look(LAG + 1, 900, 1)], Charge::Seen(Money::from_cents(900)))]
#[case::an_earlier_charge_shows_later(&[look(1, 140, 0), look(60, 265, 1)], Charge::Contested(Money::from_cents(265)))]
#[case::less_and_it_stays_so(&[look(1, 140, 0), look(60, 140, 1)], Charge::Seen(Money::from_cents(140)))]
#[case::nobody_looked_before(&[look(LAG + 1, 900, 1)], Charge::Seen(Money::from_cents(900)))]
#[case::nobody_looked_for_long(&[look(4 * LAG + 1, 900, 1)], Charge::Contested(Money::from_cents(900)))]
#[case::somebody_bought_later(&[look(1, 265, 0), look(60, 900, 1)], Charge::Seen(Money::from_cents(265)))]
#[case::another_charge_became_known(&[look(1, 530, 0), look(60, 265, 1)], Charge::Seen(Money::from_cents(265)))]
#[case::a_top_up_later(&[look(1, 900, 0), look(60, -9_100, 1)], Charge::Seen(Money::from_cents(900)))]
#[case::nothing_fell(&[look(1, 0, 1)], Charge::Unseen)]
fn a_surplus_counts_within_its_span_and_not_outside_it(#[case] looks: &[Look], #[case] says: Charge) {
    assert_eq!(seen(looks, Money::from_cents(265), Sight::Tight, &timing()), says);
}

#[rstest]
#[case::proof_needs_no_moved_end(Logged::Proof, State::Unknown, 1, 265, "confirmed")]
#[case::proof_while_the_balance_lags(Logged::Proof, State::Unknown, 1, 0, "confirmed at the quote")]
#[case::proof_after_a_refusal(Logged::Proof, State::Refused, 1, 265, "confirmed")]
#[case::proof_for_a_person(Logged::Proof, State::NeedsOperator, 1, 265, "confirmed")]
#[case::an_accepted_one_waits_for_its_end(Logged::Proof, State::Accepted, 1, 265, "wait")]
#[case::undated_with_the_quote_gone(Logged::Undated, State::Unknown, 1, 265, "confirmed")]
#[case::undated_alone(Logged::Undated, State::Unknown, 1, 0, "wait")]
#[case::undated_beside_another_fall(Logged::Undated, State::Unknown, 1, 300, "wait")]
#[case::undated_after_a_refusal(Logged::Undated, State::Refused, 1, 265, "wait")]
#[case::some_rows_keep_it_open(Logged::Some, State::Unknown, LAG, 0, "wait")]
#[case::some_rows_need_a_person(Logged::Some, State::Unknown, 4 * LAG, 0, "needs operator")]
#[case::unread_keeps_it_open(Logged::Unread, State::Unknown, LAG, 0, "wait")]
#[case::unread_for_long_is_no_log(Logged::Unread, State::Unknown, 4 * LAG, 0, "not applied")]
#[case::absence_is_judged_as_without_a_log(Logged::Nothing, State::Unknown, LAG, 0, "not applied")]
fn the_providers_own_log_is_one_more_row_of_the_table(
    #[case] log: Logged,
    #[case] state: State,
    #[case] secs: i64,
    #[case] fell: i64,
    #[case] want: &str,
) {
    let timing = timing();
    // Quiet looks before it, so that nothing but the log stands against "not applied".
    let mut looks: Vec<Look> =
        (1..6).map(|n| look(secs * n / 6, 0, 0)).filter(|_| secs > 1 && fell == 0).collect();
    looks.push(look(secs, fell, 0));
    let case = Case {
        state,
        ends: &[End::Same],
        quoted: Money::from_cents(265),
        ambiguous: false,
        contested: false,
        sight: Sight::Tight,
        comparable: true,
        bound: true,
        looks: &looks,
        log,
        timing: &timing,
    };
    let told = match judge(&case) {
        Verdict::Confirmed { why, .. } => {
            assert!(why.contains("log"), "{why}");
            if why.contains("quote is taken") { "confirmed at the quote" } else { "confirmed" }
        }
        Verdict::NotApplied(_) => "not applied",
        Verdict::NeedsOperator(_) => "needs operator",
        Verdict::Wait => "wait",
        other => panic!("{other:?}"),
    };
    assert_eq!(told, want);
}

#[test]
fn undated_rows_prove_nothing_where_another_payment_may_be_what_fell() {
    let timing = timing();
    for (ambiguous, contested, comparable) in
        [(true, false, true), (false, true, true), (false, false, false)]
    {
        let case = Case {
            state: State::Unknown,
            ends: &[End::Same],
            quoted: Money::from_cents(265),
            ambiguous,
            contested,
            sight: Sight::Tight,
            comparable,
            bound: true,
            looks: &[look(1, 265, 0)],
            log: Logged::Undated,
            timing: &timing,
        };
        assert_eq!(judge(&case), Verdict::Wait);
    }
}
