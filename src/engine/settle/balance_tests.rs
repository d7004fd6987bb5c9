//! A balance against a real ledger, through the hours around its payments.
use jiff::SignedDuration;
use rstest::rstest;

use super::*;
use crate::domain::{
    AccountName, Currency, Event, IntentId, Inventory, Kind, Lease, LeaseId, Method, Moment, Money, OrderId,
    ProviderName, RenewalRequest, RequestLease, sample,
};
use crate::ledger::sqlite::{Access, SqliteLedger, open};
use crate::ledger::{Balances, Cycles, EventDetail, Inventories, NewIntent, Payments};

struct Desk {
    _dir: tempfile::TempDir,
    ledger: SqliteLedger,
    account: AccountName,
    timing: Timing,
}

fn at(minutes: i64) -> Moment {
    Moment {
        wall: Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap(),
        boot_id: "b".to_owned(),
        boot_ms: minutes * 60_000,
    }
}

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn usd(amount: &str) -> Balance {
    Balance { amount: money(amount), currency: Currency::new("USD") }
}

impl Desk {
    fn new() -> Self {
        let timing = Timing {
            read_timeout: SignedDuration::from_secs(30),
            money_timeout: SignedDuration::from_secs(120),
            lag_window: SignedDuration::from_mins(15),
            settle_reads: 3,
        };
        let dir = tempfile::tempdir().unwrap();
        let ledger = open(dir.path(), Access::Pay).unwrap();
        let desk = Self { _dir: dir, ledger, account: AccountName::from("yp"), timing };
        desk.ledger.start_cycle(&at(-1)).unwrap();
        desk
    }

    /// A reading at that minute; gives what is on record since the beginning.
    fn read(&self, minute: i64, balance: &str) -> Vec<(String, String)> {
        self.read_in(minute, &usd(balance))
    }

    fn read_in(&self, minute: i64, balance: &Balance) -> Vec<(String, String)> {
        self.read_settled(minute, balance, minute)
    }

    /// The same where what it showed was settled in a later minute.
    fn read_settled(&self, minute: i64, balance: &Balance, settled: i64) -> Vec<(String, String)> {
        self.read_so(minute, (balance, true), settled)
    }

    /// The same with a list that is not believed.
    fn read_doubted(&self, minute: i64, balance: &str) -> Vec<(String, String)> {
        self.read_so(minute, (&usd(balance), false), minute)
    }

    fn read_so(
        &self,
        minute: i64,
        (balance, whole): (&Balance, bool),
        settled: i64,
    ) -> Vec<(String, String)> {
        let began = at(minute);
        let reading = Reading {
            log: &crate::evidence::LogReading::None,
            provider_renewed: false,
            account: &self.account,
            provider: &ProviderName::new("youproxy"),
            leases: &crate::domain::Leases::default(),
            balance,
            bound: true,
            complete: true,
            began: &began,
        };
        explain(&self.ledger, &self.timing, &reading, (balance, whole), at(settled).wall).unwrap();
        let notes = self.ledger.balance_notes(Timestamp::MIN).unwrap();
        notes.into_iter().map(|n| (n.explained.to_string(), n.unexplained.to_string())).collect()
    }

    fn listed(&self, lease: &RequestLease) -> Lease {
        Lease {
            account: self.account.clone(),
            id: lease.id.clone(),
            order: lease.order.clone(),
            ip: lease.ip.clone(),
            expires_at: Some(lease.expires_at),
            ..sample::lease()
        }
    }

    /// A payment of 2.65 for lease `n`, sent at that minute.
    fn sent(&self, n: usize, minute: i64) -> IntentId {
        let end = at(60 * 24 * 3).wall;
        let lease = RequestLease {
            id: LeaseId::new(format!("L{n}")),
            order: OrderId::new(format!("O{n}")),
            ip: format!("203.0.113.{n}"),
            told: Default::default(),
            port: None,
            expires_at: end,
        };
        let listed = self.listed(&lease);
        let inventory = Inventory {
            leases: std::sync::Arc::new(vec![listed].into()),
            balance: usd("0.00"),
            oddities: Vec::new(),
            unreadable: 0,
            clock_skew: None,
            doubt: None,
            owner: None,
        };
        let provider = ProviderName::new("p");
        self.ledger.record_inventory(&provider, &self.account, at(minute).wall, &inventory).unwrap();
        let intent = NewIntent {
            labels: Vec::new(),
            purpose: crate::ledger::Purpose::Renewal,
            provider,
            request: RenewalRequest {
                cycle: None,
                account: self.account.clone(),
                kind: Kind::new("IPv4"),
                leases: vec![lease],
                period_days: 30,
                promo: None,
                method: Method::Leases,
            },
            policy: "keep".to_owned(),
            quoted: money("2.65"),
            currency: Currency::new("USD"),
            balance_before: money("100.00"),
            cycle: 1,
            attempt: 1,
            approval: None,
            at: at(minute),
        };
        let id = self.ledger.reserve(&intent, &[]).unwrap().unwrap();
        self.ledger.start_spend(&id, &at(minute)).unwrap();
        id
    }

