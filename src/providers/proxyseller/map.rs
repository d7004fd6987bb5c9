//! From the provider's lists to leases. Responsible for finding every record, for telling records of one lease from two leases, and for
//! saying what could not be read or is not there: a lease that is missed here would lapse in silence. Not responsible for asking, nor for
//! deciding whether an empty list is believed by what was known before. Pure.
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::domain::{AccountName, Kind, Lease, LeaseId, Leases, OrderId, OrderState, Sameness, Told, term};
use crate::providers::Words;

use super::dates::{self, Spelled};
use super::envelope::{self, Trouble};
use super::known::Known;
use super::reference::{Place, address};
use super::wire::{self, Object, RESIDENT, TYPES, Type};

/// What the lists of an account hold.
#[derive(Debug, PartialEq, Eq)]
pub struct Fleet {
    /// Sorted by id, each id once.
    pub leases: Leases,
    /// What the provider calls them now.
    pub known: Known,
    /// Records that name no lease.
    pub unreadable: usize,
    /// Odd but readable, one line each, with counts.
    pub oddities: Vec<String>,
    /// Why it is only a part of the fleet.
    pub part: Option<String>,
}

/// Collects records from one answer or from many pages.
pub struct Gather<'w> {
    account: &'w AccountName,
    words: &'w Words,
    leases: BTreeMap<String, Lease>,
    known: Known,
    seen: Seen,
}

#[derive(Default)]
struct Seen {
    unreadable: usize,
    same: usize,
    torn: usize,
    no_zone: usize,
    date_only: usize,
    no_end: usize,
    no_id: usize,
    resident: usize,
    part: Option<String>,
}

impl<'w> Gather<'w> {
    pub fn new(account: &'w AccountName, words: &'w Words) -> Self {
        let (leases, known, seen) = (BTreeMap::new(), Known::default(), Seen::default());
        Self { account, words, leases, known, seen }
    }

