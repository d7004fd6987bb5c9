//! New orders: the five bodies, their checks, price and delivery. Not responsible for renewals (`life`, `change`).
use jiff::Timestamp;
use serde::Deserialize;

use super::books::EntryKind;
use super::calls::Outcome;
use super::change::body;
use super::endpoint::Call;
use super::order::{Kept, addons_price};
use super::price::{self, Bill, cents};
use super::site::Refused;
use super::world::Charge;
use super::{Addon, Cycle, Endpoint, Family, Offer, Order, World};
use crate::reply::Reply;
use renewd_core::domain::Money;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Extra {
    addon_key: String,
    qty: u32,
}

/// What is asked for, before it is held against the product.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    product: String,
    location: Option<String>,
    cycle: Option<String>,
    quantity: Option<u32>,
    promo_code: Option<String>,
    auto_renewal: Option<bool>,
    addons: Option<Vec<Extra>>,
}

impl Asked {
    fn from_query(call: &Call) -> Result<Self, Refused> {
        let text = |name: &str| call.parameter(name).filter(|text| !text.is_empty()).map(str::to_owned);
        let number = |text: String| text.parse().map_err(|_| Refused::bad("quantity must be a number"));
        let extras = |text: String| {
            serde_json::from_str(&text).map_err(|e| Refused::bad(format!("Invalid addons_json: {e}")))
        };
        Ok(Self {
            product: text("product").ok_or_else(|| Refused::bad("product is required"))?,
            location: text("location"),
            cycle: text("cycle"),
            quantity: text("quantity").map(number).transpose()?,
            promo_code: text("promo_code"),
            auto_renewal: None,
            addons: text("addons_json").map(extras).transpose()?,
        })
    }
}

/// What is asked for and can be had.
struct Wanted {
    offer: Offer,
    cycle: Option<Cycle>,
    quantity: u32,
    promo_code: Option<String>,
    auto_renewal: bool,
    addons: Vec<Addon>,
    bill: Bill,
}

impl World {
    /// `GET /orders/calculate`.
    pub(super) fn calculate(&self, now: Timestamp, call: &Call) -> Outcome {
        let asked = Asked::from_query(call)?;
        let with_addons = asked.addons.is_some();
        let bill = self.check(now, call, asked)?.bill;
        let reply = Reply::empty(200)
            .with("original_price", &cents(bill.original))
            .with("final_price", &cents(bill.base))
            .with("discount_percent", &bill.percent);
        if !with_addons {
            return Ok(reply);
        }
        let total = bill.total().ok_or_else(|| Refused::bad("Price out of range"))?;
        Ok(reply.with("addons_price", &cents(bill.addons)).with("total_with_addons", &cents(total)))
    }

    /// `POST /orders/purchase`: charged at once; the lists show the order after their lag.
    pub(super) fn purchase(&mut self, now: Timestamp, call: &Call) -> Outcome {
        let mut wanted = self.check(now, call, body(call)?)?;
        wanted.bill = wanted.bill.dearer(call.twist.surcharge);
        if wanted.offer.stock.is_some_and(|left| left < wanted.quantity) {
            return Err(Refused::bad("Not enough proxies in stock"));
        }
        let start = Timestamp::from_second(now.as_second()).unwrap_or(now);
        let end = wanted.cycle.as_ref().map(|cycle| cycle.term.after(start));
        let order = self.order_of(&wanted, (start, end));
        let id = order.id.clone();
        let reply = Reply::new(true).with("message", &"Order created").with("order_id", &self.looks.id(&id));
        if wanted.quantity == 0 {
            return Ok(reply);
        }
        let charge = Charge {
            at: now,
            key: &call.key,
            kind: EntryKind::Purchase,
            endpoint: Some(Endpoint::Purchase),
            order: &id,
            bill: wanted.bill,
            cycle: order.cycle.clone(),
            end_before: None,
            end_after: end,
        };
        if !self.charge(charge) {
            return Err(Refused::bad("Not enough funds"));
        }
        if !call.twist.undelivered {
            self.deliver(now, call, &wanted, order);
        }
        Ok(reply)
    }

    fn order_of(&mut self, wanted: &Wanted, term: (Timestamp, Option<Timestamp>)) -> Order {
        let order = self.blank(&wanted.offer.product, term, wanted.bill.base, wanted.quantity);
        Order {
            location: wanted.offer.location.clone(),
            cycle: wanted.cycle.as_ref().map(|cycle| cycle.name.clone()),
            addons: wanted.addons.clone(),
            promo_code: wanted.promo_code.clone(),
            auto_renewal: wanted.auto_renewal,
            ..order
        }
    }

