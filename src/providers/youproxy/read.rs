//! The reads and the quote of YouProxy. It holds no client that pays.
//!
//! Tries and tokens are `call.rs`'s affair. A crash loses nothing.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::SignedDuration;

use crate::domain::{
    Balance, Catalogue, ChangeRequest, Doubt, FieldProblem, Inventory, Kind, Method, Money, Offer,
    PurchaseRequest, Quote, QuoteError, RenewalRequest,
};
use crate::providers::http::{CAP, Reply};
use crate::providers::{
    Capabilities, ConnectError, Connection, PromoCode, Purpose, ReadError, Reader, Words,
};

use super::call::{Ask, Caller};
use super::catalogue::{self, optional};
use super::envelope::{self, Trouble};
use super::site::{self, Site};
use super::{order, quote, wire};

/// "Incorrect ip addresses": also what a misspelt list of ids looks like.
const BAD_IDS: i64 = 24;
/// "All IPs of the order together".
const WHOLE_ORDERS: i64 = 28;
/// Reads one account.
pub struct YouProxyReader {
    caller: Caller,
    site: Site,
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
        quote_reads_order: false,
        warns: true,
        auto_renewal: true,
        sells_cycles: false,
        grace: None,
        bundled_kinds: vec![Kind::from("IPv6")],
        hides_auto_renewal: false,
        prices_by_count: false,
        pace: None,
        marks_purchases: false,
    }
}

/// Reads the body of `balance`.
///
/// # Errors
/// The provider's own error, or [`Trouble::Unreadable`].
pub(super) fn balance(body: &[u8], words: &Words) -> Result<Balance, Trouble> {
    let answer = envelope::open(body, words)?;
    let unreadable = |what: &str| Trouble::Unreadable(what.to_owned());
    let told = answer.get("balance");
    let amount = told.and_then(wire::money).ok_or_else(|| {
        let spelled = told.map(wire::spelled).unwrap_or_default();
        unreadable(&format!("`balance` is not a number that renewd can hold{spelled}"))
    })?;
    let currency = answer
        .get("currencyCode")
        .or_else(|| answer.get("currency"))
        .and_then(wire::currency)
        .ok_or_else(|| unreadable("`currencyCode` is not a text"))?;
    Ok(Balance { amount, currency })
}

impl YouProxyReader {
    /// Builds the client; sends nothing.
    pub fn new(connection: Connection) -> Result<Self, ConnectError> {
        Ok(Self {
            site: Site::new(&connection)?,
            caller: Caller::new(&connection)?,
            words: connection.words(),
            capabilities: capabilities(),
            older_spelling: AtomicBool::new(false),
        })
    }

    async fn get(&self, call: &'static str, cap: usize, purpose: Purpose) -> Result<Reply, Trouble> {
        let ask = Ask::Get { url: self.site.url(call), cap };
        self.caller.ask(call, ask, purpose, 1).await.map(|answer| answer.reply)
    }

