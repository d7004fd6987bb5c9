//! The reads and the quotes of ProxyShard. It holds no client that pays.
//!
//! Tries and tokens are `call.rs`'s affair, whole readings `inventory.rs`'s. A crash loses nothing.
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use jiff::SignedDuration;

use crate::domain::{
    Balance, Catalogue, ChangeRequest, FieldProblem, Inventory, Kind, Money, OrderId, PurchaseRequest, Quote,
    QuoteError, RenewalRequest,
};
use crate::providers::{
    Capabilities, ConnectError, Connection, PromoCode, Purpose, ReadError, Reader, Words,
};

use super::call::{Answer, Caller, Tokens};
use super::detail::{self, Detail};
use super::envelope::Trouble;
use super::inventory::Surveyor;
use super::quote::{self, Calculated, Renewal};
use super::site::Site;
use super::wire::{self, AddonBody};
use super::{catalogue, product, spend};
use crate::providers::proxyshard::detail_cache::Memory;

/// How long an order and its addresses are kept after the end. Source: the manual, "on hold".
const GRACE: SignedDuration = SignedDuration::from_hours(72);
/// A renewal's questions (order, price of a new one, wallet) and the payment after them.
const RENEWAL: Tokens = Tokens::Take(4);
/// A purchase's questions (price, wallet) and the payment after them.
const PURCHASE: Tokens = Tokens::Take(3);

/// Reads one account.
pub struct ProxyShardReader {
    surveyor: Surveyor,
    capabilities: Capabilities,
}

/// What a price is asked for.
struct Question<'a> {
    product: &'a str,
    location: Option<&'a str>,
    cycle: Option<&'a str>,
    quantity: Option<u32>,
    promo: Option<&'a str>,
    addons: &'a [AddonBody<'a>],
}

/// What the provider can do.
#[must_use]
pub fn capabilities() -> Capabilities {
    Capabilities {
        renew_early: false,
        quote_is_bound: false,
        quote_reads_order: true,
        warns: false,
        auto_renewal: true,
        sells_cycles: true,
        grace: Some(GRACE),
        bundled_kinds: Vec::new(),
        hides_auto_renewal: false,
        prices_by_count: false,
        pace: None,
        marks_purchases: false,
    }
}

impl ProxyShardReader {
    /// Builds the client; sends nothing.
    pub fn new(connection: Connection) -> Result<Self, ConnectError> {
        let surveyor = Surveyor {
            site: Site::new(&connection)?,
            caller: Caller::new(&connection)?,
            words: connection.words(),
            clock: Arc::clone(&connection.clock),
            account: connection.account,
            memory: Memory::default(),
            endless: AtomicUsize::new(0),
        };
        Ok(Self { surveyor, capabilities: capabilities() })
    }

    fn words(&self) -> &Words {
        &self.surveyor.words
    }

    async fn ask(
        &self,
        call: &'static str,
        path: &[&str],
        purpose: Purpose,
        tokens: Tokens,
    ) -> Result<Answer, Trouble> {
        self.surveyor.caller.ask(call, self.surveyor.site.url(path), purpose, tokens).await
    }

    async fn detail(&self, order: &OrderId, tokens: Tokens) -> Result<(Detail, Answer), Trouble> {
        let answer = self.ask("order", &["orders", order.as_str()], Purpose::Money, tokens).await?;
        let detail = detail::read(&answer.reply.body, order.as_str(), self.words())?;
        self.surveyor.memory.renew(order, &detail, &self.surveyor.clock.now());
        Ok((detail, answer))
    }

    /// The price of a new order. Source: the vendor's reference, `/orders/calculate`.
    async fn calculate(
        &self,
        question: &Question<'_>,
        tokens: Tokens,
    ) -> Result<(Calculated, Answer), Trouble> {
        let quantity = question.quantity.map(|n| n.to_string());
        let addons = (!question.addons.is_empty())
            .then(|| String::from_utf8_lossy(&wire::body(&question.addons)).into_owned());
        let query = [
            ("product", Some(product::name(question.product))),
            ("location", question.location),
            ("cycle", question.cycle),
            ("quantity", quantity.as_deref()),
            ("promo_code", question.promo),
            ("addons_json", addons.as_deref()),
        ];
        let url = self.surveyor.site.query(&["orders", "calculate"], &query);
        let answer = self.surveyor.caller.ask("calculate", url, Purpose::Money, tokens).await?;
        Ok((Calculated::read(&answer.reply.body, self.words())?, answer))
    }

    /// What a new order like this one costs in this cycle. Whatever stands in the way (this prices new orders only, and may want
    /// a location that the order does not tell) is no reason not to renew.
    async fn like_new(
        &self,
        kind: &Kind,
        detail: &Detail,
        cycle: Option<&str>,
        promo: Option<&str>,
    ) -> Result<Calculated, Trouble> {
        let addons = quote::next_addons(detail).unwrap_or_default();
        let question = Question {
            product: detail.facts.product.as_deref().unwrap_or(kind.as_str()),
            location: detail.facts.location.as_deref(),
            cycle: cycle.or(detail.facts.cycle.as_deref()),
            quantity: detail.quantity,
            promo,
            addons: &addons,
        };
        self.calculate(&question, Tokens::Held).await.map(|(calculated, _)| calculated)
    }
}

