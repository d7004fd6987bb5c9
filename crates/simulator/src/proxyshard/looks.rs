//! The looks of an order in lists and details, with every switch for what the page leaves open. Not responsible for which
//! orders a page holds (`paging`).
use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use serde_json::{Map, Value, json};

use super::price::cents;
use super::{Addon, Catalogue, Order, Pending, Status};
use crate::{DateForm, Distortion};

/// How an instant is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dates {
    /// In one of the common forms, in UTC.
    As(DateForm),
    /// `2026-08-31T11:00:00+02:00`: the same instant, told from another zone.
    OtherZone,
    /// `2026-08-31 09:00:00`.
    Space,
    /// `2026-08-31 09:00:00.000+00:00`.
    SpaceFractionOffset,
    /// `2026-08-31`.
    DateOnly,
    /// Nothing.
    Absent,
    /// A text that is no instant.
    Unreadable,
}

impl Dates {
    pub(super) fn write(self, at: Timestamp) -> Option<String> {
        let form = match self {
            Self::As(form) => return Some(form.write(at)),
            Self::OtherZone => {
                let zone = TimeZone::fixed(Offset::constant(2));
                return Some(at.to_zoned(zone).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string());
            }
            Self::Space => "%Y-%m-%d %H:%M:%S",
            Self::SpaceFractionOffset => "%Y-%m-%d %H:%M:%S.%3f+00:00",
            Self::DateOnly => "%Y-%m-%d",
            Self::Absent => return None,
            Self::Unreadable => return Some("soon (31/31/2026)".to_owned()),
        };
        Some(at.strftime(form).to_string())
    }
}

/// How a detail spells its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// `on-hold`, `cancelled`.
    Plain,
    /// `On_Hold`, `Canceled`.
    Capitals,
    /// ` on-hold `.
    Padded,
    /// `canceled`.
    OneL,
}

impl Spelling {
    fn write(self, status: Status) -> String {
        match (self, status) {
            (Self::Capitals, Status::Active) => "Active".to_owned(),
            (Self::Capitals, Status::OnHold) => "On_Hold".to_owned(),
            (Self::Capitals, Status::Cancelled) => "Canceled".to_owned(),
            (Self::OneL, Status::Cancelled) => "canceled".to_owned(),
            (Self::Padded, status) => format!(" {} ", status.as_str()),
            (_, status) => status.as_str().to_owned(),
        }
    }
}

/// Fields are missing by chance, always the same ones for one seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sparse {
    /// Draws which.
    pub seed: u64,
    /// 0 to 100.
    pub percent: u8,
}

/// What `count` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// All orders of this status.
    Total,
    /// Those on the page.
    Page,
    /// It is not there.
    Absent,
}

/// What `next` and `prev` look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// They are not there.
    Absent,
    /// `/user/api/orders?…`.
    Relative,
    /// With the host that the client asked.
    Absolute,
    /// With this base instead: another host, which must never see the token.
    Foreign(String),
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sorting {
    /// Newest first.
    Newest,
    /// Oldest first.
    Oldest,
    /// Mixed, the same for one seed.
    Shuffled(u64),
}

/// What happens to a list between its first page and the next ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paging {
    /// Nothing.
    Still,
    /// Another order came on top: the last one of the first page comes again.
    Grows,
    /// The first order left: one is on no page.
    Shrinks,
}

/// What stands in a product's `cycles`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CycleForm {
    /// `"monthly"`.
    Names,
    /// `{"id": …, "name": "monthly", "price": …}`.
    Objects,
}

/// The switches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looks {
    /// All instants.
    pub dates: Dates,
    /// The status in details.
    pub spelling: Spelling,
    /// List items lose `expires_at`, `auto_renewal`, `tag`.
    pub sparse: Option<Sparse>,
    /// Details lose any field.
    pub sparse_details: Option<Sparse>,
    /// No order has these fields, in lists or details.
    pub without: BTreeSet<String>,
    /// No detail has these fields.
    pub without_in_details: BTreeSet<String>,
    /// What has no value is `null` instead of absent.
    pub nulls: bool,
    /// Ids are JSON numbers instead of strings.
    pub number_ids: bool,
    /// Details name the place, which the page does not promise.
    pub location: bool,
    /// A list's `count`.
    pub count: Count,
    /// A list's `next` and `prev`.
    pub links: Link,
    /// A list's order.
    pub sorting: Sorting,
    /// What happens while somebody pages.
    pub paging: Paging,
    /// What is wrong with lists, applied in this order.
    pub wrong: Vec<Distortion>,
    /// What `/me` says instead of the number of active orders.
    pub active_orders: Option<u64>,
    /// A product's cycles.
    pub cycles: CycleForm,
    /// A change of the cycle is answered with an `order`, as an older version did.
    pub older_cycle_reply: bool,
}

