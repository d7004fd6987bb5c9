//! What a pass found and did: the value that tables, JSON, alerts and exit codes are made of.
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::time::Moment;
use crate::domain::{AccountName, Balance, Lease, LeaseId, Money, ProviderName, State};
use crate::engine::LastPaid;
use crate::engine::steer::Steered;
use crate::ledger::{CycleSummary, IntentRecord};
use crate::planner::{Idle, Item, PlannedList, Standing, Steer, every_item};
use crate::policy::{Decision, Policies, Reason};
use crate::settings::Settings;

/// One account in a pass.
#[derive(Debug, Clone)]
pub struct AccountReport {
    /// Its name.
    pub account: AccountName,
    /// Its provider.
    pub provider: ProviderName,
    /// Whether the reading can be relied on.
    pub standing: Standing,
    /// Why nothing may be paid with it, whatever was read: it may not be the account that it was, or another renewd pays with its key.
    pub barred: Option<Reason>,
    /// As read; the last known one where it could not be read.
    pub balance: Option<Balance>,
    /// How many leases it has.
    pub leases: usize,
    /// Records that could not be read.
    pub unreadable: usize,
    /// How far the provider's clock is ahead of this machine's, where its answer told.
    pub skew: Option<jiff::SignedDuration>,
    /// Balance that is still free after what this pass admitted.
    pub free: Option<Money>,
}

impl AccountReport {
    /// It answered this time, with something that can be read.
    #[must_use]
    pub fn reachable(&self) -> bool {
        !matches!(self.standing, Standing::Down(_) | Standing::Unreadable(_))
    }

    /// Why it is not in order.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        match &self.standing {
            Standing::Good => self.barred.as_ref().map(|reason| reason.prose.as_str()),
            Standing::Down(why) | Standing::Unreadable(why) | Standing::Shrunk(why) | Standing::Part(why) => {
                Some(why)
            }
        }
    }
}

/// A whole pass.
#[derive(Debug, Clone)]
pub struct CycleReport {
    /// When it began.
    pub started: Moment,
    /// Every account.
    pub accounts: Vec<AccountReport>,
    /// Every lease of which something is to be said.
    pub items: Vec<Item>,
    /// Every account's list, and what of it is idle.
    pub lists: Vec<PlannedList>,
    /// What last terms cost, where some policy asks.
    pub last_paid: Arc<LastPaid>,
    /// What moved since the plan that was to be applied was made: nothing was paid by it.
    pub moved: Vec<String>,
    /// Payments made in this pass, as they stand at its end, newest first.
    pub payments: Vec<IntentRecord>,
    /// All payments that are not settled at its end.
    pub unsettled: Vec<IntentRecord>,
    /// Payments that came to rest since the last pass.
    pub settled: Vec<IntentRecord>,
    /// Leases that a policy keeps and that left the list.
    pub lost: Vec<Lease>,
    /// Payments that turned out to be second charges of one term.
    pub double_charges: Vec<IntentRecord>,
    /// Terms that the provider was seen to have charged by itself.
    pub provider_charges: Vec<IntentRecord>,
    /// Switches of the provider's own auto-renewal.
    pub steered: Vec<Steered>,
    /// Flags that did not follow a switch: indices into `items`.
    pub stuck: Vec<Steer>,
    /// Why no payments were made, if the clock is not trusted.
    pub clock_held: Option<String>,
    /// Accounts whose provider's clock is not trusted, and why.
    pub clocks: BTreeMap<AccountName, String>,
    /// It was asked to stop before it was through.
    pub stopped: bool,
}

impl CycleReport {
    /// The policies as this pass looked at leases.
    #[must_use]
    pub fn policies<'a>(&'a self, settings: &'a Settings) -> Policies<'a> {
        settings.policies(self.started.wall, self.last_paid.as_ref())
    }

    /// Every lease as an item, by account, then end and id: for whoever shows all.
    #[must_use]
    pub fn every_item(&self, settings: &Settings) -> Vec<Item> {
        every_item(&self.items, &self.lists, &self.policies(settings))
    }

    /// The lease with that id, if nothing is to be said of it.
    #[must_use]
    pub fn idle(&self, account: &AccountName, lease: &LeaseId) -> Option<Idle> {
        self.lists.iter().find(|list| &list.account == account)?.find(lease)
    }

    /// Something needs a person's eye: exit code 3.
    #[must_use]
    pub fn needs_attention(&self) -> bool {
        let open =
            |r: &IntentRecord| matches!(r.state, State::Unknown | State::NeedsOperator | State::Refused);
        self.items.iter().any(|i| i.decision() == Decision::Hold)
            || !self.moved.is_empty()
            || self
                .accounts
                .iter()
                .any(|a| a.standing != Standing::Good || a.barred.is_some() || a.unreadable > 0)
            || self.payments.iter().chain(&self.unsettled).any(open)
    }

    /// The line for the ledger and `status`.
    #[must_use]
    pub fn summary(&self) -> CycleSummary {
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let paid =
            self.payments.iter().filter(|p| matches!(p.state, State::Accepted | State::Confirmed)).count();
        let outcome = match (self.stopped, self.needs_attention()) {
            (true, _) => "stopped",
            (false, true) => "attention",
            (false, false) => "ok",
        };
        CycleSummary {
            outcome: outcome.to_owned(),
            paid: count(paid),
            held: count(self.items.iter().filter(|i| i.decision() == Decision::Hold).count()),
            unknown: count(self.unsettled.iter().filter(|p| p.state == State::Unknown).count()),
        }
    }
}
