//! The port's methods, each one transaction.
use std::collections::HashMap;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::backup::Backup;
use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{get_instant, instant};
use super::{Fault, SqliteLedger, alerts, facts, intents, payments};
use crate::domain::{AccountName, Event, IntentId, Inventory, LeaseId, Moment, Money, ProviderName, State};
use crate::ledger::{
    AccountFacts, AlertChange, Blocked, BudgetCheck, CycleRecord, CycleSummary, DecisionRow, EventDetail,
    IntentFilter, IntentRecord, KnownLease, LastPrice, Ledger, LedgerError, NewIntent, OpenAlert, OutboxMail,
    PauseRecord, QueuedMail, SettleRead, SpendPermit, SplitPart,
};

impl Ledger for SqliteLedger {
    fn start_cycle(&self, at: &Moment) -> Result<i64, LedgerError> {
        self.write(|tx| facts::start_cycle(tx, at))
    }

    fn end_cycle(&self, cycle: i64, at: &Moment, summary: &CycleSummary) -> Result<(), LedgerError> {
        self.write(|tx| facts::end_cycle(tx, cycle, at, summary))
    }

    fn last_cycle(&self) -> Result<Option<CycleRecord>, LedgerError> {
        self.read(facts::last_cycle)
    }

    fn note(&self, key: &str, value: &str) -> Result<(), LedgerError> {
        self.write(|tx| {
            Ok(tx
                .execute("INSERT OR REPLACE INTO note (key, value) VALUES (?1, ?2)", [key, value])
                .map(drop)?)
        })
    }

    fn noted(&self, key: &str) -> Result<Option<String>, LedgerError> {
        self.read(|c| c.query_row("SELECT value FROM note WHERE key = ?1", [key], |r| r.get(0)).optional())
    }

    /// Pages, not only a row: a disk with no room for a payment's log must be noticed before the payment.
    fn probe(&self) -> Result<(), LedgerError> {
        let filler = "x".repeat(64 * 1024);
        self.note("probe", &filler)?;
        self.write(|tx| Ok(tx.execute("DELETE FROM note WHERE key = 'probe'", []).map(drop)?))
    }

    fn record_inventory(
        &self,
        provider: &ProviderName,
        account: &AccountName,
        at: Timestamp,
        inventory: &Inventory,
    ) -> Result<(), LedgerError> {
        self.write(|tx| facts::record_inventory(tx, provider, account, at, inventory))
    }

    fn record_unread(
        &self,
        provider: &ProviderName,
        account: &AccountName,
        at: Timestamp,
        error: &str,
    ) -> Result<(), LedgerError> {
        self.write(|tx| facts::record_unread(tx, provider, account, at, error))
    }

    fn known_leases(&self, account: &AccountName) -> Result<Vec<KnownLease>, LedgerError> {
        self.read(|c| facts::known_leases(c, account))
    }

    fn accounts(&self) -> Result<Vec<AccountFacts>, LedgerError> {
        self.read(facts::accounts)
    }

    fn record_decisions(&self, cycle: i64, at: Timestamp, rows: &[DecisionRow]) -> Result<(), LedgerError> {
        self.write(|tx| facts::record_decisions(tx, cycle, at, rows))
    }

    fn reserve(
        &self,
        intent: &NewIntent,
        budgets: &[BudgetCheck],
    ) -> Result<Result<IntentId, Blocked>, LedgerError> {
        self.write(|tx| intents::reserve(tx, intent, budgets))
    }

    fn start_spend(&self, id: &IntentId, at: &Moment) -> Result<SpendPermit, LedgerError> {
        let request = self.write(|tx| intents::start_spend(tx, id, at))?;
        Ok(SpendPermit::on_commit(id.clone(), request))
    }

    fn append(
        &self,
        id: &IntentId,
        from: State,
        event: Event,
        detail: &EventDetail,
        at: &Moment,
    ) -> Result<State, LedgerError> {
        self.write(|tx| intents::append(tx, id, from, event, detail, at))
    }

    fn split(
        &self,
        id: &IntentId,
        from: State,
        parts: &[SplitPart],
        detail: &EventDetail,
        at: &Moment,
    ) -> Result<Vec<IntentId>, LedgerError> {
        self.write(|tx| intents::split(tx, id, from, parts, detail, at))
    }

