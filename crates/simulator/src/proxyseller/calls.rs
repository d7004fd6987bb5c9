//! Which call is answered by what: access first, then the call, and errors in the one envelope. Every answer is HTTP 200.
//!
//! Not responsible for renewals (`prolong`), new orders (`purchase`) or the looks of lists (`looks`).
use jiff::Timestamp;
use serde_json::{Value, json};

use super::endpoint::Call;
use super::product::PERIODS;
use super::site::{failure, inner, no_access, success};
use super::{Account, Coded, Endpoint, LogRow, Product, World, prolong, purchase};
use crate::reply::Reply;

impl World {
    /// Processes one call at `now`. The caller has let time pass up to `now`.
    pub(super) fn call(&mut self, now: Timestamp, call: &Call) -> Reply {
        if self.account(&call.key).is_none_or(|account| account.shut) {
            return no_access();
        }
        let answered = match call.endpoint {
            Endpoint::ProlongCalc => prolong::calc(self, now, call),
            Endpoint::ProlongMake => prolong::make(self, now, call),
            Endpoint::AutoEnable | Endpoint::AutoDisable => prolong::auto(self, now, call),
            Endpoint::OrderCalc => purchase::calc(self, now, call),
            Endpoint::OrderMake => purchase::make(self, now, call),
            _ => self.read(now, call),
        };
        answered.unwrap_or_else(|error| failure(&Value::Null, &[error]))
    }

    fn read(&self, now: Timestamp, call: &Call) -> Result<Reply, Coded> {
        let account = self.account(&call.key).ok_or_else(|| Coded::new(503, "Error api key"))?;
        let typed = || {
            let of = call.subject.as_deref().and_then(Product::find);
            of.ok_or_else(|| Coded::new(0, "Incorrect type"))
        };
        Ok(match call.endpoint {
            Endpoint::Balance => {
                success(&inner(&Reply::empty(200).with_money("summ", Some(account.shown_balance(now)))))
            }
            Endpoint::ProxyList => self.list(account, now),
            Endpoint::ProxyListType => self.typed_list(account, typed()?, call, now),
            Endpoint::Reference => success(&reference(typed()?)),
            _ => self.log(account, call, now),
        })
    }

    /// The log of orders, the newest first.
    fn log(&self, account: &Account, call: &Call, now: Timestamp) -> Reply {
        let number = |name: &str| call.parameter(name).and_then(|text| text.parse::<usize>().ok());
        let wanted = |row: &&LogRow| {
            row.from <= now
                && call.parameter("is_extend").is_none_or(|word| (word == "Y") == row.extends)
                && call.parameter("auto_order").is_none_or(|word| (word == "Y") == row.auto)
        };
        let rows: Vec<&LogRow> = account.log().iter().rev().filter(wanted).collect();
        let limit = number("limit").unwrap_or(20).clamp(1, 100);
        let page = number("page").unwrap_or(1).max(1);
        let shown: Vec<Value> =
            rows.iter().skip((page - 1) * limit).take(limit).map(|row| self.row(row)).collect();
        let pages = rows.len().div_ceil(limit);
        success(&json!({"metadata": {"total_pages": pages, "current_limit": limit}, "items": shown}))
    }

    fn row(&self, row: &LogRow) -> Value {
        let flag = |on: bool| if on { "Y" } else { "N" };
        let mut shown = json!({
            "id": row.id.to_string(),
            "order_id": row.order,
            "order_number": row.number,
            "base_order_number": row.base,
            "summ": format!("${}", row.amount),
            "status": "PAYED",
            "is_extend": flag(row.extends),
            "auto_order": flag(row.auto),
        });
        if !self.log_without_dates {
            shown["date_insert"] = json!(row.at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string());
        }
        shown
    }
}

fn reference(of: Product) -> Value {
    let periods: Vec<Value> =
        PERIODS.map(|(code, days)| json!({"id": code, "name": format!("{days} days")})).into();
    let countries: Vec<Value> = purchase::COUNTRIES.map(|code| json!({"id": code, "name": code})).into();
    let mut items = json!({"country": countries, "period": periods});
    if of == Product::Mobile {
        items["operators"] = json!([{"id": "o2", "name": "O2"}, {"id": "orange", "name": "Orange"}]);
    }
    json!({"items": items})
}
