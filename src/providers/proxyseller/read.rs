//! The reads and the quote of Proxy-Seller. It holds no client that pays.
//!
//! Tries and tokens are `call.rs`'s affair. A crash loses nothing: what is remembered of names is read again.
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::domain::{
    AccountName, Balance, Catalogue, ChangeRequest, Doubt, FieldProblem, Inventory, Kind, Money, Offer,
    PurchaseRequest, Quote, QuoteError, RenewalRequest, RequestLease,
};
use crate::evidence::LoggedRenewal;
use crate::providers::http::{CAP, LIST_CAP, Reply};
use crate::providers::{
    Capabilities, ConnectError, Connection, OrderLog, PromoCode, Purpose, ReadError, Reader, Words,
};

use super::call::{Ask, Caller};
use super::envelope::{self, Trouble};
use super::known::Known;
use super::map::{Fleet, Gather, Page};
use super::quote::Set;
use super::site::Site;
use super::wire::{TYPES, Type};
use super::{catalogue, log, order, quote, spend, wire};

/// A list of one type that goes on for longer is no list.
const PAGES: u32 = 1_000;
/// Records of a page.
const PER_PAGE: usize = 100;

/// Reads one account.
pub struct SellerReader {
    caller: Caller,
    site: Site,
    account: AccountName,
    words: Words,
    capabilities: Capabilities,
    known: Mutex<Known>,
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
        hides_auto_renewal: false,
        prices_by_count: false,
        pace: None,
        marks_purchases: false,
        sells_cycles: false,
        grace: None,
        bundled_kinds: TYPES.iter().filter(|of| of.whole_orders).map(|of| Kind::from(of.kind)).collect(),
    }
}

/// Reads the body of `balance/get`.
///
/// # Errors
/// The provider's own error, or [`Trouble::Unreadable`].
pub(super) fn balance(body: &[u8], words: &Words) -> Result<Balance, Trouble> {
    let data = envelope::object(body, words)?;
    let amount = data.get("summ").and_then(wire::money);
    let wrong = || Trouble::Unreadable("`summ` is not a number that renewd can hold".to_owned());
    amount.map(wire::usd).ok_or_else(wrong)
}

/// One type, until a page brings nothing that no page of it had before: what the list of all types had already ends nothing.
pub(super) async fn pages(
    (caller, site): (&Caller, &Site),
    gather: &mut Gather<'_>,
    of: &Type,
    purpose: Purpose,
) -> Result<(), Trouble> {
    let call = format!("proxy/list/{}", of.path);
    let mut found = 0;
    for page in 1..=PAGES {
        let url = site.url_with(&call, &[("page", &page.to_string()), ("per_page", &PER_PAGE.to_string())]);
        let reply = caller.ask("proxy/list/type", Ask::Get { url, cap: LIST_CAP }, purpose, 1).await?.reply;
        let Page { rows, new, pages, total } = gather.page(of, &reply.body)?;
        found += if new > 0 { rows } else { 0 };
        if new == 0 && rows >= PER_PAGE {
            let what =
                format!("page {page} is full and brings nothing new: it is not clear where the list ends");
            return Err(Trouble::Unreadable(what));
        }
        if new == 0 || pages.is_some_and(|pages| i64::from(page) >= pages) {
            return match total.filter(|total| *total > found) {
                Some(total) => Err(Trouble::Unreadable(format!("it says {total}, and {found} were found"))),
                None => Ok(()),
            };
        }
    }
    Err(Trouble::Unreadable(format!("it has more than {PAGES} pages")))
}

