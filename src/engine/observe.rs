//! Reading every account, and how far each reading is believed.
use std::collections::HashMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::domain::identity::Verdict;
use crate::domain::time::Moment;
use crate::domain::{AccountName, Balance, Inventory, Lease, OrderState};
use crate::ledger::{IDENTITY, Ledger, LedgerError};
use crate::planner::Standing;
use crate::policy::Reason;
use crate::providers::{Purpose, ReadError, Reader};
use crate::settings::{Account, Settings};

use super::{Viewer, ends, identity, shrink};

/// An account as a pass sees it.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub account: Account,
    pub standing: Standing,
    /// As listed, or as last known.
    pub leases: Vec<Lease>,
    /// Known and missing from a list that is not believed.
    pub missing: Vec<Lease>,
    /// Names the loss that is not believed.
    pub mark: Option<String>,
    pub balance: Option<Balance>,
    /// The currency it had before this reading.
    pub currency: Option<crate::domain::Currency>,
    /// When the reading began.
    pub began: Moment,
    pub unreadable: usize,
    /// The provider's clock differs by more than the clock rule allows.
    pub skew: Option<jiff::SignedDuration>,
    /// The reading itself, for evidence; `None` where there was none.
    pub fresh: bool,
    /// Which account of the ledger it is.
    pub identity: Verdict,
    /// Why nothing may be paid, whatever was read.
    pub barred: Option<Reason>,
}

impl Seen {
    /// A balance as a number to compare with: only in the currency that this account's quotes must have.
    pub(super) fn comparable(&self, balance: &Balance) -> Option<crate::domain::Money> {
        let own = self.currency.as_ref().or(self.balance.as_ref().map(|b| &b.currency));
        (own == Some(&balance.currency)).then_some(balance.amount)
    }
}

/// Reads one account in a task of its own: a panic in an adapter is that account's trouble only.
pub(super) async fn read(reader: Arc<dyn Reader>, purpose: Purpose) -> Result<Inventory, ReadError> {
    let task = tokio::spawn(async move { reader.inventory(purpose).await });
    task.await.unwrap_or_else(|_| {
        Err(ReadError::Unreadable("internal error while reading; please report it".into()))
    })
}

/// A large account at a low request limit is read for minutes: a watchdog sees that it goes on.
const BEAT: std::time::Duration = std::time::Duration::from_secs(5);

/// Waits for a task and beats meanwhile.
pub(super) async fn beating<T>(
    mut task: tokio::task::JoinHandle<T>,
    beat: &(dyn Fn() + Send + Sync),
) -> Result<T, tokio::task::JoinError> {
    loop {
        match tokio::time::timeout(BEAT, &mut task).await {
            Ok(done) => return done,
            Err(_) => beat(),
        }
    }
}

impl Viewer {
    /// Reads all accounts at once. Nothing is stored.
    pub(super) async fn observe(&self) -> Result<Vec<(Seen, Option<Inventory>)>, LedgerError> {
        let began = self.clock.now();
        let tasks: Vec<_> = self
            .settings
            .accounts
            .iter()
            .filter_map(|a| {
                Some((
                    a.clone(),
                    tokio::spawn(read(Arc::clone(self.readers.get(&a.name)?), Purpose::Routine)),
                ))
            })
            .collect();
        let mut results = Vec::new();
        for (account, task) in tasks {
            let result = tokio::select! {
                done = beating(task, self.beat.as_ref()) => done.unwrap_or_else(|_| Err(ReadError::NoAnswer("the reading was cut off".into()))),
                () = self.stop.cancelled() => Err(ReadError::NoAnswer("renewd is stopping".into())),
            };
            (self.beat)();
            results.push((account, result));
        }
        let verdicts = self.identify(&results, began.wall)?;
        let all = results.into_iter().map(|(account, result)| {
            let verdict = verdicts.get(&account.name).cloned().unwrap_or(Verdict::Unproven);
            believe(self.ledger.as_ref(), &self.settings, account, &began, result, verdict)
        });
        all.collect()
    }

