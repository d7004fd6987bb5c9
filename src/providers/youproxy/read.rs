//! The reads and the quote of YouProxy. It holds no client that pays.
//!
//! Tries and tokens are `call.rs`'s affair. A crash loses nothing.
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::SignedDuration;

use crate::domain::{
    AccountName, Balance, Catalogue, ChangeRequest, FieldProblem, Inventory, Kind, Method, Money,
    PurchaseRequest, Quote, QuoteError, RenewalRequest,
};
use crate::providers::http::{CAP, LIST_CAP, Reply};
use crate::providers::{
    Capabilities, ConnectError, Connection, PromoCode, Purpose, ReadError, Reader, Words,
};

use super::call::{Ask, Caller};
use super::envelope::{self, Trouble};
use super::site::{self, Site};
use super::{dates, map, quote, wire};

/// "Incorrect ip addresses": also what a misspelt list of ids looks like.
const BAD_IDS: i64 = 24;
/// "All IPs of the order together".
const WHOLE_ORDERS: i64 = 28;
/// Reads one account.
pub struct YouProxyReader {
    caller: Caller,
    site: Site,
    account: AccountName,
    words: Words,
    capabilities: Capabilities,
    /// The provider was seen to understand `IpAddressIds` only.
    older_spelling: AtomicBool,
}

/// By what, and in which spelling, a price is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Leases,
    LeasesOlder,
    Order,
}

/// What this provider can do.
#[must_use]
pub fn capabilities() -> Capabilities {
    Capabilities {
        renew_early: true,
        quote_is_bound: true,
        warns: true,
        auto_renewal: true,
        sells_cycles: false,
        grace: None,
        bundled_kinds: vec![Kind::from("IPv6")],
    }
}

impl YouProxyReader {
    /// Builds the client; sends nothing.
    pub fn new(connection: Connection) -> Result<Self, ConnectError> {
        Ok(Self {
            site: Site::new(&connection)?,
            caller: Caller::new(&connection)?,
            words: connection.words(),
            account: connection.account,
            capabilities: capabilities(),
            older_spelling: AtomicBool::new(false),
        })
    }

    async fn get(&self, call: &'static str, cap: usize, purpose: Purpose) -> Result<Reply, Trouble> {
        let ask = Ask::Get { url: self.site.url(call), cap };
        self.caller.ask(call, ask, purpose, 1).await.map(|answer| answer.reply)
    }

    async fn balance_and_skew(&self, purpose: Purpose) -> Result<(Balance, Option<SignedDuration>), Trouble> {
        let reply = self.get("balance", CAP, purpose).await?;
        let answer = envelope::open(&reply.body, &self.words)?;
        let unreadable = |what: &str| Trouble::Unreadable(what.to_owned());
        let amount = answer
            .get("balance")
            .and_then(wire::money)
            .ok_or_else(|| unreadable("`balance` is not a number"))?;
        let currency = answer
            .get("currencyCode")
            .or_else(|| answer.get("currency"))
            .and_then(wire::currency)
            .ok_or_else(|| unreadable("`currencyCode` is not a text"))?;
        Ok((Balance { amount, currency }, reply.skew))
    }

    /// One price question. `tokens`: 2 where a payment may follow, 1 for a second question in the same breath.
    async fn price(&self, request: &RenewalRequest, by: By, tokens: u32) -> Result<Quote, Trouble> {
        let (call, method) = match by {
            By::Leases | By::LeasesOlder => ("calculate/extend", Method::Leases),
            By::Order => ("calculate/extend/order", Method::Order),
        };
        let json = site::body(request, method, by == By::LeasesOlder);
        let ask = Ask::Post { url: self.site.url(call), json };
        let answer = self.caller.ask(call, ask, Purpose::Money, tokens).await?;
        quote::read(&answer.reply.body, request, method, answer.asked_at, &self.words)
    }

    /// The price by lease ids; code 24 may mean the spelling of the list, so the older one is asked once (it is free), and
    /// kept if it is understood.
    async fn price_by_lease(&self, request: &RenewalRequest) -> Result<Quote, Trouble> {
        if self.older_spelling.load(Ordering::Relaxed) {
            return self.price(request, By::LeasesOlder, 2).await;
        }
        let first = self.price(request, By::Leases, 2).await;
        if first.as_ref().map_err(Trouble::code).err().flatten() != Some(BAD_IDS) {
            return first;
        }
        let second = self.price(request, By::LeasesOlder, 1).await;
        let understood = match &second {
            Ok(_) => true,
            Err(trouble) => trouble.code() == Some(WHOLE_ORDERS),
        };
        if !understood {
            return first;
        }
        self.older_spelling.store(true, Ordering::Relaxed);
        second
    }
}

