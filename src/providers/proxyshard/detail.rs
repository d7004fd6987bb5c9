//! One order in full: `/orders/{id}`. Pure.
//!
//! Responsible for what its next term costs by the provider's own record. Not responsible for judging that price. Any field may
//! be missing; a figure that stands there and is not whole cents is never rounded or guessed.
use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::domain::Money;
use crate::providers::Words;

use super::envelope::{self, Trouble};
use super::facts::Facts;
use super::json::{self, Object};
use super::wire::{self, End, Status};

/// An amount in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// Missing or `null`.
    NotTold,
    /// Not whole cents, or below zero.
    Bad,
    /// Told.
    Is(Money),
}

impl Figure {
    /// The amount under this key.
    pub fn of(object: &Object<'_>, key: &str) -> Self {
        let Some(raw) = object.get(key) else { return Self::NotTold };
        wire::cents(raw).filter(|money| !money.is_negative()).map_or(Self::Bad, Self::Is)
    }

    /// The amount, if it was told.
    pub fn money(self) -> Option<Money> {
        match self {
            Self::Is(money) => Some(money),
            Self::NotTold | Self::Bad => None,
        }
    }
}

/// An add-on of an order. Source: the vendor's reference, `addons[]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addon {
    /// `addon_key`.
    pub key: Option<String>,
    /// `qty`.
    pub qty: Option<u32>,
    /// `price_per_unit`.
    pub unit: Figure,
    /// `pending`.
    pub pending: Pending,
}

/// What becomes of an add-on at the next term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pending {
    /// Nothing.
    No,
    /// It goes.
    Cancel,
    /// So many are left; `None` = how many cannot be read.
    Downgrade(Option<u32>),
    /// Something that nobody knows.
    Unknown,
}

/// An order in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// What a list may say too.
    pub facts: Facts,
    /// Where it stands.
    pub status: Option<Status>,
    /// How many addresses (or gigabytes).
    pub quantity: Option<u32>,
    /// What the base cost.
    pub price_paid: Figure,
    /// What the add-ons cost.
    pub addons_paid: Figure,
    /// `None` where they cannot be read.
    pub addons: Option<Vec<Addon>>,
    /// When the order was made, to the second, where that is told.
    pub started_at: Option<Timestamp>,
}

/// Reads the body of `/orders/{id}`, asked for `id`.
///
/// # Errors
/// The provider's own error, or [`Trouble::Unreadable`]: no order in it, or another one.
pub fn read(body: &[u8], id: &str, words: &Words) -> Result<Detail, Trouble> {
    let answer = envelope::object(body, words)?;
    let unreadable = |what: &str| Trouble::Unreadable(what.to_owned());
    let raw = answer.get("order").ok_or_else(|| unreadable("there is no `order` in it"))?;
    let order = Object::parse(raw.get()).map_err(|_| unreadable("`order` is not an object"))?;
    if let Some(key) = order.doubled() {
        return Err(Trouble::Unreadable(format!("`{}` stands in the order twice", words.quote(key))));
    }
    if order.get("order_id").is_some_and(|told| wire::order_id(told).as_deref() != Some(id)) {
        return Err(unreadable("it is the answer for another order"));
    }
    let status = order.get("status").map(|raw| match json::text(raw) {
        Some(word) => wire::status(&word),
        None => Status::Other(raw.get().to_owned()),
    });
    Ok(Detail {
        facts: Facts::read(&order),
        status,
        quantity: order.get("quantity").and_then(count).filter(|n| *n > 0),
        price_paid: Figure::of(&order, "price_paid"),
        addons_paid: Figure::of(&order, "addons_price_paid"),
        addons: order.get("addons").map_or(Some(Vec::new()), addons),
        started_at: End::of(&order, "created_at")
            .at()
            .and_then(|made| Timestamp::from_second(made.at.as_second()).ok()),
    })
}

fn count(raw: &RawValue) -> Option<u32> {
    json::whole(raw).and_then(|n| u32::try_from(n).ok())
}

