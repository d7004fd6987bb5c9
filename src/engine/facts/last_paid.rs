//! What the ledger has of leases for policies to look at: what last terms cost, read only where some policy asks, and which of them an
//! operator keeps.
use std::collections::HashMap;

use crate::domain::{AccountName, LeaseView, Money};
use crate::ledger::{Keeping, LastPrices, LedgerError, Prices};
use crate::policy::{self, Keep, Keeps, look_at_prices};
use crate::settings::Settings;

/// The last prices of every account, of none where no policy asks; and what is kept.
#[derive(Debug, Default)]
pub struct LastPaid {
    prices: HashMap<AccountName, LastPrices>,
    keeps: Keeps,
}

impl policy::LastPaid for LastPaid {
    fn last_paid(&self, lease: &LeaseView<'_>) -> Option<Money> {
        self.prices.get(lease.account)?.of(*lease).map(|last| last.amount)
    }

    fn keeps(&self) -> &Keeps {
        &self.keeps
    }
}

/// Reads what the policies of this config ask for.
///
/// # Errors
/// The ledger's.
pub fn last_paid<L: Prices + Keeping + ?Sized>(
    ledger: &L,
    settings: &Settings,
) -> Result<LastPaid, LedgerError> {
    let keeps = keeps(ledger, settings)?;
    if !look_at_prices(&settings.policies) {
        return Ok(LastPaid { keeps, ..LastPaid::default() });
    }
    let of = |name: &AccountName| Ok((name.clone(), ledger.prices(name)?));
    let prices = settings.accounts.iter().map(|a| of(&a.name)).collect::<Result<_, _>>()?;
    Ok(LastPaid { prices, keeps })
}

/// What an operator keeps, each like the policy as it is called now.
///
/// # Errors
/// The ledger's.
pub fn keeps<L: Keeping + ?Sized>(ledger: &L, settings: &Settings) -> Result<Keeps, LedgerError> {
    let named = |keep: Keep| Keep { like: settings.policy_called(&keep.like).to_owned(), ..keep };
    Ok(Keeps::new(ledger.keeps()?.into_iter().map(named).collect()))
}
