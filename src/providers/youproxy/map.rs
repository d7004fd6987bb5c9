//! From the inventory's JSON to leases, whatever the containers are called and however they are nested.
//!
//! Responsible for finding every record, for de-duplicating, and for saying what could not be read: a lease that is missed here
//! would lapse in silence. Not responsible for deciding whether an empty list is believed. Pure.
//!
//! Nobody has documented the list's shape, so the whole body is walked: an object with an `ipAddressId` is a record, everything
//! above it may give it an order, a kind, a country or an `extendInfo`.
use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::domain::{AccountName, Kind, LeaseView, Leases, OrderState, Told};
use crate::providers::Words;

use super::above::{Above, INNER, Level, is_container};
use super::dates::{self, Spelled};
use super::doubles::unite;
use super::envelope::{self, Trouble};
use super::wire::{self, Object};

/// Containers within containers; a real list has four or five.
pub(super) const DEEPEST: usize = 24;
/// Where a record tells its port, in the order in which they are asked; the first that is told stands for it.
const PORTS: [&str; 3] = ["httpsPort", "socks5Port", "port"];
/// Never looked into: logins and reboot links.
const SECRET: [&str; 2] = ["authInfo", "rebootLink"];

/// Logins and the like.
pub(super) fn is_secret(key: &str) -> bool {
    SECRET.iter().any(|secret| secret.eq_ignore_ascii_case(key))
}

/// What a list holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Fleet {
    /// Sorted by id, each id once.
    pub leases: Leases,
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
    let mut walk = Walk::new(account, words);
    for (key, raw) in answer.pairs().filter(|(key, _)| is_payload(key)) {
        if is_container(raw) {
            walk.visit(raw.get(), &Above::default().under(key, INNER), 1)?;
        }
    }
    whole(walk, &answer)
}

/// Beside the envelope's own fields.
pub(super) fn is_payload(key: &str) -> bool {
    !matches!(key, "success" | "error")
}

/// What came of the walk through all that stands in an answer.
pub(super) fn whole(mut walk: Walk<'_>, answer: &Object<'_>) -> Result<Fleet, Trouble> {
    let payload = || answer.pairs().filter(|(key, _)| is_payload(key));
    let containers = payload().filter(|(_, raw)| is_container(raw)).count();
    let totals = payload().filter(|(key, raw)| !is_container(raw) && is_total(key));
    let total = totals.filter_map(|(_, raw)| wire::whole(raw)).max();
    if let Some(n) = total.filter(|n| containers == 0 && *n > 0) {
        return Err(Trouble::Unreadable(format!("it counts {n}, and there is no list in it")));
    }
    let rows = walk.rows();
    walk.total(answer, rows);
    walk.drop_kindless();
    if walk.found.is_empty() && (walk.seen.content || walk.seen.unreadable > 0) {
        return Err(Trouble::Unreadable(
            "it is not empty, but holds no record with a readable `ipAddressId`".to_owned(),
        ));
    }
    Ok(settle(walk))
}

#[derive(Default, Clone)]
pub(super) struct Seen {
    pub unreadable: usize,
    /// Something else than empty containers.
    pub content: bool,
    no_order: usize,
    no_kind: usize,
    /// The first total that more records would fit.
    part: Option<String>,
}

/// How an end was spelled: [`Spelled`], or not readably.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Full,
    NoZone,
    DateOnly,
    Unreadable,
}

/// From how near each value of a record came, and how its end was spelled.
#[derive(Clone, Copy)]
struct Mark {
    order: Level,
    kind: Level,
    country: Level,
    renews: Level,
    end: End,
}

pub(super) struct Walk<'w> {
    account: &'w AccountName,
    pub(super) words: &'w Words,
    found: Leases,
    /// One for each that was found.
    marks: Vec<Mark>,
    pub(super) seen: Seen,
    /// Stands for a kind that nothing told.
    nothing: Kind,
}

impl<'w> Walk<'w> {
    pub(super) fn new(account: &'w AccountName, words: &'w Words) -> Self {
        let (found, marks, seen) = (Leases::default(), Vec::new(), Seen::default());
        Self { account, words, found, marks, seen, nothing: Kind::from("") }
    }

