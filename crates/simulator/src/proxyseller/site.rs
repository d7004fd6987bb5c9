//! Proxy-Seller behind the server: whose request it is, which call, and its forms of a refusal. Not responsible for what the
//! calls mean (`calls`).
use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::endpoint::Call;
use super::{Endpoint, World};
use crate::Answer;
use crate::reply::Reply;
use crate::site::{Arrival, Kind, Lags, Raw, Site, parse_query, with_query};
use renewd_core::domain::Money;

/// An element of `errors`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Coded {
    pub(super) code: i64,
    pub(super) message: String,
}

impl Coded {
    pub(super) fn new(code: i64, message: &str) -> Self {
        Self { code, message: message.to_owned() }
    }

    fn json(&self) -> Value {
        json!({"message": self.message, "code": self.code, "customData": null})
    }
}

/// A good answer around this data.
pub(super) fn success(data: &impl Serialize) -> Reply {
    let none: [Value; 0] = [];
    Reply::empty(200).with("status", &"success").with("data", data).with("errors", &none)
}

/// An error around this data.
pub(super) fn failure(data: &impl Serialize, errors: &[Coded]) -> Reply {
    let errors: Vec<Value> = errors.iter().map(Coded::json).collect();
    Reply::empty(200).with("status", &"error").with("data", data).with("errors", &errors)
}

/// The one fixed answer of a refused access, whatever the reason.
pub(super) fn no_access() -> Reply {
    let texts = ["Error api key", "Your IP is not in the list of allowed", "Too many requests"];
    failure(&Value::Null, &texts.map(|text| Coded::new(503, text)))
}

/// What stands within `data`, as JSON.
pub(super) fn inner(fields: &Reply) -> Box<RawValue> {
    RawValue::from_string(fields.text()).expect("a reply is JSON")
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
        let rest = raw.path.strip_prefix("/personal/api/v2/").and_then(|rest| rest.split_once('/'));
        let found = rest.and_then(|(_, path)| Endpoint::find(&raw.method, path));
        let (key, path) = rest.unwrap_or_default();
        let (endpoint, subject) = found.unzip();
        Arrival {
            account: decoded(key),
            path: with_query(path, raw.query.as_deref()),
            // A front end answers what it does not know by itself, and repeats the path, key and all, in lower case.
            turned_away: endpoint.is_none().then(|| not_found(&raw.path)),
            endpoint,
            subject: subject.flatten(),
        }
    }

    fn advance_to(&mut self, now: Timestamp) {
        Self::advance_to(self, now);
    }

    fn process(&mut self, now: Timestamp, call: &Call) -> Reply {
        let reply = self.call(now, call);
        if call.twist.foreign.is_positive() {
            // Where the balance does not cover it, nobody else could spend it.
            let _nothing_left = self.spend_elsewhere(now, &call.key, call.twist.foreign);
        }
        reply
    }

    fn postpone(&mut self, at: Timestamp, call: Call) {
        Self::postpone(self, at, call);
    }

    fn alter(reply: Reply, answer: &Answer) -> Reply {
        match answer {
            Answer::Refusal { status, code: 503, .. } => no_access().under(*status),
            Answer::Refusal { status, code, message } => {
                failure(&Value::Null, &[Coded::new(*code, message)]).under(*status)
            }
            Answer::OtherIds(ids) => within(reply, "orderIds", &json!(ids)),
            Answer::Warning { message, .. } => within(reply, "warning", &json!(message)),
            Answer::Currency(currency) => within(reply, "currency", &json!(currency)),
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

fn not_found(path: &str) -> Reply {
    Reply::empty(404)
        .with("timestamp", &"2026-11-20T10:00:00.000+00:00")
        .with("status", &404)
        .with("error", &"Not Found")
        .with("path", &path.to_ascii_lowercase())
}

/// The same with a field put into its data.
fn within(reply: Reply, name: &str, value: &Value) -> Reply {
    let text = reply.text();
    let Ok(fields) = serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(&text) else { return reply };
    let data = fields.get("data").map(|raw| raw.get()).unwrap_or_default();
    let Ok(mut data) = serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(data) else { return reply };
    if let Ok(raw) = serde_json::value::to_raw_value(value) {
        data.insert(name.to_owned(), raw);
    }
    reply.with("data", &data)
}

/// A path segment without its percent signs.
fn decoded(segment: &str) -> String {
    // `+` means itself in a path.
    let pairs = parse_query(&format!("segment={}", segment.replace('+', "%2B")));
    pairs.into_iter().next().map(|(_, value)| value).unwrap_or_default()
}
