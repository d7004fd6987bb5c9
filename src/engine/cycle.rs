//! The passes themselves: a preview that never pays, a whole cycle, and a settling pass that only reads.
use std::sync::Arc;

use jiff::SignedDuration;

use crate::domain::time::Moment;
use crate::domain::{Event, IntentId, Inventory, State};
use crate::ledger::{CycleRecord, EventDetail, IntentFilter, IntentRecord, LedgerError, Purpose};
use crate::planner::{Past, PaySet, Standing};
use crate::policy::{Reason, Word};

use super::decisions::Decisions;
use super::observe::{Seen, currency_note};
use super::report::{AccountReport, CycleReport};
use super::{EngineError, Payer, Viewer};
use crate::engine::approve::exact::Approved;
use crate::engine::approve::locate::used_note;
use crate::engine::facts::past::past_of;
use crate::engine::observe::clock_check::{Clocks, Skew};
use crate::engine::observe::{clock_check, identity, program, shrink};
use crate::engine::pay::call_limit::Allowance;
use crate::engine::pay::jobs::Orders;
use crate::engine::plan::Planned;
use crate::engine::settle::remeasure::waiting;
use crate::engine::settle::{Shown, take};
use crate::engine::steer::Steering;

impl Viewer {
    pub(super) fn report(
        &self,
        started: Moment,
        seen: &[Seen],
        planned: Planned,
        clock: Clocks,
    ) -> Result<CycleReport, EngineError> {
        let states =
            vec![State::Reserved, State::SpendStarted, State::Accepted, State::Unknown, State::NeedsOperator];
        let unsettled = self.ledger.intents(&IntentFilter { states, ..IntentFilter::default() })?;
        let accounts = seen.iter().map(|s| AccountReport {
            account: s.account.name.clone(),
            provider: s.account.provider.clone(),
            standing: s.standing.clone(),
            barred: s.barred.clone(),
            balance: s.balance.clone(),
            leases: s.leases.len(),
            unreadable: s.unreadable,
            skew: s.skew,
            free: planned.free.get(&s.account.name).copied(),
        });
        let lost = self.lost(&planned.last_paid)?;
        Ok(CycleReport {
            started,
            accounts: accounts.collect(),
            items: planned.items,
            lists: planned.lists,
            last_paid: planned.last_paid,
            moved: planned.moved,
            payments: Vec::new(),
            settled: Vec::new(),
            lost,
            unsettled,
            double_charges: Vec::new(),
            provider_charges: Vec::new(),
            steered: Vec::new(),
            stuck: Vec::new(),
            clock_held: clock.all,
            clocks: clock.accounts,
            stopped: self.stop.is_cancelled(),
        })
    }

    /// Payments that are known as charged, and whose cost the next reading may still show.
    ///
    /// # Errors
    /// The ledger's.
    pub fn unmeasured(&self) -> Result<Vec<IntentRecord>, LedgerError> {
        waiting(self.ledger.as_ref(), &self.settings.timing, &self.clock.now())
    }

    /// Payments that may still matter to a plan.
    pub(super) fn past(&self, now: &Moment) -> Result<Vec<Past>, LedgerError> {
        let timing = &self.settings.timing;
        let open =
            vec![State::Reserved, State::SpendStarted, State::Accepted, State::Unknown, State::NeedsOperator];
        let mut all = self.ledger.intents(&IntentFilter { states: open, ..IntentFilter::default() })?;
        let failed = vec![State::NotApplied, State::Refused];
        all.extend(self.ledger.intents(&IntentFilter { states: failed, ..IntentFilter::default() })?);
        Ok(all.iter().map(|r| past_of(r, now, timing, self.settings.ledger.failover_hold)).collect())
    }
}

impl Viewer {
    /// What the clock rule says of this pass.
    pub(super) fn clocks(&self, now: &Moment, seen: &[Seen], store: bool) -> Result<Clocks, LedgerError> {
        let told = seen.iter().filter_map(|s| {
            let host = s.account.base_url.origin().ascii_serialization();
            Some(Skew { account: s.account.name.clone(), host, by: s.skew? })
        });
        // A pass that looks at one of several accounts cannot tell whose clock is wrong.
        let whole = seen.len() == self.settings.accounts.len();
        clock_check::judge(self.ledger.as_ref(), now, &told.collect::<Vec<_>>(), whole, store)
    }
}

