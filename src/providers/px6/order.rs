//! New proxies: which fields a purchase needs, and the parameters that buy it.
//!
//! Pure. `auto_prolong` is never among them: what is set there, no call shows or takes back. Not responsible for answers (`reply.rs`).
//! Source: the vendor's developer page, `buy`.
use crate::domain::{FieldProblem, PurchaseRequest};

use super::wire;

/// The parameters of `buy`, in the vendor's order. The request has no [`problems`].
pub fn parameters(request: &PurchaseRequest, mark: &str) -> Vec<(&'static str, String)> {
    vec![
        ("count", request.quantity.to_string()),
        ("period", request.period_days.unwrap_or_default().to_string()),
        ("country", country(request)),
        ("version", wire::version(&request.kind).unwrap_or_default().to_string()),
        ("descr", mark.to_owned()),
    ]
}

/// In the letters that the vendor writes.
pub fn country(request: &PurchaseRequest) -> String {
    request.country.as_deref().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Every field that is lacking, not known here, or cannot be what it says.
pub fn problems(request: &PurchaseRequest) -> Vec<FieldProblem> {
    let mut found = Vec::new();
    let mut tell = |wrong: bool, field: &'static str, message: &str| {
        if wrong {
            found.push(FieldProblem { field, message: message.to_owned() });
        }
    };
    let unknown = wire::version(&request.kind).is_none();
    let words = format!("`{}` is not sold here: write IPv4, IPv4-shared or IPv6", request.kind);
    tell(unknown, "kind", &words);
    tell(request.quantity == 0, "quantity", "must be at least 1");
    tell(request.period_days.is_none_or(|days| days == 0), "period", "is needed: such as 30d");
    let code = country(request);
    let two = code.len() == 2 && code.bytes().all(|b| b.is_ascii_alphabetic());
    tell(!two, "country", "is needed: an ISO 3166-1 alpha-2 code, such as us");
    for (given, field) in [
        (request.cycle.is_some(), "cycle"),
        (request.promo.is_some(), "promo"),
        (request.goal.is_some(), "goal"),
        (request.auth.is_some(), "auth"),
        (request.protocol.is_some(), "protocol"),
        (request.operator.is_some(), "operator"),
        (request.rotation.is_some(), "rotation"),
        (request.auto_renewal.is_some(), "auto-renewal"),
        (!request.addons.is_empty(), "addon"),
    ] {
        tell(given, field, "is not for this provider: leave it out");
    }
    found
}
