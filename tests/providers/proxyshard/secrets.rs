//! The key appears in no error, no inventory and no log line, also where the provider repeats it.
use renewd::domain::{Change, ChangeRequest, LeaseId, OrderId};
use renewd::providers::Purpose;
use renewd::providers::Words;
use renewd::providers::proxyshard::reply;
use renewd::redact::Redactor;
use secrecy::SecretString;

use crate::log::logged;
use crate::proxyshard::bench::{KEY, ok, purchase, renewal, serve};

/// Answers that repeat the key in every place that is kept.
fn parrot(path: &str) -> Vec<(u16, String)> {
    let order = format!(
        r#"{{"order_id":"o-1","product_name":"p {KEY}","cycle_name":"c {KEY}","tag":"t {KEY}","location":"l {KEY}","status":"s {KEY}","price_paid":900,"expires_at":"{KEY}"}}"#
    );
    let own = match path {
        "me" => r#"{"wallet_balance":100,"active_orders":1}"#.to_owned(),
        "orders" => format!(r#"{{"success":true,"orders":[{order}]}}"#),
        "proxies/products" => format!(
            r#"{{"success":true,"products":[{{"name":"n {KEY}","location":"{KEY}","cycles":["{KEY}"]}}]}}"#
        ),
        "proxies/available-count" => format!(r#"[{{"country":"{KEY}","product":"{KEY}","amount":1}}]"#),
        "orders/calculate" => r#"{"final_price":100}"#.to_owned(),
        _ => format!(r#"{{"success":true,"order":{order}}}"#),
    };
    let refusal = format!(r#"{{"success":false,"message":"bad token {KEY}"}}"#);
    vec![
        (200, own),
        (200, refusal.clone()),
        (400, refusal.clone()),
        (401, refusal.clone()),
        (404, refusal),
        (500, format!("<html>{KEY}")),
        (200, format!(r#"{{"{KEY}":1,"{KEY}":2}}"#)),
        (200, KEY.to_owned()),
    ]
}

#[test]
fn the_key_is_in_no_error_and_no_log() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let log = logged(|| {
        for n in 0..8 {
            let shown = runtime.block_on(async move {
                let b = serve(move |asked| match asked.param("offset") {
                    Some(offset) if offset != "0" => ok(r#"{"success":true,"orders":[]}"#),
                    _ => parrot(&asked.path)[n].clone(),
                })
                .await;
                let r = &b.reader;
                let change = ChangeRequest {
                    account: "ps".into(),
                    kind: "ISP Proxy".into(),
                    order: OrderId::from("o-1"),
                    leases: vec![LeaseId::from("o-1")],
                    what: Change::Cycle("monthly".to_owned()),
                };
                format!(
                    "{:?} {:?} {:?} {:?} {:?} {:?}",
                    r.inventory(Purpose::Routine).await,
                    r.balance(Purpose::Routine).await,
                    r.quote(&renewal()).await,
                    r.quote_purchase(&purchase()).await,
                    r.quote_cycle(&change, "monthly").await,
                    r.catalogue().await,
                )
            });
            assert!(!shown.contains(KEY), "{n}: {shown}");
        }
    });
    assert!(log.contains("a call to the provider failed"), "the log was not caught");
    assert!(!log.contains(KEY), "the key is in the log");
}

#[test]
fn the_key_is_in_no_verdict() {
    let words = Words::new(Redactor::default(), &SecretString::from(KEY));
    for path in ["me", "orders/o-1"] {
        for (status, body) in parrot(path) {
            let shown = format!(
                "{:?} {:?}",
                reply::renewal(&OrderId::from("o-1"), status, body.as_bytes(), &words),
                reply::purchase(status, body.as_bytes(), &words)
            );
            assert!(!shown.contains(KEY), "{shown}");
        }
    }
}
