//! The views that people read with `sqlite3`: names and columns are a promise, sums are exact.
use renewd::domain::{Event, State};
use renewd::ledger::{EventDetail, Payments};

use crate::support::{at, in_state, intent, lines, money, raw, seeded};

#[test]
fn the_documented_views_have_their_documented_columns() {
    let dir = tempfile::tempdir().unwrap();
    let _ledger = seeded(dir.path());
    let raw = raw(dir.path());
    let guide = include_str!("../../docs/ledger.md");
    for view in ["payments", "leases", "spend_by_month", "decisions", "alerts", "changes"] {
        let query = raw.prepare(&format!("SELECT * FROM {view}")).unwrap();
        let columns = query.column_names().join(", ");
        assert!(guide.contains(&format!("| `{view}` |")), "{view} is documented");
        assert!(guide.contains(&columns), "docs/ledger.md lists the columns of {view}: {columns}");
    }
}

#[test]
fn the_example_queries_of_the_guide_work() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    in_state(&ledger, &[1, 2], State::Unknown);
    let guide = include_str!("../../docs/ledger.md");
    let mut count = 0;
    for block in guide.split("```sql\n").skip(1) {
        let sql = block.split("```").next().unwrap();
        for statement in sql.split(';').filter(|s| !s.trim().is_empty()) {
            lines(dir.path(), statement);
            count += 1;
        }
    }
    assert!(count >= 4, "{count} examples");
}

#[test]
fn a_payment_reads_well() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    in_state(&ledger, &[1, 2], State::Confirmed);
    let row = lines(
        dir.path(),
        "SELECT payment, state, ips, leases, quoted, expires_before, spend_started_at FROM payments",
    );
    let expected =
        "p-000001|confirmed|203.0.113.1 203.0.113.2|2|5.30|2026-11-20T09:00:00Z|2026-11-17T12:01:00Z";
    assert_eq!(row, [expected]);
}

#[test]
fn a_month_adds_up_exactly() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let spent = || lines(dir.path(), "SELECT month, payments, spent FROM spend_by_month");
    assert!(spent().is_empty());
    let mut total = money("0.00");
    for (lease, amount) in [(1, "0.10"), (2, "0.20"), (3, "1234567.005"), (4, "0.000000001")] {
        let mut new = intent(&[lease]);
        new.quoted = money("3.00");
        let id = ledger.reserve(&new, &[]).unwrap().unwrap();
        ledger.start_spend(&id, &at(1)).unwrap();
        ledger.append(&id, State::SpendStarted, Event::Accepted, &EventDetail::default(), &at(2)).unwrap();
        let charged = EventDetail { charged: Some(money(amount)), ..EventDetail::default() };
        ledger.append(&id, State::Accepted, Event::EndsMoved, &charged, &at(3)).unwrap();
        total = total.plus(money(amount)).unwrap();
    }
    in_state(&ledger, &[5], State::Refused);
    in_state(&ledger, &[6], State::Reserved);
    in_state(&ledger, &[7], State::Released);
    assert_eq!(spent(), ["2026-11|4|1234567.305000001"]);
    assert_eq!(total, money("1234567.305000001"));
    in_state(&ledger, &[8], State::Unknown);
    assert_eq!(spent(), ["2026-11|5|1234569.955000001"], "at its quote until the charge is known");
}

#[test]
fn money_with_two_decimals_stays_so() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    in_state(&ledger, &[1, 2], State::Unknown);
    assert_eq!(lines(dir.path(), "SELECT spent FROM spend_by_month"), ["5.30"]);
}
