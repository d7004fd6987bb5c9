//! The gate of a purchase: as for a renewal, a clean price for exactly this, or nothing is paid. Decides on what it is handed and on the
//! currency that the ledger knows of the account; a crash in it has changed nothing. Not responsible for asking the price.
use crate::domain::{PromoStatus, PurchaseRequest, Quote, QuoteError};
use crate::engine::order::buy::{Asked, held};
use crate::engine::{Viewer, currency_note};
use crate::policy::{Reason, Word};
use crate::settings::Account;

impl Viewer {
    /// The gate of a purchase: as for a renewal, a clean price for exactly this, or nothing is paid.
    pub(super) fn judge(
        &self,
        account: &Account,
        request: &PurchaseRequest,
        answer: Result<Quote, QuoteError>,
    ) -> Asked {
        let quote = match answer {
            Ok(quote) => quote,
            Err(e @ QuoteError::Unreadable(_)) => return held(Word::QuoteUnreadable, e.to_string(), None),
            Err(e) => return held(Word::QuoteError, e.to_string(), None),
        };
        let stop = self.against(account, request, &quote);
        match stop {
            Some(reason) => Asked::Held { reason, quote: Some(quote) },
            None => Asked::Priced(quote),
        }
    }

    fn against(&self, account: &Account, request: &PurchaseRequest, quote: &Quote) -> Option<Reason> {
        let because = |word, text: String| Some(Reason::new(word, text));
        if let Some(w) = quote.warnings.iter().find(|w| !w.short_of_funds) {
            return because(Word::ProviderWarning, format!("the provider warns: {}", w.message));
        }
        let currency = &quote.balance.currency;
        let noted = self.ledger.noted(&currency_note(&account.name)).ok().flatten();
        if let Some(before) = noted.filter(|c| !c.is_empty() && c != currency.as_str()) {
            return because(
                Word::CurrencyChanged,
                format!("the quote is in {currency}, and the account was in {before}"),
            );
        }
        let policy = self.policy_of(request);
        let required = request.promo.is_some() && policy.is_some_and(|p| p.promo_required);
        if request.promo.is_some() && quote.promo == Some(PromoStatus::Invalid)
            || required && quote.promo != Some(PromoStatus::Valid)
        {
            return because(
                Word::PromoInvalid,
                "the promo code is not accepted: leave it out to buy at the full price".into(),
            );
        }
        // `max_price` is for one lease: where an order is one lease, for the whole of it.
        let one = self.readers.get(&account.name).is_some_and(|r| r.capabilities().sells_cycles);
        let leases = if one { 1 } else { u64::from(request.quantity) };
        let cap = policy.and_then(|p| p.max_price);
        if let Some(cap) = cap.filter(|c| c.times(leases).is_none_or(|all| quote.price > all)) {
            let text =
                format!("{} {currency} for {} is over max_price {cap} each", quote.price, request.quantity);
            return because(Word::PriceCap, text);
        }
        let after = quote.balance.amount.minus(quote.price);
        let short = quote.warnings.iter().any(|w| w.short_of_funds);
        (short || after.is_none_or(|a| a < account.keep_balance)).then(|| {
            let keep = account.keep_balance;
            let text = format!(
                "{} {currency} needed, the balance is {}, {keep} of it is kept",
                quote.price, quote.balance.amount
            );
            Reason::new(Word::ShortFunds, text)
        })
    }
}
