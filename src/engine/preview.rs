//! The pass that never pays: it observes, plans and prices, and writes nothing to the ledger. A crash in it has changed nothing.
//! Not responsible for what a whole cycle does besides (`cycle.rs`).
use std::collections::BTreeMap;
use std::sync::Arc;

use super::{CycleReport, EngineError, Viewer};
use crate::domain::identity::Verdict;
use crate::engine::approve::asking::hold_all;
use crate::engine::facts::prices::{Learnt, quotes_of};
use crate::engine::observe::Seen;
use crate::engine::observe::clock_check::Clocks;
use crate::ledger::LedgerError;
use crate::planner::{Draft, Standing};

impl Viewer {
    /// Observes, plans and prices. Writes nothing to the ledger and cannot pay.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn preview(&self) -> Result<CycleReport, EngineError> {
        Ok(self.look(false).await?.0)
    }

    /// The same, and asks the terms and prices of what falls due later, where the ledger knows none: a few free questions.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn preview_ahead(&self) -> Result<(CycleReport, Learnt), EngineError> {
        self.look(true).await
    }

    /// What would be decided by what is on record now, before any price is asked. Asks no provider and writes nothing.
    ///
    /// # Errors
    /// The ledger's.
    pub fn drawn_as_stored(&self) -> Result<Draft, LedgerError> {
        let now = self.clock.now();
        let seen = self.settings.accounts.iter().map(|account| {
            let leases = Arc::new(self.ledger.last_list(&account.name)?);
            Ok(Seen {
                account: account.clone(),
                standing: Standing::Good,
                leases,
                difference: Arc::default(),
                missing: Vec::new(),
                mark: None,
                balance: None,
                currency: None,
                began: now.clone(),
                unreadable: 0,
                skew: None,
                fresh: false,
                log: Default::default(),
                identity: Verdict::Known,
                barred: None,
            })
        });
        let seen = seen.collect::<Result<Vec<_>, LedgerError>>()?;
        let clocks = Clocks { all: None, accounts: BTreeMap::new() };
        let mut draft = self.draw(&seen, &clocks, &now)?.0;
        hold_all(&mut draft.items, &self.settings.policies, "its policy asks: somebody has to approve it");
        Ok(draft)
    }

    async fn look(&self, ahead: bool) -> Result<(CycleReport, Learnt), EngineError> {
        let started = self.clock.now();
        let seen = self.look_around().await?;
        let clock_held = self.clocks(&started, &seen, false)?;
        let mut planned = self.plan(&seen, clock_held.clone(), 0, None).await?;
        let mut learnt = Learnt { offered: std::mem::take(&mut planned.offered), ..Learnt::default() };
        if ahead {
            learnt = self.ask_ahead(&seen, &planned, learnt.offered).await?;
        }
        learnt.quotes.extend(quotes_of(&planned.items, started.wall));
        Ok((self.report(started, &seen, planned, clock_held)?, learnt))
    }
}
