//! The pay lease on a server: one statement for each thing, on a connection of its own, with time from the database alone.
//!
//! What a crash means: a statement that was sent may be done all the same. A lease that was taken so and never heard of runs out.
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::Mutex;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::failure::Failure;
use super::target::Target;
use crate::ledger::{LedgerError, Node, PayLease};
use crate::nodes::{LeaseRow, Taken};

const READ: &str = "SELECT epoch, holder, released, CAST(extract(epoch FROM expires_at - clock_timestamp()) * 1000 AS bigint)
    FROM pay_lease WHERE name = 'pay'";

/// It waits for a spend that has locked the row, and sees what that has written. What it takes from another that did not give it back is
/// noted as a failover of that epoch; of all failovers the taker's clocks are noted beside the database's, to tell time by.
const TAKE: &str = "WITH old AS (SELECT epoch, holder, released, expires_at FROM pay_lease WHERE name = 'pay'),
    taken AS (
      UPDATE pay_lease l SET epoch = l.epoch + 1, holder = $1, boot_id = $2, released = false,
        expires_at = clock_timestamp() + $3::bigint * interval '1 millisecond'
      WHERE l.name = 'pay' AND (l.released OR l.expires_at < clock_timestamp() OR (l.holder = $1 AND $4::boolean))
      RETURNING l.epoch),
    told AS (
      INSERT INTO note (key, value)
      SELECT 'failover:' || old.epoch,
        CAST(extract(epoch FROM least(old.expires_at, clock_timestamp())) * 1000 AS bigint) || ' ' || $5::text || ' '
          || CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint) || ' ' || $5::text
      FROM old, taken WHERE NOT old.released AND old.holder <> $1
      ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value),
    seen AS (
      UPDATE note SET value = split_part(value, ' ', 1) || ' ' || split_part(value, ' ', 2) || ' ' || split_part(value, ' ', 3)
        || ' ' || split_part(value, ' ', 4) || ' ' || CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint) || ' ' || $5::text
      WHERE key LIKE 'failover:%' AND EXISTS (SELECT 1 FROM taken))
    SELECT taken.epoch, CASE WHEN NOT old.released AND old.holder <> $1 THEN old.holder END FROM taken, old";

const KEEP: &str =
    "UPDATE pay_lease SET expires_at = clock_timestamp() + $3::bigint * interval '1 millisecond'
    WHERE name = 'pay' AND epoch = $1 AND holder = $2 AND NOT released RETURNING epoch";

const RELEASE: &str =
    "UPDATE pay_lease SET released = true WHERE name = 'pay' AND epoch = $1 AND holder = $2";

/// The row of a server.
pub(in crate::ledger) struct ServerLease {
    target: Target,
    /// As long as the server may take for one of them.
    patience: Duration,
    /// `None` while a statement is under way: one that is given up takes its connection with it.
    client: Mutex<Option<Client>>,
}

fn ms(span: SignedDuration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

impl ServerLease {
    /// Of the ledger there. Nothing is asked yet.
    pub fn new(target: Target, ttl: SignedDuration) -> Self {
        let patience = (ttl / 3).unsigned_abs().max(Duration::from_millis(20));
        Self { target, patience, client: Mutex::new(None) }
    }

    fn told(&self, e: tokio_postgres::Error) -> LedgerError {
        LedgerError::met(&self.target.label(), &Failure::from(e).to_string())
    }

    async fn connect(&self) -> Result<Client, tokio_postgres::Error> {
        let client = match &self.target.tls {
            None => {
                let (client, connection) = self.target.config.connect(NoTls).await?;
                tokio::spawn(async move { drop(connection.await) });
                client
            }
            Some(tls) => {
                let tls = MakeRustlsConnect::new(tls.as_ref().clone());
                let (client, connection) = self.target.config.connect(tls).await?;
                tokio::spawn(async move { drop(connection.await) });
                client
            }
        };
        let ms = self.patience.as_millis();
        client.batch_execute(&format!("SET statement_timeout = {ms}; SET lock_timeout = {ms}")).await?;
        Ok(client)
    }

    async fn ask(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, LedgerError> {
        let mut slot = self.client.lock().await;
        let client = match slot.take().filter(|client| !client.is_closed()) {
            Some(client) => client,
            None => self.connect().await.map_err(|e| self.told(e))?,
        };
        let done = client.query(sql, values).await;
        if !client.is_closed() {
            *slot = Some(client);
        }
        done.map_err(|e| self.told(e))
    }

    fn value<'a, T: tokio_postgres::types::FromSql<'a>>(
        &self,
        row: &'a Row,
        at: usize,
    ) -> Result<T, LedgerError> {
        row.try_get(at).map_err(|e| self.told(e))
    }
}

#[async_trait::async_trait]
impl PayLease for ServerLease {
    async fn read(&self) -> Result<Option<LeaseRow>, LedgerError> {
        let rows = self.ask(READ, &[]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(LeaseRow {
            epoch: self.value(row, 0)?,
            holder: self.value(row, 1)?,
            released: self.value(row, 2)?,
            left: SignedDuration::from_millis(self.value(row, 3)?),
        }))
    }

    async fn take(&self, node: &Node, ttl: SignedDuration, back: bool) -> Result<Option<Taken>, LedgerError> {
        let now = node.now.noted();
        let rows = self.ask(TAKE, &[&node.name, &node.now.boot_id, &ms(ttl), &back, &now]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(Taken { epoch: self.value(row, 0)?, from: self.value(row, 1)? }))
    }

    async fn keep(&self, node: &Node, epoch: i64, ttl: SignedDuration) -> Result<bool, LedgerError> {
        Ok(!self.ask(KEEP, &[&epoch, &node.name, &ms(ttl)]).await?.is_empty())
    }

    async fn release(&self, node: &Node, epoch: i64) -> Result<(), LedgerError> {
        self.ask(RELEASE, &[&epoch, &node.name]).await.map(drop)
    }
}
