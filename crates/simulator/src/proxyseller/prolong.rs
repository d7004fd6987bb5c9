//! `prolong/calc`, `prolong/make` and `autoprolong/…`: what they select, what it costs, and what they answer. Not responsible for moving
//! ends and money (`world`).
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::books::EntryKind;
use super::endpoint::Call;
use super::fields::Fields;
use super::product;
use super::site::{failure, inner, success};
use super::world::Renewal;
use super::{Account, Coded, Endpoint, Product, Proxy, World};
use crate::reply::Reply;
use renewd_core::domain::Money;

struct Selected {
    product: Product,
    days: u32,
    places: Vec<String>,
    total: Money,
}

/// The proxies that a call names: of types that are renewed by whole orders, all that is active in them.
fn select<'a>(
    account: &'a Account,
    call: &Call,
    fields: &Fields,
) -> Result<(Product, Vec<&'a Proxy>), Coded> {
    let product = call.subject.as_deref().and_then(Product::find);
    let product = product.ok_or_else(|| Coded::new(0, "Incorrect type"))?;
    let of_type = || account.proxies().iter().filter(|proxy| proxy.product == product);
    if product.by_orders() {
        let orders = fields.texts("orderIds").ok_or_else(|| Coded::new(0, "Use orderIds for this type"))?;
        if !orders.iter().all(|order| of_type().any(|proxy| &proxy.order == order)) {
            return Err(Coded::new(29, "Incorrect orderIds"));
        }
        return Ok((product, of_type().filter(|proxy| orders.contains(&proxy.order)).collect()));
    }
    // Where both are there, the addresses are dropped without a word.
    let (name, named): (&str, fn(&Proxy) -> String) = if fields.has("ids") || !fields.has("ips") {
        ("ids", |proxy| proxy.id.clone())
    } else {
        ("ips", Proxy::place)
    };
    let asked = fields.texts(name).ok_or_else(|| Coded::new(0, "Use ids or ips for this type"))?;
    let found: Option<Vec<&Proxy>> =
        asked.iter().map(|name| of_type().find(|proxy| &named(proxy) == name)).collect();
    let found = found.ok_or_else(|| Coded::new(0, &format!("Incorrect {name}")))?;
    Ok((product, found))
}

fn priced(world: &World, call: &Call) -> Result<Selected, Coded> {
    let fields = Fields::read(&call.body)?;
    let account = world.account(&call.key).ok_or_else(|| Coded::new(503, "Error api key"))?;
    let (product, proxies) = select(account, call, &fields)?;
    let days = fields.text("periodId").and_then(product::days);
    let days = days.ok_or_else(|| Coded::new(0, "Incorrect periodId"))?;
    if fields.text("paymentId") != Some("balance") {
        return Err(Coded::new(0, "Incorrect paymentId"));
    }
    let taken = proxies.iter().take(call.twist.limit.unwrap_or(usize::MAX));
    let places: Vec<String> = taken.map(|proxy| proxy.place()).collect();
    let each = world.price(product, days).plus(call.twist.surcharge);
    let total = each.and_then(|each| each.times(u64::try_from(places.len()).ok()?));
    Ok(Selected { product, days, places, total: total.ok_or_else(|| Coded::new(0, "Incorrect quantity"))? })
}

/// The calculation, as it stands in `data` of good and bad answers.
fn calculation(account: &Account, now: Timestamp, of: &Selected, warning: &str) -> Reply {
    let chosen = |proxy: &&Proxy| proxy.product == of.product && of.places.contains(&proxy.place());
    let item = |proxy: &Proxy| {
        json!({
            "order_id": proxy.order,
            "order_number": proxy.number,
            "ip": if of.product.has_gateway() { proxy.place() } else { proxy.ip.clone() },
            "ip_only": proxy.ip,
            "port_http": proxy.port,
            "country_alpha3": proxy.country,
        })
    };
    let items: Vec<Value> = account.proxies().iter().filter(chosen).map(item).collect();
    let mut orders: Vec<&Value> = items.iter().map(|item| &item["order_id"]).collect();
    orders.dedup();
    Reply::empty(200)
        .with("warning", &warning)
        .with_money("balance", Some(account.shown_balance(now)))
        .with_money("total", Some(of.total))
        .with("quantity", &of.places.len())
        .with("currency", &"USD")
        .with("discount", &0)
        .with("orders", &orders.len())
        .with("items", &items)
}

