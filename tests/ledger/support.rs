//! A small world to pay in: one provider, leases `L1`, `L2`, … that all end at [`END`].
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use renewd::domain::{
    AccountName, Balance, Currency, Event, IntentId, Inventory, Kind, Lease, LeaseId, Method, Moment, Money,
    OrderId, OrderState, ProviderName, RenewalRequest, RequestLease, State,
};
use renewd::ledger::LedgerError;
use renewd::ledger::sqlite::{self, Access, SqliteLedger};
use renewd::ledger::{
    BudgetCheck, Cycles, EventDetail, IntentFilter, IntentRecord, Inventories, NewIntent, Payments, Purpose,
};

use crate::server;

/// When every lease ends.
pub const END: &str = "2026-11-20T09:00:00.123456789Z";

/// Minutes after noon of 2026-11-17.
pub fn at(minutes: i64) -> Moment {
    let noon: Timestamp = "2026-11-17T12:00:00Z".parse().unwrap();
    Moment {
        wall: noon.checked_add(SignedDuration::from_mins(minutes)).unwrap(),
        boot_id: "boot-1".to_owned(),
        boot_ms: 1_000_000 + minutes * 60_000,
    }
}

pub fn end() -> Timestamp {
    END.parse().unwrap()
}

pub fn money(text: &str) -> Money {
    text.parse().unwrap()
}

pub fn yp() -> ProviderName {
    ProviderName::new("youproxy")
}

pub fn acct() -> AccountName {
    AccountName::new("yp")
}

/// Lease `L{n}` of order `O{n}` at `203.0.113.{n}`.
pub fn lease(account: &str, n: usize) -> Lease {
    Lease {
        account: AccountName::new(account),
        id: LeaseId::new(format!("L{n}")),
        order: OrderId::new(format!("O{n}")),
        ip: format!("203.0.113.{n}"),
        kind: Kind::new("IPv4"),
        country: Some("USA".to_owned()),
        tag: None,
        told: Default::default(),
        port: None,
        expires_at: Some(end()),
        provider_renews: Some(false),
        state: OrderState::Active,
        held_since: None,
        operator: None,
        started_at: None,
        cycle: None,
        price: None,
    }
}

pub fn inventory(leases: Vec<Lease>) -> Inventory {
    Inventory {
        leases: std::sync::Arc::new(leases.into()),
        balance: Balance { amount: money("100.00"), currency: Currency::new("USD") },
        oddities: Vec::new(),
        unreadable: 0,
        clock_skew: None,
        doubt: None,
        owner: None,
    }
}

/// The ledger of a folder: in a file there, or, where the suite runs on a server, on that.
pub fn open(dir: &Path, access: Access) -> Result<SqliteLedger, LedgerError> {
    if server::wanted() { server::open(dir, access) } else { sqlite::open(dir, access) }
}

/// A ledger opened to pay, one cycle begun, leases `L1` to `L9` read for account `yp`.
pub fn seeded(dir: &Path) -> SqliteLedger {
    let ledger = open(dir, Access::Pay).unwrap();
    assert_eq!(ledger.start_cycle(&at(-1)).unwrap(), 1);
    let leases = (1..10).map(|n| lease("yp", n)).collect();
    ledger.record_inventory(&yp(), &acct(), at(-1).wall, &inventory(leases)).unwrap();
    ledger
}

/// A second connection that may pay, although the first still does: it comes by another folder, whose lock is another. What holds
/// then is the compare-and-set alone.
pub fn lockless(dir: &Path) -> SqliteLedger {
    let ways = std::fs::read_dir(dir).unwrap().count();
    let other = dir.join(format!("another-way-{ways}"));
    std::fs::create_dir(&other).unwrap();
    if server::wanted() {
        return server::open(&other, Access::Pay).unwrap();
    }
    std::os::unix::fs::symlink(dir.join("ledger.db"), other.join("ledger.db")).unwrap();
    open(&other, Access::Pay).unwrap()
}

/// A payment of these leases at 2.65 each.
pub fn intent(leases: &[usize]) -> NewIntent {
    let quoted = money("2.65").times(leases.len() as u64).unwrap();
    NewIntent {
        labels: Vec::new(),
        provider: yp(),
        purpose: Purpose::Renewal,
        request: RenewalRequest {
            account: acct(),
            kind: Kind::new("IPv4"),
            leases: leases
                .iter()
                .map(|n| {
                    let l = lease("yp", *n);
                    RequestLease {
                        id: l.id,
                        order: l.order,
                        ip: l.ip,
                        port: None,
                        told: Default::default(),
                        expires_at: end(),
                    }
                })
                .collect(),
            period_days: 30,
            cycle: None,
            promo: Some("SAVE10".to_owned()),
            method: Method::Leases,
        },
        policy: "keep-us".to_owned(),
        quoted,
        currency: Currency::new("USD"),
        balance_before: money("100.00"),
        cycle: 1,
        attempt: 1,
        approval: None,
        at: at(0),
    }
}

