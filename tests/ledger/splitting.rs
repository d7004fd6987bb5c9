//! A payment that was applied to some of its leases.
use jiff::SignedDuration;
use renewd::domain::time::Timing;
use renewd::domain::{Event, IntentId, LeaseId, Measured, State};
use renewd::ledger::{EventDetail, IntentFilter, LedgerError, Payments, SplitPart};

use crate::support::{at, end, in_state, intent, lines, money, said, seeded};

fn part(lease: &str, quoted: &str, state: State) -> SplitPart {
    let charged = (state == State::Confirmed).then(|| money(quoted));
    let detail = EventDetail { charged, ..said("looked") };
    SplitPart { lease: LeaseId::new(lease), quoted: money(quoted), state, detail }
}

#[test]
fn each_lease_gets_a_part_that_stands_on_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let id = in_state(&ledger, &[1, 2], State::Unknown);
    let parts = [part("L1", "2.66", State::Confirmed), part("L2", "2.64", State::Unknown)];
    let ids = ledger.split(&id, State::Unknown, &parts, &said("one of two moved"), &at(30)).unwrap();
    assert_eq!(ids, [IntentId::new("p-000001.1"), IntentId::new("p-000001.2")]);

    let whole = ledger.intent(&id).unwrap();
    assert_eq!((whole.state, whole.settled_at), (State::Split, None));
    assert_eq!(whole.detail.evidence.as_deref(), Some("one of two moved"));

    let moved = ledger.intent(&ids[0]).unwrap();
    assert_eq!((moved.state, moved.settled_at), (State::Confirmed, Some(at(30).wall)));
    assert_eq!((moved.quoted, moved.detail.charged), (money("2.66"), Some(money("2.66"))));
    assert_eq!(moved.request, intent(&[1]).request);
    assert_eq!(moved.parent, Some(id));

    let still = ledger.intent(&ids[1]).unwrap();
    assert_eq!((still.state, still.settled_at, still.detail.charged), (State::Unknown, None, None));
    assert_eq!(still.spend_started_at, Some(at(1)), "it counts in the period of the spend");
    assert_eq!((still.state_at, still.created_at), (at(30), at(0)));
    assert_eq!(still.request.leases[0].expires_at, end());
}

#[test]
fn a_part_of_a_failed_payment_that_did_not_land_late_stays_failed() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let id = in_state(&ledger, &[1, 2], State::Unknown);
    let nothing = EventDetail::default();
    ledger.append(&id, State::Unknown, Event::ShownNotApplied, &nothing, &at(20)).unwrap();
    let parts = [part("L1", "2.65", State::Confirmed), part("L2", "2.65", State::NotApplied)];
    let ids = ledger.split(&id, State::NotApplied, &parts, &nothing, &at(30)).unwrap();
    let failed = ledger.intent(&ids[1]).unwrap();
    assert_eq!((failed.state, failed.settled_at), (State::NotApplied, Some(at(30).wall)));
    assert_eq!(failed.detail.evidence.as_deref(), Some("looked"));
    ledger.reserve(&intent(&[2]), &[]).unwrap().expect("it bars nothing");
}

#[test]
fn the_parts_stand_in_the_place_of_the_whole() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let id = in_state(&ledger, &[1, 2], State::Accepted);
    let parts = [part("L1", "2.65", State::Confirmed), part("L2", "2.65", State::Unknown)];
    let ids = ledger.split(&id, State::Accepted, &parts, &EventDetail::default(), &at(30)).unwrap();
    let listed: Vec<_> =
        ledger.intents(&IntentFilter::default()).unwrap().into_iter().map(|p| p.id).collect();
    assert_eq!(listed, [ids[1].clone(), ids[0].clone()]);
    let splits = IntentFilter { states: vec![State::Split], ..IntentFilter::default() };
    assert_eq!(ledger.intents(&splits).unwrap()[0].id, id);
    // The unknown part goes on blocking, the confirmed one has paid its term.
    assert!(ledger.reserve(&intent(&[2]), &[]).unwrap().is_err());
    assert!(ledger.reserve(&intent(&[1]), &[]).unwrap().is_err());
    ledger.append(&ids[1], State::Unknown, Event::ShownNotApplied, &EventDetail::default(), &at(60)).unwrap();
    ledger.reserve(&intent(&[2]), &[]).unwrap().expect("shown not to have been applied");
}

#[test]
fn what_was_said_of_the_whole_is_true_of_its_parts() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let id = in_state(&ledger, &[1, 2], State::Unknown);
    ledger.append(&id, State::Unknown, Event::OperatorNotCharged, &EventDetail::default(), &at(5)).unwrap();
    let parts = [part("L1", "2.65", State::Confirmed), part("L2", "2.65", State::Unknown)];
    for part in ledger.split(&id, State::NotApplied, &parts, &EventDetail::default(), &at(30)).unwrap() {
        assert!(ledger.intent(&part).unwrap().operator_spoke);
    }
}

#[test]
fn no_money_and_no_lease_is_lost_in_a_split() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let id = in_state(&ledger, &[1, 2], State::Unknown);
    let (one, two) = (part("L1", "2.65", State::Confirmed), part("L2", "2.65", State::Unknown));
    let wrong = [
        vec![one.clone()],
        vec![one.clone(), one.clone()],
        vec![part("L1", "5.30", State::Confirmed)],
        vec![one.clone(), part("L2", "2.64", State::Unknown)],
        vec![one.clone(), part("L3", "2.65", State::Unknown)],
        vec![one.clone(), part("L2", "2.65", State::Refused)],
    ];
    for parts in wrong {
        let refused = ledger.split(&id, State::Unknown, &parts, &EventDetail::default(), &at(30));
        assert!(matches!(refused, Err(LedgerError::Trouble { .. })), "{parts:?}");
        assert_eq!(ledger.intent(&id).unwrap().state, State::Unknown, "nothing was written");
        assert_eq!(crate::support::all(&ledger).len(), 1);
    }
    ledger.split(&id, State::Unknown, &[one, two], &EventDetail::default(), &at(30)).unwrap();
}

