//! Whether what is to be bought is on offer. What the catalogue does not tell cannot be checked and is not refused.
use crate::domain::{Catalogue, FieldProblem, Offer, PurchaseRequest, same_cycle};

/// Everything that is not on offer, at once.
pub(super) fn problems(request: &PurchaseRequest, catalogue: &Catalogue) -> Vec<FieldProblem> {
    let same = |a: &str, b: &str| a.trim().eq_ignore_ascii_case(b.trim());
    let mut found = Vec::new();
    let mut miss = |field, wanted: &str, on_offer: Vec<String>| {
        let message = format!("`{wanted}` is not on offer; there is: {}", on_offer.join(", "));
        found.push(FieldProblem { field, message });
    };
    let promos = &catalogue.promos;
    if let Some(code) = request.promo.as_deref()
        && !promos.is_empty()
        && promos.iter().all(|p| p.code != code)
    {
        miss("promo", code, promos.iter().map(|p| p.code.clone()).collect());
    }
    let offers: Vec<&Offer> =
        catalogue.offers.iter().filter(|o| same(&o.kind, request.kind.as_str())).collect();
    let Some(offer) = offers.first().filter(|_| !catalogue.offers.is_empty()) else {
        if !catalogue.offers.is_empty() {
            miss("kind", request.kind.as_str(), catalogue.offers.iter().map(|o| o.kind.clone()).collect());
        }
        return found;
    };
    if let Some(country) = request.country.as_deref()
        && !offer.countries.is_empty()
        && !offer.countries.iter().any(|c| same(c, country))
    {
        miss("country", country, offer.countries.clone());
    }
    if let Some(days) = request.period_days
        && !offer.periods.is_empty()
        && !offer.periods.contains(&days)
    {
        miss("period", &format!("{days}d"), offer.periods.iter().map(|d| format!("{d}d")).collect());
    }
    if let Some(cycle) = request.cycle.as_deref()
        && !offer.cycles.is_empty()
        && !offer.cycles.iter().any(|c| same_cycle(c, cycle))
    {
        miss("cycle", cycle, offer.cycles.clone());
    }
    operator(request, offer, &mut miss);
    stock(request, offer, &mut found);
    found
}

fn operator(
    request: &PurchaseRequest,
    offer: &Offer,
    miss: &mut impl FnMut(&'static str, &str, Vec<String>),
) {
    let Some(tag) = request.operator.as_deref().filter(|_| !offer.operators.is_empty()) else { return };
    let Some(operator) = offer.operators.iter().find(|o| o.tag.eq_ignore_ascii_case(tag)) else {
        return miss("operator", tag, offer.operators.iter().map(|o| o.tag.clone()).collect());
    };
    if let Some(rotation) = request.rotation
        && !operator.rotations.is_empty()
        && !operator.rotations.contains(&rotation)
    {
        miss("rotation", &rotation.to_string(), operator.rotations.iter().map(u32::to_string).collect());
    }
}

fn stock(request: &PurchaseRequest, offer: &Offer, found: &mut Vec<FieldProblem>) {
    let Some(country) = request.country.as_deref() else { return };
    let Some(stock) = offer.stock.iter().find(|s| s.country.eq_ignore_ascii_case(country)) else { return };
    if stock.amount < u64::from(request.quantity) {
        let message = format!("{} wanted, {} in stock in {country}", request.quantity, stock.amount);
        found.push(FieldProblem { field: "quantity", message });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Operator, PromoCode, Stock};

    fn request() -> PurchaseRequest {
        PurchaseRequest {
            account: "yp".into(),
            kind: "ipv4".into(),
            country: Some("usa".into()),
            quantity: 2,
            period_days: Some(30),
            cycle: None,
            promo: None,
            goal: None,
            auth: None,
            protocol: None,
            operator: None,
            rotation: None,
            auto_renewal: None,
            addons: Vec::new(),
            mark: None,
        }
    }

    fn catalogue() -> Catalogue {
        let offer = Offer {
            kind: "IPv4".into(),
            countries: vec!["USA".into(), "DEU".into()],
            periods: vec![30, 60],
            cycles: vec!["monthly".into()],
            operators: vec![Operator { tag: "tele".into(), country: None, rotations: vec![60] }],
            stock: vec![Stock { country: "USA".into(), amount: 2 }],
        };
        let promos = vec![PromoCode { code: "SAVE10".into(), ends_at: None }];
        Catalogue { offers: vec![offer], promos }
    }

    #[test]
    fn what_is_not_on_offer_is_told_all_at_once() {
        assert!(problems(&request(), &catalogue()).is_empty(), "letter case does not matter");
        let wrong = PurchaseRequest {
            country: Some("FRA".into()),
            period_days: Some(7),
            cycle: Some("weekly".into()),
            promo: Some("NOPE".into()),
            operator: Some("other".into()),
            ..request()
        };
        let fields: Vec<&str> = problems(&wrong, &catalogue()).iter().map(|p| p.field).collect();
        assert_eq!(fields, ["promo", "country", "period", "cycle", "operator"]);
        let odd =
            PurchaseRequest { operator: Some("tele".into()), rotation: Some(5), quantity: 3, ..request() };
        let fields: Vec<&str> = problems(&odd, &catalogue()).iter().map(|p| p.field).collect();
        assert_eq!(fields, ["rotation", "quantity"]);
        let unknown = PurchaseRequest { kind: "IPv9".into(), ..request() };
        assert_eq!(problems(&unknown, &catalogue())[0].field, "kind");
    }

    #[test]
    fn a_catalogue_that_tells_nothing_refuses_nothing() {
        assert!(
            problems(&PurchaseRequest { promo: Some("X".into()), ..request() }, &Catalogue::default())
                .is_empty()
        );
    }
}
