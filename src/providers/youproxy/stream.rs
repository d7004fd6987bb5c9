//! The list as it arrives: a large body is never held as a whole.
//!
//! Bytes are gathered until a value is whole, and whole values are walked as ever (`map.rs`). A container that is larger than the window is
//! opened instead: its children are taken one by one, and what it says of them after they came is added when it closes. A body
//! that fits into the window is read as if there were no window. Not responsible for asking (`call.rs`). Pure.
use serde_json::value::RawValue;

use crate::domain::AccountName;
use crate::providers::Words;

use super::above::{Above, INNER, Level};
use super::envelope::{self, Trouble};
use super::map::{DEEPEST, Fleet, Seen, Walk, fleet, is_payload, is_secret, whole};
use super::scan::{Found, Scan, blank};
use super::wire::Object;

/// A body of so many bytes is read as a whole.
const WHOLE: usize = 64 << 10;
/// A container of more bytes is opened. A record has some 300: it is read once then, and what it stands in is only looked through.
const WINDOW: usize = 1 << 10;

/// Reads a list from its pieces.
pub struct ListReader<'w> {
    account: &'w AccountName,
    walk: Walk<'w>,
    whole: usize,
    window: usize,
    /// What has come and was not taken yet.
    bytes: Vec<u8>,
    /// So much of it is taken.
    taken: usize,
    scan: Scan,
    /// Containers that were opened, the answer itself first.
    open: Vec<Open>,
    /// The answer is over.
    closed: bool,
}

/// A container that is read as it comes.
struct Open {
    /// The fields of an object that say something of it; `None`: it is an array.
    fields: Option<Vec<(String, Box<RawValue>)>>,
    /// The key whose value comes next.
    key: Option<String>,
    next: Next,
    /// What stands above it.
    above: Above<'static>,
    /// The same with what its own fields have told so far: what stands above its children.
    inside: Above<'static>,
    /// Records before it, readable ones among them, and all else that was seen.
    before: (usize, usize, Seen),
}

/// What may come next in a container.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The first child, or the end.
    First,
    /// A child.
    Child,
    /// A colon and a value.
    Colon,
    /// The value of the key that was read.
    Value,
    /// A comma, or the end.
    Comma,
}

fn broken(what: &str) -> Trouble {
    Trouble::Unreadable(format!("it is not a JSON object ({what})"))
}