    pub(super) fn visit<'a>(
        &mut self,
        json: &'a str,
        above: &Above<'a>,
        depth: usize,
    ) -> Result<(), Trouble> {
        if depth > DEEPEST {
            return Err(Trouble::Unreadable(format!("it is nested more than {DEEPEST} deep")));
        }
        if json.starts_with('[')
            && let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(json)
        {
            for item in items {
                self.step(item.get(), above, depth)?;
            }
            return Ok(());
        }
        let object =
            Object::parse(json).map_err(|error| Trouble::Unreadable(self.words.quote(&error.to_string())))?;
        if !self.as_record(&object, above) {
            return self.wrapper(&object, above, depth);
        }
        Ok(())
    }

    /// Takes an object that has an id for a record; `false`: it has none.
    pub(super) fn as_record(&mut self, object: &Object<'_>, above: &Above<'_>) -> bool {
        let mut ids = object.any_case("ipAddressId").peekable();
        if ids.peek().is_none() {
            return false;
        }
        let (first, second) = (ids.next().and_then(wire::id), ids.next());
        match (first, second) {
            (Some(id), None) => self.record(&id, object, &above.borrowed().within(object, INNER)),
            _ => self.seen.unreadable += 1,
        }
        true
    }

    /// An object that is no record: its children are looked into. With an address or an end of its own, but no record
    /// within, it is a record that lost its id.
    fn wrapper<'a>(&mut self, object: &Object<'a>, above: &Above<'a>, depth: usize) -> Result<(), Trouble> {
        let within = above.clone().within(object, INNER);
        let before = self.rows();
        for (key, raw) in object.pairs() {
            if is_container(raw) && !is_secret(key) {
                self.visit(raw.get(), &within.borrowed().under(key, INNER), depth + 1)?;
            } else if !is_secret(key) {
                self.seen.content |= !wire::is_null(raw);
            }
        }
        self.wrapped(object, before);
        Ok(())
    }

    /// What an object that is no record says of those within it, of which there were so many before.
    pub(super) fn wrapped(&mut self, object: &Object<'_>, before: usize) {
        self.total(object, self.rows() - before);
        let told = ["ipAddressIp", "dateEnd"].iter().any(|key| object.any_case(key).next().is_some());
        if told && self.rows() == before {
            self.seen.unreadable += 1;
        }
    }

    /// Records so far.
    pub(super) fn rows(&self) -> usize {
        self.found.len() + self.seen.unreadable
    }

    /// Readable records so far.
    pub(super) fn readable(&self) -> usize {
        self.found.len()
    }

    /// Forgets the records from there on: what they stood in turned out to be a record.
    pub(super) fn forget_from(&mut self, n: usize, seen: Seen) {
        self.found.retain(|i| i < n);
        self.marks.truncate(n);
        self.seen = seen;
    }

    /// Looks whether an object that holds so many records says that there are more. An order has totals of its own, such as a price.
    fn total(&mut self, object: &Object<'_>, rows: usize) {
        if self.seen.part.is_none() && object.any_case("orderId").next().is_none() {
            self.seen.part = more_than(object, rows);
        }
    }

    pub(super) fn step<'a>(&mut self, json: &'a str, above: &Above<'a>, depth: usize) -> Result<(), Trouble> {
        if json.starts_with(['{', '[']) {
            return self.visit(json, above, depth + 1);
        }
        self.seen.content |= json != "null";
        Ok(())
    }

    fn record(&mut self, id: &str, object: &Object<'_>, above: &Above<'_>) {
        let (end, spelled) = end(object);
        let address = one(object, "ipAddressIp").and_then(wire::text);
        let operator = one(object, "mobileOperator").and_then(wire::text);
        let operator =
            operator.as_deref().map(str::trim).filter(|o| !o.is_empty()).map(|o| self.words.quote(o));
        let lease = LeaseView {
            account: self.account,
            id,
            // Without an order id the lease's own id stands in: unique, and refused by the provider where it matters.
            order: above.order.1.as_deref().unwrap_or(id),
            ip: address.as_deref().unwrap_or_default().trim(),
            port: PORTS.iter().find_map(|key| one(object, key).and_then(port)),
            kind: above.kind.1.as_deref().unwrap_or(&self.nothing),
            country: above.country.1.as_deref(),
            tag: None,
            expires_at: end.map(|(at, _)| at),
            told: end.map(|(_, told)| told).unwrap_or_default(),
            provider_renews: above.renews.1,
            state: &OrderState::Active,
            held_since: None,
            operator: operator.as_deref(),
            started_at: start(object),
            cycle: None,
            price: None,
        };
        self.found.push(&lease);
        let (order, kind) = (above.order.0, above.kind.0);
        self.marks.push(Mark { order, kind, country: above.country.0, renews: above.renews.0, end: spelled });
    }

    /// An object that was read as it came told something after the records within it: of those from `start` on it is taken where
    /// nothing nearer was told.
    pub(super) fn told_late(&mut self, start: usize, above: &Above<'_>, level: Level) {
        let tells = |told: Level| told == level;
        for n in start..self.found.len() {
            let mark = &mut self.marks[n];
            let order = tells(above.order.0) && mark.order < level;
            let kind = tells(above.kind.0) && mark.kind < level;
            let country = tells(above.country.0) && mark.country < level;
            let renews = tells(above.renews.0) && mark.renews < level;
            if !(order || kind || country || renews) {
                continue;
            }
            let lease = self.found.lease(n);
            let mut view = lease.view();
            if let Some(text) = above.order.1.as_deref().filter(|_| order) {
                (view.order, mark.order) = (text, level);
            }
            if let Some(text) = above.kind.1.as_deref().filter(|_| kind) {
                (view.kind, mark.kind) = (text, level);
            }
            if country {
                (view.country, mark.country) = (above.country.1.as_deref(), level);
            }
            if renews {
                (view.provider_renews, mark.renews) = (above.renews.1, level);
            }
            self.found.set(n, &view);
        }
    }

    /// Records of which nothing told the kind cannot be read.
    fn drop_kindless(&mut self) {
        let marks = &self.marks;
        self.seen.no_order = marks.iter().filter(|m| m.kind > 0 && m.order == 0).count();
        let kindless = marks.iter().filter(|m| m.kind == 0).count();
        if kindless > 0 {
            self.seen.no_kind += kindless;
            self.seen.unreadable += kindless;
            self.found.retain(|n| marks[n].kind > 0);
            self.marks.retain(|m| m.kind > 0);
        }
    }

    fn ends(&self, spelled: End) -> usize {
        self.marks.iter().filter(|m| m.end == spelled).count()
    }
}

