//! From what the provider would say to what the client gets to see: honest replies, wrong ones, and ends of the
//! connection. Not responsible for choosing (`fault`) or for writing raw bytes (`wire`).
use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, DATE, LOCATION, RETRY_AFTER};
use axum::response::Response;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

use super::Answer;
use super::reply::Reply;
use super::site::Site;
use super::wire::{Cut, End};

const JSON: &str = "application/json;charset=UTF-8";
const HTML: &str = "text/html; charset=UTF-8";

/// The answer on the wire, dated `now`.
pub(super) fn shape<P: Site>(now: Timestamp, reply: Reply, answer: &Answer) -> Response {
    match answer {
        Answer::Honest => honest(now, &reply),
        Answer::Close => cut(Vec::new(), End::Close),
        Answer::Reset => cut(Vec::new(), End::Reset),
        Answer::Hang => cut(Vec::new(), End::Hang),
        Answer::Garbage => {
            cut(b"\x16\x03\x00\xff\xfe\x00 no HTTP at all \r\n\r\n\x80\x81".to_vec(), End::Close)
        }
        Answer::HalfBody => cut(half(now, &reply), End::Close),
        Answer::TruncatedJson => {
            let whole = reply.text();
            http(now, 200, JSON, whole.chars().take(whole.chars().count() / 2).collect())
        }
        Answer::NotJson => http(now, 200, JSON, "OK, done\u{0}\u{1}".to_owned()),
        Answer::ContentType(kind) => http(now, reply.status(), kind, reply.text()),
        Answer::Status(status) => honest(now, &reply.under(*status)),
        Answer::Html(status) => {
            let page =
                format!("<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>");
            http(now, *status, HTML, page)
        }
        Answer::TooMany(seconds) => with_header(
            http(now, 429, HTML, "<html><body>Too Many Requests</body></html>".to_owned()),
            RETRY_AFTER,
            &seconds.to_string(),
        ),
        Answer::Redirect(place) => with_header(http(now, 302, HTML, String::new()), LOCATION, place),
        Answer::Field(name, value) => honest(now, &reply.with(name, value)),
        Answer::Without(name) => honest(now, &reply.without(name)),
        Answer::Refusal { .. } | Answer::OtherIds(_) | Answer::Warning { .. } | Answer::Currency(_) => {
            honest(now, &P::alter(reply, answer))
        }
    }
}

/// The reply as it is.
pub(super) fn honest(now: Timestamp, reply: &Reply) -> Response {
    http(now, reply.status(), if reply.is_html() { HTML } else { JSON }, reply.text())
}

fn http(now: Timestamp, status: u16, kind: &str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    with_header(with_header(response, CONTENT_TYPE, kind), DATE, &http_date(now))
}

/// A header whose value cannot be one is left out.
fn with_header(mut response: Response, name: axum::http::HeaderName, value: &str) -> Response {
    if let Ok(value) = value.parse() {
        response.headers_mut().insert(name, value);
    }
    response
}

fn cut(bytes: Vec<u8>, end: End) -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(Cut { bytes, end });
    response
}

/// A reply that promises its whole length and delivers half of it.
fn half(now: Timestamp, reply: &Reply) -> Vec<u8> {
    let body = reply.text();
    let status = StatusCode::from_u16(reply.status()).unwrap_or(StatusCode::OK);
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {JSON}\r\nDate: {}\r\nContent-Length: {}\r\n\r\n",
        http_date(now),
        body.len()
    );
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(&body.as_bytes()[..body.len() / 2]);
    bytes
}

fn http_date(at: Timestamp) -> String {
    DateTimePrinter::new().timestamp_to_rfc9110_string(&at).unwrap_or_default()
}