    fn deliver(&mut self, now: Timestamp, call: &Call, wanted: &Wanted, order: Order) {
        let place = wanted.offer.location.as_deref();
        if let Some(offer) = self.catalogue.offer_mut(&wanted.offer.product, place) {
            offer.stock = offer.stock.map(|left| left.saturating_sub(wanted.quantity));
        }
        if let Some(account) = self.accounts.get_mut(&call.key) {
            account.orders.push(Kept::new_at(now, order));
        }
    }

    fn check(&self, now: Timestamp, call: &Call, asked: Asked) -> Result<Wanted, Refused> {
        let offer = self.offer_for(&asked)?;
        let cycle = match &asked.cycle {
            None => None,
            Some(name) => {
                let cycle = offer.cycle(name).filter(|cycle| !cycle.closed).cloned();
                Some(cycle.ok_or_else(|| Refused::bad(format!("Unknown cycle {name}")))?)
            }
        };
        let quantity = asked.quantity.unwrap_or(1);
        if !(1..=1_000).contains(&quantity) {
            return Err(Refused::bad("quantity must be between 1 and 1000"));
        }
        // An order that is processed in part delivers, and charges, only the first proxies.
        let most = call.twist.limit.and_then(|most| u32::try_from(most).ok()).unwrap_or(u32::MAX);
        let quantity = quantity.min(most);
        let out_of_range = || Refused::bad("Price out of range");
        let unit = offer.price(asked.cycle.as_deref()).ok_or_else(out_of_range)?;
        let original: Money = unit.times(u64::from(quantity)).ok_or_else(out_of_range)?;
        let percent = self.discount(now, call, &asked)?;
        let addons = self.extras(asked.addons.as_deref().unwrap_or_default())?;
        let base = price::reduced(original, percent);
        let bill = Bill { original, base, percent, addons: addons_price(&addons) };
        let (promo_code, auto_renewal) = (asked.promo_code, asked.auto_renewal.unwrap_or(false));
        Ok(Wanted { offer: offer.clone(), cycle, quantity, promo_code, auto_renewal, addons, bill })
    }

    /// The product in its place, once the fields are those that it takes.
    fn offer_for(&self, asked: &Asked) -> Result<&Offer, Refused> {
        let product = asked.product.as_str();
        let known = self.catalogue.offers.iter().find(|offer| offer.product == product);
        let family = known.ok_or_else(|| Refused::bad(format!("Unknown product {product}")))?.family;
        // Which of place, cycle and auto-renewal a family needs (Some(true)), may have (None) or does not have.
        let (place, cycle, auto) = match family {
            Family::Located => (Some(true), Some(true), None),
            Family::PerGigabyte => (Some(false), Some(false), Some(false)),
            Family::Unmetered => (Some(false), Some(true), Some(false)),
            Family::Other => (None, Some(true), Some(false)),
        };
        let fields = [
            ("location", place, asked.location.is_some()),
            ("cycle", cycle, asked.cycle.is_some()),
            ("auto_renewal", auto, asked.auto_renewal.is_some()),
        ];
        for (name, needed, given) in fields {
            match needed {
                Some(true) if !given => return Err(Refused::bad(format!("{name} is required"))),
                Some(false) if given => {
                    return Err(Refused::bad(format!("{name} is not allowed for {product}")));
                }
                _ => {}
            }
        }
        let place = asked.location.as_deref();
        let offers = self.catalogue.offers.iter().filter(|offer| offer.product == product);
        let mut fitting = offers.filter(|offer| place.is_none() || offer.location.as_deref() == place);
        fitting.next().ok_or_else(|| Refused::bad(format!("{product} is not available in this location")))
    }

    fn discount(&self, now: Timestamp, call: &Call, asked: &Asked) -> Result<u32, Refused> {
        let Some(code) = asked.promo_code.as_deref() else { return Ok(0) };
        if call.twist.reject_promo {
            return Ok(0);
        }
        match price::promo(self.get(call)?, now, Some(code), asked.cycle.as_deref()) {
            Some(promo) => Ok(promo.percent),
            None if self.rules.ignore_bad_promo => Ok(0),
            None => Err(Refused::bad("Invalid promo code")),
        }
    }

    fn extras(&self, asked: &[Extra]) -> Result<Vec<Addon>, Refused> {
        let addon = |extra: &Extra| {
            let kind = self.catalogue.addons.iter().find(|kind| kind.key == extra.addon_key);
            let kind = kind.filter(|_| extra.qty > 0);
            let kind = kind.ok_or_else(|| Refused::bad(format!("Invalid addon {}", extra.addon_key)))?;
            let (catalog_id, unit) = (kind.catalog_id, kind.unit);
            Ok(Addon { key: kind.key.clone(), catalog_id, qty: extra.qty, unit, pending: None })
        };
        asked.iter().map(addon).collect()
    }
}
