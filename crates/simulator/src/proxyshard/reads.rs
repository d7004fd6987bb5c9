//! Calls that only show something: the account, products, stock, proxies. Not responsible for the list of orders
//! (`paging`) or an order's looks (`looks`).
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::calls::Outcome;
use super::endpoint::Call;
use super::price::cents;
use super::site::Refused;
use super::{Cycle, CycleForm, Offer, Status, World};
use crate::reply::Reply;

impl World {
    /// `GET /me`: no `success`.
    pub(super) fn me(&self, now: Timestamp, call: &Call) -> Outcome {
        let account = self.get(call)?;
        let active = account.orders().filter(|order| order.status == Status::Active).count();
        let shown = self.looks.active_orders.unwrap_or(u64::try_from(active).unwrap_or(u64::MAX));
        Ok(Reply::empty(200)
            .with("email", &account.email)
            .with("active_orders", &shown)
            .with("wallet_balance", &cents(account.shown_balance(now, self.balance_lag))))
    }

    /// `GET /proxies/products`.
    pub(super) fn products(&self) -> Reply {
        let rows: Vec<Value> = self.catalogue.offers.iter().map(|offer| self.row(offer)).collect();
        Reply::new(true).with("products", &rows)
    }

    fn row(&self, offer: &Offer) -> Value {
        let mut row = Map::new();
        row.insert("name".to_owned(), json!(offer.product));
        row.insert("description".to_owned(), json!(format!("{} (simulated)", offer.product)));
        if let Some(location) = &offer.location {
            row.insert("location".to_owned(), json!(location));
        }
        let cycle = |cycle: &Cycle| match self.looks.cycles {
            CycleForm::Names => json!(cycle.name),
            CycleForm::Objects => {
                json!({"id": cycle.id, "name": cycle.name, "price": cents(cycle.price)})
            }
        };
        row.insert("cycles".to_owned(), offer.cycles.iter().map(cycle).collect());
        Value::Object(row)
    }

    /// `GET /proxies/available-count`: a bare array, whose codes come in either letter case.
    pub(super) fn available_count(&self) -> Reply {
        let counted = self.catalogue.offers.iter().filter_map(|offer| Some((offer, offer.stock?)));
        let rows = counted.enumerate().map(|(n, (offer, left))| {
            let code = if n % 2 == 0 { offer.code.clone() } else { offer.code.to_uppercase() };
            json!({"country": offer.location, "product": code, "amount": left})
        });
        Reply::bare(&rows.collect::<Vec<Value>>())
    }

    /// `GET /proxies/active?order_id=`: an order on hold has none.
    pub(super) fn active_proxies(&self, call: &Call) -> Outcome {
        let id = call.parameter("order_id").ok_or_else(|| Refused::bad("order_id is required"))?;
        let order = self.get(call)?.order(id).ok_or_else(|| Refused::new(404, "Order not found"))?;
        let until = order.expires_at.and_then(|end| self.looks.dates.write(end));
        let addresses = order.addresses.iter().filter(|_| order.status == Status::Active);
        let rows = addresses.map(|address| {
            json!({
                "ip": address.ip,
                "port": address.port,
                "login": address.login,
                "password": address.password,
                "until": until,
            })
        });
        Ok(Reply::new(true).with("proxies", &rows.collect::<Vec<Value>>()))
    }
}
