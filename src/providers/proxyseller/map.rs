//! From the provider's lists to leases. Responsible for finding every record, for telling records of one lease from two leases, and for
//! saying what could not be read or is not there: a lease that is missed here would lapse in silence. Not responsible for asking, nor for
//! deciding whether an empty list is believed by what was known before. Pure.
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::domain::{AccountName, Kind, Lease, LeaseId, Leases, OrderId, OrderState, Sameness, Told, term};
use crate::providers::{Words, json};

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
    /// What pages of single types brought.
    paged: BTreeSet<String>,
    /// Marks of records that name no lease.
    unreadable: BTreeSet<u64>,
    seen: Seen,
}

/// What a page brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Records on it.
    pub rows: usize,
    /// Of these, such as no page before had: where pages repeat themselves, the list ends.
    pub new: usize,
    /// The number of pages, where it tells that.
    pub pages: Option<i64>,
    /// The number of records on all pages, where it tells that.
    pub total: Option<usize>,
}

/// A record against what was there.
enum Met {
    New(String),
    Same(String),
    Torn(String),
    /// Its mark.
    Unreadable(u64),
}

#[derive(Default)]
struct Seen {
    same: usize,
    torn: usize,
    no_zone: usize,
    date_only: usize,
    no_end: usize,
    no_id: usize,
    resident: usize,
    part: Option<String>,
    /// How many there are, as the list of all says that does not have them all.
    total: Option<usize>,
}

impl<'w> Gather<'w> {
    pub fn new(account: &'w AccountName, words: &'w Words) -> Self {
        let (leases, known, seen) = (BTreeMap::new(), Known::default(), Seen::default());
        let (paged, unreadable) = (BTreeSet::new(), BTreeSet::new());
        Self { account, words, leases, known, paged, unreadable, seen }
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
                let met = self.record(key, raw);
                self.seen.same += usize::from(matches!(met, Met::Same(_)));
            }
        }
        missing.extend(TYPES.iter().filter(|of| data.member(of.path).is_none()));
        if rows == 0 && arrays <= TYPES.len() {
            let what = "it holds no lease, and not every type has an empty list in it";
            return Err(Trouble::Unreadable(what.to_owned()));
        }
        let envelope = wire::decoded(body).ok().and_then(|text| Object::parse(text).ok());
        if envelope.as_ref().is_some_and(|e| more_than(e, rows)) || more_than(&data, rows) {
            self.seen.total = envelope.as_ref().and_then(total).max(total(&data));
            return Ok(TYPES.iter().collect());
        }
        Ok(missing)
    }

    /// Takes a page of `proxy/list/{type}`.
    ///
    /// # Errors
    /// As above.
    pub fn page(&mut self, of: &Type, body: &[u8]) -> Result<Page, Trouble> {
        let raw = envelope::data(body, self.words)?;
        let told = |o: &Object<'_>| o.get("total_pages").and_then(wire::whole);
        let (items, pages, total) = match wire::list(raw) {
            Some(items) => (Some(items), None, None),
            None => {
                let data = envelope::fields(raw, self.words)?;
                (data.get("items").and_then(wire::list), either(&data, told), total(&data))
            }
        };
        let wrong = || Trouble::Unreadable(format!("the page of `{}` has no list of `items`", of.path));
        let items = items.ok_or_else(wrong)?;
        let rows = items.len();
        let new = items.into_iter().filter(|raw| self.is_new(of, raw)).count();
        Ok(Page { rows, new, pages, total })
    }

    /// Takes a record of a page; what the list of all types had is new here all the same.
    fn is_new(&mut self, of: &Type, raw: &RawValue) -> bool {
        match self.record(of.path, raw) {
            Met::New(id) | Met::Torn(id) => self.paged.insert(id),
            Met::Same(id) => {
                let new = self.paged.insert(id);
                self.seen.same += usize::from(!new);
                new
            }
            Met::Unreadable(mark) => self.paged.insert(mark.to_string()),
        }
    }

    /// Some of what the provider has is not here.
    pub fn is_part(&mut self, why: String) {
        self.seen.part.get_or_insert(why);
    }

    /// Takes a record.
    fn record(&mut self, path: &str, raw: &RawValue) -> Met {
        let Some((place, lease, name, base)) = self.read(path, raw) else {
            let mark = json::mark(raw);
            self.unreadable.insert(mark);
            return Met::Unreadable(mark);
        };
        let id = place.id();
        self.seen.no_id += usize::from(name.is_none());
        if let Some(base) = base {
            self.known.order(base, &place.order);
        }
        match self.leases.get_mut(&id) {
            None => {
                self.known.name(&id, name);
                self.leases.insert(id.clone(), lease);
                Met::New(id)
            }
            Some(kept) if *kept == lease && self.known.is(&id, name.as_deref()) => Met::Same(id),
            Some(kept) => {
                self.seen.torn += 1;
                reconcile(kept, &lease);
                if !self.known.is(&id, name.as_deref()) {
                    self.known.forget(&id);
                }
                Met::Torn(id)
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
        let unreadable = self.unreadable.len();
        let Seen { same, torn, no_zone, date_only, no_end, no_id, resident, part, total } = self.seen;
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
        let found = leases.len() + unreadable + resident;
        let lacks = total.filter(|total| *total > found);
        let part = part
            .or_else(|| lacks.map(|n| format!("the list says that there are {n}, and {found} were found")));
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

/// An object and its `metadata`, asked for the same.
fn either<T>(object: &Object<'_>, ask: impl Fn(&Object<'_>) -> Option<T>) -> Option<T> {
    let inner = object.get("metadata").and_then(|raw| Object::parse(raw.get()).ok());
    ask(object).or_else(|| ask(inner.as_ref()?))
}

/// How many records there are in all.
fn total(object: &Object<'_>) -> Option<usize> {
    let whole = |o: &Object<'_>, key| o.get(key).and_then(wire::whole).and_then(|n| usize::try_from(n).ok());
    either(object, |o| TOTALS.iter().filter_map(|key| whole(o, key)).max())
}

/// Whether it says that there are more than the records that stand in it.
fn more_than(object: &Object<'_>, rows: usize) -> bool {
    let many = |key: &&str, o: &Object<'_>| o.get(key).and_then(wire::whole).is_some_and(|n| n > 1);
    let more = |key: &&str, o: &Object<'_>| o.get(key).and_then(wire::flag) == Some(true);
    let says = |o: &Object<'_>| {
        let says = PAGES.iter().any(|key| many(key, o)) || MORE.iter().any(|key| more(key, o));
        says.then_some(())
    };
    total(object).is_some_and(|n| n > rows) || either(object, says).is_some()
}

#[cfg(test)]
#[path = "map_tests.rs"]
mod tests;
