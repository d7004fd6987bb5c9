//! What a pass found and did: the value that tables, JSON, alerts and exit codes are made of.
use super::steering::Steered;
use crate::domain::time::Moment;
use crate::domain::{AccountName, Balance, Lease, Money, ProviderName, State};
use crate::ledger::{CycleSummary, IntentRecord};
use crate::planner::{Item, Standing, Steer};
use crate::policy::{Decision, Reason};

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
            Standing::Down(why) | Standing::Unreadable(why) | Standing::Shrunk(why) => Some(why),
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
    /// Every lease.
    pub items: Vec<Item>,
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
    /// It was asked to stop before it was through.
    pub stopped: bool,
}

impl CycleReport {
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