impl Default for Looks {
    fn default() -> Self {
        Self {
            dates: Dates::As(DateForm::FractionZulu),
            spelling: Spelling::Plain,
            sparse: None,
            sparse_details: None,
            without: BTreeSet::new(),
            without_in_details: BTreeSet::new(),
            nulls: false,
            number_ids: false,
            location: false,
            count: Count::Total,
            links: Link::Relative,
            sorting: Sorting::Newest,
            paging: Paging::Still,
            wrong: Vec::new(),
            active_orders: None,
            cycles: CycleForm::Names,
            older_cycle_reply: false,
        }
    }
}

impl Looks {
    /// An id as JSON.
    pub(super) fn id(&self, id: &str) -> Value {
        let number = id.parse::<u64>().ok().filter(|_| self.number_ids);
        number.map_or_else(|| json!(id), |number| json!(number))
    }

    /// An order as lists show it.
    pub(super) fn item(&self, catalogue: &Catalogue, order: &Order) -> Map<String, Value> {
        let offer = catalogue.offer(&order.product, order.location.as_deref());
        let cycle = offer.zip(order.cycle.as_deref()).and_then(|(offer, name)| offer.cycle(name));
        let id = |id: u32| self.id(&id.to_string());
        let mut fields = vec![
            ("order_id", self.id(&order.id)),
            ("product_id", offer.map_or(Value::Null, |offer| id(offer.id))),
            ("product_name", json!(order.product)),
            ("cycle_id", cycle.map_or(Value::Null, |cycle| id(cycle.id))),
            ("cycle_name", json!(order.cycle)),
        ];
        let may_be_missing = [
            ("expires_at", json!(order.expires_at.and_then(|end| self.dates.write(end)))),
            ("auto_renewal", json!(order.auto_renewal)),
            ("tag", json!(order.tag)),
        ];
        fields.extend(may_be_missing.into_iter().filter(|(name, _)| !drops(self.sparse, &order.id, name)));
        self.object(fields)
    }

    /// An order as its detail shows it.
    pub(super) fn detail(&self, catalogue: &Catalogue, order: &Order) -> Map<String, Value> {
        let offer = catalogue.offer(&order.product, order.location.as_deref());
        let status = order.status_word.clone().unwrap_or_else(|| self.spelling.write(order.status));
        let addons: Vec<Value> = order.addons.iter().map(addon).collect();
        let p0f = |addons: &[Addon]| addons.iter().filter(|a| a.key == "p0f").map(|a| a.qty).sum::<u32>();
        let renewed: Vec<Addon> = order.addons.iter().filter_map(Addon::renewed).collect();
        let mut fields = vec![
            ("order_id", self.id(&order.id)),
            ("product_name", json!(order.product)),
            ("cycle_name", json!(order.cycle)),
            ("quantity", json!(order.quantity)),
            ("price_paid", json!(cents(order.price_paid))),
            ("addons_price_paid", json!(cents(order.addons_price()))),
            ("addons", json!(addons)),
            ("p0f_slots_available", json!(p0f(&order.addons))),
            ("p0f_slots_used", json!(0)),
            ("p0f_slots_next", json!(p0f(&renewed))),
            ("status", json!(status)),
            ("created_at", json!(self.dates.write(order.created_at))),
            ("expires_at", json!(order.expires_at.and_then(|end| self.dates.write(end)))),
            ("promo_code", json!(order.promo_code)),
            ("auto_renewal", json!(order.auto_renewal)),
            ("tag", json!(order.tag)),
        ];
        if self.location {
            fields.push(("location", json!(offer.and_then(|offer| offer.location.as_deref()))));
        }
        let sparse = self.sparse_details;
        fields
            .retain(|(name, _)| !self.without_in_details.contains(*name) && !drops(sparse, &order.id, name));
        self.object(fields)
    }

    fn object(&self, fields: Vec<(&str, Value)>) -> Map<String, Value> {
        let shown = fields
            .into_iter()
            .filter(|(name, value)| !self.without.contains(*name) && (self.nulls || !value.is_null()));
        shown.map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

fn drops(sparse: Option<Sparse>, order: &str, field: &str) -> bool {
    sparse.is_some_and(|Sparse { seed, percent }| draw(seed, &[order, field]).u8(0..100) < percent)
}

fn addon(addon: &Addon) -> Value {
    let pending = match addon.pending {
        None => Value::Null,
        Some(Pending::Cancel) => json!({"action": "cancel", "next_qty": 0}),
        Some(Pending::Downgrade(next)) => json!({"action": "downgrade", "next_qty": next}),
    };
    json!({
        "addon_key": addon.key,
        "catalog_id": addon.catalog_id,
        "qty": addon.qty,
        "price_per_unit": cents(addon.unit),
        "pending": pending,
    })
}

/// Chance that depends on nothing but a seed and some words.
pub(super) fn draw(seed: u64, words: &[&str]) -> fastrand::Rng {
    let bytes = words.iter().flat_map(|word| word.bytes().chain([0]));
    let mixed =
        bytes.fold(seed, |sum, byte| fastrand::Rng::with_seed(sum.rotate_left(9) ^ u64::from(byte)).u64(..));
    fastrand::Rng::with_seed(mixed)
}
