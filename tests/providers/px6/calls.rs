//! Every call as the vendor's page has it, and payments with permits of a real ledger: exactly one request each.
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use renewd::clock::Clock;
use renewd::domain::{
    AccountName, Balance, Change, ChangeRequest, Currency, Inventory, Kind, Lease, LeaseId, Money,
    OrderState, PurchaseRequest, QuoteError,
};
use renewd::ledger::sqlite::{Access, SqliteLedger, open};
use renewd::ledger::{Cycles, Inventories, LastLook, NewIntent, OrderChanges, Payments, Purpose as Why};
use renewd::providers::{
    ChangeReply, ConnectError, PaymentReply, Purpose, ReadError, connect, connect_changer, connect_spender,
};
use secrecy::SecretString;

use crate::px6::bench::{Bench, KEY, ok, purchase, px6, renewal, serve};

const ENVELOPE: &str = r#""status":"yes","user_id":"1","balance":"48.80","currency":"USD""#;

fn leases() -> Vec<Lease> {
    let lease = |asked: renewd::domain::RequestLease| Lease {
        account: AccountName::from("px"),
        id: asked.id,
        order: asked.order,
        ip: asked.ip,
        kind: Kind::from("IPv4"),
        country: None,
        tag: None,
        told: Default::default(),
        port: None,
        expires_at: Some(asked.expires_at),
        provider_renews: Some(false),
        state: OrderState::Active,
        held_since: None,
        operator: None,
        started_at: None,
        cycle: None,
        price: None,
    };
    renewal().leases.into_iter().map(lease).collect()
}

fn ledger(dir: &Path, b: &Bench) -> SqliteLedger {
    let ledger = open(dir, Access::Pay).unwrap();
    let now = b.clock.now();
    assert_eq!(ledger.start_cycle(&now).unwrap(), 1);
    let inventory = Inventory {
        leases: Arc::new(leases().into()),
        balance: Balance { amount: Money::from_cents(4_880), currency: Currency::from("USD") },
        oddities: Vec::new(),
        unreadable: 0,
        clock_skew: None,
        doubt: None,
        owner: None,
    };
    ledger.record_inventory(&px6(), &AccountName::from("px"), now.wall, &inventory).unwrap();
    ledger
}

fn intent(b: &Bench, purpose: Why) -> NewIntent {
    let mut request = renewal();
    if purpose != Why::Renewal {
        request.leases.clear();
    }
    NewIntent {
        labels: Vec::new(),
        provider: px6(),
        purpose,
        request,
        policy: "keep".to_owned(),
        quoted: Money::from_cents(360),
        currency: Currency::from("USD"),
        balance_before: Money::from_cents(4_880),
        cycle: 1,
        attempt: 1,
        approval: None,
        at: b.clock.now(),
    }
}

fn fresh(b: &Bench) -> LastLook {
    LastLook::new(Arc::new(|| Ok(()))).priced(&b.clock.now()).read(&b.clock.now())
}

async fn extend(b: &Bench) -> PaymentReply {
    let dir = tempfile::tempdir().unwrap();
    let ledger = ledger(dir.path(), b);
    let id = ledger.reserve(&intent(b, Why::Renewal), &[]).unwrap().unwrap();
    let permit = ledger.start_spend(&id, &b.clock.now()).unwrap().on(fresh(b));
    connect_spender(&px6(), b.connection()).unwrap().extend(permit).await
}

async fn buy(b: &Bench, request: PurchaseRequest) -> PaymentReply {
    let dir = tempfile::tempdir().unwrap();
    let ledger = ledger(dir.path(), b);
    let id = ledger.reserve(&intent(b, Why::Purchase(Box::new(request))), &[]).unwrap().unwrap();
    let permit = ledger.start_purchase(&id, &b.clock.now()).unwrap().on(fresh(b));
    connect_spender(&px6(), b.connection()).unwrap().purchase(permit).await
}