impl Payer {
    /// A whole cycle: observe, store, settle, plan, pay, read back. The caller tells people (`alerting`).
    ///
    /// # Errors
    /// The ledger's; payments begun until then are in it.
    pub async fn cycle(&self) -> Result<CycleReport, EngineError> {
        self.pass(None).await
    }

    /// A cycle; with a plan, one that pays nothing else.
    pub(super) async fn pass(&self, only: Option<&Approved>) -> Result<CycleReport, EngineError> {
        let viewer = &self.viewer;
        let ledger = viewer.ledger.as_ref();
        ledger.probe()?;
        // Before anything happens that hooks are told.
        ledger.subscribe(&viewer.settings.subscriptions(), viewer.clock.now().wall)?;
        let started = viewer.clock.now();
        let before = ledger.last_cycle()?;
        let cycle = ledger.start_cycle(&started)?;
        recover(viewer, &started)?;
        let observed = self.observe().await?;
        let (mut seen, mut shown) = self.believe_and_settle(observed)?;
        viewer.keep_overcharged()?;
        let clock_held = viewer.clocks(&started, &seen, true)?;
        let mut planned = viewer.plan(&seen, clock_held.clone(), cycle, only).await?;
        viewer.remember_prices(&planned.items, &planned.offered)?;
        if let Some(plan) = only.filter(|_| !planned.sets.is_empty() && !viewer.stop.is_cancelled()) {
            // Before the first payment: a crash from here on leaves the plan used.
            ledger.note(&used_note(&plan.id), &format!("at {} in cycle {cycle}", viewer.clock.now().wall))?;
        }
        viewer.keep_plans(&planned.asking.changes)?;
        let (begun, late) = self.pay(&mut seen, &mut planned, cycle).await?;
        viewer.close_paid()?;
        shown.doubles.extend(late.doubles);
        shown.charges.extend(late.charges);
        // A plan that was approved pays what it names and changes nothing else.
        let steers = clock_held.all.is_none() && only.is_none();
        let trusted: Vec<Seen> =
            seen.iter().filter(|s| !clock_held.accounts.contains_key(&s.account.name)).cloned().collect();
        let steered = if steers { self.steer(&trusted, &planned.items).await? } else { Steering::default() };
        let policies = &viewer.settings.policies;
        let decided = Decisions::of(&planned.items, &planned.lists, policies, started.wall);
        viewer.ledger.record_plan(cycle, viewer.clock.now().wall, &decided)?;
        if only.is_none() {
            let offered = std::mem::take(&mut planned.offered);
            viewer.probe_prices(&seen, &planned, offered).await?;
        }
        viewer.keep_overcharged()?;
        let mut report = viewer.report(started, &seen, planned, clock_held)?;
        report.payments = begun.iter().rev().map(|id| ledger.intent(id)).collect::<Result<Vec<_>, _>>()?;
        report.double_charges = shown.doubles;
        report.provider_charges = self.told_between(before.as_ref(), shown.charges)?;
        report.steered = steered.made;
        report.stuck = steered.stuck;
        report.settled = settled_since(viewer, before.as_ref())?;
        ledger.end_cycle(cycle, &viewer.clock.now(), &report.summary())?;
        Ok(report)
    }

