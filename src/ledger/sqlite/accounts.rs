//! Accounts by number: what is known of each, and what it is called.
//!
//! Rows that change have an account's present name; when it is called otherwise, all of them follow in one transaction. A crash before its
//! commit leaves every name as it was, and the next pass finds the same to do. Not responsible for who an account is (`identity`).
use std::collections::HashMap;

use crate::ledger::session::{self, Connection, Transaction, params};
use jiff::Timestamp;

use super::{Fault, cycles, leases};
use crate::domain::identity::{Attached, Claim, Numbered, Place, Step, attach};
use crate::domain::{AccountName, Lease, ProviderName};
use crate::ledger::sqlite::column::instant;
use crate::ledger::{ACCEPTED, LOST_UNTOLD, losses, losses_note};

/// Compares the config with what is known. Reads only.
pub(super) fn compare(c: &Connection, claims: &[Claim], at: Timestamp) -> Result<Attached, Fault> {
    let known = known(c, claims, at)?;
    let mut accepted = HashMap::new();
    for claim in claims {
        let noted = cycles::noted(c, &format!("{ACCEPTED}:{}", claim.name))?;
        accepted.extend(noted.map(|mark| (claim.name.clone(), mark)));
    }
    Ok(attach(&known, claims, &accepted, &instant(at)[..10]))
}

fn known(c: &Connection, claims: &[Claim], at: Timestamp) -> Result<Vec<Numbered>, Fault> {
    let mut all: Vec<Numbered> = c
        .prepare_cached("SELECT number, provider, name FROM account_number ORDER BY number")?
        .query_map([], |r| {
            Ok(Numbered {
                number: r.get(0)?,
                provider: ProviderName::new(r.get::<_, String>(1)?),
                name: AccountName::new(r.get::<_, String>(2)?),
                names: Vec::new(),
                keys: Vec::new(),
                owners: Vec::new(),
                leases: Vec::new(),
            })
        })?
        .collect::<session::Result<_>>()?;
    let mut marks =
        c.prepare_cached("SELECT number, kind, value FROM account_mark ORDER BY number, since")?;
    let mut rows = marks.query([])?;
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(0)?;
        let Some(of) = all.iter_mut().find(|n| n.number == number) else { continue };
        let value: String = row.get(2)?;
        match row.text(1)? {
            "name" => of.names.push(AccountName::new(value)),
            "key" => of.keys.push(value),
            _ => of.owners.push(value),
        }
    }
    // Leases prove something only where a key is new.
    let is_new = |claim: &Claim| !all.iter().any(|n| n.keys.contains(&claim.key));
    if claims.iter().any(|claim| claim.listed.is_some() && is_new(claim)) {
        for of in &mut all {
            if holds_the_name(c, &of.provider, &of.name)? {
                let known = leases::known(c, &of.name)?;
                // Where no key was ever known a list must show what cannot have ended: who was away for long may find all of it new.
                let counts =
                    |lease: &Lease| !of.keys.is_empty() || lease.expires_at.is_none_or(|end| end > at);
                of.leases = known
                    .iter()
                    .map(|k| &k.lease)
                    .filter(|l| counts(l))
                    .map(|l| Place::of(&l.view()))
                    .collect();
            }
        }
    }
    Ok(all)
}

/// A name that two providers' accounts had names the rows of the one that was read under it last.
fn holds_the_name(c: &Connection, provider: &ProviderName, name: &AccountName) -> Result<bool, Fault> {
    let sql = "SELECT NOT EXISTS (SELECT 1 FROM account WHERE account = ?2 AND provider <> ?1)";
    Ok(c.prepare_cached(sql)?.query_row([provider.as_str(), name.as_str()], |r| r.get(0))?)
}

/// The present name of the account that is to be called `name`; beside it that name itself, unless it is another account's.
pub(super) fn kept_as(
    c: &Connection,
    claims: &[Claim],
    name: &AccountName,
    at: Timestamp,
) -> Result<Vec<AccountName>, Fault> {
    let mut renamed = None;
    for step in compare(c, claims, at)?.steps {
        if let Step::Name(number, to) = step
            && to == *name
        {
            renamed = Some(number);
        }
    }
    let is_known: bool = c
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM account_number WHERE name = ?1)")?
        .query_row([name.as_str()], |r| r.get(0))?;
    let Some(number) = renamed else {
        return Ok(if is_known { vec![name.clone()] } else { Vec::new() });
    };
    let before: String = c
        .prepare_cached("SELECT name FROM account_number WHERE number = ?1")?
        .query_row([number], |r| r.get(0))?;
    let mut kept = vec![AccountName::new(before)];
    kept.extend((!is_known).then(|| name.clone()));
    Ok(kept)
}

