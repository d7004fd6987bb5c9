//! Buying: a pass of one purchase, through the same gate, budgets, ledger and evidence as a renewal.
//!
//! A crash before the spend row bought nothing; after it the purchase is unknown, no other is made in its account, and the
//! settling reads look for the new order. It is never bought again by itself. Not responsible for the command line.
use std::sync::Arc;

use crate::domain::{
    Event, FieldProblem, Lease, Method, Moment, OrderState, PurchaseRequest, Quote, RenewalRequest, State,
    Told, nominal_days,
};
use crate::engine::cycle::recover;
use crate::engine::facts::budgets::budget_check;
use crate::engine::facts::overcharged;
use crate::engine::observe::Seen;
use crate::engine::observe::clock_check::Clocks;
use crate::engine::plan::Planned;
use crate::engine::settle::Shown;
use crate::engine::{CycleReport, EngineError, Payer, Viewer, last_paid};
use crate::ledger::{Blocked, BudgetCheck, EventDetail, IntentRecord, LedgerError, NewIntent, Purpose};
use crate::planner::Standing;
use crate::policy::{NothingKnown, PayBy, Policy, Reason, Word};
use crate::providers::{PaymentReply, ReadError, Reader};
use crate::settings::Account;

use super::price::{dearer, grown_old};

/// What came of asking to buy.
#[derive(Debug)]
pub enum Asked {
    /// Fields that are missing, unknown or not on offer: nothing was sent that could cost.
    Problems(Vec<FieldProblem>),
    /// Something stands against it: nothing was paid.
    Held {
        /// Why.
        reason: Reason,
        /// The price, where one was told.
        quote: Option<Quote>,
    },
    /// The price of exactly this purchase, and nothing stands against it.
    Priced(Quote),
    /// It was begun; the record says how it stands.
    Begun(Box<IntentRecord>),
}

/// The whole outcome, with what people are to be told of.
#[derive(Debug)]
pub struct Purchased {
    /// What came of it.
    pub asked: Asked,
    /// For the alerts.
    pub report: CycleReport,
}

/// The lease that this purchase would make, as policies match it.
fn expected(request: &PurchaseRequest) -> Lease {
    Lease {
        account: request.account.clone(),
        id: "".into(),
        order: "".into(),
        ip: String::new(),
        port: None,
        kind: request.kind.clone(),
        country: request.country.clone(),
        tag: None,
        expires_at: None,
        told: Told::default(),
        provider_renews: request.auto_renewal,
        state: OrderState::Active,
        held_since: None,
        operator: None,
        started_at: None,
        cycle: request.cycle.clone(),
        price: None,
    }
}

impl Viewer {
    /// The policy that what is bought would fall under.
    #[must_use]
    pub fn policy_of(&self, request: &PurchaseRequest) -> Option<&Policy> {
        // Nothing was paid for it yet.
        self.settings.policies(self.clock.now().wall, &NothingKnown).of(&expected(request))
    }

    /// Lets the provider renew what is bought only where the policy lets it pay.
    fn with_auto_renewal(&self, reader: &dyn Reader, request: &PurchaseRequest) -> PurchaseRequest {
        let allowed = self.policy_of(request).is_some_and(|p| p.pay_by == PayBy::Provider);
        let with = PurchaseRequest { auto_renewal: Some(true), ..request.clone() };
        let takes = allowed && request.auto_renewal.is_none() && reader.purchase_problems(&with).is_empty();
        if takes { with } else { request.clone() }
    }

    /// What is wrong with the request, by its own shape and by what is on offer. Reads only.
    async fn problems(
        &self,
        reader: &dyn Reader,
        request: &PurchaseRequest,
    ) -> Result<Vec<FieldProblem>, ReadError> {
        let mut problems = reader.purchase_problems(request);
        let lets = self.policy_of(request).is_some_and(|p| p.pay_by == PayBy::Provider);
        if request.auto_renewal == Some(true) && !lets {
            problems.push(FieldProblem {
                field: "auto-renewal",
                message: "no policy with `pay_by = \"provider\"` matches what is bought: leave it out".into(),
            });
        }
        if problems.is_empty() {
            problems = super::offer::problems(request, &reader.catalogue().await?);
        }
        Ok(problems)
    }

    /// Asks the price of a purchase and judges it. Never pays.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn quote_order(&self, request: &PurchaseRequest) -> Result<Asked, EngineError> {
        let Some((account, reader)) = self.desk_of(request) else { return Ok(no_account()) };
        let request = self.with_auto_renewal(reader.as_ref(), request);
        match self.problems(reader.as_ref(), &request).await {
            Ok(problems) if problems.is_empty() => {}
            Ok(problems) => return Ok(Asked::Problems(problems)),
            Err(e) => return Ok(held(Word::AccountDown, e.to_string(), None)),
        }
        let answer = reader.quote_purchase(&request).await;
        Ok(self.judge(&account, &request, answer))
    }

    fn desk_of(&self, request: &PurchaseRequest) -> Option<(Account, Arc<dyn Reader>)> {
        let account = self.settings.account(&request.account)?.clone();
        Some((account, Arc::clone(self.readers.get(&request.account)?)))
    }
}

