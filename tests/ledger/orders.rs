//! Purchases, charges by the provider itself, changes of orders: what the ledger holds of them.
use renewd::domain::{
    Change, ChangeRequest, Event, Kind, LeaseId, OrderId, OrderState, PurchaseRequest, RenewalRequest, State,
};
use renewd::ledger::{
    Blocked, ChangeOutcome, EventDetail, IntentFilter, Inventories, NewIntent, OrderChanges, Payments,
    ProviderCharge, Purpose,
};

use rstest::rstest;

use crate::support::{acct, at, intent, inventory, lease, money, seeded, yp};

pub fn purchase() -> NewIntent {
    let wanted = PurchaseRequest {
        account: acct(),
        kind: Kind::from("IPv4"),
        country: Some("USA".into()),
        quantity: 2,
        period_days: Some(30),
        cycle: None,
        promo: None,
        goal: Some("tests".into()),
        auth: None,
        protocol: None,
        operator: None,
        rotation: None,
        auto_renewal: None,
        addons: vec![("p0f".into(), 2)],
        mark: None,
    };
    let base = intent(&[1]);
    NewIntent {
        purpose: Purpose::Purchase(Box::new(wanted)),
        request: RenewalRequest { leases: Vec::new(), ..base.request.clone() },
        ..base
    }
}

pub fn change() -> ChangeRequest {
    ChangeRequest {
        account: acct(),
        kind: Kind::from("IPv4"),
        order: OrderId::from("O1"),
        leases: vec![LeaseId::from("L1"), LeaseId::from("L2")],
        what: Change::AutoRenewal { on: false, period_days: 30, whole_order: false },
    }
}

fn charge() -> ProviderCharge {
    let base = intent(&[1]);
    ProviderCharge {
        labels: Vec::new(),
        provider: yp(),
        request: base.request,
        policy: "keep-us".into(),
        amount: money("2.65"),
        currency: base.currency,
        balance_before: money("100.00"),
        detail: EventDetail { charged: Some(money("2.65")), ..EventDetail::default() },
        cycle: 1,
        at: at(1),
    }
}

#[test]
fn an_unsettled_purchase_stops_the_next_until_it_is_settled() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let id = ledger.reserve(&purchase(), &[]).unwrap().unwrap();
    let permit = ledger.start_purchase(&id, &at(1)).unwrap();
    assert_eq!((permit.intent(), permit.request().quantity), (&id, 2));
    ledger.append(&id, State::SpendStarted, Event::AnswerLost, &EventDetail::default(), &at(2)).unwrap();
    let blocked = ledger.reserve(&purchase(), &[]).unwrap().unwrap_err();
    assert_eq!(blocked, Blocked::Pending { intent: id.clone(), state: State::Unknown });
    ledger.reserve(&intent(&[1]), &[]).unwrap().expect("a renewal of a known lease is another matter");
    ledger.append(&id, State::Unknown, Event::EndsMoved, &EventDetail::default(), &at(3)).unwrap();
    ledger.record_order(&id, &OrderId::from("N1"), at(3).wall).unwrap();
    ledger.record_order(&id, &OrderId::from("N2"), at(4).wall).unwrap();
    let record = ledger.intent(&id).unwrap();
    assert_eq!(record.order, Some(OrderId::from("N2")), "the newest word stands");
    assert_eq!(record.purpose, purchase().purpose, "what was bought reads back to the letter");
    ledger.reserve(&purchase(), &[]).unwrap().expect("the first is settled");
}

#[test]
fn a_purchase_has_no_spend_permit_and_a_renewal_no_purchase_permit() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let buys = ledger.reserve(&purchase(), &[]).unwrap().unwrap();
    let renews = ledger.reserve(&intent(&[1]), &[]).unwrap().unwrap();
    assert!(ledger.start_spend(&buys, &at(1)).is_err());
    assert!(ledger.start_purchase(&renews, &at(1)).is_err());
    let states: Vec<State> =
        ledger.intents(&IntentFilter::default()).unwrap().iter().map(|r| r.state).collect();
    assert_eq!(states, [State::Reserved, State::Reserved], "nothing was started");
    let mut empty = intent(&[1]);
    empty.request.leases.clear();
    assert!(ledger.reserve(&empty, &[]).is_err(), "a renewal of nothing");
}

