//! What Proxy-Seller rents out, for how long, and at what price. Not responsible for charging.
use std::net::Ipv4Addr;

use renewd_core::domain::Money;

/// A type of proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Product {
    /// `ipv4`.
    Ipv4,
    /// `ipv6`: behind a gateway, renewed by whole orders.
    Ipv6,
    /// `mobile`: behind a modem.
    Mobile,
    /// `isp`.
    Isp,
    /// `mix`: many countries, renewed by whole orders.
    Mix,
    /// `mix_isp`: the same.
    MixIsp,
}

impl Product {
    /// All of them, in the order of the lists.
    pub const ALL: [Self; 6] = [Self::Ipv4, Self::Ipv6, Self::Mobile, Self::Isp, Self::Mix, Self::MixIsp];

    /// As paths and lists spell it.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Mobile => "mobile",
            Self::Isp => "isp",
            Self::Mix => "mix",
            Self::MixIsp => "mix_isp",
        }
    }

    /// The one of this path.
    #[must_use]
    pub fn find(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|product| product.path() == path)
    }

    /// It is renewed by whole orders.
    #[must_use]
    pub fn by_orders(self) -> bool {
        matches!(self, Self::Ipv6 | Self::Mix | Self::MixIsp)
    }

    /// Proxies of one order share an address.
    #[must_use]
    pub fn has_gateway(self) -> bool {
        self == Self::Ipv6
    }

    /// The price of one proxy: a base for each started 30 days.
    #[must_use]
    pub fn price(self, days: u32) -> Money {
        let cents = match self {
            Self::Ipv4 => 177,
            Self::Ipv6 => 23,
            Self::Mobile => 4_950,
            Self::Isp => 245,
            Self::Mix => 110,
            Self::MixIsp => 131,
        };
        Money::from_cents(cents).times(u64::from(days.div_ceil(30))).unwrap_or_default()
    }
}

/// Codes of periods and their days.
pub(super) const PERIODS: [(&str, u32); 7] =
    [("1w", 7), ("2w", 14), ("1m", 30), ("2m", 60), ("3m", 90), ("6m", 180), ("12m", 360)];

/// The days of a code.
pub(super) fn days(code: &str) -> Option<u32> {
    PERIODS.iter().find(|(known, _)| *known == code).map(|(_, days)| *days)
}

/// The `n`th address: documentation networks first, then 240.0.0.0/4, which is reserved for ever.
pub(super) fn address(n: u32) -> String {
    let nets = [[203, 0, 113], [198, 51, 100], [192, 0, 2]];
    let host = u8::try_from(n % 254 + 1).unwrap_or(1);
    match usize::try_from(n / 254).ok().and_then(|net| nets.get(net)) {
        Some([a, b, c]) => Ipv4Addr::new(*a, *b, *c, host).to_string(),
        None => Ipv4Addr::from(u32::from(Ipv4Addr::new(240, 0, 0, 0)) + n).to_string(),
    }
}
