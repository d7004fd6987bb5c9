//! What a payment in each state keeps a new one from: the table of contract §4, I1 and I6.
use jiff::SignedDuration;
use renewd::domain::{AccountName, LeaseId, Method, OrderId, ProviderName, State, Told};
use renewd::ledger::{Blocked, Inventories, NewIntent, Payments};
use rstest::rstest;

use crate::support::{acct, at, in_state, intent, inventory, lease, reserved, seeded, walk, way_to, yp};

/// What the new payment of lease 2 shares with the old one of lease 1.
#[derive(Debug, Clone, Copy)]
enum Shares {
    Lease,
    Order,
    Ip,
    /// Order and address: the same lease under another id.
    Place,
    Nothing,
}

fn request(shares: Shares) -> NewIntent {
    let old = intent(&[1]).request.leases.remove(0);
    let mut new = intent(&[2]);
    let lease = &mut new.request.leases[0];
    match shares {
        Shares::Lease => lease.id = old.id,
        Shares::Order => lease.order = old.order,
        Shares::Ip => lease.ip = old.ip,
        Shares::Place => (lease.order, lease.ip) = (old.order, old.ip),
        Shares::Nothing => {}
    }
    // Never the very same lease and account: the rule is about the provider.
    new.request.account = AccountName::new("another-name");
    new
}

/// Lease, order, ip, order and ip, with the same expected end. An address alone is no lease: what was paid for it in one order says
/// nothing of another order.
#[rstest]
#[case(State::Reserved, [true, false, true, true])]
#[case(State::SpendStarted, [true, true, true, true])]
#[case(State::Accepted, [true, false, true, true])]
#[case(State::Unknown, [true, true, true, true])]
#[case(State::NeedsOperator, [true, true, true, true])]
#[case(State::Confirmed, [true, false, false, true])]
#[case(State::Refused, [false, false, false, false])]
#[case(State::NotApplied, [false, false, false, false])]
#[case(State::Released, [false, false, false, false])]
fn each_state_blocks_what_the_contract_says(#[case] state: State, #[case] blocks: [bool; 4]) {
    let shared = [Shares::Lease, Shares::Order, Shares::Ip, Shares::Place];
    for (shares, blocks) in shared.into_iter().zip(blocks) {
        let dir = tempfile::tempdir().unwrap();
        let ledger = seeded(dir.path());
        let old = in_state(&ledger, &[1], state);
        let answer = ledger.reserve(&request(shares), &[]).unwrap();
        let expected = Err(Blocked::Pending { intent: old, state });
        assert_eq!(answer.is_err(), blocks, "{state} {shares:?}");
        assert!(!blocks || answer == expected, "{answer:?}");
    }
}

#[test]
fn a_payment_of_other_leases_is_never_blocked() {
    for state in State::ALL.into_iter().filter(|s| *s != State::Split) {
        let dir = tempfile::tempdir().unwrap();
        let ledger = seeded(dir.path());
        in_state(&ledger, &[1], state);
        ledger.reserve(&request(Shares::Nothing), &[]).unwrap().expect("nothing is shared");
    }
}

#[test]
fn an_unsettled_payment_blocks_whatever_end_is_expected() {
    for state in [State::Unknown, State::NeedsOperator, State::Accepted] {
        let dir = tempfile::tempdir().unwrap();
        let ledger = seeded(dir.path());
        in_state(&ledger, &[1], state);
        let mut later = intent(&[1]);
        let end = &mut later.request.leases[0].expires_at;
        *end = end.checked_add(SignedDuration::from_hours(720)).unwrap();
        assert!(ledger.reserve(&later, &[]).unwrap().is_err(), "{state}");
    }
}

#[test]
fn a_term_that_was_paid_is_not_paid_again_and_the_next_term_is() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let paid = in_state(&ledger, &[1], State::Confirmed);
    let again = ledger.reserve(&intent(&[1]), &[]).unwrap();
    assert_eq!(again, Err(Blocked::Pending { intent: paid, state: State::Confirmed }));
    let mut next = intent(&[1]);
    let end = &mut next.request.leases[0].expires_at;
    *end = end.checked_add(SignedDuration::from_hours(720)).unwrap();
    ledger.reserve(&next, &[]).unwrap().expect("its end moved");
}

