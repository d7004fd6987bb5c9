//! Reading every account, and how far each reading is believed.
pub(super) mod clock_check;
pub(super) mod ends;
pub(super) mod identity;
pub(super) mod order_log;
pub(super) mod program;
pub(super) mod restored;
pub(super) mod shrink;

use std::collections::HashMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::domain::identity::Verdict;
use crate::domain::time::Moment;
use crate::domain::{AccountName, Balance, Difference, Inventory, Lease, LeaseView, Leases, OrderState};
use crate::evidence::LogReading;
use crate::ledger::{IDENTITY, Ledger, LedgerError};
use crate::planner::Standing;
use crate::policy::Reason;
use crate::providers::{Purpose, ReadError, Reader};
use crate::settings::{Account, Settings};

use super::Viewer;

/// An account as a pass sees it.
#[derive(Debug, Clone)]
pub(in crate::engine) struct Seen {
    pub account: Account,
    pub standing: Standing,
    /// As listed, or as last known.
    pub leases: Arc<Leases>,
    /// Where the list differs from what was known before it.
    pub difference: Arc<Difference>,
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
    /// The provider's own log of renewals, where it was read.
    pub log: LogReading,
    /// Which account of the ledger it is.
    pub identity: Verdict,
    /// Why nothing may be paid, whatever was read.
    pub barred: Option<Reason>,
}

impl Seen {
    /// A balance as a number to compare with: only in the currency that this account's quotes must have.
    pub(in crate::engine) fn comparable(&self, balance: &Balance) -> Option<crate::domain::Money> {
        let own = self.currency.as_ref().or(self.balance.as_ref().map(|b| &b.currency));
        (own == Some(&balance.currency)).then_some(balance.amount)
    }
}

/// Reads one account in a task of its own: a panic in an adapter is that account's trouble only.
pub(in crate::engine) async fn read(
    reader: Arc<dyn Reader>,
    purpose: Purpose,
) -> Result<Inventory, ReadError> {
    let task = tokio::spawn(async move { reader.inventory(purpose).await });
    task.await.unwrap_or_else(|_| {
        Err(ReadError::Unreadable("internal error while reading; please report it".into()))
    })
}

/// A large account at a low request limit is read for minutes: a watchdog sees that it goes on.
const BEAT: std::time::Duration = std::time::Duration::from_secs(5);

