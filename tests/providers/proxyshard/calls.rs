//! Every call that spends or changes, with permits of a real ledger: exactly one request, spelled as the vendor's reference has it.
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use renewd::clock::Clock;
use renewd::domain::{
    AccountName, Balance, Change, ChangeRequest, Currency, Inventory, Kind, Lease, LeaseId, Money, OrderId,
    OrderState, ProviderName, PurchaseRequest,
};
use renewd::ledger::sqlite::{Access, SqliteLedger, open};
use renewd::ledger::{Cycles, Inventories, LastLook, NewIntent, OrderChanges, Payments, Purpose as Why};
use renewd::providers::{
    ChangeReply, ConnectError, PaymentReply, Purpose, connect, connect_changer, connect_spender,
};
use rstest::rstest;
use secrecy::SecretString;

use crate::proxyshard::bench::{Bench, KEY, me, ok, purchase, renewal, serve};

fn shard() -> ProviderName {
    ProviderName::from("proxyshard")
}

fn lease() -> Lease {
    let asked = renewal().leases.remove(0);
    Lease {
        account: AccountName::from("ps"),
        id: asked.id,
        order: asked.order,
        ip: String::new(),
        kind: Kind::from("ISP Proxy"),
        country: None,
        tag: None,
        told: Default::default(),
        port: None,
        expires_at: Some(asked.expires_at),
        provider_renews: Some(false),
        state: OrderState::OnHold,
        held_since: None,
        operator: None,
        started_at: None,
        cycle: Some("monthly".to_owned()),
        price: None,
    }
}

/// A ledger that knows order `o-1` on hold.
fn ledger(dir: &Path, b: &Bench) -> SqliteLedger {
    let ledger = open(dir, Access::Pay).unwrap();
    let now = b.clock.now();
    assert_eq!(ledger.start_cycle(&now).unwrap(), 1);
    let inventory = Inventory {
        leases: Arc::new(vec![lease()].into()),
        balance: Balance { amount: Money::from_cents(10_000), currency: Currency::from("USD") },
        oddities: Vec::new(),
        unreadable: 0,
        clock_skew: None,
        doubt: None,
        owner: None,
    };
    ledger.record_inventory(&shard(), &AccountName::from("ps"), now.wall, &inventory).unwrap();
    ledger
}

fn intent(b: &Bench, purpose: Why) -> NewIntent {
    let mut request = renewal();
    if purpose != Why::Renewal {
        request.leases.clear();
    }
    NewIntent {
        labels: Vec::new(),
        provider: shard(),
        purpose,
        request,
        policy: "keep".to_owned(),
        quoted: Money::from_cents(900),
        currency: Currency::from("USD"),
        balance_before: Money::from_cents(10_000),
        cycle: 1,
        attempt: 1,
        approval: None,
        at: b.clock.now(),
    }
}

/// Its price was asked just now, and nothing stands against it.
fn fresh(b: &Bench) -> LastLook {
    LastLook::new(Arc::new(|| Ok(()))).priced(&b.clock.now()).read(&b.clock.now())
}

async fn extend(b: &Bench) -> PaymentReply {
    let dir = tempfile::tempdir().unwrap();
    let ledger = ledger(dir.path(), b);
    let id = ledger.reserve(&intent(b, Why::Renewal), &[]).unwrap().unwrap();
    let permit = ledger.start_spend(&id, &b.clock.now()).unwrap().on(fresh(b));
    connect_spender(&shard(), b.connection()).unwrap().extend(permit).await
}

async fn buy(b: &Bench, request: PurchaseRequest) -> PaymentReply {
    let dir = tempfile::tempdir().unwrap();
    let ledger = ledger(dir.path(), b);
    let id = ledger.reserve(&intent(b, Why::Purchase(Box::new(request))), &[]).unwrap().unwrap();
    let permit = ledger.start_purchase(&id, &b.clock.now()).unwrap().on(fresh(b));
    connect_spender(&shard(), b.connection()).unwrap().purchase(permit).await
}

