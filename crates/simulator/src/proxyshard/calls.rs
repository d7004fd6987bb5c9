//! What each call is answered: the key, then the call itself; refusals in the provider's one form. Not responsible for
//! what the single calls do.
use jiff::Timestamp;

use super::endpoint::Call;
use super::order::Kept;
use super::site::Refused;
use super::{Account, Endpoint, Order, World};
use crate::reply::Reply;

/// What a call comes to.
pub(super) type Outcome = Result<Reply, Refused>;

impl World {
    /// Processes one call at `now`. The caller has let time pass up to `now`.
    pub(super) fn call(&mut self, now: Timestamp, call: &Call) -> Reply {
        let checked = if call.endpoint.is_open() { Ok(()) } else { self.admit(&call.key) };
        checked.and_then(|()| self.dispatch(now, call)).unwrap_or_else(|refused| refused.reply())
    }

    fn admit(&self, key: &str) -> Result<(), Refused> {
        let account = self.accounts.get(key).ok_or_else(|| Refused::new(401, "Unauthorized"))?;
        match &account.down {
            Some((status, message)) => Err(Refused::new(*status, message)),
            None => Ok(()),
        }
    }

    fn dispatch(&mut self, now: Timestamp, call: &Call) -> Outcome {
        match call.endpoint {
            Endpoint::Health | Endpoint::HealthLive => Ok(Reply::empty(200).with("status", &"ok")),
            Endpoint::Me => self.me(now, call),
            Endpoint::Orders => self.page(now, call),
            Endpoint::Order => self.detail(now, call),
            Endpoint::Renew => self.renew(now, call),
            Endpoint::AutoRenewal => self.set_auto(now, call),
            Endpoint::BillingCycle => self.change_cycle(now, call),
            Endpoint::Tag => self.set_tag(now, call),
            Endpoint::Calculate => self.calculate(now, call),
            Endpoint::Purchase => self.purchase(now, call),
            Endpoint::Products => Ok(self.products()),
            Endpoint::AvailableCount => Ok(self.available_count()),
            Endpoint::ActiveProxies => self.active_proxies(call),
        }
    }

    pub(super) fn get(&self, call: &Call) -> Result<&Account, Refused> {
        self.accounts.get(&call.key).ok_or_else(|| Refused::new(401, "Unauthorized"))
    }

    /// The order that the call's path names, as it truly is.
    pub(super) fn subject(&self, call: &Call) -> Result<&Order, Refused> {
        Ok(&self.kept(call)?.order)
    }

    fn kept(&self, call: &Call) -> Result<&Kept, Refused> {
        let id = call.subject.as_deref().unwrap_or_default();
        let found = self.get(call)?.orders.iter().find(|kept| kept.order.id == id);
        found.ok_or_else(|| Refused::new(404, "Order not found"))
    }

    fn detail(&self, now: Timestamp, call: &Call) -> Outcome {
        let kept = self.kept(call)?;
        let seen = if self.detail_lags { self.seen_at(now) } else { now };
        let order = kept.as_of(seen).ok_or_else(|| Refused::new(404, "Order not found"))?;
        Ok(Reply::new(true).with("order", &self.looks.detail(&self.catalogue, order)))
    }

    /// The instant that lagging lists show at `now`.
    pub(super) fn seen_at(&self, now: Timestamp) -> Timestamp {
        let lag = jiff::SignedDuration::try_from(self.list_lag).unwrap_or_default();
        now.checked_sub(lag).unwrap_or(Timestamp::MIN)
    }
}
