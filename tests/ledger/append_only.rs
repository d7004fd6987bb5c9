//! Rows that record money cannot be changed, removed or replaced, whoever writes the SQL.
use renewd::domain::State;
use renewd::ledger::{Payments, SettleRead};
use rstest::rstest;

use crate::support::{at, in_state, money, raw, seeded};

#[rstest]
#[case("UPDATE intent SET quoted = '0.01'")]
#[case("UPDATE intent_lease SET expires_before = '2020'")]
#[case("UPDATE intent_event SET state = 'released'")]
#[case("UPDATE settle_read SET fell = '0.00'")]
#[case("DELETE FROM intent")]
#[case("DELETE FROM intent_lease")]
#[case("DELETE FROM intent_event")]
#[case("DELETE FROM settle_read")]
#[case("UPDATE payment_link SET late = 1")]
#[case("UPDATE payment_link SET hash = zeroblob(32) WHERE n = 1")]
#[case("DELETE FROM payment_link")]
#[case("INSERT OR REPLACE INTO payment_link SELECT * FROM payment_link")]
#[case("INSERT INTO payment_link VALUES (99, 'event', 1, 9, 0, zeroblob(32))")]
#[case("INSERT OR REPLACE INTO intent SELECT * FROM intent")]
#[case("INSERT OR REPLACE INTO intent_lease SELECT * FROM intent_lease")]
#[case("INSERT OR REPLACE INTO intent_event SELECT * FROM intent_event")]
#[case("INSERT OR REPLACE INTO settle_read SELECT * FROM settle_read")]
#[case(
    "INSERT INTO intent_event (intent, seq, at, boot, ms, event, state) VALUES (1, 9, '', '', 0, 'x', 'released')"
)]
#[case("UPDATE intent_head SET state = 'not_applied'")]
#[case("UPDATE intent_head SET seq = 0")]
#[case("DELETE FROM intent_head")]
fn raw_sql_cannot_rewrite_what_was_paid(#[case] sql: &str) {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let id = in_state(&ledger, &[1, 2], State::Unknown);
    let read = SettleRead { at: at(9), balance: money("94.70"), fell: money("5.30"), moved: 0 };
    ledger.add_read(&id, &read).unwrap();
    let before = format!("{:?}", ledger.intent(&id).unwrap());

    let refused = raw(dir.path()).execute(sql, []).unwrap_err().to_string();
    assert!(refused.contains("append-only") || refused.contains("where its log says"), "{refused}");
    assert_eq!(format!("{:?}", ledger.intent(&id).unwrap()), before);
}

#[rstest]
#[case("1e2")]
#[case("5")]
#[case("2,65")]
#[case("-2.65")]
#[case("2.6.5")]
#[case(".65")]
#[case("2.6")]
fn a_quote_that_is_no_plain_amount_does_not_fit(#[case] quoted: &str) {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    in_state(&ledger, &[1], State::Reserved);
    let sql = "INSERT INTO intent (id, name, parent, provider, account, kind, period_days, promo, method, policy, quoted,
      currency, balance_before, attempt, cycle, created_at, created_boot, created_ms) SELECT 7, 'p-7', parent, provider, account, kind, period_days, promo, method, policy, ?1,
      currency, balance_before, attempt, cycle, created_at, created_boot, created_ms FROM intent";
    let refused = raw(dir.path()).execute(sql, [quoted]).unwrap_err().to_string();
    assert!(refused.contains("CHECK"), "{refused}");
    raw(dir.path()).execute(sql, ["2.655"]).expect("more decimals are the provider's affair");
}

#[test]
fn a_balance_may_be_below_zero() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let mut new = crate::support::intent(&[1]);
    new.balance_before = money("-3.5");
    let id = ledger.reserve(&new, &[]).unwrap().unwrap();
    assert_eq!(ledger.intent(&id).unwrap().balance_before, money("-3.50"));
}

#[test]
fn a_lease_is_in_a_payment_once_and_a_payment_is_never_empty() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    ledger.reserve(&crate::support::intent(&[1, 1]), &[]).unwrap_err();
    ledger.reserve(&crate::support::intent(&[]), &[]).unwrap_err();
    assert!(crate::support::all(&ledger).is_empty());
}