pub(super) fn held(word: Word, text: String, quote: Option<Quote>) -> Asked {
    Asked::Held { reason: Reason::new(word, text), quote }
}

fn no_account() -> Asked {
    Asked::Problems(vec![FieldProblem { field: "account", message: "is not in the config".into() }])
}

/// What a purchase is tagged with: no other has this cycle and instant. It is on record before the request leaves.
fn mark(cycle: i64, at: &Moment) -> String {
    format!("renewd-{cycle}-{}", at.wall.as_nanosecond())
}

impl Payer {
    /// Buys, once. The caller tells people (`tell::part`).
    ///
    /// # Errors
    /// The ledger's; what was begun until then is in it.
    pub async fn buy(
        &self,
        request: &PurchaseRequest,
        approved: Option<&Quote>,
    ) -> Result<Purchased, EngineError> {
        let mut payer = self.clone();
        payer.viewer.readers.retain(|name, _| name == &request.account);
        let ledger = Arc::clone(&payer.viewer.ledger);
        ledger.probe()?;
        let started = payer.viewer.clock.now();
        let cycle = ledger.start_cycle(&started)?;
        recover(&payer.viewer, &started)?;
        let observed = payer.observe().await?;
        let (seen, mut shown) = payer.believe_and_settle(observed)?;
        let clock_held = payer.viewer.clocks(&started, &seen, true)?;
        payer.viewer.keep_overcharged()?;
        let asked = match payer.stands_against(&seen, request, clock_held.clone())? {
            Some(reason) => Asked::Held { reason, quote: None },
            None => payer.ask_and_buy(request, approved, cycle, &mut shown).await?,
        };
        let paid = Arc::new(last_paid(payer.viewer.ledger.as_ref(), &payer.viewer.settings)?);
        let mut report = payer.viewer.report(started, &seen, Planned::nothing(paid), clock_held)?;
        if let Asked::Begun(record) = &asked {
            report.payments = vec![ledger.intent(&record.id)?];
        }
        report.double_charges = shown.doubles;
        report.provider_charges = shown.charges;
        ledger.end_cycle(cycle, &payer.viewer.clock.now(), &report.summary())?;
        Ok(Purchased { asked, report })
    }

    /// What keeps the account from paying at all.
    fn stands_against(
        &self,
        seen: &[Seen],
        request: &PurchaseRequest,
        clock: Clocks,
    ) -> Result<Option<Reason>, LedgerError> {
        let because = |word, text: &str| Ok(Some(Reason::new(word, text)));
        let Some(seen) = seen.first() else {
            return because(Word::AccountDown, "the account is not in the config");
        };
        if let Some(why) = clock.all.as_ref().or_else(|| clock.accounts.get(&seen.account.name)) {
            return because(Word::Clock, why);
        }
        match &seen.standing {
            // A purchase is known by what the list did not have before: nothing is bought while it is cut.
            Standing::Good => {}
            Standing::Down(why) => return because(Word::AccountDown, why),
            Standing::Unreadable(why) => return because(Word::Unparsable, why),
            Standing::Shrunk(why) | Standing::Part(why) => return because(Word::Shrunk, why),
        }
        if let Some(reason) = &seen.barred {
            return Ok(Some(reason.clone()));
        }
        if let Some(reason) = self.viewer.brake(&seen.account.name)? {
            return Ok(Some(reason));
        }
        let past = self.viewer.past(&self.viewer.clock.now())?;
        if let Some(why) = self.viewer.stopped_providers(&past).get(seen.account.provider.as_str()) {
            return because(Word::UnknownPending, why);
        }
        let held = self.viewer.overcharged()?;
        let policy = self.viewer.policy_of(request).map(|p| p.name.as_str()).unwrap_or_default();
        if let Some(held) = overcharged::of(&held, &seen.account.name, policy) {
            return Ok(Some(held.reason()));
        }
        self.viewer.still_moving(&seen.account, None)
    }