impl<'w> ListReader<'w> {
    /// Nothing has come yet.
    #[must_use]
    pub fn new(account: &'w AccountName, words: &'w Words) -> Self {
        Self::with_window(account, words, WHOLE, WINDOW)
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_window(account: &'w AccountName, words: &'w Words, whole: usize, window: usize) -> Self {
        Self {
            account,
            walk: Walk::new(account, words),
            whole,
            window,
            bytes: Vec::new(),
            taken: 0,
            scan: Scan::default(),
            open: Vec::new(),
            closed: false,
        }
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// What makes the whole body unreadable: nothing need be read after it.
    pub fn feed(&mut self, piece: &[u8]) -> Result<(), Trouble> {
        self.bytes.extend_from_slice(piece);
        if self.open.is_empty() && !self.closed {
            if self.bytes.len() <= self.whole {
                return Ok(());
            }
            self.begin()?;
        }
        self.take_all()?;
        if self.taken > self.bytes.len() / 2 || self.taken == self.bytes.len() {
            self.bytes.drain(..self.taken);
            self.scan.forget(self.taken);
            self.taken = 0;
        }
        Ok(())
    }

    /// What the list holds, now that all has come.
    ///
    /// # Errors
    /// As [`fleet`].
    pub fn finish(mut self) -> Result<Fleet, Trouble> {
        if self.open.is_empty() && !self.closed {
            return fleet(&self.bytes, self.account, self.walk.words);
        }
        self.take_all()?;
        if !self.closed {
            return Err(broken("it ends in its middle"));
        }
        if !self.bytes[self.taken..].iter().all(u8::is_ascii_whitespace) {
            return Err(broken("something stands behind it"));
        }
        let Some(Open { fields: Some(fields), .. }) = self.open.pop() else {
            return Err(broken("it is something else"));
        };
        let object = object(&fields);
        let answer = envelope::judge(object, self.walk.words)?;
        whole(self.walk, &answer)
    }

    /// Opens the answer itself.
    fn begin(&mut self) -> Result<(), Trouble> {
        let mark = [0xef, 0xbb, 0xbf];
        let skipped = if self.bytes.starts_with(&mark) { mark.len() } else { 0 };
        let start = skipped + blank(&self.bytes[skipped..]);
        if self.bytes.get(start) != Some(&b'{') {
            // Whatever it is: the words for it are those of a body that is read at once.
            let error = fleet(&self.bytes, self.account, self.walk.words);
            return Err(error.err().unwrap_or_else(|| broken("it is something else")));
        }
        self.taken = start + 1;
        self.push(true, Above::default());
        Ok(())
    }

    fn push(&mut self, object: bool, above: Above<'static>) {
        self.open.push(Open {
            fields: object.then(Vec::new),
            key: None,
            next: Next::First,
            inside: above.clone(),
            above,
            before: (self.walk.rows(), self.walk.readable(), self.walk.seen.clone()),
        });
    }

    /// Takes whatever is whole.
    fn take_all(&mut self) -> Result<(), Trouble> {
        while !self.closed {
            self.taken += blank(&self.bytes[self.taken..]);
            let Some(&byte) = self.bytes.get(self.taken) else { return Ok(()) };
            let Some(open) = self.open.last_mut() else { return Ok(()) };
            let is_object = open.fields.is_some();
            match (open.next, byte) {
                (Next::First | Next::Comma, b'}') if is_object => self.close()?,
                (Next::First | Next::Comma, b']') if !is_object => self.close()?,
                (Next::Comma, b',') => {
                    open.next = Next::Child;
                    self.taken += 1;
                }
                (Next::Colon, b':') => {
                    open.next = Next::Value;
                    self.taken += 1;
                }
                (Next::First | Next::Child, b'"') if is_object => {
                    let Found::End(end) = self.scan.end(&self.bytes, self.taken) else { return Ok(()) };
                    let key = serde_json::from_slice(&self.bytes[self.taken..end]);
                    open.key = Some(key.map_err(|e| broken(&e.to_string()))?);
                    open.next = Next::Colon;
                    self.taken = end;
                }
                (Next::Value, _) if !matches!(byte, b'}' | b']' | b',' | b':') => {
                    if !self.value()? {
                        return Ok(());
                    }
                }
                (Next::First | Next::Child, _)
                    if !is_object && !matches!(byte, b'}' | b']' | b',' | b':') =>
                {
                    if !self.value()? {
                        return Ok(());
                    }
                }
                _ => return Err(broken("a comma, a colon or a bracket is out of place")),
            }
        }
        Ok(())
    }

    /// Takes the value that begins here, or opens it; `false`: more must come first.
    fn value(&mut self) -> Result<bool, Trouble> {
        let start = self.taken;
        let end = match self.scan.end(&self.bytes, start) {
            Found::End(end) if self.may_open(end) => return self.open_here(),
            Found::End(end) => end,
            Found::More => return Ok(self.may_open(self.bytes.len()) && self.open_here()?),
        };
        let json = std::str::from_utf8(&self.bytes[start..end])
            .map_err(|_| Trouble::Unreadable("it is not UTF-8".to_owned()))?;
        let depth = self.open.len() - 1;
        let Some(open) = self.open.last_mut() else { return Ok(false) };
        open.next = Next::Comma;
        let key = open.key.take();
        let (walk, above) = (&mut self.walk, open.inside.borrowed());
        match key.as_deref() {
            None if json.starts_with(['{', '[']) => walk.step(json, &above, depth)?,
            Some(key) if is_secret(key) => drop(valid(json, walk.words)?),
            Some(key) if json.starts_with(['{', '[']) => {
                if is_payload(key) || depth > 0 {
                    walk.visit(json, &above.under(key, INNER), depth + 1)?;
                }
            }
            // What is no container is only looked at.
            None | Some(_) => {
                let json = valid(json, walk.words)?.get();
                if depth > 0 {
                    walk.step(json, &above, depth)?;
                }
            }
        }
        if let Some(key) = key {
            open.keep(key, json, depth, self.walk.words)?;
        }
        self.taken = end;
        Ok(true)
    }

    /// A container that is larger than the window, and not one of those of which the whole is needed.
    fn may_open(&self, end: usize) -> bool {
        let whole = |key: &String| is_secret(key) || tells(key) || !is_payload(key);
        let key = self.open.last().and_then(|open| open.key.as_ref());
        end - self.taken > self.window
            && matches!(self.bytes[self.taken], b'{' | b'[')
            && !key.is_some_and(whole)
    }

    fn open_here(&mut self) -> Result<bool, Trouble> {
        let depth = self.open.len();
        if depth > DEEPEST {
            return Err(Trouble::Unreadable(format!("it is nested more than {DEEPEST} deep")));
        }
        let object = self.bytes[self.taken] == b'{';
        let Some(open) = self.open.last_mut() else { return Ok(false) };
        open.next = Next::Comma;
        let key = open.key.take();
        let mut above = open.inside.clone();
        if let Some(key) = key {
            above = above.under(&key, level(depth) - 1);
            open.keep(key, if object { "{}" } else { "[]" }, depth - 1, self.walk.words)?;
        }
        self.taken += 1;
        self.scan = Scan::default();
        self.push(object, above);
        Ok(true)
    }

    /// The container that was read as it came is over.
    fn close(&mut self) -> Result<(), Trouble> {
        self.taken += 1;
        let depth = self.open.len() - 1;
        if depth == 0 {
            self.closed = true;
            return Ok(());
        }
        let Some(open) = self.open.pop() else { return Ok(()) };
        let Some(fields) = &open.fields else { return Ok(()) };
        let object = object(fields);
        let (rows, readable, seen) = open.before.clone();
        if object.any_case("ipAddressId").next().is_some() {
            // Its id came last: what stands in it are no records.
            self.walk.forget_from(readable, seen);
            self.walk.as_record(&object, &open.above);
            return Ok(());
        }
        let above = open.above.borrowed().within(&object, level(depth));
        self.walk.told_late(readable, &above, level(depth));
        self.walk.wrapped(&object, rows);
        Ok(())
    }
}

impl Open {
    /// Keeps what a field says of the object; what stands in a container was looked into.
    fn keep(&mut self, key: String, json: &str, depth: usize, words: &Words) -> Result<(), Trouble> {
        let Some(fields) = &mut self.fields else { return Ok(()) };
        let (names, tells) = (NAMES.iter().any(|name| name.eq_ignore_ascii_case(&key)), tells(&key));
        let container = json.starts_with(['{', '[']);
        // Of the answer itself every key is asked for: none may stand there twice.
        if is_secret(&key) || !(depth == 0 || names || tells || !container) {
            return Ok(());
        }
        let raw = match container && !tells && is_payload(&key) {
            true => empty_container(json.starts_with('{')),
            false => valid(json, words)?.to_owned(),
        };
        fields.push((key, raw));
        // The answer itself says nothing of single records.
        if tells && depth > 0 {
            self.inside = owned(self.above.borrowed().within(&object(fields), level(depth)));
        }
        Ok(())
    }
}

/// A value, if it is one.
fn valid<'a>(json: &'a str, words: &Words) -> Result<&'a RawValue, Trouble> {
    serde_json::from_str(json).map_err(|e| broken(&words.quote(&e.to_string())))
}

