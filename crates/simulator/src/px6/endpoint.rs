//! The calls that px6's page describes, as names. Not responsible for what they do.

/// One call, below `/api/{key}/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// No method: the account.
    Account,
    /// `getproxy`.
    GetProxy,
    /// `getprice`.
    GetPrice,
    /// `getcount`.
    GetCount,
    /// `getcountry`.
    GetCountry,
    /// `check`.
    Check,
    /// `setdescr`.
    SetDescr,
    /// `prolong`.
    Prolong,
    /// `buy`.
    Buy,
}

impl Endpoint {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Account,
        Self::GetProxy,
        Self::GetPrice,
        Self::GetCount,
        Self::GetCountry,
        Self::Check,
        Self::SetDescr,
        Self::Prolong,
        Self::Buy,
    ];

    /// Its method's name; empty for the account.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Account => "",
            Self::GetProxy => "getproxy",
            Self::GetPrice => "getprice",
            Self::GetCount => "getcount",
            Self::GetCountry => "getcountry",
            Self::Check => "check",
            Self::SetDescr => "setdescr",
            Self::Prolong => "prolong",
            Self::Buy => "buy",
        }
    }

    /// The call of that name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|call| call.name() == name)
    }

    /// It charges the account.
    #[must_use]
    pub fn is_money(self) -> bool {
        matches!(self, Self::Prolong | Self::Buy)
    }

    /// It prices something and charges nothing.
    #[must_use]
    pub fn is_quote(self) -> bool {
        self == Self::GetPrice
    }
}

pub(super) type Call = crate::site::Call<Endpoint>;
