//! The pass that never pays: it observes, plans and prices, and writes nothing to the ledger. A crash in it has changed nothing.
//! Not responsible for what a whole cycle does besides (`passes`).
use super::observe::Seen;
use super::remember::{Learnt, quotes_of};
use super::{CycleReport, EngineError, Viewer};

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

    async fn look(&self, ahead: bool) -> Result<(CycleReport, Learnt), EngineError> {
        let started = self.clock.now();
        let seen: Vec<Seen> = self.observe().await?.into_iter().map(|(seen, _)| seen).collect();
        let clock_held = self.clocks(&started, &seen, false)?;
        let mut planned = self.plan(&seen, clock_held.clone(), 0, None).await?;
        let mut learnt = Learnt { offered: std::mem::take(&mut planned.offered), ..Learnt::default() };
        if ahead {
            learnt = self.ask_ahead(&seen, &planned.items, learnt.offered).await?;
        }
        learnt.quotes.extend(quotes_of(&planned.items, started.wall));
        Ok((self.report(started, &seen, planned, clock_held)?, learnt))
    }
}