/// Writes what was found.
pub(super) fn write(
    tx: &Transaction<'_>,
    claims: &[Claim],
    steps: &[Step],
    at: Timestamp,
) -> Result<(), Fault> {
    let mut names = Vec::new();
    for step in steps {
        if let Step::Name(number, to) = step {
            let from =
                tx.query_row("SELECT provider, name FROM account_number WHERE number = ?1", [number], |r| {
                    Ok((ProviderName::new(r.get::<_, String>(0)?), r.get::<_, String>(1)?))
                })?;
            names.push((*number, from, to));
        }
    }
    // Names may change hands among them: first every one gives up its own.
    let between = |number: i64| format!("\u{1}{number}");
    for (number, (provider, from), _) in &names {
        rename(tx, *number, provider, from, &between(*number))?;
    }
    for (number, (provider, from), to) in &names {
        rename(tx, *number, provider, &between(*number), to.as_str())?;
        mark(tx, *number, "name", to.as_str(), at)?;
        tracing::warn!(account = %to, before = from, number, "the account has another name now, and its history goes with it");
    }
    for step in steps {
        match step {
            Step::Name(..) => {}
            Step::Key(number, key) => mark(tx, *number, "key", key, at)?,
            Step::Owner(number, owner) => mark(tx, *number, "owner", owner, at)?,
            Step::Open(index) => {
                if let Some(claim) = claims.get(*index) {
                    open(tx, claim, at)?;
                }
            }
        }
    }
    Ok(())
}

fn open(tx: &Transaction<'_>, claim: &Claim, at: Timestamp) -> Result<(), Fault> {
    tx.execute(
        "INSERT INTO account_number (provider, name, since) VALUES (?1, ?2, ?3)",
        params![claim.provider.as_str(), claim.name.as_str(), instant(at)],
    )?;
    let number = tx.last_insert_rowid()?;
    mark(tx, number, "name", claim.name.as_str(), at)?;
    mark(tx, number, "key", &claim.key, at)?;
    claim.owner.iter().try_for_each(|owner| mark(tx, number, "owner", owner, at))
}

fn mark(tx: &Transaction<'_>, number: i64, kind: &str, value: &str, at: Timestamp) -> Result<(), Fault> {
    tx.execute(
        "INSERT INTO account_mark (number, kind, value, since) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (number, kind, value) DO UPDATE SET since = excluded.since",
        params![number, kind, value, instant(at)],
    )?;
    Ok(())
}

/// Tables whose rows belong to the account that now has the name in them; of which a name has one row, or one for each of the second
/// column, the row that had the name before goes.
const FACTS: [(&str, Only); 11] = [
    ("account", Only::One),
    ("lease", Only::OneOf("lease")),
    ("decision", Only::OneOf("lease")),
    ("digest", Only::OneOf("what")),
    ("pause", Only::One),
    ("quote_seen", Only::OneOf("lease")),
    ("balance_mark", Only::One),
    ("outlook", Only::One),
    ("approval_plan", Only::Any),
    ("keep", Only::Any),
    ("hook_told", Only::OneOf("fact")),
];

