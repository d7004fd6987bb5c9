//! The payment calls of px6: one HTTP request per permit, whatever comes back.
//!
//! They are GETs, which everything on the way believes to be harmless: so they go by the client of payments alone, that follows, repeats,
//! remembers and reuses nothing. A crash in here leaves the permit's payment in `spend_started`: its outcome is unknown, and evidence
//! settles it. Nothing is ever sent again by this file.
use std::sync::Arc;

use crate::domain::{PurchaseRequest, RenewalRequest};
use crate::ledger::{LastLook, PurchasePermit, SpendPermit};
use crate::providers::http::{Failure, MoneyHttp};
use crate::providers::limiter::Limiter;
use crate::providers::{ConnectError, Connection, PaymentReply, Spender, Words};

use super::read::MOST;
use super::site::Site;
use super::{order, reply};

/// Pays for one account.
pub struct Px6Spender {
    http: MoneyHttp,
    site: Site,
    words: Words,
    limiter: Arc<dyn Limiter>,
}

impl Px6Spender {
    /// Builds the client; sends nothing.
    pub fn new(connection: Connection) -> Result<Self, ConnectError> {
        Ok(Self {
            site: Site::new(&connection)?,
            http: MoneyHttp::new(&connection)?,
            words: connection.words(),
            limiter: connection.limiter,
        })
    }

    /// Private on purpose: [`Spender::extend`] with a permit is the only way in.
    async fn renew(&self, request: &RenewalRequest, look: Option<&LastLook>) -> PaymentReply {
        let never = |why: &str| PaymentReply::NeverSent(why.to_owned());
        if request.leases.len() > MOST {
            return never("the payment names more leases than one call takes");
        }
        let Some(ids) = reply::ids(&request.leases) else {
            return never("the payment names no lease, one twice, or one whose id cannot stand in a URL");
        };
        let days = request.period_days.to_string();
        self.once("prolong", &[("period", &days), ("ids", &ids)], look, |status, body| {
            reply::judge(request, status, body, &self.words)
        })
        .await
    }

    /// Private on purpose: [`Spender::purchase`] with a permit is the only way in.
    async fn buy(&self, request: &PurchaseRequest, look: Option<&LastLook>) -> PaymentReply {
        if let Some(problem) = order::problems(request).first() {
            return PaymentReply::NeverSent(format!("{}: {}", problem.field, problem.message));
        }
        // Without a mark of its own nobody could say later what became of it.
        let Some(mark) = request.mark.as_deref().filter(|mark| (1..=50).contains(&mark.chars().count()))
        else {
            return PaymentReply::NeverSent("the purchase has no mark of its own".to_owned());
        };
        let parameters = order::parameters(request, mark);
        let parameters: Vec<(&str, &str)> =
            parameters.iter().map(|(key, value)| (*key, value.as_str())).collect();
        self.once("buy", &parameters, look, |status, body| {
            reply::judge_purchase(request, status, body, &self.words)
        })
        .await
    }

    /// The one request of a permit.
    async fn once(
        &self,
        method: &str,
        parameters: &[(&str, &str)],
        look: Option<&LastLook>,
        judge: impl FnOnce(u16, &[u8]) -> PaymentReply,
    ) -> PaymentReply {
        self.limiter.payment_leaves().await;
        match self.http.pay_once_by_get(self.site.url(method, parameters), look).await {
            Ok(answer) => judge(answer.status, &answer.body),
            Err(Failure::NeverSent(what)) => PaymentReply::NeverSent(what),
            Err(Failure::Lost { status, what }) => {
                PaymentReply::Unknown { code: status.map(i64::from), message: what }
            }
        }
    }
}

#[async_trait::async_trait]
impl Spender for Px6Spender {
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