#[tokio::test]
async fn a_renewal_is_one_get_that_nothing_may_keep() {
    for (status, body) in [(200, "{}"), (429, ""), (503, ""), (302, "")] {
        let b = serve(move |_| (status, body.to_owned())).await;
        assert!(matches!(extend(&b).await, PaymentReply::Unknown { .. }));
        let asked = b.asked();
        assert_eq!((asked.len(), asked[0].line.as_str()), (1, "GET /prolong/?period=30&ids=11,15"));
        assert_eq!(asked[0].headers["cache-control"], "no-cache, no-store");
        assert_eq!(b.limiter.1.load(Ordering::SeqCst), 1, "the quote's held token is used");
        assert!(b.limiter.0.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_purchase_is_one_get_with_a_mark_and_never_with_auto_prolong() {
    let b =
        serve(|_| ok(r#"{"status":"yes","count":2,"period":30,"list":{"31":{"id":"31"},"32":{"id":"32"}}}"#))
            .await;
    let accepted =
        PaymentReply::Accepted { balance: None, charged: None, promo: None, order: Some("31".to_owned()) };
    assert_eq!(buy(&b, purchase()).await, accepted);
    let line = "GET /buy/?count=2&period=30&country=us&version=3&descr=renewd-7-1795240800000000000";
    assert_eq!(b.lines(), [line]);
}

#[tokio::test]
async fn the_free_calls_are_spelled_as_the_page_has_them() {
    let b = serve(|line| {
        let more = match line.split(['/', '?']).nth(1) {
            Some("getproxy") => r#","list_count":0,"list":[]"#,
            Some("getprice") => r#","price":3.6,"price_single":1.8,"period":30,"count":2"#,
            Some("getcount") => r#","count":1"#,
            Some("getcountry") => r#","list":["us","DE","x1",5]"#,
            _ => "",
        };
        ok(format!("{{{ENVELOPE}{more}}}"))
    })
    .await;
    assert_eq!(b.reader.balance(Purpose::Routine).await.unwrap().amount.to_string(), "48.80");
    let inventory = b.reader.inventory(Purpose::Money).await.unwrap();
    assert_eq!((inventory.leases.len(), inventory.balance.currency.as_str()), (0, "USD"));
    assert!(inventory.owner.is_some_and(|owner| owner.len() == 64), "a hash of `user_id`");
    assert_eq!(inventory.clock_skew.unwrap().as_secs(), 10);
    assert_eq!(b.reader.quote(&renewal()).await.unwrap().price.to_string(), "3.60");
    let quote = b.reader.quote_purchase(&purchase()).await.unwrap();
    assert_eq!(
        (quote.warnings.len(), quote.warnings[0].short_of_funds),
        (1, false),
        "one in stock, two wanted"
    );
    let catalogue = b.reader.catalogue().await.unwrap();
    let kinds: Vec<&str> = catalogue.offers.iter().map(|o| o.kind.as_str()).collect();
    assert_eq!(
        (kinds, &catalogue.offers[0].countries),
        (vec!["IPv4", "IPv4-shared", "IPv6"], &vec!["de".to_owned(), "us".to_owned()])
    );
    assert_eq!(
        b.lines(),
        [
            "GET ",
            "GET /getproxy/?state=all&page=1&limit=1000",
            "GET /getprice/?count=2&period=30&version=4",
            "GET /getcount/?country=us&version=3",
            "GET /getprice/?count=2&period=30&version=3",
            "GET /getcountry/?version=4",
            "GET /getcountry/?version=3",
            "GET /getcountry/?version=6",
        ]
    );
    let tokens = [1, 1, 2, 3, 1, 1, 1];
    assert_eq!(b.limiter.0.lock().unwrap().iter().map(|(n, _)| *n).collect::<Vec<_>>(), tokens);
}

fn full_page(from: usize, rows: usize) -> String {
    let rows: Vec<String> =
        (from..from + rows).map(|n| format!(r#"{{"id":"{n}","unixtime_end":1798675200}}"#)).collect();
    format!(r#"{{{ENVELOPE},"list_count":{},"list":[{}]}}"#, rows.len(), rows.join(","))
}

#[tokio::test]
async fn pages_are_read_until_one_brings_nothing_new_however_few_rows_a_server_gives() {
    // Behind the last page: an empty one, the last one again, or no such page.
    for (total, most, behind, pages) in [
        (0, 1_000, "empty", 1),
        (999, 1_000, "empty", 2),
        (1_000, 1_000, "empty", 2),
        (2_500, 1_000, "empty", 4),
        (7, 3, "empty", 4),
        (6, 3, "empty", 3),
        (7, 3, "again", 4),
        (7, 3, "none", 4),
        (100, 25, "none", 5),
    ] {
        let b = serve(move |line| {
            let page: usize = line.split("page=").nth(1).unwrap().split('&').next().unwrap().parse().unwrap();
            let from = (page - 1) * most;
            match behind {
                "again" if from >= total => ok(full_page(most * (total / most) + 1, total % most)),
                "none" if from >= total => {
                    ok(r#"{"status":"no","error_id":404,"error":"Error not found"}"#.to_owned())
                }
                _ => ok(full_page(from + 1, most.min(total.saturating_sub(from)))),
            }
        })
        .await;
        let leases = b.reader.inventory(Purpose::Routine).await.unwrap().leases.len();
        assert_eq!((leases, b.lines().len()), (total, pages), "{total} by {most}, then {behind}");
    }
    let b = serve(|_| ok(r#"{"status":"no","error_id":404,"error":"Error not found"}"#.to_owned())).await;
    assert!(b.reader.inventory(Purpose::Routine).await.is_err(), "without a first page nothing is known");
    let b = serve(|_| ok(full_page(1, 1_000))).await;
    let error = b.reader.inventory(Purpose::Routine).await.unwrap_err();
    assert!(matches!(error, ReadError::Unreadable(_)), "a list without an end: {error:?}");
    assert_eq!(b.lines().len(), 2);
}

#[tokio::test]
async fn a_read_is_tried_three_times_and_a_wrong_key_once() {
    for (status, body, tries) in [
        (429, "", 3),
        (503, "", 3),
        (200, r#"{"status":"no","error_id":30,"error":"Error unknown"}"#, 3),
        (200, r#"{"status":"no","error_id":100,"error":"Error key"}"#, 1),
        (200, "<html>", 1),
    ] {
        let b = serve(move |_| (status, body.to_owned())).await;
        assert!(b.reader.balance(Purpose::Routine).await.is_err());
        assert_eq!(b.lines().len(), tries, "{status} {body}");
    }
}

#[tokio::test]
async fn what_has_no_number_or_is_too_much_for_one_call_is_not_asked() {
    let b = serve(|_| ok("{}")).await;
    let unknown = renewd::domain::RenewalRequest { kind: Kind::from("unknown"), ..renewal() };
    assert!(matches!(b.reader.quote(&unknown).await, Err(QuoteError::Refused { code: 0, .. })));
    let mut many = renewal();
    many.leases = (1..=101)
        .map(|n: u32| renewd::domain::RequestLease {
            id: LeaseId::new(n.to_string()),
            ..many.leases[0].clone()
        })
        .collect();
    assert!(matches!(b.reader.quote(&many).await, Err(QuoteError::Refused { code: 0, .. })));
    assert!(b.lines().is_empty());
}

#[tokio::test]
async fn no_change_is_sent_and_what_cannot_be_connected_is_told() {
    let b = serve(|_| ok("{}")).await;
    let dir = tempfile::tempdir().unwrap();
    let ledger = ledger(dir.path(), &b);
    let request = ChangeRequest {
        account: AccountName::from("px"),
        kind: Kind::from("IPv4"),
        order: "11".into(),
        leases: vec![LeaseId::from("11")],
        what: Change::AutoRenewal { on: false, period_days: 30, whole_order: false },
    };
    let permit = ledger.begin_change(&px6(), &request, "test", b.clock.now().wall).unwrap().on(fresh(&b));
    let reply = connect_changer(&px6(), b.connection()).unwrap().change(permit).await;
    assert!(matches!(reply, ChangeReply::Unsupported(_)), "{reply:?}");
    for key in ["", ".", ".."] {
        let odd = || renewd::providers::Connection { api_key: SecretString::from(key), ..b.connection() };
        assert!(matches!(connect(&px6(), odd()).err().unwrap(), ConnectError::Key { .. }), "{key:?}");
        assert!(matches!(connect_spender(&px6(), odd()).err().unwrap(), ConnectError::Key { .. }));
    }
    assert!(b.lines().is_empty() && !KEY.is_empty());
}