    /// Takes the body of `proxy/list`; gives the types of which it does not hold the whole list.
    ///
    /// # Errors
    /// The provider's own error, or an answer that is no list: without a lease it must have every array there is, each empty.
    pub fn all(&mut self, body: &[u8]) -> Result<Vec<&'static Type>, Trouble> {
        let data = envelope::object(body, self.words)?;
        let mut missing: Vec<&'static Type> = Vec::new();
        let (mut arrays, mut rows) = (0, 0);
        for (key, raw) in data.pairs() {
            let items = match wire::list(raw) {
                Some(items) => items,
                None => {
                    missing.extend(Type::find(key));
                    continue;
                }
            };
            arrays += usize::from(key == RESIDENT || Type::find(key).is_some());
            rows += items.len();
            if key == RESIDENT {
                self.seen.resident += items.len();
                continue;
            }
            for raw in items {
                self.record(key, raw);
            }
        }
        missing.extend(TYPES.iter().filter(|of| data.member(of.path).is_none()));
        if rows == 0 && arrays <= TYPES.len() {
            let what = "it holds no lease, and not every type has an empty list in it";
            return Err(Trouble::Unreadable(what.to_owned()));
        }
        let envelope = wire::decoded(body).ok().and_then(|text| Object::parse(text).ok());
        let said = envelope.as_ref().and_then(|e| more_than(e, rows)).or_else(|| more_than(&data, rows));
        if said.is_some() {
            return Ok(TYPES.iter().collect());
        }
        Ok(missing)
    }

    /// Takes a page of `proxy/list/{type}`; gives how many of its records were new, and the number of pages where it tells that.
    ///
    /// # Errors
    /// As above.
    pub fn page(&mut self, of: &Type, body: &[u8]) -> Result<(usize, Option<i64>), Trouble> {
        let raw = envelope::data(body, self.words)?;
        let pages = |object: &Object<'_>| {
            let told = |o: &Object<'_>| o.get("total_pages").and_then(wire::whole);
            told(object).or_else(|| object.get("metadata").and_then(|m| told(&Object::parse(m.get()).ok()?)))
        };
        let (items, pages) = match wire::list(raw) {
            Some(items) => (Some(items), None),
            None => {
                let data = envelope::fields(raw, self.words)?;
                (data.get("items").and_then(wire::list), pages(&data))
            }
        };
        let wrong = || Trouble::Unreadable(format!("the page of `{}` has no list of `items`", of.path));
        let news = items.ok_or_else(wrong)?.into_iter().filter(|raw| self.record(of.path, raw)).count();
        Ok((news, pages))
    }

    /// Some of what the provider has is not here.
    pub fn is_part(&mut self, why: String) {
        self.seen.part.get_or_insert(why);
    }

    /// Takes a record; `true`: it is of a lease that was not there before.
    fn record(&mut self, path: &str, raw: &RawValue) -> bool {
        let Some((place, lease, name, base)) = self.read(path, raw) else {
            self.seen.unreadable += 1;
            return false;
        };
        let id = place.id();
        self.seen.no_id += usize::from(name.is_none());
        if let Some(base) = base {
            self.known.order(base, &place.order);
        }
        match self.leases.get_mut(&id) {
            None => {
                self.known.name(&id, name);
                self.leases.insert(id, lease);
                true
            }
            Some(kept) if *kept == lease && self.known.is(&id, name.as_deref()) => {
                self.seen.same += 1;
                false
            }
            Some(kept) => {
                self.seen.torn += 1;
                reconcile(kept, &lease);
                if !self.known.is(&id, name.as_deref()) {
                    self.known.forget(&id);
                }
                false
            }
        }
    }

    #[allow(clippy::type_complexity, reason = "four facts of one record, taken apart at once")]
    fn read(&mut self, path: &str, raw: &RawValue) -> Option<(Place, Lease, Option<String>, Option<String>)> {
        let record = Object::parse(raw.get()).ok().filter(|record| record.doubled().is_none())?;
        let text = |key: &str| record.get(key).and_then(wire::text);
        let id_of = |key: &str| record.get(key).and_then(wire::id).map(|id| id.trim().to_owned());
        let of = Type::find(path);
        let port = ["port_http", "port_socks"].iter().find_map(|key| record.get(key).and_then(wire::port));
        let ip = text("ip").or_else(|| text("ip_only"))?;
        let (ip, port) = address(of, &ip, text("ip_only").as_deref(), port);
        let place = Place { of: path.to_owned(), order: id_of("order_id")?, ip, port };
        if place.ip.is_empty() {
            return None;
        }
        let (end, told) = self.end(text("date_end").as_deref());
        let lease = Lease {
            account: self.account.clone(),
            id: LeaseId::new(place.id()),
            order: OrderId::new(place.order.clone()),
            ip: place.ip.clone(),
            port,
            kind: of.map_or_else(|| Kind::new(self.words.quote(path)), |of| Kind::from(of.kind)),
            country: text("country_alpha3").or_else(|| text("country")).and_then(|c| country(&c)),
            tag: None,
            operator: None,
            started_at: text("date_start").and_then(|t| dates::read(&t)).map(|(at, _)| seconds(at)),
            expires_at: end,
            told,
            provider_renews: renews(&record),
            state: self.state(of, &record),
            held_since: None,
            cycle: None,
            price: None,
        };
        Some((place, lease, id_of("id"), id_of("base_order_number")))
    }

    fn end(&mut self, text: Option<&str>) -> (Option<Timestamp>, Told) {
        let Some((end, spelled)) = text.and_then(dates::read) else {
            self.seen.no_end += 1;
            return (None, Told::default());
        };
        self.seen.no_zone += usize::from(spelled == Spelled::NoZone);
        self.seen.date_only += usize::from(spelled == Spelled::DateOnly);
        (Some(end), spelled.told())
    }

    /// `Ended` means that it ends soon: its end is the truth. Whatever is not known, or says that it cannot be renewed, is for a person.
    fn state(&self, of: Option<&Type>, record: &Object<'_>) -> OrderState {
        let odd = |what: String| OrderState::Other(self.words.quote(&what));
        if of.is_none() {
            return odd("of a type that is not known".to_owned());
        }
        let word = |key: &str| {
            let told = record.get(key)?;
            Some(wire::text(told).map_or_else(|| told.get().to_owned(), |t| t.trim().to_owned()))
        };
        let known = |word: &String| ["active", "ended"].contains(&word.to_ascii_lowercase().as_str());
        // The second is a word for programs, the first one for people, perhaps in their language.
        let told = word("status_type").filter(|w| !w.is_empty()).or_else(|| word("status"));
        if let Some(word) = told.filter(|w| !w.is_empty() && !known(w)) {
            return odd(word);
        }
        match record.get("can_prolong").map(wire::yes) {
            None | Some(Ok(true)) => OrderState::Active,
            Some(Ok(false)) => odd("not to be prolonged".to_owned()),
            Some(Err(())) => odd("neither to be prolonged nor not".to_owned()),
        }
    }

    /// Puts the oddities into words.
    pub fn finish(self) -> Fleet {
        let Seen { unreadable, same, torn, no_zone, date_only, no_end, no_id, resident, part } = self.seen;
        let told = [
            (same, "leases that stand in the list twice, alike"),
            (torn, "leases that stand in the list twice with different data"),
            (no_zone, "leases that have an end without a time zone, taken as UTC"),
            (date_only, "leases that have an end without a time of day, taken as midnight UTC"),
            (no_end, "leases that have no end that can be read"),
            (no_id, "leases that have no id of the provider's and can be paid by whole orders only"),
            (resident, "packages of traffic, which are not leases and are left alone"),
        ];
        let oddities = told.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{what}: {n}")).collect();
        let leases: Vec<Lease> = self.leases.into_values().collect();
        Fleet { leases: leases.into(), known: self.known, unreadable, oddities, part }
    }
}

