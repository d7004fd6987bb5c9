//! Who may ask, and what no answer may allow.
//!
//! A page elsewhere must not read this one through a visitor's browser (DNS rebinding): only a `Host` that is our own
//! address or localhost is answered. A stranger on the network must not read it at all: the token.
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderName, HeaderValue, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine;
use base64::prelude::BASE64_STANDARD as STANDARD;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::failure;

/// The address of ours that a connection came to: with a wildcard listener it is known per connection only.
#[derive(Debug, Clone, Copy)]
pub(super) struct Local(Option<SocketAddr>);

impl Local {
    pub(super) fn of(address: Option<SocketAddr>) -> Self {
        Self(address)
    }

    fn is_loopback(self) -> bool {
        self.0.is_some_and(|local| local.ip().to_canonical().is_loopback())
    }
}

/// What a request has to bring.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Asked of every request where given: as a bearer's, or as the password of any user, so that a browser can ask for it.
    pub token: Option<SecretString>,
    /// Names that a request may ask for beside our own addresses and localhost: behind a reverse proxy. Given only with a token: a
    /// name can be made to point anywhere.
    pub hosts: Vec<String>,
}

impl Access {
    fn admits(&self, authorization: Option<&HeaderValue>) -> bool {
        let Some(token) = &self.token else { return true };
        let words = authorization.and_then(|v| v.to_str().ok()).and_then(|v| v.split_once(' '));
        let given = words.and_then(|(scheme, given)| match scheme.to_ascii_lowercase().as_str() {
            "bearer" => Some(given.trim().to_owned()),
            "basic" => password(given.trim()),
            _ => None,
        });
        // Hashes are compared: how far two of them agree says nothing of how far the tokens do.
        given.is_some_and(|given| Sha256::digest(given) == Sha256::digest(token.expose_secret()))
    }
}

/// Of `user:password` in base64.
fn password(given: &str) -> Option<String> {
    let pair = String::from_utf8(STANDARD.decode(given).ok()?).ok()?;
    pair.split_once(':').map(|(_, password)| password.to_owned())
}

