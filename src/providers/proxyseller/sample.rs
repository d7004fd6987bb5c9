//! Requests for unit tests: they say only what of one matters to them.
use crate::domain::{
    AccountName, Kind, LeaseId, Method, OrderId, PurchaseAuth, PurchaseRequest, RenewalRequest, RequestLease,
};

/// Two leases of order `o-1`, for a month.
pub(super) fn request(kind: &str) -> RenewalRequest {
    let lease = |n: u8| RequestLease {
        id: LeaseId::new(format!("{kind}:o-1:203.0.113.{n}")),
        order: OrderId::from("o-1"),
        ip: format!("203.0.113.{n}"),
        told: Default::default(),
        port: None,
        expires_at: "2026-12-01T00:00:00Z".parse().unwrap(),
    };
    RenewalRequest {
        account: AccountName::from("seller"),
        kind: Kind::from(kind),
        leases: vec![lease(1), lease(2)],
        period_days: 30,
        cycle: None,
        promo: None,
        method: Method::Leases,
    }
}

/// Two addresses in the USA, for a month.
pub(super) fn order(kind: &str) -> PurchaseRequest {
    let text = |t: &str| Some(t.to_owned());
    PurchaseRequest {
        account: AccountName::from("seller"),
        kind: Kind::from(kind),
        country: text("usa"),
        quantity: 2,
        period_days: Some(30),
        cycle: None,
        promo: None,
        goal: text("shop"),
        auth: Some(PurchaseAuth::Login),
        protocol: None,
        operator: None,
        rotation: None,
        auto_renewal: None,
        addons: Vec::new(),
        mark: None,
    }
}