fn end(object: &Object<'_>) -> (Option<(Timestamp, Told)>, End) {
    let text = one(object, "dateEnd").and_then(wire::text);
    let Some((end, spelled)) = text.and_then(|text| dates::read(&text)) else {
        return (None, End::Unreadable);
    };
    let how = match spelled {
        Spelled::Full => End::Full,
        Spelled::NoZone => End::NoZone,
        Spelled::DateOnly => End::DateOnly,
    };
    (Some((end, spelled.told())), how)
}

/// To the second: ages are counted in days. One that cannot be read is not told.
fn start(object: &Object<'_>) -> Option<Timestamp> {
    let (start, _) = dates::read(&one(object, "dateStart").and_then(wire::text)?)?;
    Timestamp::from_second(start.as_second()).ok()
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

/// The value under a key in any letter case, unless it stands there twice.
fn one<'a>(object: &Object<'a>, key: &str) -> Option<&'a RawValue> {
    let mut values = object.any_case(key);
    values.next().filter(|_| values.next().is_none())
}

/// A number, or digits in a text.
fn port(raw: &RawValue) -> Option<u16> {
    wire::id(raw)?.trim().parse().ok()
}

/// Sorts, keeps each id once, and puts the oddities into words.
fn settle(walk: Walk<'_>) -> Fleet {
    let ends = [End::NoZone, End::DateOnly, End::Unreadable].map(|spelled| walk.ends(spelled));
    let Walk { mut found, seen, .. } = walk;
    let (same, torn) = unite(&mut found);
    let told = [
        (same, "stand in the list twice, alike"),
        (torn, "stand in the list twice with different data"),
        (ends[0], "have an end without a time zone, taken as UTC"),
        (ends[1], "have an end without a time of day, taken as midnight UTC"),
        (ends[2], "have no end that can be read"),
        (seen.no_order, "have no order id; their own id stands in"),
        (seen.no_kind, "have no proxyType and could not be read"),
    ];
    let oddities =
        told.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("leases that {what}: {n}")).collect();
    Fleet { leases: found, unreadable: seen.unreadable, oddities, part: seen.part }
}

#[cfg(test)]
#[path = "map_tests.rs"]
mod tests;
