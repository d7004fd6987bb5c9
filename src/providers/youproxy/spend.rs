//! The payment calls of YouProxy: one HTTP request per permit, whatever comes back.
//!
//! A crash in here leaves the permit's payment in `spend_started`: its outcome is unknown, and evidence settles it. Nothing is ever
//! sent again by this file.
use std::sync::Arc;

use crate::domain::{Method, PurchaseRequest, RenewalRequest};
use crate::ledger::{LastLook, PurchasePermit, SpendPermit};
use crate::providers::http::{Failure, MoneyHttp};
use crate::providers::limiter::Limiter;
use crate::providers::{ConnectError, Connection, PaymentReply, Spender, Words};

use super::order;
use super::reply;
use super::site::{self, Site};

/// Pays for one account.
pub struct YouProxySpender {
    http: MoneyHttp,
    site: Site,
    words: Words,
    limiter: Arc<dyn Limiter>,
}

impl YouProxySpender {
    /// Builds the client; sends nothing.
    pub fn new(connection: Connection) -> Result<Self, ConnectError> {
        Ok(Self {
            site: Site::new(&connection)?,
            http: MoneyHttp::new(&connection)?,
            words: connection.words(),
            limiter: connection.limiter,
        })
    }

    /// Private on purpose: [`Spender::purchase`] with a permit is the only way in.
    async fn buy(&self, request: &PurchaseRequest, look: Option<&LastLook>) -> PaymentReply {
        let problems = order::problems(request);
        if let Some(problem) = problems.first() {
            return PaymentReply::NeverSent(format!("{}: {}", problem.field, problem.message));
        }
        let json = order::body(request, order::Ask::Purchase);
        self.once("order", json, look, |status, body| {
            reply::judge_purchase(request, status, body, &self.words)
        })
        .await
    }

    /// Private on purpose: [`Spender::extend`] with a permit is the only way in.
    async fn send(&self, request: &RenewalRequest, look: Option<&LastLook>) -> PaymentReply {
        if request.leases.is_empty() {
            return PaymentReply::NeverSent("the payment names no lease".to_owned());
        }
        let call = match request.method {
            Method::Leases => "extend",
            Method::Order => "extend/order",
        };
        let json = site::body(request, request.method, false);
        self.once(call, json, look, |status, body| reply::judge(request, status, body, &self.words)).await
    }

    /// The one request of a permit.
    async fn once(
        &self,
        call: &str,
        json: Vec<u8>,
        look: Option<&LastLook>,
        judge: impl FnOnce(u16, &[u8]) -> PaymentReply,
    ) -> PaymentReply {
        self.limiter.payment_leaves().await;
        match self.http.pay_once(self.site.url(call), json, look).await {
            Ok(answer) => judge(answer.status, &answer.body),
            Err(Failure::NeverSent(what)) => PaymentReply::NeverSent(what),
            Err(Failure::Lost { status, what }) => {
                PaymentReply::Unknown { code: status.map(i64::from), message: what }
            }
        }
    }
}

#[async_trait::async_trait]
impl Spender for YouProxySpender {
    async fn extend(&self, permit: SpendPermit) -> PaymentReply {
        self.send(permit.request(), permit.look()).await
    }

    async fn purchase(&self, permit: PurchasePermit) -> PaymentReply {
        self.buy(permit.request(), permit.look()).await
    }
}

#[cfg(test)]
#[path = "spend_tests.rs"]
mod tests;
