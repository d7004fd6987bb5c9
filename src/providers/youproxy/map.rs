//! From the inventory's JSON to leases, whatever the containers are called and however they are nested.
//!
//! Responsible for finding every record, for de-duplicating, and for saying what could not be read: a lease that is missed here
//! would lapse in silence. Not responsible for deciding whether an empty list is believed. Pure.
//!
//! Nobody has documented the list's shape, so the whole body is walked: an object with an `ipAddressId` is a record, everything
//! above it may give it an order, a kind, a country or an `extendInfo`.
use std::borrow::Cow;
use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::domain::{AccountName, Kind, Lease, LeaseId, OrderId, OrderState, Sameness, Told, term};
use crate::providers::Words;

use super::dates::{self, Spelled};
use super::envelope::{self, Trouble};
use super::wire::{self, Object};

/// Containers within containers; a real list has four or five.
const DEEPEST: usize = 24;
/// Where a record tells its port, in the order in which they are asked; the first that is told stands for it.
const PORTS: [&str; 3] = ["httpsPort", "socks5Port", "port"];
/// Never looked into: logins and reboot links.
const SECRET: [&str; 2] = ["authInfo", "rebootLink"];

/// What a list holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Fleet {
    /// Sorted by id, each id once.
    pub leases: Vec<Lease>,
    /// Records without a readable id or kind.
    pub unreadable: usize,
    /// Odd but readable, one line each, with counts.
    pub oddities: Vec<String>,
    /// Why it is only a part of the fleet, by its own totals.
    pub part: Option<String>,
}

/// Reads the body of `ipAddress`.
///
/// # Errors
/// The provider's own error, or [`Trouble::Unreadable`]: no JSON, nested too deeply, or not empty and yet without a record. A
/// success without any list, or with `null` for one, is an account without leases; whether that is believed is not decided here.
pub fn fleet(body: &[u8], account: &AccountName, words: &Words) -> Result<Fleet, Trouble> {
    let answer = envelope::open(body, words)?;
    let mut walk = Walk { account, words, found: Vec::new(), seen: Seen::default() };
    let (mut containers, mut total) = (0_usize, None);
    for (key, raw) in answer.pairs().filter(|(key, _)| !matches!(*key, "success" | "error")) {
        if is_container(raw) {
            containers += 1;
            walk.visit(raw, &Above::default().under(key), 1)?;
        } else if is_total(key) {
            total = total.max(wire::whole(raw));
        }
    }
    if let Some(n) = total.filter(|n| containers == 0 && *n > 0) {
        return Err(Trouble::Unreadable(format!("it counts {n}, and there is no list in it")));
    }
    let rows = walk.rows();
    walk.total(&answer, rows);
    let Walk { found, seen, .. } = walk;
    if found.is_empty() && (seen.content || seen.unreadable > 0) {
        return Err(Trouble::Unreadable(
            "it is not empty, but holds no record with a readable `ipAddressId`".to_owned(),
        ));
    }
    Ok(settle(found, seen))
}

/// What the containers above a record say of it.
#[derive(Clone, Default)]
struct Above<'a> {
    order: Option<Cow<'a, str>>,
    kind: Option<Kind>,
    country: Option<&'a RawValue>,
    extend: Option<&'a RawValue>,
}

impl<'a> Above<'a> {
    /// Under a key that may name a kind.
    fn under(&self, key: &str) -> Self {
        Self { kind: wire::known_kind(key).or_else(|| self.kind.clone()), ..self.clone() }
    }

    /// Within an object that may name any of them.
    fn within(&self, object: &Object<'a>) -> Self {
        let kind = object.any_case("proxyType").find_map(wire::text).map(|name| wire::kind(&name));
        Self {
            order: object.any_case("orderId").find_map(wire::id).or_else(|| self.order.clone()),
            kind: kind.or_else(|| self.kind.clone()),
            country: object.any_case("country").next().or(self.country),
            extend: object.any_case("extendInfo").next().or(self.extend),
        }
    }
}

#[derive(Default)]
struct Seen {
    unreadable: usize,
    /// Something else than empty containers.
    content: bool,
    no_zone: usize,
    date_only: usize,
    no_end: usize,
    no_order: usize,
    no_kind: usize,
    /// The first total that more records would fit.
    part: Option<String>,
}

struct Walk<'w> {
    account: &'w AccountName,
    words: &'w Words,
    found: Vec<Lease>,
    seen: Seen,
}