    fn then(&self, id: &IntentId, minute: i64, events: &[(State, Event)]) {
        let charged = EventDetail { charged: Some(money("2.65")), ..EventDetail::default() };
        for (from, event) in events {
            self.ledger.append(id, *from, *event, &charged, &at(minute)).unwrap();
        }
    }

    fn confirmed(&self, n: usize, minute: i64) {
        let id = self.sent(n, minute);
        self.then(
            &id,
            minute,
            &[(State::SpendStarted, Event::Accepted), (State::Accepted, Event::EndsMoved)],
        );
    }
}

const NONE: Vec<(String, String)> = Vec::new();

fn one(explained: &str, unexplained: &str) -> Vec<(String, String)> {
    vec![(explained.to_owned(), unexplained.to_owned())]
}

#[test]
fn a_balance_that_stands_still_or_falls_by_payments_is_no_news() {
    let desk = Desk::new();
    assert_eq!(desk.read(0, "100.00"), NONE);
    assert_eq!(desk.read(10, "100.00"), NONE);
    desk.confirmed(1, 11);
    desk.confirmed(2, 12);
    assert_eq!(desk.read(20, "94.70"), NONE);
    assert_eq!(desk.read(200, "94.70"), NONE);
}

#[test]
fn a_fall_without_a_payment_is_on_record_once_with_what_is_explained() {
    let desk = Desk::new();
    desk.read(0, "100.00");
    assert_eq!(desk.read(10, "88.00"), one("0.00", "12.00"));
    assert_eq!(desk.read(20, "88.00"), one("0.00", "12.00"), "once");
    desk.confirmed(1, 21);
    assert_eq!(desk.read(60, "80.00")[1], ("2.65".to_owned(), "5.35".to_owned()), "beside a payment");
}

#[test]
fn a_rise_is_on_record_below_zero() {
    let desk = Desk::new();
    desk.read(0, "1.00");
    assert_eq!(desk.read(10, "101.00"), one("0.00", "-100.00"));
}

#[test]
fn a_balance_that_lags_behind_its_payment_is_given_the_lag_window() {
    let desk = Desk::new();
    desk.read(0, "100.00");
    desk.confirmed(1, 1);
    assert_eq!(desk.read(5, "100.00"), NONE, "the list moved, the balance has not");
    assert_eq!(desk.read(15, "97.35"), NONE);
    assert_eq!(desk.read(60, "97.35"), NONE);
}

#[test]
fn what_is_open_keeps_the_question_open_until_it_is_settled() {
    let desk = Desk::new();
    desk.read(0, "100.00");
    let id = desk.sent(1, 1);
    desk.then(&id, 1, &[(State::SpendStarted, Event::AnswerLost)]);
    assert_eq!(desk.read(50, "85.35"), NONE, "it may be the payment's");
    desk.then(&id, 51, &[(State::Unknown, Event::EndsMoved)]);
    assert_eq!(desk.read(60, "85.35"), one("2.65", "12.00"));
}

#[test]
fn what_is_open_for_long_hides_no_more_than_it_may_have_cost() {
    for needs_operator in [false, true] {
        let desk = Desk::new();
        desk.read(0, "100.00");
        let id = desk.sent(1, 1);
        desk.then(&id, 1, &[(State::SpendStarted, Event::AnswerLost)]);
        if needs_operator {
            desk.then(&id, 20, &[(State::Unknown, Event::Inconclusive)]);
        }
        assert_eq!(desk.read(70, "97.35"), NONE, "all of it may be the payment's");
        assert_eq!(desk.read(80, "98.35"), NONE, "and so may a part of it");
        assert_eq!(desk.read(90, "85.35"), one("0.00", "12.00"), "the rest is nobody's");
        let note = desk.ledger.balance_notes(Timestamp::MIN).unwrap().remove(0);
        assert_eq!(note.contested, std::slice::from_ref(&id), "and people are told what may be behind it");
        assert_eq!(desk.read(100, "85.35").len(), 1, "once");
        assert_eq!(desk.read(110, "82.70").len(), 1, "it may have been charged only now");
        assert_eq!(desk.read(120, "80.05")[1].1, "2.65", "but not twice");
    }
}

