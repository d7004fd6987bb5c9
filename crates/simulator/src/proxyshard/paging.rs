//! `GET /orders`: which orders a page holds, in which order, and what stands around them. Not responsible for the looks of
//! one order (`looks`).
use std::cmp::Reverse;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::calls::Outcome;
use super::endpoint::Call;
use super::looks::draw;
use super::site::Refused;
use super::{Count, Endpoint, Link, Looks, Order, Paging, Sorting, Status, World};
use crate::Distortion;
use crate::reply::Reply;

/// One order on its way into a list.
type Item = (String, Map<String, Value>);

impl World {
    /// One page of the orders with a status, as far behind as the lists lag.
    pub(super) fn page(&self, now: Timestamp, call: &Call) -> Outcome {
        let status = wanted_status(call)?;
        let limit = number(call, "limit", 20)?;
        let offset = number(call, "offset", 0)?;
        if !(1..=100).contains(&limit) {
            return Err(Refused::bad("limit must be between 1 and 100"));
        }
        let seen = self.seen_at(now);
        let listed = self.get(call)?.orders.iter().filter_map(|kept| kept.as_of(seen));
        let mut orders: Vec<&Order> =
            listed.filter(|order| status.is_none_or(|status| status == order.status)).collect();
        sort(&mut orders, self.looks.sorting);
        let items = orders.into_iter().map(|o| (o.id.clone(), self.looks.item(&self.catalogue, o)));
        let items = self.looks.wrong.iter().fold(items.collect(), |items, wrong| distort(items, wrong, now));
        Ok(self.looks.around(call, items, offset, limit))
    }
}

impl Looks {
    fn around(&self, call: &Call, items: Vec<Item>, offset: usize, limit: usize) -> Reply {
        // What came or left after the first page moves all that follow it.
        let moved = if offset == 0 { Paging::Still } else { self.paging };
        let (first, total) = match moved {
            Paging::Still => (offset, items.len()),
            Paging::Grows => (offset - 1, items.len() + 1),
            Paging::Shrinks => (offset + 1, items.len().saturating_sub(1)),
        };
        let page: Vec<Map<String, Value>> =
            items.into_iter().skip(first).take(limit).map(|(_, fields)| fields).collect();
        let reply = Reply::new(true).with("orders", &page);
        let reply = match self.count {
            Count::Total => reply.with("count", &total),
            Count::Page => reply.with("count", &page.len()),
            Count::Absent => reply,
        };
        let Some(base) = self.base(call) else { return reply };
        let link = |offset: usize| {
            let status = call.parameter("status").unwrap_or_default();
            let path = Endpoint::Orders.template();
            format!("{base}{path}?status={status}&offset={offset}&limit={limit}")
        };
        let next = (offset.saturating_add(limit) < total).then(|| link(offset + limit));
        let prev = (offset > 0).then(|| link(offset.saturating_sub(limit)));
        [("prev", prev), ("next", next)].into_iter().fold(reply, |reply, (name, place)| match place {
            None if !self.nulls => reply,
            place => reply.with(name, &place),
        })
    }

    /// What stands before the path of a link; `None`: there are no links.
    fn base(&self, call: &Call) -> Option<String> {
        match &self.links {
            Link::Absent => None,
            Link::Relative => Some(String::new()),
            Link::Absolute => Some(format!("http://{}", call.host)),
            Link::Foreign(base) => Some(base.clone()),
        }
    }
}

/// `None`: all of them.
fn wanted_status(call: &Call) -> Result<Option<Status>, Refused> {
    match call.parameter("status") {
        Some("active") => Ok(Some(Status::Active)),
        Some("on-hold") => Ok(Some(Status::OnHold)),
        Some("cancelled") => Ok(Some(Status::Cancelled)),
        Some("all") => Ok(None),
        Some(other) => Err(Refused::bad(format!("Unknown status {other}"))),
        None => Err(Refused::bad("status is required")),
    }
}

fn number(call: &Call, name: &str, usual: usize) -> Result<usize, Refused> {
    let Some(text) = call.parameter(name) else { return Ok(usual) };
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let value = text.parse().ok().filter(|_| digits);
    value.ok_or_else(|| Refused::bad(format!("{name} must be a whole number")))
}

fn sort(orders: &mut [&Order], sorting: Sorting) {
    match sorting {
        Sorting::Newest => orders.sort_by_key(|order| Reverse((order.created_at, order.id.clone()))),
        Sorting::Oldest => orders.sort_by_key(|order| (order.created_at, order.id.clone())),
        Sorting::Shuffled(seed) => orders.sort_by_key(|order| draw(seed, &[&order.id]).u64(..)),
    }
}

fn distort(mut items: Vec<Item>, wrong: &Distortion, now: Timestamp) -> Vec<Item> {
    match wrong {
        Distortion::Empty => items.clear(),
        Distortion::KeepFirst(n) => items.truncate(*n),
        Distortion::Hide(order) => items.retain(|(id, _)| id != order),
        Distortion::Duplicates => return items.into_iter().flat_map(|item| [item.clone(), item]).collect(),
        Distortion::End(..) | Distortion::Jitter(_) | Distortion::SometimesDates => {
            for (order, fields) in &mut items {
                let told = fields.get("expires_at").unwrap_or(&Value::Null);
                if let Some(end) = wrong.respelled(order, told, now) {
                    fields.insert("expires_at".to_owned(), end);
                }
            }
        }
        Distortion::UnreadableEnd(order) | Distortion::NoEnd(order) | Distortion::NoId(order) => {
            for (_, fields) in items.iter_mut().filter(|(id, _)| id == order) {
                match wrong {
                    Distortion::UnreadableEnd(_) => {
                        fields.insert("expires_at".to_owned(), json!("soon (31/31/2026)"));
                    }
                    Distortion::NoEnd(_) => {
                        fields.remove("expires_at");
                    }
                    _ => {
                        fields.remove("order_id");
                    }
                }
            }
        }
    }
    items
}
