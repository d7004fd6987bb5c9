//! Reads the lines of `list` as they come: nothing but the leases is kept, however long the list is.
//!
//! Pure. A list that does not end as it says, or of which one line is odd, is no list: nothing may be concluded from what it lacks.
//! Not responsible for whether a list that lost much is believed.
use serde_json::value::RawValue;

use crate::domain::{AccountName, Kind, LeaseView, Leases, Money, OrderState, Told};
use crate::providers::json::{self, Object};

use super::mask::Mask;
use super::wire;

/// The longest line.
const LINE: usize = 64 * 1024;
/// Keys that no lease may have: whoever can log in with what stands there may be anybody who reads a log.
const SECRET: [&str; 7] = ["login", "password", "passwd", "pass", "secret", "api_key", "token"];

/// What a list holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Fleet {
    /// Sorted by id, each id once.
    pub leases: Leases,
    /// The program says that it is only a part.
    pub part: Option<String>,
    /// Odd but readable.
    pub oddities: Vec<String>,
}

/// Takes a list piece by piece.
pub struct ListReader<'a> {
    account: &'a AccountName,
    request: &'a str,
    mask: &'a Mask,
    /// The account's owner says that nothing of it is renewed by the provider.
    renews_off: bool,
    rest: Vec<u8>,
    /// Its first line was the right one.
    begun: bool,
    /// What its last line said: how many, and whether they are all.
    end: Option<(usize, bool)>,
    lines: usize,
    ended: usize,
    unreadable_ends: usize,
    found: Leases,
    /// Why it is not read on.
    trouble: Option<String>,
}

impl<'a> ListReader<'a> {
    /// Of one question.
    pub fn new(account: &'a AccountName, request: &'a str, mask: &'a Mask) -> Self {
        Self {
            account,
            request,
            mask,
            renews_off: false,
            rest: Vec::new(),
            begun: false,
            end: None,
            lines: 0,
            ended: 0,
            unreadable_ends: 0,
            found: Leases::default(),
            trouble: None,
        }
    }

    /// By the word of the account's owner, for leases of which the program does not tell it.
    #[must_use]
    pub fn renews_off(self, says: bool) -> Self {
        Self { renews_off: says, ..self }
    }

    /// Takes a piece; `false`: it is read no further.
    pub fn feed(&mut self, piece: &[u8]) -> bool {
        let mut left = piece;
        while let Some(at) = memchr::memchr(b'\n', left) {
            let (line, behind) = (&left[..at], &left[at + 1..]);
            left = behind;
            if self.rest.is_empty() {
                self.line(line);
            } else {
                let mut whole = std::mem::take(&mut self.rest);
                whole.extend_from_slice(line);
                self.line(&whole);
                whole.clear();
                self.rest = whole;
            }
            if self.trouble.is_some() {
                return false;
            }
        }
        self.rest.extend_from_slice(left);
        if self.rest.len() > LINE {
            self.trouble = Some("a line of the list is longer than 64 KiB".to_owned());
        }
        self.trouble.is_none()
    }

    fn line(&mut self, line: &[u8]) {
        if let Err(why) = self.read(line) {
            self.trouble.get_or_insert(format!("line {} of the list: {}", self.lines, self.mask.quote(&why)));
        }
    }

