//! New orders: which fields each of the four kinds needs, and the JSON that asks for their price or buys them.
//!
//! Pure. Not responsible for what is on offer (`catalogue.rs`) or for the answers (`quote.rs`, `reply.rs`). Source: client API
//! pages, `calculate/order` and `order`.
use std::net::IpAddr;

use serde::Serialize;

use crate::domain::{FieldProblem, Kind, PurchaseAuth, PurchaseRequest};

use super::wire;

/// Body of `calculate/order`, which leaves out how the addresses are unlocked, and of `order`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OrderBody<'a> {
    proxy_type: &'a Kind,
    quantity: u32,
    rent_period_days: u32,
    country: &'a str,
    goal: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_ip: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotation_time: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mobile_operator: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    promo_code: Option<&'a str>,
}

/// What the body is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// `calculate/order`.
    Price,
    /// `order`.
    Purchase,
}

/// The JSON body. The request has no [`problems`].
pub fn body(request: &PurchaseRequest, ask: Ask) -> Vec<u8> {
    let kind = wire::kind(request.kind.as_str());
    let mobile = kind.as_str() == "MOBILE";
    let access = ask == Ask::Purchase;
    let country = request.country.as_deref().unwrap_or_default().trim().to_ascii_uppercase();
    let (auth_type, auth_ip) = match &request.auth {
        Some(PurchaseAuth::Ip(address)) => ("IP", Some(address.as_str())),
        _ => ("LOGIN", None),
    };
    let body = OrderBody {
        quantity: request.quantity,
        rent_period_days: request.period_days.unwrap_or_default(),
        country: &country,
        goal: request.goal.as_deref().unwrap_or_default(),
        auth_type: access.then_some(auth_type),
        auth_ip: auth_ip.filter(|_| access),
        protocol: protocol(request).filter(|_| access && kind.as_str() == "IPv6"),
        rotation_time: request.rotation.filter(|_| mobile),
        mobile_operator: request.operator.as_deref().filter(|_| mobile),
        promo_code: request.promo.as_deref(),
        proxy_type: &kind,
    };
    serde_json::to_vec(&body).expect("texts and numbers always make JSON")
}

fn protocol(request: &PurchaseRequest) -> Option<&'static str> {
    let word = request.protocol.as_deref()?.trim();
    ["HTTP", "SOCKS"].into_iter().find(|known| known.eq_ignore_ascii_case(word))
}

/// Every field that is lacking, not known here, or cannot be what it says.
pub fn problems(request: &PurchaseRequest) -> Vec<FieldProblem> {
    let mut found = Problems(Vec::new());
    let Some(kind) = wire::known_kind(request.kind.as_str()) else {
        found.tell("kind", format!("`{}` is not sold here: write IPv4, IPv6, MOBILE or ISP", request.kind));
        return found.0;
    };
    let kind = kind.as_str();
    found.wrong(request.quantity == 0, "quantity", "must be at least 1");
    found.need(request.period_days.is_some_and(|days| days > 0), "period", kind, "such as 30d");
    match request.country.as_deref().map(str::trim) {
        Some(code) if code.len() == 3 && code.bytes().all(|b| b.is_ascii_alphabetic()) => {}
        Some(code) => {
            found.tell("country", format!("`{code}` is not an ISO 3166-1 alpha-3 code, such as USA"))
        }
        None => found.need(false, "country", kind, "such as USA"),
    }
    found.need(filled(request.goal.as_deref()), "goal", kind, "what the addresses are for");
    match &request.auth {
        Some(PurchaseAuth::Login) => {}
        Some(PurchaseAuth::Ip(address)) => {
            let wrong = format!("`{address}` is not an address: write ip:203.0.113.7");
            found.wrong(address.parse::<IpAddr>().is_err(), "auth", &wrong);
        }
        None => found.need(false, "auth", kind, "login or ip:ADDRESS"),
    }
    found.wrong(request.promo.as_deref().is_some_and(|code| code.trim().is_empty()), "promo", "is empty");
    special(request, kind, &mut found);
    foreign(request, kind, &mut found);
    found.0
}

/// What only some kinds have.
fn special(request: &PurchaseRequest, kind: &str, found: &mut Problems) {
    if kind == "IPv6" {
        found.need(request.protocol.is_some(), "protocol", kind, "http or socks");
        let word = request.protocol.as_deref().unwrap_or_default();
        let unknown = request.protocol.is_some() && protocol(request).is_none();
        found.wrong(unknown, "protocol", &format!("`{word}` is unknown: write http or socks"));
    } else {
        found.not_here(request.protocol.is_some(), "protocol", kind);
    }
    if kind == "MOBILE" {
        let hint = "its tag, as `renewd order options` lists them";
        found.need(filled(request.operator.as_deref()), "operator", kind, hint);
        found.need(request.rotation.is_some_and(|seconds| seconds > 0), "rotation", kind, "seconds");
    } else {
        found.not_here(request.operator.is_some(), "operator", kind);
        found.not_here(request.rotation.is_some(), "rotation", kind);
    }
}

/// What this provider does not have at all.
fn foreign(request: &PurchaseRequest, kind: &str, found: &mut Problems) {
    found.not_here(request.cycle.is_some(), "cycle", kind);
    found.not_here(request.auto_renewal.is_some(), "auto-renewal", kind);
    found.not_here(!request.addons.is_empty(), "addon", kind);
}

fn filled(text: Option<&str>) -> bool {
    text.is_some_and(|text| !text.trim().is_empty())
}

struct Problems(Vec<FieldProblem>);

impl Problems {
    fn tell(&mut self, field: &'static str, message: String) {
        self.0.push(FieldProblem { field, message });
    }

    fn wrong(&mut self, wrong: bool, field: &'static str, message: &str) {
        if wrong {
            self.tell(field, message.to_owned());
        }
    }

    fn need(&mut self, given: bool, field: &'static str, kind: &str, hint: &str) {
        if !given {
            self.tell(field, format!("{kind} needs it: {hint}"));
        }
    }

    fn not_here(&mut self, given: bool, field: &'static str, kind: &str) {
        if given {
            self.tell(field, format!("{kind} has no such thing: leave it out"));
        }
    }
}

#[cfg(test)]
#[path = "order_tests.rs"]
mod tests;