fn addons(raw: &RawValue) -> Option<Vec<Addon>> {
    json::list(raw)?.into_iter().map(addon).collect()
}

fn addon(raw: &RawValue) -> Option<Addon> {
    let object = Object::parse(raw.get()).ok().filter(|o| o.doubled().is_none())?;
    Some(Addon {
        key: wire::first_words(&object, &["addon_key"]),
        qty: object.get("qty").and_then(count),
        unit: Figure::of(&object, "price_per_unit"),
        pending: object.get("pending").map_or(Pending::No, pending),
    })
}

fn pending(raw: &RawValue) -> Pending {
    let Some(object) = Object::parse(raw.get()).ok().filter(|o| o.doubled().is_none()) else {
        return Pending::Unknown;
    };
    let action = object.get("action").and_then(json::text).unwrap_or_default();
    match action.trim().to_lowercase().as_str() {
        "cancel" => Pending::Cancel,
        "downgrade" => Pending::Downgrade(object.get("next_qty").and_then(count)),
        _ => Pending::Unknown,
    }
}

impl Addon {
    /// How many there are in the next term; as many as now where that cannot be read, which is never cheaper.
    pub fn next_qty(&self) -> Option<u32> {
        match self.pending {
            Pending::Cancel => Some(0),
            Pending::Downgrade(Some(next)) => Some(next),
            Pending::No | Pending::Downgrade(None) | Pending::Unknown => self.qty,
        }
    }
}

impl Detail {
    /// What the running term cost, add-ons included; `Ok(None)` = the order does not say.
    ///
    /// # Errors
    /// What stands there and cannot be read, in words.
    pub fn paid(&self) -> Result<Option<Money>, String> {
        let base = match self.price_paid {
            Figure::Is(base) => base,
            Figure::NotTold => return Ok(None),
            Figure::Bad => return Err("`price_paid` is not a whole number of cents".to_owned()),
        };
        base.plus(self.addons_now()?).map(Some).ok_or_else(|| "its prices are too large".to_owned())
    }

    /// What the next term costs by the same record: an add-on that is cancelled or reduced counts no more than it will.
    ///
    /// # Errors
    /// As above, and a pending change that nobody knows.
    pub fn next(&self) -> Result<Option<Money>, String> {
        let Some(paid) = self.paid()? else { return Ok(None) };
        let addons = self.addons.as_deref().unwrap_or_default();
        if addons.iter().any(|addon| addon.pending == Pending::Unknown) {
            return Err("an add-on has a pending change that is neither `cancel` nor `downgrade`".to_owned());
        }
        let change = |addon: &Addon| -> Option<Money> {
            let (now, next, unit) = (addon.qty?, addon.next_qty()?, addon.unit.money()?);
            unit.times(next.into())?.minus(unit.times(now.into())?)
        };
        let changes = addons.iter().map(|addon| change(addon).unwrap_or(Money::ZERO));
        let next = Money::sum(changes).and_then(|sum| paid.plus(sum));
        // Reductions beyond what the add-ons cost do not add up: the whole of what was paid is the safer word.
        let least = self.price_paid.money().unwrap_or(Money::ZERO);
        Ok(Some(next.filter(|next| *next >= least).unwrap_or(paid)))
    }

    fn addons_now(&self) -> Result<Money, String> {
        match (self.addons_paid, &self.addons) {
            (Figure::Is(paid), _) => Ok(paid),
            (Figure::Bad, _) => Err("`addons_price_paid` is not a whole number of cents".to_owned()),
            (Figure::NotTold, None) => Err("the prices of its add-ons cannot be read".to_owned()),
            (Figure::NotTold, Some(addons)) => {
                let lines = addons.iter().map(|a| a.unit.money()?.times(a.qty?.into()));
                let lines: Option<Vec<Money>> = lines.collect();
                lines.and_then(Money::sum).ok_or_else(|| "the prices of its add-ons are not told".to_owned())
            }
        }
    }
}

#[cfg(test)]
#[path = "detail_tests.rs"]
mod tests;