/// A payment of lease 1 that expects an end so far from the one that was read.
fn respelled(milliseconds: i64) -> NewIntent {
    let mut new = intent(&[1]);
    let end = &mut new.request.leases[0].expires_at;
    *end = end.checked_add(SignedDuration::from_millis(milliseconds)).unwrap();
    new
}

#[test]
fn a_term_that_was_paid_is_known_however_its_end_is_spelled() {
    let hour = 3_600_000;
    for (off, blocks) in [
        (-980, true),
        (400, true),
        (60_000, true),
        (-30 * 24 * hour, true),
        // Where no new end was seen: the old one, corrected.
        (61_000, true),
        (hour, true),
        (14 * 24 * hour, true),
        (16 * 24 * hour, false),
        (30 * 24 * hour, false),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let ledger = seeded(dir.path());
        in_state(&ledger, &[1], State::Confirmed);
        assert_eq!(ledger.reserve(&respelled(off), &[]).unwrap().is_err(), blocks, "{off} ms");
    }
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    in_state(&ledger, &[1], State::Confirmed);
    let mut dated = intent(&[1]);
    let lease = &mut dated.request.leases[0];
    lease.expires_at = lease.expires_at.round(jiff::Unit::Hour).unwrap();
    let day = lease.expires_at.to_string();
    lease.expires_at = format!("{}T00:00:00Z", &day[..10]).parse().unwrap();
    lease.told = Told::Date;
    assert!(ledger.reserve(&dated, &[]).unwrap().is_err(), "as a date");
}

#[test]
fn a_spend_starts_on_its_end_in_another_spelling_and_on_no_other_end() {
    for (off, starts) in [(400, true), (-980, true), (61_000, false), (3_600_000, false)] {
        let dir = tempfile::tempdir().unwrap();
        let ledger = seeded(dir.path());
        let id = ledger.reserve(&respelled(off), &[]).unwrap().unwrap();
        assert_eq!(ledger.start_spend(&id, &at(1)).is_ok(), starts, "{off} ms");
    }
}

#[test]
fn leases_behind_one_address_are_told_apart_by_their_ports() {
    let behind = |n: usize, port: Option<u16>| {
        let mut new = intent(&[n]);
        let lease = &mut new.request.leases[0];
        (lease.order, lease.ip, lease.port) = (OrderId::new("O1"), "198.51.100.7".to_owned(), port);
        new
    };
    for state in [State::Accepted, State::Confirmed] {
        for (port, blocks) in [(Some(50_100), true), (None, true), (Some(50_102), false)] {
            let dir = tempfile::tempdir().unwrap();
            let ledger = seeded(dir.path());
            let id = ledger.reserve(&behind(1, Some(50_100)), &[]).unwrap().unwrap();
            walk(&ledger, &id, &way_to(state));
            let again = ledger.reserve(&behind(2, port), &[]).unwrap();
            assert_eq!(again.is_err(), blocks, "{state} {port:?}");
        }
    }
}

#[test]
fn one_blocked_lease_blocks_the_whole_set() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    in_state(&ledger, &[5], State::Unknown);
    assert!(ledger.reserve(&intent(&[1, 2, 5]), &[]).unwrap().is_err());
    ledger.reserve(&intent(&[1, 2]), &[]).unwrap().expect("those are free");
}

#[test]
fn an_empty_address_is_nobodys() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let nameless = |n: usize| {
        let mut new = intent(&[n]);
        new.request.leases[0].ip = String::new();
        new
    };
    let id = ledger.reserve(&nameless(1), &[]).unwrap().unwrap();
    crate::support::walk(&ledger, &id, &crate::support::way_to(State::Unknown));
    let id = ledger.reserve(&nameless(2), &[]).unwrap().expect("no shared address");
    crate::support::walk(&ledger, &id, &crate::support::way_to(State::Confirmed));
    ledger.reserve(&nameless(3), &[]).unwrap().expect("no shared address");
}

#[test]
fn another_providers_ids_are_other_things() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    in_state(&ledger, &[1], State::Unknown);
    let mut other = intent(&[1]);
    other.provider = ProviderName::new("proxyshard");
    ledger.reserve(&other, &[]).unwrap().expect("another provider");
}

