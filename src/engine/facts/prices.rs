//! What a cycle learnt about prices, kept for the forecast: the quotes it got and the terms on offer. Decides nothing.
use jiff::Timestamp;

use crate::domain::{AccountName, Kind};
use crate::ledger::{LedgerError, SeenQuote};
use crate::planner::{Item, Offered};

use crate::engine::Viewer;

/// The note that keeps the periods on offer for a kind, in days, separated by commas.
#[must_use]
pub fn offered_note(account: &AccountName, kind: &Kind) -> String {
    format!("offered:{account}:{kind}")
}

/// Prices and terms that a pass learnt, and where it stores nothing, for its caller.
#[derive(Debug, Default)]
pub struct Learnt {
    /// The prices of single leases.
    pub quotes: Vec<SeenQuote>,
    /// The terms on offer, as far as they were asked.
    pub offered: Offered,
}

/// The quotes on the items. An odd price is the gate's affair: it must not keep the ledger from being written.
pub(in crate::engine) fn quotes_of(items: &[Item], now: Timestamp) -> Vec<SeenQuote> {
    let quotes = items.iter().filter_map(|item| {
        let quote = item.quote.as_ref().filter(|q| !q.amount.is_negative() && q.period_days > 0)?;
        Some(SeenQuote {
            account: item.lease.account.clone(),
            lease: item.lease.id.clone(),
            amount: quote.amount,
            currency: quote.currency.clone(),
            period_days: quote.period_days,
            term_end: item.lease.expires_at?,
            seen_at: now,
        })
    });
    quotes.collect()
}

impl Viewer {
    /// Keeps what was asked in this cycle; what did not change costs nothing.
    pub(in crate::engine) fn remember_prices(
        &self,
        items: &[Item],
        offered: &Offered,
    ) -> Result<(), LedgerError> {
        let now = self.clock.now().wall;
        self.ledger.record_quotes(now, &quotes_of(items, now))?;
        for ((account, kind), days) in offered {
            let Ok(days) = days else { continue };
            let (key, text) = (offered_note(account, kind), join(days));
            if self.ledger.noted(&key)?.as_ref() != Some(&text) {
                self.ledger.note(&key, &text)?;
            }
        }
        Ok(())
    }
}

fn join(days: &[u32]) -> String {
    days.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
