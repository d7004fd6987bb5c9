//! What the owner of an account says of it because its provider does not. Not responsible for which provider lacks what.

/// What only the owner of an account can say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnerSays {
    /// The provider's own auto-renewal is off for every lease.
    pub renews_off: bool,
    /// The provider's number of what its leases are, where their list does not tell it.
    pub version: Option<u8>,
}