    /// Charges by the provider that this pass saw, and those that a settling pass or a purchase saw since the pass before.
    fn told_between(
        &self,
        before: Option<&CycleRecord>,
        mut charges: Vec<IntentRecord>,
    ) -> Result<Vec<IntentRecord>, LedgerError> {
        let Some(before) = before else { return Ok(charges) };
        let began = &before.started_at;
        let mut mark = began.clone();
        if let Some(ended) = before.ended_at {
            // A clock that was set forward meanwhile makes no pass last for days.
            let took =
                ended.duration_since(began.wall).clamp(SignedDuration::ZERO, SignedDuration::from_hours(1));
            mark.wall = ended;
            mark.boot_ms = began.boot_ms.saturating_add(i64::try_from(took.as_millis()).unwrap_or(0));
        }
        let filter = IntentFilter {
            since: Some(mark.back(WEEK).wall),
            states: vec![State::Confirmed],
            ..IntentFilter::default()
        };
        let seen = self.viewer.ledger.intents(&filter)?;
        let now = self.viewer.clock.now();
        let fresh =
            seen.into_iter().filter(|r| r.purpose == Purpose::Provider && r.created_at.is_from(&mark, &now));
        for record in fresh {
            if charges.iter().all(|c| c.id != record.id) {
                charges.push(record);
            }
        }
        Ok(charges)
    }

    /// Reads the accounts that have unsettled payments and settles them; pays nothing.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn settle_pass(&self) -> Result<Vec<IntentRecord>, EngineError> {
        // Nothing is in flight here: what still says so was left by a failed write or a dead process.
        recover(&self.viewer, &self.viewer.clock.now())?;
        let mut viewer = self.viewer.clone();
        let states = vec![State::Accepted, State::Unknown];
        let mut open = viewer.ledger.intents(&IntentFilter { states, ..IntentFilter::default() })?;
        open.extend(self.viewer.unmeasured()?);
        viewer.readers.retain(|name, _| open.iter().any(|r| &r.request.account == name));
        let observed = viewer.observe().await?;
        let doubles = self.believe_and_settle(observed)?.1.doubles;
        self.viewer.keep_overcharged()?;
        Ok(doubles)
    }

    pub(super) fn believe_and_settle(
        &self,
        observed: Vec<(Seen, Option<Inventory>)>,
    ) -> Result<(Vec<Seen>, Shown), LedgerError> {
        let ledger = self.viewer.ledger.as_ref();
        let mut shown = Shown::default();
        let mut all = Vec::new();
        for (seen, store) in observed {
            let (provider, account) = (&seen.account.provider, &seen.account.name);
            let now = self.viewer.clock.now();
            identity::remember(ledger, account, &seen.identity)?;
            if let Some(reader) = self.viewer.readers.get(account) {
                program::remember(ledger, account, reader.as_ref(), seen.fresh, now.wall)?;
            }
            match (&store, &seen.standing) {
                (Some(inventory), _) => {
                    shrink::remember(ledger, account, seen.mark.as_deref(), &seen.missing)?;
                    if seen.currency.is_none() {
                        ledger.note(&currency_note(account), inventory.balance.currency.as_str())?;
                    }
                    let whole = matches!(seen.standing, Standing::Good | Standing::Part(_));
                    let (leases, difference) = (seen.leases.as_ref(), seen.difference.as_ref());
                    let read = (inventory, &seen.log);
                    let one = take(
                        &self.viewer,
                        &seen.account,
                        read,
                        leases,
                        difference,
                        &seen.began,
                        Some(whole),
                    )?;
                    shown.doubles.extend(one.doubles);
                    shown.charges.extend(one.charges);
                }
                // A reading that our own end cut off says nothing about the account.
                (None, _) if self.viewer.stop.is_cancelled() => {}
                (None, Standing::Down(why) | Standing::Unreadable(why)) => {
                    ledger.record_unread(provider, account, now.wall, why)?;
                }
                (None, _) => {}
            }
            all.push(seen);
        }
        Ok((all, shown))
    }

    /// One lane per account, side by side; an item that was not paid after all gets its reason.
    async fn pay(
        &self,
        seen: &mut [Seen],
        planned: &mut Planned,
        cycle: i64,
    ) -> Result<(Vec<IntentId>, Shown), LedgerError> {
        let Planned { items, sets, ready, plans, .. } = planned;
        if sets.is_empty() {
            return Ok((Vec::new(), Shown::default()));
        }
        let shared = Arc::new(items.clone());
        let plans = Arc::new(std::mem::take(plans));
        let allowance = Arc::new(Allowance::new(self.viewer.settings.guard.max_payments_per_cycle));
        let mut lanes = Vec::new();
        for (place, s) in seen.iter().enumerate() {
            let mine: Vec<PaySet> =
                sets.iter().filter(|set| set.key.account == s.account.name).cloned().collect();
            if mine.is_empty() {
                continue;
            }
            let orders = Orders {
                sets: mine,
                ready: ready.clone(),
                items: Arc::clone(&shared),
                last: self.viewer.ledger.prices(&s.account.name)?,
                cycle,
                plans: Arc::clone(&plans),
                allowance: Arc::clone(&allowance),
            };
            let members: Vec<usize> = orders.sets.iter().flat_map(|set| set.members.clone()).collect();
            lanes.push((place, members, tokio::spawn(self.clone().lane(s.clone(), orders))));
        }
        let (mut begun, mut shown, mut trouble) = (Vec::new(), Shown::default(), None);
        for (place, members, lane) in lanes {
            match lane.await {
                Ok(Ok(outcome)) => {
                    outcome.changed.into_iter().for_each(|(i, reason)| items[i].reason = reason);
                    begun.extend(outcome.begun);
                    // A list that was read before says nothing of it: people are told as of an account that cannot be read.
                    if let Some(why) = outcome.shut_out {
                        seen[place].standing = Standing::Down(why);
                    }
                    shown.doubles.extend(outcome.doubles);
                    shown.charges.extend(outcome.charges);
                }
                Ok(Err(e)) => trouble = Some(e),
                // Its payments, if any, are in the ledger: the next pass settles them.
                Err(_) => {
                    tracing::error!("internal error in a money lane; please report it");
                    let reason = Reason::new(Word::QuoteError, "internal error while paying; see the log");
                    members.into_iter().for_each(|m| items[m].reason = reason.clone());
                }
            }
        }
        trouble.map_or(Ok((begun, shown)), Err)
    }
}

