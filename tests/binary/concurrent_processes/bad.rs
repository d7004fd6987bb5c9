//! The checker can fail: good histories pass, and each bad one is told by its name.
use rstest::rstest;

use super::history::{Call, Charge, History, Row, lost};
use crate::common::money;

const END: i64 = 1_800_000_000;
const MONTH: i64 = 30 * 86_400;

fn row(id: &str, ip: &str, end: i64, states: &[&str]) -> Row {
    Row {
        id: id.into(),
        terms: vec![(ip.into(), end)],
        charged: Some(money("2.00")),
        states: states.iter().map(|s| (*s).to_owned()).collect(),
    }
}

const PAID: &[&str] = &["reserved", "spend_started", "accepted", "confirmed"];
const FOUND: &[&str] = &["reserved", "spend_started", "unknown", "confirmed"];
const FAILED: &[&str] = &["reserved", "spend_started", "unknown", "not_applied"];

fn charge(ip: &str, end: i64) -> Charge {
    Charge { amount: money("2.00"), terms: vec![(ip.into(), end)] }
}

/// Two leases, one of them over two terms, one attempt that failed, one reservation that was given up.
fn good() -> History {
    History {
        opening: money("10.00"),
        balance: money("4.00"),
        charges: vec![charge("a", END), charge("b", END), charge("a", END + MONTH)],
        rows: vec![
            row("p-1", "a", END, PAID),
            row("p-2", "b", END, FAILED),
            row("p-3", "b", END, FOUND),
            row("p-4", "a", END + MONTH, PAID),
            row("p-5", "b", END + MONTH, &["reserved", "released"]),
        ],
        calls: vec![Call { from: 0, to: Some(5) }, Call { from: 5, to: Some(9) }],
        requests: vec![0, 1, 2, 60_001, 60_002],
        limit: 3,
        calm: true,
    }
}

#[test]
fn a_good_history_breaks_no_rule() {
    assert_eq!(good().breaches(), Vec::<String>::new());
    let storm = History { calm: false, ..good() };
    assert_eq!(storm.breaches(), Vec::<String>::new());
}

#[rstest]
#[case::same_term_twice("double charge", |h: &mut History| { h.charges.push(charge("b", END)); h.balance = money("2.00"); })]
#[case::term_nobody_asked_for("double charge", |h: &mut History| {
    // p-6 meant to pay the end that p-3 had moved already: the provider charged the term after it.
    h.rows.push(row("p-6", "c", END, FOUND));
    h.charges.push(charge("c", END + MONTH));
    h.balance = money("2.00");
})]
#[case::two_rows_for_a_charge("double charge", |h: &mut History| h.rows.push(row("p-6", "b", END, FOUND)))]
#[case::a_row_is_missing("lost row", |h: &mut History| { h.rows.remove(0); })]
#[case::its_row_says_not_charged("lost row", |h: &mut History| h.rows[0] = row("p-1", "a", END, FAILED))]
#[case::its_row_says_never_sent("lost row", |h: &mut History| h.rows[0] = row("p-1", "a", END, &["reserved", "released"]))]
#[case::confirmed_without_a_charge("no charge", |h: &mut History| h.rows.push(row("p-6", "c", END, FOUND)))]
#[case::left_open("stuck: p-4 is still unknown", |h: &mut History| { h.rows[3] = row("p-4", "a", END + MONTH, &["reserved", "spend_started", "unknown"]); })]
#[case::left_reserved("stuck: p-6 is still reserved", |h: &mut History| h.rows.push(row("p-6", "c", END, &["reserved"])))]
#[case::came_back_from_release("illegal", |h: &mut History| h.rows[4] = row("p-5", "b", END + MONTH, &["reserved", "released", "reserved"]))]
#[case::sent_without_a_row("illegal", |h: &mut History| h.rows[0] = row("p-1", "a", END, &["reserved", "accepted", "confirmed"]))]
#[case::began_in_the_middle("illegal", |h: &mut History| h.rows[0] = row("p-1", "a", END, &["unknown", "confirmed"]))]
#[case::left_a_final_state("illegal", |h: &mut History| h.rows[0] = row("p-1", "a", END, &["reserved", "spend_started", "accepted", "confirmed", "unknown", "confirmed"]))]
#[case::a_cent_too_much("sums", |h: &mut History| h.rows[0].charged = Some(money("2.01")))]
#[case::amount_unknown("sums", |h: &mut History| h.rows[0].charged = None)]
#[case::money_gone_without_a_charge("sums", |h: &mut History| h.balance = money("3.99"))]
#[case::overlapping_calls("overlap", |h: &mut History| h.calls[1].from = 4)]
#[case::a_call_left_open("overlap", |h: &mut History| h.calls[0].to = None)]
#[case::one_request_too_many("limit", |h: &mut History| h.requests[3] = 59_999)]
fn a_bad_history_is_told(#[case] rule: &str, #[case] spoil: fn(&mut History)) {
    let mut history = good();
    spoil(&mut history);
    let found = history.breaches();
    assert!(found.iter().any(|b| b.starts_with(rule)), "{rule}: {found:#?}");
}

#[test]
fn a_ledger_may_only_grow() {
    let (before, mut after) = (good().rows, good().rows);
    after.push(row("p-6", "c", END, &["reserved"]));
    assert_eq!(lost(&before, &after), Vec::<String>::new());
    after[0].states.truncate(2);
    after.remove(1);
    let found = lost(&before, &after);
    assert!(
        found.len() == 2 && found[0].contains("p-1 was rewritten") && found[1].contains("p-2 is gone"),
        "{found:?}"
    );
}