/// How many rows of a table have one name.
#[derive(Clone, Copy)]
enum Only {
    /// As many as there are.
    Any,
    /// One.
    One,
    /// One for each value of this column.
    OneOf(&'static str),
}

impl Only {
    /// A condition on the rows named `?2` that stand where one named `?1` is to be; `None`: none does.
    fn in_the_way(self, table: &str) -> Option<String> {
        match self {
            Self::Any => None,
            Self::One => Some(format!("EXISTS (SELECT 1 FROM {table} o WHERE o.account = ?1)")),
            Self::OneOf(column) => {
                Some(format!("{column} IN (SELECT o.{column} FROM {table} o WHERE o.account = ?1)"))
            }
        }
    }
}

/// What is said of a name of the config stays with that name: that whoever has it now may not be the account that had it before.
const OF_THE_NAME: &str = "substr(key, 1, 16) <> 'account_changed:'";

/// Notes about one account: `WORD:ACCOUNT` or `WORD:ACCOUNT:MORE`.
const NOTES: [&str; 11] = [
    "account.accepted",
    "account.changed",
    "balance.marked",
    "currency",
    "offered",
    "program.can",
    "program.changed",
    "program.digest",
    "runway.told",
    "shrink.accepted",
    "shrink.seen",
];

fn rename(
    tx: &Transaction<'_>,
    number: i64,
    provider: &ProviderName,
    from: &str,
    to: &str,
) -> Result<(), Fault> {
    let facts = holds_the_name(tx, provider, &AccountName::from(from))?;
    tx.execute("UPDATE account_number SET name = ?2 WHERE number = ?1", params![number, to])?;
    // The copy that is read of each payment; its own rows keep the name that the account had then.
    tx.execute(
        "UPDATE intent_head SET account = ?3 WHERE account = ?2
           AND (SELECT provider FROM intent i WHERE i.id = intent_head.intent) = ?1",
        [provider.as_str(), from, to],
    )?;
    if !facts {
        return Ok(());
    }
    for (table, only) in FACTS {
        if let Some(is_in_the_way) = only.in_the_way(table) {
            tx.execute(&format!("DELETE FROM {table} WHERE account = ?2 AND {is_in_the_way}"), [from, to])?;
        }
        tx.execute(&format!("UPDATE {table} SET account = ?2 WHERE account = ?1"), [from, to])?;
    }
    for table in ["alert", "alert_log"] {
        let sql = format!("UPDATE {table} SET account = ?2 WHERE account = ?1 AND {OF_THE_NAME}");
        tx.execute(&sql, [from, to])?;
    }
    for table in ["alert", "alert_log", "silence"] {
        rename_second(tx, table, "", from, to)?;
    }
    for word in NOTES {
        rename_second(tx, "note", word, from, to)?;
    }
    rename_losses(tx, from, to)
}

/// A key of it has one row.
fn has_one_row(table: &str) -> bool {
    table != "alert_log"
}

/// Puts another name behind the first colon of keys: `WORD:NAME` and `WORD:NAME:MORE`.
fn rename_second(tx: &Transaction<'_>, table: &str, word: &str, from: &str, to: &str) -> Result<(), Fault> {
    let behind = "instr(key, ':') + 1";
    let renamed = format!("substr(key, 1, {behind} - 1) || ?2 || substr(key, {behind} + length(?1))");
    let meant = format!(
        "{OF_THE_NAME} AND (substr(key, {behind}) = ?1 OR substr(key, {behind}, length(?1) + 1) = ?1 || ':')
           AND (substr(key, 1, length(?3) + 1) = ?3 || ':' OR ?3 = '')"
    );
    if has_one_row(table) {
        let sql = format!("DELETE FROM {table} WHERE key IN (SELECT {renamed} FROM {table} WHERE {meant})");
        tx.execute(&sql, [from, to, word])?;
    }
    tx.execute(&format!("UPDATE {table} SET key = {renamed} WHERE {meant}"), [from, to, word])?;
    Ok(())
}

fn rename_losses(tx: &Transaction<'_>, from: &str, to: &str) -> Result<(), Fault> {
    let before = cycles::noted(tx, LOST_UNTOLD)?.unwrap_or_default();
    let is_its = |l: &Lease| l.account.as_str() == from;
    let named = |l: Lease| if is_its(&l) { Lease { account: AccountName::from(to), ..l } } else { l };
    let after = losses_note(&losses(&before).into_iter().map(named).collect::<Vec<_>>());
    if after == before { Ok(()) } else { cycles::note(tx, LOST_UNTOLD, &after) }
}

/// Tables in which a budget's name stands.
const OF_BUDGETS: [&str; 3] = ["alert", "alert_log", "silence"];

/// Those of these (old name, new name) under whose old name something is kept.
pub(super) fn kept_budgets<'a>(
    c: &Connection,
    names: &'a [(String, String)],
) -> Result<Vec<&'a (String, String)>, Fault> {
    let mut kept = Vec::new();
    for name in names {
        for table in OF_BUDGETS {
            let sql = format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE key = ?1)");
            if c.prepare_cached(&sql)?.query_row([budget_key(&name.0)], |r| r.get(0))? {
                kept.push(name);
                break;
            }
        }
    }
    Ok(kept)
}

/// What is kept under a budget's old name follows it.
pub(super) fn rename_budgets(tx: &Transaction<'_>, names: &[&(String, String)]) -> Result<(), Fault> {
    for (from, to) in names {
        for table in OF_BUDGETS {
            if has_one_row(table) {
                let sql = format!(
                    "DELETE FROM {table} WHERE key = ?2 AND EXISTS (SELECT 1 FROM {table} o WHERE o.key = ?1)"
                );
                tx.execute(&sql, [budget_key(from), budget_key(to)])?;
            }
            let sql = format!("UPDATE {table} SET key = ?2 WHERE key = ?1");
            tx.execute(&sql, [budget_key(from), budget_key(to)])?;
        }
    }
    Ok(())
}

fn budget_key(name: &str) -> String {
    format!("budget_warn:*:{name}")
}
