//! A payment on a bad line: how many requests reach the socket, and what is made of it.
use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use super::*;
use crate::clock::{Clock, SystemClock};
use crate::domain::{AccountName, Kind, LeaseId, Method, RequestLease};
use crate::providers::proxyshard::bad_line::{
    Answer, KEY, LOST, assert_told, connection, nowhere, run, server,
};

fn spender(address: SocketAddr) -> ProxyShardSpender {
    ProxyShardSpender::new(connection(address)).unwrap()
}

/// Its price was asked just now, and nothing stands against it.
fn fresh() -> LastLook {
    let now = SystemClock::new().now();
    LastLook::new(Arc::new(|| Ok(()))).priced(&now).read(&now).started(&now)
}

fn request() -> RenewalRequest {
    RenewalRequest {
        account: AccountName::from("ps"),
        kind: Kind::from("ISP Proxy"),
        leases: vec![RequestLease {
            id: LeaseId::from("o-1"),
            order: OrderId::from("o-1"),
            ip: String::new(),
            told: Default::default(),
            port: None,
            expires_at: "2026-12-01T00:00:00Z".parse().unwrap(),
        }],
        period_days: 30,
        cycle: Some("monthly".to_owned()),
        promo: None,
        method: Method::Leases,
    }
}

fn purchase() -> PurchaseRequest {
    PurchaseRequest {
        account: AccountName::from("ps"),
        kind: Kind::from("Premium Residential Proxy"),
        country: None,
        quantity: 5,
        period_days: None,
        cycle: None,
        promo: None,
        goal: None,
        auth: None,
        protocol: None,
        operator: None,
        rotation: None,
        auto_renewal: None,
        addons: Vec::new(),
        mark: None,
    }
}

#[test]
fn a_payment_on_a_bad_line_is_sent_once_and_is_unknown() {
    for (why, answer, status) in LOST {
        let (address, count) = server(answer);
        for reply in [
            run(spender(address).renew(&request(), Some(&fresh()))),
            run(spender(address).buy(&purchase(), Some(&fresh()))),
        ] {
            let PaymentReply::Unknown { code, message } = reply else { panic!("{why}: {reply:?}") };
            assert_told(why, code, status, &message);
        }
        assert_eq!(count.load(Ordering::SeqCst), 2, "{why}");
    }
}

#[test]
fn a_connection_that_is_refused_was_never_sent() {
    let address = nowhere();
    for reply in [
        run(spender(address).renew(&request(), Some(&fresh()))),
        run(spender(address).buy(&purchase(), Some(&fresh()))),
    ] {
        let PaymentReply::NeverSent(what) = reply else { panic!("{reply:?}") };
        assert!(what.contains("refused") && !what.contains(KEY), "{what}");
    }
}

#[test]
fn a_good_answer_is_accepted_and_every_payment_has_a_connection_of_its_own() {
    const GOOD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
        Content-Length: 16\r\n\r\n{\"success\":true}";
    let (address, count) = server(Answer::Says(GOOD));
    let spender = spender(address);
    run(async {
        for _ in 0..2 {
            let reply = spender.renew(&request(), Some(&fresh())).await;
            assert!(matches!(reply, PaymentReply::Accepted { balance: None, order: None, .. }), "{reply:?}");
        }
    });
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[test]
fn what_is_not_exactly_one_order_or_no_whole_purchase_is_never_sent() {
    let (address, count) = server(Answer::Nothing);
    let spender = spender(address);
    let one = request().leases[0].clone();
    let named = |order: &str| RequestLease { order: OrderId::from(order), ..one.clone() };
    for leases in [vec![], vec![one.clone(), one.clone()], vec![named("..")], vec![named("")]] {
        let reply = run(spender.renew(&RenewalRequest { leases, ..request() }, Some(&fresh())));
        assert!(matches!(reply, PaymentReply::NeverSent(_)), "{reply:?}");
    }
    let reply = run(spender.buy(&PurchaseRequest { quantity: 0, ..purchase() }, Some(&fresh())));
    assert!(matches!(reply, PaymentReply::NeverSent(_)), "{reply:?}");
    assert_eq!(count.load(Ordering::SeqCst), 0);
}
