//! The numbered files in `migrations/postgres/`, and how far a database has come. Forward only: a shipped file never changes, and what ran
//! is in the table `schema_migration` with its hash. A crash in the middle leaves the schema as it was.
use rusqlite::types::Value;
use sha2::{Digest, Sha256};

use super::failure::Failure;
use super::link::Link;

/// Every shipped migration, name and text, oldest first.
pub const MIGRATIONS: &[(&str, &str)] = &[
    ("0001_ledger.sql", include_str!("../../../migrations/postgres/0001_ledger.sql")),
    ("0002_requests.sql", include_str!("../../../migrations/postgres/0002_requests.sql")),
    ("0003_hooks.sql", include_str!("../../../migrations/postgres/0003_hooks.sql")),
    ("0004_sent_by_boot.sql", include_str!("../../../migrations/postgres/0004_sent_by_boot.sql")),
];

/// How far a database has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ledger) enum Schema {
    /// There is no ledger in it.
    None,
    /// As far as this build knows.
    Known,
    /// Not as far.
    Older(i64),
    /// Farther.
    Newer(i64),
    /// Not by files of ours.
    Foreign(String),
}

impl Schema {
    /// The newest number that this build knows.
    pub fn known() -> i64 {
        i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
    }
}

/// The hash of a file's text.
fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}

/// How far it has come.
pub(in crate::ledger) fn schema(link: &Link) -> Result<Schema, Failure> {
    let there = link.run("SELECT to_regclass('schema_migration') IS NOT NULL", Vec::new())?;
    if there.rows != [[Value::Integer(1)]] {
        return Ok(Schema::None);
    }
    let ran = link.run("SELECT number, sha256 FROM schema_migration ORDER BY number", Vec::new())?;
    for (row, (name, text)) in ran.rows.iter().zip(MIGRATIONS) {
        if row.get(1) != Some(&Value::Text(hash(text))) {
            return Ok(Schema::Foreign((*name).to_owned()));
        }
    }
    let found = i64::try_from(ran.rows.len()).unwrap_or(i64::MAX);
    Ok(match found.cmp(&Schema::known()) {
        std::cmp::Ordering::Less => Schema::Older(found),
        std::cmp::Ordering::Equal => Schema::Known,
        std::cmp::Ordering::Greater => Schema::Newer(found),
    })
}

/// Brings it as far as this build knows, in one transaction. Of two that do so at once one fails, and finds it done.
pub(in crate::ledger) fn bring_up(link: &Link) -> Result<(), Failure> {
    let done = in_one(link);
    if done.is_err() {
        let _ = link.plain("ROLLBACK");
        if matches!(schema(link), Ok(Schema::Known)) {
            return Ok(());
        }
    }
    done
}

fn in_one(link: &Link) -> Result<(), Failure> {
    link.begin("BEGIN")?;
    let from = match schema(link)? {
        Schema::None => 0,
        Schema::Older(found) => {
            link.plain("LOCK TABLE schema_migration IN EXCLUSIVE MODE")?;
            usize::try_from(found).unwrap_or_default()
        }
        _ => return link.plain("ROLLBACK"),
    };
    for (number, (name, text)) in (1_i64..).zip(MIGRATIONS).skip(from) {
        link.plain(text)?;
        link.run(
            "INSERT INTO schema_migration (number, name, sha256) VALUES (?1, ?2, ?3)",
            vec![Value::Integer(number), Value::Text((*name).to_owned()), Value::Text(hash(text))],
        )?;
    }
    link.plain(
        "INSERT INTO note (key, value) VALUES ('ledger.id', replace(gen_random_uuid()::text, '-', '')) ON CONFLICT (key) DO NOTHING",
    )?;
    match link.commit()? {
        None => Ok(()),
        Some(warning) => Err(Failure::Away(warning)),
    }
}