    async fn ask_and_buy(
        &self,
        request: &PurchaseRequest,
        approved: Option<&Quote>,
        cycle: i64,
        shown: &mut Shown,
    ) -> Result<Asked, EngineError> {
        let viewer = &self.viewer;
        let Some((account, reader)) = viewer.desk_of(request) else { return Ok(no_account()) };
        let request = viewer.with_auto_renewal(reader.as_ref(), request);
        let quote = match viewer.quote_order(&request).await? {
            Asked::Priced(quote) => quote,
            other => return Ok(other),
        };
        if let Some(reason) = approved.and_then(|approved| dearer(approved, &quote)) {
            return Ok(Asked::Held { reason, quote: Some(quote) });
        }
        if let Some(reason) = grown_old(&quote, &viewer.clock.now()) {
            return Ok(Asked::Held { reason, quote: Some(quote) });
        }
        // Asking took its time, and so did whoever was asked to approve.
        if let Some(reason) = viewer.brake(&account.name)? {
            return Ok(Asked::Held { reason, quote: Some(quote) });
        }
        let Some(spender) = self.spenders.get(&account.name).cloned() else { return Ok(no_account()) };
        let at = viewer.clock.now();
        let mark = reader.capabilities().marks_purchases.then(|| mark(cycle, &at));
        let request = PurchaseRequest { mark, ..request };
        let id = match self.reserve(&account, &request, &quote, cycle, &at)? {
            Ok(id) => id,
            Err(reason) => return Ok(Asked::Held { reason, quote: Some(quote) }),
        };
        let ledger = viewer.ledger.as_ref();
        let now = viewer.clock.now();
        // The purchase counts in the span that it begins in: a new one is looked at anew.
        if self.checks(&account, &request, &quote, cycle, &now)
            != self.checks(&account, &request, &quote, cycle, &at)
        {
            let why = "a budget's next span began just now: nothing was bought, ask again";
            ledger.append(&id, State::Reserved, Event::Released, &EventDetail::default(), &now)?;
            return Ok(Asked::Held { reason: Reason::new(Word::OverBudget, why), quote: Some(quote) });
        }
        let look = viewer.leaves_under(&account.name).priced(&quote.asked_at);
        let permit = ledger.start_purchase(&id, &now)?.on(look);
        tracing::info!(payment = %id, account = %account.name, kind = %request.kind, quantity = request.quantity, quoted = %quote.price, "buying");
        // A task of its own: whatever happens around it, the call is awaited to its end.
        let reply = tokio::spawn(async move { spender.purchase(permit).await }).await.unwrap_or_else(|_| {
            PaymentReply::Unknown { code: None, message: "internal error while buying".into() }
        });
        let reply = self.unless_charged(&reader, (&id, &quote), reply).await?;
        self.keep(&id, &quote, reply)?;
        self.look_at_balance(Arc::clone(&reader), &id, &quote).await?;
        // The order may be listed already; if it is not, the settling reads go on looking.
        let observed = viewer.observe().await?;
        let later = self.believe_and_settle(observed)?.1;
        shown.doubles.extend(later.doubles);
        shown.charges.extend(later.charges);
        viewer.keep_overcharged()?;
        Ok(Asked::Begun(Box::new(ledger.intent(&id)?)))
    }

    fn reserve(
        &self,
        account: &Account,
        request: &PurchaseRequest,
        quote: &Quote,
        cycle: i64,
        at: &Moment,
    ) -> Result<Result<crate::domain::IntentId, Reason>, LedgerError> {
        let policy = self.viewer.policy_of(request).map(|p| p.name.clone()).unwrap_or_default();
        let days = request.period_days.or_else(|| request.cycle.as_deref().map(nominal_days)).unwrap_or(0);
        let intent = NewIntent {
            provider: account.provider.clone(),
            purpose: Purpose::Purchase(Box::new(request.clone())),
            request: RenewalRequest {
                account: account.name.clone(),
                kind: request.kind.clone(),
                leases: Vec::new(),
                period_days: days,
                cycle: request.cycle.clone(),
                promo: request.promo.clone(),
                method: Method::Order,
            },
            labels: Vec::new(),
            policy,
            quoted: quote.price,
            currency: quote.balance.currency.clone(),
            balance_before: quote.balance.amount,
            cycle,
            attempt: 1,
            approval: None,
            at: at.clone(),
        };
        let checks = self.checks(account, request, quote, cycle, at);
        Ok(self.viewer.ledger.reserve(&intent, &checks)?.map_err(|blocked| match blocked {
            Blocked::Budget { name, left } => {
                Reason::new(Word::OverBudget, format!("{} needed, budget `{name}` has {left} left", quote.price))
            }
            // Nobody approves a purchase but who makes it.
            Blocked::Approval { plan } => Reason::new(Word::Approval, format!("it is made by plan {plan}")),
            Blocked::Pending { intent, state } => Reason::new(
                Word::UnknownPending,
                format!("purchase {intent} of this account is {state}: it is settled first, so that nothing is bought twice"),
            ),
        }))
    }

    /// The budgets that it counts in, over their spans around `at`.
    fn checks(
        &self,
        account: &Account,
        request: &PurchaseRequest,
        quote: &Quote,
        cycle: i64,
        at: &Moment,
    ) -> Vec<BudgetCheck> {
        let settings = &self.viewer.settings;
        let policy = self.viewer.policy_of(request).map(|p| p.name.clone()).unwrap_or_default();
        let counts =
            settings.budgets.iter().filter(|b| b.counts(&account.name, &policy, &quote.balance.currency));
        counts.map(|b| budget_check(b, at.wall, &settings.timezone, Some(cycle))).collect()
    }
}
