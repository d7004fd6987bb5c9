//! What a lease cost the time before: its own price, also where several stand behind one address.
use jiff::Timestamp;

use super::*;
use crate::domain::time::Moment;
use crate::domain::{
    Balance, Currency, Event, Inventory, Kind, Lease, LeaseId, Method, OrderId, ProviderName, RenewalRequest,
    sample,
};
use crate::ledger::sqlite::{Access, SqliteLedger, open};
use crate::ledger::{Cycles, EventDetail, Inventories, NewIntent, Payments};

fn at(minutes: i64) -> Moment {
    Moment {
        wall: Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap(),
        boot_id: "b".to_owned(),
        boot_ms: minutes * 60_000,
    }
}

fn lease(id: &str, order: &str, port: Option<u16>) -> RequestLease {
    RequestLease {
        id: LeaseId::new(id),
        order: OrderId::new(order),
        ip: "203.0.113.1".to_owned(),
        told: crate::domain::Told::Instant,
        port,
        expires_at: at(60 * 24).wall,
    }
}

fn list(ledger: &SqliteLedger, all: &[RequestLease]) {
    let listed = |l: &RequestLease| Lease {
        account: AccountName::from("a"),
        id: l.id.clone(),
        order: l.order.clone(),
        ip: l.ip.clone(),
        port: l.port,
        expires_at: Some(l.expires_at),
        ..sample::lease()
    };
    let inventory = Inventory {
        leases: std::sync::Arc::new(all.iter().map(listed).collect()),
        balance: Balance { amount: Money::ZERO, currency: Currency::new("USD") },
        oddities: Vec::new(),
        unreadable: 0,
        clock_skew: None,
        doubt: None,
        owner: None,
    };
    let (provider, account) = (ProviderName::new("p"), AccountName::from("a"));
    ledger.record_inventory(&provider, &account, at(0).wall, &inventory).unwrap();
}

fn paid(ledger: &SqliteLedger, lease: RequestLease, minute: i64, amount: &str) -> IntentRecord {
    let amount: Money = amount.parse().unwrap();
    let intent = NewIntent {
        labels: Vec::new(),
        purpose: Purpose::Renewal,
        provider: ProviderName::new("p"),
        request: RenewalRequest {
            cycle: None,
            account: AccountName::from("a"),
            kind: Kind::new("IPv4"),
            leases: vec![lease],
            period_days: 30,
            promo: None,
            method: Method::Leases,
        },
        policy: "keep".to_owned(),
        quoted: amount,
        currency: Currency::new("USD"),
        balance_before: amount,
        cycle: 1,
        attempt: 1,
        approval: None,
        at: at(minute),
    };
    let id = ledger.reserve(&intent, &[]).unwrap().unwrap();
    ledger.start_spend(&id, &at(minute)).unwrap();
    let charged = EventDetail { charged: Some(amount), ..EventDetail::default() };
    ledger.append(&id, State::SpendStarted, Event::Accepted, &charged, &at(minute)).unwrap();
    ledger.append(&id, State::Accepted, Event::EndsMoved, &charged, &at(minute)).unwrap();
    ledger.intent(&id).unwrap()
}

#[test]
fn leases_behind_one_address_have_each_its_own_last_price() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), Access::Pay).unwrap();
    ledger.start_cycle(&at(-1)).unwrap();
    list(&ledger, &[lease("L1", "O1", Some(8001)), lease("L2", "O1", Some(8002)), lease("L3", "O3", None)]);
    let dear = paid(&ledger, lease("L1", "O1", Some(8001)), 1, "5.00");
    let cheap = paid(&ledger, lease("L2", "O1", Some(8002)), 2, "2.00");
    let elsewhere = paid(&ledger, lease("L3", "O3", None), 3, "9.00");
    let all = vec![dear, cheap.clone(), elsewhere];
    let now = IntentRecord { id: IntentId::from("p-000009"), spend_started_at: Some(at(9)), ..cheap };
    let price = |of: RequestLease| last(&now, &of, &all).map(|(amount, _)| amount.to_string());
    assert_eq!(price(lease("L2", "O1", Some(8002))).as_deref(), Some("2.00"));
    assert_eq!(price(lease("L1", "O1", Some(8001))).as_deref(), Some("5.00"));
    assert_eq!(price(lease("L9", "O1", Some(8001))).as_deref(), Some("5.00"), "under another id");
    assert_eq!(price(lease("L9", "O9", None)), None, "an address alone is no lease");
}
