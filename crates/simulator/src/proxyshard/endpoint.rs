//! The calls that ProxyShard's page describes, as names. Not responsible for what they do.
use crate::site::Kind;

/// One call of the user API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// `GET /health`.
    Health,
    /// `GET /health/live`.
    HealthLive,
    /// `GET /user/api/me`.
    Me,
    /// `GET /user/api/orders?status=&offset=&limit=`.
    Orders,
    /// `GET /user/api/orders/{id}`.
    Order,
    /// `POST /user/api/orders/{id}/renew`.
    Renew,
    /// `POST /user/api/orders/edit-auto-renewal/{id}?auto_renewal=`.
    AutoRenewal,
    /// `POST /user/api/orders/change-billing-cycle/{id}`. It charges only under [`super::CycleChange::AtOnce`], so faults
    /// that are aimed at money leave it alone.
    BillingCycle,
    /// `POST /user/api/orders/{id}/tag`.
    Tag,
    /// `GET /user/api/orders/calculate`.
    Calculate,
    /// `POST /user/api/orders/purchase`.
    Purchase,
    /// `GET /user/api/proxies/products`.
    Products,
    /// `GET /user/api/proxies/available-count`.
    AvailableCount,
    /// `GET /user/api/proxies/active?order_id=`.
    ActiveProxies,
}

impl Endpoint {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Health,
        Self::HealthLive,
        Self::Me,
        Self::Orders,
        Self::Order,
        Self::Renew,
        Self::AutoRenewal,
        Self::BillingCycle,
        Self::Tag,
        Self::Calculate,
        Self::Purchase,
        Self::Products,
        Self::AvailableCount,
        Self::ActiveProxies,
    ];

    /// Its whole path, an order's id as `{id}`.
    #[must_use]
    pub fn template(self) -> &'static str {
        match self {
            Self::Health => "/health",
            Self::HealthLive => "/health/live",
            Self::Me => "/user/api/me",
            Self::Orders => "/user/api/orders",
            Self::Order => "/user/api/orders/{id}",
            Self::Renew => "/user/api/orders/{id}/renew",
            Self::AutoRenewal => "/user/api/orders/edit-auto-renewal/{id}",
            Self::BillingCycle => "/user/api/orders/change-billing-cycle/{id}",
            Self::Tag => "/user/api/orders/{id}/tag",
            Self::Calculate => "/user/api/orders/calculate",
            Self::Purchase => "/user/api/orders/purchase",
            Self::Products => "/user/api/proxies/products",
            Self::AvailableCount => "/user/api/proxies/available-count",
            Self::ActiveProxies => "/user/api/proxies/active",
        }
    }

    /// `GET` or `POST`.
    #[must_use]
    pub fn method(self) -> &'static str {
        match self {
            Self::Renew | Self::AutoRenewal | Self::BillingCycle | Self::Tag | Self::Purchase => "POST",
            _ => "GET",
        }
    }

    /// It needs no key.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Health | Self::HealthLive)
    }

    /// The call with this method and path, and the order that the path names. A path that some call has under another
    /// method is `Err(true)`, any other `Err(false)`.
    pub(super) fn find(method: &str, path: &str) -> Result<(Self, Option<String>), bool> {
        let mut known = false;
        for call in Self::ALL {
            let Some(subject) = fits(call.template(), path) else { continue };
            if call.method() == method {
                return Ok((call, subject));
            }
            known = true;
        }
        Err(known)
    }
}

impl Kind for Endpoint {
    fn is_money(self) -> bool {
        matches!(self, Self::Renew | Self::Purchase)
    }

    fn is_quote(self) -> bool {
        self == Self::Calculate
    }

    fn is_read(self) -> bool {
        self.method() == "GET" && !self.is_quote()
    }
}

/// Words that are calls, not orders.
const RESERVED: [&str; 4] = ["calculate", "purchase", "edit-auto-renewal", "change-billing-cycle"];

fn fits(template: &str, path: &str) -> Option<Option<String>> {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    let mut subject = None;
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(subject),
            (Some("{id}"), Some(id)) if !id.is_empty() && !RESERVED.contains(&id) => {
                subject = Some(id.to_owned());
            }
            (Some(one), Some(other)) if one == other => {}
            _ => return None,
        }
    }
}

pub(super) type Call = crate::site::Call<Endpoint>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_is_found_by_its_own_path_and_by_no_other() {
        for call in Endpoint::ALL {
            let path = call.template().replace("{id}", "7");
            let (found, subject) = Endpoint::find(call.method(), &path).unwrap();
            assert_eq!((found, subject.is_some()), (call, call.template().contains("{id}")));
            let other = if call.method() == "GET" { "POST" } else { "GET" };
            assert_eq!(Endpoint::find(other, &path), Err(true), "{call:?}");
            assert_eq!(Endpoint::find(call.method(), &format!("{path}/")), Err(false), "{call:?}");
        }
    }
}