/// Two records of one lease that differ. Where they differ in what a payment rests on, the end counts as unreadable, so that nothing is
/// paid on a guess; what either says against paying is believed.
fn reconcile(kept: &mut Lease, later: &Lease) {
    let ends = kept.named_end().zip(later.named_end());
    if !ends.is_some_and(|(a, b)| a == b || term::compare(a, b, None) == Sameness::Same) {
        kept.expires_at = None;
    }
    kept.provider_renews = kept.provider_renews.max(later.provider_renews);
    if matches!(later.state, OrderState::Other(_)) {
        kept.state = later.state.clone();
    }
}

/// The provider's own auto-renewal. A word that nobody knows may mean that it is on: two must not pay.
fn renews(record: &Object<'_>) -> Option<bool> {
    let told = record.get("auto_renew")?;
    if wire::text(told).is_some_and(|text| text.trim().is_empty()) {
        return None;
    }
    Some(wire::yes(told).unwrap_or(true))
}

/// A code of three letters.
fn country(text: &str) -> Option<String> {
    let code = text.trim();
    (code.len() == 3 && code.bytes().all(|b| b.is_ascii_alphabetic())).then(|| code.to_ascii_uppercase())
}

/// To the second: ages are counted in days.
fn seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// Numbers of records and of pages, and words for "there is more", as lists that page have them.
const TOTALS: [&str; 5] = ["total", "total_count", "totalCount", "total_items", "count"];
const PAGES: [&str; 3] = ["total_pages", "totalPages", "pages"];
const MORE: [&str; 3] = ["has_more", "hasMore", "has_next"];

/// What an object, or its `metadata`, says of more than the records that stand in it.
fn more_than(object: &Object<'_>, rows: usize) -> Option<()> {
    let more = |o: &Object<'_>| {
        let whole = |key: &&str| o.get(key).and_then(wire::whole).and_then(|n| usize::try_from(n).ok());
        TOTALS.iter().filter_map(whole).any(|n| n > rows)
            || PAGES.iter().filter_map(whole).any(|n| n > 1)
            || MORE.iter().any(|key| o.get(key).and_then(wire::flag) == Some(true))
    };
    let inner = object.get("metadata").and_then(|raw| Object::parse(raw.get()).ok());
    (more(object) || inner.is_some_and(|inner| more(&inner))).then_some(())
}

#[cfg(test)]
#[path = "map_tests.rs"]
mod tests;