#[async_trait::async_trait]
impl Reader for ProxyShardReader {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn inventory(&self, purpose: Purpose) -> Result<Inventory, ReadError> {
        Ok(self.surveyor.take(purpose).await?)
    }

    async fn balance(&self, purpose: Purpose) -> Result<Balance, ReadError> {
        Ok(self.surveyor.me(purpose, Tokens::Take(1)).await?.0.wallet)
    }

    /// Terms are billing cycles of the order, not days on offer.
    async fn periods(&self, _kind: &Kind) -> Result<Vec<u32>, ReadError> {
        Ok(Vec::new())
    }

    /// The provider lists none.
    async fn promo_codes(&self) -> Result<Vec<PromoCode>, ReadError> {
        Ok(Vec::new())
    }

    async fn quote(&self, request: &RenewalRequest) -> Result<Quote, QuoteError> {
        let order = spend::only_order(request)
            .map_err(|why| QuoteError::Refused { code: 0, message: why.to_owned() })?;
        let (detail, answer) = self.detail(order, RENEWAL).await?;
        let calculated =
            self.like_new(&request.kind, &detail, request.cycle.as_deref(), request.promo.as_deref()).await;
        if let Err(trouble) = &calculated {
            tracing::debug!(account = %request.account, %order, why = trouble.words(), "no price of a new order to compare with");
        }
        let (me, _) = self.surveyor.me(Purpose::Money, Tokens::Held).await?;
        let renewal = Renewal {
            request,
            detail: &detail,
            calculated: calculated.ok(),
            wallet: me.wallet,
            asked_at: answer.asked_at,
        };
        renewal.quote(self.words())
    }

    async fn catalogue(&self) -> Result<Catalogue, ReadError> {
        let account = &self.surveyor.account;
        let take = Tokens::Take(1);
        let answer = self.ask("products", &["proxies", "products"], Purpose::Routine, take).await?;
        let mut shelf = catalogue::products(&answer.reply.body, self.words())?;
        if shelf.unreadable > 0 {
            tracing::warn!(%account, rows = shelf.unreadable, "products without a name are left out");
        }
        let answer =
            self.ask("available-count", &["proxies", "available-count"], Purpose::Routine, take).await;
        let lost = answer.and_then(|a| catalogue::stock(&a.reply.body, &mut shelf.offers, self.words()));
        match lost {
            Ok(0) => {}
            Ok(rows) => tracing::debug!(%account, rows, "stock that belongs to no product is left out"),
            Err(trouble) => tracing::warn!(%account, why = trouble.words(), "the stock could not be read"),
        }
        Ok(Catalogue { offers: shelf.offers, promos: Vec::new() })
    }

    fn purchase_problems(&self, request: &PurchaseRequest) -> Vec<FieldProblem> {
        product::problems(request)
    }

    async fn quote_purchase(&self, request: &PurchaseRequest) -> Result<Quote, QuoteError> {
        if let Some(problem) = product::problems(request).into_iter().next() {
            let message = format!("{} {}", problem.field, problem.message);
            return Err(QuoteError::Refused { code: 0, message });
        }
        let body = product::body(request);
        let question = Question {
            product: body.product,
            location: body.location,
            cycle: body.cycle,
            quantity: Some(body.quantity),
            promo: body.promo_code,
            addons: &body.addons,
        };
        let (calculated, answer) = self.calculate(&question, PURCHASE).await?;
        let (me, _) = self.surveyor.me(Purpose::Money, Tokens::Held).await?;
        quote::purchase(request, &calculated, me.wallet, answer.asked_at)
    }

    async fn quote_cycle(&self, request: &ChangeRequest, cycle: &str) -> Result<Option<Money>, QuoteError> {
        if !wire::is_order_id(request.order.as_str()) {
            let message = "the order's id cannot stand in a URL".to_owned();
            return Err(QuoteError::Refused { code: 0, message });
        }
        let (detail, _) = self.detail(&request.order, Tokens::Take(2)).await?;
        match self.like_new(&request.kind, &detail, Some(cycle), None).await {
            Ok(calculated) => {
                let addons = quote::next_addons(&detail);
                let known = detail.quantity.and(addons);
                Ok(known.and_then(|addons| calculated.total(!addons.is_empty())))
            }
            Err(Trouble::NoAnswer { what, .. }) => Err(QuoteError::NoAnswer(what)),
            Err(_) => Ok(None),
        }
    }

    fn forget(&self, orders: &[OrderId]) {
        self.surveyor.memory.forget(orders);
    }
}