/// Too little money, told in the way of this world's generation; `None`: there is enough.
pub(super) fn short(
    world: &World,
    key: &str,
    total: Money,
    data: impl FnOnce(&str) -> Reply,
) -> Option<Reply> {
    let balance = world.account(key)?.balance;
    if balance >= total {
        return None;
    }
    let missing = total.minus(balance).unwrap_or_default();
    let text = format!("Insufficient funds. Total ${total}. Not enough ${missing}");
    let data = inner(&data(&text));
    let coded = [Coded::new(16, "Insufficient funds on balance")];
    Some(failure(&data, if world.coded_short_funds { &coded } else { &[] }))
}

/// `prolong/calc/{type}`.
pub(super) fn calc(world: &World, now: Timestamp, call: &Call) -> Result<Reply, Coded> {
    let selected = priced(world, call)?;
    let account = world.account(&call.key).ok_or_else(|| Coded::new(503, "Error api key"))?;
    let data = |warning: &str| calculation(account, now, &selected, warning);
    Ok(short(world, &call.key, selected.total, data).unwrap_or_else(|| success(&inner(&data("")))))
}

/// `prolong/make/{type}`: charges at once.
pub(super) fn make(world: &mut World, now: Timestamp, call: &Call) -> Result<Reply, Coded> {
    let selected = priced(world, call)?;
    let account = world.account(&call.key).ok_or_else(|| Coded::new(503, "Error api key"))?;
    let data = |warning: &str| calculation(account, now, &selected, warning);
    if let Some(refused) = short(world, &call.key, selected.total, data) {
        return Ok(refused);
    }
    let (orders, bases) = world.renew(&Renewal {
        key: &call.key,
        at: now,
        kind: EntryKind::Renewal,
        places: &selected.places,
        days: selected.days,
        amount: selected.total,
        delivers: !call.twist.undelivered,
    });
    let first = if world.empty_order_id { "" } else { orders.first().map_or("", String::as_str) };
    let balance = world.account(&call.key).map(|account| account.balance);
    Ok(success(&inner(
        &Reply::empty(200)
            .with("orderId", &first)
            .with("orderIds", &orders)
            .with_money("total", Some(selected.total))
            .with_money("balance", balance)
            .with("listBaseOrderNumbers", &bases),
    )))
}

/// `autoprolong/enable|disable/{type}`: charges nothing, and tells what is really affected.
pub(super) fn auto(world: &mut World, now: Timestamp, call: &Call) -> Result<Reply, Coded> {
    let on = call.endpoint == Endpoint::AutoEnable;
    let fields = Fields::read(&call.body)?;
    let account = world.account(&call.key).ok_or_else(|| Coded::new(503, "Error api key"))?;
    let (_, proxies) = select(account, call, &fields)?;
    let days = fields
        .text("periodId")
        .map(|code| product::days(code).ok_or_else(|| Coded::new(0, "Incorrect periodId")));
    let days = days.transpose()?.unwrap_or(30);
    if on && fields.text("paymentId").is_none() {
        return Err(Coded::new(0, "Incorrect paymentId"));
    }
    let ids: Vec<String> = proxies.iter().map(|proxy| proxy.id.clone()).collect();
    let mut orders: Vec<String> = proxies.iter().map(|proxy| proxy.order.clone()).collect();
    orders.dedup();
    let end = proxies.iter().map(|proxy| proxy.end).min().unwrap_or(now);
    let written = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M:%S").to_string();
    let charged = end.checked_sub(SignedDuration::from_hours(24)).unwrap_or(end);
    if let Some(account) = world.account_mut(&call.key) {
        for proxy in account.proxies.iter_mut().filter(|proxy| ids.contains(&proxy.id)) {
            (proxy.auto, proxy.auto_days, proxy.auto_not_before) = (on, days, now);
        }
    }
    Ok(success(&json!({
        "ids": ids,
        "orderIds": orders,
        "quantity": ids.len(),
        "chargeDate": written(charged),
        "dateEnd": written(end),
        "warning": "",
    })))
}
