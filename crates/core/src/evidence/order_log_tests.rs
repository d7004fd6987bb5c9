//! What a provider's own log proves, row by row.
use rstest::rstest;

use super::*;
use crate::domain::{Currency, Kind, LeaseId, Method, ProviderName, RenewalRequest, RequestLease, Told};
use crate::record::{EventDetail, Purpose};

fn at(secs: i64) -> Moment {
    let wall = Timestamp::from_second(1_800_000_000 + secs).unwrap();
    Moment { wall, boot_id: "b".to_owned(), boot_ms: secs * 1_000 }
}

fn timing() -> Timing {
    Timing {
        read_timeout: SignedDuration::from_secs(30),
        money_timeout: SignedDuration::from_secs(120),
        lag_window: SignedDuration::from_secs(900),
        settle_reads: 3,
    }
}

/// One lease of each of these orders, for 2.00 each, whose answer was lost after five seconds.
fn paid(name: &str, sent: i64, orders: &[&str], state: State) -> IntentRecord {
    let lease = |order: &&str| RequestLease {
        id: LeaseId::new(format!("{name}-{order}")),
        order: OrderId::from(*order),
        ip: format!("203.0.113.{}", order.len()),
        port: None,
        expires_at: at(86_400).wall,
        told: Told::Instant,
    };
    IntentRecord {
        id: name.into(),
        parent: None,
        provider: ProviderName::new("p"),
        purpose: Purpose::Renewal,
        order: None,
        request: RenewalRequest {
            account: "a".into(),
            kind: Kind::from("IPv4"),
            leases: orders.iter().map(lease).collect(),
            period_days: 30,
            cycle: None,
            promo: None,
            method: Method::Leases,
        },
        policy: "keep".to_owned(),
        quoted: Money::from_cents(200 * i64::try_from(orders.len()).unwrap()),
        currency: Currency::from("USD"),
        balance_before: Money::from_cents(10_000),
        attempt: 1,
        cycle: 1,
        created_at: at(sent),
        spend_started_at: Some(at(sent)),
        state,
        state_at: at(sent + 5),
        settled_at: None,
        detail: EventDetail::default(),
        charged_at: None,
        never_sent: false,
        was_refused: false,
        operator_spoke: false,
        crossed: None,
        approved: None,
        reads: Vec::new(),
        labels: Vec::new(),
    }
}

fn row(order: &str, secs: impl Into<Option<i64>>, cents: impl Into<Option<i64>>) -> LoggedRenewal {
    LoggedRenewal {
        order: order.into(),
        at: secs.into().map(|secs: i64| at(secs).wall),
        amount: cents.into().map(Money::from_cents),
        by_provider: false,
    }
}

fn says(rows: Vec<LoggedRenewal>, orders: &[&str], others: &[IntentRecord]) -> Logged {
    let record = paid("one", 0, orders, State::Unknown);
    let around: Vec<IntentRecord> = [record.clone()].into_iter().chain(others.iter().cloned()).collect();
    logged(&LogReading::Rows(rows), &record, &around, &timing())
}

#[rstest]
#[case::right_after_the_call(3, Logged::Proof)]
#[case::by_a_clock_that_is_slow(-59, Logged::Proof)]
#[case::before_the_call(-61, Logged::Nothing)]
#[case::as_late_as_the_lag_window(900, Logged::Proof)]
#[case::a_later_renewal(966, Logged::Nothing)]
fn a_row_counts_from_the_call_to_the_end_of_its_lag_window(#[case] secs: i64, #[case] want: Logged) {
    assert_eq!(says(vec![row("o", secs, 200)], &["o"], &[]), want);
}

#[test]
fn every_order_of_a_payment_needs_a_row() {
    assert_eq!(says(vec![row("a", 1, 200), row("bb", 1, 200)], &["a", "bb"], &[]), Logged::Proof);
    assert_eq!(says(vec![row("a", 1, 200)], &["a", "bb"], &[]), Logged::Some);
    assert_eq!(says(vec![row("c", 1, 200)], &["a"], &[]), Logged::Nothing, "another order");
}

#[test]
fn rows_that_cost_less_than_the_quote_do_not_prove_the_whole() {
    assert_eq!(says(vec![row("o", 1, 150)], &["o"], &[]), Logged::Some);
    assert_eq!(says(vec![row("o", 1, 250)], &["o"], &[]), Logged::Proof, "more was taken");
    assert_eq!(says(vec![row("o", 1, None)], &["o"], &[]), Logged::Proof, "the amount is not told");
    assert_eq!(
        says(vec![row("o", 1, 150), row("o", 2, 900)], &["o"], &[]),
        Logged::Some,
        "the cheapest may be it"
    );
}

#[rstest]
#[case::sent_since_and_open(paid("two", 30, &["o"], State::Unknown), Logged::Some)]
#[case::sent_before_and_open(paid("two", -300, &["o"], State::Unknown), Logged::Some)]
#[case::refused(paid("two", 30, &["o"], State::Refused), Logged::Proof)]
#[case::of_another_order(paid("two", 30, &["pp"], State::Unknown), Logged::Proof)]
#[case::never_sent(IntentRecord { never_sent: true, ..paid("two", 30, &["o"], State::Unknown) }, Logged::Proof)]
fn a_row_that_may_be_another_payments_proves_nothing(#[case] other: IntentRecord, #[case] want: Logged) {
    assert_eq!(says(vec![row("o", 31, 200)], &["o"], std::slice::from_ref(&other)), want);
    let two = vec![row("o", 31, 200), row("o", 32, 200)];
    assert_eq!(says(two, &["o"], &[other]), Logged::Proof, "a row for each");
}

#[test]
fn a_term_that_another_payment_bought_is_for_the_ends_to_tell() {
    let other = paid("two", 30, &["o"], State::Confirmed);
    assert_eq!(says(vec![row("o", 1, 200), row("o", 31, 200)], &["o"], &[other]), Logged::Nothing);
}

#[test]
fn what_the_provider_renewed_by_itself_is_no_payment_of_ours() {
    let own = LoggedRenewal { by_provider: true, ..row("o", 1, 200) };
    assert_eq!(says(vec![own], &["o"], &[]), Logged::Nothing);
}

#[test]
fn a_row_without_a_date_is_less_than_proof_and_absence_is_nothing() {
    assert_eq!(says(vec![row("o", None, 200)], &["o"], &[]), Logged::Undated);
    assert_eq!(says(vec![row("a", None, 200)], &["a", "bb"], &[]), Logged::Nothing, "of one order alone");
    assert_eq!(says(Vec::new(), &["o"], &[]), Logged::Nothing);
    let record = paid("one", 0, &["o"], State::Unknown);
    assert_eq!(logged(&LogReading::Unread, &record, &[], &timing()), Logged::Unread);
    assert_eq!(logged(&LogReading::None, &record, &[], &timing()), Logged::Nothing);
}
