//! How answers look: numbers as text in one call and as numbers in the next, and times of day in a zone that nobody names beside seconds
//! since 1970. Not responsible for what is told.
use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::{Account, Proxy};
use crate::reply::Reply;
use renewd_core::domain::Money;

/// The zone of the page's own sample: its texts are so far ahead of UTC.
const LOCAL: SignedDuration = SignedDuration::from_hours(7);

/// `2016-07-12 11:50:41`, in the provider's own time.
pub(super) fn text(at: Timestamp) -> String {
    at.checked_add(LOCAL).unwrap_or(at).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// What every answer begins with. Reads show the balance as text, payments as a number.
pub(super) fn yes(account: &Account, balance: Money, as_number: bool) -> Reply {
    let reply = Reply::empty(200).with("status", &"yes").with("user_id", &account.user_id.to_string());
    let reply = match as_number {
        true => reply.with("balance", &number(balance)),
        false => reply.with("balance", &balance.to_string()),
    };
    reply.with("currency", &account.currency)
}

/// An error, HTTP 200.
pub(super) fn no(code: i64, message: &str) -> Reply {
    Reply::empty(200).with("status", &"no").with("error_id", &code).with("error", &message)
}

/// `42.5`, `29`, `0.6`.
pub(super) fn number(amount: Money) -> Box<RawValue> {
    let digits = amount.decimal().normalize().to_string();
    RawValue::from_string(digits).expect("an amount is a JSON number")
}

/// A row of `getproxy`.
pub(super) fn row(proxy: &Proxy, end: Timestamp, version: bool, now: Timestamp) -> Value {
    let mut row = bought(proxy, end, now);
    if let Some(fields) = row.as_object_mut() {
        fields.insert("country".to_owned(), json!(proxy.country));
        if version {
            fields.insert("version".to_owned(), json!(proxy.version.to_string()));
        }
    }
    row
}

/// A row of `buy`: without the country.
pub(super) fn bought(proxy: &Proxy, end: Timestamp, now: Timestamp) -> Value {
    json!({
        "id": proxy.id.to_string(),
        "ip": proxy.ip,
        "host": format!("gate-{}.example.org", proxy.id),
        "port": proxy.port.to_string(),
        "user": proxy.login,
        "pass": proxy.password,
        "type": "http",
        "date": text(proxy.start),
        "date_end": text(end),
        "unixtime": proxy.start.as_second(),
        "unixtime_end": end.as_second(),
        "descr": proxy.descr,
        "active": if end > now { "1" } else { "0" },
    })
}

/// A row of `prolong`: its number is a number here.
pub(super) fn renewed(id: u64, end: Timestamp) -> Value {
    json!({ "id": id, "date_end": text(end), "unixtime_end": end.as_second() })
}

/// Rows as an object by their ids, or as an array where that was asked for. As a PHP service has it, nothing is an array.
pub(super) fn listed(rows: Vec<(u64, Value)>, array: bool) -> Value {
    if array || rows.is_empty() {
        return Value::Array(rows.into_iter().map(|(_, row)| row).collect());
    }
    Value::Object(rows.into_iter().map(|(id, row)| (id.to_string(), row)).collect::<Map<_, _>>())
}
