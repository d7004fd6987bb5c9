//! What the planner looks at: everything, and nothing that it would have to ask for.
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::domain::time::Timing;
use crate::domain::{AccountName, Capabilities, IntentId, Lease, LeaseId, OrderId, ProviderName, State};
use crate::policy::Policy;

/// The world as just read.
#[derive(Debug)]
pub struct World<'a> {
    /// The instant of the plan.
    pub now: Timestamp,
    /// Windows and `until` are in it.
    pub timezone: &'a TimeZone,
    /// `[timing]`.
    pub timing: &'a Timing,
    /// Top to bottom.
    pub policies: &'a [Policy],
    /// Every configured account.
    pub accounts: &'a [AccountView<'a>],
    /// Payments that may still matter: unsettled ones of any account, and failed ones of current terms.
    pub past: &'a [Past],
    /// The clock is not trusted: why.
    pub clock_held: Option<String>,
}

/// One account.
#[derive(Debug)]
pub struct AccountView<'a> {
    /// Its name.
    pub name: &'a AccountName,
    /// Its provider.
    pub provider: &'a ProviderName,
    /// What the provider can do.
    pub capabilities: &'a Capabilities,
    /// As listed just now, or as last known where it could not be read.
    pub leases: &'a [Lease],
    /// Leases last known and now missing from a list that is not believed.
    pub missing: &'a [Lease],
    /// Whether the reading can be relied on.
    pub standing: Standing,
    /// An operator paused it.
    pub paused: bool,
    /// Unsettled payments of an account that is no longer configured stop this provider.
    pub provider_stopped: Option<String>,
}

/// Whether an account's reading can be relied on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Read whole.
    Good,
    /// It did not answer, or refuses the key.
    Down(String),
    /// It answered what cannot be read.
    Unreadable(String),
    /// It lost more than is believed.
    Shrunk(String),
    /// It says itself that it is a part: what it lists is believed, and what it lacks is not gone.
    Part(String),
}

/// A lease in an earlier payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastLease {
    /// The provider's id.
    pub lease: LeaseId,
    /// Its order.
    pub order: OrderId,
    /// Its address.
    pub ip: String,
    /// The end it had: names the term that was to be extended.
    pub expires_before: Timestamp,
}

/// An earlier payment, as far as the plan needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// Its id.
    pub intent: IntentId,
    /// Whose.
    pub account: AccountName,
    /// Unsettled payments block under every account name of the provider.
    pub provider: ProviderName,
    /// What it was for.
    pub leases: Vec<PastLease>,
    /// Where it stands.
    pub state: State,
    /// When it came there.
    pub state_at: Timestamp,
    /// Time since its spend row, by the slower clock; `None` before the spend or after a reboot.
    pub elapsed: Option<jiff::SignedDuration>,
    /// No byte left.
    pub never_sent: bool,
    /// An operator has spoken on it.
    pub operator_spoke: bool,
    /// What was read after a refusal.
    pub quiet: Quiet,
}

/// What was read of a refused payment once the lag window was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quiet {
    /// Nothing yet, or a balance that may hold its charge.
    No,
    /// Ends and balance unchanged.
    Unchanged,
    /// Ends unchanged, and the balance changed by something that is not the quote and stayed so: a top-up, somebody's purchase,
    /// or a charge that these hide.
    Changed,
}

impl Past {
    /// Whether it was for this very term of the lease (same id, or same order and address).
    #[must_use]
    pub fn same_term(&self, lease: &Lease) -> bool {
        self.leases.iter().any(|p| is_same(p, lease) && lease.is_in_term(p.expires_before))
    }

    /// Whether it touches the lease, its order or its address.
    #[must_use]
    pub fn touches(&self, lease: &Lease) -> bool {
        self.leases.iter().any(|p| is_same(p, lease) || p.order == lease.order)
    }
}

fn is_same(past: &PastLease, lease: &Lease) -> bool {
    past.lease == lease.id || (!past.ip.is_empty() && past.ip == lease.ip)
}
