//! A batch that lands after its leases were paid one by one, on a real ledger.
use jiff::{SignedDuration, Timestamp};

use super::{told, untold};
use crate::domain::time::{Moment, Timing};
use crate::domain::{
    AccountName, Balance, Currency, Event, IntentId, Inventory, Kind, Lease, LeaseId, Method, Money,
    ProviderName, RenewalRequest, RequestLease, State, sample,
};
use crate::engine::settle::renewal::settle;
use crate::evidence::Reading;
use crate::ledger::sqlite::{Access, SqliteLedger, open};
use crate::ledger::{Cycles, EventDetail, IntentFilter, Inventories, Ledger, NewIntent, Payments, Purpose};

pub(in crate::engine) fn at(minutes: i64) -> Moment {
    let noon: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    Moment {
        wall: noon.checked_add(SignedDuration::from_mins(minutes)).unwrap(),
        boot_id: "boot-1".to_owned(),
        boot_ms: 1_000_000 + minutes * 60_000,
    }
}

fn end(days: i64) -> Timestamp {
    at(2_880).wall.checked_add(SignedDuration::from_hours(24 * days)).unwrap()
}

pub(in crate::engine) fn account() -> AccountName {
    AccountName::new("yp")
}

/// Lease `L{n}`, whose end has moved by so many terms.
pub(in crate::engine) fn lease(n: usize, terms: i64) -> Lease {
    Lease {
        account: account(),
        id: LeaseId::new(format!("L{n}")),
        ip: format!("203.0.113.{n}"),
        expires_at: Some(end(30 * terms)),
        ..sample::lease()
    }
}

pub(in crate::engine) fn usd(amount: &str) -> Balance {
    Balance { amount: amount.parse().unwrap(), currency: Currency::new("USD") }
}

pub(in crate::engine) fn pay(
    ledger: &dyn Ledger,
    leases: &[usize],
    before: &str,
    attempt: u32,
    minutes: i64,
) -> IntentId {
    let quoted = Money::from_cents(i64::try_from(leases.len()).unwrap() * 200);
    let request = RenewalRequest {
        account: account(),
        kind: Kind::new("IPv4"),
        leases: leases
            .iter()
            .map(|n| lease(*n, 0))
            .map(|l| RequestLease {
                id: l.id,
                order: l.order,
                ip: l.ip,
                port: None,
                told: Default::default(),
                expires_at: end(0),
            })
            .collect(),
        period_days: 30,
        cycle: None,
        promo: None,
        method: Method::Leases,
    };
    let new = NewIntent {
        labels: Vec::new(),
        provider: ProviderName::new("youproxy"),
        purpose: Purpose::Renewal,
        policy: "keep".to_owned(),
        quoted,
        currency: Currency::new("USD"),
        balance_before: before.parse().unwrap(),
        cycle: 1,
        attempt,
        approval: None,
        at: at(minutes),
        request,
    };
    let id = ledger.reserve(&new, &[]).unwrap().unwrap();
    drop(ledger.start_spend(&id, &at(minutes)).unwrap());
    ledger
        .append(&id, State::SpendStarted, Event::AnswerLost, &EventDetail::default(), &at(minutes))
        .unwrap();
    id
}

pub(in crate::engine) fn read(
    ledger: &dyn Ledger,
    leases: &[Lease],
    balance: &str,
    minutes: i64,
) -> Vec<IntentId> {
    read_at(ledger, leases, balance, &at(minutes))
}

fn read_at(ledger: &dyn Ledger, leases: &[Lease], balance: &str, began: &Moment) -> Vec<IntentId> {
    let timing = Timing {
        read_timeout: SignedDuration::from_secs(30),
        money_timeout: SignedDuration::from_secs(120),
        lag_window: SignedDuration::from_mins(15),
        settle_reads: 3,
    };
    let (account, provider, balance) = (account(), ProviderName::new("youproxy"), usd(balance));
    let reading = Reading {
        log: &crate::evidence::LogReading::None,
        provider_renewed: false,
        account: &account,
        provider: &provider,
        leases: &leases.iter().cloned().collect(),
        balance: &balance,
        complete: true,
        bound: true,
        began,
    };
    settle(ledger, &timing, &reading, began).unwrap().0.into_iter().map(|r| r.id).collect()
}

/// What was read last.
fn known(ledger: &SqliteLedger, leases: Vec<Lease>, minutes: i64) {
    let balance = usd("100.00");
    let inventory = Inventory {
        leases: std::sync::Arc::new(leases.into()),
        balance,
        oddities: Vec::new(),
        unreadable: 0,
        clock_skew: None,
        doubt: None,
        owner: None,
    };
    ledger
        .record_inventory(&ProviderName::new("youproxy"), &account(), at(minutes).wall, &inventory)
        .unwrap();
}

/// Both leases were read in a cycle.
fn seen(ledger: &SqliteLedger) {
    ledger.start_cycle(&at(0)).unwrap();
    known(ledger, vec![lease(1, 0), lease(2, 0)], 0);
}

