//! What the containers of a list say of the records within them, and how near to a record each of it was told. Pure.
use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::domain::Kind;

use super::wire::{self, Object};

/// How far above a record a value of it was told: higher is nearer. 0: nowhere.
pub(super) type Level = u8;
/// Within a value that was read whole: nothing that comes later is nearer.
pub(super) const INNER: Level = Level::MAX;

/// What the containers above a record say of it, each with how near it was told.
#[derive(Clone, Default)]
pub(super) struct Above<'a> {
    pub order: (Level, Option<Cow<'a, str>>),
    pub kind: (Level, Option<Cow<'a, Kind>>),
    /// `None`: it stands there and cannot be read.
    pub country: (Level, Option<Cow<'a, str>>),
    pub renews: (Level, Option<bool>),
}

impl<'a> Above<'a> {
    /// The same, borrowed.
    pub(super) fn borrowed(&self) -> Above<'_> {
        Above {
            order: (self.order.0, self.order.1.as_deref().map(Cow::Borrowed)),
            kind: (self.kind.0, self.kind.1.as_deref().map(Cow::Borrowed)),
            country: (self.country.0, self.country.1.as_deref().map(Cow::Borrowed)),
            renews: self.renews,
        }
    }

    /// Under a key that may name a kind.
    pub(super) fn under(mut self, key: &str, level: Level) -> Self {
        if let Some(kind) = wire::known_kind(key) {
            self.kind = (level, Some(Cow::Owned(kind)));
        }
        self
    }

    /// Within an object that may name any of them.
    pub(super) fn within<'b>(self, object: &Object<'b>, level: Level) -> Above<'b>
    where
        'a: 'b,
    {
        let mut above: Above<'b> = self;
        if let Some(order) = object.any_case("orderId").find_map(wire::id) {
            above.order = (level, Some(order));
        }
        if let Some(name) = object.any_case("proxyType").find_map(wire::text) {
            above.kind = (level, Some(Cow::Owned(wire::kind(&name))));
        }
        if let Some(raw) = object.any_case("country").next() {
            above.country = (level, country(raw));
        }
        if let Some(raw) = object.any_case("extendInfo").next() {
            above.renews = (level, auto_extend(raw));
        }
        above
    }
}

/// A text, or an object with an `alpha3code`.
fn country(raw: &RawValue) -> Option<Cow<'_, str>> {
    let object = if is_container(raw) { Object::parse(raw.get()).ok() } else { None };
    let text = match &object {
        Some(object) => object.any_case("alpha3code").next().and_then(wire::text),
        None => wire::text(raw),
    };
    let text = match text? {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    };
    Some(text).filter(|text| !text.is_empty())
}

fn auto_extend(raw: &RawValue) -> Option<bool> {
    let object = Object::parse(raw.get()).ok()?;
    object.any_case("autoExtend").next().and_then(wire::flag)
}

pub(super) fn is_container(raw: &RawValue) -> bool {
    raw.get().starts_with(['{', '['])
}
