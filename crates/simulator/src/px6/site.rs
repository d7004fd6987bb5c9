//! px6 behind the server: whose request it is, which call, and its form of a refusal. Not responsible for what the calls mean
//! (`calls`).
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::endpoint::Call;
use super::{Endpoint, World, looks};
use crate::Answer;
use crate::reply::Reply;
use crate::site::{Arrival, Kind, Lags, Raw, Site, parse_query, with_query};
use renewd_core::domain::Money;

impl Kind for Endpoint {
    fn is_money(self) -> bool {
        Self::is_money(self)
    }

    fn is_quote(self) -> bool {
        Self::is_quote(self)
    }

    fn is_read(self) -> bool {
        !Self::is_money(self) && !Self::is_quote(self) && self != Self::SetDescr
    }
}

impl Site for World {
    type Endpoint = Endpoint;

    /// Below `/api/{key}`; with a slash behind the method or without.
    fn arrive(&self, raw: &Raw) -> Arrival<Endpoint> {
        let rest = raw.path.strip_prefix("/api/").map(|rest| rest.split_once('/').unwrap_or((rest, "")));
        let Some((key, path)) = rest else {
            return Arrival {
                account: String::new(),
                path: raw.target(),
                endpoint: None,
                subject: None,
                turned_away: None,
            };
        };
        let method = path.strip_suffix('/').unwrap_or(path);
        let endpoint = Endpoint::find(method).filter(|_| raw.method == "GET");
        // A call that is not there is an ordinary answer.
        let unknown = endpoint.is_none().then(|| looks::no(110, "Error method"));
        Arrival {
            account: decoded(key),
            path: with_query(path, raw.query.as_deref()),
            endpoint,
            subject: None,
            turned_away: unknown,
        }
    }

    fn advance_to(&mut self, now: Timestamp) {
        Self::advance_to(self, now);
    }

    fn process(&mut self, now: Timestamp, call: &Call) -> Reply {
        if self.is_busy(now, &call.key) {
            return Reply::page(self.busy, "Too many requests");
        }
        self.call(now, call)
    }

    fn postpone(&mut self, at: Timestamp, call: Call) {
        Self::postpone(self, at, call);
    }

    fn alter(reply: Reply, answer: &Answer) -> Reply {
        match answer {
            Answer::Refusal { status, code, message } => looks::no(*code, message).under(*status),
            Answer::OtherIds(ids) => {
                let end = Timestamp::from_second(4_000_000_000).unwrap_or(Timestamp::MAX);
                let rows: Map<String, Value> = ids
                    .iter()
                    .map(|id| (id.clone(), json!({ "id": id, "unixtime_end": end.as_second() })))
                    .collect();
                reply.with("list", &rows)
            }
            Answer::Currency(currency) => reply.with("currency", currency),
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
