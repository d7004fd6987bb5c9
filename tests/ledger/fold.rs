//! The head of a payment is the fold of its log, whatever happened to it.
use proptest::prelude::*;
use renewd::domain::{Event, LeaseId, State, next_state};
use renewd::ledger::{EventDetail, Payments, SplitPart};
use rusqlite::Connection;

use crate::support::{at, money, raw, reserved, seeded};

/// State, spend instant, first rest, charged, message, never sent, refused, operator.
type Head = (String, Option<String>, Option<String>, Option<String>, Option<String>, bool, bool, bool);

/// The head as this test understands the log.
fn folded(raw: &Connection, intent: i64) -> Head {
    let mut query = raw
        .prepare("SELECT at, event, state, charged, message FROM intent_event WHERE intent = ?1 ORDER BY seq")
        .unwrap();
    let mut rows = query.query([intent]).unwrap();
    let mut head: Head = Default::default();
    let mut state = None;
    while let Some(row) = rows.next().unwrap() {
        let (at, event): (String, String) = (row.get(0).unwrap(), row.get(1).unwrap());
        let known = Event::ALL.into_iter().find(|e| e.as_str() == event);
        state = Some(match (state, known) {
            (None, None) if event == "reserved" => State::Reserved,
            (Some(s), Some(e)) => next_state(s, e).expect("the log is legal"),
            odd => panic!("{odd:?} {event}"),
        });
        head.0 = row.get(2).unwrap();
        assert_eq!(head.0, state.unwrap().as_str(), "each event stores the state after it");
        match known {
            Some(Event::SpendStarted) => head.1 = Some(at.clone()),
            Some(Event::NeverSent) => head.5 = true,
            Some(Event::Refused) => head.6 = true,
            Some(Event::OperatorCharged | Event::OperatorNotCharged) => head.7 = true,
            _ => {}
        }
        if !state.unwrap().is_unsettled() && state != Some(State::Split) {
            head.2 = head.2.or(Some(at));
        }
        head.3 = row.get::<_, Option<String>>(3).unwrap().or(head.3);
        head.4 = row.get::<_, Option<String>>(4).unwrap().or(head.4);
    }
    head
}

fn stored(raw: &Connection, intent: i64) -> Head {
    raw.query_row(
        "SELECT state, spend_at, settled_at, charged, message, never_sent, was_refused, operator_spoke
         FROM intent_head WHERE intent = ?1",
        [intent],
        |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?, r.get(6)?, r.get(7)?)),
    )
    .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_head_is_the_fold_of_the_log(steps in prop::collection::vec((0_usize..3, 0_usize..13, 0_i64..500, any::<bool>()), 1..40)) {
        let dir = tempfile::tempdir().unwrap();
        let ledger = seeded(dir.path());
        let ids: Vec<_> = [[1, 2], [3, 4], [5, 6]].iter().map(|l| reserved(&ledger, l)).collect();
        for (n, (which, event, cents, talk)) in (1..).zip(steps) {
            let (id, event) = (&ids[which], Event::ALL[event]);
            let before = ledger.intent(id).unwrap();
            let detail = EventDetail {
                charged: talk.then(|| renewd::domain::Money::from_cents(cents)),
                message: (!talk).then(|| format!("step {n}")),
                ..EventDetail::default()
            };
            let after = ledger.append(id, before.state, event, &detail, &at(n));
            match next_state(before.state, event) {
                Ok(next) => prop_assert_eq!(after.unwrap(), next),
                Err(_) => {
                    prop_assert!(after.is_err());
                    prop_assert_eq!(ledger.intent(id).unwrap().state, before.state);
                }
            }
        }
        let raw = raw(dir.path());
        for intent in 1..=3 {
            prop_assert_eq!(stored(&raw, intent), folded(&raw, intent));
        }
    }
}

#[test]
fn the_parts_of_a_split_fold_like_any_payment() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let id = crate::support::in_state(&ledger, &[1, 2], State::NeedsOperator);
    let part = |lease: &str, state| SplitPart {
        lease: LeaseId::new(lease),
        quoted: money("2.65"),
        state,
        detail: EventDetail { message: Some(lease.to_owned()), ..EventDetail::default() },
    };
    let parts = [part("L1", State::Unknown), part("L2", State::Confirmed)];
    ledger.split(&id, State::NeedsOperator, &parts, &EventDetail::default(), &at(30)).unwrap();
    let raw = raw(dir.path());
    for intent in 1..=3 {
        assert_eq!(stored(&raw, intent), folded(&raw, intent));
    }
}
