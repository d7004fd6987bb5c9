//! A made-up fleet, the same for the same seed. Its addresses are in ranges that are reserved. Not responsible for what happens to it.
use jiff::{SignedDuration, Timestamp};

use super::World;
use super::places::{COUNTRIES, address};
use renewd_core::domain::Money;

/// What a fleet is made of.
#[derive(Debug, Clone)]
pub struct FleetSpec {
    /// The account's API key.
    pub key: String,
    /// Its balance.
    pub balance: Money,
    /// How many proxies.
    pub leases: usize,
    /// The first ends are this far away.
    pub first_end: SignedDuration,
    /// The last ends are this far away.
    pub last_end: SignedDuration,
}

impl FleetSpec {
    /// A fleet of `leases` whose ends lie between one day and thirty days ahead.
    #[must_use]
    pub fn new(key: &str, balance: Money, leases: usize) -> Self {
        let key = key.to_owned();
        let (first_end, last_end) = (SignedDuration::from_hours(24), SignedDuration::from_hours(24 * 30));
        Self { key, balance, leases, first_end, last_end }
    }
}

impl World {
    /// A world with one account and its fleet: ends spread evenly over the time span, versions 4, 3 and 6, and where there are enough of them one of version 5.
    #[must_use]
    pub fn fleet(seed: u64, now: Timestamp, spec: &FleetSpec) -> Self {
        let mut world = Self::new();
        let mut random = fastrand::Rng::with_seed(seed);
        world.add_account(&spec.key, spec.balance);
        let first = now.as_second().saturating_add(spec.first_end.as_secs());
        let span = spec.last_end.as_secs().saturating_sub(spec.first_end.as_secs()).max(0);
        let all = i64::try_from(spec.leases.saturating_sub(1).max(1)).unwrap_or(1);
        for n in 0..spec.leases {
            let version = match n {
                0 => 4,
                1 => 6,
                2 => 3,
                9 => 5,
                _ => [4, 4, 4, 6, 6, 3][random.usize(0..6)],
            };
            let country = COUNTRIES[random.usize(0..COUNTRIES.len())];
            let place = u32::try_from(n + 1).unwrap_or(u32::MAX);
            let share = i64::try_from(n).unwrap_or(0).saturating_mul(span) / all;
            let end = Timestamp::from_second(first.saturating_add(share)).unwrap_or(Timestamp::MAX);
            world.add_proxy(&spec.key, version, country, &address(version, place), end);
        }
        world
    }
}
