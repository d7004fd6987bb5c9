//! The log of what arrived: one record for each request, strays included. Not responsible for understanding them.
use axum::http::HeaderMap;
use jiff::Timestamp;

use super::site::{Arrival, Raw};
use super::youproxy::Endpoint;

/// One request as it arrived, at a provider whose calls are `E`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<E = Endpoint> {
    /// When, by the simulated clock.
    pub at: Timestamp,
    /// `GET` or `POST`.
    pub method: String,
    /// The call; `None` for a path or method that the provider does not have.
    pub endpoint: Option<E>,
    /// The path with its query; `YouProxy`: without the part up to the key.
    pub path: String,
    /// The parameters of the query, decoded, in their order.
    pub query: Vec<(String, String)>,
    /// Name (lower case) and text of each header in the order of arrival, without those that are only for the next hop.
    pub headers: Vec<(String, String)>,
    /// The API key that came with it; empty for a request without one.
    pub account: String,
    /// The body as text.
    pub body: String,
}

impl<E> Request<E> {
    pub(super) fn new(at: Timestamp, raw: &Raw, arrival: &Arrival<E>) -> Self
    where
        E: Copy,
    {
        Self {
            at,
            method: raw.method.clone(),
            endpoint: arrival.endpoint,
            path: arrival.path.clone(),
            query: raw.parameters(),
            headers: end_to_end(&raw.headers),
            account: arrival.account.clone(),
            body: raw.body.clone(),
        }
    }

    /// The path without its query.
    #[must_use]
    pub fn route(&self) -> &str {
        self.path.split_once('?').map_or(self.path.as_str(), |(route, _)| route)
    }

    /// The first header of this name, whatever its letter case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let wanted = |known: &str| known.eq_ignore_ascii_case(name);
        self.headers.iter().find(|(known, _)| wanted(known)).map(|(_, value)| value.as_str())
    }
}

/// Headers that say something about the connection, not about the request.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

fn end_to_end(headers: &HeaderMap) -> Vec<(String, String)> {
    let kept = headers.iter().filter(|(name, _)| !HOP_BY_HOP.contains(&name.as_str()));
    kept.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}