#[async_trait::async_trait]
impl Reader for YouProxyReader {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn inventory(&self, purpose: Purpose) -> Result<Inventory, ReadError> {
        let reply = self.get("ipAddress", LIST_CAP, purpose).await?;
        let fleet = map::fleet(&reply.body, &self.account, &self.words)?;
        let list_skew = reply.skew;
        drop(reply.body);
        let (balance, balance_skew) = self.balance_and_skew(purpose).await?;
        // A cache between us and the provider can only make a `Date` look worse: the nearer one counts.
        let clock_skew = [list_skew, balance_skew].into_iter().flatten().min_by_key(|skew| skew.abs());
        Ok(Inventory {
            leases: fleet.leases,
            balance,
            oddities: fleet.oddities,
            unreadable: fleet.unreadable,
            clock_skew,
            doubt: None,
        })
    }

    async fn balance(&self, purpose: Purpose) -> Result<Balance, ReadError> {
        Ok(self.balance_and_skew(purpose).await?.0)
    }

    async fn periods(&self, kind: &Kind) -> Result<Vec<u32>, ReadError> {
        let mut url = self.site.url("rentPeriod");
        url.query_pairs_mut().append_pair("proxyType", kind.as_str());
        let ask = Ask::Get { url, cap: CAP };
        let answer = self.caller.ask("rentPeriod", ask, Purpose::Routine, 1).await?;
        let object = envelope::open(&answer.reply.body, &self.words)?;
        let days = object.get("rentPeriodDays").and_then(wire::list).and_then(|items| {
            items.into_iter().map(|raw| wire::whole(raw).and_then(|n| u32::try_from(n).ok())).collect()
        });
        days.ok_or_else(|| ReadError::Unreadable("`rentPeriodDays` is no list of whole numbers".to_owned()))
    }

    async fn promo_codes(&self) -> Result<Vec<PromoCode>, ReadError> {
        let reply = self.get("promoCode", CAP, Purpose::Routine).await?;
        let object = envelope::open(&reply.body, &self.words)?;
        let codes = object
            .get("promoCodes")
            .and_then(wire::list)
            .and_then(|items| items.into_iter().map(promo_code).collect());
        codes.ok_or_else(|| ReadError::Unreadable("`promoCodes` is no list of codes".to_owned()))
    }

    async fn quote(&self, request: &RenewalRequest) -> Result<Quote, QuoteError> {
        let asked = match request.method {
            Method::Order => self.price(request, By::Order, 2).await,
            Method::Leases => self.price_by_lease(request).await,
        };
        let whole_order = asked.as_ref().is_err_and(|trouble| trouble.code() == Some(WHOLE_ORDERS))
            && request.method == Method::Leases
            && self.capabilities.bundled_kinds.contains(&request.kind)
            && site::orders(request).len() == 1;
        let asked = if whole_order { self.price(request, By::Order, 1).await } else { asked };
        Ok(asked?)
    }

    async fn catalogue(&self) -> Result<Catalogue, ReadError> {
        Ok(Catalogue { offers: Vec::new(), promos: self.promo_codes().await? })
    }

    fn purchase_problems(&self, _request: &PurchaseRequest) -> Vec<FieldProblem> {
        Vec::new()
    }

    async fn quote_purchase(&self, _request: &PurchaseRequest) -> Result<Quote, QuoteError> {
        Err(QuoteError::Unreadable("purchases are being added".to_owned()))
    }

    async fn quote_cycle(&self, _request: &ChangeRequest, _cycle: &str) -> Result<Option<Money>, QuoteError> {
        Ok(None)
    }
}

/// Source: `promoCode`, fields `code`, `endDate`, `endless`.
fn promo_code(raw: &serde_json::value::RawValue) -> Option<PromoCode> {
    let object = wire::Object::parse(raw.get()).ok()?;
    let code = object.get("code").and_then(wire::text)?.into_owned();
    let endless = object.get("endless").and_then(wire::flag).unwrap_or(false);
    let end = object.get("endDate").and_then(wire::text).and_then(|text| dates::read(&text));
    Some(PromoCode { code, ends_at: end.map(|(at, _)| at).filter(|_| !endless) })
}
