//! What YouProxy rents out, and for how long. Not responsible for prices.

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