/// Fields of a record.
const NAMES: [&str; 3] = ["ipAddressId", "ipAddressIp", "dateEnd"];

/// How near a container of that depth is; its key is one less.
fn level(depth: usize) -> Level {
    Level::try_from(2 * depth + 1).unwrap_or(INNER - 1)
}

/// Fields that say something of the records below: kept whole, so that it can be asked of them.
fn tells(key: &str) -> bool {
    ["orderId", "proxyType", "country", "extendInfo"].iter().any(|k| k.eq_ignore_ascii_case(key))
}

fn owned(above: Above<'_>) -> Above<'static> {
    let text = |(level, value): (Level, Option<std::borrow::Cow<'_, str>>)| {
        (level, value.map(|text| std::borrow::Cow::Owned(text.into_owned())))
    };
    Above {
        order: text(above.order),
        kind: (above.kind.0, above.kind.1.map(|kind| std::borrow::Cow::Owned(kind.into_owned()))),
        country: text(above.country),
        renews: above.renews,
    }
}

fn object(fields: &[(String, Box<RawValue>)]) -> Object<'_> {
    Object::of(fields.iter().map(|(key, raw)| (key.as_str(), raw.as_ref())))
}

fn empty_container(object: bool) -> Box<RawValue> {
    let text = if object { "{}" } else { "[]" };
    RawValue::from_string(text.to_owned()).expect("an empty container is JSON")
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