/// Waits for a task and beats meanwhile.
pub(in crate::engine) async fn beating<T>(
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
    pub(in crate::engine) async fn observe(&self) -> Result<Vec<(Seen, Option<Inventory>)>, LedgerError> {
        let began = self.clock.now();
        let mut tasks = Vec::new();
        for account in &self.settings.accounts {
            let Some(reader) = self.readers.get(&account.name).map(Arc::clone) else { continue };
            let since = order_log::since(self.ledger.as_ref(), &account.name, &self.settings.timing, &began)?;
            let reading = tokio::spawn(async move {
                let list = read(Arc::clone(&reader), Purpose::Routine).await;
                let log = if list.is_ok() { order_log::read(reader, since).await } else { LogReading::None };
                list.map(|list| (list, log))
            });
            tasks.push((account.clone(), reading));
        }
        let (mut results, mut logs) = (Vec::new(), HashMap::new());
        for (account, task) in tasks {
            let result = tokio::select! {
                done = beating(task, self.beat.as_ref()) => done.unwrap_or_else(|_| Err(ReadError::NoAnswer("the reading was cut off".into()))),
                () = self.stop.cancelled() => Err(ReadError::NoAnswer("renewd is stopping".into())),
            };
            (self.beat)();
            let result = result.map(|(list, log)| {
                logs.insert(account.name.clone(), log);
                list
            });
            results.push((account, result));
        }
        let verdicts = self.identify(&results, began.wall)?;
        let all = results.into_iter().map(|(account, result)| {
            let verdict = verdicts.get(&account.name).cloned().unwrap_or(Verdict::Unproven);
            let log = logs.remove(&account.name).unwrap_or_default();
            let (seen, store) =
                believe(self.ledger.as_ref(), &self.settings, account, &began, result, verdict)?;
            Ok((Seen { log, ..seen }, store))
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
    let _one_look = ledger.look()?;
    let facts = ledger.accounts()?.into_iter().find(|f| f.account == account.name);
    // The currency that was first seen stays the account's until an operator's `resume` accepts another.
    let noted = ledger.noted(&currency_note(&account.name))?.filter(|c| !c.is_empty());
    let currency = noted.map(crate::domain::Currency::new);
    let last_balance = facts.and_then(|f| Some(Balance { amount: f.balance?, currency: f.currency? }));
    let seen = |standing, leases, balance| Seen {
        account: account.clone(),
        standing,
        leases,
        difference: Arc::default(),
        missing: Vec::new(),
        mark: None,
        balance,
        currency: currency.clone(),
        began: began.clone(),
        unreadable: 0,
        skew: None,
        fresh: false,
        log: LogReading::None,
        barred: identity::barred(&verdict),
        identity: verdict.clone(),
    };
    let mut inventory = match result {
        Ok(inventory) => inventory,
        Err(e @ (ReadError::WrongKey { .. } | ReadError::Refused { .. } | ReadError::NoAnswer(_))) => {
            let known = Arc::new(ledger.last_list(&account.name)?);
            return Ok((seen(Standing::Down(e.to_string()), known, last_balance), None));
        }
        Err(e @ ReadError::Unreadable(_)) => {
            let known = Arc::new(ledger.last_list(&account.name)?);
            return Ok((seen(Standing::Unreadable(e.to_string()), known, last_balance), None));
        }
    };
    if matches!(verdict, Verdict::Changed { .. }) {
        // What was read is shown, and nothing of it is held against, or kept with, what may be another account's.
        let mut seen = seen(Standing::Good, inventory.leases, Some(inventory.balance));
        (seen.unreadable, seen.skew, seen.currency) = (inventory.unreadable, inventory.clock_skew, None);
        return Ok((seen, None));
    }
    let difference = ledger.difference(&account.name, &inventory.leases)?;
    remember_holds(ledger, &account.name, &difference, &mut inventory.leases, began.wall)?;
    ends::keep(ledger, (settings, began.wall), &account.name, &difference, &mut inventory.leases)?;
    let mut seen = seen(Standing::Good, Arc::clone(&inventory.leases), Some(inventory.balance.clone()));
    seen.unreadable = inventory.unreadable;
    seen.skew = inventory.clock_skew;
    seen.fresh = true;
    for oddity in &inventory.oddities {
        tracing::warn!(account = %account.name, "inventory: {oddity}");
    }
    let mut store = inventory;
    if let Some(loss) =
        shrink::judge(ledger, &settings.guard, &account.name, &difference, &store, began.wall)?
    {
        seen.standing = loss.standing();
        seen.mark = Some(loss.mark);
        // What is missing is kept as last known: it may be a cut list, and its payments are still guarded.
        store.leases = with_missing(&store.leases, &loss.missing);
        seen.missing = loss.missing;
    }
    seen.difference = Arc::new(difference);
    Ok((seen, Some(store)))
}

/// A list with leases that it lacks and that are not taken for gone.
pub(super) fn with_missing(listed: &Leases, missing: &[Lease]) -> Arc<Leases> {
    let mut all = listed.clone();
    missing.iter().for_each(|l| all.push(&l.view()));
    all.sort();
    Arc::new(all)
}

/// An order is on hold for three days at the longest: one that was missing for longer was on hold anew.
const HOLD: SignedDuration = SignedDuration::from_hours(72);

/// An order on hold keeps the end it was known to have, where the provider no longer tells it, and the instant at which
/// renewd first saw it on hold: between them they name its term. Also where a cut list was without it in between.
pub(in crate::engine) fn remember_holds(
    ledger: &dyn Ledger,
    account: &AccountName,
    difference: &Difference,
    listed: &mut Arc<Leases>,
    now: Timestamp,
) -> Result<(), LedgerError> {
    // What is as it was known has been through this: an order on hold is known with the instant of its hold, which no list tells.
    let on_hold = |n: &usize| *listed.view(*n).state == OrderState::OnHold;
    let odd = |n: &usize| matches!(listed.view(*n).state, OrderState::Other(_));
    let held: Vec<usize> = difference.places().filter(on_hold).collect();
    // Of an order in a state that nobody knows nothing is forgotten: it may be on hold again in the next reading.
    let odd: Vec<usize> = difference.places().filter(odd).collect();
    let known = |lease: &LeaseView<'_>| difference.known.get(lease.id).map(|k| k.to_lease());
    let gone = if held.iter().any(|&n| known(&listed.view(n)).is_none()) {
        ledger.gone_leases(account, now.checked_sub(HOLD).unwrap_or(Timestamp::MIN))?
    } else {
        Vec::new()
    };
    let mut changed = Vec::new();
    for n in held {
        let mut lease = listed.lease(n);
        let before = known(&lease.view()).or_else(|| gone.iter().find(|g| g.id == lease.id).cloned());
        let since = before.as_ref().and_then(|k| k.held_since).or(Some(now));
        keep_end(&mut lease, before.as_ref(), since);
        changed.push((n, lease));
    }
    for n in odd {
        let mut lease = listed.lease(n);
        let before = known(&lease.view());
        keep_end(&mut lease, before.as_ref(), before.as_ref().and_then(|k| k.held_since));
        changed.push((n, lease));
    }
    if !changed.is_empty() {
        let listed = Arc::make_mut(listed);
        changed.iter().for_each(|(n, lease)| listed.set(*n, &lease.view()));
    }
    Ok(())
}

fn keep_end(lease: &mut Lease, before: Option<&Lease>, held_since: Option<Timestamp>) {
    if let (None, Some(known)) = (lease.expires_at, before) {
        (lease.expires_at, lease.told) = (known.expires_at, known.told);
    }
    lease.held_since = held_since;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::settle::double_charge::tests::{account, at, lease, usd};
    use crate::ledger::Inventories;
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
                leases: Arc::new(leases.into()),
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
        let back = Lease { expires_at: None, held_since: None, ..held.clone() };
        let mut listed: Arc<Leases> = Arc::new(vec![back].into());
        let difference = Difference::whole(Leases::default(), 1);
        remember_holds(&ledger, &account(), &difference, &mut listed, now).unwrap();
        let expected =
            if kept { held } else { Lease { expires_at: None, held_since: Some(now), ..held.clone() } };
        assert_eq!(listed.to_vec(), [expected]);
    }
}