#[test]
fn a_payment_is_split_once_and_only_from_where_it_stands() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let id = in_state(&ledger, &[1, 2], State::Unknown);
    let parts = [part("L1", "2.65", State::Confirmed), part("L2", "2.65", State::Unknown)];
    let wrong = ledger.split(&id, State::Accepted, &parts, &EventDetail::default(), &at(30));
    assert!(matches!(wrong, Err(LedgerError::Moved { .. })));
    ledger.split(&id, State::Unknown, &parts, &EventDetail::default(), &at(30)).unwrap();
    let twice = ledger.split(&id, State::Unknown, &parts, &EventDetail::default(), &at(31));
    assert!(matches!(twice, Err(LedgerError::Moved { found: State::Split, .. })));
}

#[test]
fn a_parts_log_says_how_the_whole_came_there() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let id = in_state(&ledger, &[1, 2], State::Unknown);
    let parts = [part("L1", "2.65", State::Confirmed), part("L2", "2.65", State::Unknown)];
    ledger.split(&id, State::Unknown, &parts, &EventDetail::default(), &at(30)).unwrap();
    let log = |name: &str| {
        let events = "SELECT e.event FROM intent_event e JOIN intent i ON i.id = e.intent";
        lines(dir.path(), &format!("{events} WHERE i.name = '{name}' ORDER BY e.seq")).join(" ")
    };
    let logs = [log("p-000001.1"), log("p-000001.2")];
    assert_eq!(logs, ["reserved spend_started answer_lost ends_moved", "reserved spend_started answer_lost"]);
}

#[test]
fn a_part_whose_new_end_the_answer_told_is_accepted_and_confirmed_later_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let id = in_state(&ledger, &[1, 2], State::Unknown);
    let parts = [part("L1", "2.65", State::Accepted), part("L2", "2.65", State::Unknown)];
    let ids = ledger.split(&id, State::Unknown, &parts, &said("one of two was told"), &at(30)).unwrap();
    let told = ledger.intent(&ids[0]).unwrap();
    assert_eq!((told.state, told.settled_at, told.detail.charged), (State::Accepted, None, None));
    assert!(ledger.reserve(&intent(&[1]), &[]).unwrap().is_err(), "it keeps its lease");
    let seen = EventDetail { expires_after: Some(at(90).wall), ..said("listed") };
    assert_eq!(
        ledger.append(&ids[0], State::Accepted, Event::EndsMoved, &seen, &at(40)).unwrap(),
        State::Confirmed
    );
    assert_eq!(ledger.intent(&ids[1]).unwrap().state, State::Unknown, "the other one goes its own way");
    let log = "SELECT e.event FROM intent_event e JOIN intent i ON i.id = e.intent";
    let log = lines(dir.path(), &format!("{log} WHERE i.name = '{}' ORDER BY e.seq", ids[0])).join(" ");
    assert_eq!(log, "reserved spend_started accepted ends_moved");
}

/// 5.80 fell for two leases at 2.65; while it is not known which took the 0.50 and what the other cost, all of it counts for the first.
#[test]
fn what_counted_for_another_part_is_given_back_in_the_same_transaction() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let id = in_state(&ledger, &[1, 2], State::Unknown);
    let more = EventDetail {
        charged: Some(money("5.80")),
        measured: Some(Measured::Quote),
        ..EventDetail::default()
    };
    let first = SplitPart { detail: more, ..part("L1", "2.65", State::Confirmed) };
    let parts = [first, part("L2", "2.65", State::Unknown)];
    let ids = ledger.split(&id, State::Unknown, &parts, &said("one moved"), &at(30)).unwrap();
    let word = EventDetail { charged: Some(money("2.65")), measured: Some(Measured::Word), ..said("looked") };
    let less = EventDetail { charged: Some(money("3.15")), ..EventDetail::default() };
    let both = |second| {
        let first = (&ids[1], State::Unknown, Event::OperatorCharged, &word);
        ledger.append_all(&[first, (&ids[0], second, Event::Measured, &less)], &at(31))
    };
    assert!(both(State::Unknown).is_err());
    assert_eq!(
        ledger.intent(&ids[1]).unwrap().state,
        State::Unknown,
        "a second row that fails takes the first with it"
    );

    let timing = Timing {
        read_timeout: SignedDuration::from_secs(30),
        money_timeout: SignedDuration::from_secs(120),
        lag_window: SignedDuration::from_mins(15),
        settle_reads: 3,
    };
    let before = ledger.intent(&ids[1]).unwrap();
    let after =
        renewd::engine::say(&ledger, &timing, &before, (Event::OperatorCharged, &word), &at(40)).unwrap();
    assert_eq!((after.state, after.detail.charged), (State::Confirmed, Some(money("2.65"))));
    assert_eq!(ledger.intent(&ids[0]).unwrap().detail.charged, Some(money("3.15")));
    let times = lines(
        dir.path(),
        "SELECT DISTINCT at FROM intent_event WHERE event IN ('measured', 'operator_charged')",
    );
    assert_eq!(times.len(), 1);
}