#[test]
fn a_rise_beside_what_is_open_for_long_is_on_record() {
    let desk = Desk::new();
    desk.read(0, "100.00");
    let id = desk.sent(1, 1);
    desk.then(&id, 1, &[(State::SpendStarted, Event::AnswerLost)]);
    assert_eq!(desk.read(50, "150.00"), NONE);
    assert_eq!(desk.read(70, "150.00"), one("0.00", "-50.00"));
}

#[test]
fn a_fall_that_grows_amid_payments_is_on_record_by_what_stood_of_it() {
    let desk = Desk::new();
    desk.read(0, "100.00");
    let mut told = NONE;
    for n in 1..=14_u8 {
        let minute = i64::from(n) * 10;
        desk.confirmed(usize::from(n), minute - 1);
        // Somebody else takes 1.00 between any two readings.
        told = desk.read(minute, &Money::from_cents(10_000 - 365 * i64::from(n)).to_string());
        let want = if n < 7 {
            0
        } else if n < 13 {
            1
        } else {
            2
        };
        assert_eq!(told.len(), want, "at minute {minute}: {told:?}");
    }
    assert_eq!((told[0].1.as_str(), told[1].1.as_str()), ("1.00", "6.00"));
    assert_eq!(desk.read(300, "48.90").last().unwrap().1, "7.00", "the rest once all is quiet");
    assert_eq!(desk.read(310, "48.90").len(), 3, "and nothing twice");
}

#[test]
fn a_fall_that_grows_beside_a_charge_that_is_not_known_may_be_that_ones() {
    let desk = Desk::new();
    desk.read(0, "100.00");
    desk.confirmed(1, 9);
    assert_eq!(desk.read(10, "96.35"), NONE, "1.00 more than the payment");
    for n in 2..=10_u8 {
        let minute = i64::from(n) * 10;
        let id = desk.sent(usize::from(n), minute - 1);
        desk.then(&id, minute - 1, &[(State::SpendStarted, Event::Refused)]);
        // Each refusal charged all the same.
        assert_eq!(desk.read(minute, &Money::from_cents(9_635 - 265 * i64::from(n - 1)).to_string()), NONE);
    }
}

#[test]
fn a_fall_with_a_list_that_is_not_believed_is_on_record_once_it_stood() {
    let desk = Desk::new();
    desk.read(0, "100.00");
    assert_eq!(desk.read_doubted(10, "60.00"), NONE, "an answer may be of another account");
    assert_eq!(desk.read_doubted(60, "60.00"), NONE);
    assert_eq!(desk.read_doubted(70, "60.00"), one("0.00", "40.00"));
}

#[test]
fn a_payment_that_was_not_charged_explains_nothing() {
    let desk = Desk::new();
    desk.read(0, "100.00");
    let id = desk.sent(1, 1);
    let lost = [(State::SpendStarted, Event::AnswerLost), (State::Unknown, Event::ShownNotApplied)];
    desk.then(&id, 30, &lost);
    assert_eq!(desk.read(31, "97.35"), one("0.00", "2.65"));
}

#[test]
fn a_charge_that_lands_late_is_explained_by_its_payment() {
    let desk = Desk::new();
    desk.read(0, "100.00");
    let id = desk.sent(1, 1);
    let lost = [(State::SpendStarted, Event::AnswerLost), (State::Unknown, Event::ShownNotApplied)];
    desk.then(&id, 30, &lost);
    desk.confirmed(2, 40);
    assert_eq!(desk.read(60, "97.35"), NONE);
    desk.then(&id, 600, &[(State::NotApplied, Event::EndsMoved)]);
    assert_eq!(desk.read(601, "94.70"), NONE, "the old payment was charged after all");
}

#[test]
fn a_charge_explains_one_fall_only() {
    let desk = Desk::new();
    desk.read(0, "100.00");
    desk.confirmed(1, 1);
    assert_eq!(desk.read(60, "97.35"), NONE);
    assert_eq!(desk.read(120, "94.70"), one("0.00", "2.65"));
}

