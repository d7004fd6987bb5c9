//! What a reading says of payments, on a real ledger: looks at refusals, clocks, names that were given to another provider.
use super::*;
use crate::domain::Event;
use crate::engine::doubles::tests::{account, at, lease, pay, usd};
use crate::engine::looks::quiet;
use crate::ledger::EventDetail;
use crate::ledger::sqlite::{Access, SqliteLedger, open};
use crate::planner::Quiet;
use rstest::rstest;

fn timing() -> Timing {
    Timing {
        read_timeout: SignedDuration::from_secs(30),
        money_timeout: SignedDuration::from_secs(120),
        lag_window: SignedDuration::from_mins(15),
        settle_reads: 3,
    }
}

fn desk() -> (tempfile::TempDir, SqliteLedger) {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), Access::Pay).unwrap();
    ledger.start_cycle(&at(0)).unwrap();
    let inventory = crate::domain::Inventory {
        leases: vec![lease(1, 0), lease(2, 0)],
        balance: usd("100.00"),
        oddities: Vec::new(),
        unreadable: 0,
        clock_skew: None,
        doubt: None,
        owner: None,
    };
    ledger.record_inventory(&"youproxy".into(), &account(), at(0).wall, &inventory).unwrap();
    (dir, ledger)
}

struct Shown<'a> {
    provider: &'a str,
    bound: bool,
    leases: &'a [Lease],
    balance: &'a str,
}

fn settle_at(ledger: &SqliteLedger, shown: &Shown<'_>, began: &Moment) {
    let (account, balance, provider) = (account(), usd(shown.balance), shown.provider.into());
    let reading = Reading {
        account: &account,
        provider: &provider,
        leases: shown.leases,
        balance: &balance,
        complete: true,
        bound: shown.bound,
        began,
    };
    settle(ledger, &timing(), &reading, began).unwrap();
}

/// The first lease was paid and its answer lost; ids change hands in the list that follows.
#[rstest]
#[case::it_did_not_move(0, 1, State::Unknown)]
#[case::it_moved(1, 0, State::Confirmed)]
fn a_payment_is_judged_by_its_address_where_ids_change_hands(
    #[case] first: i64,
    #[case] second: i64,
    #[case] expected: State,
) {
    let (_dir, ledger) = desk();
    let id = pay(&ledger, &[1], "100.00", 1, 0);
    let (one, two) = (lease(1, first), lease(2, second));
    let leases = [Lease { id: one.id.clone(), ..two.clone() }, Lease { id: two.id, ..one }];
    let shown = Shown { provider: "youproxy", bound: true, leases: &leases, balance: "98.00" };
    settle_at(&ledger, &shown, &at(5));
    assert_eq!(ledger.intent(&id).unwrap().state, expected);
}

/// A payment of 2.00 for the first lease that was refused after `pay` had it lost.
fn refused(ledger: &SqliteLedger) -> IntentId {
    let new = {
        let lost = pay(ledger, &[2], "100.00", 1, 0);
        let record = ledger.intent(&lost).unwrap();
        ledger
            .append(&lost, State::Unknown, Event::OperatorNotCharged, &EventDetail::default(), &at(0))
            .unwrap();
        let l = lease(1, 0);
        let leases = vec![crate::domain::RequestLease {
            id: l.id,
            order: l.order,
            ip: l.ip,
            told: Default::default(),
            port: None,
            expires_at: l.expires_at.unwrap(),
        }];
        crate::ledger::NewIntent {
            provider: record.provider,
            purpose: Purpose::Renewal,
            request: crate::domain::RenewalRequest { leases, ..record.request },
            policy: record.policy,
            quoted: record.quoted,
            currency: record.currency,
            balance_before: record.balance_before,
            cycle: 1,
            attempt: 1,
            at: at(1),
        }
    };
    let id = ledger.reserve(&new, &[]).unwrap().unwrap();
    drop(ledger.start_spend(&id, &at(1)).unwrap());
    ledger.append(&id, State::SpendStarted, Event::Refused, &EventDetail::default(), &at(1)).unwrap();
    id
}

#[rstest]
#[case::unchanged(true, "100.00", Quiet::Unchanged)]
#[case::a_top_up(true, "150.00", Quiet::Changed)]
#[case::somebody_bought_where_quotes_bind(true, "99.00", Quiet::Changed)]
#[case::the_quote(true, "98.00", Quiet::No)]
#[case::more(true, "90.00", Quiet::No)]
#[case::unchanged_where_they_do_not(false, "100.00", Quiet::Unchanged)]
#[case::a_top_up_there(false, "150.00", Quiet::Changed)]
#[case::a_charge_below_the_quote(false, "98.50", Quiet::No)]
fn a_refusal_is_believed_where_the_balance_cannot_hold_its_charge(
    #[case] bound: bool,
    #[case] balance: &str,
    #[case] expected: Quiet,
) {
    let (_dir, ledger) = desk();
    let id = refused(&ledger);
    for minutes in [2, 8, 14, 20, 26, 32, 38] {
        let leases = [lease(1, 0), lease(2, 0)];
        let shown = Shown { provider: "youproxy", bound, leases: &leases, balance };
        settle_at(&ledger, &shown, &at(minutes));
    }
    let record = ledger.intent(&id).unwrap();
    assert_eq!(quiet(&record, &at(39), &timing()), expected, "{:?}", record.reads);
}

