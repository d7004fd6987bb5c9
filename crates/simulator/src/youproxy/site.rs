//! YouProxy behind the server: whose request it is, which call, and its form of a refusal. Not responsible for what the
//! calls mean (`calls`).
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::endpoint::Call;
use super::{Endpoint, World};
use crate::Answer;
use crate::reply::Reply;
use crate::site::{Arrival, Kind, Lags, Raw, Site, parse_query, with_query};
use renewd_core::domain::Money;

/// A code of the provider's with its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Coded {
    pub(super) code: i64,
    pub(super) message: String,
}

impl Coded {
    pub(super) fn new(code: i64, message: &str) -> Self {
        Self { code, message: message.to_owned() }
    }
}

impl Kind for Endpoint {
    fn is_money(self) -> bool {
        Self::is_money(self)
    }

    fn is_quote(self) -> bool {
        Self::is_quote(self)
    }

    fn is_read(self) -> bool {
        self.method() == "GET"
    }
}

impl Site for World {
    type Endpoint = Endpoint;

    fn arrive(&self, raw: &Raw) -> Arrival<Endpoint> {
        let rest = raw.path.strip_prefix("/client/api/v1/").and_then(|rest| rest.split_once('/'));
        let Some((key, path)) = rest else {
            return Arrival {
                account: String::new(),
                path: raw.target(),
                endpoint: None,
                subject: None,
                turned_away: None,
            };
        };
        let endpoint = Endpoint::find(&raw.method, path);
        let json = raw.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
        let wordless = endpoint.is_some_and(|call| call.method() == "POST") && !json;
        let error = Coded::new(35, "Content-Type must be application/json");
        Arrival {
            account: decoded(key),
            path: with_query(path, raw.query.as_deref()),
            endpoint,
            subject: None,
            turned_away: wordless.then(|| Reply::new(false).with("error", &error).under(415)),
        }
    }

    fn advance_to(&mut self, now: Timestamp) {
        Self::advance_to(self, now);
    }

    fn process(&mut self, now: Timestamp, call: &Call) -> Reply {
        self.call(now, call)
    }

    fn postpone(&mut self, at: Timestamp, call: Call) {
        Self::postpone(self, at, call);
    }

    fn alter(reply: Reply, answer: &Answer) -> Reply {
        match answer {
            Answer::Refusal { status, code, message } => {
                refusal(&reply, &Coded::new(*code, message)).under(*status)
            }
            Answer::OtherIds(ids) => reply.with("ipAddressIds", ids),
            Answer::Warning { code, message } => reply.with("warnings", &[Coded::new(*code, message)]),
            Answer::Currency(currency) => {
                let name = if reply.has("currencyCode") { "currencyCode" } else { "currency" };
                reply.with(name, currency)
            }
            _ => reply,
        }
    }

    fn top_up(&mut self, now: Timestamp, key: &str, amount: Money) -> Option<Money> {
        Self::top_up(self, now, key, amount)
    }

    fn lags(&mut self) -> Lags<'_> {
        let (list, balance): (&mut Duration, &mut Duration) = (&mut self.list_lag, &mut self.balance_lag);
        Lags { list, balance }
    }
}

/// A path segment without its percent signs.
fn decoded(segment: &str) -> String {
    // `+` means itself in a path.
    let pairs = parse_query(&format!("segment={}", segment.replace('+', "%2B")));
    pairs.into_iter().next().map(|(_, value)| value).unwrap_or_default()
}

/// The fields of the real reply, emptied as the provider empties them on an error.
fn refusal(reply: &Reply, error: &Coded) -> Reply {
    let null = Value::Null;
    let mut refusal = reply.clone().with("success", &false).with("error", error);
    if error.code == 2 {
        for name in ["balance", "currency", "currencyCode"].into_iter().filter(|name| reply.has(name)) {
            refusal = refusal.with(name, &null);
        }
    }
    for name in ["price", "discount", "orderNumber", "promoCodeStatus"] {
        if reply.has(name) {
            refusal = refusal.with(name, &null);
        }
    }
    if reply.has("quantity") {
        let none: [&str; 0] = [];
        refusal = refusal.with("quantity", &0).with("rentPeriodDays", &0).with("ipAddressIds", &none);
    }
    refusal
}
