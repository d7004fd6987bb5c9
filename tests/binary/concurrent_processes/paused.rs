//! The nastiest pause: between the durable spend row and the first byte. Other processes come and go meanwhile.
//!
//! The pause is made, not hoped for: the request limit's file, which a payment writes to last before it leaves, is held
//! until the row is there.
use std::process::Child;
use std::time::Duration;

use renewd::simulator::Product;
use rusqlite::{Connection, TransactionBehavior};
use rustix::process::Signal;

use super::world::{Crowd, LAG_MS, rows};
use crate::common::{signal, until};

const PATIENCE: u64 = 10;

fn last_state(crowd: &Crowd) -> String {
    let all = rows(&crowd.bench.path("state/ledger.db"));
    all.last().map_or_else(String::new, |r| r.state().to_owned())
}

/// One lease that is due, and a process stopped after its spend row and before its payment.
fn stopped() -> (Crowd, Child) {
    let crowd = Crowd::new(1, 1, 0, 3, 100_000);
    crowd.bench.time.lead();
    assert_eq!(
        crowd.bench.handle.with(|w| w.account(crate::common::KEY).unwrap().rentals()[0].product),
        Product::IPv4
    );
    crowd.wire.hold_quotes(true);
    let child = crowd.bench.spawn(&["once"]);
    until("the price is being asked", PATIENCE, || crowd.wire.held() == 1);
    let mut file = Connection::open(crowd.bench.path("state/requests.db")).unwrap();
    let held = file.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    crowd.wire.hold_quotes(false);
    until("the spend row is durable", PATIENCE, || last_state(&crowd) == "spend_started");
    signal(&child, Signal::STOP);
    drop(held);
    assert_eq!(crowd.bench.payments_sent(), 0, "it was stopped in time");
    (crowd, child)
}

fn others_are_turned_away(crowd: &Crowd) {
    let mut others: Vec<Child> = (0..7).map(|_| crowd.bench.spawn(&["once"])).collect();
    for other in &mut others {
        assert_eq!(other.wait().unwrap().code(), Some(4), "{}", crowd.bench.log());
    }
    assert_eq!((crowd.bench.payments_sent(), last_state(crowd)), (0, "spend_started".to_owned()));
}

fn assert_told_alike(crowd: &Crowd, charges: usize) {
    let history = crowd.history(true);
    assert_eq!(history.breaches(), Vec::<String>::new(), "{history:#?}\n{}", crowd.bench.log());
    assert_eq!(history.charges.len(), charges, "{history:#?}\n{}", crowd.bench.log());
}

#[test]
fn paused_before_its_payment_for_longer_than_the_lag_window_it_keeps_the_others_out_and_pays_once() {
    let (crowd, mut child) = stopped();
    others_are_turned_away(&crowd);
    crowd.bench.pass(LAG_MS + 300);
    others_are_turned_away(&crowd);
    signal(&child, Signal::CONT);
    assert_eq!(child.wait().unwrap().code(), Some(0), "{}", crowd.bench.log());
    assert_told_alike(&crowd, 1);
}

/// What its price and its ends were read for may be long gone: a process that slept does not send.
#[test]
fn paused_for_longer_than_a_quote_is_good_it_sends_nothing() {
    let (crowd, mut child) = stopped();
    crowd.bench.pass(14_300);
    others_are_turned_away(&crowd);
    signal(&child, Signal::CONT);
    assert_eq!(child.wait().unwrap().code(), Some(0), "{}", crowd.bench.log());
    assert!(crowd.bench.log().contains("not_sent:yp"), "{}", crowd.bench.log());
    assert_eq!((crowd.bench.payments_sent(), last_state(&crowd)), (0, "not_applied".to_owned()));
    let history = crowd.bench.json(&["history"]).1;
    let why = history["payments"][0]["error"]["message"].as_str().unwrap();
    assert!(why.contains("held up for 14 s"), "{why}");
    assert_told_alike(&crowd, 0);
}

/// The same after its quote's whole minute, whatever held it up.
#[test]
fn a_payment_whose_quote_is_over_a_minute_old_says_so_and_the_next_cycle_pays() {
    let (crowd, mut child) = stopped();
    crowd.bench.pass(61_000);
    signal(&child, Signal::CONT);
    child.wait().unwrap();
    assert_eq!((crowd.bench.payments_sent(), last_state(&crowd)), (0, "not_applied".to_owned()));
    let history = crowd.bench.json(&["history"]).1;
    let why = history["payments"][0]["error"]["message"].as_str().unwrap();
    assert!(why.starts_with("its quote was 6") && why.ends_with("nothing was sent"), "{why}");
    until("the backoff is over and it is paid", 60, || {
        crowd.bench.pass(1_000);
        crowd.bench.renewd(&["once"]);
        last_state(&crowd) == "confirmed"
    });
    assert_told_alike(&crowd, 1);
}

/// Nothing can be reserved on a ledger that somebody else holds; what was asked for it is asked anew.
#[test]
fn a_ledger_that_is_locked_between_quote_and_row_lets_nothing_leave() {
    let crowd = Crowd::new(1, 1, 0, 3, 100_000);
    crowd.wire.hold_quotes(true);
    let mut child = crowd.bench.spawn(&["once"]);
    until("the price is being asked", PATIENCE, || crowd.wire.held() == 1);
    let mut file = Connection::open(crowd.bench.path("state/ledger.db")).unwrap();
    let held = file.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    crowd.wire.hold_quotes(false);
    assert_eq!(child.wait().unwrap().code(), Some(1), "{}", crowd.bench.log());
    assert_eq!((crowd.bench.payments_sent(), last_state(&crowd)), (0, String::new()));
    drop(held);
    until("the next cycle pays", 4 * PATIENCE, || {
        crowd.bench.renewd(&["once"]);
        last_state(&crowd) == "confirmed"
    });
    assert_told_alike(&crowd, 1);
}

#[test]
fn killed_before_its_payment_another_process_settles_it_and_pays_once() {
    let (crowd, mut child) = stopped();
    others_are_turned_away(&crowd);
    child.kill().unwrap();
    child.wait().unwrap();
    until("the second attempt is paid", 4 * PATIENCE, || {
        crowd.bench.pass(500);
        crowd.bench.renewd(&["once"]);
        last_state(&crowd) == "confirmed"
    });
    assert_told_alike(&crowd, 1);
    assert_eq!(rows(&crowd.bench.path("state/ledger.db"))[0].state(), "not_applied");
}

#[test]
fn eight_processes_share_one_request_limit_also_when_they_are_killed() {
    let crowd = Crowd::new(6, 1, 0, 5, 12);
    for wave in 0..3_u64 {
        let mut crew: Vec<Child> =
            (0..8).map(|n| crowd.bench.spawn(if n == 0 { &["once"] } else { &["plan"] })).collect();
        if wave == 0 {
            until("the limit is reached", 4 * PATIENCE, || crowd.bench.handle.requests().len() >= 8);
        }
        std::thread::sleep(Duration::from_millis(300 + 150 * wave));
        for child in &mut crew {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
    let history = crowd.history(false);
    assert_eq!(history.breaches(), Vec::<String>::new(), "{history:#?}");
    assert!(history.requests.len() >= 8, "the limit was reached: {}", history.requests.len());
}
