//! HTTP as the providers need it: one client that reads, and one that sends a payment exactly once.
//!
//! Responsible for never showing a URL (a key may be in it), for taking a bearer token to its own host only, for never
//! following, repeating or reusing what moves money, and for telling "no byte left" from everything else. Not responsible for what a body means, nor for the request limit.
//! A crash during [`MoneyHttp::post_once`] leaves a payment whose outcome is unknown.
mod gate;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, PRAGMA,
};
use reqwest::{Method, RequestBuilder};
use secrecy::ExposeSecret;
use url::{Origin, Url};

use self::gate::{Gate, PASS, Pass};
use super::traffic::{self, Ending};
use super::{ConnectError, Connection, Words};
use crate::domain::AccountName;
use crate::ledger::LastLook;

/// A connection that is not made within this is not made at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest body of a list.
pub const LIST_CAP: usize = 512 << 20;
/// The largest body of anything else.
pub const CAP: usize = 1 << 20;

/// A whole answer, of whatever status.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// The `Date` header less our wall clock at the reply's arrival.
    pub skew: Option<SignedDuration>,
    /// The whole body.
    pub body: Vec<u8>,
}

/// No whole answer. The texts are clean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The connection was never made: no byte of the request left.
    NeverSent(String),
    /// Anything else: bytes may have left.
    Lost {
        /// The status, where the answer broke off after it.
        status: Option<u16>,
        /// What was seen.
        what: String,
    },
}

impl Failure {
    /// The text of either.
    pub fn into_text(self) -> String {
        match self {
            Self::NeverSent(what) | Self::Lost { what, .. } => what,
        }
    }
}

/// Reads and quotes. Connections are reused; one call is one try.
pub struct ReadHttp(Core);

/// Sends payments: HTTP/1.1, a fresh connection each, no redirect, no second try of its own.
pub struct MoneyHttp(Core);

struct Core {
    account: AccountName,
    client: reqwest::Client,
    timeout: Duration,
    words: Words,
    clock: Arc<dyn crate::clock::Clock>,
    bearer: Option<Bearer>,
}

/// The key as a header, and the one place that it may go to.
struct Bearer {
    value: HeaderValue,
    origin: Origin,
}

impl Bearer {
    fn new(connection: &Connection) -> Result<Self, ConnectError> {
        let refused = || ConnectError::KeyText { account: connection.account.clone() };
        let key = connection.api_key.expose_secret();
        if key.trim().is_empty() {
            return Err(refused());
        }
        let mut value = HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| refused())?;
        value.set_sensitive(true);
        Ok(Self { value, origin: connection.base_url.origin() })
    }
}

impl ReadHttp {
    /// A client with the connection's read time-out.
    pub fn new(connection: &Connection) -> Result<Self, ConnectError> {
        let builder = base(connection, connection.read_timeout);
        Core::new(builder, connection.read_timeout, connection).map(Self)
    }

    /// The same, with the key as a bearer token.
    pub fn with_bearer(connection: &Connection) -> Result<Self, ConnectError> {
        let Self(core) = Self::new(connection)?;
        Ok(Self(Core { bearer: Some(Bearer::new(connection)?), ..core }))
    }

    /// Asks once.
    pub async fn get(&self, url: Url, cap: usize) -> Result<Reply, Failure> {
        self.0.send(self.0.request(Method::GET, url), cap).await
    }

    /// Asks once, and hands the body over as it arrives, whatever its status; `body` is empty then. `take` says whether it wants more.
    pub async fn get_in_pieces(
        &self,
        url: Url,
        cap: usize,
        take: impl FnMut(&[u8]) -> bool,
    ) -> Result<Reply, Failure> {
        self.0.receive(self.0.request(Method::GET, url), cap, take).await
    }

    /// Asks once, with a JSON body. Only for calls that cost nothing.
    pub async fn post(&self, url: Url, json: Vec<u8>, cap: usize) -> Result<Reply, Failure> {
        self.0.send(self.0.json(url, json), cap).await
    }
}

