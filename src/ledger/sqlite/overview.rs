//! The reading side of the port: each call one snapshot, nothing else.
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use rusqlite::OpenFlags;

use super::{Back, SqliteLedger, chain, connect, leases, open, outlooks, pages};
use crate::domain::{AccountName, IntentId, LeaseId, State};
use crate::ledger::{
    IntentRecord, LastPrice, LedgerError, LivedLease, Outlook, Overview, PaymentPlace, PaymentQuery,
    StoredDecision, StoredLease,
};

impl Overview for SqliteLedger {
    fn count_payments(&self, states: &[State]) -> Result<usize, LedgerError> {
        self.read(|c| pages::count_in(c, states))
    }

    fn has_payments(&self) -> Result<bool, LedgerError> {
        self.read(|c| Ok(c.query_row("SELECT EXISTS (SELECT 1 FROM intent)", [], |r| r.get(0))?))
    }

    fn payments(
        &self,
        query: &PaymentQuery,
        after: Option<&PaymentPlace>,
        most: usize,
    ) -> Result<Vec<IntentRecord>, LedgerError> {
        self.read(|c| pages::page(c, query, after, most))
    }

    fn parts(&self, id: &IntentId) -> Result<Vec<IntentRecord>, LedgerError> {
        self.read(|c| pages::parts(c, id))
    }

    fn present_names(&self, name: &AccountName) -> Result<Vec<AccountName>, LedgerError> {
        self.read(|c| outlooks::present_names(c, name))
    }

    fn lived(&self, account: &AccountName, since: Timestamp) -> Result<Vec<LivedLease>, LedgerError> {
        self.read(|c| leases::lived(c, account, since))
    }

    fn last_price(&self, account: &AccountName, lease: &LeaseId) -> Result<Option<LastPrice>, LedgerError> {
        self.read(|c| outlooks::price(c, account, lease))
    }

    fn leases_called(&self, target: &str) -> Result<Vec<StoredLease>, LedgerError> {
        self.read(|c| outlooks::called(c, target))
    }

    fn decided(
        &self,
        account: &AccountName,
        after: Option<&LeaseId>,
        most: usize,
    ) -> Result<Vec<(LeaseId, StoredDecision)>, LedgerError> {
        self.read(|c| outlooks::decided(c, account, after, most))
    }

    fn record_outlooks(&self, outlooks: &[Outlook]) -> Result<(), LedgerError> {
        self.write(|tx| outlooks::record(tx, outlooks))
    }

    fn outlooks(&self) -> Result<Vec<Outlook>, LedgerError> {
        self.read(outlooks::all)
    }

    fn verify(&self) -> Result<(), LedgerError> {
        if let Back::Server(_) = &self.back {
            // Its pages are the server's own affair.
        } else if self.path.is_file() {
            // On a connection of its own: a large ledger takes its time, and nobody waits for it meanwhile.
            open::undamaged(
                &connect::connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?,
                &self.path,
                true,
            )?;
        } else if let Some(connection) = self.connection() {
            open::undamaged(&connection, &self.path, true)?;
        }
        chain::link_older(self)?;
        self.verified.store(true, Ordering::Release);
        Ok(())
    }
}
