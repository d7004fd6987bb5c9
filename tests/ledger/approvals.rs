//! Plans that a person approves, in a real file: each word is said once, stays as it was said, and pays for each payment once.
use renewd::domain::State;
use renewd::ledger::sqlite::{Access, SqliteLedger};
use renewd::ledger::{
    Approvals, ApprovedSet, Blocked, ExactSet, NewIntent, NewPlan, Payments, PlanState, PlanWord,
};
use rstest::rstest;

use crate::support::{acct, at, end, intent, money, open, raw, seeded, walk, way_to, yp};

fn set(leases: &[usize]) -> ExactSet {
    let new = intent(leases);
    ExactSet {
        request: new.request,
        provider: yp(),
        country: None,
        policy: new.policy,
        attempt: 1,
        price: new.quoted,
        currency: new.currency,
    }
}

fn plan(name: &str, sets: Vec<ExactSet>) -> NewPlan {
    NewPlan {
        name: name.to_owned(),
        account: acct(),
        provider: yp(),
        policy: "keep-us".to_owned(),
        amount: money("5.30"),
        currency: renewd::domain::Currency::new("USD"),
        deadline: at(60).wall,
        valid_until: end(),
        covers_until: end(),
        sets,
    }
}

fn word(state: PlanState) -> PlanWord<'static> {
    PlanWord { state, by: Some("ann"), note: Some("looks right"), why: None, at: at(1).wall }
}

/// A plan of two payments that was approved, and its first payment by that word.
fn approved(ledger: &SqliteLedger) -> (ApprovedSet, NewIntent) {
    assert!(ledger.propose(&plan("one", vec![set(&[1]), set(&[2])]), None, "due", at(0).wall).unwrap());
    assert!(ledger.say_of_plan("one", PlanState::Waiting, &word(PlanState::Approved)).unwrap());
    let record = ledger.plan_named("one").unwrap().unwrap();
    let by = record.approved_set(0);
    (by.clone(), NewIntent { approval: Some(by), ..intent(&[1]) })
}

#[rstest]
#[case(State::Reserved, false)]
#[case(State::Released, true)]
#[case(State::NotApplied, true)]
#[case(State::SpendStarted, false)]
#[case(State::Accepted, false)]
#[case(State::Refused, false)]
#[case(State::Unknown, false)]
#[case(State::Confirmed, false)]
#[case(State::NeedsOperator, false)]
fn an_approval_pays_each_of_its_payments_once_and_again_only_if_nothing_left(
    #[case] state: State,
    #[case] again: bool,
) {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let (by, new) = approved(&ledger);
    let id = ledger.reserve(&new, &[]).unwrap().unwrap();
    walk(&ledger, &id, &way_to(state));
    let left: Vec<u32> = ledger.plan_named("one").unwrap().unwrap().left().map(|(n, _)| n).collect();
    assert_eq!(left, if again { vec![0, 1] } else { vec![1] });
    // Even for a lease that nothing else blocks.
    let other = NewIntent { approval: Some(by), ..intent(&[3]) };
    match ledger.reserve(&other, &[]).unwrap() {
        Ok(_) => assert!(again),
        Err(blocked) => assert_eq!((blocked, again), (Blocked::Approval { plan: "one".to_owned() }, false)),
    }
    drop(ledger);
    let approval = open(dir.path(), Access::Read).unwrap().intent(&id).unwrap().approved.unwrap();
    assert_eq!(
        (approval.plan.as_str(), approval.by.as_deref(), approval.note.as_deref()),
        ("one", Some("ann"), Some("looks right"))
    );
}

