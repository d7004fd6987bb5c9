//! Changing orders: the provider's own auto-renewal, by lease or by whole order. There is nothing else to change here.
//!
//! A change is sent once, like a payment: switched on, it lets the provider charge. A crash leaves its row without an answer,
//! and the next reading shows the flag. Source: client API pages, `extend/auto` and `extend/order/auto`.
use std::sync::Arc;

use crate::domain::{Change, ChangeRequest};
use crate::ledger::{ChangePermit, LastLook};
use crate::providers::http::{Failure, MoneyHttp};
use crate::providers::limiter::Limiter;
use crate::providers::{ChangeReply, Changer, ConnectError, Connection, Purpose, Words};

use super::reply::{self, Odd};
use super::site::Site;
use super::wire::{self, AutoBody, Targets};

/// Changes orders of one account.
pub struct YouProxyChanger {
    http: MoneyHttp,
    site: Site,
    words: Words,
    limiter: Arc<dyn Limiter>,
}

/// Auto-renewal of a request, as far as the wire needs it.
struct Auto<'a> {
    request: &'a ChangeRequest,
    on: bool,
    days: u32,
    whole_order: bool,
}

impl YouProxyChanger {
    /// Builds the client; sends nothing.
    pub fn new(connection: Connection) -> Result<Self, ConnectError> {
        Ok(Self {
            site: Site::new(&connection)?,
            http: MoneyHttp::new(&connection)?,
            words: connection.words(),
            limiter: connection.limiter,
        })
    }

    /// Private on purpose: [`Changer::change`] with a permit is the only way in.
    async fn send(&self, request: &ChangeRequest, look: Option<&LastLook>) -> ChangeReply {
        let auto = match &request.what {
            Change::AutoRenewal { on, period_days, whole_order } => {
                Auto { request, on: *on, days: *period_days, whole_order: *whole_order }
            }
            Change::Cycle(_) => {
                return ChangeReply::Unsupported("this provider sells days, not billing cycles".to_owned());
            }
            Change::Tag(_) => return ChangeReply::Unsupported("this provider has no tags".to_owned()),
        };
        if !auto.whole_order && request.leases.is_empty() {
            return ChangeReply::NeverSent("the change names no lease".to_owned());
        }
        let call = if auto.whole_order { "extend/order/auto" } else { "extend/auto" };
        self.limiter.acquire(1, Purpose::Money).await;
        let url = self.site.url(call);
        let sent = match request.what.leads_to_money() {
            true => self.http.pay_once(url, auto.body(), look).await,
            false => self.http.post_once(url, auto.body()).await,
        };
        match sent {
            Ok(answer) => judge(&auto, answer.status, &answer.body, &self.words),
            Err(Failure::NeverSent(what)) => ChangeReply::NeverSent(what),
            Err(Failure::Lost { status, what }) => {
                ChangeReply::Unknown { code: status.map(i64::from), message: what }
            }
        }
    }
}

impl Auto<'_> {
    fn ids(&self) -> Vec<&str> {
        if self.whole_order {
            return vec![self.request.order.as_str()];
        }
        self.request.leases.iter().map(|lease| lease.as_str()).collect()
    }

    fn body(&self) -> Vec<u8> {
        let body = AutoBody {
            proxy_type: &wire::kind(self.request.kind.as_str()),
            targets: if self.whole_order { Targets::Orders(self.ids()) } else { Targets::Leases(self.ids()) },
            rent_period_days: self.days,
            auto_extend: self.on,
        };
        serde_json::to_vec(&body).expect("texts and numbers always make JSON")
    }
}

/// What an answer says of a change: done only where it echoes exactly the asked ids.
fn judge(auto: &Auto<'_>, status: u16, body: &[u8], words: &Words) -> ChangeReply {
    let done = reply::opened(status, body, words).and_then(|(success, answer)| {
        if !success {
            let (code, message) = reply::refusal(&answer, words)?;
            return Ok(ChangeReply::Refused { code, message });
        }
        reply::unspoilt(&answer, words)?;
        echoed(auto, &answer)?;
        Ok(ChangeReply::Done { message: None, price: None })
    });
    done.unwrap_or_else(|(code, message)| ChangeReply::Unknown { code, message })
}

fn echoed(auto: &Auto<'_>, answer: &wire::Object<'_>) -> Result<(), Odd> {
    let odd = |what: &str| Err((None, format!("success, but {what}")));
    let key = if auto.whole_order { "orderIds" } else { "ipAddressIds" };
    let Some(told) = answer.get(key).and_then(reply::strings) else {
        return odd(&format!("`{key}` is not a list of texts"));
    };
    let (mut asked, mut told): (Vec<&str>, Vec<&str>) =
        (auto.ids(), told.iter().map(AsRef::as_ref).collect());
    asked.sort_unstable();
    told.sort_unstable();
    if told != asked {
        return odd(&format!("`{key}` is not what was asked for"));
    }
    if answer.get("proxyType").is_some() && !reply::same_kind(answer, &auto.request.kind) {
        return odd("`proxyType` is not the one asked for");
    }
    if answer.get("autoExtend").is_some_and(|raw| wire::flag(raw) != Some(auto.on)) {
        return odd("`autoExtend` is not what was asked for");
    }
    Ok(())
}

#[async_trait::async_trait]
impl Changer for YouProxyChanger {
    async fn change(&self, permit: ChangePermit) -> ChangeReply {
        self.send(permit.request(), permit.look()).await
    }
}

#[cfg(test)]
#[path = "change_tests.rs"]
mod tests;
