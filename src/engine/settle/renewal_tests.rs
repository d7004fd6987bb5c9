//! What a reading says of payments, on a real ledger: looks at refusals, clocks, names that were given to another provider.
use super::*;
use crate::domain::{Event, Lease, Leases, Measured, Money};
use crate::engine::settle::double_charge::tests::{account, at, lease, pay, usd};
use crate::engine::settle::measure::measure;
use crate::engine::settle::remeasure::remeasure;
use crate::evidence::Quiet;
use crate::evidence::quiet;
use crate::ledger::sqlite::{Access, SqliteLedger, open};
use crate::ledger::{Cycles, EventDetail, Inventories, Notes, Payments};
use crate::nodes::Failover;
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
    lists(&ledger, vec![lease(1, 0), lease(2, 0)]);
    (dir, ledger)
}

fn lists(ledger: &SqliteLedger, leases: Vec<Lease>) {
    let inventory = crate::domain::Inventory {
        leases: std::sync::Arc::new(leases.into()),
        balance: usd("100.00"),
        oddities: Vec::new(),
        unreadable: 0,
        clock_skew: None,
        doubt: None,
        owner: None,
    };
    ledger.record_inventory(&"youproxy".into(), &account(), at(0).wall, &inventory).unwrap();
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
        log: &crate::evidence::LogReading::None,
        provider_renewed: false,
        account: &account,
        provider: &provider,
        leases: &shown.leases.iter().cloned().collect(),
        balance: &balance,
        complete: true,
        bound: shown.bound,
        began,
    };
    let (_, settled) = settle(ledger, &timing(), &reading, began).unwrap();
    remeasure(ledger, &timing(), &reading, &settled, began).unwrap();
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