#[test]
fn a_word_that_does_not_stand_any_more_pays_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let (_, new) = approved(&ledger);
    assert!(ledger.say_of_plan("one", PlanState::Approved, &word(PlanState::Refused)).unwrap());
    let refused = Err(Blocked::Approval { plan: "one".to_owned() });
    assert_eq!(ledger.reserve(&new, &[]).unwrap(), refused);
    // The same plan is put up and approved again: by the newer word only.
    assert!(ledger.propose(&plan("one", vec![set(&[1]), set(&[2])]), None, "again", at(3).wall).unwrap());
    assert!(ledger.say_of_plan("one", PlanState::Waiting, &word(PlanState::Approved)).unwrap());
    assert_eq!(ledger.reserve(&new, &[]).unwrap(), refused);
    let by = ledger.plan_named("one").unwrap().unwrap().approved_set(0);
    assert!(ledger.reserve(&NewIntent { approval: Some(by), ..new }, &[]).unwrap().is_ok());
}

#[test]
fn one_plan_waits_for_an_account_and_policy_and_a_word_that_came_first_stands() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let propose = |name: &str, replaces: Option<&str>| {
        ledger.propose(&plan(name, vec![set(&[1])]), replaces, "due", at(0).wall).unwrap()
    };
    assert!(propose("one", None));
    assert!(!propose("two", None), "another waits");
    assert!(propose("two", Some("one")));
    let open = |state| ledger.plans(None).unwrap().iter().filter(|p| p.state() == state).count();
    assert_eq!(open(PlanState::Waiting), 1);
    assert_eq!(ledger.plan_named("one").unwrap().unwrap().state(), PlanState::Replaced);
    assert!(!ledger.say_of_plan("one", PlanState::Waiting, &word(PlanState::Approved)).unwrap());
    assert!(ledger.say_of_plan("two", PlanState::Waiting, &word(PlanState::Approved)).unwrap());
    assert!(!propose("three", Some("two")), "it was approved meanwhile");
    assert!(!ledger.say_of_plan("two", PlanState::Waiting, &word(PlanState::Rejected)).unwrap());
    let ended = ledger.plans(Some(at(0).wall)).unwrap();
    assert_eq!(ended.iter().map(|p| p.plan.name.as_str()).collect::<Vec<_>>(), ["two", "one"]);
}

#[test]
fn the_parts_of_an_approved_payment_are_made_by_the_same_word() {
    use renewd::domain::Event;
    use renewd::ledger::{EventDetail, SplitPart};
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    assert!(ledger.propose(&plan("one", vec![set(&[1, 2])]), None, "due", at(0).wall).unwrap());
    assert!(ledger.say_of_plan("one", PlanState::Waiting, &word(PlanState::Approved)).unwrap());
    let by = ledger.plan_named("one").unwrap().unwrap().approved_set(0);
    let new = NewIntent { approval: Some(by), ..intent(&[1, 2]) };
    let id = ledger.reserve(&new, &[]).unwrap().unwrap();
    walk(&ledger, &id, &[Event::SpendStarted, Event::AnswerLost]);
    let part = |n: usize, state| SplitPart {
        lease: new.request.leases[n].id.clone(),
        quoted: money("2.65"),
        state,
        detail: EventDetail::default(),
    };
    let parts = [part(0, State::Confirmed), part(1, State::NotApplied)];
    let ids = ledger.split(&id, State::Unknown, &parts, &EventDetail::default(), &at(9)).unwrap();
    for id in ids {
        assert_eq!(ledger.intent(&id).unwrap().approved.unwrap().by.as_deref(), Some("ann"));
    }
    assert_eq!(ledger.plan_named("one").unwrap().unwrap().begun, [0]);
}

#[rstest]
#[case("UPDATE approval_event SET said_by = 'bob'")]
#[case("DELETE FROM approval_event")]
#[case("UPDATE approval_plan SET sets = '[]'")]
#[case("UPDATE approval_plan SET amount = '0.01'")]
#[case("DELETE FROM approval_plan")]
#[case("UPDATE intent SET approved = NULL")]
fn what_was_said_stays_as_it_was_said(#[case] sql: &str) {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let (_, new) = approved(&ledger);
    ledger.reserve(&new, &[]).unwrap().unwrap();
    let refused = raw(dir.path()).execute(sql, []).unwrap_err().to_string();
    assert!(refused.contains("append-only"), "{refused}");
}
