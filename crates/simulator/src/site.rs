//! What the server needs of a provider that it simulates, so that all of them share sockets, log and faults.
//!
//! Responsible for: the parts of a call on its way in. Not responsible for any provider's rules (its own folder), nor for
//! HTTP (`server`) or faults (`fault`).
use std::fmt::Debug;
use std::time::Duration;

use axum::http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::reply::Reply;
use renewd_core::domain::Money;

/// A call of a provider's API, as faults sort them.
pub trait Kind: Copy + Debug + PartialEq + Send + Sync + 'static {
    /// It charges the account.
    fn is_money(self) -> bool;
    /// It prices something and charges nothing.
    fn is_quote(self) -> bool;
    /// It changes nothing.
    fn is_read(self) -> bool;
}

/// A provider behind the server. Cloning it gives a world of its own.
pub trait Site: Clone + Send + 'static {
    /// Its calls.
    type Endpoint: Kind;

    /// Whose request this is and what it asks.
    fn arrive(&self, raw: &Raw) -> Arrival<Self::Endpoint>;
    /// Lets everything happen that is due up to `now`.
    fn advance_to(&mut self, now: Timestamp);
    /// Processes one call. The caller has let time pass up to `now`.
    fn process(&mut self, now: Timestamp, call: &Call<Self::Endpoint>) -> Reply;
    /// Lets a call be processed only at `at`.
    fn postpone(&mut self, at: Timestamp, call: Call<Self::Endpoint>);
    /// Puts what a fault says into a reply, in this provider's own fields.
    fn alter(reply: Reply, answer: &Answer) -> Reply;
    /// Pays money into an account. Gives the new balance; `None` without such an account, or on overflow.
    fn top_up(&mut self, now: Timestamp, key: &str, amount: Money) -> Option<Money>;
    /// How far the lists and the balance lag behind.
    fn lags(&mut self) -> Lags<'_>;
}

/// A provider's two lags, to be set.
pub struct Lags<'a> {
    /// Of the lists.
    pub list: &'a mut Duration,
    /// Of the balance call.
    pub balance: &'a mut Duration,
}

/// A request before anybody has understood it.
pub struct Raw {
    /// `GET`, `POST` …
    pub method: String,
    /// The whole path, without its query.
    pub path: String,
    /// What stands after `?`, as sent.
    pub query: Option<String>,
    /// All headers.
    pub headers: HeaderMap,
    /// As text.
    pub body: String,
}

impl Raw {
    /// The path with its query.
    pub fn target(&self) -> String {
        with_query(&self.path, self.query.as_deref())
    }

    /// The parameters of the query, decoded, in their order.
    pub fn parameters(&self) -> Vec<(String, String)> {
        parse_query(self.query.as_deref().unwrap_or_default())
    }

    /// A header's text; `None` where it is absent or no text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// A path and what stands after its `?`.
pub(super) fn with_query(path: &str, query: Option<&str>) -> String {
    query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"))
}

pub(super) fn parse_query(query: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// What a provider makes of a request at first sight.
pub struct Arrival<E> {
    /// The API key that came with it; empty without one.
    pub account: String,
    /// How the log shows its path.
    pub path: String,
    /// The call; `None` for a path or method that the provider does not have.
    pub endpoint: Option<E>,
    /// What the call is about where its path names it: an order.
    pub subject: Option<String>,
    /// It gets this and is not processed: a wrong path, a missing header. No fault is for it.
    pub turned_away: Option<Reply>,
}

/// One call, with what a fault makes of it.
#[derive(Debug, Clone)]
pub struct Call<E> {
    /// The account's API key.
    pub key: String,
    /// Which call.
    pub endpoint: E,
    /// What it is about where its path names it.
    pub subject: Option<String>,
    /// The parameters of the query, decoded.
    pub query: Vec<(String, String)>,
    /// The `Host` header.
    pub host: String,
    /// As text.
    pub body: String,
    /// What a fault makes of it.
    pub twist: Twist,
}

impl<E> Call<E> {
    /// The first parameter of this name.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What the provider does differently from its pages while it processes a call.
#[derive(Debug, Clone, Default)]
pub struct Twist {
    /// More than the price, for each lease.
    pub surcharge: Money,
    /// Every promo code is taken for invalid.
    pub reject_promo: bool,
    /// Only the first so many leases are applied and charged.
    pub limit: Option<usize>,
    /// The money is taken, and nothing else happens.
    pub undelivered: bool,
    /// Somebody else spends this from the same balance, at the same moment.
    pub foreign: Money,
    /// It was found good when it came, and is processed whatever has changed since.
    pub accepted: bool,
}

/// What the client gets to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// What the provider would say of it.
    Honest,
    /// The connection is closed without a byte.
    Close,
    /// The connection is reset without a byte.
    Reset,
    /// Status, headers and half of the body, then the connection is closed.
    HalfBody,
    /// No byte until the client gives up.
    Hang,
    /// Bytes that are no HTTP.
    Garbage,
    /// A whole HTTP 200 reply whose JSON is cut in the middle.
    TruncatedJson,
    /// A whole HTTP 200 reply whose body is no JSON, but says `application/json`.
    NotJson,
    /// The honest body under this content type.
    ContentType(String),
    /// This status with the honest body.
    Status(u16),
    /// This status with an HTML page.
    Html(u16),
    /// This status with a JSON body that looks like a clean refusal.
    Refusal {
        /// HTTP status.
        status: u16,
        /// The code in `error`, where the provider has codes.
        code: i64,
        /// Its message.
        message: String,
    },
    /// 429 with `Retry-After` in seconds.
    TooMany(u64),
    /// 302 to this place.
    Redirect(String),
    /// The honest reply with this field in it, added or replaced.
    Field(String, Value),
    /// The honest reply without this field.
    Without(String),
    /// The honest reply, but for these ids: leases paid, or the order bought.
    OtherIds(Vec<String>),
    /// The honest reply with this warning in it.
    Warning {
        /// The code.
        code: i64,
        /// The message.
        message: String,
    },
    /// The honest reply in this currency.
    Currency(String),
}

/// `at + span`, held at the end of time.
pub(super) fn later(at: Timestamp, span: Duration) -> Timestamp {
    let span = SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
    at.checked_add(span).unwrap_or(Timestamp::MAX)
}