#[test]
fn the_leases_of_one_order_are_paid_together() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let mut bundle = intent(&[1, 2, 3]);
    bundle.request.method = Method::Order;
    for lease in &mut bundle.request.leases {
        lease.order = OrderId::new("O1");
    }
    let id = ledger.reserve(&bundle, &[]).unwrap().expect("its own leases do not stand in its way");
    assert_eq!(ledger.intent(&id).unwrap().request, bundle.request);
}

#[test]
fn ids_are_compared_to_the_letter() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    in_state(&ledger, &[1], State::Unknown);
    let mut other = request(Shares::Nothing);
    other.request.leases[0].id = LeaseId::new("l1");
    ledger.reserve(&other, &[]).unwrap().expect("`l1` is not `L1`");
}

#[test]
fn ids_are_short_in_order_and_never_used_twice() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    assert_eq!(reserved(&ledger, &[1]).as_str(), "p-000001");
    assert_eq!(reserved(&ledger, &[2]).as_str(), "p-000002");
    drop(ledger);
    let ledger = crate::support::open(dir.path(), renewd::ledger::sqlite::Access::Pay).unwrap();
    assert_eq!(reserved(&ledger, &[3]).as_str(), "p-000003");
}

/// Of every state: a program's account has its ids, orders and addresses to itself, and another program's account the same names.
#[test]
fn accounts_of_two_programs_do_not_block_each_other() {
    let states = [State::Reserved, State::Accepted, State::Unknown, State::NeedsOperator, State::Confirmed];
    for state in states {
        let dir = tempfile::tempdir().unwrap();
        let ledger = seeded(dir.path());
        let program = |mut new: NewIntent| {
            new.provider = ProviderName::new(ProviderName::PROGRAM);
            new
        };
        let old = ledger.reserve(&program(intent(&[1])), &[]).unwrap().unwrap();
        walk(&ledger, &old, &way_to(state));
        for shares in [Shares::Lease, Shares::Order, Shares::Ip, Shares::Place] {
            let mut theirs = program(request(shares));
            let id =
                ledger.reserve(&theirs, &[]).unwrap().unwrap_or_else(|e| panic!("{state} {shares:?}: {e:?}"));
            walk(&ledger, &id, &way_to(State::Released));
            theirs.request.account = intent(&[1]).request.account;
            let blocks = match state {
                State::Reserved | State::Accepted => !matches!(shares, Shares::Order),
                State::Confirmed => matches!(shares, Shares::Lease | Shares::Place),
                _ => true,
            };
            let own = ledger.reserve(&theirs, &[]).unwrap();
            assert_eq!(own.is_err(), blocks, "of one account: {state} {shares:?}");
            if let Ok(id) = own {
                walk(&ledger, &id, &way_to(State::Released));
            }
        }
        let mut all = program(intent(&[1]));
        all.request.account = AccountName::new("another-name");
        assert_eq!(
            ledger.reserve(&all, &[]).unwrap(),
            Err(Blocked::Pending { intent: old, state }),
            "id, order and address agree: {state}"
        );
    }
}

#[test]
fn a_lease_that_came_to_the_address_of_another_is_not_blocked_by_its_payment_once_both_are_listed() {
    for state in [State::Accepted, State::Confirmed] {
        let dir = tempfile::tempdir().unwrap();
        let ledger = seeded(dir.path());
        let old = in_state(&ledger, &[1], state);
        let mut joined = request(Shares::Place);
        joined.request.account = intent(&[1]).request.account;
        joined.request.leases[0].port = Some(8002);
        let blocked = Err(Blocked::Pending { intent: old, state });
        assert_eq!(ledger.reserve(&joined, &[]).unwrap(), blocked, "it may be the same under another id");
        let mut both = [lease("yp", 1), lease("yp", 2)];
        (both[1].order, both[1].ip) = (both[0].order.clone(), both[0].ip.clone());
        (both[0].port, both[1].port) = (Some(8001), Some(8002));
        ledger.record_inventory(&yp(), &acct(), at(9).wall, &inventory(both.to_vec())).unwrap();
        ledger.reserve(&joined, &[]).unwrap().expect("they are two");
    }
}
