//! A made-up fleet, the same for the same seed. Its addresses are the ranges reserved for documentation.
//! Not responsible for what happens to it.
use jiff::{SignedDuration, Timestamp};

use super::product::address;
use super::{Product, World};
use renewd_core::domain::Money;

/// What a fleet is made of.
#[derive(Debug, Clone)]
pub struct FleetSpec {
    /// The account's API key.
    pub key: String,
    /// Its balance.
    pub balance: Money,
    /// How many proxies, over all types.
    pub leases: usize,
}

impl FleetSpec {
    /// A fleet of `leases` whose ends lie between one day and thirty days ahead.
    #[must_use]
    pub fn new(key: &str, balance: Money, leases: usize) -> Self {
        Self { key: key.to_owned(), balance, leases }
    }
}

impl World {
    /// A world with one account and its fleet: orders of one to five proxies, the six types in turn, ends spread evenly from one day
    /// ahead to thirty.
    #[must_use]
    pub fn fleet(seed: u64, now: Timestamp, spec: &FleetSpec) -> Self {
        let mut world = Self::new();
        let mut random = fastrand::Rng::with_seed(seed);
        world.add_account(&spec.key, spec.balance);
        let (mut made, mut turn) = (0, 0);
        while made < spec.leases {
            let product = Product::ALL[turn % Product::ALL.len()];
            turn += 1;
            let most = if product == Product::Mobile { 1 } else { 5 };
            let size = random.usize(1..=most).min(spec.leases - made);
            let share =
                i64::try_from(made).unwrap_or(0) * 29 * 24 / i64::try_from(spec.leases.max(1)).unwrap_or(1);
            let end = now.checked_add(SignedDuration::from_hours(24 + share)).unwrap_or(now);
            let end = Timestamp::from_second(end.as_second()).unwrap_or(end);
            let at = |n: usize| address(u32::try_from(made + n).unwrap_or(0));
            let places: Vec<String> = match product.has_gateway() {
                true => (0..size).map(|n| format!("{}:{}", at(0), 10_001 + n)).collect(),
                false => (0..size).map(at).collect(),
            };
            let names: Vec<&str> = places.iter().map(String::as_str).collect();
            world.add_order(&spec.key, product, "USA", &names, end);
            made += size;
        }
        world
    }
}