    fn add_read(&self, id: &IntentId, read: &SettleRead) -> Result<(), LedgerError> {
        self.write(|tx| intents::add_read(tx, id, read))
    }

    fn intents(&self, filter: &IntentFilter) -> Result<Vec<IntentRecord>, LedgerError> {
        self.read(|c| payments::list(c, filter))
    }

    fn intent(&self, id: &IntentId) -> Result<IntentRecord, LedgerError> {
        payments::by_name(&self.lock(), id).map_err(|fault| match fault {
            Fault::Sql(e) => self.trouble(&e),
            Fault::Ledger(e) => e,
        })
    }

    fn spent(&self, check: &BudgetCheck) -> Result<Money, LedgerError> {
        self.read(|c| payments::spent(c, check))
    }

    fn last_prices(&self, account: &AccountName) -> Result<HashMap<LeaseId, LastPrice>, LedgerError> {
        self.read(|c| payments::last_prices(c, account))
    }

    fn set_paused(
        &self,
        account: Option<&AccountName>,
        paused: bool,
        at: Timestamp,
    ) -> Result<(), LedgerError> {
        let name = account.map_or("*", AccountName::as_str);
        self.write(|tx| {
            if paused {
                tx.execute(
                    "INSERT OR IGNORE INTO pause (account, since) VALUES (?1, ?2)",
                    [name, &instant(at)],
                )?;
            } else if account.is_none() {
                tx.execute("DELETE FROM pause", [])?;
            } else {
                tx.execute("DELETE FROM pause WHERE account = ?1", [name])?;
            }
            Ok(())
        })
    }

    fn paused(&self) -> Result<Vec<PauseRecord>, LedgerError> {
        self.read(|c| {
            c.prepare_cached("SELECT account, since FROM pause ORDER BY account")?
                .query_map([], |r| {
                    let account: String = r.get(0)?;
                    let account = (account != "*").then(|| AccountName::new(account));
                    Ok(PauseRecord { account, since: get_instant(r, "since")? })
                })?
                .collect()
        })
    }

    fn open_alerts(&self) -> Result<Vec<OpenAlert>, LedgerError> {
        self.read(alerts::open)
    }

    fn apply_alerts(
        &self,
        changes: &[AlertChange],
        mails: &[QueuedMail],
        at: Timestamp,
    ) -> Result<(), LedgerError> {
        if changes.is_empty() && mails.is_empty() {
            return Ok(());
        }
        self.write(|tx| alerts::apply(tx, changes, mails, at))
    }

    fn outbox(&self, due: Option<Timestamp>) -> Result<Vec<OutboxMail>, LedgerError> {
        self.read(|c| alerts::outbox(c, due))
    }

    fn mail_delivered(&self, id: i64, at: Timestamp) -> Result<(), LedgerError> {
        self.write(|tx| alerts::delivered(tx, id, at))
    }

    fn mail_failed(
        &self,
        id: i64,
        _at: Timestamp,
        next_at: Timestamp,
        error: &str,
    ) -> Result<(), LedgerError> {
        self.write(|tx| alerts::failed(tx, id, next_at, error))
    }

    fn backup(&self, to: &Path) -> Result<(), LedgerError> {
        let told =
            |e: &dyn std::fmt::Display| LedgerError::Trouble { path: to.to_owned(), message: e.to_string() };
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(|e| told(&e))?;
        let copy = || -> rusqlite::Result<String> {
            let mut target = Connection::open(to)?;
            // 1024 pages a step, so that a writer is never kept waiting for long.
            Backup::new(&self.lock(), &mut target)?.run_to_completion(
                1024,
                Duration::from_millis(2),
                None,
            )?;
            target.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
            target.query_row("PRAGMA integrity_check", params![], |r| r.get(0))
        };
        match copy() {
            Ok(verdict) if verdict == "ok" => Ok(()),
            Ok(verdict) => Err(told(&verdict)),
            Err(e) => {
                let _ = std::fs::remove_file(to);
                Err(told(&e))
            }
        }
    }
}