    /// Which account of the ledger each configured one is, by what was just read; names that changed are followed before anything else
    /// is asked of the ledger.
    fn identify(
        &self,
        results: &[(Account, Result<Inventory, ReadError>)],
        at: Timestamp,
    ) -> Result<HashMap<AccountName, Verdict>, LedgerError> {
        let ledger = self.ledger.as_ref();
        let id = ledger.noted(IDENTITY)?.unwrap_or_default();
        let mut claims = identity::claims(&self.settings, ledger)?;
        for claim in &mut claims {
            let read = results.iter().find(|(account, _)| account.name == claim.name);
            if let Some((_, Ok(inventory))) = read {
                identity::read(claim, inventory, &id);
            }
        }
        let verdicts = ledger.attach(&claims, &self.settings.budget_names, at)?;
        Ok(claims.into_iter().map(|claim| claim.name).zip(verdicts).collect())
    }
}

/// The note that keeps an account's currency.
#[must_use]
pub fn currency_note(account: &crate::domain::AccountName) -> String {
    format!("currency:{account}")
}

/// Turns a reading into what may be relied on. The second part is what to store, if it is believed.
fn believe(
    ledger: &dyn Ledger,
    settings: &Settings,
    account: Account,
    began: &Moment,
    result: Result<Inventory, ReadError>,
    verdict: Verdict,
) -> Result<(Seen, Option<Inventory>), LedgerError> {
    let known: Vec<Lease> = ledger.known_leases(&account.name)?.into_iter().map(|k| k.lease).collect();
    let facts = ledger.accounts()?.into_iter().find(|f| f.account == account.name);
    // The currency that was first seen stays the account's until an operator's `resume` accepts another.
    let noted = ledger.noted(&currency_note(&account.name))?.filter(|c| !c.is_empty());
    let currency = noted.map(crate::domain::Currency::new);
    let last_balance = facts.and_then(|f| Some(Balance { amount: f.balance?, currency: f.currency? }));
    let seen = |standing, leases, balance| Seen {
        account: account.clone(),
        standing,
        leases,
        missing: Vec::new(),
        mark: None,
        balance,
        currency: currency.clone(),
        began: began.clone(),
        unreadable: 0,
        skew: None,
        fresh: false,
        barred: identity::barred(&verdict),
        identity: verdict.clone(),
    };
    let mut inventory = match result {
        Ok(inventory) => inventory,
        Err(e @ (ReadError::WrongKey { .. } | ReadError::Refused { .. } | ReadError::NoAnswer(_))) => {
            return Ok((seen(Standing::Down(e.to_string()), known, last_balance), None));
        }
        Err(e @ ReadError::Unreadable(_)) => {
            return Ok((seen(Standing::Unreadable(e.to_string()), known, last_balance), None));
        }
    };
    if matches!(verdict, Verdict::Changed { .. }) {
        // What was read is shown, and nothing of it is held against, or kept with, what may be another account's.
        let mut seen = seen(Standing::Good, inventory.leases, Some(inventory.balance));
        (seen.unreadable, seen.skew, seen.currency) = (inventory.unreadable, inventory.clock_skew, None);
        return Ok((seen, None));
    }
    remember_holds(ledger, &account.name, &known, &mut inventory.leases, began.wall)?;
    ends::keep(ledger, settings, &account.name, &known, &mut inventory.leases)?;
    let mut seen = seen(Standing::Good, inventory.leases.clone(), Some(inventory.balance.clone()));
    seen.unreadable = inventory.unreadable;
    seen.skew = inventory.clock_skew;
    seen.fresh = true;
    for oddity in &inventory.oddities {
        tracing::warn!(account = %account.name, "inventory: {oddity}");
    }
    let mut store = inventory;
    if let Some(loss) = shrink::judge(ledger, &settings.guard, &account.name, &known, &store, began.wall)? {
        seen.standing = loss.standing();
        seen.mark = Some(loss.mark);
        // What is missing is kept as last known: it may be a cut list, and its payments are still guarded.
        store.leases.extend(loss.missing.iter().cloned());
        store.leases.sort_by(|a, b| a.id.cmp(&b.id));
        seen.missing = loss.missing;
    }
    Ok((seen, Some(store)))
}

