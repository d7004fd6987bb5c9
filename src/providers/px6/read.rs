//! The reads and the quotes of px6. It holds no client that pays.
//!
//! Tries and tokens are `call.rs`'s affair. A crash loses nothing.
use std::sync::Arc;

use jiff::SignedDuration;

use crate::domain::{
    AccountName, Balance, Catalogue, ChangeRequest, FieldProblem, Inventory, Kind, Money, Offer, OwnerSays,
    PurchaseRequest, Quote, QuoteError, RenewalRequest, Warning,
};
use crate::providers::{
    Capabilities, ConnectError, Connection, PromoCode, Purpose, ReadError, Reader, Words,
};

use super::call::{Answer, Caller, Tokens};
use super::envelope::{self, NOT_SOLD, Trouble};
use super::map::{Added, Fleet, Listed, Origin};
use super::site::Site;
use super::{order, quote, wire};

/// The most leases of one payment: their ids travel in the URL.
pub const MOST: usize = 100;
/// Rows on a page.
const LIMIT: usize = 1_000;
/// Of a page behind the last one: it is not there.
const NOT_FOUND: i64 = 404;
/// A list of more pages than this has no end.
const MOST_PAGES: u32 = 1_000;
/// Three requests a second, and a little air.
const PACE: SignedDuration = SignedDuration::from_millis(350);
/// The longest term that may be asked for.
const LONGEST: u32 = 366;

/// Beside its rows, what a page tells.
struct Told {
    balance: Balance,
    clock_skew: Option<SignedDuration>,
    owner: Option<String>,
}

impl Told {
    fn with(self, fleet: Fleet) -> Inventory {
        Inventory {
            leases: Arc::new(fleet.leases),
            balance: self.balance,
            oddities: fleet.oddities,
            unreadable: fleet.unreadable,
            clock_skew: self.clock_skew,
            doubt: None,
            owner: self.owner,
        }
    }
}

/// Reads one account.
pub struct Px6Reader {
    caller: Caller,
    site: Site,
    words: Words,
    account: AccountName,
    says: OwnerSays,
    capabilities: Capabilities,
}

/// What the provider can do.
#[must_use]
pub fn capabilities() -> Capabilities {
    Capabilities {
        renew_early: true,
        quote_is_bound: false,
        quote_reads_order: false,
        warns: false,
        auto_renewal: false,
        sells_cycles: false,
        grace: None,
        bundled_kinds: Vec::new(),
        hides_auto_renewal: true,
        prices_by_count: true,
        pace: Some(PACE),
        marks_purchases: true,
    }
}

impl Px6Reader {
    /// Builds the client; sends nothing.
    pub fn new(connection: Connection) -> Result<Self, ConnectError> {
        Ok(Self {
            site: Site::new(&connection)?,
            caller: Caller::new(&connection)?,
            words: connection.words(),
            account: connection.account,
            says: connection.owner_says,
            capabilities: capabilities(),
        })
    }

    async fn ask(
        &self,
        method: &'static str,
        parameters: &[(&str, &str)],
        purpose: Purpose,
        tokens: Tokens,
    ) -> Result<Answer, Trouble> {
        self.caller.ask(method, self.site.url(method, parameters), purpose, tokens).await
    }

    /// Pages until one is empty or brings nothing new: a server may give fewer rows than were asked for, so a short page ends nothing.
    /// Every page tells the balance: the last one's was read after all others.
    async fn list(&self, purpose: Purpose) -> Result<Inventory, Trouble> {
        let mut listed = Listed::default();
        let limit = LIMIT.to_string();
        let mut newest: Option<Told> = None;
        for page in 1..=MOST_PAGES {
            let number = page.to_string();
            let parameters = [("state", "all"), ("page", &number), ("limit", &limit)];
            let asked = self.ask("getproxy", &parameters, purpose, Tokens::Take(1)).await;
            let answer = match (asked, newest.take()) {
                (Err(Trouble::Error { code: NOT_FOUND, .. }), Some(told)) => {
                    return Ok(told.with(listed.finish()));
                }
                (asked, _) => asked?,
            };
            let opened = envelope::open(&answer.reply.body, &self.words)?;
            let now = answer.asked_at.wall;
            let of = Origin { account: &self.account, says: &self.says, now, words: &self.words };
            let Added { rows, new } = listed.add(&opened, &of)?;
            let told = Told {
                balance: envelope::balance(&opened)?,
                clock_skew: answer.reply.skew,
                owner: envelope::owner(&opened),
            };
            if new == 0 && rows >= LIMIT {
                let what = format!(
                    "page {page} is full and brings nothing new: it is not clear where the list ends"
                );
                return Err(Trouble::Unreadable(what));
            }
            if new == 0 {
                return Ok(told.with(listed.finish()));
            }
            newest = Some(told);
        }
        Err(Trouble::Unreadable(format!("the list has more than {MOST_PAGES} pages")))
    }

