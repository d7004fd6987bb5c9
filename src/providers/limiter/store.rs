//! The file of requests, shared by every renewd process of a machine.
//!
//! It holds a hash of the key, never the key. A crash loses at most the newest rows (`synchronous=OFF`), which is one
//! minute's memory; nothing about money is in it.
use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::Purpose;
use super::window::{Token, WINDOW_MS};
use crate::ownership::like_folder;

/// How long another process may keep the file before this one goes on without it.
const BUSY: Duration = Duration::from_secs(2);

const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS request (
    account TEXT NOT NULL,
    boot TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    money INTEGER NOT NULL,
    held INTEGER NOT NULL
) STRICT";

/// Opens the file, making it where there is none; like the ledger it is its user's alone, and its folder's owner's
/// even if root makes it.
pub fn open(path: &Path) -> rusqlite::Result<Connection> {
    // Where this is not possible SQLite says why, or works all the same.
    if let Ok(file) = OpenOptions::new().append(true).create_new(true).mode(0o600).open(path) {
        path.parent().into_iter().for_each(|folder| like_folder(&file, folder));
    }
    let _ = std::fs::set_permissions(path, Permissions::from_mode(0o600));
    let conn = Connection::open(path)?;
    conn.busy_timeout(BUSY)?;
    conn.pragma_update(None, "synchronous", "OFF")?;
    conn.execute_batch(SCHEMA)?;
    Ok(conn)
}

/// One exclusive look at an account's requests.
pub struct Look<'a> {
    tx: Transaction<'a>,
    account: &'a str,
}

impl<'a> Look<'a> {
    /// Waits for the write lock: nobody else takes a token before [`Look::close`].
    pub fn begin(conn: &'a mut Connection, account: &'a str) -> rusqlite::Result<Self> {
        Ok(Self { tx: conn.transaction_with_behavior(TransactionBehavior::Immediate)?, account })
    }

    /// Drops what counts no more and returns the rest. `now_ms` must be read after [`Look::begin`], so that the rows of
    /// other processes are not in its future.
    pub fn tokens(&self, boot: &str, now_ms: i64) -> rusqlite::Result<Vec<Token>> {
        self.tx.execute(
            "DELETE FROM request WHERE boot <> ?1 OR at_ms < ?2 OR at_ms > ?3",
            params![boot, now_ms.saturating_sub(WINDOW_MS), now_ms],
        )?;
        let mut rows = self.tx.prepare_cached("SELECT at_ms, money, held FROM request WHERE account = ?1")?;
        rows.query_map([self.account], |row| {
            let purpose = if row.get(1)? { Purpose::Money } else { Purpose::Routine };
            Ok(Token { at_ms: row.get(0)?, purpose, held: row.get(2)? })
        })?
        .collect()
    }

    /// Writes one token.
    pub fn add(&self, boot: &str, token: Token) -> rusqlite::Result<()> {
        let money = token.purpose == Purpose::Money;
        self.tx.prepare_cached("INSERT INTO request VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(params![
            self.account,
            boot,
            token.at_ms,
            money,
            token.held
        ])?;
        Ok(())
    }

    /// Takes out the oldest token that is held for a payment.
    pub fn remove_held(&self) -> rusqlite::Result<()> {
        self.tx.execute(
            "DELETE FROM request WHERE rowid =
             (SELECT rowid FROM request WHERE account = ?1 AND held ORDER BY at_ms LIMIT 1)",
            [self.account],
        )?;
        Ok(())
    }

    /// Commits.
    pub fn close(self) -> rusqlite::Result<()> {
        self.tx.commit()
    }
}