#[test]
fn a_charge_by_the_provider_is_recorded_once_and_counts_in_budgets() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let id = ledger.record_provider_charge(&charge()).unwrap().expect("new");
    assert_eq!(ledger.record_provider_charge(&charge()).unwrap(), None, "the same term again");
    let record = ledger.intent(&id).unwrap();
    assert_eq!((record.state, record.purpose), (State::Confirmed, Purpose::Provider));
    assert_eq!(record.spend_started_at, Some(at(1)));
    let check = crate::support::november("10.00");
    assert_eq!(ledger.spent(&check).unwrap(), money("2.65"));
    assert_eq!(
        ledger.reserve(&intent(&[1]), &[]).unwrap().unwrap_err(),
        Blocked::Pending { intent: id, state: State::Confirmed },
        "renewd does not pay the same term again"
    );
}

#[test]
fn a_change_is_on_record_before_it_is_made_and_its_answer_after() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let request = change();
    drop(ledger.begin_change(&yp(), &request, "its answer never came", at(0).wall).unwrap());
    let permit = ledger.begin_change(&yp(), &request, "the budget is used up", at(1).wall).unwrap();
    assert_eq!(permit.request(), &request);
    let open = ledger.changes(at(0).wall).unwrap();
    assert_eq!((open.len(), open[0].outcome.as_ref()), (2, None));
    assert_eq!((open[0].what.as_str(), open[0].value.as_str()), ("auto_off", "off"));
    assert_eq!(open[0].leases, request.leases);
    let done = ChangeOutcome { word: "done".into(), code: None, message: None };
    ledger.end_change(permit.row(), &done, at(2).wall).unwrap();
    let outcomes = ledger.changes(at(0).wall).unwrap().into_iter().map(|c| c.outcome);
    assert_eq!(outcomes.collect::<Vec<_>>(), [Some(done.clone()), None], "newest first, each its own");
    assert!(ledger.end_change(permit.row(), &done, at(3).wall).is_err(), "a change ends once");
    assert!(ledger.changes(at(2).wall).unwrap().is_empty());
}

#[test]
fn an_order_on_hold_without_an_end_is_paid_for_the_term_it_was_first_seen_on_hold() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let mut held = lease("yp", 1);
    held.expires_at = None;
    held.state = OrderState::OnHold;
    held.held_since = Some(at(0).wall);
    held.cycle = Some("monthly".into());
    held.price = Some(money("4.20"));
    ledger.record_inventory(&yp(), &acct(), at(0).wall, &inventory(vec![held.clone()])).unwrap();
    assert_eq!(ledger.known_leases(&acct()).unwrap()[0].lease, held, "it reads back to the letter");
    let mut new = intent(&[1]);
    new.request.leases[0].expires_at = at(0).wall;
    let id = ledger.reserve(&new, &[]).unwrap().unwrap();
    ledger.start_spend(&id, &at(1)).expect("its term is as expected");
}

#[rstest]
#[case::the_next_day(1, false)]
#[case::after_most_of_the_term(28, true)]
fn an_order_seen_on_hold_anew_is_not_paid_again_soon_after_it_was_paid_for(
    #[case] days: i64,
    #[case] free: bool,
) {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let mut held = lease("yp", 1);
    (held.expires_at, held.state, held.cycle) = (None, OrderState::OnHold, Some("monthly".into()));
    held.held_since = Some(at(0).wall);
    ledger.record_inventory(&yp(), &acct(), at(0).wall, &inventory(vec![held.clone()])).unwrap();
    let mut new = intent(&[1]);
    new.request.leases[0].expires_at = at(0).wall;
    let id = ledger.reserve(&new, &[]).unwrap().unwrap();
    ledger.start_spend(&id, &at(1)).unwrap();
    ledger.append(&id, State::SpendStarted, Event::Accepted, &EventDetail::default(), &at(2)).unwrap();
    ledger.append(&id, State::Accepted, Event::EndsMoved, &EventDetail::default(), &at(3)).unwrap();
    let again = at(0).wall + jiff::SignedDuration::from_hours(24 * days);
    held.held_since = Some(again);
    ledger.record_inventory(&yp(), &acct(), again, &inventory(vec![held.clone()])).unwrap();
    new.request.leases[0].expires_at = again;
    assert_eq!(ledger.reserve(&new, &[]).unwrap().is_ok(), free);
    assert_eq!(ledger.paid_terms(&yp(), &[&held]).unwrap().is_empty(), free, "and the plan says so in time");
}