    fn read(&mut self, line: &[u8]) -> Result<(), String> {
        self.lines += 1;
        if line.len() > LINE {
            return Err("it is longer than 64 KiB".to_owned());
        }
        if self.end.is_some() {
            return Err("it follows the line that ends the list".to_owned());
        }
        let text = std::str::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned())?;
        let object = wire::object(text)?;
        if !self.begun {
            wire::ours(&object, self.request)?;
            self.begun = true;
        }
        match (object.get("lease"), object.get("end")) {
            (Some(lease), None) => self.lease(lease),
            (None, Some(end)) => self.last(&object, end),
            (None, None) if self.lines == 1 => Ok(()),
            _ => Err("it is neither a lease nor the end of the list".to_owned()),
        }
    }

    fn last(&mut self, object: &Object<'_>, end: &RawValue) -> Result<(), String> {
        if json::flag(end) != Some(true) {
            return Err("`end` is not true".to_owned());
        }
        let count = object.get("count").and_then(json::whole).and_then(|n| usize::try_from(n).ok());
        let count = count.ok_or_else(|| "`count` is not a whole number".to_owned())?;
        let complete = object.get("complete").and_then(json::flag);
        let complete = complete.ok_or_else(|| "`complete` is neither true nor false".to_owned())?;
        self.end = Some((count, complete));
        Ok(())
    }

    fn lease(&mut self, raw: &RawValue) -> Result<(), String> {
        let object = wire::object(raw.get()).map_err(|why| format!("`lease`: {why}"))?;
        if let Some(key) = object.pairs().map(|(key, _)| key).find(|key| is_secret(key)) {
            return Err(format!("a lease has `{key}`: logins are not asked for and not taken"));
        }
        let (id, order, kind) =
            (wire::name(&object, "id")?, wire::name(&object, "order")?, wire::name(&object, "kind")?);
        let state = match &*wire::name(&object, "state")? {
            "active" => OrderState::Active,
            "held" => OrderState::OnHold,
            "ended" => {
                self.ended += 1;
                return Ok(());
            }
            other => OrderState::Other(self.mask.quote(other)),
        };
        let ends = match object.member("ends") {
            Some(raw) if json::is_null(raw) => None,
            Some(raw) => Some(json::text(raw).ok_or_else(|| "`ends` is not a text".to_owned())?),
            None => return Err("`ends` is missing".to_owned()),
        };
        let expires_at = ends.as_deref().and_then(wire::instant);
        self.unreadable_ends += usize::from(ends.is_some() && expires_at.is_none());
        let told = |key: &str| wire::maybe_name(&object, key);
        let (country, tag, cycle) = (told("country")?, told("tag")?, told("cycle")?);
        let ip = object.get("ip").map_or(Some("".into()), json::text);
        let ip = ip.ok_or_else(|| "`ip` is not a text".to_owned())?;
        self.found.push(&LeaseView {
            account: self.account,
            id: &id,
            order: &order,
            ip: ip.trim(),
            port: port(&object)?,
            kind: &Kind::new(kind.as_ref()),
            country: country.as_deref(),
            tag: tag.as_deref(),
            operator: told("operator")?.as_deref(),
            started_at: None,
            expires_at,
            told: Told::Instant,
            provider_renews: renews(&object)?.or_else(|| self.renews_off.then_some(false)),
            state: &state,
            held_since: None,
            cycle: cycle.as_deref(),
            price: price(&object)?,
        });
        Ok(())
    }

    /// The list, if it is whole.
    ///
    /// # Errors
    /// Why it is none.
    pub fn finish(mut self) -> Result<Fleet, String> {
        if self.trouble.is_none() && !self.rest.is_empty() {
            let last = std::mem::take(&mut self.rest);
            self.line(&last);
        }
        if let Some(why) = self.trouble {
            return Err(why);
        }
        let Some((count, complete)) = self.end else {
            return Err("the list breaks off: its last line is not there".to_owned());
        };
        let listed = self.found.len() + self.ended;
        if count != listed {
            return Err(format!("the list says that it has {count} leases, and {listed} stand in it"));
        }
        let mut leases = self.found;
        leases.sort();
        if let Some(n) = (1..leases.len()).find(|&n| leases.id(n) == leases.id(n - 1)) {
            return Err(format!("the id {} stands in the list twice", self.mask.quote(leases.id(n))));
        }
        let odd = (self.unreadable_ends > 0)
            .then(|| format!("{} ends are not instants with an offset", self.unreadable_ends));
        Ok(Fleet {
            leases,
            part: (!complete).then(|| "its `complete` is false".to_owned()),
            oddities: odd.into_iter().collect(),
        })
    }
}

fn is_secret(key: &str) -> bool {
    SECRET.iter().any(|secret| secret.eq_ignore_ascii_case(key))
}

fn renews(object: &Object<'_>) -> Result<Option<bool>, String> {
    let wrong = || "`provider_renews` is neither true, false nor null".to_owned();
    object.get("provider_renews").map(|raw| json::flag(raw).ok_or_else(wrong)).transpose()
}

fn port(object: &Object<'_>) -> Result<Option<u16>, String> {
    let number = |raw: &RawValue| json::whole(raw).and_then(|n| u16::try_from(n).ok());
    let wrong = || "`port` is not a number from 0 to 65535".to_owned();
    object.get("port").map(|raw| number(raw).ok_or_else(wrong)).transpose()
}

fn price(object: &Object<'_>) -> Result<Option<Money>, String> {
    wire::maybe_money(object, "price")
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
