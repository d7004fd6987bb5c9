//! The looks of `GET /ipAddress`: the container keys are not on the provider's pages, so every plausible one is here, and
//! so are the ways a list can be wrong. Not responsible for what the leases are.
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::account::View;
use super::{Account, Product, Rental};
use crate::reply::Reply;
use crate::{DateForm, Distortion};

/// Letter case of the group names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetterCase {
    /// `IPv4`, `MOBILE`, as in requests.
    AsSent,
    /// `ipv4`, `mobile`.
    Lower,
    /// `IPV4`, `MOBILE`.
    Upper,
}

/// How the records are nested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// `{"IPv4": [{"orderId": …, CHILD: [record]}], …}`: the type is only in the group's name.
    Grouped(LetterCase, String),
    /// `{"IPv4": [record], …}`: no order wrappers.
    GroupedFlat(LetterCase),
    /// `{"orders": [{"orderId": …, "proxyType": …, CHILD: [record]}]}`.
    Orders(String),
    /// `{"ipAddresses": [record]}`.
    Flat,
    /// `{"data": {"IPv4": {ORDER: {ID: record}}}}`: maps all the way down.
    Nested(LetterCase),
}

/// How lists look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListStyle {
    /// The nesting.
    pub shape: Shape,
    /// The dates.
    pub dates: DateForm,
    /// What is wrong, applied in this order.
    pub wrong: Vec<Distortion>,
}

impl Default for ListStyle {
    fn default() -> Self {
        let shape = Shape::Grouped(LetterCase::AsSent, "ipAddresses".to_owned());
        Self { shape, dates: DateForm::FractionOffset, wrong: Vec::new() }
    }
}

struct Record {
    product: Product,
    order: String,
    id: String,
    fields: Map<String, Value>,
}

impl ListStyle {
    /// Adds the list to `reply`, of one product or of all.
    pub(super) fn render(
        &self,
        reply: Reply,
        account: &Account,
        product: Option<Product>,
        now: Timestamp,
    ) -> Reply {
        let wanted = account.rentals().iter().filter(|r| product.is_none_or(|wanted| wanted == r.product));
        let listed = wanted.filter_map(|rental| Some(self.record(rental, rental.view(now)?)));
        let mut records: Vec<Record> = listed.collect();
        for wrong in &self.wrong {
            records = distort(records, wrong, now);
        }
        let products: Vec<Product> = product.map_or_else(|| Product::ALL.to_vec(), |one| vec![one]);
        self.nest(reply, &records, &products)
    }

    fn nest(&self, reply: Reply, records: &[Record], products: &[Product]) -> Reply {
        let of = |product: Product| records.iter().filter(move |record| record.product == product);
        match &self.shape {
            Shape::Grouped(case, child) => products.iter().fold(reply, |reply, product| {
                reply.with(&cased(*product, *case), &wrapped(of(*product), child, false))
            }),
            Shape::GroupedFlat(case) => products.iter().fold(reply, |reply, product| {
                let list: Vec<Value> = of(*product).map(|record| flat(record, false)).collect();
                reply.with(&cased(*product, *case), &list)
            }),
            Shape::Orders(child) => reply.with("orders", &wrapped(records.iter(), child, true)),
            Shape::Flat => {
                let list: Vec<Value> = records.iter().map(|record| flat(record, true)).collect();
                reply.with("ipAddresses", &list)
            }
            Shape::Nested(case) => {
                let mut groups: Map<String, Value> = Map::new();
                for (n, record) in records.iter().enumerate() {
                    // A map holds a key once: what the list has twice, or without an id, gets a key of its own.
                    let slot = if record.id.is_empty() { format!("#{n}") } else { record.id.clone() };
                    let group = groups.entry(cased(record.product, *case)).or_insert_with(|| json!({}));
                    let order = &mut group[&record.order];
                    let slot = if order.get(&slot).is_some() { format!("{slot}#{n}") } else { slot };
                    order[slot] = flat(record, false);
                }
                reply.with("data", &groups)
            }
        }
    }