    /// A list of one kind, or of all where none is named.
    async fn list<T>(
        &self,
        call: &'static str,
        kind: Option<&str>,
        read: impl FnOnce(&wire::Object<'_>) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let mut url = self.site.url(call);
        if let Some(kind) = kind {
            url.query_pairs_mut().append_pair("proxyType", kind);
        }
        let answer = self.caller.ask(call, Ask::Get { url, cap: CAP }, Purpose::Routine, 1).await?;
        read(&envelope::open(&answer.reply.body, &self.words)?)
    }

    async fn periods_of(&self, kind: &str) -> Result<Vec<u32>, Trouble> {
        let wrong = || Trouble::Unreadable("`rentPeriodDays` is not a list of whole numbers".to_owned());
        self.list("rentPeriod", Some(kind), |answer| catalogue::periods(answer).ok_or_else(wrong)).await
    }

    async fn promos(&self) -> Result<Vec<PromoCode>, Trouble> {
        let wrong = || Trouble::Unreadable("`promoCodes` is not a list of codes".to_owned());
        self.list("promoCode", None, |answer| catalogue::promos(answer).ok_or_else(wrong)).await
    }

    /// All lists. What cannot be read stays empty; the kinds are documented, so that theirs never does.
    async fn everything(&self) -> Result<Catalogue, Trouble> {
        let mut kinds = optional(self.list("proxyType", None, |answer| Ok(catalogue::kinds(answer))).await)?;
        if kinds.is_empty() {
            kinds = wire::KINDS.map(str::to_owned).into();
        }
        let mut offers = Vec::new();
        for kind in kinds {
            let countries =
                self.list("country", Some(&kind), |answer| Ok(catalogue::countries(answer))).await;
            let periods = self.periods_of(&kind).await;
            let (countries, periods) = (optional(countries)?, optional(periods)?);
            let operators = if kind == "MOBILE" {
                let listed = self.list("mobileOperator", None, |answer| Ok(catalogue::operators(answer)));
                optional(listed.await)?
            } else {
                Vec::new()
            };
            offers.push(Offer { kind, countries, periods, operators, ..Offer::default() });
        }
        Ok(Catalogue { offers, promos: optional(self.promos().await)? })
    }

    async fn price_of_order(&self, request: &PurchaseRequest) -> Result<Quote, Trouble> {
        if let Some(problem) = order::problems(request).first() {
            return Err(Trouble::Unreadable(format!("{}: {}", problem.field, problem.message)));
        }
        let json = order::body(request, order::Ask::Price);
        let call = "calculate/order";
        let ask = Ask::Post { url: self.site.url(call), json };
        let answer = self.caller.ask(call, ask, Purpose::Money, 2).await?;
        let asked = quote::Asked {
            kind: &request.kind,
            promo: request.promo.is_some(),
            method: Method::Order,
            at: answer.asked_at,
        };
        quote::read(&answer.reply.body, asked, &self.words)
    }

    async fn balance_and_skew(&self, purpose: Purpose) -> Result<(Balance, Option<SignedDuration>), Trouble> {
        let reply = self.get("balance", CAP, purpose).await?;
        Ok((balance(&reply.body, &self.words)?, reply.skew))
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
        let asked =
            quote::Asked { kind: &request.kind, promo: request.promo.is_some(), method, at: answer.asked_at };
        quote::read(&answer.reply.body, asked, &self.words)
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
        let (fleet, list_skew) = self.caller.list("ipAddress", self.site.url("ipAddress"), purpose).await?;
        let (balance, balance_skew) = self.balance_and_skew(purpose).await?;
        // A cache between us and the provider can only make a `Date` look worse: the nearer one counts.
        let clock_skew = [list_skew, balance_skew].into_iter().flatten().min_by_key(|skew| skew.abs());
        Ok(Inventory {
            leases: Arc::new(fleet.leases),
            balance,
            oddities: fleet.oddities,
            unreadable: fleet.unreadable,
            clock_skew,
            doubt: fleet.part.map(Doubt::Part),
            owner: None,
        })
    }

    async fn balance(&self, purpose: Purpose) -> Result<Balance, ReadError> {
        Ok(self.balance_and_skew(purpose).await?.0)
    }

    async fn periods(&self, kind: &Kind) -> Result<Vec<u32>, ReadError> {
        Ok(self.periods_of(kind.as_str()).await?)
    }

    async fn promo_codes(&self) -> Result<Vec<PromoCode>, ReadError> {
        Ok(self.promos().await?)
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
        Ok(self.everything().await?)
    }

    fn purchase_problems(&self, request: &PurchaseRequest) -> Vec<FieldProblem> {
        order::problems(request)
    }

    async fn quote_purchase(&self, request: &PurchaseRequest) -> Result<Quote, QuoteError> {
        Ok(self.price_of_order(request).await?)
    }

    async fn quote_cycle(&self, _request: &ChangeRequest, _cycle: &str) -> Result<Option<Money>, QuoteError> {
        Ok(None)
    }
}