#[test]
fn an_account_of_another_provider_under_the_same_name_settles_nothing() {
    let (_dir, ledger) = desk();
    let id = pay(&ledger, &[1], "100.00", 1, 0);
    for minutes in [1, 6, 11, 16, 21, 26] {
        let leases = [lease(1, 0), lease(2, 0)];
        let shown = Shown { provider: "proxyshard", bound: true, leases: &leases, balance: "100.00" };
        settle_at(&ledger, &shown, &at(minutes));
    }
    assert_eq!(ledger.intent(&id).unwrap().state, State::Unknown);
}

#[test]
fn a_payment_before_it_is_no_payment_after_it_though_the_clock_was_set_back() {
    let (_dir, ledger) = desk();
    let first = pay(&ledger, &[2], "100.00", 1, 500);
    let detail = EventDetail { charged: Some(Money::from_cents(200)), ..EventDetail::default() };
    ledger.append(&first, State::Unknown, Event::OperatorCharged, &detail, &at(501)).unwrap();
    let second = pay(&ledger, &[1], "98.00", 1, 510);
    let (one, mut two) = (ledger.intent(&first).unwrap(), ledger.intent(&second).unwrap());
    // As it is when the wall clock went back an hour between the two.
    if let Some(at) = &mut two.spend_started_at {
        at.wall = at.wall.checked_sub(SignedDuration::from_hours(1)).unwrap();
    }
    let (account, balance, provider) = (account(), usd("96.00"), "youproxy".into());
    let reading = Reading {
        account: &account,
        provider: &provider,
        leases: &[],
        balance: &balance,
        complete: true,
        bound: true,
        began: &at(511),
    };
    let around = [one, two.clone()];
    assert_eq!(
        fell(&two, &reading, &around),
        (Money::from_cents(200), false),
        "its own charge, and it alone"
    );
}

/// A payment of 2.00 for the first lease, as one of another order, whose answer is lost.
fn pay_apart(ledger: &SqliteLedger, like: &IntentId, minutes: i64) -> IntentId {
    let (like, l) = (ledger.intent(like).unwrap(), lease(1, 0));
    let of = crate::domain::RequestLease {
        id: l.id,
        order: "O7".into(),
        ip: l.ip,
        port: None,
        expires_at: l.expires_at.unwrap(),
        told: l.told,
    };
    let new = crate::ledger::NewIntent {
        provider: like.provider,
        purpose: Purpose::Renewal,
        request: crate::domain::RenewalRequest { leases: vec![of], ..like.request },
        policy: like.policy,
        quoted: like.quoted,
        currency: like.currency,
        balance_before: like.balance_before,
        cycle: 1,
        attempt: 1,
        at: at(minutes),
    };
    let id = ledger.reserve(&new, &[]).unwrap().unwrap();
    drop(ledger.start_spend(&id, &at(minutes)).unwrap());
    ledger
        .append(&id, State::SpendStarted, Event::AnswerLost, &EventDetail::default(), &at(minutes))
        .unwrap();
    id
}

#[rstest]
#[case::beside_an_unclear_one(5, "2.00")]
#[case::while_it_is_still_open_after_its_lag_window(20, "2.00")]
fn what_was_paid_beside_an_unclear_payment_is_not_measured_by_the_balance(
    #[case] minutes: i64,
    #[case] charged: &str,
) {
    let (_dir, ledger) = desk();
    let first = pay(&ledger, &[2], "100.00", 1, 0);
    let second = pay_apart(&ledger, &first, minutes);
    let leases = [lease(1, 1), lease(2, 0)];
    let shown = Shown { provider: "youproxy", bound: false, leases: &leases, balance: "98.50" };
    settle_at(&ledger, &shown, &at(minutes + 1));
    let record = ledger.intent(&second).unwrap();
    assert_eq!(record.state, State::Confirmed);
    assert_eq!(record.detail.charged.unwrap().to_string(), charged);
}

#[test]
fn a_balance_that_seems_unchanged_shows_nothing_of_a_payment_that_another_was_made_beside() {
    let (_dir, ledger) = desk();
    let first = pay(&ledger, &[2], "100.00", 1, 0);
    pay_apart(&ledger, &first, 5);
    // The second is confirmed at its quote, though it may have cost less: the rest would hide the first one's charge.
    for minutes in [6, 12, 18, 24, 30, 36] {
        let leases = [lease(1, 1), lease(2, 0)];
        let shown = Shown { provider: "youproxy", bound: false, leases: &leases, balance: "98.00" };
        settle_at(&ledger, &shown, &at(minutes));
    }
    assert_eq!(ledger.intent(&first).unwrap().state, State::Unknown, "not shown to be unpaid");
}
