//! The reads and the quote of a program. It never pays: `extend` is not among the verbs that are asked here.
//!
//! A crash loses nothing: what runs ends with renewd.
use std::sync::Arc;

use crate::domain::{
    Balance, Catalogue, ChangeRequest, Doubt, FieldProblem, Inventory, Kind, Money, PurchaseRequest, Quote,
    QuoteError, RenewalRequest, RequestLease,
};
use crate::providers::{Capabilities, PromoCode, Purpose, ReadError, Reader};

use super::program::Program;
use super::quote;
use super::trouble::Trouble;
use super::wire::{self, Ends, KindArgs, Nothing, QuoteArgs, Term};

/// Reads one account.
pub struct ProgramReader(pub(super) Program);

impl ProgramReader {
    async fn balance_of(&self, purpose: Purpose, tokens: u32) -> Result<Balance, Trouble> {
        let read = |answer: &str, _| {
            let read = wire::object(answer.trim_end()).and_then(|answer| quote::balance(&answer));
            read.map_err(Trouble::Unreadable)
        };
        self.0.ask("balance", &Nothing {}, (purpose, tokens), read).await
    }

    async fn price(&self, request: &RenewalRequest) -> Result<Quote, Trouble> {
        let can = self.0.ready().await.map_err(Trouble::NoAnswer)?;
        if let Some(most) = can.max_batch.filter(|most| request.leases.len() > *most) {
            let kind = "too_many".to_owned();
            let text = format!("the program takes at most {most} leases at once: set `batch` to that");
            return Err(Trouble::Said { kind, text, after: None });
        }
        let args = QuoteArgs {
            kind: request.kind.as_str(),
            leases: request.leases.iter().map(ends).collect(),
            term: Term::of(request),
            promo: request.promo.as_deref(),
        };
        // Room for what follows within the minute: perhaps the balance, and the payment.
        let tokens = ["quote", "balance", "extend"].map(|verb| can.requests(verb)).iter().sum();
        let read = |answer: &str, at| {
            let read = wire::object(answer.trim_end()).and_then(|answer| {
                quote::read(&answer, &request.leases, request.promo.is_some(), &self.0.mask)
            });
            read.map(|price| (price, at)).map_err(Trouble::Unreadable)
        };
        let (price, asked_at) = self.0.ask("quote", &args, (Purpose::Money, tokens), read).await?;
        let mut balance = price.balance;
        if !price.has_balance {
            for _ in 0..can.requests("balance") {
                self.0.limiter.payment_leaves().await;
            }
            let told = self.balance_of(Purpose::Money, 0).await?;
            if told.currency != balance.currency {
                return Err(Trouble::Unreadable(format!(
                    "the price is in {} and the balance in {}",
                    balance.currency, told.currency
                )));
            }
            balance = told;
        }
        Ok(Quote {
            each: None,
            price: price.price,
            balance,
            promo: price.promo,
            warnings: price.warnings,
            method: request.method,
            asked_at,
            paid_before: None,
            order: None,
        })
    }

    /// Buying is no part of the protocol's first version.
    fn no_purchase() -> ReadError {
        ReadError::Refused { code: 2, message: "a program cannot buy in this version".to_owned() }
    }
}

fn ends(lease: &RequestLease) -> Ends<'_> {
    Ends { id: lease.id.as_str(), order: lease.order.as_str(), ends: lease.expires_at.to_string() }
}

#[async_trait::async_trait]
impl Reader for ProgramReader {
    fn capabilities(&self) -> &Capabilities {
        self.0.capabilities()
    }

    fn program(&self) -> Option<String> {
        self.0.digest()
    }

    async fn inventory(&self, purpose: Purpose) -> Result<Inventory, ReadError> {
        let fleet = self.0.list(purpose).await?;
        let balance = Reader::balance(self, purpose).await?;
        Ok(Inventory {
            leases: Arc::new(fleet.leases),
            balance,
            oddities: fleet.oddities,
            unreadable: 0,
            clock_skew: None,
            doubt: fleet.part.map(Doubt::Part),
            owner: None,
        })
    }

    async fn balance(&self, purpose: Purpose) -> Result<Balance, ReadError> {
        let can = self.0.ready().await.map_err(ReadError::NoAnswer)?;
        Ok(self.balance_of(purpose, can.requests("balance")).await?)
    }

    async fn periods(&self, kind: &Kind) -> Result<Vec<u32>, ReadError> {
        let can = self.0.ready().await.map_err(ReadError::NoAnswer)?;
        if !can.does("periods") {
            return Ok(can.periods.clone());
        }
        let read = |answer: &str, _| {
            let read = wire::object(answer.trim_end()).and_then(|answer| quote::days(&answer));
            read.map_err(Trouble::Unreadable)
        };
        let tokens = (Purpose::Routine, can.requests("periods"));
        Ok(self.0.ask("periods", &KindArgs { kind: kind.as_str() }, tokens, read).await?)
    }

    async fn promo_codes(&self) -> Result<Vec<PromoCode>, ReadError> {
        Ok(Vec::new())
    }

    async fn quote(&self, request: &RenewalRequest) -> Result<Quote, QuoteError> {
        Ok(self.price(request).await?)
    }

    async fn catalogue(&self) -> Result<Catalogue, ReadError> {
        Err(Self::no_purchase())
    }

    fn purchase_problems(&self, _request: &PurchaseRequest) -> Vec<FieldProblem> {
        vec![FieldProblem { field: "account", message: Self::no_purchase().to_string() }]
    }

    async fn quote_purchase(&self, _request: &PurchaseRequest) -> Result<Quote, QuoteError> {
        Err(QuoteError::Refused { code: 2, message: Self::no_purchase().to_string() })
    }

    async fn quote_cycle(&self, _request: &ChangeRequest, _cycle: &str) -> Result<Option<Money>, QuoteError> {
        Ok(None)
    }
}