/// An order is on hold for three days at the longest: one that was missing for longer was on hold anew.
const HOLD: SignedDuration = SignedDuration::from_hours(72);

/// An order on hold keeps the end it was known to have, where the provider no longer tells it, and the instant at which
/// renewd first saw it on hold: between them they name its term. Also where a cut list was without it in between.
pub(super) fn remember_holds(
    ledger: &dyn Ledger,
    account: &AccountName,
    known: &[Lease],
    listed: &mut [Lease],
    now: Timestamp,
) -> Result<(), LedgerError> {
    let in_known = |lease: &Lease| known.binary_search_by(|k| k.id.cmp(&lease.id)).ok().map(|i| &known[i]);
    let held = |l: &&mut Lease| l.state == OrderState::OnHold;
    let gone = if listed.iter_mut().filter(held).any(|l| in_known(l).is_none()) {
        ledger.gone_leases(account, now.checked_sub(HOLD).unwrap_or(Timestamp::MIN))?
    } else {
        Vec::new()
    };
    for lease in listed.iter_mut().filter(held) {
        let before = in_known(lease).or_else(|| gone.iter().find(|g| g.id == lease.id));
        if let (None, Some(known)) = (lease.expires_at, before) {
            (lease.expires_at, lease.told) = (known.expires_at, known.told);
        }
        lease.held_since = before.and_then(|k| k.held_since).or(Some(now));
    }
    // Of an order in a state that nobody knows nothing is forgotten: it may be on hold again in the next reading.
    for lease in listed.iter_mut().filter(|l| matches!(l.state, OrderState::Other(_))) {
        let before = in_known(lease);
        if let (None, Some(known)) = (lease.expires_at, before) {
            (lease.expires_at, lease.told) = (known.expires_at, known.told);
        }
        lease.held_since = before.and_then(|k| k.held_since);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::doubles::tests::{account, at, lease, usd};
    use crate::ledger::sqlite::{Access, open};
    use rstest::rstest;

    #[rstest]
    #[case::back_in_the_next_list(10, true)]
    #[case::back_within_three_days(72 * 60, true)]
    #[case::on_hold_anew_after_that(72 * 60 + 1, false)]
    fn an_order_on_hold_that_a_cut_list_was_without_keeps_its_end(#[case] minutes: i64, #[case] kept: bool) {
        let dir = tempfile::tempdir().unwrap();
        let ledger = open(dir.path(), Access::Pay).unwrap();
        let store = |leases: Vec<Lease>, minute: i64| {
            let (balance, oddities) = (usd("1.00"), Vec::new());
            let inventory = Inventory {
                leases,
                balance,
                oddities,
                unreadable: 0,
                clock_skew: None,
                doubt: None,
                owner: None,
            };
            ledger.record_inventory(&"proxyshard".into(), &account(), at(minute).wall, &inventory).unwrap();
        };
        let held = Lease { state: OrderState::OnHold, held_since: Some(at(0).wall), ..lease(1, 0) };
        store(vec![held.clone()], 0);
        store(Vec::new(), 5);

        let now = at(5 + minutes).wall;
        let mut listed = [Lease { expires_at: None, held_since: None, ..held.clone() }];
        remember_holds(&ledger, &account(), &[], &mut listed, now).unwrap();
        let expected =
            if kept { held } else { Lease { expires_at: None, held_since: Some(now), ..held.clone() } };
        assert_eq!(listed, [expected]);
    }
}
