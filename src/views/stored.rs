//! A lease as the ledger has it: what the newest cycle decided, and where it stands in its term now. Asks no provider and walks no
//! fleet. Not responsible for deciding again: a decision needs a reading.
use std::collections::{HashMap, VecDeque};
use std::io::Write;

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::time::words;
use crate::domain::{AccountName, Bundle, Lease, LeaseId, OrderId, OrderState};
use crate::engine::known_capabilities;
use crate::ledger::{Ledger, LedgerError, SeenQuote, StoredDecision, StoredLease};
use crate::planner::{Item, ItemQuote, PaidBy};
use crate::policy::{Kept, Policies, Policy, Reason, Stage, Word, due_at, stage};
use crate::settings::Settings;

use super::Foresight;
use super::forecast::{Known, foresee_stored};
use super::next::{Since, since_decided};
use super::{ItemDoc, SCHEMA, Unwritten, streamed};

/// One lease, and how old that is which is said of it.
#[derive(Debug, Clone)]
pub struct Stored {
    /// As a plan would list it.
    pub item: Item,
    /// When its account was last read; `None` = never.
    pub read_at: Option<Timestamp>,
    /// Since when its decision is what it is.
    pub decided_at: Option<Timestamp>,
    /// When it left its account's list, if it did.
    pub left_list_at: Option<Timestamp>,
}

/// Leases by one of their names, with what is ahead of them.
pub struct Found {
    /// Those on a list before those that are gone.
    pub leases: Vec<Stored>,
    /// Of these leases alone, and of those that are paid together with them.
    pub seen: Foresight,
}

/// What the ledger knows of the leases with this address, lease id or order id.
///
/// # Errors
/// The ledger's.
pub fn stored(
    ledger: &dyn Ledger,
    settings: &Settings,
    now: Timestamp,
    target: &str,
) -> Result<Found, LedgerError> {
    let found = ledger.leases_called(target)?;
    let mut around = found.clone();
    for lease in found.iter().filter(|l| l.gone_at.is_none() && is_paid_whole(ledger, settings, &l.lease)) {
        for other in ledger.leases_called(lease.lease.order.as_str())? {
            let is_new = around
                .iter()
                .all(|l| (&l.lease.account, &l.lease.id) != (&other.lease.account, &other.lease.id));
            if is_new && other.lease.account == lease.lease.account {
                around.push(other);
            }
        }
    }
    let facts = ledger.accounts()?;
    let read_at = |name: &AccountName| facts.iter().find(|f| &f.account == name).and_then(|f| f.read_at);
    let seen = foresee_stored(ledger, settings, now, &around)?;
    let policies = settings.policies(now, &seen);
    let around: Vec<Lease> = around.into_iter().map(|l| l.lease).collect();
    let one = |l: &StoredLease| Stored {
        item: item(l, &around, (ledger, settings, &seen), &policies),
        read_at: read_at(&l.lease.account),
        decided_at: l.decision.as_ref().map(|d| d.since),
        left_list_at: l.gone_at,
    };
    let leases = found.iter().map(one).collect();
    Ok(Found { leases, seen })
}

/// What all leases are shown by.
pub struct Lasting<'a> {
    /// What is on record.
    pub ledger: &'a dyn Ledger,
    /// The config.
    pub settings: &'a Settings,
    /// Now.
    pub now: Timestamp,
    /// What is ahead of all of them.
    pub seen: &'a Foresight,
}

/// Every lease on the lists of these accounts, by account and id, made one after the other.
pub fn every_stored<'a>(
    with: &'a Lasting<'a>,
    only: Option<&'a AccountName>,
) -> impl Iterator<Item = Result<Stored, LedgerError>> + 'a {
    let policies = with.settings.policies(with.now, with.seen);
    let wanted = move |known: &&Known| only.is_none_or(|name| &known.account.name == name);
    with.seen.accounts.iter().filter(wanted).flat_map(move |known| of_account(with, policies, known))
}

fn of_account<'a>(
    with: &'a Lasting<'a>,
    policies: Policies<'a>,
    known: &'a Known,
) -> impl Iterator<Item = Result<Stored, LedgerError>> + 'a {
    let mut orders: HashMap<OrderId, Vec<Lease>> = HashMap::new();
    let whole = |l: &Lease| is_paid_whole(with.ledger, with.settings, l);
    for lease in known.leases.iter().map(|l| l.to_lease()).filter(whole) {
        orders.entry(lease.order.clone()).or_default().push(lease);
    }
    let read_at = known.facts.as_ref().and_then(|f| f.read_at);
    let mut decisions = ById::new(with.ledger, &known.account.name);
    (0..known.leases.len()).map(move |n| {
        let lease = known.leases.lease(n);
        let decision = decisions.of(&lease.id)?;
        let decided_at = decision.as_ref().map(|d| d.since);
        let quote = known.quote(&lease.id).cloned();
        let around = orders.get(&lease.order).map_or(&[][..], Vec::as_slice);
        let stored = StoredLease { lease, gone_at: None, decision, quote, last_price: None };
        let item = item(&stored, around, (with.ledger, with.settings, with.seen), &policies);
        Ok(Stored { item, read_at, decided_at, left_list_at: None })
    })
}

/// So many decisions are read at once.
const PAGE: usize = 5_000;

/// The decisions about an account's leases, asked for by ascending ids and read page by page.
struct ById<'a> {
    ledger: &'a dyn Ledger,
    account: &'a AccountName,
    page: VecDeque<(LeaseId, StoredDecision)>,
    after: Option<LeaseId>,
    more: bool,
}

impl<'a> ById<'a> {
    fn new(ledger: &'a dyn Ledger, account: &'a AccountName) -> Self {
        Self { ledger, account, page: VecDeque::new(), after: None, more: true }
    }

