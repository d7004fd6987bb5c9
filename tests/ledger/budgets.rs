//! Budgets, to the cent: what counts, in which span, and what is left.
use renewd::domain::{AccountName, Currency, Event, LeaseId, State};
use renewd::ledger::{Blocked, BudgetCheck, Cycles, EventDetail, NewIntent, Payments, SplitPart};
use rstest::rstest;

use crate::support::{at, in_state, intent, money, november, reserved, seeded, walk, way_to};

fn blocked(left: &str) -> Blocked {
    Blocked::Budget { name: "monthly".to_owned(), left: money(left) }
}

#[test]
fn the_last_cent_may_be_spent_and_not_one_more() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    in_state(&ledger, &[1], State::Confirmed);
    assert_eq!(ledger.reserve(&intent(&[2]), &[november("5.29")]).unwrap(), Err(blocked("2.64")));
    ledger.reserve(&intent(&[2]), &[november("5.30")]).unwrap().expect("exactly fits");
    assert_eq!(ledger.spent(&november("5.30")).unwrap(), money("5.30"));
    assert_eq!(ledger.reserve(&intent(&[3]), &[november("5.30")]).unwrap(), Err(blocked("0.00")));
}

#[rstest]
#[case(State::Reserved, "2.65")]
#[case(State::SpendStarted, "2.65")]
#[case(State::Accepted, "2.65")]
#[case(State::Unknown, "2.65")]
#[case(State::Confirmed, "2.65")]
#[case(State::NeedsOperator, "2.65")]
#[case(State::Refused, "0.00")]
#[case(State::NotApplied, "0.00")]
#[case(State::Released, "0.00")]
fn what_may_be_gone_counts_and_what_is_shown_unspent_does_not(#[case] state: State, #[case] counts: &str) {
    assert_eq!(state.counts_in_budgets(), counts != "0.00");
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    in_state(&ledger, &[1], state);
    assert_eq!(ledger.spent(&november("9.00")).unwrap(), money(counts));
}

#[test]
fn a_charge_takes_the_place_of_its_quote_and_an_overcharge_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let id = in_state(&ledger, &[1], State::Accepted);
    let charged = EventDetail { charged: Some(money("7.125")), ..EventDetail::default() };
    ledger.append(&id, State::Accepted, Event::EndsMoved, &charged, &at(5)).unwrap();
    assert_eq!(ledger.spent(&november("5.00")).unwrap(), money("7.125"));
    assert_eq!(ledger.reserve(&intent(&[2]), &[november("5.00")]).unwrap(), Err(blocked("0.00")));
}

#[test]
fn a_payment_counts_for_ever_in_the_span_of_its_spend() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let id = reserved(&ledger, &[1]);
    let span = |from: i64, to: i64| BudgetCheck { from: at(from).wall, to: at(to).wall, ..november("9.00") };
    assert_eq!(ledger.spent(&span(100, 200)).unwrap(), money("2.65"), "a reservation counts in every span");
    ledger.start_spend(&id, &at(50)).unwrap();
    ledger.append(&id, State::SpendStarted, Event::AnswerLost, &EventDetail::default(), &at(150)).unwrap();
    assert_eq!(
        ledger.spent(&span(100, 200)).unwrap(),
        money("0.00"),
        "the answer's instant is not what counts"
    );
    assert_eq!(ledger.spent(&span(50, 51)).unwrap(), money("2.65"), "the start is in the span");
    assert_eq!(ledger.spent(&span(0, 50)).unwrap(), money("0.00"), "the end is not");
}

#[test]
fn a_budget_counts_its_own_accounts_policies_currency_and_cycle() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    in_state(&ledger, &[1], State::Confirmed);
    let all = november("3.00");
    let other_cycle = ledger.start_cycle(&at(10)).unwrap();
    let cases = [
        (all.clone(), "2.65"),
        (BudgetCheck { accounts: vec![AccountName::new("yp")], ..all.clone() }, "2.65"),
        (BudgetCheck { accounts: vec![AccountName::new("ps")], ..all.clone() }, "0.00"),
        (BudgetCheck { policies: vec!["keep-us".to_owned()], ..all.clone() }, "2.65"),
        (BudgetCheck { policies: vec!["other".to_owned()], ..all.clone() }, "0.00"),
        (BudgetCheck { currency: Currency::new("EUR"), ..all.clone() }, "0.00"),
        (BudgetCheck { cycle: Some(1), ..all.clone() }, "2.65"),
        (BudgetCheck { cycle: Some(other_cycle), ..all.clone() }, "0.00"),
    ];
    for (check, counts) in cases {
        assert_eq!(ledger.spent(&check).unwrap(), money(counts), "{check:?}");
        // A budget that does not count this payment does not stop it either, not even one of nothing.
        let cycle_is_new = check.cycle == Some(other_cycle);
        for (limit, stops) in
            [(check.limit, counts != "0.00"), (money("0.00"), counts != "0.00" || cycle_is_new)]
        {
            let answer = ledger.reserve(&intent(&[2]), &[BudgetCheck { limit, ..check.clone() }]).unwrap();
            assert_eq!(answer.is_err(), stops, "{limit} {check:?}");
            if let Ok(id) = answer {
                ledger
                    .append(&id, State::Reserved, Event::Released, &EventDetail::default(), &at(11))
                    .unwrap();
            }
        }
    }
}

