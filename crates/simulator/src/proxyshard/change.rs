//! Calls that change an order: renewal, the provider's own renewal, billing cycle, tag. Not responsible for new orders
//! (`purchase`), nor for what a renewal does to the order (`life`).
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::books::EntryKind;
use super::calls::Outcome;
use super::endpoint::Call;
use super::life::Renewal;
use super::price::{self, Bill, cents};
use super::site::Refused;
use super::world::Charge;
use super::{Cycle, CycleChange, Endpoint, Family, Order, Status, World};
use crate::reply::Reply;
use renewd_core::domain::Money;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ToCycle {
    cycle: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ToTag {
    tag: String,
}

/// A body read strictly.
pub(super) fn body<T: DeserializeOwned>(call: &Call) -> Result<T, Refused> {
    serde_json::from_str(&call.body).map_err(|e| Refused::bad(format!("Invalid request body: {e}")))
}

impl World {
    /// `POST /orders/{id}/renew`: only on hold, and at once.
    pub(super) fn renew(&mut self, now: Timestamp, call: &Call) -> Outcome {
        if !call.body.trim().is_empty() {
            let Nothing {} = body(call)?;
        }
        let order = self.subject(call)?;
        let id = order.id.clone();
        let done = Ok(Reply::new(true).with("message", &"Order renewed"));
        if call.twist.limit == Some(0) {
            return done;
        }
        let held = order.status == Status::OnHold;
        let accepted = call.twist.accepted && order.status != Status::Cancelled;
        if let Some(end) = self.racing(now, order).filter(|_| !held && !accepted) {
            return self.charge_again(now, call, &id, end).and(done);
        }
        if !held && !accepted {
            return Err(Refused::bad("Order cannot be renewed"));
        }
        let end = order.expires_at;
        let how = Renewal {
            kind: EntryKind::Renewal,
            endpoint: Some(Endpoint::Renew),
            surcharge: call.twist.surcharge,
            delivers: !call.twist.undelivered,
        };
        if !self.renew_term(now, &call.key, &id, &how) {
            return Err(Refused::bad("Not enough funds"));
        }
        if let Some(order) = self.order_mut(&call.key, &id) {
            order.renewed = Some((now, end));
        }
        done
    }

    /// The end that the last renewal was for, if a second one cannot be told from it.
    fn racing(&self, now: Timestamp, order: &Order) -> Option<Option<Timestamp>> {
        let window = SignedDuration::try_from(self.rules.race_window).unwrap_or_default();
        let (at, end) = order.renewed?;
        (window.is_positive() && now.duration_since(at) <= window).then_some(end)
    }

    /// The second of two parallel renewals: the money goes, the end stays.
    fn charge_again(
        &mut self,
        at: Timestamp,
        call: &Call,
        id: &str,
        end_before: Option<Timestamp>,
    ) -> Result<(), Refused> {
        let account = self.get(call)?;
        let order = self.subject(call)?;
        let (bill, _) = price::renewal(&self.catalogue, &self.rules, account, at, order);
        let charge = Charge {
            at,
            key: &call.key,
            kind: EntryKind::Renewal,
            endpoint: Some(Endpoint::Renew),
            order: id,
            bill: bill.dearer(call.twist.surcharge),
            cycle: order.cycle.clone(),
            end_before,
            end_after: order.expires_at,
        };
        if self.charge(charge) { Ok(()) } else { Err(Refused::bad("Not enough funds")) }
    }

    /// `POST /orders/edit-auto-renewal/{id}?auto_renewal=`.
    pub(super) fn set_auto(&mut self, now: Timestamp, call: &Call) -> Outcome {
        let id = self.steerable(call)?.id.clone();
        let on = match call.parameter("auto_renewal") {
            Some("true") => true,
            Some("false") => false,
            _ => return Err(Refused::bad("auto_renewal must be true or false")),
        };
        self.alter(now, &call.key, &id, |order| order.auto_renewal = on);
        Ok(Reply::new(true).with("message", &"Auto renewal updated"))
    }

    /// `POST /orders/{id}/tag`; the word `none` takes the tag away.
    pub(super) fn set_tag(&mut self, now: Timestamp, call: &Call) -> Outcome {
        let id = self.subject(call)?.id.clone();
        let ToTag { tag } = body(call)?;
        if tag.trim().is_empty() || tag.chars().count() > 255 {
            return Err(Refused::bad("tag must have 1 to 255 characters"));
        }
        self.alter(now, &call.key, &id, |order| order.tag = (tag != "none").then_some(tag));
        Ok(Reply::new(true).with("message", &"Tag updated"))
    }

    /// `POST /orders/change-billing-cycle/{id}`.
    pub(super) fn change_cycle(&mut self, now: Timestamp, call: &Call) -> Outcome {
        let order = self.steerable(call)?.clone();
        let ToCycle { cycle } = body(call)?;
        let offer = self.catalogue.offer(&order.product, order.location.as_deref());
        let wanted = offer.and_then(|offer| offer.cycle(&cycle)).cloned();
        let wanted = wanted.ok_or_else(|| Refused::bad(format!("Unknown billing cycle {cycle}")))?;
        if wanted.closed {
            return Err(Refused::new(403, "This billing cycle is not available for you"));
        }
        let bill = self.cycle_bill(now, call, &order, &wanted)?;
        if self.rules.cycle_change == CycleChange::AtOnce {
            self.pay_cycle(now, call, &order, &wanted, bill)?;
        }
        // A code that is not valid for the new cycle goes without a word.
        let keeps = self.promo_of(now, call, &order, &wanted)?.is_some();
        let name = wanted.name.clone();
        self.alter(now, &call.key, &order.id, |order| {
            order.cycle = Some(name);
            order.promo_code = order.promo_code.take().filter(|_| keeps);
        });
        self.cycle_reply(call, &order.id, bill)
    }

    fn promo_of(
        &self,
        now: Timestamp,
        call: &Call,
        order: &Order,
        cycle: &Cycle,
    ) -> Result<Option<u32>, Refused> {
        let code = order.promo_code.as_deref();
        let promo = price::promo(self.get(call)?, now, code, Some(&cycle.name));
        Ok(promo.map(|promo| promo.percent))
    }

    fn cycle_bill(&self, now: Timestamp, call: &Call, order: &Order, cycle: &Cycle) -> Result<Bill, Refused> {
        let percent = self.promo_of(now, call, order, cycle)?.unwrap_or(0);
        let original = cycle.price.times(u64::from(order.quantity));
        let original = original.ok_or_else(|| Refused::bad("Price out of range"))?;
        Ok(Bill { original, base: price::reduced(original, percent), percent, addons: Money::ZERO })
    }

    fn pay_cycle(
        &mut self,
        at: Timestamp,
        call: &Call,
        order: &Order,
        cycle: &Cycle,
        bill: Bill,
    ) -> Result<(), Refused> {
        let on_hold = order.status == Status::OnHold;
        let end_after = order.expires_at.map(|end| self.new_end(at, end, on_hold, cycle.term));
        let charge = Charge {
            at,
            key: &call.key,
            kind: EntryKind::CycleChange,
            endpoint: Some(Endpoint::BillingCycle),
            order: &order.id,
            bill: bill.dearer(call.twist.surcharge),
            cycle: Some(cycle.name.clone()),
            end_before: order.expires_at,
            end_after,
        };
        if !self.charge(charge) {
            return Err(Refused::bad("Not enough funds"));
        }
        self.alter(at, &call.key, &order.id, |order| {
            order.expires_at = end_after;
            order.price_paid = bill.base;
            order.status = Status::Active;
        });
        Ok(())
    }

    fn cycle_reply(&self, call: &Call, id: &str, bill: Bill) -> Outcome {
        let reply = Reply::new(true).with("message", &"Billing cycle changed");
        if self.looks.older_cycle_reply {
            return Ok(reply.with("order", &self.looks.detail(&self.catalogue, self.subject(call)?)));
        }
        Ok(reply
            .with("order_id", &self.looks.id(id))
            .with("original_price", &cents(bill.original))
            .with("final_price", &cents(bill.base))
            .with("discount_percent", &bill.percent))
    }

    /// The order, if it is of a kind whose flag and cycle can be changed, and still there.
    fn steerable(&self, call: &Call) -> Result<&Order, Refused> {
        let order = self.subject(call)?;
        let offer = self.catalogue.offer(&order.product, order.location.as_deref());
        if offer.is_none_or(|offer| offer.family != Family::Located) {
            return Err(Refused::bad("Only available for Datacenter and ISP proxies"));
        }
        if order.status == Status::Cancelled {
            return Err(Refused::bad("Order is cancelled"));
        }
        Ok(order)
    }
}
