//! The calls that YouProxy's pages describe, as names. Not responsible for what they do.

/// One call of the client API, below `/client/api/v1/{apiKey}/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// `GET /balance`.
    Balance,
    /// `GET /rentPeriod?proxyType=`.
    RentPeriod,
    /// `GET /promoCode`.
    PromoCode,
    /// `GET /proxyType`.
    ProxyType,
    /// `GET /country?proxyType=`.
    Country,
    /// `GET /mobileOperator`.
    MobileOperator,
    /// `GET /ipAddress`, with or without `?proxyType=`.
    IpAddress,
    /// `POST /calculate/extend`.
    CalculateExtend,
    /// `POST /calculate/extend/order`.
    CalculateExtendOrder,
    /// `POST /calculate/order`.
    CalculateOrder,
    /// `POST /extend`.
    Extend,
    /// `POST /extend/order`.
    ExtendOrder,
    /// `POST /order`.
    Order,
    /// `POST /extend/auto`.
    ExtendAuto,
    /// `POST /extend/order/auto`.
    ExtendOrderAuto,
}

impl Endpoint {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Balance,
        Self::RentPeriod,
        Self::PromoCode,
        Self::ProxyType,
        Self::Country,
        Self::MobileOperator,
        Self::IpAddress,
        Self::CalculateExtend,
        Self::CalculateExtendOrder,
        Self::CalculateOrder,
        Self::Extend,
        Self::ExtendOrder,
        Self::Order,
        Self::ExtendAuto,
        Self::ExtendOrderAuto,
    ];

    /// Its path after the key, without a leading slash.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Balance => "balance",
            Self::RentPeriod => "rentPeriod",
            Self::PromoCode => "promoCode",
            Self::ProxyType => "proxyType",
            Self::Country => "country",
            Self::MobileOperator => "mobileOperator",
            Self::IpAddress => "ipAddress",
            Self::CalculateExtend => "calculate/extend",
            Self::CalculateExtendOrder => "calculate/extend/order",
            Self::CalculateOrder => "calculate/order",
            Self::Extend => "extend",
            Self::ExtendOrder => "extend/order",
            Self::Order => "order",
            Self::ExtendAuto => "extend/auto",
            Self::ExtendOrderAuto => "extend/order/auto",
        }
    }

    /// `GET` or `POST`.
    #[must_use]
    pub fn method(self) -> &'static str {
        if matches!(self, Self::ExtendAuto | Self::ExtendOrderAuto) || self.is_money() || self.is_quote() {
            "POST"
        } else {
            "GET"
        }
    }

    /// The call with this method and path, if there is one.
    #[must_use]
    pub fn find(method: &str, path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|call| call.path() == path && call.method() == method)
    }

    /// It charges the account.
    #[must_use]
    pub fn is_money(self) -> bool {
        matches!(self, Self::Extend | Self::ExtendOrder | Self::Order)
    }

    /// It prices something and charges nothing.
    #[must_use]
    pub fn is_quote(self) -> bool {
        matches!(self, Self::CalculateExtend | Self::CalculateExtendOrder | Self::CalculateOrder)
    }
}

pub(super) type Call = crate::site::Call<Endpoint>;
