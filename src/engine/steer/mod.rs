//! Switching the provider's own auto-renewal: each switch goes on record first, is sent once, and its answer is kept.
//!
//! A crash after the record leaves a change without an answer; the next reading shows the flag as it is.
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::observe::Seen;
use super::{Payer, Viewer};
use crate::domain::{AUTO_ON, AccountName, Bundle, Change, ChangeRequest, Lease, LeaseId, Moment, OrderId};
use crate::ledger::{ChangeOutcome, ChangeRecord, Ledger, LedgerError};
use crate::planner::{Item, PastSwitch, Standing, Steer, steer, stuck};
use crate::policy::{Action, PayBy, Policy, Word};
use crate::providers::{ChangeReply, Changer};
use crate::settings::Account;

/// Switches made longer ago say nothing any more.
const MEMORY: SignedDuration = SignedDuration::from_hours(24 * 90);

/// A switch that was made, or tried.
#[derive(Debug, Clone)]
pub struct Steered {
    /// Whose.
    pub account: AccountName,
    /// Which order.
    pub order: OrderId,
    /// Which of its leases.
    pub leases: Vec<LeaseId>,
    /// On or off.
    pub on: bool,
    /// Why.
    pub why: String,
    /// What became of it.
    pub outcome: ChangeOutcome,
}

/// What the ledger keeps of an answer.
#[must_use]
pub fn outcome(reply: &ChangeReply) -> ChangeOutcome {
    let (word, code, message) = match reply {
        ChangeReply::Done { message, .. } => ("done", None, message.clone()),
        ChangeReply::Refused { code, message } => ("refused", Some(code.to_string()), Some(message.clone())),
        ChangeReply::Unsupported(why) => ("unsupported", None, Some(why.clone())),
        ChangeReply::NeverSent(why) => ("never_sent", None, Some(why.clone())),
        ChangeReply::Unknown { code, message } => {
            ("unknown", code.map(|c| c.to_string()), Some(message.clone()))
        }
    };
    ChangeOutcome { word: word.to_owned(), code, message }
}

/// One change: on record, sent once, its answer kept. One that can lead to money is stopped by whatever stops spending; `asked` is
/// when its price was asked, where one was told.
pub(in crate::engine) async fn change(
    viewer: &Viewer,
    account: &Account,
    changer: Arc<dyn Changer>,
    request: &ChangeRequest,
    asked: Option<&Moment>,
    why: &str,
) -> Result<ChangeReply, LedgerError> {
    let ledger: &dyn Ledger = viewer.ledger.as_ref();
    if request.what.leads_to_money()
        && let Some(reason) = viewer.brake(&account.name)?
    {
        return Ok(ChangeReply::NeverSent(reason.prose));
    }
    let look = viewer.leaves_under(&account.name);
    let permit = ledger.begin_change(&account.provider, request, why, viewer.clock.now().wall)?;
    let permit = permit.on(match asked {
        Some(asked) => look.priced(asked),
        None => look,
    });
    let row = permit.row();
    // A task of its own: whatever happens around it, the call is awaited to its end.
    let reply = tokio::spawn(async move { changer.change(permit).await }).await.unwrap_or_else(|_| {
        ChangeReply::Unknown { code: None, message: "internal error while changing an order".into() }
    });
    if let Some(reader) = viewer.readers.get(&account.name) {
        reader.forget(std::slice::from_ref(&request.order));
    }
    let outcome = outcome(&reply);
    tracing::info!(account = %account.name, order = %request.order, what = request.what.word(), outcome = %outcome.word, "{why}");
    ledger.end_change(row, &outcome, viewer.clock.now().wall)?;
    Ok(reply)
}

/// For how many days the provider is to renew: the policy's first period that is on offer. Asked only where it matters.
pub(in crate::engine) async fn term(
    viewer: &Viewer,
    lease: &Lease,
    policy: Option<&Policy>,
    on: bool,
) -> u32 {
    let periods = policy.map_or(&[][..], |p| &p.periods);
    let first = periods.first().copied().unwrap_or(30);
    let reader = viewer.readers.get(&lease.account).filter(|r| on && !r.capabilities().sells_cycles);
    let (Some(reader), true) = (reader, periods.len() > 1) else { return first };
    // Unread, the first is sent: the provider refuses what it does not sell, and the flag is told as not following.
    let offered = tokio::select! {
        offered = reader.periods(&lease.kind) => offered.unwrap_or_default(),
        () = viewer.stop.cancelled() => Vec::new(),
    };
    periods.iter().copied().find(|days| offered.contains(days)).unwrap_or(first)
}

/// The request that switches these leases of one order.
pub(in crate::engine) async fn switch(viewer: &Viewer, items: &[&Item], on: bool) -> Option<ChangeRequest> {
    let first = items.first()?;
    let lease = &first.lease;
    let days = term(viewer, lease, first.policy.map(|p| &viewer.settings.policies[p]), on).await;
    let reader = viewer.readers.get(&lease.account)?;
    Some(ChangeRequest {
        account: lease.account.clone(),
        kind: lease.kind.clone(),
        order: lease.order.clone(),
        leases: items.iter().map(|i| i.lease.id.clone()).collect(),
        what: Change::AutoRenewal {
            on,
            period_days: days,
            whole_order: reader.capabilities().bundle(&lease.kind) == Bundle::Order,
        },
    })
}