/// What a dead process left: a reservation spent nothing, a started spend is unknown.
pub(super) fn recover(viewer: &Viewer, now: &Moment) -> Result<(), LedgerError> {
    let states = vec![State::Reserved, State::SpendStarted];
    for record in viewer.ledger.intents(&IntentFilter { states, ..IntentFilter::default() })? {
        let (event, why) = match record.state {
            State::Reserved => (Event::Released, "renewd ended before anything was sent"),
            _ => (Event::AnswerLost, "renewd ended while waiting for the answer"),
        };
        // As of every lost answer, its words stay: what was paid beside it goes by them.
        let message = (record.state == State::SpendStarted).then(|| why.to_owned());
        tracing::warn!(payment = %record.id, state = %record.state, "{why}");
        let detail = EventDetail { evidence: Some(why.to_owned()), message, ..EventDetail::default() };
        viewer.ledger.append(&record.id, record.state, event, &detail, now)?;
    }
    Ok(())
}

const WEEK: SignedDuration = SignedDuration::from_hours(24 * 7);

/// The note of when the last pass began that people were told of: one that failed or died told nobody what it settled.
pub const TOLD: &str = "told.until";

/// Payments that were confirmed since the last pass that was told of; those that began more than a week before it are not looked for.
/// A clock that was set back hides none.
fn settled_since(viewer: &Viewer, before: Option<&CycleRecord>) -> Result<Vec<IntentRecord>, LedgerError> {
    let Some(before) = before.map(|b| &b.started_at) else { return Ok(Vec::new()) };
    let told = viewer.ledger.noted(TOLD)?.and_then(|at| Moment::from_note(&at));
    let oldest = told.as_ref().filter(|told| told.wall < before.wall).unwrap_or(before);
    let filter = IntentFilter {
        states: vec![State::Confirmed],
        spend_since: Some(oldest.back(WEEK)),
        ..IntentFilter::default()
    };
    let now = viewer.clock.now();
    let fresh = |r: &IntentRecord| {
        let since = |at: &Moment| {
            at.is_from(before, &now) || told.as_ref().is_some_and(|told| at.is_from(told, &now))
        };
        since(&r.state_at) || r.charged_at.as_ref().is_some_and(since)
    };
    Ok(viewer.ledger.intents(&filter)?.into_iter().filter(fresh).collect())
}
