//! Changing an order by hand: found by reading, changed once and on record, and read again.
//!
//! A crash after the record leaves a change without an answer; the reading afterwards shows what became of it.
use std::sync::Arc;

use crate::domain::{
    AccountName, Balance, Bundle, Change, ChangeRequest, Lease, Moment, Money, Offer, OrderId, ProviderName,
    QuoteError, same_cycle,
};
use crate::engine::{EngineError, Payer, Viewer, last_paid, steer};
use crate::planner::Standing;
use crate::policy::Reason;
use crate::providers::ChangeReply;

use crate::engine::steer::term;

/// An order as just read.
#[derive(Debug, Clone)]
pub struct Found {
    /// Whose.
    pub account: AccountName,
    /// Whose.
    pub provider: ProviderName,
    /// The order.
    pub order: OrderId,
    /// Its leases, never empty.
    pub leases: Vec<Lease>,
    /// The balance read with it.
    pub balance: Option<Balance>,
    /// Why nothing may be changed in it.
    pub barred: Option<Reason>,
}

/// What came of a change.
#[derive(Debug, Clone)]
pub struct Changed {
    /// The provider's word.
    pub reply: ChangeReply,
    /// The order as read afterwards; `None` where it could not be read or is gone.
    pub after: Option<Found>,
    /// What kept it from being sent.
    pub held: Option<Reason>,
    /// By how much the balance fell meanwhile, where both balances are known.
    pub fell: Option<Money>,
}

impl Viewer {
    /// Every order of that id in the accounts of this viewer, and why an account could not be read.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn find_order(&self, order: &str) -> Result<(Vec<Found>, Vec<String>), EngineError> {
        let (mut found, mut unread) = (Vec::new(), Vec::new());
        for (seen, _) in self.observe().await? {
            if let Standing::Down(why) | Standing::Unreadable(why) = &seen.standing {
                unread.push(format!("account {}: {why}", seen.account.name));
                continue;
            }
            let leases: Vec<Lease> = seen
                .leases
                .iter()
                .filter(|l| l.order == order || l.id == order)
                .map(|l| l.to_lease())
                .collect();
            let Some(first) = leases.first() else { continue };
            found.push(Found {
                account: seen.account.name.clone(),
                provider: seen.account.provider.clone(),
                order: first.order.clone(),
                leases: seen
                    .leases
                    .iter()
                    .filter(|l| l.order == first.order.as_str())
                    .map(|l| l.to_lease())
                    .collect(),
                balance: seen.balance.clone(),
                barred: seen.barred.clone(),
            });
        }
        Ok((found, unread))
    }

    /// Why the order cannot have that cycle; `None` where nothing is known against it. The catalogue has the last word on
    /// names, and what it does not tell is left to the provider.
    pub async fn cycle_problem(&self, found: &Found, cycle: &str) -> Option<String> {
        let reader = self.readers.get(&found.account)?;
        if !reader.capabilities().sells_cycles {
            return Some("this provider sells days, not billing cycles".into());
        }
        let catalogue = reader.catalogue().await.ok()?;
        let kind = found.leases.first()?.kind.as_str();
        let same = |offer: &&Offer| offer.kind.trim().eq_ignore_ascii_case(kind.trim());
        let mut known: Vec<&str> = Vec::new();
        for name in catalogue.offers.iter().filter(same).flat_map(|offer| &offer.cycles) {
            if !known.contains(&name.as_str()) {
                known.push(name);
            }
        }
        let none = !known.is_empty() && !known.iter().any(|name| same_cycle(name, cycle));
        none.then(|| format!("`{cycle}` is not a cycle of {kind}; there is: {}", known.join(", ")))
    }

    /// What a term would cost in another cycle; `None` where the provider cannot say.
    pub async fn quote_cycle(&self, found: &Found, cycle: &str) -> Result<Option<Money>, QuoteError> {
        let Some(reader) = self.readers.get(&found.account) else { return Ok(None) };
        reader.quote_cycle(&request(found, Change::Cycle(cycle.to_owned())), cycle).await
    }

    /// The switch of a whole order.
    pub async fn auto_renewal(&self, found: &Found, on: bool) -> Change {
        let mut period_days = 30;
        if let Some(lease) = found.leases.first() {
            let paid = last_paid(self.ledger.as_ref(), &self.settings).unwrap_or_default();
            let policy = self.settings.policies(self.clock.now().wall, &paid).of(lease);
            period_days = term(self, lease, policy, on).await;
        }
        let bundle = |l: &Lease| self.readers.get(&found.account).map(|r| r.capabilities().bundle(&l.kind));
        let whole_order = found.leases.first().and_then(bundle) == Some(Bundle::Order);
        Change::AutoRenewal { on, period_days, whole_order }
    }
}

fn request(found: &Found, what: Change) -> ChangeRequest {
    ChangeRequest {
        account: found.account.clone(),
        kind: found.leases.first().map_or_else(|| "".into(), |l| l.kind.clone()),
        order: found.order.clone(),
        leases: found.leases.iter().map(|l| l.id.clone()).collect(),
        what,
    }
}

impl Payer {
    /// Makes the change, once, and reads the order again.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn change_order(
        &self,
        found: &Found,
        what: Change,
        asked: Option<&Moment>,
        why: &str,
    ) -> Result<Changed, EngineError> {
        let viewer = &self.viewer;
        viewer.ledger.probe()?;
        let account = viewer.settings.account(&found.account).cloned();
        let (Some(account), Some(changer)) = (account, self.changers.get(&found.account).map(Arc::clone))
        else {
            let reply = ChangeReply::Unsupported("the account is not in the config".into());
            return Ok(Changed { reply, after: None, held: None, fell: None });
        };
        if let Some(reason) = found.barred.clone().or_else(|| self.second(&account)) {
            let reply = ChangeReply::NeverSent(reason.to_string());
            return Ok(Changed { reply, after: None, held: None, fell: None });
        }
        let paid = matches!(what, Change::AutoRenewal { .. }).then_some(&found.order);
        let moving = if what.leads_to_money() { viewer.still_moving(&account, paid)? } else { None };
        if let Some(reason) = moving {
            let reply = ChangeReply::NeverSent(reason.to_string());
            return Ok(Changed { reply, after: Some(found.clone()), held: Some(reason), fell: None });
        }
        let held = if what.leads_to_money() { viewer.brake(&account.name)? } else { None };
        let reply = steer::change(viewer, &account, changer, &request(found, what), asked, why).await?;
        let mut one = viewer.clone();
        one.readers.retain(|name, _| name == &found.account);
        let after = one.find_order(found.order.as_str()).await?.0.into_iter().next();
        let balances = found.balance.as_ref().zip(after.as_ref().and_then(|a| a.balance.as_ref()));
        let fell =
            balances.filter(|(b, a)| b.currency == a.currency).and_then(|(b, a)| b.amount.minus(a.amount));
        Ok(Changed { reply, after, held, fell })
    }
}