    /// Those of leases that are gone are skipped.
    fn of(&mut self, lease: &LeaseId) -> Result<Option<StoredDecision>, LedgerError> {
        loop {
            if self.page.is_empty() && self.more {
                self.page = self.ledger.decided(self.account, self.after.as_ref(), PAGE)?.into();
                self.more = !self.page.is_empty();
            }
            let Some((id, decision)) = self.page.pop_front_if(|(id, _)| &*id <= lease) else {
                return Ok(None);
            };
            let found = &id == lease;
            self.after = Some(id);
            if found {
                return Ok(Some(decision));
            }
        }
    }
}

/// The whole document, made while it is written.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct LeasesDoc<L> {
    schema: u32,
    /// Nothing in it is older.
    at: Option<Timestamp>,
    /// By account and id.
    leases: L,
}

/// Writes the document of these leases; `at`: when the account that was read longest ago was read.
///
/// # Errors
/// The ledger's, or the output's.
pub fn write_leases(
    leases: impl Iterator<Item = Result<ItemDoc, LedgerError>>,
    at: Option<Timestamp>,
    out: impl Write,
) -> Result<(), Unwritten> {
    streamed::write(leases, out, true, |leases| LeasesDoc { schema: SCHEMA, at, leases })
}

/// The provider sells a term of its order only for all of it.
#[must_use]
pub fn is_paid_whole(ledger: &dyn Ledger, settings: &Settings, lease: &Lease) -> bool {
    let account = settings.accounts.iter().find(|a| a.name == lease.account);
    let capabilities = account.and_then(|a| known_capabilities(ledger, a).ok().flatten());
    capabilities.is_some_and(|c| c.bundle(&lease.kind) == Bundle::Order)
}

fn item(
    stored: &StoredLease,
    around: &[Lease],
    (ledger, settings, seen): (&dyn Ledger, &Settings, &Foresight),
    policies: &Policies<'_>,
) -> Item {
    let now = policies.now;
    let mut lease = stored.lease.clone();
    lease.expires_at = lease.term_end();
    let members: Vec<&Lease> = match is_paid_whole(ledger, settings, &lease) {
        true => around.iter().filter(|l| (&l.account, &l.order) == (&lease.account, &lease.order)).collect(),
        false => vec![&stored.lease],
    };
    let end = members.iter().filter_map(|l| l.term_end()).min();
    let name = stored.decision.as_ref().and_then(|d| d.policy.as_deref());
    let policy = settings.policies.iter().position(|p| Some(p.name.as_str()) == name);
    let held_by = policy.map(|p| &settings.policies[p]).zip(end);
    let due_at = held_by.map(|(policy, end)| due_at(policy, lease.order.as_str(), end));
    let bundle: Vec<LeaseId> = members.iter().map(|l| l.id.clone()).collect();
    let mut item = Item {
        labels: policies.labels_of(&stored.lease),
        stage: held_by.map(|(policy, end)| standing(&lease, policy, end, now)),
        reason: reason(stored, due_at, policies),
        policy,
        due_at,
        quote: stored
            .quote
            .as_ref()
            .filter(|q| {
                stored.lease.named_end().is_some_and(|now| now.is_priced_at(q.term_end, q.period_days))
            })
            .map(price),
        bundle,
        attempt: 1,
        paid_by: PaidBy::Renewd,
        switch_off_first: false,
        gone_at: None,
        lease,
    };
    if let Some(prose) = overtaken(&item, seen, now) {
        item.reason.prose = prose;
    }
    item
}

/// A decision to pay that was carried out since, or that does not hold any more, must not read as if it were still to be paid.
fn overtaken(item: &Item, seen: &Foresight, now: Timestamp) -> Option<String> {
    let again = item.due_at.map_or_else(String::new, |due| words(due.duration_since(now)));
    Some(match since_decided(item, seen, now)? {
        Since::Renewed => format!("it was due in the last cycle and is renewed since; due again in {again}"),
        Since::NotDue => format!("it was due in the last cycle, and is not by this config; due in {again}"),
        Since::Paid(open) => format!("it was due in the last cycle; {open}"),
    })
}

fn standing(lease: &Lease, policy: &Policy, end: Timestamp, now: Timestamp) -> Stage {
    if lease.state == OrderState::OnHold {
        Stage::Rescue
    } else {
        stage(policy, lease.order.as_str(), end, now)
    }
}

fn price(quote: &SeenQuote) -> ItemQuote {
    ItemQuote {
        amount: quote.amount,
        currency: quote.currency.clone(),
        period_days: quote.period_days,
        promo: None,
    }
}

/// As it was decided. A row is written when the decision changes: how long it was until then is said anew.
fn reason(stored: &StoredLease, due_at: Option<Timestamp>, policies: &Policies<'_>) -> Reason {
    let now = policies.now;
    let Some(StoredDecision { word, reason, .. }) = &stored.decision else {
        return Reason::new(Word::NoPolicy, "the ledger holds no decision about it");
    };
    let Some(word) = Word::ALL.iter().copied().find(|w| w.as_str() == word) else {
        return Reason::new(Word::NoPolicy, reason.clone());
    };
    let prose = reason.split_once(": ").map_or(reason.as_str(), |(_, prose)| prose);
    match due_at {
        Some(due) if word == Word::NotDue && due > now => {
            let kept = match policies.kept(&stored.lease) {
                Some(Kept::Like(_, keep) | Kept::Orphaned(keep)) => format!("; {}", keep.words()),
                Some(Kept::Over(_)) | None => String::new(),
            };
            Reason::new(word, format!("due in {}{kept}", words(due.duration_since(now))))
        }
        _ => Reason::new(word, prose),
    }
}
