//! The calls that the provider's pages and SDKs describe, as names. Not responsible for what they do.

/// One call of the client API, below `/personal/api/v2/{apiKey}/`. A type in its path is what the call is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// `GET balance/get`.
    Balance,
    /// `GET proxy/list`.
    ProxyList,
    /// `GET proxy/list/{type}`.
    ProxyListType,
    /// `GET order/list`.
    OrderList,
    /// `GET reference/list/{type}`.
    Reference,
    /// `POST prolong/calc/{type}`.
    ProlongCalc,
    /// `POST prolong/make/{type}`.
    ProlongMake,
    /// `POST order/calc/{type}`.
    OrderCalc,
    /// `POST order/make/{type}`.
    OrderMake,
    /// `POST autoprolong/enable/{type}`.
    AutoEnable,
    /// `POST autoprolong/disable/{type}`.
    AutoDisable,
}

impl Endpoint {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Balance,
        Self::ProxyList,
        Self::ProxyListType,
        Self::OrderList,
        Self::Reference,
        Self::ProlongCalc,
        Self::ProlongMake,
        Self::OrderCalc,
        Self::OrderMake,
        Self::AutoEnable,
        Self::AutoDisable,
    ];

    /// Its path after the key, and whether a type follows.
    fn path(self) -> (&'static str, bool) {
        match self {
            Self::Balance => ("balance/get", false),
            Self::ProxyList => ("proxy/list", false),
            Self::ProxyListType => ("proxy/list", true),
            Self::OrderList => ("order/list", false),
            Self::Reference => ("reference/list", true),
            Self::ProlongCalc => ("prolong/calc", true),
            Self::ProlongMake => ("prolong/make", true),
            Self::OrderCalc => ("order/calc", true),
            Self::OrderMake => ("order/make", true),
            Self::AutoEnable => ("autoprolong/enable", true),
            Self::AutoDisable => ("autoprolong/disable", true),
        }
    }

    /// `GET` or `POST`.
    #[must_use]
    pub fn method(self) -> &'static str {
        match self {
            Self::Balance | Self::ProxyList | Self::ProxyListType | Self::OrderList | Self::Reference => {
                "GET"
            }
            _ => "POST",
        }
    }

    /// The call with this method and path, and the type in it.
    #[must_use]
    pub fn find(method: &str, path: &str) -> Option<(Self, Option<String>)> {
        Self::ALL.into_iter().filter(|call| call.method() == method).find_map(|call| {
            let (known, typed) = call.path();
            let rest = path.strip_prefix(known)?;
            match (typed, rest.strip_prefix('/')) {
                (false, None) if rest.is_empty() => Some((call, None)),
                (true, Some(of)) if !of.is_empty() && !of.contains('/') => Some((call, Some(of.to_owned()))),
                _ => None,
            }
        })
    }

    /// It charges the account.
    #[must_use]
    pub fn is_money(self) -> bool {
        matches!(self, Self::ProlongMake | Self::OrderMake)
    }

    /// It prices something and charges nothing.
    #[must_use]
    pub fn is_quote(self) -> bool {
        matches!(self, Self::ProlongCalc | Self::OrderCalc)
    }
}

pub(super) type Call = crate::site::Call<Endpoint>;
