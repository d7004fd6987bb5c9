//! New orders: which fields each type needs, and the JSON that asks for their price or buys them.
//!
//! Pure. Not responsible for what is on offer (`catalogue.rs`) or for the answers (`quote.rs`, `reply.rs`). Mixes of countries are not
//! bought by renewd. Source: API v2 pages, "Order actions". The type stands in path and body alike until a source says which.
use std::net::IpAddr;

use serde::Serialize;

use crate::domain::{FieldProblem, PurchaseAuth, PurchaseRequest};

use super::wire::{self, BALANCE, Type};

/// Body of `order/calc`, which leaves out how the addresses are unlocked, and of `order/make`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OrderBody<'a> {
    r#type: &'static str,
    country_id: &'a str,
    period_id: String,
    quantity: u32,
    payment_id: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    coupon: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_target_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operator_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotation_id: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mobile_service_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generate_auth: Option<&'static str>,
}

/// Whether renewd buys that type.
pub fn is_sold(of: &Type) -> bool {
    ["ipv4", "ipv6", "mobile", "isp"].contains(&of.path)
}

fn sold(request: &PurchaseRequest) -> Option<&'static Type> {
    Type::of(&request.kind).filter(|of| is_sold(of))
}

/// The call and the JSON body. The request has no [`problems`].
pub fn ask(what: &str, request: &PurchaseRequest) -> (String, Vec<u8>) {
    let path = sold(request).map_or("ipv4", |of| of.path);
    let (mobile, makes) = (path == "mobile", what == "make");
    let country = request.country.as_deref().unwrap_or_default().trim().to_ascii_uppercase();
    let address = match &request.auth {
        Some(PurchaseAuth::Ip(address)) => Some(address.trim()),
        _ => None,
    };
    let body = OrderBody {
        r#type: path,
        country_id: &country,
        period_id: wire::period(request.period_days.unwrap_or_default()),
        quantity: request.quantity,
        payment_id: BALANCE,
        coupon: request.promo.as_deref(),
        authorization: address,
        custom_target_name: request.goal.as_deref(),
        protocol: protocol(request).filter(|_| path == "ipv6"),
        operator_id: request.operator.as_deref().filter(|_| mobile),
        rotation_id: request.rotation.map(|seconds| seconds / 60).filter(|_| mobile),
        mobile_service_type: mobile.then_some("dedicated"),
        generate_auth: makes.then_some(if address.is_some() { "N" } else { "Y" }),
    };
    let json = serde_json::to_vec(&body).expect("texts and numbers always make JSON");
    (format!("order/{what}/{path}"), json)
}

fn protocol(request: &PurchaseRequest) -> Option<&'static str> {
    let word = request.protocol.as_deref()?.trim();
    ["HTTP", "SOCKS"].into_iter().find(|known| known.eq_ignore_ascii_case(word))
}

/// Every field that is lacking, not known here, or cannot be what it says.
pub fn problems(request: &PurchaseRequest) -> Vec<FieldProblem> {
    let mut found = Problems(Vec::new());
    let Some(of) = sold(request) else {
        found.tell("kind", format!("`{}` is not bought here: write IPv4, IPv6, MOBILE or ISP", request.kind));
        return found.0;
    };
    let kind = of.kind;
    found.wrong(request.quantity == 0, "quantity", "must be at least 1");
    found.need(request.period_days.is_some_and(|days| days > 0), "period", kind, "such as 30d");
    match request.country.as_deref().map(str::trim) {
        Some(code) if code.len() == 3 && code.bytes().all(|b| b.is_ascii_alphabetic()) => {}
        Some(code) => {
            found.tell("country", format!("`{code}` is not an ISO 3166-1 alpha-3 code, such as USA"))
        }
        None => found.need(false, "country", kind, "such as USA"),
    }
    let filled = |text: Option<&str>| text.is_some_and(|text| !text.trim().is_empty());
    if of.path != "mobile" {
        found.need(filled(request.goal.as_deref()), "goal", kind, "what the addresses are for");
    }
    match &request.auth {
        Some(PurchaseAuth::Login) => {}
        Some(PurchaseAuth::Ip(address)) => {
            let wrong = format!("`{address}` is not an address: write ip:203.0.113.7");
            found.wrong(address.trim().parse::<IpAddr>().is_err(), "auth", &wrong);
        }
        None => found.need(false, "auth", kind, "login or ip:ADDRESS"),
    }
    found.wrong(request.promo.as_deref().is_some_and(|code| code.trim().is_empty()), "promo", "is empty");
    special(request, of, &mut found);
    found.not_here(request.cycle.is_some(), "cycle", kind);
    found.not_here(request.auto_renewal.is_some(), "auto-renewal", kind);
    found.not_here(!request.addons.is_empty(), "addon", kind);
    found.0
}

/// What only some types have.
fn special(request: &PurchaseRequest, of: &Type, found: &mut Problems) {
    if of.path == "ipv6" {
        found.need(request.protocol.is_some(), "protocol", of.kind, "http or socks");
        let word = request.protocol.as_deref().unwrap_or_default();
        let unknown = request.protocol.is_some() && protocol(request).is_none();
        found.wrong(unknown, "protocol", &format!("`{word}` is unknown: write http or socks"));
    } else {
        found.not_here(request.protocol.is_some(), "protocol", of.kind);
    }
    if of.path == "mobile" {
        let named = request.operator.as_deref().is_some_and(|text| !text.trim().is_empty());
        found.need(named, "operator", of.kind, "its tag, as `renewd order options` lists them");
        found.need(request.rotation.is_some(), "rotation", of.kind, "seconds, 0 for a link");
        let odd = request.rotation.is_some_and(|seconds| !seconds.is_multiple_of(60));
        found.wrong(odd, "rotation", "must be whole minutes: write 300 or 600");
    } else {
        found.not_here(request.operator.is_some(), "operator", of.kind);
        found.not_here(request.rotation.is_some(), "rotation", of.kind);
    }
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
