//! The gate: a quote is clean, or nothing is paid (contract I9).
//!
//! Responsible for warnings, promo, currency, caps and age. Short funds and budgets are judged in `fill`, which sees all
//! that wants money at once.
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::domain::{Currency, Method, Money, PromoStatus, Quote, QuoteError, RenewalRequest};
use crate::policy::{Policy, Reason, Word, jumps};

/// A quote is good for so long.
pub const QUOTE_AGE: SignedDuration = SignedDuration::from_secs(60);

/// What the gate looks at.
#[derive(Debug)]
pub struct GateInput<'a> {
    /// What was asked.
    pub request: &'a RenewalRequest,
    /// The policy that wants it.
    pub policy: &'a Policy,
    /// Per lease of the request: amount for one period and its days, if it was ever paid.
    pub last: Vec<Option<(Money, u32)>>,
    /// The currency that this account had until now.
    pub currency: Option<&'a Currency>,
    /// Now.
    pub now: Timestamp,
}

/// A price that may be paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Priced {
    /// For the whole request.
    pub total: Money,
    /// Per lease, adding up to the total.
    pub shares: Vec<Money>,
    /// The provider says that the balance does not cover it: a price to plan with, not one to pay.
    pub short: bool,
}

/// Judges a quote.
///
/// # Errors
/// The reason why this request may not be paid.
pub fn gate(input: &GateInput<'_>, answer: &Result<Quote, QuoteError>) -> Result<Priced, Reason> {
    let quote = match answer {
        Ok(quote) => quote,
        Err(QuoteError::Unreadable(_)) => return Err(Reason::new(Word::QuoteUnreadable, text(answer))),
        Err(QuoteError::NotSold { .. }) => return Err(Reason::new(Word::PeriodNotOffered, text(answer))),
        Err(_) => return Err(Reason::new(Word::QuoteError, text(answer))),
    };
    let age = input.now.duration_since(quote.asked_at.wall);
    if age > QUOTE_AGE || age < -QUOTE_AGE {
        return Err(Reason::new(Word::QuoteError, "the quote is over 60 s old"));
    }
    if let Some(w) = quote.warnings.iter().find(|w| !w.short_of_funds) {
        let code = w.code.map(|c| format!("code {c}: ")).unwrap_or_default();
        return Err(Reason::new(Word::ProviderWarning, format!("the provider warns: {code}{}", w.message)));
    }
    let currency = &quote.balance.currency;
    if let Some(before) = input.currency.filter(|before| *before != currency) {
        return Err(Reason::new(
            Word::CurrencyChanged,
            format!("the quote is in {currency}, and the account was in {before}"),
        ));
    }
    promo(input, quote)?;
    if quote.method == Method::Order && input.request.method == Method::Leases {
        fits_the_known_count(input, quote)?;
    }
    caps(input, quote)?;
    let shares = quote.price.shares(input.request.leases.len());
    Ok(Priced { total: quote.price, shares, short: !quote.warnings.is_empty() })
}

fn text(answer: &Result<Quote, QuoteError>) -> String {
    answer.as_ref().err().map(ToString::to_string).unwrap_or_default()
}

fn promo(input: &GateInput<'_>, quote: &Quote) -> Result<(), Reason> {
    match (&input.policy.promo_code, input.policy.promo_required) {
        (Some(code), true) if quote.promo != Some(PromoStatus::Valid) => Err(Reason::new(
            Word::PromoInvalid,
            format!("promo code `{code}` is required and was not accepted"),
        )),
        _ => Ok(()),
    }
}

/// An order may hold addresses that the list hides; it is paid by order only at a price known for those in the list.
fn fits_the_known_count(input: &GateInput<'_>, quote: &Quote) -> Result<(), Reason> {
    let days = i64::from(input.request.period_days);
    let known: Option<Decimal> = input.last.iter().try_fold(Decimal::ZERO, |sum, last| {
        let (amount, last_days) = (*last)?;
        sum.checked_add(
            amount.decimal().checked_mul(Decimal::from(days))?.checked_div(Decimal::from(last_days))?,
        )
    });
    let cap =
        input.policy.max_price.and_then(|m| m.times(input.request.leases.len() as u64)).map(Money::decimal);
    match known.or(cap) {
        Some(most) if quote.price.decimal() <= most => Ok(()),
        Some(most) => Err(Reason::new(
            Word::QuoteError,
            format!(
                "the provider takes this order only whole and asks {}, more than {most} for the addresses listed",
                quote.price
            ),
        )),
        None => Err(Reason::new(
            Word::QuoteError,
            "the provider takes this order only whole, and no earlier price or `max_price` says what its listed addresses cost",
        )),
    }
}

fn caps(input: &GateInput<'_>, quote: &Quote) -> Result<(), Reason> {
    let n = input.request.leases.len() as u64;
    let currency = &quote.balance.currency;
    if let Some(cap) = input.policy.max_price
        && cap.times(n).is_none_or(|all| quote.price > all)
    {
        let each = if n == 1 { String::new() } else { format!(" for {n} leases") };
        // Of several periods, people want to know which.
        let term = match input.policy.periods.len() > 1 && input.request.cycle.is_none() {
            true => format!(" for {} days", input.request.period_days),
            false => String::new(),
        };
        return Err(Reason::new(
            Word::PriceCap,
            format!("{}{each} {currency}{term} is over max_price {cap}", quote.price),
        ));
    }
    let Some(jump) = input.policy.max_price_jump else { return Ok(()) };
    for (share, last) in quote.price.shares(input.request.leases.len()).into_iter().zip(&input.last) {
        let Some((paid, days)) = *last else { continue };
        if jumps(jump, (share, input.request.period_days), (paid, days)) {
            return Err(Reason::new(
                Word::PriceJump,
                format!(
                    "{share} {currency} for {} days is over {jump} more than the last {paid} for {days} days",
                    input.request.period_days
                ),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
