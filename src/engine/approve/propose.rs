//! What goes into a plan file: the payments that a cycle would make now, each to the letter, and the config behind them.
//! Spends nothing and writes nothing.
use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::domain::{Quote, RenewalRequest};
use crate::engine::approve::exact::ExactSet;
use crate::engine::observe::Seen;
use crate::engine::plan::Planned;
use crate::engine::{CycleReport, EngineError, Viewer};
use crate::hex::hex;
use crate::ledger::LedgerError;
use crate::planner::{Item, PaySet};
use crate::policy::{Reason, Word};
use crate::settings::Settings;

/// What of the config decides over payments, section by section, as hashes. No secret enters them: keys are typed, and a
/// typed secret formats as a placeholder.
#[must_use]
pub fn fingerprint(settings: &Settings) -> BTreeMap<String, String> {
    let rules = (&settings.timezone_name, &settings.timing, &settings.guard);
    let sections = [
        ("accounts", format!("{:?}", settings.accounts)),
        ("budgets", format!("{:?}", settings.budgets)),
        ("policies", format!("{:?}", settings.policies)),
        ("rules", format!("{rules:?}")),
    ];
    sections.into_iter().map(|(name, text)| (name.to_owned(), hex(&Sha256::digest(text)))).collect()
}

impl Viewer {
    /// A preview with the exact sets that a cycle would pay now. Writes nothing to the ledger and cannot pay.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn propose(&self) -> Result<(CycleReport, Vec<ExactSet>), EngineError> {
        let started = self.clock.now();
        let seen = self.look_around().await?;
        let clock_held = self.clocks(&started, &seen, false)?;
        let mut planned = self.plan(&seen, clock_held.clone(), 0, None).await?;
        let sets = self.exact_sets(&seen, &mut planned).await?;
        Ok((self.report(started, &seen, planned, clock_held)?, sets))
    }

    /// Every set with a clean quote for exactly its leases. A set that was formed after pricing is asked for now; one that
    /// gets no clean quote is held and not proposed.
    async fn exact_sets(&self, seen: &[Seen], planned: &mut Planned) -> Result<Vec<ExactSet>, LedgerError> {
        let mut sets = Vec::new();
        for set in std::mem::take(&mut planned.sets) {
            let Some(s) = seen.iter().find(|s| s.account.name == set.key.account) else { continue };
            // An operator's word on it pays it once, and no file does.
            if let Some(approval) = planned.plans.of(&set).and_then(|planned| planned.approval.as_ref()) {
                let prose = format!(
                    "approved {}: the next cycle pays it",
                    approval.approval.words(&self.settings.timezone)
                );
                let reason = Reason::new(Word::Approval, prose);
                set.members.iter().for_each(|&m| planned.items[m].reason = reason.clone());
                continue;
            }
            let ready = planned.ready.iter().find(|(asked, _)| asked == &set);
            let quote = match ready {
                Some((_, quote)) => Ok(quote.clone()),
                None => self.clean_quote(s, planned, &set).await?,
            };
            match quote {
                Ok(quote) => sets.extend(self.exact_set(s, &planned.items, &set, &quote)),
                Err(reason) => {
                    set.members.iter().for_each(|&m| planned.items[m].reason = reason.clone());
                }
            }
        }
        Ok(sets)
    }

    async fn clean_quote(
        &self,
        seen: &Seen,
        planned: &Planned,
        set: &PaySet,
    ) -> Result<Result<Quote, Reason>, LedgerError> {
        let items = Arc::new(planned.items.clone());
        let Some(desk) = self.desk(seen, &items)? else {
            return Ok(Err(Reason::new(Word::AccountDown, "its account has no reader")));
        };
        let asked = desk.pricing().ask(set).await;
        Ok(match (asked.verdict, asked.answer) {
            (Err(reason), _) => Err(reason),
            (Ok(priced), _) if priced.short => {
                Err(Reason::new(Word::ShortFunds, "the provider says that the balance does not cover it"))
            }
            (Ok(_), Ok(quote)) => Ok(quote),
            (Ok(_), Err(e)) => Err(Reason::new(Word::QuoteError, e.to_string())),
        })
    }

    /// That payment to the letter.
    pub(in crate::engine) fn exact_set(
        &self,
        seen: &Seen,
        items: &[Item],
        set: &PaySet,
        quote: &Quote,
    ) -> Option<ExactSet> {
        let request = set.request(items)?;
        Some(ExactSet {
            request: RenewalRequest { method: quote.method, ..request },
            provider: seen.account.provider.clone(),
            country: set.key.country.clone(),
            policy: self.settings.policies[set.key.policy].name.clone(),
            attempt: set.members.iter().map(|&m| items[m].attempt).max().unwrap_or(1),
            price: quote.price,
            currency: quote.balance.currency.clone(),
        })
    }
}
