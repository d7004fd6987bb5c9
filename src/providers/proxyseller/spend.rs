//! The payment calls of Proxy-Seller: one HTTP request per permit, whatever comes back, two seconds after the one before.
//!
//! A crash in here leaves the permit's payment in `spend_started`: its outcome is unknown, and evidence settles it. Nothing is ever
//! sent again by this file. The connection is a fresh one each time: the provider's own SDK once made two orders by one call, because a
//! connection that was used again let its HTTP library send the request again.
use std::sync::Arc;

use crate::domain::{PurchaseRequest, RenewalRequest};
use crate::ledger::{LastLook, PurchasePermit, SpendPermit};
use crate::providers::http::{Failure, MoneyHttp};
use crate::providers::limiter::Limiter;
use crate::providers::{ConnectError, Connection, PaymentReply, Spender, Words};

use super::order;
use super::pace::{PAYMENTS, Pace};
use super::reply;
use super::site::Site;
use super::wire::{self, BALANCE, ProlongBody, Targets, Type};

/// Pays for one account.
pub struct SellerSpender {
    http: MoneyHttp,
    site: Site,
    words: Words,
    limiter: Arc<dyn Limiter>,
    pace: Pace,
}

/// The call and the body that ask for the price or the payment of `request`, whose leases the provider calls `names` now.
///
/// # Errors
/// Why nothing can be asked.
pub fn prolong(what: &str, request: &RenewalRequest, names: &[String]) -> Result<(String, Vec<u8>), String> {
    if request.leases.is_empty() {
        return Err("the payment names no lease".to_owned());
    }
    let of = Type::of(&request.kind)
        .ok_or_else(|| format!("`{}` is not a type that this provider renews", request.kind))?;
    let targets = if of.whole_orders {
        let mut orders: Vec<&str> = request.leases.iter().map(|lease| lease.order.as_str()).collect();
        orders.sort_unstable();
        orders.dedup();
        Targets::Orders(orders)
    } else if names.len() == request.leases.len() {
        Targets::Ids(names.iter().map(String::as_str).collect())
    } else {
        return Err(
            "the provider's present ids of these leases are not known: they change with each renewal"
                .to_owned(),
        );
    };
    let body = ProlongBody {
        targets,
        period_id: Some(wire::period(request.period_days)),
        payment_id: Some(BALANCE),
        coupon: request.promo.as_deref(),
    };
    Ok((format!("prolong/{what}/{}", of.path), body.json()))
}

impl SellerSpender {
    /// Builds the client; sends nothing.
    pub fn new(connection: Connection) -> Result<Self, ConnectError> {
        Ok(Self {
            site: Site::new(&connection)?,
            http: MoneyHttp::new(&connection)?,
            words: connection.words(),
            pace: Pace::new(PAYMENTS, Arc::clone(&connection.clock)),
            limiter: connection.limiter,
        })
    }

    /// Private on purpose: [`Spender::purchase`] with a permit is the only way in.
    async fn buy(&self, request: &PurchaseRequest, look: Option<&LastLook>) -> PaymentReply {
        if let Some(problem) = order::problems(request).first() {
            return PaymentReply::NeverSent(format!("{}: {}", problem.field, problem.message));
        }
        let (call, json) = order::ask("make", request);
        self.once(&call, json, look, |status, body| reply::judge_purchase(status, body, &self.words)).await
    }

    /// Private on purpose: [`Spender::extend`] with a permit is the only way in.
    async fn send(
        &self,
        request: &RenewalRequest,
        names: &[String],
        look: Option<&LastLook>,
    ) -> PaymentReply {
        match prolong("make", request, names) {
            Ok((call, json)) => {
                self.once(&call, json, look, |status, body| reply::judge(status, body, &self.words)).await
            }
            Err(why) => PaymentReply::NeverSent(why),
        }
    }

    /// The one request of a permit.
    async fn once(
        &self,
        call: &str,
        json: Vec<u8>,
        look: Option<&LastLook>,
        judge: impl FnOnce(u16, &[u8]) -> PaymentReply,
    ) -> PaymentReply {
        let turn = self.pace.turn().await;
        self.limiter.payment_leaves().await;
        let sent = self.http.pay_once(self.site.url(call), json, look).await;
        turn.over();
        match sent {
            Ok(answer) => judge(answer.status, &answer.body),
            Err(Failure::NeverSent(what)) => PaymentReply::NeverSent(what),
            Err(Failure::Lost { status, what }) => {
                PaymentReply::Unknown { code: status.map(i64::from), message: what }
            }
        }
    }
}

#[async_trait::async_trait]
impl Spender for SellerSpender {
    async fn extend(&self, permit: SpendPermit) -> PaymentReply {
        self.send(permit.request(), permit.names(), permit.look()).await
    }

    async fn purchase(&self, permit: PurchasePermit) -> PaymentReply {
        self.buy(permit.request(), permit.look()).await
    }
}

#[cfg(test)]
#[path = "spend_tests.rs"]
mod tests;