impl MoneyHttp {
    /// A client with the connection's money time-out.
    pub fn new(connection: &Connection) -> Result<Self, ConnectError> {
        let builder = base(connection, connection.money_timeout)
            .pool_max_idle_per_host(0)
            .http1_only()
            .connector_layer(Gate(Arc::clone(&connection.clock)));
        Core::new(builder, connection.money_timeout, connection).map(Self)
    }

    /// The same, with the key as a bearer token.
    pub fn with_bearer(connection: &Connection) -> Result<Self, ConnectError> {
        let Self(core) = Self::new(connection)?;
        Ok(Self(Core { bearer: Some(Bearer::new(connection)?), ..core }))
    }

    /// Sends one call that can cost money, once, if all that it rests on still holds: looked at before a connection is made, and
    /// again once it stands, right before the first byte. A call that brings no look is not sent.
    pub async fn pay_once(&self, url: Url, json: Vec<u8>, look: Option<&LastLook>) -> Result<Reply, Failure> {
        self.pay(self.0.json(url, json), look).await
    }

    async fn pay(&self, request: RequestBuilder, look: Option<&LastLook>) -> Result<Reply, Failure> {
        let Some(look) = look else {
            let what = "nobody said what must still hold when it leaves; nothing was sent";
            return Err(Failure::NeverSent(what.to_owned()));
        };
        if let Some(why) = look.objection(|| self.0.clock.now(), "before a connection was made") {
            return Err(Failure::NeverSent(self.0.words.quote(&why)));
        }
        PASS.scope(Pass::Look(Box::new(look.clone())), self.0.send(request, CAP)).await
    }

    /// The same for a provider that is paid by GET: nothing on the way may answer it from what it remembers, or keep it.
    pub async fn pay_once_by_get(&self, url: Url, look: Option<&LastLook>) -> Result<Reply, Failure> {
        let request = self.0.request(Method::GET, url).header(CACHE_CONTROL, "no-cache, no-store");
        self.pay(request.header(PRAGMA, "no-cache"), look).await
    }

    /// Sends one call that changes something and cannot cost money, once.
    pub async fn post_once(&self, url: Url, json: Vec<u8>) -> Result<Reply, Failure> {
        PASS.scope(Pass::Free, self.0.send(self.0.json(url, json), CAP)).await
    }
}

/// What every client shares. reqwest by itself repeats some requests, obeys `HTTP_PROXY`, follows redirects with a
/// `Referer` and never times out.
fn base(connection: &Connection, timeout: SignedDuration) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("renewd/", env!("CARGO_PKG_VERSION")))
        .referer(false)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(unsigned(timeout));
    if connection.base_url.scheme() == "http" {
        // Plain http needs no root certificates, and the client could not be built where a machine has none.
        builder.tls_certs_only([])
    } else {
        builder.https_only(true)
    }
}

fn unsigned(span: SignedDuration) -> Duration {
    Duration::try_from(span).unwrap_or(Duration::ZERO)
}

impl Core {
    fn new(
        builder: reqwest::ClientBuilder,
        timeout: SignedDuration,
        connection: &Connection,
    ) -> Result<Self, ConnectError> {
        let words = connection.words();
        let client = builder.build().map_err(|error| ConnectError::Client {
            account: connection.account.clone(),
            message: causes(&error.without_url(), &words),
        })?;
        let clock = connection.clock.clone();
        let account = connection.account.clone();
        Ok(Self { account, client, timeout: unsigned(timeout), words, clock, bearer: None })
    }

    /// The token goes to its own origin; a URL to anywhere else is asked without it.
    fn request(&self, method: Method, url: Url) -> RequestBuilder {
        let token = self.bearer.as_ref().filter(|b| b.origin == url.origin()).map(|b| b.value.clone());
        let request = self.client.request(method, url);
        match token {
            Some(token) => request.header(AUTHORIZATION, token),
            None => request,
        }
    }

    fn json(&self, url: Url, json: Vec<u8>) -> RequestBuilder {
        self.request(Method::POST, url).header(CONTENT_TYPE, "application/json").body(json)
    }

