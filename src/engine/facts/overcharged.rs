//! Which policies are held because of what was charged: found in the ledger, kept in it until an operator's word.
//!
//! A crash between a charge and its note loses nothing: the charge is in the ledger, and every pass looks at the last week's. Not
//! responsible for what is too much: `planner/overcharge.rs`.
use jiff::SignedDuration;

use crate::domain::{AccountName, IntentId, Money, RequestLease, State};
use crate::engine::Viewer;
use crate::evidence::counts_more;
use crate::ledger::{IntentFilter, IntentRecord, Ledger, LedgerError, Purpose};
use crate::planner::{Overcharged, Share, holds, over_cap};
use crate::policy::Policy;

/// A charge is looked for so far back; what it led to is kept for longer.
const RECENT: SignedDuration = SignedDuration::from_hours(24 * 7);

/// The note: the payments that hold their policies, one a line, `cap` or `row` behind each.
const NOTE: &str = "overcharged";

/// It took more than its quote, and nobody has said that this is known.
fn surplus(record: &IntentRecord) -> bool {
    record.detail.charged.is_some_and(|c| c > record.quoted) && !record.operator_spoke
}

fn may_be_charged(record: &IntentRecord) -> bool {
    matches!(record.state, State::Accepted | State::Unknown | State::Confirmed | State::NeedsOperator)
        && record.purpose != Purpose::Provider
}

impl Viewer {
    /// Policies that are held at an account, as the ledger has it now. Writes nothing.
    ///
    /// # Errors
    /// The ledger's.
    pub fn overcharged(&self) -> Result<Vec<Overcharged>, LedgerError> {
        let _one_look = self.ledger.look()?;
        let mut held = kept(self.ledger.as_ref())?;
        let since = Some(self.clock.now().back(RECENT));
        let recent = self.ledger.intents(&IntentFilter { spend_since: since, ..IntentFilter::default() })?;
        let new = |r: &&IntentRecord| {
            may_be_charged(r) && surplus(r) && held.iter().all(|(known, _)| known.id != r.id)
        };
        let fresh: Vec<IntentRecord> = recent.iter().filter(new).cloned().collect();
        for record in fresh {
            let account = Some(record.request.account.clone());
            let all = self.ledger.intents(&IntentFilter { account, ..IntentFilter::default() })?;
            if let Some(cap) = self.holds(&record, &all) {
                held.push((record, cap));
            }
        }
        Ok(held.into_iter().map(|(record, cap)| self.told(&record, cap)).collect())
    }

    /// The same, and what holds from now on is kept: another limit in the config does not end it, an operator's word does.
    ///
    /// # Errors
    /// The ledger's.
    pub(in crate::engine) fn keep_overcharged(&self) -> Result<Vec<Overcharged>, LedgerError> {
        let held = self.overcharged()?;
        let line = |h: &Overcharged| format!("{} {}\n", h.intent, if h.cap { "cap" } else { "row" });
        let note: String = held.iter().map(line).collect();
        if self.ledger.noted(NOTE)?.unwrap_or_default() != note {
            self.ledger.note(NOTE, &note)?;
        }
        Ok(held)
    }

    /// Whether this surplus holds its policy; `true` inside: it broke a cap.
    fn holds(&self, record: &IntentRecord, all: &[IntentRecord]) -> Option<bool> {
        let named = self.settings.policy_called(&record.policy);
        let policy = self.settings.policies.iter().find(|p| p.name == named);
        let cap = policy.is_some_and(|policy| self.breaks(policy, record, all));
        let at = |r: &IntentRecord| r.spend_started_at.as_ref().map(|m| (m.wall, r.id.clone()));
        let same = |r: &&IntentRecord| {
            let kin = r.parent.is_some() && r.parent == record.parent;
            !kin && self.settings.policy_called(&r.policy) == named
                && may_be_charged(r)
                && r.detail.charged.is_some()
                && at(r) < at(record)
        };
        let before = all.iter().filter(same).max_by_key(|r| at(r));
        holds(cap, before.is_some_and(surplus))
    }

    fn breaks(&self, policy: &Policy, record: &IntentRecord, all: &[IntentRecord]) -> bool {
        let Some(charged) = record.detail.charged else { return false };
        let leases = match &record.purpose {
            // `max_price` is for one lease: where an order is one lease, for the whole of it.
            Purpose::Purchase(bought) => {
                let account = &record.request.account;
                let one = self.readers.get(account).is_none_or(|r| r.capabilities().sells_cycles);
                if one { 1 } else { u64::from(bought.quantity) }
            }
            _ => record.request.leases.len() as u64,
        };
        let amounts = charged.shares(record.request.leases.len());
        let each = record.request.leases.iter().zip(amounts);
        let shares: Vec<Share> =
            each.map(|(lease, amount)| Share { amount, last: last(record, lease, all) }).collect();
        over_cap(policy, charged, leases, record.request.period_days, &shares)
    }
}

impl Viewer {
    /// Under the name that the policy has now: another name does not end what holds it.
    fn told(&self, record: &IntentRecord, cap: bool) -> Overcharged {
        Overcharged {
            account: record.request.account.clone(),
            policy: self.settings.policy_called(&record.policy).to_owned(),
            intent: record.id.clone(),
            quoted: record.quoted,
            charged: record.detail.charged.unwrap_or(record.quoted),
            currency: record.currency.to_string(),
            known: !counts_more(record),
            cap,
        }
    }
}

/// What a lease cost the time before this payment.
fn last(record: &IntentRecord, lease: &RequestLease, all: &[IntentRecord]) -> Option<(Money, u32)> {
    let at = |r: &IntentRecord| r.spend_started_at.as_ref().map(|m| m.wall);
    // Its own id first: an address and an order may be those of several leases of one payment.
    let place = |r: &IntentRecord| {
        let leases = &r.request.leases;
        let by_id = leases.iter().position(|l| l.id == lease.id);
        by_id.or_else(|| leases.iter().position(|l| l.is_same_lease(lease)))
    };
    let same = |r: &IntentRecord| r.provider == record.provider && r.state == State::Confirmed;
    let earlier = all.iter().filter(|r| same(r) && r.id != record.id && at(r) < at(record));
    let newest = earlier.filter(|r| place(r).is_some()).max_by_key(|r| at(r))?;
    let whole = newest.detail.charged.unwrap_or(newest.quoted);
    let share = whole.shares(newest.request.leases.len()).get(place(newest)?).copied()?;
    share.is_positive().then_some((share, newest.request.period_days))
}

/// What is kept and still holds.
fn kept(ledger: &dyn Ledger) -> Result<Vec<(IntentRecord, bool)>, LedgerError> {
    let mut held = Vec::new();
    for line in ledger.noted(NOTE)?.unwrap_or_default().lines() {
        let (id, why) = line.split_once(' ').unwrap_or((line, "cap"));
        let record = match ledger.intent(&IntentId::from(id)) {
            Err(LedgerError::NoIntent(_)) => continue,
            record => record?,
        };
        // A payment that was taken apart speaks by its parts.
        if may_be_charged(&record) && surplus(&record) {
            held.push((record, why == "cap"));
        }
    }
    Ok(held)
}

/// The hold of a policy at an account, if there is one.
pub(in crate::engine) fn of<'a>(
    held: &'a [Overcharged],
    account: &AccountName,
    policy: &str,
) -> Option<&'a Overcharged> {
    held.iter().find(|h| &h.account == account && h.policy == policy)
}

#[cfg(test)]
#[path = "overcharged_tests.rs"]
mod tests;
