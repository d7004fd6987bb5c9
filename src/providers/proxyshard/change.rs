//! Changes of ProxyShard orders: auto-renewal, billing cycle, tag. One HTTP request per permit.
//!
//! A crash in here leaves the permit's row without an outcome: the next reading shows what became of the change. Auto-renewal that
//! was switched on lets the provider charge.
use std::sync::Arc;

use url::Url;

use crate::domain::{Change, ChangeRequest};
use crate::ledger::{ChangePermit, LastLook};
use crate::providers::http::{Failure, MoneyHttp};
use crate::providers::limiter::Limiter;
use crate::providers::{ChangeReply, Changer, ConnectError, Connection, Purpose, Words};

use super::site::Site;
use super::wire::{self, CycleBody, TagBody};
use super::{product, reply};

/// Takes a tag away. The server knows it as a literal.
const NO_TAG: &str = "none";

/// Changes orders of one account.
pub struct ProxyShardChanger {
    http: MoneyHttp,
    site: Site,
    words: Words,
    limiter: Arc<dyn Limiter>,
}

impl ProxyShardChanger {
    /// Builds the client; sends nothing.
    pub fn new(connection: Connection) -> Result<Self, ConnectError> {
        Ok(Self {
            site: Site::new(&connection)?,
            http: MoneyHttp::with_bearer(&connection)?,
            words: connection.words(),
            limiter: connection.limiter,
        })
    }

    /// Private on purpose: [`Changer::change`] with a permit is the only way in.
    async fn send(&self, request: &ChangeRequest, look: Option<&LastLook>) -> ChangeReply {
        if !wire::is_order_id(request.order.as_str()) {
            return ChangeReply::NeverSent("the order's id cannot stand in a URL".to_owned());
        }
        if let Some(why) = product::cannot_change(request.kind.as_str(), &request.what) {
            return ChangeReply::Unsupported(why);
        }
        let (url, json) = self.question(request);
        self.limiter.acquire(1, Purpose::Money).await;
        let sent = match request.what.leads_to_money() {
            true => self.http.pay_once(url, json, look).await,
            false => self.http.post_once(url, json).await,
        };
        match sent {
            Ok(answer) => reply::change(request, answer.status, &answer.body, &self.words),
            Err(Failure::NeverSent(what)) => ChangeReply::NeverSent(what),
            Err(Failure::Lost { status, what }) => {
                ChangeReply::Unknown { code: status.map(i64::from), message: what }
            }
        }
    }

    /// The flag of auto-renewal stands in the query, of a POST.
    fn question(&self, request: &ChangeRequest) -> (Url, Vec<u8>) {
        let order = request.order.as_str();
        match &request.what {
            Change::AutoRenewal { on, .. } => {
                let flag = if *on { "true" } else { "false" };
                let path = ["orders", "edit-auto-renewal", order];
                (self.site.query(&path, &[("auto_renewal", Some(flag))]), wire::NOTHING.to_vec())
            }
            Change::Cycle(cycle) => {
                let url = self.site.url(&["orders", "change-billing-cycle", order]);
                (url, wire::body(&CycleBody { cycle }))
            }
            Change::Tag(tag) => {
                let tag = tag.as_deref().unwrap_or(NO_TAG);
                (self.site.url(&["orders", order, "tag"]), wire::body(&TagBody { tag }))
            }
        }
    }
}

#[async_trait::async_trait]
impl Changer for ProxyShardChanger {
    async fn change(&self, permit: ChangePermit) -> ChangeReply {
        self.send(permit.request(), permit.look()).await
    }
}

#[cfg(test)]
#[path = "change_tests.rs"]
mod tests;
