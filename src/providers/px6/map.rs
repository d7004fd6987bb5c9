//! From pages of `getproxy` to leases. Pure.
//!
//! What cannot be read is counted or told, never dropped: a proxy that is missed here would lapse in silence. Logins and passwords stand
//! in every row and are never copied. Source: the vendor's developer page, `getproxy`.
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::domain::{AccountName, Kind, Lease, LeaseId, Leases, OrderId, OrderState, OwnerSays, Told};
use crate::providers::{Words, json};

use super::envelope::Trouble;
use super::wire::{self, Object};

/// Whose list it is, and what its owner says of it.
pub struct Origin<'a> {
    /// The account.
    pub account: &'a AccountName,
    /// What the list does not tell.
    pub says: &'a OwnerSays,
    /// Before the page was asked for.
    pub now: Timestamp,
    /// Cleans what is kept.
    pub words: &'a Words,
}

/// What a page brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Added {
    /// Rows on it.
    pub rows: usize,
    /// Of these, proxies that were not on an earlier page.
    pub new: usize,
}

/// The rows of all pages so far.
#[derive(Default)]
pub struct Listed {
    found: BTreeMap<String, Lease>,
    /// Marks of rows that cannot be read.
    unreadable: HashSet<u64>,
    odd: BTreeMap<&'static str, usize>,
}

/// A list as a whole.
pub struct Fleet {
    /// Sorted by id, each once.
    pub leases: Leases,
    /// Rows that cannot be read at all.
    pub unreadable: usize,
    /// One line each.
    pub oddities: Vec<String>,
}

impl Listed {
    /// Takes a page in.
    ///
    /// # Errors
    /// [`Trouble::Unreadable`]: it is no page, or its count is not that of its rows.
    pub fn add(&mut self, answer: &Object<'_>, of: &Origin<'_>) -> Result<Added, Trouble> {
        let rows = rows(answer)?;
        let mut added = Added { rows: rows.len(), new: 0 };
        for (key, row) in rows {
            let lease = Object::parse(row.get()).ok().and_then(|row| self.lease(key.as_deref(), &row, of));
            match lease {
                Some(lease) => added.new += usize::from(self.keep(lease)),
                // The same row again is none that is new: else pages that repeat themselves would have no end.
                None => added.new += usize::from(self.unreadable.insert(json::mark(row))),
            }
        }
        Ok(added)
    }

    /// `true`: it was not there yet. Of two that differ neither is believed, and nothing is paid for it.
    fn keep(&mut self, lease: Lease) -> bool {
        match self.found.entry(lease.id.as_str().to_owned()) {
            Entry::Vacant(place) => {
                place.insert(lease);
                return true;
            }
            Entry::Occupied(known) if *known.get() == lease => self.note("stand in the list twice"),
            Entry::Occupied(mut known) => {
                known.get_mut().state = OrderState::Other("listed twice, and differently".to_owned());
                self.note("stand in the list twice, and differently: nothing is paid for them");
            }
        }
        false
    }

    fn note(&mut self, what: &'static str) {
        *self.odd.entry(what).or_default() += 1;
    }

    fn lease(&mut self, key: Option<&str>, row: &Object<'_>, of: &Origin<'_>) -> Option<Lease> {
        let own = row.get("id").and_then(wire::id);
        let id = match (own, key) {
            (Some(own), Some(key)) if own != key => return None,
            (Some(own), _) => own.into_owned(),
            (None, Some(key)) if wire::is_id(key) && row.get("id").is_none() => key.to_owned(),
            (None, _) => return None,
        };
        if row.doubled().is_some() {
            return None;
        }
        let quote = |key: &str| {
            let told = row.get(key).and_then(wire::text);
            told.map(|text| of.words.quote(&text)).filter(|text| !text.is_empty())
        };
        let expires_at = row.get("unixtime_end").and_then(wire::instant);
        if expires_at.is_none() {
            self.note("have no end in seconds since 1970: their texts name no time zone");
        }
        let ip = quote("ip").filter(|ip| ip.parse::<IpAddr>().is_ok());
        if ip.is_none() {
            self.note("have no address");
        }
        let (kind, odd) = self.kind(row, of.says);
        let state = match odd {
            Some(word) => OrderState::Other(word),
            None => state(row, expires_at, of.now),
        };
        Some(Lease {
            account: of.account.clone(),
            order: OrderId::new(id.clone()),
            id: LeaseId::new(id),
            ip: ip.unwrap_or_default(),
            port: row.get("port").and_then(wire::number).and_then(|n| u16::try_from(n).ok()),
            kind,
            country: quote("country"),
            tag: quote("descr"),
            operator: None,
            started_at: row.get("unixtime").and_then(wire::instant),
            expires_at,
            told: Told::Instant,
            provider_renews: of.says.renews_off.then_some(false),
            state,
            held_since: None,
            cycle: None,
            price: None,
        })
    }

