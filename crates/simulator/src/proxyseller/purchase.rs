//! `order/calc` and `order/make`: which fields each type needs, and the new order. Not responsible for booking it (`world`).
use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::books::{EntryKind, Line};
use super::endpoint::Call;
use super::fields::Fields;
use super::product;
use super::prolong::short;
use super::site::{inner, success};
use super::{Account, Coded, Endpoint, Product, World};
use crate::reply::Reply;
use crate::site::later;
use renewd_core::domain::Money;

pub(super) const COUNTRIES: [&str; 4] = ["USA", "DEU", "GBR", "FRA"];

struct Wanted {
    product: Product,
    country: String,
    days: u32,
    quantity: u32,
    total: Money,
}

fn check(world: &World, call: &Call) -> Result<Wanted, Coded> {
    let fields = Fields::read(&call.body)?;
    let product = call.subject.as_deref().and_then(Product::find);
    let product = product.ok_or_else(|| Coded::new(0, "Incorrect type"))?;
    let country = fields.text("countryId").filter(|code| COUNTRIES.contains(code));
    let country = country.ok_or_else(|| Coded::new(0, "Incorrect countryId"))?.to_owned();
    let days = fields.text("periodId").and_then(product::days);
    let days = days.ok_or_else(|| Coded::new(0, "Incorrect periodId"))?;
    let quantity =
        fields.whole("quantity").and_then(|n| u32::try_from(n).ok()).filter(|n| (1..=1000).contains(n));
    let quantity = quantity.ok_or_else(|| Coded::new(0, "Incorrect quantity"))?;
    if fields.text("paymentId") != Some("balance") {
        return Err(Coded::new(0, "Incorrect paymentId"));
    }
    if product != Product::Mobile && fields.text("customTargetName").is_none() {
        return Err(Coded::new(14, "Incorrect goal"));
    }
    if product == Product::Mobile
        && (fields.text("operatorId").is_none() || fields.whole("rotationId").is_none())
    {
        return Err(Coded::new(0, "Incorrect operatorId or rotationId"));
    }
    if product == Product::Ipv6 && !matches!(fields.text("protocol"), Some("HTTP" | "SOCKS")) {
        return Err(Coded::new(0, "Incorrect protocol"));
    }
    if fields.has("authorization")
        && fields.text("authorization").is_none_or(|ip| ip.parse::<IpAddr>().is_err())
    {
        return Err(Coded::new(0, "Incorrect authorization"));
    }
    if call.endpoint == Endpoint::OrderMake && !matches!(fields.text("generateAuth"), Some("Y" | "N")) {
        return Err(Coded::new(0, "Incorrect generateAuth"));
    }
    let limit = call.twist.limit.and_then(|n| u32::try_from(n).ok()).unwrap_or(u32::MAX);
    let quantity = quantity.min(limit);
    let each = world.price(product, days).plus(call.twist.surcharge);
    let total = each.and_then(|each| each.times(u64::from(quantity)));
    let total = total.ok_or_else(|| Coded::new(0, "Incorrect quantity"))?;
    Ok(Wanted { product, country, days, quantity, total })
}

fn calculation(account: &Account, now: Timestamp, of: &Wanted, warning: &str) -> Reply {
    let none: [Value; 0] = [];
    Reply::empty(200)
        .with("warning", &warning)
        .with_money("balance", Some(account.shown_balance(now)))
        .with_money("total", Some(of.total))
        .with("quantity", &of.quantity)
        .with("currency", &"USD")
        .with("discount", &0)
        .with("items", &none)
}

/// `order/calc/{type}`.
pub(super) fn calc(world: &World, now: Timestamp, call: &Call) -> Result<Reply, Coded> {
    let wanted = check(world, call)?;
    let account = world.account(&call.key).ok_or_else(|| Coded::new(503, "Error api key"))?;
    let data = |warning: &str| calculation(account, now, &wanted, warning);
    Ok(short(world, &call.key, wanted.total, data).unwrap_or_else(|| success(&inner(&data("")))))
}

/// `order/make/{type}`: charges at once; the lists show the new proxies after the list lag.
pub(super) fn make(world: &mut World, now: Timestamp, call: &Call) -> Result<Reply, Coded> {
    let no_key = || Coded::new(503, "Error api key");
    let wanted = check(world, call)?;
    let account = world.account(&call.key).ok_or_else(no_key)?;
    let data = |warning: &str| calculation(account, now, &wanted, warning);
    if let Some(refused) = short(world, &call.key, wanted.total, data) {
        return Ok(refused);
    }
    let places: Vec<String> = (0..wanted.quantity).map(|_| world.fresh_address()).collect();
    let names: Vec<&str> = places.iter().map(String::as_str).collect();
    let start = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let end = later(start, Duration::from_secs(86_400 * u64::from(wanted.days)));
    let seen_from = later(now, world.list_lag);
    let what = (wanted.product, wanted.country.as_str());
    let order = world.rent(&call.key, what, &names, (start, end), seen_from).ok_or_else(no_key)?;
    let account = world.account(&call.key).ok_or_else(no_key)?;
    let (lines, before) = (lines(account, &order), account.balance);
    let after = before.minus(wanted.total).unwrap_or_default();
    world.book(now, &call.key, EntryKind::Purchase, (wanted.total, after), wanted.days, lines);
    if call.twist.undelivered {
        world.account_mut(&call.key).ok_or_else(no_key)?.proxies.retain(|proxy| proxy.order != order);
    }
    let fields = Reply::empty(200)
        .with("orderId", &order)
        .with_money("total", Some(wanted.total))
        .with_money("balance", Some(after));
    Ok(success(&inner(&fields)))
}

fn lines(account: &Account, order: &str) -> Vec<Line> {
    let of = account.proxies().iter().filter(|proxy| proxy.order == order);
    let line = of.map(|proxy| Line {
        id_before: proxy.id.clone(),
        id_after: proxy.id.clone(),
        order: proxy.order.clone(),
        place: proxy.place(),
        end_before: None,
        end_after: proxy.end,
    });
    line.collect()
}