impl Walk<'_> {
    fn visit<'a>(&mut self, raw: &'a RawValue, above: &Above<'a>, depth: usize) -> Result<(), Trouble> {
        if depth > DEEPEST {
            return Err(Trouble::Unreadable(format!("it is nested more than {DEEPEST} deep")));
        }
        if let Some(items) = wire::list(raw) {
            for item in items {
                self.step(item, above, depth)?;
            }
            return Ok(());
        }
        let object = Object::parse(raw.get())
            .map_err(|error| Trouble::Unreadable(self.words.quote(&error.to_string())))?;
        let mut ids = object.any_case("ipAddressId").peekable();
        if ids.peek().is_some() {
            let (first, second) = (ids.next().and_then(wire::id), ids.next());
            match (first, second) {
                (Some(id), None) => self.record(&id, &object, &above.within(&object)),
                _ => self.seen.unreadable += 1,
            }
            return Ok(());
        }
        self.wrapper(&object, above, depth)
    }

    /// An object that is no record: its children are looked into. With an address or an end of its own, but no record
    /// within, it is a record that lost its id.
    fn wrapper<'a>(&mut self, object: &Object<'a>, above: &Above<'a>, depth: usize) -> Result<(), Trouble> {
        let within = above.within(object);
        let before = self.rows();
        for (key, raw) in object.pairs() {
            if !SECRET.iter().any(|secret| secret.eq_ignore_ascii_case(key)) {
                self.step(raw, &within.under(key), depth)?;
            }
        }
        self.total(object, self.rows() - before);
        let told = ["ipAddressIp", "dateEnd"].iter().any(|key| object.any_case(key).next().is_some());
        if told && self.rows() == before {
            self.seen.unreadable += 1;
        }
        Ok(())
    }

    /// Records so far.
    fn rows(&self) -> usize {
        self.found.len() + self.seen.unreadable
    }

    /// Looks whether an object that holds so many records says that there are more. An order has totals of its own, such as a price.
    fn total(&mut self, object: &Object<'_>, rows: usize) {
        if self.seen.part.is_none() && object.any_case("orderId").next().is_none() {
            self.seen.part = more_than(object, rows);
        }
    }

    fn step<'a>(&mut self, raw: &'a RawValue, above: &Above<'a>, depth: usize) -> Result<(), Trouble> {
        if is_container(raw) {
            return self.visit(raw, above, depth + 1);
        }
        self.seen.content |= !wire::is_null(raw);
        Ok(())
    }

    fn record(&mut self, id: &str, object: &Object<'_>, above: &Above<'_>) {
        let Some(kind) = above.kind.clone() else {
            self.seen.no_kind += 1;
            self.seen.unreadable += 1;
            return;
        };
        // Without an order id the lease's own id stands in: unique, and refused by the provider where it matters.
        let order = above.order.as_deref().unwrap_or_else(|| {
            self.seen.no_order += 1;
            id
        });
        let end = self.end(object);
        let lease = Lease {
            account: self.account.clone(),
            id: LeaseId::new(id),
            order: OrderId::new(order),
            ip: one(object, "ipAddressIp")
                .and_then(wire::text)
                .map(|ip| ip.trim().to_owned())
                .unwrap_or_default(),
            port: PORTS.iter().find_map(|key| one(object, key).and_then(port)),
            kind,
            country: above.country.and_then(country),
            tag: None,
            expires_at: end.map(|(at, _)| at),
            told: end.map(|(_, told)| told).unwrap_or_default(),
            provider_renews: above.extend.and_then(auto_extend),
            state: OrderState::Active,
            held_since: None,
            cycle: None,
            price: None,
        };
        self.found.push(lease);
    }

    fn end(&mut self, object: &Object<'_>) -> Option<(Timestamp, Told)> {
        let text = one(object, "dateEnd").and_then(wire::text);
        let Some((end, spelled)) = text.and_then(|text| dates::read(&text)) else {
            self.seen.no_end += 1;
            return None;
        };
        match spelled {
            Spelled::Full => {}
            Spelled::NoZone => self.seen.no_zone += 1,
            Spelled::DateOnly => self.seen.date_only += 1,
        }
        Some((end, spelled.told()))
    }
}

/// A key that counts what should be listed.
fn is_total(key: &str) -> bool {
    let key = key.to_lowercase();
    ["total", "count", "quantity"].iter().any(|word| key.contains(word))
}

/// Numbers of records, of pages, and words for "there is more", as lists that page have them. The provider's pages describe none of them.
const TOTALS: [&str; 6] = ["totalElements", "total", "count", "totalCount", "total_count", "totalItems"];
const PAGES: [&str; 3] = ["totalPages", "total_pages", "pageCount"];
const MORE: [&str; 3] = ["hasNext", "hasMore", "has_more"];

