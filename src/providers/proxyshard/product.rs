//! The five groups of products: what each needs, may have and does not have in a purchase. Pure.
//!
//! Source: the vendor's reference, the five bodies of `/orders/purchase`. Product names are the vendor's own, its misspelling
//! included; letter case does not matter to us, and what is sent is spelled as there.
use crate::domain::{Change, FieldProblem, PurchaseRequest};

use super::wire::{AddonBody, PurchaseBody};

const DATACENTER: &str = "Datacenter Proxy";
const ISP: &str = "ISP Proxy";
const STANDARD: &str = "Standart Residential Proxy";
const PREMIUM: &str = "Premium Residential Proxy";
const UNMETERED: &str = "Unmetered Residential proxy";

/// What people write, and what the vendor has.
const NAMES: [(&str, &str); 6] = [
    (DATACENTER, DATACENTER),
    (ISP, ISP),
    (STANDARD, STANDARD),
    ("Standard Residential Proxy", STANDARD),
    (PREMIUM, PREMIUM),
    (UNMETERED, UNMETERED),
];

/// Whether a field stands in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Needed,
    May,
    Never,
}

/// One of the five bodies, by the fields in which they differ. `quantity`, `promo_code` and `addons` may stand in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Form {
    location: Field,
    cycle: Field,
    auto_renewal: Field,
}

/// The vendor's spelling of a product; another text stays as it is.
pub fn name(text: &str) -> &str {
    let text = text.trim();
    NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(text)).map_or(text, |(_, vendors)| *vendors)
}

/// Bought by traffic: no billing cycle and no end.
pub fn is_lifetime(product: &str) -> bool {
    matches!(name(product), STANDARD | PREMIUM)
}

fn form(product: &str) -> Form {
    match name(product) {
        DATACENTER | ISP => Form { location: Field::Needed, cycle: Field::Needed, auto_renewal: Field::May },
        STANDARD | PREMIUM => {
            Form { location: Field::Never, cycle: Field::Never, auto_renewal: Field::Never }
        }
        UNMETERED => Form { location: Field::Never, cycle: Field::Needed, auto_renewal: Field::Never },
        _ => Form { location: Field::May, cycle: Field::Needed, auto_renewal: Field::Never },
    }
}

/// Why this product's orders cannot be changed so, if that is known beforehand.
pub fn cannot_change(product: &str, change: &Change) -> Option<String> {
    let what = match change {
        Change::AutoRenewal { .. } => "no auto-renewal that can be switched",
        Change::Cycle(_) => "no billing cycle that can be changed",
        Change::Tag(_) => return None,
    };
    let residential = product.to_lowercase().contains("residential");
    residential.then(|| format!("`{product}` has {what}: only Datacenter and ISP orders have one"))
}

/// Fields that a purchase lacks, or has and its product does not know.
pub fn problems(request: &PurchaseRequest) -> Vec<FieldProblem> {
    let product = name(request.kind.as_str());
    let mut found = Vec::new();
    let mut say = |field, message: String| found.push(FieldProblem { field, message });
    if product.is_empty() {
        say("product", "is missing: `renewd order options` lists the products".to_owned());
        return found;
    }
    let form = form(product);
    let told = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.trim().is_empty());
    for (field, rule, given, hint) in [
        ("location", form.location, told(&request.country), "write one such as DE"),
        ("cycle", form.cycle, told(&request.cycle), "write one such as monthly"),
        ("auto-renewal", form.auto_renewal, request.auto_renewal.is_some(), ""),
    ] {
        match (rule, given) {
            (Field::Needed, false) => say(field, format!("is missing: `{product}` needs it, {hint}")),
            (Field::Never, true) => say(field, format!("`{product}` does not have it: leave it out")),
            _ => {}
        }
    }
    if request.quantity == 0 {
        say("quantity", "must be at least 1".to_owned());
    }
    if request.promo.as_deref().is_some_and(|promo| promo.trim().is_empty()) {
        say("promo", "is empty: leave it out".to_owned());
    }
    addon_problems(request, &mut say);
    for (field, given) in [
        ("period", request.period_days.is_some()),
        ("goal", request.goal.is_some()),
        ("auth", request.auth.is_some()),
        ("protocol", request.protocol.is_some()),
        ("operator", request.operator.is_some()),
        ("rotation", request.rotation.is_some()),
    ] {
        if given {
            say(field, "ProxyShard does not have it: leave it out".to_owned());
        }
    }
    found
}

fn addon_problems(request: &PurchaseRequest, say: &mut impl FnMut(&'static str, String)) {
    for (n, (key, quantity)) in request.addons.iter().enumerate() {
        if key.trim().is_empty() {
            say("addon", "has no key: write KEY=QTY".to_owned());
        } else if *quantity == 0 {
            say("addon", format!("`{key}` must have a quantity of at least 1"));
        } else if request.addons[..n].iter().any(|(other, _)| other == key) {
            say("addon", format!("`{key}` is there twice: write it once, with the whole quantity"));
        }
    }
}

/// The body of a purchase without problems. Fields that the product does not have are left out.
pub fn body(request: &PurchaseRequest) -> PurchaseBody<'_> {
    let product = name(request.kind.as_str());
    let form = form(product);
    PurchaseBody {
        product,
        location: given(form.location, request.country.as_deref()),
        cycle: given(form.cycle, request.cycle.as_deref()),
        quantity: request.quantity,
        promo_code: request.promo.as_deref(),
        auto_renewal: request.auto_renewal.filter(|_| form.auto_renewal != Field::Never),
        addons: request.addons.iter().map(|(key, qty)| AddonBody { addon_key: key, qty: *qty }).collect(),
    }
}

fn given(rule: Field, text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| rule != Field::Never && !text.is_empty())
}

/// Whether a short code of the stock list, such as `dc`, means this product.
pub fn is_meant(code: &str, product: &str) -> bool {
    let code = code.trim().to_lowercase();
    let product = name(product).to_lowercase();
    let long = match code.as_str() {
        "" => return false,
        "dc" => "datacenter",
        other => other,
    };
    product == long || product.split_whitespace().any(|word| word == long)
}

#[cfg(test)]
#[path = "product_tests.rs"]
mod tests;