async fn change(b: &Bench, what: Change) -> ChangeReply {
    let dir = tempfile::tempdir().unwrap();
    let ledger = ledger(dir.path(), b);
    let request = ChangeRequest {
        account: AccountName::from("ps"),
        kind: Kind::from("ISP Proxy"),
        order: OrderId::from("o-1"),
        leases: vec![LeaseId::from("o-1")],
        what,
    };
    let permit = ledger.begin_change(&shard(), &request, "test", b.clock.now().wall).unwrap().on(fresh(b));
    connect_changer(&shard(), b.connection()).unwrap().change(permit).await
}

/// The one request that arrived, whose headers are as they must be.
fn only(b: &Bench) -> String {
    let asked = b.asked();
    assert_eq!(asked.len(), 1);
    let headers = &asked[0].headers;
    assert_eq!(headers["authorization"], format!("Bearer {KEY}"));
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["content-length"], asked[0].body.len().to_string());
    b.lines().remove(0)
}

#[tokio::test]
async fn a_renewal_is_one_post_with_an_empty_object() {
    let b = serve(|_| ok(r#"{"success":true,"message":"Order renewed"}"#)).await;
    assert_eq!(
        extend(&b).await,
        PaymentReply::Accepted { balance: None, charged: None, promo: None, order: None }
    );
    assert_eq!(only(&b), "POST orders/o-1/renew {}");
    assert_eq!(b.limiter.1.load(Ordering::SeqCst), 1, "the quote's held token is used");
    assert!(b.limiter.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_renewal_that_is_refused_or_lost_is_sent_once_all_the_same() {
    for (status, refused) in
        [(400, true), (401, true), (403, true), (404, true), (409, false), (429, false), (503, false)]
    {
        let b =
            serve(move |_| (status, r#"{"success":false,"message":"Insufficient funds"}"#.to_owned())).await;
        let reply = extend(&b).await;
        assert_eq!(
            matches!(reply, PaymentReply::Refused { code, .. } if code == i64::from(status)),
            refused,
            "{reply:?}"
        );
        assert_eq!(
            matches!(reply, PaymentReply::Unknown { code: Some(code), .. } if code == i64::from(status)),
            !refused
        );
        assert_eq!(only(&b), "POST orders/o-1/renew {}");
    }
}

#[rstest]
#[case::isp(purchase(), r#"{"product":"ISP Proxy","location":"DE","cycle":"monthly","quantity":2,"promo_code":"SAVE10","auto_renewal":false,"addons":[{"addon_key":"p0f","qty":1}]}"#)]
#[case::datacenter(PurchaseRequest { kind: "Datacenter Proxy".into(), auto_renewal: None, promo: None, addons: vec![], ..purchase() }, r#"{"product":"Datacenter Proxy","location":"DE","cycle":"monthly","quantity":2}"#)]
#[case::by_traffic(PurchaseRequest { kind: "Standart Residential Proxy".into(), country: None, cycle: None, auto_renewal: None, promo: None, addons: vec![], ..purchase() }, r#"{"product":"Standart Residential Proxy","quantity":2}"#)]
#[case::unmetered(PurchaseRequest { kind: "Unmetered Residential proxy".into(), country: None, auto_renewal: None, promo: None, addons: vec![], ..purchase() }, r#"{"product":"Unmetered Residential proxy","cycle":"monthly","quantity":2}"#)]
#[case::another(PurchaseRequest { kind: "Mobile Proxy".into(), auto_renewal: None, promo: None, addons: vec![], ..purchase() }, r#"{"product":"Mobile Proxy","location":"DE","cycle":"monthly","quantity":2}"#)]
#[tokio::test]
async fn each_of_the_five_purchases_is_one_post(#[case] request: PurchaseRequest, #[case] body: &str) {
    let b = serve(|_| ok(r#"{"success":true,"message":"ok","order_id":"new-1"}"#)).await;
    let reply = buy(&b, request).await;
    assert_eq!(
        reply,
        PaymentReply::Accepted { balance: None, charged: None, promo: None, order: Some("new-1".to_owned()) }
    );
    assert_eq!(only(&b), format!("POST orders/purchase {body}"));
}

fn auto(on: bool) -> Change {
    Change::AutoRenewal { on, period_days: 30, whole_order: true }
}

#[rstest]
#[case::on(auto(true), "POST orders/edit-auto-renewal/o-1?auto_renewal=true {}")]
#[case::off(auto(false), "POST orders/edit-auto-renewal/o-1?auto_renewal=false {}")]
#[case::cycle(Change::Cycle("quarterly".to_owned()), r#"POST orders/change-billing-cycle/o-1 {"cycle":"quarterly"}"#)]
#[case::tag(Change::Tag(Some("prod".to_owned())), r#"POST orders/o-1/tag {"tag":"prod"}"#)]
#[case::no_tag(Change::Tag(None), r#"POST orders/o-1/tag {"tag":"none"}"#)]
#[tokio::test]
async fn each_change_is_one_post(#[case] what: Change, #[case] line: &str) {
    let b = serve(|_| ok(r#"{"success":true,"message":"done","order_id":"o-1"}"#)).await;
    let reply = change(&b, what.clone()).await;
    assert_eq!(reply, ChangeReply::Done { message: Some("done".to_owned()), price: None });
    assert_eq!(only(&b), line);
    assert_eq!(*b.limiter.0.lock().unwrap(), [(1, Purpose::Money)]);
    for status in [500, 429] {
        let b = serve(move |_| (status, String::new())).await;
        assert!(matches!(change(&b, what.clone()).await, ChangeReply::Unknown { .. }));
        assert_eq!(only(&b), line, "a change is never repeated");
    }
}

#[tokio::test]
async fn the_free_calls_are_spelled_as_the_reference_has_them() {
    let b = serve(|asked| match asked.path.as_str() {
        "proxies/products" => ok(include_str!("../../replies/proxyshard/products.json")),
        "proxies/available-count" => ok(include_str!("../../replies/proxyshard/available_count.json")),
        _ => me(1234, 0),
    })
    .await;
    assert_eq!(b.reader.balance(Purpose::Routine).await.unwrap().amount.to_string(), "12.34");
    let catalogue = b.reader.catalogue().await.unwrap();
    assert_eq!(
        (catalogue.offers.len(), catalogue.offers[0].stock[0].amount, catalogue.promos.len()),
        (3, 120, 0)
    );
    assert_eq!(b.lines(), ["GET me", "GET proxies/products", "GET proxies/available-count"]);
}

#[tokio::test]
async fn a_catalogue_without_stock_is_still_one_and_without_products_none() {
    let b = serve(|asked| match asked.path.as_str() {
        "proxies/products" => ok(include_str!("../../replies/proxyshard/products.json")),
        _ => (500, String::new()),
    })
    .await;
    let catalogue = b.reader.catalogue().await.unwrap();
    assert!(catalogue.offers.len() == 3 && catalogue.offers.iter().all(|o| o.stock.is_empty()));
    let b = serve(|_| ok(r#"{"success":true,"products":{}}"#)).await;
    assert!(b.reader.catalogue().await.is_err());
}

#[tokio::test]
async fn what_cannot_be_connected_is_told_before_anything_is_sent() {
    let b = serve(|_| ok("{}")).await;
    let no_base = renewd::providers::Connection { base_url: "mailto:a@b".parse().unwrap(), ..b.connection() };
    assert!(matches!(connect(&shard(), no_base).err().unwrap(), ConnectError::BaseUrl { .. }));
    for key in ["", " ", "a\nb", "schlüssel\u{7f}"] {
        let odd = || renewd::providers::Connection { api_key: SecretString::from(key), ..b.connection() };
        assert!(matches!(connect(&shard(), odd()).err().unwrap(), ConnectError::KeyText { .. }), "{key:?}");
        assert!(matches!(connect_spender(&shard(), odd()).err().unwrap(), ConnectError::KeyText { .. }));
        assert!(matches!(connect_changer(&shard(), odd()).err().unwrap(), ConnectError::KeyText { .. }));
    }
    let other = connect(&ProviderName::from("px"), b.connection()).err().unwrap().to_string();
    assert!(
        ["`youproxy`", "`proxyshard`", "`proxyseller`", "`px6`"].iter().all(|name| other.contains(name)),
        "{other}"
    );
    let reader: Arc<dyn renewd::providers::Reader> = connect(&shard(), b.connection()).unwrap();
    assert!(reader.capabilities().sells_cycles);
}