    async fn send(&self, request: RequestBuilder, cap: usize) -> Result<Reply, Failure> {
        // The announced length is a stranger's word: nothing is reserved on it.
        let mut body = Vec::new();
        let reply = self.receive(request, cap, |piece| {
            body.extend_from_slice(piece);
            true
        });
        let reply = reply.await?;
        Ok(Reply { body, ..reply })
    }

    /// One request, counted with how it ended and what it took.
    async fn receive(
        &self,
        request: RequestBuilder,
        cap: usize,
        take: impl FnMut(&[u8]) -> bool,
    ) -> Result<Reply, Failure> {
        let began = self.clock.now().boot_ms;
        let reply = self.exchange(request, cap, take).await;
        let ending = match &reply {
            Ok(reply) => Ending::of_status(reply.status),
            Err(Failure::NeverSent(_)) => Ending::NotSent,
            Err(Failure::Lost { .. }) => Ending::NoAnswer,
        };
        traffic::count(&self.account, ending, self.clock.now().boot_ms.saturating_sub(began));
        reply
    }

    async fn exchange(
        &self,
        request: RequestBuilder,
        cap: usize,
        mut take: impl FnMut(&[u8]) -> bool,
    ) -> Result<Reply, Failure> {
        let sent = request.header(ACCEPT, "application/json").send().await;
        let mut response = sent.map_err(|error| self.failure(error, None))?;
        let status = response.status().as_u16();
        let skew = self.skew(response.headers());
        let too_large = || Failure::Lost {
            status: Some(status),
            what: format!("the answer is larger than {} MiB", cap >> 20),
        };
        let announced = response.content_length().map_or(0, |n| usize::try_from(n).unwrap_or(usize::MAX));
        if announced > cap {
            return Err(too_large());
        }
        let mut size = 0;
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failure(error, Some(status)))? {
            size += chunk.len();
            if size > cap {
                return Err(too_large());
            }
            if !take(&chunk) {
                break;
            }
        }
        Ok(Reply { status, skew, body: Vec::new() })
    }

    fn skew(&self, headers: &HeaderMap) -> Option<SignedDuration> {
        let date = headers.get(DATE)?.to_str().ok()?;
        let theirs: Timestamp = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok()?;
        Some(theirs.duration_since(self.clock.now().wall))
    }

    fn failure(&self, error: reqwest::Error, status: Option<u16>) -> Failure {
        // The host alone: the rest of the URL may hold the key.
        let host = error.url().map(host).unwrap_or_default();
        let error = error.without_url();
        if let Some(objection) = gate::objection(&error) {
            return Failure::NeverSent(self.words.quote(&objection.0));
        }
        let causes = causes(&error, &self.words);
        if error.is_connect() {
            return Failure::NeverSent(format!("no connection{} could be made ({causes})", to(&host)));
        }
        let what = if error.is_timeout() {
            format!("no whole answer{} within {} s", from(&host), self.timeout.as_secs())
        } else if status.is_some() {
            format!("the answer broke off ({causes})")
        } else {
            format!("the connection broke before an answer ({causes})")
        };
        Failure::Lost { status, what }
    }
}

/// `host:port` of a URL and nothing else of it.
fn host(url: &Url) -> String {
    match (url.host_str(), url.port_or_known_default()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => String::new(),
    }
}

fn to(host: &str) -> String {
    if host.is_empty() { String::new() } else { format!(" to {host}") }
}

fn from(host: &str) -> String {
    if host.is_empty() { String::new() } else { format!(" from {host}") }
}

/// What lies beneath an error, cleaned; its own text only where nothing does.
fn causes(error: &dyn Error, words: &Words) -> String {
    let mut texts = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = words.quote(&cause.to_string());
        if texts.last() != Some(&text) {
            texts.push(text);
        }
        next = cause.source();
    }
    if texts.is_empty() { words.quote(&error.to_string()) } else { texts.join(": ") }
}

#[cfg(test)]
mod tests;
