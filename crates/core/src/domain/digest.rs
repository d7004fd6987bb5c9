//! Digests of leases: what tells one list from another without looking at either. Pure. Not responsible for where they are kept.
use jiff::Timestamp;
use siphasher::sip128::SipHasher13;

use super::{LeaseView, Told};

/// What tells one set of leases from another in 24 bytes: how many there are, and the sum of their digests, so that their order does
/// not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// The sum of their digests.
    pub sum: u128,
}

impl Tally {
    /// One lease more.
    pub fn add(&mut self, digest: u128) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(digest);
    }

    /// All of another set more.
    pub fn join(&mut self, other: Self) {
        self.count += other.count;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

/// Makes digests of leases, over every field that the ledger keeps. What two leases differ in shows in 128 bits; the account's name,
/// which may change while its leases stay, is no part of it.
#[derive(Debug, Default)]
pub struct Print {
    bytes: Vec<u8>,
}

impl Print {
    /// Of a lease.
    pub fn of(&mut self, l: &LeaseView<'_>) -> u128 {
        self.bytes.clear();
        for text in [l.id, l.order, l.ip, l.kind.as_str(), l.state.as_str()] {
            self.text(text);
        }
        for text in [l.country, l.tag, l.cycle] {
            self.bytes.push(u8::from(text.is_some()));
            self.text(text.unwrap_or_default());
        }
        for at in [l.expires_at, l.held_since] {
            self.bytes.push(u8::from(at.is_some()));
            self.bytes.extend(at.map_or(0, Timestamp::as_nanosecond).to_le_bytes());
        }
        let renews = match l.provider_renews {
            None => 0,
            Some(renews) => 1 + u8::from(renews),
        };
        self.bytes.extend([u8::from(l.told == Told::Date), renews, u8::from(l.port.is_some())]);
        self.bytes.extend(l.port.unwrap_or_default().to_le_bytes());
        if let Some(price) = l.price {
            self.text(&price.to_string());
        }
        // Nothing where they are not told: such a digest is what it always was.
        if let Some(operator) = l.operator {
            self.bytes.push(1);
            self.text(operator);
        }
        if let Some(at) = l.started_at {
            self.bytes.push(2);
            self.bytes.extend(at.as_nanosecond().to_le_bytes());
        }
        // No key: nobody gains by making up a list whose change is not seen, since what is paid goes by the list itself.
        SipHasher13::new().hash(&self.bytes).as_u128()
    }

    fn text(&mut self, text: &str) {
        self.bytes.extend((text.len() as u64).to_le_bytes());
        self.bytes.extend(text.as_bytes());
    }
}
