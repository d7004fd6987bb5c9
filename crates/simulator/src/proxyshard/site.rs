//! ProxyShard behind the server: whose request it is, which call, and its form of a refusal. Not responsible for what the
//! calls mean (`calls`).
use jiff::Timestamp;

use super::endpoint::Call;
use super::{Endpoint, Status, World};
use crate::Answer;
use crate::reply::Reply;
use crate::site::{Arrival, Lags, Raw, Site};
use renewd_core::domain::Money;

/// `{"success": false, "message": …}` under this status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) message: String,
}

impl Refused {
    pub(super) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    /// 400.
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    pub(super) fn reply(&self) -> Reply {
        Reply::new(false).with("message", &self.message).under(self.status)
    }
}

impl Site for World {
    type Endpoint = Endpoint;

    fn arrive(&self, raw: &Raw) -> Arrival<Endpoint> {
        let found = Endpoint::find(&raw.method, &raw.path);
        let wordless = raw.method == "POST" && raw.header("content-length").is_none();
        let turned_away = match &found {
            Err(true) => Some(Refused::new(405, "Method Not Allowed")),
            Err(false) => Some(Refused::new(404, "Not Found")),
            Ok(_) => wordless.then(|| Refused::new(411, "Length Required")),
        };
        let (endpoint, subject) = found.ok().unzip();
        Arrival {
            account: bearer(raw).unwrap_or_default().to_owned(),
            path: raw.target(),
            endpoint,
            subject: subject.flatten(),
            turned_away: turned_away.map(|refused| refused.reply()),
        }
    }

    fn advance_to(&mut self, now: Timestamp) {
        Self::advance_to(self, now);
    }

    fn process(&mut self, now: Timestamp, call: &Call) -> Reply {
        let reply = self.call(now, call);
        if call.twist.foreign.is_positive() {
            // Where the wallet does not cover it, nobody else could spend it.
            let _nothing_left = self.spend_elsewhere(now, &call.key, call.twist.foreign);
        }
        reply
    }

    fn postpone(&mut self, at: Timestamp, mut call: Call) {
        if call.endpoint == Endpoint::Renew {
            let id = call.subject.as_deref().unwrap_or_default();
            let order = self.account(&call.key).and_then(|account| account.order(id));
            // What is refused when it comes is not done later either.
            if order.is_none_or(|order| order.status != Status::OnHold) {
                return;
            }
        }
        call.twist.accepted = true;
        self.pending.push((at, call));
    }

    fn alter(reply: Reply, answer: &Answer) -> Reply {
        match answer {
            Answer::Refusal { status, message, .. } => Refused::new(*status, message).reply(),
            Answer::OtherIds(ids) => match ids.first() {
                Some(id) => reply.with("order_id", id),
                None => reply.without("order_id"),
            },
            Answer::Warning { message, .. } => reply.with("message", message),
            Answer::Currency(currency) => reply.with("currency", currency),
            _ => reply,
        }
    }

    fn top_up(&mut self, now: Timestamp, key: &str, amount: Money) -> Option<Money> {
        Self::top_up(self, now, key, amount)
    }

    fn lags(&mut self) -> Lags<'_> {
        Lags { list: &mut self.list_lag, balance: &mut self.balance_lag }
    }
}

fn bearer(raw: &Raw) -> Option<&str> {
    let (scheme, token) = raw.header("authorization")?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