    async fn price(
        &self,
        count: usize,
        days: u32,
        version: i64,
        tokens: Tokens,
    ) -> Result<Quote, QuoteError> {
        let (n, period, version) = (count.to_string(), days.to_string(), version.to_string());
        let parameters = [("count", n.as_str()), ("period", &period), ("version", &version)];
        let answer = self.ask("getprice", &parameters, Purpose::Money, tokens).await;
        let read = answer.and_then(|answer| {
            let asked = quote::Asked { count, days, at: answer.asked_at };
            quote::read(&answer.reply.body, asked, &self.words)
        });
        read.map_err(|trouble| match trouble {
            Trouble::Error { code, message } if NOT_SOLD.contains(&code) => {
                QuoteError::NotSold { days, message }
            }
            trouble => trouble.into(),
        })
    }

    /// The countries of a kind. Where they cannot be read they are not told, unless nothing of the account can be.
    async fn offer(&self, version: i64, kind: &str) -> Result<Offer, Trouble> {
        let version = version.to_string();
        let asked = self.ask("getcountry", &[("version", &version)], Purpose::Routine, Tokens::Take(1)).await;
        let read = asked.and_then(|answer| quote::countries(&answer.reply.body, &self.words));
        let countries = match read {
            Err(trouble) if trouble.is_of_the_account() => return Err(trouble),
            Err(trouble) => {
                tracing::warn!(account = %self.account, ?trouble, "the countries of {kind} cannot be read");
                Vec::new()
            }
            Ok(countries) => countries,
        };
        Ok(Offer { kind: kind.to_owned(), countries, ..Offer::default() })
    }
}

fn refused(message: &str) -> QuoteError {
    QuoteError::Refused { code: 0, message: message.to_owned() }
}

#[async_trait::async_trait]
impl Reader for Px6Reader {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn inventory(&self, purpose: Purpose) -> Result<Inventory, ReadError> {
        Ok(self.list(purpose).await?)
    }

    async fn balance(&self, purpose: Purpose) -> Result<Balance, ReadError> {
        let answer = self.caller.ask("account", self.site.account(), purpose, Tokens::Take(1)).await?;
        Ok(envelope::open(&answer.reply.body, &self.words).and_then(|opened| envelope::balance(&opened))?)
    }

    /// The provider does not list its terms: any may be asked for, and the answer to a price says which is sold.
    async fn periods(&self, _kind: &Kind) -> Result<Vec<u32>, ReadError> {
        Ok((1..=LONGEST).collect())
    }

    /// The provider has none.
    async fn promo_codes(&self) -> Result<Vec<PromoCode>, ReadError> {
        Ok(Vec::new())
    }

    async fn quote(&self, request: &RenewalRequest) -> Result<Quote, QuoteError> {
        let count = request.leases.len();
        if !(1..=MOST).contains(&count) {
            return Err(refused("the request names no lease, or more than one call takes"));
        }
        let version =
            wire::version(&request.kind).ok_or_else(|| refused("what its leases are is not known"))?;
        self.price(count, request.period_days, version, Tokens::Take(2)).await
    }

    async fn catalogue(&self) -> Result<Catalogue, ReadError> {
        let mut offers = Vec::new();
        for (version, kind) in wire::kinds() {
            offers.push(self.offer(version, kind).await?);
        }
        Ok(Catalogue { offers, promos: Vec::new() })
    }

    fn purchase_problems(&self, request: &PurchaseRequest) -> Vec<FieldProblem> {
        order::problems(request)
    }

    /// What is in stock, and the price: they hold the tokens of the purchase after them.
    async fn quote_purchase(&self, request: &PurchaseRequest) -> Result<Quote, QuoteError> {
        if let Some(problem) = order::problems(request).first() {
            return Err(refused(&format!("{}: {}", problem.field, problem.message)));
        }
        let version = wire::version(&request.kind).unwrap_or_default();
        let (country, named) = (order::country(request), version.to_string());
        let parameters = [("country", country.as_str()), ("version", &named)];
        let answer = self.ask("getcount", &parameters, Purpose::Money, Tokens::Take(3)).await?;
        let stock = quote::stock(&answer.reply.body, &self.words)?;
        let count = usize::try_from(request.quantity).unwrap_or(usize::MAX);
        let days = request.period_days.unwrap_or_default();
        let mut quote = self.price(count, days, version, Tokens::Held).await?;
        if stock < u64::from(request.quantity) {
            let message = format!("{} wanted, {stock} in stock in {country}", request.quantity);
            quote.warnings.push(Warning { code: None, message, short_of_funds: false });
        }
        Ok(quote)
    }

    async fn quote_cycle(&self, _request: &ChangeRequest, _cycle: &str) -> Result<Option<Money>, QuoteError> {
        Ok(None)
    }
}
