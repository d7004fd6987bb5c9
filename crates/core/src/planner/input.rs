//! What the planner looks at: everything, and nothing that it would have to ask for.
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::domain::time::Timing;
use crate::domain::{
    AccountName, Bought, Capabilities, IntentId, Lease, Leases, ProviderName, RequestLease, Sameness, State,
};
use crate::evidence::Quiet;
use crate::policy::{Policies, Reason};

/// The world as just read.
#[derive(Debug)]
pub struct World<'a> {
    /// The instant of the plan.
    pub now: Timestamp,
    /// `[timing]`.
    pub timing: &'a Timing,
    /// What waits now is judged again after so long at the latest: a lag window, or until the next cycle where that is longer.
    pub patience: SignedDuration,
    /// Top to bottom, with what it takes to find a lease's.
    pub policies: Policies<'a>,
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
    pub leases: &'a Arc<Leases>,
    /// Leases last known and now missing from a list that is not believed.
    pub missing: &'a [Lease],
    /// Whether the reading can be relied on.
    pub standing: Standing,
    /// Why nothing may be paid with it, whatever was read.
    pub barred: Option<Reason>,
    /// An operator paused it: by whom, until when, why, and the command that ends that, to stand behind "spending is paused".
    pub paused: Option<String>,
    /// The provider's clock is at odds with the machine's and with the other providers': why nothing is paid here.
    pub clock_held: Option<String>,
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

/// An earlier payment, as far as the plan needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// Its id.
    pub intent: IntentId,
    /// Whose.
    pub account: AccountName,
    /// Unsettled payments block under every account name of the provider: see [`Past::is_in_reach`].
    pub provider: ProviderName,
    /// What it was for, each with the end it had: that names the term.
    pub leases: Vec<RequestLease>,
    /// Days of the term that was asked for.
    pub days: u32,
    /// The earliest new end of the set, where one was seen.
    pub after: Option<Timestamp>,
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
    /// Another node began it and lost the pay lease: what is left until absence counts for a second attempt; nothing or less, it does.
    pub failover_hold: Option<SignedDuration>,
}

impl Past {
    /// Time since it came to where it stands, or since its spend where that is known better.
    fn age(&self, now: Timestamp) -> jiff::SignedDuration {
        self.elapsed.unwrap_or_else(|| now.duration_since(self.state_at))
    }

    /// Its outcome is unknown, and a list or a balance may still lag behind it: nothing is measured beside it until then.
    #[must_use]
    pub fn is_unclear(&self, now: Timestamp, lag: jiff::SignedDuration) -> bool {
        matches!(self.state, State::Unknown | State::SpendStarted) && self.age(now) < lag
    }

    /// What it bought, or was to buy, for this lease.
    #[must_use]
    pub fn bought(&self, lease: &Lease) -> Option<Bought> {
        let own = self.leases.iter().find(|l| l.is_lease(lease))?;
        Some(Bought::of(own, &self.leases, self.after, self.days))
    }

    /// Whether it was for the term that the lease is in, or for one that came after it, as far as can be told: only a term that
    /// is surely later is none of this payment's affair.
    #[must_use]
    pub fn same_term(&self, lease: &Lease) -> bool {
        let Some((bought, term)) = self.bought(lease).zip(lease.term()) else { return false };
        bought.place(&term) != Sameness::Later
    }

    /// Whether it was for this lease, whatever its end is now.
    #[must_use]
    pub fn is_for(&self, lease: &Lease) -> bool {
        self.leases.iter().any(|l| l.is_lease(lease))
    }

    /// Whether the lease's end is older than the one that this payment was seen to bring: what of it was bought, then.
    #[must_use]
    pub fn stale_for(&self, lease: &Lease) -> Option<Bought> {
        let (bought, term) = self.bought(lease).zip(lease.term())?;
        bought.is_stale(&term).then_some(bought)
    }

    /// Whether it can speak of this lease at all. A provider's ids are its own, and those of a program are its account's own: of another
    /// account's lease it speaks only where id, order and address agree.
    #[must_use]
    pub fn is_in_reach(&self, provider: &ProviderName, lease: &Lease) -> bool {
        &self.provider == provider
            && (!provider.is_program()
                || self.account == lease.account
                || self.leases.iter().any(|l| l.is_wholly(lease)))
    }

    /// Takes over the ports that the account's list tells by now: an address may have been one lease's alone when that was paid, and be
    /// shared since. Without its port the payment would be taken for one of every lease there.
    pub fn learn_ports(&mut self, listed: &Leases) {
        for lease in self.leases.iter_mut().filter(|l| l.port.is_none()) {
            lease.port = listed.get(lease.id.as_str()).and_then(|l| l.port);
        }
    }

    /// Whether it touches the lease, its order or its address.
    #[must_use]
    pub fn touches(&self, lease: &Lease) -> bool {
        self.leases.iter().any(|p| p.is_lease(lease) || p.order == lease.order || p.has_address_of(lease))
    }
}
