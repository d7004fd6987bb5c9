//! A power cut after each step of a payment: what a reopened ledger then says.
use renewd::domain::{Event, State};
use renewd::ledger::sqlite::{Access, open};
use renewd::ledger::{EventDetail, Payments, SettleRead};

use crate::support::{all, at, intent, money, power_cut, reserved, seeded};

/// The state of the only payment, as the files of this instant tell it; `None` = no payment.
fn after_power_cut(dir: &std::path::Path) -> Option<(State, bool)> {
    let cut = power_cut(dir);
    let ledger = open(cut.path(), Access::Pay).unwrap();
    let mut payments = all(&ledger);
    assert!(payments.len() <= 1);
    payments.pop().map(|p| (p.state, p.spend_started_at.is_some()))
}

#[test]
fn every_step_of_a_payment_survives_a_power_cut() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    assert_eq!(after_power_cut(dir.path()), None);

    let id = reserved(&ledger, &[1, 2]);
    // Proof that nothing was spent: there is no spend row.
    assert_eq!(after_power_cut(dir.path()), Some((State::Reserved, false)));

    let permit = ledger.start_spend(&id, &at(1)).unwrap();
    // From here on bytes may have left.
    assert_eq!(after_power_cut(dir.path()), Some((State::SpendStarted, true)));
    drop(permit);

    let detail = EventDetail { charged: Some(money("5.30")), ..EventDetail::default() };
    ledger.append(&id, State::SpendStarted, Event::Accepted, &detail, &at(2)).unwrap();
    assert_eq!(after_power_cut(dir.path()), Some((State::Accepted, true)));

    ledger.append(&id, State::Accepted, Event::LagOver, &EventDetail::default(), &at(20)).unwrap();
    let read = SettleRead { at: at(21), balance: money("94.70"), fell: money("5.30"), moved: 2 };
    ledger.add_read(&id, &read).unwrap();
    let cut = power_cut(dir.path());
    assert_eq!(open(cut.path(), Access::Read).unwrap().intent(&id).unwrap().reads, [read]);

    ledger.append(&id, State::Unknown, Event::EndsMoved, &EventDetail::default(), &at(22)).unwrap();
    assert_eq!(after_power_cut(dir.path()), Some((State::Confirmed, true)));
}

#[test]
fn a_payment_cut_off_after_its_spend_row_keeps_its_leases_from_a_second_one() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let id = reserved(&ledger, &[1]);
    ledger.start_spend(&id, &at(1)).unwrap();
    let cut = power_cut(dir.path());
    let reopened = open(cut.path(), Access::Pay).unwrap();
    assert!(reopened.reserve(&intent(&[1]), &[]).unwrap().is_err());
}

#[test]
fn a_wal_cut_off_anywhere_shows_whole_transactions_only() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let base = std::fs::metadata(dir.path().join("ledger.db-wal")).unwrap().len();
    let id = reserved(&ledger, &[1]);
    ledger.start_spend(&id, &at(1)).unwrap();
    ledger.append(&id, State::SpendStarted, Event::AnswerLost, &EventDetail::default(), &at(2)).unwrap();
    let whole = std::fs::read(dir.path().join("ledger.db-wal")).unwrap();
    let base = usize::try_from(base).unwrap();
    assert!(whole.len() > base);
    let mut seen = Vec::new();
    for length in (base..=whole.len()).step_by(1024).chain([whole.len()]) {
        let cut = power_cut(dir.path());
        std::fs::write(cut.path().join("ledger.db-wal"), &whole[..length]).unwrap();
        let reopened = open(cut.path(), Access::Pay).unwrap();
        let payments = all(&reopened);
        if let Some(payment) = payments.first() {
            assert_eq!(payment.request, intent(&[1]).request, "the leases came with their payment");
        }
        seen.push(payments.first().map(|p| p.state));
    }
    seen.dedup();
    assert_eq!(seen, [None, Some(State::Reserved), Some(State::SpendStarted), Some(State::Unknown)]);
}