pub fn said(words: &str) -> EventDetail {
    EventDetail { evidence: Some(words.to_owned()), ..EventDetail::default() }
}

pub fn reserved(ledger: &SqliteLedger, leases: &[usize]) -> IntentId {
    ledger.reserve(&intent(leases), &[]).unwrap().expect("nothing blocks it")
}

/// The events that bring a new payment to this state.
pub fn way_to(state: State) -> Vec<Event> {
    use Event as E;
    let mut way = vec![E::SpendStarted];
    way.extend(match state {
        State::Reserved => return Vec::new(),
        State::Released => return vec![E::Released],
        State::SpendStarted => vec![],
        State::Accepted => vec![E::Accepted],
        State::Refused => vec![E::Refused],
        State::Unknown => vec![E::AnswerLost],
        State::NotApplied => vec![E::NeverSent],
        State::Confirmed => vec![E::Accepted, E::EndsMoved],
        State::NeedsOperator => vec![E::AnswerLost, E::Inconclusive],
        State::Split => vec![E::AnswerLost, E::PartlyMoved],
    });
    way
}

/// Walks a payment on through these events, the spend through its own door; one minute each, from minute 1.
pub fn walk(ledger: &SqliteLedger, id: &IntentId, events: &[Event]) -> State {
    let mut state = ledger.intent(id).unwrap().state;
    for (n, event) in (1..).zip(events) {
        state = if *event == Event::SpendStarted {
            ledger.start_spend(id, &at(n)).unwrap();
            State::SpendStarted
        } else {
            ledger.append(id, state, *event, &EventDetail::default(), &at(n)).unwrap()
        };
    }
    state
}

/// A payment of these leases in this state (not `split`, which is reached by splitting).
pub fn in_state(ledger: &SqliteLedger, leases: &[usize], state: State) -> IntentId {
    let id = reserved(ledger, leases);
    assert_eq!(walk(ledger, &id, &way_to(state)), state);
    id
}

pub fn all(ledger: &SqliteLedger) -> Vec<IntentRecord> {
    ledger.intents(&IntentFilter { states: State::ALL.to_vec(), ..IntentFilter::default() }).unwrap()
}

/// Everything in USD in November 2026.
pub fn november(limit: &str) -> BudgetCheck {
    BudgetCheck {
        labels: Vec::new(),
        open_only: false,
        name: "monthly".to_owned(),
        accounts: Vec::new(),
        policies: Vec::new(),
        currency: Currency::new("USD"),
        from: "2026-11-01T00:00:00Z".parse().unwrap(),
        to: "2026-12-01T00:00:00Z".parse().unwrap(),
        cycle: None,
        limit: money(limit),
    }
}

/// A bare connection to the ledger's file.
pub fn raw(dir: &Path) -> rusqlite::Connection {
    assert!(!server::wanted(), "only of a file");
    let connection = rusqlite::Connection::open(dir.join("ledger.db")).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
    connection
}

/// Runs SQL past renewd.
pub fn execute(dir: &Path, sql: &str) {
    match server::wanted() {
        true => drop(server::cluster().sql(dir, sql).unwrap()),
        false => raw(dir).execute_batch(sql).unwrap(),
    }
}

/// The rows of a query, their values with `|` between them.
pub fn lines(dir: &Path, sql: &str) -> Vec<String> {
    if server::wanted() {
        return server::cluster().sql(dir, sql).unwrap().lines().map(str::to_owned).collect();
    }
    let raw = raw(dir);
    let mut query = raw.prepare(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
    let width = query.column_count();
    let line = |r: &rusqlite::Row<'_>| {
        let value = |at| match r.get(at).unwrap() {
            rusqlite::types::Value::Null => String::new(),
            rusqlite::types::Value::Integer(n) => n.to_string(),
            rusqlite::types::Value::Text(text) => text,
            other => panic!("{other:?}"),
        };
        Ok((0..width).map(value).collect::<Vec<_>>().join("|"))
    };
    query.query_map([], line).unwrap().map(Result::unwrap).collect()
}

/// A copy of the files as a power cut would leave them now.
pub fn power_cut(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in ["ledger.db", "ledger.db-wal"] {
        if dir.join(name).exists() {
            std::fs::copy(dir.join(name), copy.path().join(name)).unwrap();
        }
    }
    copy
}