/// A payment that was not applied, and the second attempt that paid the term. A month later the provider renews the lease by itself.
#[rstest]
#[case::it_was_listed(true)]
#[case::the_list_before_was_cut(false)]
fn a_term_that_the_provider_renewed_is_no_old_payments(#[case] listed: bool) {
    let (_dir, ledger) = desk();
    let first = pay(&ledger, &[1], "100.00", 1, 0);
    let no = &EventDetail::default();
    ledger.append(&first, State::Unknown, Event::OperatorNotCharged, no, &at(1)).unwrap();
    let second = pay(&ledger, &[1], "100.00", 2, 2);
    let leases = [lease(1, 1), lease(2, 0)];
    let shown = Shown { provider: "youproxy", bound: true, leases: &leases, balance: "98.00" };
    settle_at(&ledger, &shown, &at(3));
    assert_eq!(ledger.intent(&second).unwrap().state, State::Confirmed);
    let renews = |terms| Lease { provider_renews: Some(true), ..lease(1, terms) };
    lists(&ledger, vec![renews(1), lease(2, 0)]);
    if !listed {
        lists(&ledger, vec![lease(2, 0)]);
    }
    let leases = [renews(2), lease(2, 0)];
    let shown = Shown { provider: "youproxy", bound: true, leases: &leases, balance: "95.00" };
    settle_at(&ledger, &shown, &at(60 * 24 * 31));
    assert_eq!(ledger.intent(&first).unwrap().state, State::NotApplied);
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
            labels: Vec::new(),
            provider: record.provider,
            purpose: Purpose::Renewal,
            request: crate::domain::RenewalRequest { leases, ..record.request },
            policy: record.policy,
            quoted: record.quoted,
            currency: record.currency,
            balance_before: record.balance_before,
            cycle: 1,
            attempt: 1,
            approval: None,
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

/// A refusal that charged all the same, and beside it a payment for which its charge counts until it is known whose it was.
#[test]
fn what_only_counts_for_another_payment_never_shows_that_a_refusal_charged_nothing() {
    let (_dir, ledger) = desk();
    let id = refused(&ledger);
    let beside = pay(&ledger, &[2], "100.00", 2, 2);
    let leases = [lease(1, 0), lease(2, 1)];
    for minutes in [5, 12, 20, 26, 32, 38] {
        let (account, balance, provider, began) = (account(), usd("96.00"), "youproxy".into(), at(minutes));
        let reading = Reading {
            log: &crate::evidence::LogReading::None,
            provider_renewed: false,
            account: &account,
            provider: &provider,
            leases: &leases.iter().cloned().collect(),
            balance: &balance,
            complete: true,
            bound: true,
            began: &began,
        };
        let (_, settled) = settle(&ledger, &timing(), &reading, &began).unwrap();
        super::super::remeasure::remeasure(&ledger, &timing(), &reading, &settled, &began).unwrap();
    }
    let counted = ledger.intent(&beside).unwrap();
    assert_eq!(counted.detail.charged, Some(Money::from_cents(400)), "{counted:?}");
    let record = ledger.intent(&id).unwrap();
    assert_eq!(quiet(&record, &at(39), &timing()), Quiet::No, "{:?}", record.reads);
}

/// The node that lost the answer lost the pay lease, too, ten minutes later. What it has read says nothing of what may still leave it.
#[rstest]
#[case::without_a_failover(false, 15)]
#[case::with_one(true, 31)]
fn absence_counts_from_when_the_new_node_first_looked_and_what_may_still_leave_is_waited_out(
    #[case] failed_over: bool,
    #[case] minute: i64,
) {
    let (_dir, ledger) = desk();
    let id = pay(&ledger, &[1], "100.00", 1, 0);
    let settled = |minute| {
        let leases = [lease(1, 0), lease(2, 0)];
        let shown = Shown { provider: "youproxy", bound: true, leases: &leases, balance: "100.00" };
        settle_at(&ledger, &shown, &at(minute));
        ledger.intent(&id).unwrap().state
    };
    assert_eq!((settled(3), settled(8)), (State::Unknown, State::Unknown));
    if failed_over {
        let failover = Failover { ended: at(9).wall, taken: at(10), seen: at(10).wall, seen_at: at(10) };
        ledger.note(&Failover::key(1), &failover.note()).unwrap();
    }
    let first = (11..60).find(|minute| settled(*minute) == State::NotApplied);
    assert_eq!(first, Some(minute));
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
        log: &crate::evidence::LogReading::None,
        provider_renewed: false,
        account: &account,
        provider: &provider,
        leases: &Leases::default(),
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

/// A reading that began five minutes before a payment, or after it, and a wall clock that somebody set in between.
#[rstest]
#[case::after_it(5, 0, 1, true)]
#[case::after_it_and_set_back(5, -120, 1, true)]
#[case::before_it(-5, 0, 1, false)]
#[case::before_it_and_set_forward(-5, 120, 1, false)]
#[case::after_a_reboot_that_set_it_back(5, -120, 2, true)]
fn a_reading_judges_what_was_paid_before_it_whatever_the_wall_clock_says(
    #[case] minutes: i64,
    #[case] step: i64,
    #[case] boot: u8,
    #[case] judged: bool,
) {
    let (_dir, ledger) = desk();
    let id = pay(&ledger, &[1], "100.00", 1, 10);
    let mut began = at(10 + minutes);
    began.wall = began.wall.checked_add(SignedDuration::from_mins(step)).unwrap();
    let now = match boot {
        2 => {
            began.boot_id = "boot-2".to_owned();
            began.boot_ms = 60_000;
            Moment { boot_ms: 70_000, ..began.clone() }
        }
        _ => Moment { boot_ms: at(20).boot_ms, ..began.clone() },
    };
    let (account, balance, provider) = (account(), usd("100.00"), "youproxy".into());
    let reading = Reading {
        log: &crate::evidence::LogReading::None,
        provider_renewed: false,
        account: &account,
        provider: &provider,
        leases: &crate::domain::Leases::default(),
        balance: &balance,
        complete: true,
        bound: true,
        began: &began,
    };
    let found = candidates(&ledger, &reading, &now).unwrap();
    assert_eq!(found.iter().any(|r| r.id == id), judged);
}

/// A payment of 2.00 for the first lease, as one of another order, that was sent.
fn send_apart(ledger: &SqliteLedger, like: &IntentId, minutes: i64) -> IntentId {
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
        labels: Vec::new(),
        provider: like.provider,
        purpose: Purpose::Renewal,
        request: crate::domain::RenewalRequest { leases: vec![of], ..like.request },
        policy: like.policy,
        quoted: like.quoted,
        currency: like.currency,
        balance_before: like.balance_before,
        cycle: 1,
        attempt: 1,
        approval: None,
        at: at(minutes),
    };
    let id = ledger.reserve(&new, &[]).unwrap().unwrap();
    drop(ledger.start_spend(&id, &at(minutes)).unwrap());
    id
}

/// The same, and its answer is lost.
fn pay_apart(ledger: &SqliteLedger, like: &IntentId, minutes: i64) -> IntentId {
    let id = send_apart(ledger, like, minutes);
    ledger
        .append(&id, State::SpendStarted, Event::AnswerLost, &EventDetail::default(), &at(minutes))
        .unwrap();
    id
}

/// The balance right after its answer may not show all that its neighbour took yet.
#[test]
fn the_least_that_a_payment_cost_stays_the_least_until_a_later_look_tells_the_rest() {
    let (_dir, ledger) = desk();
    let first = pay(&ledger, &[2], "100.00", 1, 0);
    let told = EventDetail {
        charged: Some("2.00".parse().unwrap()),
        measured: Some(Measured::Answers),
        balance_after: Some("98.00".parse().unwrap()),
        ..EventDetail::default()
    };
    ledger.append(&first, State::Unknown, Event::EndsMoved, &told, &at(0)).unwrap();
    let second = send_apart(&ledger, &first, 1);
    ledger.append(&second, State::SpendStarted, Event::Accepted, &EventDetail::default(), &at(1)).unwrap();
    measure(&ledger, &timing(), &second, ("95.00".parse().unwrap(), Measured::Reading), &at(1)).unwrap();
    let shown = |balance: &str, minutes: i64| {
        let leases = [lease(1, 1), lease(2, 1)];
        settle_at(
            &ledger,
            &Shown { provider: "youproxy", bound: false, leases: &leases, balance },
            &at(minutes),
        );
        let of = ledger.intent(&second).unwrap();
        (of.state, of.detail.charged.unwrap().to_string(), of.detail.measured.unwrap())
    };
    assert_eq!(shown("95.00", 2), (State::Confirmed, "3.00".to_owned(), Measured::Quote));
    assert_eq!(shown("94.50", 20), (State::Confirmed, "3.50".to_owned(), Measured::Quote));
}

/// Its neighbour is still open at the look that would tell: that one may have taken what counts for it, or may not.
#[test]
fn what_counts_already_is_not_taken_back_by_a_look_that_leaves_a_doubt() {
    let (_dir, ledger) = desk();
    let first = pay(&ledger, &[2], "100.00", 1, 0);
    let told = EventDetail {
        charged: Some("2.00".parse().unwrap()),
        measured: Some(Measured::Answers),
        balance_after: Some("98.00".parse().unwrap()),
        ..EventDetail::default()
    };
    ledger.append(&first, State::Unknown, Event::EndsMoved, &told, &at(0)).unwrap();
    let second = send_apart(&ledger, &first, 1);
    ledger.append(&second, State::SpendStarted, Event::Accepted, &EventDetail::default(), &at(1)).unwrap();
    measure(&ledger, &timing(), &second, ("94.00".parse().unwrap(), Measured::Reading), &at(1)).unwrap();
    lists(&ledger, vec![lease(1, 0), lease(2, 0), lease(3, 0)]);
    let third = pay(&ledger, &[3], "94.00", 1, 6);
    let shown = |balance: &str, minutes: i64, moved: i64| {
        let leases = [lease(1, 1), lease(2, 1), lease(3, moved)];
        settle_at(
            &ledger,
            &Shown { provider: "youproxy", bound: false, leases: &leases, balance },
            &at(minutes),
        );
        ledger.intent(&second).unwrap().detail.charged.unwrap().to_string()
    };
    assert_eq!(shown("94.00", 5, 0), "4.00");
    assert_eq!(shown("94.00", 20, 0), "4.00", "the third may have taken 2.00 of it");
    assert_eq!(shown("92.00", 25, 1), "4.00", "and did not");
    assert_eq!(ledger.intent(&third).unwrap().state, State::Confirmed);
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
