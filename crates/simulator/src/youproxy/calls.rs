//! What each call does and is answered: checks, codes, quotes and extensions as the provider's pages tell them.
//!
//! Not responsible for new orders (`purchase`), the looks of lists (`shape`), sockets or faults on the way. Every answer
//! is HTTP 200; `success` tells whether it worked.
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::books::EntryKind;
use super::endpoint::Call;
use super::fields::Fields;
use super::quote::{Priced, quote_reply};
use super::world::Extension;
use super::{Account, Coded, Endpoint, Product, Rental, World, purchase};
use crate::reply::Reply;
use renewd_core::domain::Money;

struct Selected {
    product: Product,
    days: u32,
    ips: Vec<String>,
    /// As the request named them.
    asked: Vec<String>,
}

impl World {
    /// Processes one call at `now`. The caller has let time pass up to `now`.
    pub(super) fn call(&mut self, now: Timestamp, call: &Call) -> Reply {
        let known = self.accounts.get(&call.key);
        let checked = match known.map(|account| account.down.clone()) {
            None => Err(Coded::new(2, "Error api key")),
            Some(Some((code, message))) => Err(Coded { code, message }),
            Some(None) => self.dispatch(now, call),
        };
        if call.twist.foreign.is_positive() {
            // Where the balance does not cover it, nobody else could spend it.
            let _nothing_left = self.spend_elsewhere(now, &call.key, call.twist.foreign);
        }
        checked.unwrap_or_else(|error| self.failure(now, call, &error))
    }

    fn dispatch(&mut self, now: Timestamp, call: &Call) -> Result<Reply, Coded> {
        match call.endpoint {
            Endpoint::CalculateExtend | Endpoint::CalculateExtendOrder => self.quote(now, call),
            Endpoint::Extend | Endpoint::ExtendOrder => self.pay(now, call),
            Endpoint::CalculateOrder => purchase::quote(self, now, call),
            Endpoint::Order => purchase::buy(self, now, call),
            Endpoint::ExtendAuto | Endpoint::ExtendOrderAuto => self.set_auto(now, call),
            _ => self.read(now, call),
        }
    }

    fn read(&self, now: Timestamp, call: &Call) -> Result<Reply, Coded> {
        let account = self.get(call)?;
        let product = match call.parameter("proxyType") {
            Some(text) => Some(Product::parse(text).ok_or_else(|| Coded::new(4, "Incorrect proxy type"))?),
            None => None,
        };
        let needed = || product.ok_or_else(|| Coded::new(4, "Incorrect proxy type"));
        let reply = Reply::new(true);
        let reply = match call.endpoint {
            Endpoint::Balance => reply
                .with_money("balance", Some(account.shown_balance(now)))
                .with("currencyCode", &account.currency),
            Endpoint::RentPeriod => reply.with("rentPeriodDays", &needed()?.periods()),
            Endpoint::PromoCode => reply.with("promoCodes", &promo_codes(account)),
            Endpoint::ProxyType => reply.with("proxyTypes", &Product::ALL.map(Product::as_str)),
            Endpoint::Country => {
                let countries = self.prices.countries(needed()?).iter();
                let list: Vec<Value> = countries.map(|c| json!({"alpha3code": c, "name": c})).collect();
                reply.with("countries", &list)
            }
            Endpoint::MobileOperator => reply.with("mobileOperators", &purchase::operators()),
            _ => self.list.render(reply, account, product, now),
        };
        Ok(reply.with("error", &Value::Null))
    }

    fn get(&self, call: &Call) -> Result<&Account, Coded> {
        self.accounts.get(&call.key).ok_or_else(|| Coded::new(2, "Error api key"))
    }

    fn quote(&self, now: Timestamp, call: &Call) -> Result<Reply, Coded> {
        let fields = Fields::read(&call.body)?;
        let selected = self.select(call, &fields)?;
        let priced = self.price_of(now, call, &fields, &selected)?;
        Ok(quote_reply(self.get(call)?, now, selected.product, &priced))
    }

