//! The looks of `proxy/list`: its records, and the ways a list can be wrong. Not responsible for what
//! the proxies are.
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::account::View;
use super::endpoint::Call;
use super::site::success;
use super::{Account, Product, Proxy, World};
use crate::Distortion;
use crate::reply::Reply;

impl World {
    /// Every type has its list, be it empty.
    pub(super) fn list(&self, account: &Account, now: Timestamp) -> Reply {
        let mut data = Map::new();
        let mut more = false;
        for of in Product::ALL {
            let mut records = self.records(account, of, now);
            if let Some(cap) = self.list_cap {
                more |= records.len() > cap;
                records.truncate(cap);
            }
            data.insert(of.path().to_owned(), Value::Array(records));
        }
        data.insert("resident".to_owned(), json!([]));
        let reply = success(&data);
        if more { reply.with("metadata", &json!({"total_pages": 2})) } else { reply }
    }

    /// One type, by pages where they are asked for.
    pub(super) fn typed_list(&self, account: &Account, of: Product, call: &Call, now: Timestamp) -> Reply {
        let number = |name: &str| call.parameter(name).and_then(|text| text.parse::<usize>().ok());
        let mut records = self.records(account, of, now);
        if let Some(size) = number("per_page").map(|size| size.max(1)) {
            let from = (number("page").unwrap_or(1).max(1) - 1) * size;
            records = records.into_iter().skip(from).take(size).collect();
        }
        success(&json!({ "items": records }))
    }

    fn records(&self, account: &Account, of: Product, now: Timestamp) -> Vec<Value> {
        let of_type = account.proxies().iter().filter(|proxy| proxy.product == of);
        let mut records: Vec<(String, Value)> = of_type
            .filter_map(|proxy| Some((proxy.place(), self.record(proxy, proxy.view(now)?, now))))
            .collect();
        for wrong in &self.wrong {
            match wrong {
                Distortion::Empty => records.clear(),
                Distortion::KeepFirst(n) => records.truncate(*n),
                Distortion::Hide(place) => records.retain(|(at, _)| at != place),
                Distortion::Duplicates => {
                    records = records.iter().flat_map(|r| [r.clone(), r.clone()]).collect()
                }
                Distortion::UnreadableEnd(place) => put(&mut records, place, "date_end", &json!("soon")),
                Distortion::NoEnd(place) => put(&mut records, place, "date_end", &Value::Null),
                Distortion::NoId(place) => put(&mut records, place, "order_id", &Value::Null),
                Distortion::End(place, text) => put(&mut records, place, "date_end", &json!(text)),
                Distortion::Jitter(_) | Distortion::SometimesDates => {}
            }
        }
        records.into_iter().map(|(_, record)| record).collect()
    }

    fn record(&self, proxy: &Proxy, view: &View, now: Timestamp) -> Value {
        // "Ended" means that it ends soon.
        let soon = view.end.duration_since(now) < SignedDuration::from_hours(72);
        let (word, code) = if soon { ("Ended", "ENDED") } else { ("Active", "ACTIVE") };
        let prolongs = if self.numbers_for_flags {
            json!(u8::from(proxy.can_prolong))
        } else {
            json!(proxy.can_prolong)
        };
        let ip = if proxy.product.has_gateway() { proxy.place() } else { proxy.ip.clone() };
        json!({
            "id": view.id,
            "order_id": proxy.order,
            "order_number": view.number,
            "base_order_number": proxy.base,
            "basket_id": format!("{}b", proxy.order.get(1..).unwrap_or_default()),
            "ip": ip,
            "ip_only": proxy.ip,
            "protocol": "HTTP",
            "port_http": proxy.port,
            "port_socks": proxy.port.wrapping_add(1),
            "login": format!("sim-login-{}", view.id),
            "password": format!("sim-password-{}", view.id),
            "auth_ip": "",
            "rotation": "",
            "link_reboot": format!("https://reboot.invalid/sim-reboot-{}", view.id),
            "country": proxy.country,
            "country_alpha3": proxy.country,
            "status": word,
            "status_type": code,
            "can_prolong": prolongs,
            "date_start": self.dates.write(proxy.start),
            "date_end": self.dates.write(view.end),
            "comment": "",
            "auto_renew": if proxy.auto { "Y" } else { "N" },
            "auto_renew_period": "",
        })
    }
}

fn put(records: &mut [(String, Value)], place: &str, name: &str, value: &Value) {
    for (_, record) in records.iter_mut().filter(|(at, _)| at == place) {
        record[name] = value.clone();
    }
}
