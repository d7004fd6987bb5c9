//! Reads the answer to a price question, and makes a quote of it and of the order's own record. Pure.
//!
//! Nothing binds a renewal's price: the higher of what the order paid and what a new one would cost is taken, and the warnings that
//! this provider does not give are made here. Not responsible for caps and jumps. Source: `/orders/calculate`.
use crate::domain::{
    Balance, Method, Moment, Money, OrderNow, PromoStatus, PurchaseRequest, Quote, QuoteError,
    RenewalRequest, RequestLease, Warning,
};
use crate::providers::Words;

use super::detail::{Detail, Figure};
use super::envelope::{self, Trouble};
use super::json::Object;
use super::wire::{AddonBody, End, Status};

/// What `/orders/calculate` says. A figure that is missing or not whole cents is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calculated {
    original: Option<Money>,
    last: Option<Money>,
    with_addons: Option<Money>,
}

impl Calculated {
    /// Reads the body.
    pub fn read(body: &[u8], words: &Words) -> Result<Self, Trouble> {
        let answer: Object<'_> = envelope::object(body, words)?;
        let figure = |key: &str| Figure::of(&answer, key).money();
        let calculated = Self {
            original: figure("original_price"),
            last: figure("final_price"),
            with_addons: figure("total_with_addons"),
        };
        if calculated.last.or(calculated.with_addons).is_none() {
            return Err(Trouble::Unreadable("`final_price` is not a whole number of cents".to_owned()));
        }
        Ok(calculated)
    }

    /// The price of everything; with add-ons only where the answer has a total of its own for them.
    pub fn total(&self, with_addons: bool) -> Option<Money> {
        if with_addons { self.with_addons } else { self.with_addons.or(self.last) }
    }

    /// The highest figure for everything, good enough as a floor.
    fn floor(&self) -> Option<Money> {
        self.with_addons.max(self.last)
    }
}

/// The add-ons that an order has in its next term, as the question about a price spells them; `None` where they cannot be
/// read.
pub fn next_addons(detail: &Detail) -> Option<Vec<AddonBody<'_>>> {
    let addons = detail.addons.as_deref()?;
    let left = addons.iter().filter(|addon| addon.next_qty() != Some(0));
    left.map(|addon| Some(AddonBody { addon_key: addon.key.as_deref()?, qty: addon.next_qty()? })).collect()
}

/// What a renewal is priced from.
pub struct Renewal<'a> {
    /// What is to be renewed.
    pub request: &'a RenewalRequest,
    /// The order as it is now.
    pub detail: &'a Detail,
    /// What a new order of its kind costs, if that could be asked.
    pub calculated: Option<Calculated>,
    /// The wallet now.
    pub wallet: Balance,
    /// Before the first question left.
    pub asked_at: Moment,
}

impl Renewal<'_> {
    /// The quote.
    ///
    /// # Errors
    /// [`QuoteError::Unreadable`] where neither the order nor the price list says what it costs, or the order's own figures cannot
    /// be read.
    pub fn quote(self, words: &Words) -> Result<Quote, QuoteError> {
        let unreadable = |what: String| QuoteError::Unreadable(what);
        let own = self.detail.next().map_err(unreadable)?;
        let paid_before = self.detail.paid().map_err(unreadable)?;
        let price = match own {
            Some(own) => self.calculated.as_ref().and_then(Calculated::floor).map_or(own, |new| own.max(new)),
            None => self.new_price().ok_or_else(|| {
                QuoteError::Unreadable(
                    "the order does not say what it paid, and nothing else says what it costs".to_owned(),
                )
            })?,
        };
        if !price.is_positive() {
            return Err(QuoteError::Unreadable("the price is not above zero".to_owned()));
        }
        let (warnings, order) = (self.warnings(price, words), self.order_now());
        Ok(Quote {
            price,
            balance: self.wallet,
            // A renewal carries no code, so nothing can be said of one.
            promo: None,
            warnings,
            method: Method::Leases,
            asked_at: self.asked_at,
            paid_before,
            each: None,
            order,
        })
    }

    /// The price of a new order, where it is surely for as many and for the same add-ons.
    fn new_price(&self) -> Option<Money> {
        self.detail.quantity?;
        let addons = next_addons(self.detail)?;
        self.calculated.as_ref()?.total(!addons.is_empty())
    }

    /// Of an order that stands elsewhere than on hold nothing is told but the warning; one whose end cannot be read is left to
    /// the lists.
    fn order_now(&self) -> Option<OrderNow> {
        let facts = &self.detail.facts;
        (self.detail.status == Some(Status::OnHold) && facts.end != End::Unreadable)
            .then(|| OrderNow { end: facts.end.at(), provider_renews: facts.auto_renewal })
    }

    fn warnings(&self, price: Money, words: &Words) -> Vec<Warning> {
        let mut found = Vec::new();
        let mut say = |message: String| found.push(Warning { code: None, message, short_of_funds: false });
        match &self.detail.status {
            Some(Status::OnHold) => {}
            Some(Status::Active) => {
                say("the order is active again: it can be renewed only while it is on hold".to_owned());
            }
            Some(Status::Cancelled) => say("the order is cancelled: it cannot be renewed".to_owned()),
            Some(Status::Other(word)) => {
                say(format!("the order is `{}`, which nobody knows: it is left alone", words.quote(word)));
            }
            None => say("the order does not say whether it is on hold".to_owned()),
        }
        let expected = self.request.leases.first().map(RequestLease::end);
        let told = self.detail.facts.end.at();
        if let (Some(expected), Some(told)) = (expected, told)
            && !told.stands(expected, self.request.period_days)
        {
            say(format!("the order ends {}, not {} as expected", told.at, expected.at));
        }
        if self.wallet.amount < price {
            found.push(short_of_funds(price, &self.wallet));
        }
        found
    }
}

fn short_of_funds(price: Money, wallet: &Balance) -> Warning {
    Warning {
        code: None,
        message: format!("{price} {} needed, the wallet has {}", wallet.currency, wallet.amount),
        short_of_funds: true,
    }
}

/// The quote of a purchase.
///
/// # Errors
/// [`QuoteError::Unreadable`] where the answer has no readable price for all that was asked for.
pub fn purchase(
    request: &PurchaseRequest,
    calculated: &Calculated,
    wallet: Balance,
    asked_at: Moment,
) -> Result<Quote, QuoteError> {
    let price = calculated
        .total(!request.addons.is_empty())
        .filter(|price| price.is_positive())
        .ok_or_else(|| QuoteError::Unreadable("no whole price above zero stands in the answer".to_owned()))?;
    let reduced = calculated.original.zip(calculated.last).is_some_and(|(from, to)| to < from);
    let promo =
        request.promo.as_ref().map(|_| if reduced { PromoStatus::Valid } else { PromoStatus::Invalid });
    let warnings = if wallet.amount < price { vec![short_of_funds(price, &wallet)] } else { Vec::new() };
    Ok(Quote {
        price,
        balance: wallet,
        promo,
        warnings,
        method: Method::Leases,
        asked_at,
        paid_before: None,
        each: None,
        order: None,
    })
}

#[cfg(test)]
#[path = "quote_tests.rs"]
mod tests;