    fn pay(&mut self, now: Timestamp, call: &Call) -> Result<Reply, Coded> {
        let fields = Fields::read(&call.body)?;
        let mut selected = self.select(call, &fields)?;
        selected.ips.truncate(call.twist.limit.unwrap_or(usize::MAX));
        let priced = self.price_of(now, call, &fields, &selected)?;
        if self.get(call)?.balance < priced.total {
            return Err(Coded::new(16, "Insufficient funds on balance"));
        }
        let ids = self.extend(&Extension {
            key: &call.key,
            at: now,
            kind: EntryKind::Extension,
            endpoint: Some(call.endpoint),
            ips: &selected.ips,
            days: selected.days,
            amount: priced.total,
            delivers: !call.twist.undelivered,
        });
        let account = self.get(call)?;
        Ok(Reply::new(true)
            .with("proxyType", &selected.product.as_str())
            .with("rentPeriodDays", &selected.days)
            .with("quantity", &ids.len())
            .with("ipAddressIds", &ids)
            .with_money("balance", Some(account.balance))
            .with("currency", &account.currency)
            .with("error", &Value::Null)
            .with("promoCodeStatus", &priced.promo))
    }

    fn set_auto(&mut self, now: Timestamp, call: &Call) -> Result<Reply, Coded> {
        let fields = Fields::read(&call.body)?;
        let selected = self.select(call, &fields)?;
        let on = fields.flag("autoExtend").ok_or_else(|| Coded::new(35, "Incorrect request"))?;
        if let Some(account) = self.accounts.get_mut(&call.key) {
            for rental in account.rentals.iter_mut().filter(|rental| selected.ips.contains(&rental.ip)) {
                (rental.auto, rental.auto_days, rental.auto_not_before) = (on, selected.days, now);
            }
        }
        let name = if call.endpoint == Endpoint::ExtendAuto { "ipAddressIds" } else { "orderIds" };
        Ok(Reply::new(true)
            .with("proxyType", &selected.product.as_str())
            .with("rentPeriodDays", &selected.days)
            .with("autoExtend", &on)
            .with(name, &selected.asked)
            .with("error", &Value::Null))
    }

    /// The leases that a request names, all of one product, IPv6 by whole orders.
    fn select(&self, call: &Call, fields: &Fields) -> Result<Selected, Coded> {
        let account = self.get(call)?;
        let product = fields.product()?;
        let days = fields.days(product)?;
        let rentals = || account.rentals().iter().filter(|rental| rental.product == product);
        if matches!(
            call.endpoint,
            Endpoint::CalculateExtendOrder | Endpoint::ExtendOrder | Endpoint::ExtendOrderAuto
        ) {
            let wrong = || Coded::new(29, "Incorrect orderIds");
            let asked = fields.ids("orderIds").ok_or_else(wrong)?;
            if !asked.iter().all(|order| rentals().any(|rental| rental.order == *order)) {
                return Err(wrong());
            }
            let ips = rentals().filter(|r| asked.contains(&r.order)).map(|r| r.ip.clone()).collect();
            return Ok(Selected { product, days, ips, asked });
        }
        let older = self.older_spelling && call.endpoint == Endpoint::CalculateExtend;
        let name = if older { "IpAddressIds" } else { "ipAddressIds" };
        let wrong = || Coded::new(24, "Incorrect ip addresses");
        let asked = fields.ids(name).ok_or_else(wrong)?;
        let found: Option<Vec<&Rental>> =
            asked.iter().map(|id| rentals().find(|rental| rental.id == *id)).collect();
        let found = found.ok_or_else(wrong)?;
        let whole = |rental: &Rental| rentals().all(|r| r.order != rental.order || asked.contains(&r.id));
        let alone = call.endpoint != Endpoint::ExtendAuto && product == Product::IPv6;
        if alone && !found.iter().all(|rental| whole(rental)) {
            return Err(Coded::new(28, "All ip addresses of the order must be extended together"));
        }
        Ok(Selected { product, days, ips: found.iter().map(|rental| rental.ip.clone()).collect(), asked })
    }

