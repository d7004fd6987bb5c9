//! New orders: their checks, price and delivery. Not responsible for extensions (`calls`).
use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::books::{EntryKind, Line};
use super::endpoint::Call;
use super::fields::Fields;
use super::quote::quote_reply;
use super::world::Extension;
use super::{Coded, Endpoint, Product, World};
use crate::reply::Reply;
use crate::site::later;
use renewd_core::domain::Money;

const OPERATORS: [(&str, &[u64]); 2] = [("vodafone", &[300, 600, 1800]), ("t-mobile", &[600, 1800])];

struct Wanted {
    product: Product,
    days: u32,
    country: String,
    units: Vec<Money>,
}

/// `GET /mobileOperator`: tags with their rotation times in seconds.
pub(super) fn operators() -> Vec<Value> {
    OPERATORS.map(|(tag, times)| json!({"tag": tag, "name": tag, "rotationTimes": times})).into()
}

/// `POST /calculate/order`.
pub(super) fn quote(world: &World, now: Timestamp, call: &Call) -> Result<Reply, Coded> {
    let fields = Fields::read(&call.body)?;
    let wanted = check(world, call, &fields)?;
    let priced = world.total(now, call, &fields, &wanted.units)?;
    let account = world.account(&call.key).ok_or_else(|| Coded::new(2, "Error api key"))?;
    Ok(quote_reply(account, now, wanted.product, &priced))
}

/// `POST /order`: charges at once; the lists show the new leases after the list lag.
pub(super) fn buy(world: &mut World, now: Timestamp, call: &Call) -> Result<Reply, Coded> {
    let no_key = || Coded::new(2, "Error api key");
    let fields = Fields::read(&call.body)?;
    let wanted = check(world, call, &fields)?;
    let priced = world.total(now, call, &fields, &wanted.units)?;
    if world.account(&call.key).ok_or_else(no_key)?.balance < priced.total {
        return Err(Coded::new(16, "Insufficient funds on balance"));
    }
    let number = world.fresh_order();
    let ips: Vec<String> = wanted.units.iter().map(|_| world.fresh_address(wanted.product)).collect();
    let names: Vec<&str> = ips.iter().map(String::as_str).collect();
    // Whole seconds, so that every date form of the lists says the same end.
    let start = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let end = later(start, Duration::from_secs(86_400 * u64::from(wanted.days)));
    let seen_from = later(now, world.list_lag);
    let what = (wanted.product, wanted.country.as_str());
    let order = world.rent(&call.key, what, &names, (start, end), seen_from).ok_or_else(no_key)?;
    let rentals = world.account(&call.key).ok_or_else(no_key)?.rentals().iter();
    let lines = rentals.filter(|rental| rental.order == order).map(|rental| Line {
        id_before: rental.id.clone(),
        id_after: rental.id.clone(),
        order: order.clone(),
        ip: rental.ip.clone(),
        end_before: None,
        end_after: end,
    });
    let lines = lines.collect();
    let (kind, endpoint) = (EntryKind::Purchase, Some(Endpoint::Order));
    let (days, amount) = (wanted.days, priced.total);
    let delivers = !call.twist.undelivered;
    let paid = Extension { key: &call.key, at: now, kind, endpoint, ips: &[], days, amount, delivers };
    world.charge(&paid, lines);
    if !delivers {
        for ip in &ips {
            world.remove(&call.key, ip);
        }
    }
    let account = world.account(&call.key).ok_or_else(no_key)?;
    Ok(Reply::new(true)
        .with("proxyType", &wanted.product.as_str())
        .with("orderNumber", &format!("N-{number}"))
        .with_money("balance", Some(account.balance))
        .with("currency", &account.currency)
        .with("error", &Value::Null)
        .with("promoCodeStatus", &priced.promo))
}

fn check(world: &World, call: &Call, fields: &Fields) -> Result<Wanted, Coded> {
    let product = fields.product()?;
    let quantity = fields.whole("quantity").and_then(|n| usize::try_from(n).ok());
    let quantity =
        quantity.filter(|n| (1..=1000).contains(n)).ok_or_else(|| Coded::new(19, "Incorrect quantity"))?;
    let days = fields.days(product)?;
    let country = fields.text("country").unwrap_or_default();
    if country.len() != 3 || !country.bytes().all(|b| b.is_ascii_uppercase()) {
        return Err(Coded::new(6, "Incorrect country"));
    }
    if !world.prices.countries(product).iter().any(|offered| offered == country) {
        return Err(Coded::new(7, "Country is not available for this proxy type"));
    }
    if fields.text("goal").is_none() {
        return Err(Coded::new(14, "Incorrect goal"));
    }
    if product == Product::Mobile && !operator_is_known(fields) {
        return Err(Coded::new(8, "Incorrect mobile operator"));
    }
    if call.endpoint == Endpoint::Order {
        check_access(product, fields)?;
    }
    let unit =
        world.prices.of(product, country, days).ok_or_else(|| Coded::new(11, "Incorrect rent period"))?;
    // A partly processed order delivers, and charges, only the first IPs.
    let delivered = quantity.min(call.twist.limit.unwrap_or(usize::MAX));
    Ok(Wanted { product, days, country: country.to_owned(), units: vec![unit; delivered] })
}

fn operator_is_known(fields: &Fields) -> bool {
    let (tag, time) = (fields.text("mobileOperator"), fields.whole("rotationTime"));
    OPERATORS.iter().any(|(known, times)| Some(*known) == tag && time.is_some_and(|t| times.contains(&t)))
}

fn check_access(product: Product, fields: &Fields) -> Result<(), Coded> {
    match fields.text("authType") {
        Some("LOGIN") => {}
        Some("IP") if fields.text("authIp").is_some_and(|ip| ip.parse::<IpAddr>().is_ok()) => {}
        Some("IP") => return Err(Coded::new(23, "Incorrect auth ip")),
        _ => return Err(Coded::new(10, "Incorrect auth type")),
    }
    let protocol = fields.text("protocol");
    if product == Product::IPv6 && !matches!(protocol, Some("HTTP" | "SOCKS")) {
        return Err(Coded::new(13, "Incorrect protocol"));
    }
    Ok(())
}