impl Viewer {
    /// Which flags are to be switched now, and which did not follow an earlier switch.
    fn steers(&self, seen: &[Seen], items: &[Item]) -> Result<(Vec<Steer>, Vec<Steer>), LedgerError> {
        let now = self.clock.now().wall;
        let since = now.checked_sub(MEMORY).unwrap_or(Timestamp::MIN);
        let past: Vec<PastSwitch> = self.ledger.changes(since)?.into_iter().filter_map(past_switch).collect();
        let steerable = |account: &AccountName| {
            let of = seen.iter().find(|s| &s.account.name == account);
            of.is_some_and(|s| s.barred.is_none() && matches!(s.standing, Standing::Good | Standing::Part(_)))
                && self.readers.get(account).is_some_and(|r| r.capabilities().auto_renewal)
        };
        let (policies, lag) = (&self.settings.policies, self.settings.timing.lag_window);
        let now_wrong = steer(items, policies, steerable, &past, now, lag);
        Ok((now_wrong, stuck(items, policies, steerable, &past, now, lag)))
    }
}

impl Viewer {
    /// While spending is paused no flag is switched on, and none is taken over: renewd may not pay in the provider's stead.
    fn unbraked(&self, steers: Vec<Steer>, items: &[Item]) -> Result<Vec<Steer>, LedgerError> {
        let mut left = Vec::new();
        for steer in steers {
            let item = &items[steer.item];
            let policy = item.policy.map(|p| &self.settings.policies[p]);
            let takes_over = policy.is_some_and(|p| p.action == Action::Renew && p.pay_by == PayBy::Renewd)
                && item.reason.word != Word::PastUntil;
            if (steer.on || takes_over) && self.brake(&item.lease.account)?.is_some() {
                continue;
            }
            left.push(steer);
        }
        Ok(left)
    }
}

fn past_switch(c: ChangeRecord) -> Option<PastSwitch> {
    let word = c.outcome.as_ref().map(|o| o.word.as_str());
    matches!(c.what.as_str(), AUTO_ON | "auto_off").then(|| PastSwitch {
        on: c.what == AUTO_ON,
        done: word == Some("done"),
        refused: matches!(word, Some("refused" | "unsupported")),
        account: c.account,
        order: c.order,
        leases: c.leases,
        at: c.at,
    })
}

/// What steering did, and what did not follow.
#[derive(Debug, Default)]
pub(in crate::engine) struct Steering {
    pub made: Vec<Steered>,
    pub stuck: Vec<Steer>,
}

impl Payer {
    /// Switches what the plan says, account by account side by side.
    pub(in crate::engine) async fn steer(
        &self,
        seen: &[Seen],
        items: &[Item],
    ) -> Result<Steering, LedgerError> {
        let (mut steers, stuck) = self.viewer.steers(seen, items)?;
        steers = self.viewer.unbraked(steers, items)?;
        let mut by_account: BTreeMap<&AccountName, BTreeMap<(&OrderId, bool), Vec<&Steer>>> = BTreeMap::new();
        for s in &steers {
            let lease = &items[s.item].lease;
            by_account.entry(&lease.account).or_default().entry((&lease.order, s.on)).or_default().push(s);
        }
        let mut tasks = Vec::new();
        for (name, orders) in by_account {
            let (Some(account), Some(changer)) =
                (self.viewer.settings.account(name), self.changers.get(name))
            else {
                continue;
            };
            let mut calls = Vec::new();
            for ((_, on), group) in orders {
                if self.viewer.stop.is_cancelled() {
                    break;
                }
                let members: Vec<&Item> = group.iter().map(|s| &items[s.item]).collect();
                let request = switch(&self.viewer, &members, on).await;
                calls.extend(request.map(|request| (request, on, group[0].why.clone())));
            }
            tasks.push(tokio::spawn(run(self.viewer.clone(), account.clone(), Arc::clone(changer), calls)));
        }
        let mut made = Vec::new();
        for task in tasks {
            match task.await {
                Ok(done) => made.extend(done?),
                Err(_) => tracing::error!("internal error while switching auto-renewal; please report it"),
            }
        }
        Ok(Steering { made, stuck })
    }
}

async fn run(
    viewer: Viewer,
    account: Account,
    changer: Arc<dyn Changer>,
    calls: Vec<(ChangeRequest, bool, String)>,
) -> Result<Vec<Steered>, LedgerError> {
    let mut all = Vec::new();
    for (request, on, why) in calls {
        (viewer.beat)();
        if viewer.stop.is_cancelled() {
            break;
        }
        let reply = change(&viewer, &account, Arc::clone(&changer), &request, None, &why).await?;
        let (order, leases) = (request.order, request.leases);
        all.push(Steered { account: account.name.clone(), order, leases, on, why, outcome: outcome(&reply) });
        if matches!(reply, ChangeReply::NeverSent(_)) {
            break;
        }
    }
    Ok(all)
}
