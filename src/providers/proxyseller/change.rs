//! Changing orders: the provider's own auto-renewal, by lease or by whole order. There is nothing else to change here.
//!
//! A change is sent once, like a payment: switched on, it lets the provider charge. Where leases are switched singly, the list is read
//! first: the provider's ids change. A crash leaves its row without an answer, and the next reading shows the flag. Source: API v2
//! pages, "Autoextend proxies".
use std::sync::Arc;

use crate::domain::{AccountName, Change, ChangeRequest};
use crate::ledger::{ChangePermit, LastLook};
use crate::providers::http::{Failure, LIST_CAP, MoneyHttp};
use crate::providers::limiter::Limiter;
use crate::providers::{ChangeReply, Changer, ConnectError, Connection, Purpose, Words};

use super::call::{Ask, Caller};
use super::envelope::{Coded, Opened};
use super::map::Gather;
use super::pace::{Pace, WRITES};
use super::quote;
use super::read::pages;
use super::reply::{self, Odd};
use super::site::Site;
use super::wire::{self, BALANCE, Object, ProlongBody, Targets, Type};

/// Changes orders of one account.
pub struct SellerChanger {
    caller: Caller,
    http: MoneyHttp,
    site: Site,
    account: AccountName,
    words: Words,
    limiter: Arc<dyn Limiter>,
    pace: Pace,
}

impl SellerChanger {
    /// Builds the clients; sends nothing.
    pub fn new(connection: &Connection) -> Result<Self, ConnectError> {
        Ok(Self {
            caller: Caller::new(connection)?,
            http: MoneyHttp::new(connection)?,
            site: Site::new(connection)?,
            account: connection.account.clone(),
            words: connection.words(),
            limiter: Arc::clone(&connection.limiter),
            pace: Pace::new(WRITES, Arc::clone(&connection.clock)),
        })
    }

    /// The provider's present ids of the leases, by a list that is read for it: that of all types, and where it has not all of this type
    /// that one, too.
    async fn present(&self, request: &ChangeRequest, of: &Type) -> Result<Vec<String>, String> {
        let ask = Ask::Get { url: self.site.url("proxy/list"), cap: LIST_CAP };
        let read = self.caller.ask("proxy/list", ask, Purpose::Money, 1).await;
        let told = |trouble| format!("the list was not read before the change: {trouble:?}");
        let answer = read.map_err(told)?;
        let mut gather = Gather::new(&self.account, &self.words);
        if gather.all(&answer.reply.body).map_err(told)?.iter().any(|lacks| lacks.path == of.path) {
            pages((&self.caller, &self.site), &mut gather, of, Purpose::Money).await.map_err(told)?;
        }
        let known = gather.finish().known;
        let ids = known.names_of(request.leases.iter().map(|lease| lease.as_str()));
        ids.filter(|ids| !ids.is_empty()).ok_or_else(|| {
            "the list does not tell the present id of a lease that is to be changed".to_owned()
        })
    }

    /// Private on purpose: [`Changer::change`] with a permit is the only way in.
    async fn send(&self, request: &ChangeRequest, look: Option<&LastLook>) -> ChangeReply {
        let (on, days) = match &request.what {
            Change::AutoRenewal { on, period_days, .. } => (*on, *period_days),
            Change::Cycle(_) => {
                return ChangeReply::Unsupported("this provider sells days, not billing cycles".to_owned());
            }
            Change::Tag(_) => return ChangeReply::Unsupported("this provider has no tags".to_owned()),
        };
        let Some(of) = Type::of(&request.kind) else {
            return ChangeReply::Unsupported(format!("`{}` has no auto-renewal here", request.kind));
        };
        let ids = match of.whole_orders {
            true => vec![request.order.as_str().to_owned()],
            false => match self.present(request, of).await {
                Ok(ids) => ids,
                Err(why) => return ChangeReply::NeverSent(why),
            },
        };
        let asked: Vec<&str> = ids.iter().map(String::as_str).collect();
        let targets = if of.whole_orders { Targets::Orders(asked) } else { Targets::Ids(asked) };
        let (period_id, payment_id) = (on.then(|| wire::period(days)), on.then_some(BALANCE));
        let json = ProlongBody { targets, period_id, payment_id, coupon: None }.json();
        let call = format!("autoprolong/{}/{}", if on { "enable" } else { "disable" }, of.path);
        self.limiter.acquire(1, Purpose::Money).await;
        let turn = self.pace.turn().await;
        let url = self.site.url(&call);
        let sent = match request.what.leads_to_money() {
            true => self.http.pay_once(url, json, look).await,
            false => self.http.post_once(url, json).await,
        };
        turn.over();
        match sent {
            Ok(answer) => judge(of, &ids, answer.status, &answer.body, &self.words),
            Err(Failure::NeverSent(what)) => ChangeReply::NeverSent(what),
            Err(Failure::Lost { status, what }) => {
                ChangeReply::Unknown { code: status.map(i64::from), message: what }
            }
        }
    }
}

/// What an answer says of a change: done only where it names what was asked for.
fn judge(of: &Type, asked: &[String], status: u16, body: &[u8], words: &Words) -> ChangeReply {
    let judged = reply::opened(status, body, words).and_then(|opened| match opened {
        Opened::Success(data) => {
            let data = Object::parse(data.get()).ok().filter(|data| data.doubled().is_none());
            let data = data.ok_or_else(|| (None, "success, but `data` is not an object".to_owned()))?;
            echoed(of, asked, &data)?;
            // It is switched on although funds are short: the words say so.
            let message = quote::warning(&data, words).map(|warning| warning.message);
            Ok(ChangeReply::Done { message, price: None })
        }
        Opened::Error(data, errors) => {
            let (Coded { code, message }, _) = reply::refusal(data, errors, words)?;
            Ok(ChangeReply::Refused { code, message })
        }
    });
    judged.unwrap_or_else(|(code, message)| ChangeReply::Unknown { code, message })
}

/// The orders as asked for; the leases as asked for, where they are switched singly.
fn echoed(of: &Type, asked: &[String], data: &Object<'_>) -> Result<(), Odd> {
    let key = if of.whole_orders { "orderIds" } else { "ids" };
    let told = data.get(key).and_then(wire::list).and_then(|items| {
        items.into_iter().map(|raw| wire::id(raw).map(|id| id.into_owned())).collect::<Option<Vec<String>>>()
    });
    let Some(mut told) = told else {
        return Err((None, format!("success, but `{key}` is not a list of ids")));
    };
    let mut asked = asked.to_vec();
    asked.sort_unstable();
    told.sort_unstable();
    if told != asked {
        return Err((None, format!("success, but `{key}` is not what was asked for")));
    }
    Ok(())
}

#[async_trait::async_trait]
impl Changer for SellerChanger {
    async fn change(&self, permit: ChangePermit) -> ChangeReply {
        self.send(permit.request(), permit.look()).await
    }
}

#[cfg(test)]
#[path = "change_tests.rs"]
mod tests;