#[test]
fn a_budget_of_a_label_counts_the_shares_of_its_leases_whatever_becomes_of_the_payment() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let of = |labels: &[&str]| labels.iter().map(|l| (*l).to_owned()).collect::<Vec<_>>();
    let labelled = |limit: &str, label: &str| BudgetCheck { labels: of(&[label]), ..november(limit) };
    let both = NewIntent { labels: vec![of(&["client-a", "eu"]), of(&["client-b"])], ..intent(&[1, 2]) };
    let over = ledger.reserve(&both, &[labelled("2.64", "client-b")]).unwrap();
    assert_eq!(over, Err(blocked("2.64")), "its share is 2.65");
    let id = ledger
        .reserve(&both, &[labelled("2.65", "client-b"), labelled("0.00", "client-c")])
        .unwrap()
        .unwrap();
    let counts = |expected: [&str; 4]| {
        let got =
            ["CLIENT-A", "client-b", "eu", "client-c"].map(|l| ledger.spent(&labelled("9.00", l)).unwrap());
        assert_eq!(got, expected.map(money));
    };
    counts(["2.65", "2.65", "2.65", "0.00"]);
    walk(&ledger, &id, &way_to(State::Unknown));
    let charged = EventDetail { charged: Some(money("5.31")), ..EventDetail::default() };
    ledger.append(&id, State::Unknown, Event::Measured, &charged, &at(20)).unwrap();
    counts(["2.66", "2.65", "2.66", "0.00"]);
    let part = |lease: &str, state| SplitPart {
        lease: LeaseId::new(lease),
        quoted: money("2.65"),
        state,
        detail: EventDetail::default(),
    };
    let parts = [part("L1", State::Confirmed), part("L2", State::Unknown)];
    let ids = ledger.split(&id, State::Unknown, &parts, &EventDetail::default(), &at(30)).unwrap();
    counts(["2.65", "2.65", "2.65", "0.00"]);
    let word = EventDetail { evidence: Some("looked".to_owned()), ..EventDetail::default() };
    ledger.append(&ids[1], State::Unknown, Event::OperatorNotCharged, &word, &at(40)).unwrap();
    counts(["2.65", "0.00", "2.65", "0.00"]);
}

#[test]
fn the_first_budget_that_is_overrun_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let daily = BudgetCheck { name: "daily".to_owned(), ..november("1.00") };
    let answer = ledger.reserve(&intent(&[1]), &[november("9.00"), daily]).unwrap();
    assert_eq!(answer, Err(Blocked::Budget { name: "daily".to_owned(), left: money("1.00") }));
}

#[test]
fn the_parts_of_a_split_payment_count_and_the_payment_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let id = in_state(&ledger, &[1, 2], State::Unknown);
    assert_eq!(ledger.spent(&november("9.00")).unwrap(), money("5.30"));
    let part = |n: usize, state, charged: Option<&str>| SplitPart {
        lease: intent(&[n]).request.leases[0].id.clone(),
        quoted: money("2.65"),
        state,
        detail: EventDetail { charged: charged.map(money), ..EventDetail::default() },
    };
    let parts = [part(1, State::Confirmed, Some("2.60")), part(2, State::Unknown, None)];
    let ids = ledger.split(&id, State::Unknown, &parts, &EventDetail::default(), &at(30)).unwrap();
    assert_eq!(ledger.spent(&november("9.00")).unwrap(), money("5.25"));
    ledger.append(&ids[1], State::Unknown, Event::ShownNotApplied, &EventDetail::default(), &at(60)).unwrap();
    assert_eq!(ledger.spent(&november("9.00")).unwrap(), money("2.60"));
}