/// A top-up hides what an unknown payment cost, and is on record beside it. Hours later as much falls again.
#[rstest]
#[case::an_operator_knows_of_one_charge(Event::OperatorCharged, 2)]
#[case::its_end_moved_with_the_fall(Event::EndsMoved, 1)]
fn what_a_record_may_hold_already_explains_no_second_fall(#[case] settled: Event, #[case] records: usize) {
    let desk = Desk::new();
    desk.read(0, "100.00");
    let id = desk.sent(1, 1);
    desk.then(&id, 30, &[(State::SpendStarted, Event::AnswerLost), (State::Unknown, Event::Inconclusive)]);
    assert_eq!(desk.read(70, "147.35"), one("0.00", "-47.35"));
    assert_eq!(desk.read(600, "144.70").len(), 1, "it may be the payment's");
    desk.then(&id, 601, &[(State::NeedsOperator, settled)]);
    assert_eq!(desk.read(602, "144.70").len(), records);
}

#[test]
fn a_payment_in_the_very_instant_of_a_reading_came_after_it() {
    let desk = Desk::new();
    desk.read(10, "100.00");
    desk.confirmed(1, 10);
    assert_eq!(desk.read(40, "97.35"), NONE);
}

#[test]
fn a_payment_that_never_left_delays_nothing() {
    let desk = Desk::new();
    desk.read(0, "100.00");
    let id = desk.sent(1, 9);
    desk.then(&id, 9, &[(State::SpendStarted, Event::NeverSent)]);
    assert_eq!(desk.read(10, "90.00"), one("0.00", "10.00"));
}

#[test]
fn an_operators_word_on_an_old_charge_is_no_rise() {
    let desk = Desk::new();
    desk.read(0, "100.00");
    let id = desk.sent(1, 1);
    let lost = [(State::SpendStarted, Event::AnswerLost), (State::Unknown, Event::ShownNotApplied)];
    desk.then(&id, 30, &lost);
    assert_eq!(desk.read(31, "97.35"), one("0.00", "2.65"));
    desk.then(&id, 60, &[(State::NotApplied, Event::OperatorCharged)]);
    assert_eq!(desk.read(70, "97.35").len(), 1, "it was taken before");
}

#[test]
fn a_difference_amid_payments_waits_for_four_lag_windows_unchanged() {
    let desk = Desk::new();
    desk.read(0, "100.00");
    let mut balance = 10_000 - 500;
    for n in 1..=8_u8 {
        let minute = i64::from(n) * 10;
        desk.confirmed(usize::from(n), minute - 1);
        balance -= 265;
        let found = desk.read(minute, &Money::from_cents(balance).to_string());
        let want = if n < 7 { NONE } else { one("18.55", "5.00") };
        assert_eq!(found, want, "at minute {minute}");
    }
}

#[test]
fn another_currency_or_a_clock_set_back_begins_anew() {
    let desk = Desk::new();
    desk.read(0, "100.00");
    let euro = Balance { amount: money("90.00"), currency: Currency::new("EUR") };
    assert_eq!(desk.read_in(10, &euro), NONE);
    assert_eq!(desk.read_in(20, &Balance { amount: money("91.00"), ..euro.clone() }), one("0.00", "-1.00"));
    assert_eq!(desk.read_in(-600, &euro).len(), 1);
    assert_eq!(desk.read_in(-590, &euro).len(), 1);
}

#[test]
fn a_reading_that_changes_nothing_writes_nothing() {
    let desk = Desk::new();
    desk.read(0, "100.00");
    desk.read(10, "100.00");
    let mark = desk.ledger.balance_mark(&desk.account).unwrap().unwrap();
    assert_eq!(mark.at, at(0).wall);
}

#[test]
fn a_fall_that_looks_like_the_payment_just_confirmed_is_on_record_all_the_same() {
    let desk = Desk::new();
    desk.read(0, "100.00");
    let id = desk.sent(1, 11);
    desk.then(&id, 11, &[(State::SpendStarted, Event::Accepted)]);
    // The reading begins in minute 20, its payments are settled in the next one, and then it becomes the mark.
    desk.then(&id, 21, &[(State::Accepted, Event::EndsMoved)]);
    desk.read_settled(20, &usd("97.35"), 21);
    assert_eq!(desk.read(600, "94.70"), one("0.00", "2.65"));
}
