//! A lease for unit tests: they say only what of it matters to them.
use super::{Lease, OrderState};

/// `L1` of order `O1` at account `yp`: an active IPv4 lease of which nothing else is told.
pub fn lease() -> Lease {
    Lease {
        account: "yp".into(),
        id: "L1".into(),
        order: "O1".into(),
        ip: String::new(),
        port: None,
        kind: "IPv4".into(),
        country: None,
        tag: None,
        operator: None,
        started_at: None,
        expires_at: None,
        told: Default::default(),
        provider_renews: None,
        state: OrderState::Active,
        held_since: None,
        cycle: None,
        price: None,
    }
}