    /// What it is: by its row, else by its owner's word. With a word where renewd keeps its hands off.
    fn kind(&mut self, row: &Object<'_>, says: &OwnerSays) -> (Kind, Option<String>) {
        let unknown = Kind::from(Kind::UNKNOWN);
        let version = match row.get("version") {
            None => says.version.map(i64::from),
            Some(raw) => wire::number(raw),
        };
        let Some(version) = version else {
            self.note("do not tell what they are, nor does `version` of their account");
            return (unknown, None);
        };
        match (wire::kind(version), version) {
            (Some(kind), _) => (kind, None),
            (None, 5) => (Kind::from("MTProto"), Some("version 5".to_owned())),
            (None, _) => (unknown, Some(format!("version {version}"))),
        }
    }

    /// All pages as one list. A port is kept where only it tells one address from another.
    pub fn finish(self) -> Fleet {
        let mut times: HashMap<&str, usize> = HashMap::new();
        for lease in self.found.values() {
            *times.entry(lease.ip.as_str()).or_default() += 1;
        }
        let mut leases = Leases::default();
        for lease in self.found.values() {
            let alone = times.get(lease.ip.as_str()).is_none_or(|n| *n == 1);
            let mut view = lease.view();
            view.port = view.port.filter(|_| !alone && !lease.ip.is_empty());
            leases.push(&view);
        }
        leases.sort();
        let lines = self.odd.into_iter().map(|(what, n)| format!("proxies that {what}: {n}"));
        Fleet { leases, unreadable: self.unreadable.len(), oddities: lines.collect() }
    }
}

/// One that the provider calls inactive has ended, or is in a state that nobody knows.
fn state(row: &Object<'_>, end: Option<Timestamp>, now: Timestamp) -> OrderState {
    match row.get("active").map(wire::number) {
        None | Some(Some(1)) => OrderState::Active,
        Some(Some(0)) if end.is_some_and(|end| end <= now) => OrderState::Active,
        Some(Some(0)) => OrderState::Other("not active".to_owned()),
        Some(_) => OrderState::Other("not told".to_owned()),
    }
}

/// A row, and the id that stands before it where rows are an object.
type Row<'a> = (Option<Cow<'a, str>>, &'a RawValue);

/// The rows of a page: an object by ids, or an array. An empty one says so by its count.
fn rows<'a>(answer: &Object<'a>) -> Result<Vec<Row<'a>>, Trouble> {
    let unreadable = |what: &str| Trouble::Unreadable(what.to_owned());
    let count = answer.get("list_count").and_then(wire::number);
    let count = count.ok_or_else(|| unreadable("`list_count` is not a number"))?;
    let raw = answer.get("list").ok_or_else(|| unreadable("`list` is missing"))?;
    let rows: Vec<Row<'a>> = if let Some(rows) = wire::list(raw) {
        rows.into_iter().map(|row| (None, row)).collect()
    } else {
        let by_id = Object::parse(raw.get()).map_err(|_| unreadable("`list` is not a list"))?;
        if by_id.doubled().is_some() {
            return Err(unreadable("an id stands in `list` twice"));
        }
        by_id.pairs().map(|(key, row)| (Some(Cow::Owned(key.to_owned())), row)).collect()
    };
    if usize::try_from(count).ok() != Some(rows.len()) {
        return Err(Trouble::Unreadable(format!("`list_count` is {count}, and `list` has {}", rows.len())));
    }
    Ok(rows)
}

#[cfg(test)]
#[path = "map_tests.rs"]
mod tests;
