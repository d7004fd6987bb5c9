//! What YouProxy rents out, and for how long. Not responsible for prices.
use std::net::{Ipv4Addr, Ipv6Addr};

/// A `proxyType` of YouProxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Product {
    /// `IPv4`.
    IPv4,
    /// `IPv6`: paid by whole orders only.
    IPv6,
    /// `MOBILE`: with an operator, a rotation time and a reboot link.
    Mobile,
    /// `ISP`.
    Isp,
}

impl Product {
    /// All four, as the provider lists them.
    pub const ALL: [Self; 4] = [Self::IPv4, Self::IPv6, Self::Mobile, Self::Isp];

    /// The provider's spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IPv4 => "IPv4",
            Self::IPv6 => "IPv6",
            Self::Mobile => "MOBILE",
            Self::Isp => "ISP",
        }
    }

    /// By the provider's exact spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|product| product.as_str() == text)
    }

    /// Terms on offer, in days (`GET /rentPeriod`).
    #[must_use]
    pub fn periods(self) -> &'static [u32] {
        match self {
            Self::IPv4 | Self::Isp => &[30, 60, 90, 180, 360],
            Self::IPv6 => &[90, 180, 360],
            Self::Mobile => &[30, 360],
        }
    }
}

/// The `n`th address for bought leases: 198.18.0.0/15 (benchmarks) and 2001:db8:ffff::/48 (documentation), so that they
/// never collide with a fleet, which lives in the other documentation ranges.
pub(super) fn address(product: Product, n: u32) -> String {
    if product == Product::IPv6 {
        let base = u128::from(Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 0));
        return Ipv6Addr::from(base + u128::from(n)).to_string();
    }
    let base = u32::from(Ipv4Addr::new(198, 18, 0, 0));
    Ipv4Addr::from(base + n % 131_072).to_string()
}
