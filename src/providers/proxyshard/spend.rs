//! The money calls of ProxyShard: one HTTP request per permit, whatever comes back.
//!
//! A crash in here leaves the permit's payment in `spend_started`: its outcome is unknown, and evidence settles it. Nothing is ever
//! sent again by this file.
use std::sync::Arc;

use crate::domain::{OrderId, PurchaseRequest, RenewalRequest};
use crate::ledger::{LastLook, PurchasePermit, SpendPermit};
use crate::providers::http::{Failure, MoneyHttp, Reply};
use crate::providers::limiter::Limiter;
use crate::providers::{ConnectError, Connection, PaymentReply, Spender, Words};

use super::site::Site;
use super::{product, reply, wire};

/// Pays for one account.
pub struct ProxyShardSpender {
    http: MoneyHttp,
    site: Site,
    words: Words,
    limiter: Arc<dyn Limiter>,
}

impl ProxyShardSpender {
    /// Builds the client; sends nothing.
    pub fn new(connection: Connection) -> Result<Self, ConnectError> {
        Ok(Self {
            site: Site::new(&connection)?,
            http: MoneyHttp::with_bearer(&connection)?,
            words: connection.words(),
            limiter: connection.limiter,
        })
    }

    /// Private on purpose: [`Spender::extend`] with a permit is the only way in.
    async fn renew(&self, request: &RenewalRequest, look: Option<&LastLook>) -> PaymentReply {
        let order = match only_order(request) {
            Ok(order) => order,
            Err(why) => return PaymentReply::NeverSent(why.to_owned()),
        };
        self.send(&["orders", order.as_str(), "renew"], wire::NOTHING.to_vec(), look, |answer| {
            reply::renewal(order, answer.status, &answer.body, &self.words)
        })
        .await
    }

    /// Private for the same reason: [`Spender::purchase`] is the only way in.
    async fn buy(&self, request: &PurchaseRequest, look: Option<&LastLook>) -> PaymentReply {
        if let Some(problem) = product::problems(request).into_iter().next() {
            return PaymentReply::NeverSent(format!("{} {}", problem.field, problem.message));
        }
        self.send(&["orders", "purchase"], wire::body(&product::body(request)), look, |answer| {
            reply::purchase(answer.status, &answer.body, &self.words)
        })
        .await
    }

    async fn send(
        &self,
        segments: &[&str],
        json: Vec<u8>,
        look: Option<&LastLook>,
        judge: impl Fn(&Reply) -> PaymentReply,
    ) -> PaymentReply {
        let url = self.site.url(segments);
        self.limiter.payment_leaves().await;
        match self.http.pay_once(url, json, look).await {
            Ok(answer) => judge(&answer),
            Err(Failure::NeverSent(what)) => PaymentReply::NeverSent(what),
            Err(Failure::Lost { status, what }) => {
                PaymentReply::Unknown { code: status.map(i64::from), message: what }
            }
        }
    }
}

/// An order is a lease, and one call renews one.
pub fn only_order(request: &RenewalRequest) -> Result<&OrderId, &'static str> {
    match request.leases.as_slice() {
        [one] if wire::is_order_id(one.order.as_str()) => Ok(&one.order),
        [_] => Err("the order's id cannot stand in a URL"),
        [] => Err("the request names no order"),
        _ => Err("orders are renewed one by one, and the request names several"),
    }
}

#[async_trait::async_trait]
impl Spender for ProxyShardSpender {
    async fn extend(&self, permit: SpendPermit) -> PaymentReply {
        self.renew(permit.request(), permit.look()).await
    }

    async fn purchase(&self, permit: PurchasePermit) -> PaymentReply {
        self.buy(permit.request(), permit.look()).await
    }
}

#[cfg(test)]
#[path = "spend_tests.rs"]
mod tests;