    fn price_of(
        &self,
        now: Timestamp,
        call: &Call,
        fields: &Fields,
        what: &Selected,
    ) -> Result<Priced, Coded> {
        let account = self.get(call)?;
        let units: Option<Vec<Money>> = what
            .ips
            .iter()
            .filter_map(|ip| account.rental(ip))
            .map(|rental| self.prices.of(rental.product, &rental.country, what.days))
            .collect();
        let units = units.ok_or_else(|| Coded::new(11, "Incorrect rent period"))?;
        self.total(now, call, fields, &units)
    }

    /// The sum of unit prices, each with the promo code's percentage off, to the cent.
    pub(super) fn total(
        &self,
        now: Timestamp,
        call: &Call,
        fields: &Fields,
        units: &[Money],
    ) -> Result<Priced, Coded> {
        let sent = fields.text("promoCode");
        let promos = self.get(call)?.promos.iter();
        let valid =
            promos.filter(|p| !call.twist.reject_promo && p.is_valid(now)).find(|p| Some(&*p.code) == sent);
        let percent = valid.map_or(0, |promo| promo.percent.min(100));
        let promo = sent.map(|_| if valid.is_some() { "VALID" } else { "NO_VALID" });
        let asked = units.iter().map(|unit| reduced(*unit, percent)?.plus(call.twist.surcharge));
        let total = asked.collect::<Option<Vec<Money>>>().and_then(Money::sum);
        let total = total.ok_or_else(|| Coded::new(35, "Unknown error"))?;
        Ok(Priced { total, percent, promo })
    }

    /// An error in the form that the call's page gives.
    fn failure(&self, now: Timestamp, call: &Call, error: &Coded) -> Reply {
        let account = self.accounts.get(&call.key).filter(|_| error.code != 2);
        let currency = account.map(|account| &account.currency);
        let true_balance = account.map(|account| account.balance);
        let no = Reply::new(false);
        let reply = match call.endpoint {
            Endpoint::Balance => no.with_money("balance", None).with("currencyCode", &Value::Null),
            _ if call.endpoint.is_quote() => no
                .with("proxyType", &Value::Null)
                .with_money("balance", account.map(|account| account.shown_balance(now)))
                .with_money("price", None)
                .with("currency", &currency)
                .with("discount", &Value::Null)
                .with("promoCodeStatus", &Value::Null)
                .with("warnings", &json!([])),
            Endpoint::Order => no
                .with("proxyType", &Value::Null)
                .with("orderNumber", &Value::Null)
                .with_money("balance", true_balance)
                .with("currency", &currency)
                .with("promoCodeStatus", &Value::Null),
            Endpoint::Extend | Endpoint::ExtendOrder => no
                .with("proxyType", &Value::Null)
                .with("rentPeriodDays", &0)
                .with("quantity", &0)
                .with("ipAddressIds", &json!([]))
                .with_money("balance", true_balance)
                .with("currency", &currency)
                .with("promoCodeStatus", &Value::Null),
            _ => no,
        };
        reply.with("error", error)
    }
}

fn reduced(price: Money, percent: u32) -> Option<Money> {
    let kept = price.times(u64::from(100_u32.saturating_sub(percent)))?;
    let exact = kept.decimal().checked_div(Decimal::ONE_HUNDRED)?;
    exact.round_dp(2).to_string().parse().ok()
}

fn promo_codes(account: &Account) -> Vec<Value> {
    let shown = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string();
    let list = account.promos.iter().map(|promo| {
        json!({
            "code": promo.code,
            "countUses": 0,
            "startDate": shown(promo.starts),
            "endDate": promo.ends.map(shown),
            "endless": promo.ends.is_none(),
            "discount": promo.percent,
            "descriptionsByLocale": {},
        })
    });
    list.collect()
}