/// What an object's own totals say of more than the records that stand in it.
fn more_than(object: &Object<'_>, rows: usize) -> Option<String> {
    let whole = |key: &str| object.any_case(key).find_map(wire::whole).and_then(|n| usize::try_from(n).ok());
    let flag = |key: &str| object.any_case(key).find_map(wire::flag);
    let total = TOTALS.iter().filter_map(|key| Some((key, whole(key).filter(|n| *n > rows)?))).next();
    let pages = PAGES.iter().filter_map(|key| Some((key, whole(key).filter(|n| *n > 1)?))).next();
    if let Some((key, n)) = total.or(pages) {
        return Some(format!("its `{key}` is {n}, and {rows} records stand in it"));
    }
    let more = MORE.iter().find(|key| flag(key) == Some(true)).map(|key| format!("its `{key}` is true"));
    more.or_else(|| (flag("last") == Some(false)).then(|| "its `last` is false".to_owned()))
        .map(|said| format!("{said}, and {rows} records stand in it"))
}

fn is_container(raw: &RawValue) -> bool {
    raw.get().starts_with(['{', '['])
}

/// The value under a key in any letter case, unless it stands there twice.
fn one<'a>(object: &Object<'a>, key: &str) -> Option<&'a RawValue> {
    let mut values = object.any_case(key);
    values.next().filter(|_| values.next().is_none())
}

/// A text, or an object with an `alpha3code`.
fn country(raw: &RawValue) -> Option<String> {
    let object = if is_container(raw) { Object::parse(raw.get()).ok() } else { None };
    let text = match &object {
        Some(object) => object.any_case("alpha3code").next().and_then(wire::text),
        None => wire::text(raw),
    };
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn auto_extend(raw: &RawValue) -> Option<bool> {
    let object = Object::parse(raw.get()).ok()?;
    object.any_case("autoExtend").next().and_then(wire::flag)
}

/// A number, or digits in a text.
fn port(raw: &RawValue) -> Option<u16> {
    wire::id(raw)?.trim().parse().ok()
}

/// An address that stands once is known by itself: its port, which may be changed, says nothing then.
fn drop_ports(leases: &mut [Lease]) {
    let mut times: HashMap<String, usize> = HashMap::new();
    leases.iter().for_each(|l| *times.entry(l.ip.clone()).or_default() += 1);
    leases.iter_mut().filter(|l| times.get(&l.ip) == Some(&1)).for_each(|l| l.port = None);
}

/// Sorts, keeps each id once, and puts the oddities into words.
fn settle(mut found: Vec<Lease>, seen: Seen) -> Fleet {
    found.sort_by(|a, b| a.id.cmp(&b.id));
    let (mut same, mut torn) = (0_usize, 0_usize);
    found.dedup_by(|later, kept| {
        if later.id != kept.id {
            return false;
        }
        if later == kept {
            same += 1;
        } else {
            torn += 1;
            reconcile(kept, later);
        }
        true
    });
    drop_ports(&mut found);
    let told = [
        (same, "stand in the list twice, alike"),
        (torn, "stand in the list twice with different data"),
        (seen.no_zone, "have an end without a time zone, taken as UTC"),
        (seen.date_only, "have an end without a time of day, taken as midnight UTC"),
        (seen.no_end, "have no end that can be read"),
        (seen.no_order, "have no order id; their own id stands in"),
        (seen.no_kind, "have no proxyType and could not be read"),
    ];
    let oddities =
        told.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("leases that {what}: {n}")).collect();
    Fleet { leases: found, unreadable: seen.unreadable, oddities, part: seen.part }
}

/// Two records of one id that differ. Where they differ in what a payment rests on, the end counts as unreadable, so that
/// nothing is paid on a guess; an auto-renewal that either tells of is believed.
fn reconcile(kept: &mut Lease, later: &Lease) {
    let ends = kept.named_end().zip(later.named_end());
    // How long its terms are is not told, so a date says nothing beside an instant.
    let agree = ends.is_some_and(|(a, b)| a == b || term::compare(a, b, None) == Sameness::Same)
        && kept.order == later.order
        && kept.ip == later.ip
        && kept.kind == later.kind;
    if !agree {
        kept.expires_at = None;
    } else if (kept.told, kept.expires_at) < (later.told, later.expires_at) {
        (kept.told, kept.expires_at) = (later.told, later.expires_at);
    }
    kept.provider_renews = kept.provider_renews.max(later.provider_renews);
    kept.country = kept.country.take().or_else(|| later.country.clone());
}

#[cfg(test)]
#[path = "map_tests.rs"]
mod tests;