/// The fence around every route.
pub(super) async fn check(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    let local = request.extensions().get::<Local>().copied().unwrap_or(Local(None));
    let mut reply = if !named_as_ours(&request, local, &access.hosts) {
        let hint = "this host name is not served here: ask for the listen address or localhost, or add the name to http.hosts";
        failure(StatusCode::MISDIRECTED_REQUEST, "host", hint)
    } else if !access.admits(request.headers().get(header::AUTHORIZATION)) {
        let mut reply = failure(
            StatusCode::UNAUTHORIZED,
            "token",
            "send `Authorization: Bearer TOKEN` (http.token), or the token as a password",
        );
        for way in ["Bearer", r#"Basic realm="renewd", charset="UTF-8""#] {
            reply.headers_mut().append(header::WWW_AUTHENTICATE, HeaderValue::from_static(way));
        }
        reply
    } else {
        next.run(request).await
    };
    // What is part of the program says itself how long it may be kept; everything else is gone when the page is closed.
    reply.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    for (name, value) in FENCES {
        reply.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    reply
}

/// Style, script and icon come from `/static`, and nothing is written into the page itself: a word that came from outside can be no script,
/// even if it were not escaped. Nothing else is loaded, nothing is framed or told onwards; the one form asks for payments.
const FENCES: [(HeaderName, &str); 3] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// Both places that can name a host must name us; one of them must be there. HTTP/1.0 knows no `Host`: a simple probe on this
/// machine is answered without one, and no browser speaks like that.
fn named_as_ours(request: &Request, local: Local, known: &[String]) -> bool {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (first, more) = (hosts.next(), hosts.next().is_some());
    let named = first.map(|v| v.to_str().ok().and_then(|v| v.parse::<Authority>().ok()));
    if more || matches!(named, Some(None)) {
        return false;
    }
    let mut names = named.flatten().into_iter().chain(request.uri().authority().cloned()).peekable();
    if names.peek().is_none() {
        return request.version() == Version::HTTP_10 && local.is_loopback();
    }
    names.all(|name| is_ours(&name, local.0, known))
}

fn is_ours(name: &Authority, local: Option<SocketAddr>, known: &[String]) -> bool {
    if name.as_str().contains('@') {
        return false;
    }
    let host = name.host();
    if host.eq_ignore_ascii_case("localhost") || known.iter().any(|name| host.eq_ignore_ascii_case(name)) {
        return true;
    }
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    let Ok(ip) = bare.parse::<IpAddr>() else { return false };
    // A tunnel ends on loopback under another port; a number cannot be rebound by a name server.
    ip.is_loopback()
        || local.is_some_and(|local| {
            local.ip().to_canonical() == ip && name.port_u16().is_none_or(|port| port == local.port())
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("localhost", true)]
    #[case("LOCALHOST:8080", true)]
    #[case("127.0.0.1:8080", true)]
    #[case("[::1]:9787", true)]
    #[case("192.0.2.7:9787", true)]
    #[case("192.0.2.7", true)]
    #[case("192.0.2.7:80", false)]
    #[case("192.0.2.8:9787", false)]
    #[case("evil.example", false)]
    #[case("localhost.evil.example", false)]
    #[case("127.0.0.1.evil.example:9787", false)]
    #[case("x@localhost", false)]
    fn only_our_own_names_are_answered(#[case] host: &str, #[case] ours: bool) {
        let local = "192.0.2.7:9787".parse().unwrap();
        assert_eq!(is_ours(&host.parse().unwrap(), Some(local), &[]), ours, "{host}");
    }

    #[rstest]
    #[case("renewd.example.org", true)]
    #[case("Renewd.Example.org:8443", true)]
    #[case("example.org", false)]
    #[case("a.renewd.example.org", false)]
    #[case("renewd.example.org.evil.example", false)]
    fn a_name_of_the_config_is_answered_and_no_other(#[case] host: &str, #[case] ours: bool) {
        let known = ["renewd.example.org".to_owned()];
        assert_eq!(is_ours(&host.parse().unwrap(), None, &known), ours, "{host}");
    }

    #[rstest]
    #[case(&["localhost"], "/", true)]
    #[case(&[], "/", false)]
    #[case(&["localhost", "evil.example"], "/", false)]
    #[case(&["evil.example"], "/", false)]
    #[case(&["not a host"], "/", false)]
    #[case(&["localhost"], "http://evil.example/", false)]
    #[case(&["evil.example"], "http://localhost/", false)]
    fn every_place_that_names_a_host_counts(#[case] hosts: &[&str], #[case] uri: &str, #[case] ours: bool) {
        let mut request = Request::builder().uri(uri);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        let request = request.body(axum::body::Body::empty()).unwrap();
        assert_eq!(named_as_ours(&request, Local(None), &[]), ours, "{hosts:?} {uri}");
    }

    #[rstest]
    #[case(Version::HTTP_10, "127.0.0.1:9787", &[], true)]
    #[case(Version::HTTP_10, "[::1]:9787", &[], true)]
    #[case(Version::HTTP_10, "192.0.2.7:9787", &[], false)]
    #[case(Version::HTTP_10, "127.0.0.1:9787", &["evil.example"], false)]
    #[case(Version::HTTP_11, "127.0.0.1:9787", &[], false)]
    fn a_probe_of_http_1_0_needs_no_host_on_this_machine(
        #[case] version: Version,
        #[case] local: &str,
        #[case] hosts: &[&str],
        #[case] answered: bool,
    ) {
        let mut request = Request::builder().uri("/healthz").version(version);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        let request = request.body(axum::body::Body::empty()).unwrap();
        assert_eq!(named_as_ours(&request, Local(local.parse().ok()), &[]), answered);
    }

    #[rstest]
    #[case(None, false)]
    #[case(Some("Bearer t0ken"), true)]
    #[case(Some("bearer t0ken"), true)]
    #[case(Some("Bearer t0ke"), false)]
    #[case(Some("Bearer t0ken2"), false)]
    #[case(Some("Basic t0ken"), false)]
    // anybody:t0ken, :t0ken, anybody:t0ke, t0ken
    #[case(Some("Basic YW55Ym9keTp0MGtlbg=="), true)]
    #[case(Some("basic OnQwa2Vu"), true)]
    #[case(Some("Basic YW55Ym9keTp0MGtl"), false)]
    #[case(Some("Basic dDBrZW4="), false)]
    #[case(Some("Bearer YW55Ym9keTp0MGtlbg=="), false)]
    #[case(Some("t0ken"), false)]
    fn only_the_whole_token_is_admitted(#[case] header: Option<&str>, #[case] admitted: bool) {
        let guard = Access { token: Some("t0ken".to_owned().into()), hosts: Vec::new() };
        let value = header.map(|h| HeaderValue::from_str(h).unwrap());
        assert_eq!(guard.admits(value.as_ref()), admitted);
        assert!(Access::default().admits(value.as_ref()), "without a token all are");
    }
}
