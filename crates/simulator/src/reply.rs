//! A reply as a provider writes it: a status and mostly flat JSON, whose money never goes through a float.
//! Not responsible for what is in it.
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use renewd_core::domain::Money;

/// Status and body; a JSON object keeps the order of its fields.
#[derive(Debug, Clone)]
pub struct Reply {
    status: u16,
    body: Body,
}

#[derive(Debug, Clone)]
enum Body {
    Fields(Vec<(String, Box<RawValue>)>),
    /// JSON that is no object.
    Bare(Box<RawValue>),
    Html(String),
}

impl Reply {
    /// `{}` under this status.
    pub(super) fn empty(status: u16) -> Self {
        Self { status, body: Body::Fields(Vec::new()) }
    }

    /// `{"success": …}`, HTTP 200.
    pub(super) fn new(success: bool) -> Self {
        Self::empty(200).with("success", &success)
    }

    /// JSON that is no object, HTTP 200.
    pub(super) fn bare(value: &impl Serialize) -> Self {
        Self { status: 200, body: Body::Bare(raw(value)) }
    }

    /// A page for browsers that says nothing but its status.
    pub(super) fn page(status: u16, title: &str) -> Self {
        Self { status, body: Body::Html(format!("<html><body><h1>{status} {title}</h1></body></html>")) }
    }

    /// The same under another status.
    pub(super) fn under(self, status: u16) -> Self {
        Self { status, ..self }
    }

    pub(super) fn status(&self) -> u16 {
        self.status
    }

    pub(super) fn is_html(&self) -> bool {
        matches!(self.body, Body::Html(_))
    }

    /// Adds a field, or replaces the one with this name. What is no object stays as it is.
    pub(super) fn with(self, name: &str, value: &impl Serialize) -> Self {
        self.put(name, raw(value))
    }

    /// Takes a field away.
    pub(super) fn without(mut self, name: &str) -> Self {
        if let Body::Fields(fields) = &mut self.body {
            fields.retain(|(known, _)| known != name);
        }
        self
    }

    /// Adds an amount as a JSON number: `7.18`, `8.30`, `5`.
    pub(super) fn with_money(self, name: &str, amount: Option<Money>) -> Self {
        let shown = amount.map_or_else(|| "null".to_owned(), |money| money.to_string());
        let digits = shown.strip_suffix(".00").unwrap_or(&shown).to_owned();
        let raw = RawValue::from_string(digits).expect("an amount is a JSON number");
        self.put(name, raw)
    }

    fn put(mut self, name: &str, raw: Box<RawValue>) -> Self {
        if let Body::Fields(fields) = &mut self.body {
            match fields.iter_mut().find(|(known, _)| known == name) {
                Some((_, old)) => *old = raw,
                None => fields.push((name.to_owned(), raw)),
            }
        }
        self
    }

    /// The field is there.
    pub(super) fn has(&self, name: &str) -> bool {
        matches!(&self.body, Body::Fields(fields) if fields.iter().any(|(known, _)| known == name))
    }

    /// The body's text.
    pub(super) fn text(&self) -> String {
        match &self.body {
            Body::Html(page) => page.clone(),
            Body::Bare(json) => json.get().to_owned(),
            Body::Fields(fields) => serde_json::to_string(&Fields(fields)).expect("a reply has a JSON form"),
        }
    }
}

struct Fields<'a>(&'a [(String, Box<RawValue>)]);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut map = s.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

fn raw(value: &impl Serialize) -> Box<RawValue> {
    to_raw_value(value).expect("plain data has a JSON form")
}