    fn record(&self, rental: &Rental, view: &View) -> Record {
        let (ip, port) = gateway(&rental.ip);
        let fields = json!({
            "ipAddressId": view.id,
            "ipAddressIp": ip,
            "country": rental.country,
            "dateStart": self.dates.write(rental.start),
            "dateEnd": self.dates.write(view.end),
            "httpsPort": port,
            "socks5Port": port + 1,
            "authInfo": {"login": rental.login, "password": rental.password},
            "extendInfo": {"autoExtend": rental.auto, "extendDays": rental.auto_days},
        });
        let Value::Object(mut fields) = fields else { unreachable!("an object was written") };
        if rental.product == Product::IPv6 {
            fields.insert("protocol".to_owned(), json!("HTTP"));
        }
        if let Some(operator) = &rental.operator {
            let reboot = format!("https://reboot.invalid/sim-reboot-{}", rental.id);
            fields.insert("mobileOperator".to_owned(), json!(operator));
            fields.insert("rotationTime".to_owned(), json!(600));
            fields.insert("rebootLink".to_owned(), json!(reboot));
        }
        Record { product: rental.product, order: rental.order.clone(), id: view.id.clone(), fields }
    }
}

/// A lease behind a gateway is named by address and port in the books, and the list tells them apart.
fn gateway(ip: &str) -> (&str, u16) {
    let both = ip.split_once(':').filter(|(_, port)| !port.contains(':'));
    both.and_then(|(ip, port)| Some((ip, port.parse().ok()?))).unwrap_or((ip, 50_100))
}

fn cased(product: Product, case: LetterCase) -> String {
    match case {
        LetterCase::AsSent => product.as_str().to_owned(),
        LetterCase::Lower => product.as_str().to_ascii_lowercase(),
        LetterCase::Upper => product.as_str().to_ascii_uppercase(),
    }
}

fn flat(record: &Record, with_type: bool) -> Value {
    let mut fields = record.fields.clone();
    fields.insert("orderId".to_owned(), json!(record.order));
    if with_type {
        fields.insert("proxyType".to_owned(), json!(record.product.as_str()));
    }
    Value::Object(fields)
}

/// Order wrappers around records, in the order in which the orders first appear.
fn wrapped<'a>(records: impl Iterator<Item = &'a Record>, child: &str, with_type: bool) -> Vec<Value> {
    let mut orders: Vec<(&str, Product, Vec<Value>)> = Vec::new();
    for record in records {
        let value = Value::Object(record.fields.clone());
        match orders
            .iter_mut()
            .find(|(order, product, _)| *order == record.order && *product == record.product)
        {
            Some((_, _, list)) => list.push(value),
            None => orders.push((&record.order, record.product, vec![value])),
        }
    }
    let wrap = |(order, product, list): (&str, Product, Vec<Value>)| {
        let mut wrapper = Map::new();
        wrapper.insert("orderId".to_owned(), json!(order));
        if with_type {
            wrapper.insert("proxyType".to_owned(), json!(product.as_str()));
        }
        wrapper.insert(child.to_owned(), Value::Array(list));
        Value::Object(wrapper)
    };
    orders.into_iter().map(wrap).collect()
}

fn distort(mut records: Vec<Record>, wrong: &Distortion, now: Timestamp) -> Vec<Record> {
    let is = |record: &Record, ip: &str| record.fields.get("ipAddressIp").is_some_and(|seen| seen == ip);
    match wrong {
        Distortion::Empty => records.clear(),
        Distortion::KeepFirst(n) => records.truncate(*n),
        Distortion::Hide(ip) => records.retain(|record| !is(record, ip)),
        Distortion::Duplicates => {
            return records.into_iter().flat_map(|record| [record.twin(), record]).collect();
        }
        Distortion::End(..) | Distortion::Jitter(_) | Distortion::SometimesDates => {
            for Record { fields, .. } in &mut records {
                let ip = fields.get("ipAddressIp").and_then(Value::as_str).unwrap_or_default();
                let told = fields.get("dateEnd").unwrap_or(&Value::Null);
                if let Some(end) = wrong.respelled(ip, told, now) {
                    fields.insert("dateEnd".to_owned(), end);
                }
            }
        }
        Distortion::UnreadableEnd(ip) | Distortion::NoEnd(ip) | Distortion::NoId(ip) => {
            for record in records.iter_mut().filter(|record| is(record, ip)) {
                match wrong {
                    Distortion::UnreadableEnd(_) => {
                        record.fields.insert("dateEnd".to_owned(), json!("soon (31/31/2026)"));
                    }
                    Distortion::NoEnd(_) => {
                        record.fields.remove("dateEnd");
                    }
                    _ => {
                        record.fields.remove("ipAddressId");
                        record.id.clear();
                    }
                }
            }
        }
    }
    records
}

impl Record {
    fn twin(&self) -> Self {
        Self {
            product: self.product,
            order: self.order.clone(),
            id: self.id.clone(),
            fields: self.fields.clone(),
        }
    }
}