/// A payment of these leases that was shown as not charged.
fn tried(ledger: &SqliteLedger, leases: &[usize]) -> IntentId {
    seen(ledger);
    let id = pay(ledger, leases, "100.00", 1, 0);
    for minutes in [1, 6, 11, 16, 21] {
        read(ledger, &[lease(1, 0), lease(2, 0)], "100.00", minutes);
    }
    assert_eq!(ledger.intent(&id).unwrap().state, State::NotApplied);
    id
}

/// The second attempt at the first lease, which was charged.
fn paid_again(ledger: &SqliteLedger) {
    let id = pay(ledger, &[1], "100.00", 2, 60);
    read(ledger, &[lease(1, 1), lease(2, 0)], "98.00", 62);
    assert_eq!(ledger.intent(&id).unwrap().state, State::Confirmed);
}

/// Two leases whose joint payment was shown as not charged; the first was then paid alone.
fn paid_alone(ledger: &SqliteLedger) -> IntentId {
    let batch = tried(ledger, &[1, 2]);
    paid_again(ledger);
    batch
}

fn parts(ledger: &dyn Ledger, batch: &IntentId) -> Vec<(IntentId, State)> {
    let all = ledger.intents(&IntentFilter::default()).unwrap().into_iter();
    all.filter(|r| r.parent.as_ref() == Some(batch)).map(|r| (r.id, r.state)).collect()
}

#[test]
fn a_late_batch_that_charges_one_lease_again_is_split_and_its_second_charge_told() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), Access::Pay).unwrap();
    let batch = paid_alone(&ledger);
    let doubles = read(&ledger, &[lease(1, 2), lease(2, 0)], "96.00", 900);
    assert_eq!(ledger.intent(&batch).unwrap().state, State::Split);
    let paid: Vec<IntentId> = parts(&ledger, &batch)
        .into_iter()
        .filter(|(_, state)| *state == State::Confirmed)
        .map(|(id, _)| id)
        .collect();
    assert_eq!(doubles, paid, "the part that was charged again, and it alone");
    assert_eq!(paid.len(), 1);
}

#[test]
fn a_second_charge_is_told_after_a_crash_between_settling_and_telling() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), Access::Pay).unwrap();
    let batch = paid_alone(&ledger);
    assert!(untold(&ledger).unwrap().is_empty());
    read(&ledger, &[lease(1, 2), lease(2, 1)], "94.00", 900);
    drop(ledger);

    let ledger = open(dir.path(), Access::Pay).unwrap();
    let owed: Vec<IntentId> = untold(&ledger).unwrap().into_iter().map(|r| r.id).collect();
    assert_eq!(owed, [batch]);
    told(&ledger, &|_| true).unwrap();
    assert_eq!(untold(&ledger).unwrap().len(), 1, "kept back, it stays owed");
    told(&ledger, &|_| false).unwrap();
    assert!(untold(&ledger).unwrap().is_empty());
}

#[test]
fn a_newer_payment_that_cannot_be_judged_yet_keeps_its_move_from_an_older_one() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), Access::Pay).unwrap();
    let first = tried(&ledger, &[1]);
    let second = pay(&ledger, &[1], "100.00", 2, 2_000);

    // The machine came up a day behind: the second payment seems to lie ahead of this reading.
    let behind = Moment { wall: at(2_010 - 1_440).wall, boot_id: "boot-2".to_owned(), boot_ms: 5_000 };
    assert!(read_at(&ledger, &[lease(1, 1)], "98.00", &behind).is_empty());
    assert_eq!(ledger.intent(&first).unwrap().state, State::NotApplied, "the move is the second's");

    let right = Moment { wall: at(2_020).wall, boot_id: "boot-2".to_owned(), boot_ms: 600_000 };
    assert!(read_at(&ledger, &[lease(1, 1)], "98.00", &right).is_empty(), "nothing was charged twice");
    assert_eq!(ledger.intent(&second).unwrap().state, State::Confirmed);
    assert_eq!(ledger.intent(&first).unwrap().state, State::NotApplied);
}

#[test]
fn a_late_charge_is_not_laid_on_an_auto_renewal_long_before_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), Access::Pay).unwrap();
    let first = tried(&ledger, &[1]);
    paid_again(&ledger);
    known(&ledger, vec![lease(1, 1), lease(2, 0)], 70);
    // Switched on since; and a top-up hides what the first attempt took.
    let on = Lease { provider_renews: Some(true), ..lease(1, 2) };
    assert_eq!(
        read(&ledger, std::slice::from_ref(&on), "146.00", 900),
        std::slice::from_ref(&first),
        "told as a second charge"
    );
    assert_eq!(ledger.intent(&first).unwrap().state, State::Confirmed);
}

#[test]
fn a_move_at_the_end_of_an_order_that_renews_itself_confirms_no_old_attempt() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), Access::Pay).unwrap();
    let first = tried(&ledger, &[1]);
    paid_again(&ledger);
    known(&ledger, vec![lease(1, 1), lease(2, 0)], 70);

    // Switched on after the last reading, and charged at the end, by a price of today.
    let on = Lease { provider_renews: Some(true), ..lease(1, 2) };
    assert!(read(&ledger, std::slice::from_ref(&on), "95.70", 32 * 1_440 + 60).is_empty());
    assert_eq!(ledger.intent(&first).unwrap().state, State::NotApplied);
}
