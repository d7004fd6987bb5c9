//! What a matcher can look at, by the words of the config. Pure.

/// What a clause looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// The account's name.
    Account,
    /// The provider's word.
    Provider,
    /// The kind (or product).
    Kind,
    /// The country (or location).
    Country,
    /// The mobile operator, by glob.
    Operator,
    /// The address, by network.
    Ip,
    /// The order's tag, by glob.
    Tag,
    /// The order id.
    Order,
    /// The lease id.
    Lease,
    /// The labels that the config gives it, by glob: one that fits will do.
    Label,
}

impl Key {
    /// Every key, in the order of the docs.
    pub const ALL: [Self; 10] = [
        Self::Account,
        Self::Provider,
        Self::Kind,
        Self::Country,
        Self::Operator,
        Self::Ip,
        Self::Tag,
        Self::Order,
        Self::Lease,
        Self::Label,
    ];

    /// As written in the config.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Provider => "provider",
            Self::Kind => "kind",
            Self::Country => "country",
            Self::Operator => "operator",
            Self::Ip => "ip",
            Self::Tag => "tag",
            Self::Order => "order",
            Self::Lease => "lease",
            Self::Label => "label",
        }
    }
}
