//! The numbered files in `migrations/` and the schema number of a ledger. Forward only: a shipped file never changes.
use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

/// Every shipped migration, name and text, oldest first. The schema number of a ledger is how many of them it has seen.
pub const MIGRATIONS: &[(&str, &str)] = &[
    ("0001_ledger.sql", include_str!("../../../migrations/0001_ledger.sql")),
    ("0002_orders.sql", include_str!("../../../migrations/0002_orders.sql")),
    ("0003_quotes.sql", include_str!("../../../migrations/0003_quotes.sql")),
    ("0004_alerts.sql", include_str!("../../../migrations/0004_alerts.sql")),
    ("0005_channels.sql", include_str!("../../../migrations/0005_channels.sql")),
    ("0006_heard.sql", include_str!("../../../migrations/0006_heard.sql")),
    ("0007_terms.sql", include_str!("../../../migrations/0007_terms.sql")),
    ("0008_accounts.sql", include_str!("../../../migrations/0008_accounts.sql")),
    ("0009_charges.sql", include_str!("../../../migrations/0009_charges.sql")),
    ("0010_telling.sql", include_str!("../../../migrations/0010_telling.sql")),
    ("0011_digests.sql", include_str!("../../../migrations/0011_digests.sql")),
    ("0012_reading.sql", include_str!("../../../migrations/0012_reading.sql")),
    ("0013_pauses.sql", include_str!("../../../migrations/0013_pauses.sql")),
    ("0014_labels.sql", include_str!("../../../migrations/0014_labels.sql")),
    ("0015_named_channels.sql", include_str!("../../../migrations/0015_named_channels.sql")),
    ("0016_approvals.sql", include_str!("../../../migrations/0016_approvals.sql")),
    ("0017_keeps.sql", include_str!("../../../migrations/0017_keeps.sql")),
    ("0018_hooks.sql", include_str!("../../../migrations/0018_hooks.sql")),
    ("0019_sent_by_boot.sql", include_str!("../../../migrations/0019_sent_by_boot.sql")),
];

/// The newest schema number that this build knows.
pub(super) fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// The schema number of this file; 0 = nothing is in it yet.
pub(super) fn found(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |r| r.get(0))
}

/// What the first migration writes into the file's header: `RNWD`.
const APPLICATION: i64 = 0x524e_5744;

/// Whether the file is a ledger, or empty. A database of something else is never written into.
pub(super) fn ours(connection: &Connection) -> rusqlite::Result<bool> {
    let application: i64 = connection.query_row("PRAGMA application_id", [], |r| r.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0))?;
    Ok(application == APPLICATION || tables == 0)
}

/// Brings the file to the newest schema, in one transaction.
pub(super) fn to_latest(connection: &mut Connection) -> Result<(), rusqlite_migration::Error> {
    let steps: Vec<M<'_>> = MIGRATIONS.iter().map(|(_, sql)| M::up(sql).foreign_key_check()).collect();
    Migrations::new(steps).to_latest(connection)
}
