//! A change on a bad line, and changes that are not sent at all.
use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use super::*;
use crate::domain::{AccountName, Kind, LeaseId, OrderId};
use crate::providers::proxyshard::bad_line::{Answer, LOST, assert_told, connection, nowhere, run, server};

fn changer(address: SocketAddr) -> ProxyShardChanger {
    ProxyShardChanger::new(connection(address)).unwrap()
}

fn off() -> ChangeRequest {
    ChangeRequest {
        account: AccountName::from("ps"),
        kind: Kind::from("ISP Proxy"),
        order: OrderId::from("o-1"),
        leases: vec![LeaseId::from("o-1")],
        what: Change::AutoRenewal { on: false, period_days: 30, whole_order: true },
    }
}

#[test]
fn a_change_on_a_bad_line_is_sent_once_and_is_unknown() {
    for (why, answer, status) in LOST {
        let (address, count) = server(answer);
        let reply = run(changer(address).send(&off(), None));
        let ChangeReply::Unknown { code, message } = reply else { panic!("{why}: {reply:?}") };
        assert_told(why, code, status, &message);
        assert_eq!(count.load(Ordering::SeqCst), 1, "{why}");
    }
}

#[test]
fn a_change_without_a_connection_was_never_sent() {
    let reply = run(changer(nowhere()).send(&off(), None));
    assert!(matches!(reply, ChangeReply::NeverSent(_)), "{reply:?}");
}

#[test]
fn what_a_product_does_not_have_is_not_asked_of_the_provider() {
    let (address, count) = server(Answer::Nothing);
    let residential = ChangeRequest { kind: Kind::from("Premium Residential Proxy"), ..off() };
    assert!(matches!(run(changer(address).send(&residential, None)), ChangeReply::Unsupported(_)));
    let dots = ChangeRequest { order: OrderId::from(".."), ..off() };
    assert!(matches!(run(changer(address).send(&dots, None)), ChangeReply::NeverSent(_)));
    assert_eq!(count.load(Ordering::SeqCst), 0);
}
