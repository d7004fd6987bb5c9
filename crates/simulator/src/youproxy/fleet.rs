//! A made-up fleet, the same for the same seed. Its addresses are the ranges reserved for documentation.
//! Not responsible for what happens to it.
use std::net::{Ipv4Addr, Ipv6Addr};

use jiff::{SignedDuration, Timestamp};

use super::{Product, World};
use renewd_core::domain::Money;

/// What a fleet is made of.
#[derive(Debug, Clone)]
pub struct FleetSpec {
    /// The account's API key.
    pub key: String,
    /// Its balance.
    pub balance: Money,
    /// How many leases, over all four products.
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
        Self {
            key: key.to_owned(),
            balance,
            leases,
            first_end: SignedDuration::from_hours(24),
            last_end: SignedDuration::from_hours(24 * 30),
        }
    }
}

/// Three documentation networks, their hosts 1 to 254.
const V4: [[u8; 3]; 3] = [[203, 0, 113], [198, 51, 100], [192, 0, 2]];

impl World {
    /// A world with one account and its fleet: orders of one to six IPs, ends spread evenly over the time span (the very
    /// first order at its beginning), the same for the same seed.
    #[must_use]
    pub fn fleet(seed: u64, now: Timestamp, spec: &FleetSpec) -> Self {
        let mut world = Self::new();
        world.add_fleet(seed, now, spec);
        world
    }

    /// Opens another account with a fleet in this world. Two fleets share addresses: give each its own provider if that
    /// matters.
    pub fn add_fleet(&mut self, seed: u64, now: Timestamp, spec: &FleetSpec) {
        let mut random = fastrand::Rng::with_seed(seed);
        self.add_account(&spec.key, spec.balance);
        let first = now.as_second().saturating_add(spec.first_end.as_secs());
        let span = spec.last_end.as_secs().saturating_sub(spec.first_end.as_secs()).max(0);
        let (mut made, mut v4, mut v6) = (0, 0_u32, 0_u16);
        while made < spec.leases {
            // The four products first come once each, then by chance, mostly IPv4.
            let product = match made {
                0 => Product::IPv4,
                _ if self.lacks(&spec.key, Product::IPv6) => Product::IPv6,
                _ if self.lacks(&spec.key, Product::Mobile) => Product::Mobile,
                _ if self.lacks(&spec.key, Product::Isp) => Product::Isp,
                _ => draw(&mut random),
            };
            let most = if product == Product::Mobile { 1 } else { 6 };
            let size = random.usize(1..=most).min(spec.leases - made);
            let countries = self.prices.countries(product);
            let country = countries[random.usize(0..countries.len())].clone();
            let ips: Vec<String> = (0..size)
                .map(|_| {
                    if product == Product::IPv6 {
                        v6 = v6.wrapping_add(1);
                        Ipv6Addr::new(0x2001, 0xdb8, 0x51, 0, 0, 0, 0, v6).to_string()
                    } else {
                        v4 += 1;
                        v4_address(v4 - 1)
                    }
                })
                .collect();
            let names: Vec<&str> = ips.iter().map(String::as_str).collect();
            let share = i64::try_from(made).unwrap_or(0) * span
                / i64::try_from(spec.leases.saturating_sub(1).max(1)).unwrap_or(1);
            let end = Timestamp::from_second(first.saturating_add(share)).unwrap_or(Timestamp::MAX);
            self.add_order(&spec.key, product, &country, &names, end);
            made += size;
        }
    }

    fn lacks(&self, key: &str, product: Product) -> bool {
        let account = self.account(key);
        account.is_none_or(|account| account.rentals().iter().all(|rental| rental.product != product))
    }
}

fn draw(random: &mut fastrand::Rng) -> Product {
    match random.u8(0..10) {
        0..5 => Product::IPv4,
        5..7 => Product::IPv6,
        7 => Product::Mobile,
        _ => Product::Isp,
    }
}

/// The `n`th address; after the documentation networks' 762 hosts it goes on in 240.0.0.0/4, which is reserved for ever.
fn v4_address(n: u32) -> String {
    let hosts = 254;
    let host = u8::try_from(n % hosts + 1).unwrap_or(1);
    match usize::try_from(n / hosts).ok().and_then(|net| V4.get(net)) {
        Some([a, b, c]) => Ipv4Addr::new(*a, *b, *c, host).to_string(),
        None => Ipv4Addr::from(u32::from(Ipv4Addr::new(240, 0, 0, 0)) + n).to_string(),
    }
}