impl SellerReader {
    /// Builds the client; sends nothing.
    pub fn new(connection: &Connection) -> Result<Self, ConnectError> {
        Ok(Self {
            site: Site::new(connection)?,
            caller: Caller::new(connection)?,
            account: connection.account.clone(),
            words: connection.words(),
            capabilities: capabilities(),
            known: Mutex::default(),
        })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn get(
        &self,
        call: &'static str,
        url: url::Url,
        cap: usize,
        purpose: Purpose,
    ) -> Result<Reply, Trouble> {
        Ok(self.caller.ask(call, Ask::Get { url, cap }, purpose, 1).await?.reply)
    }

    /// Every list: the one of all types, and page by page those types of which it does not hold the whole.
    async fn fleet(&self, purpose: Purpose) -> Result<(Fleet, Option<SignedDuration>), Trouble> {
        let reply = self.get("proxy/list", self.site.url("proxy/list"), LIST_CAP, purpose).await?;
        let mut gather = Gather::new(&self.account, &self.words);
        for of in gather.all(&reply.body)? {
            if let Err(trouble) = pages((&self.caller, &self.site), &mut gather, of, purpose).await {
                let why = format!("the list of `{}` could not be read whole: {trouble:?}", of.path);
                gather.is_part(self.words.quote(&why));
            }
        }
        Ok((gather.finish(), reply.skew))
    }

    async fn balance_and_skew(&self, purpose: Purpose) -> Result<(Balance, Option<SignedDuration>), Trouble> {
        let reply = self.get("balance/get", self.site.url("balance/get"), CAP, purpose).await?;
        Ok((balance(&reply.body, &self.words)?, reply.skew))
    }

    async fn reference(&self, of: &Type) -> Result<Reply, Trouble> {
        let url = self.site.url(&format!("reference/list/{}", of.path));
        self.get("reference/list", url, LIST_CAP, Purpose::Routine).await
    }

    async fn price(&self, call: String, json: Vec<u8>, set: Set<'_>) -> Result<Quote, QuoteError> {
        let ask = Ask::Post { url: self.site.url(&call), json };
        let answer = self.caller.ask("a price", ask, Purpose::Money, 2).await?;
        quote::read(&answer.reply.body, &set, answer.asked_at, &self.words)
    }

    /// The log, page by page, back to `since` where it is in order, else whole.
    async fn logged(&self, since: Timestamp) -> Result<Vec<LoggedRenewal>, Trouble> {
        let mut all = Vec::new();
        for page in 1..=log::PAGES {
            let query = [("is_extend", "Y"), ("page", &*page.to_string()), ("limit", log::ROWS)];
            let url = self.site.url_with("order/list", &query);
            let reply = self.get("order/list", url, LIST_CAP, Purpose::Money).await?;
            let known = self.known().clone();
            let read = log::page(&reply.body, &known, since, &self.words)?;
            all.extend(read.renewals);
            if read.rows == 0 || read.done || read.pages.is_none_or(|pages| page >= pages) {
                return Ok(all);
            }
        }
        Err(Trouble::Unreadable(format!("the log has more than {} pages", log::PAGES)))
    }
}

#[async_trait::async_trait]
impl OrderLog for SellerReader {
    async fn renewals(&self, since: Timestamp) -> Result<Vec<LoggedRenewal>, ReadError> {
        Ok(self.logged(since).await?)
    }
}

#[async_trait::async_trait]
impl Reader for SellerReader {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn inventory(&self, purpose: Purpose) -> Result<Inventory, ReadError> {
        let (fleet, list_skew) = self.fleet(purpose).await?;
        let (balance, balance_skew) = self.balance_and_skew(purpose).await?;
        // A cache between us and the provider can only make a `Date` look worse: the nearer one counts.
        let clock_skew = [list_skew, balance_skew].into_iter().flatten().min_by_key(|skew| skew.abs());
        *self.known() = fleet.known;
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
        let Some(of) = Type::of(kind) else { return Ok(Vec::new()) };
        let reply = self.reference(of).await?;
        Ok(catalogue::periods(&reply.body, &self.words)?)
    }

    /// The provider lists none.
    async fn promo_codes(&self) -> Result<Vec<PromoCode>, ReadError> {
        Ok(Vec::new())
    }

    async fn quote(&self, request: &RenewalRequest) -> Result<Quote, QuoteError> {
        let names = self.known().names(&request.leases);
        let (call, json) = spend::prolong("calc", request, &names).map_err(QuoteError::Unreadable)?;
        self.price(call, json, Set::Leases(request)).await
    }

    async fn catalogue(&self) -> Result<Catalogue, ReadError> {
        let mut offers: Vec<Offer> = Vec::new();
        for of in TYPES.iter().filter(|of| order::is_sold(of)) {
            let reply = self.reference(of).await?;
            offers.push(catalogue::offer(of, &reply.body, &self.words)?);
        }
        Ok(Catalogue { offers, promos: Vec::new() })
    }

    fn purchase_problems(&self, request: &PurchaseRequest) -> Vec<FieldProblem> {
        order::problems(request)
    }

    async fn quote_purchase(&self, request: &PurchaseRequest) -> Result<Quote, QuoteError> {
        if let Some(problem) = order::problems(request).first() {
            return Err(QuoteError::Unreadable(format!("{}: {}", problem.field, problem.message)));
        }
        let (call, json) = order::ask("calc", request);
        self.price(call, json, Set::New(request.quantity)).await
    }

    async fn quote_cycle(&self, _request: &ChangeRequest, _cycle: &str) -> Result<Option<Money>, QuoteError> {
        Ok(None)
    }

    fn names(&self, leases: &[RequestLease]) -> Vec<String> {
        self.known().names(leases)
    }

    fn order_log(&self) -> Option<&dyn OrderLog> {
        Some(self)
    }
}
