//! What was last decided for each lease, written only where it changed, and read only where it may have.
//!
//! A crash keeps the decisions of the pass before: the next one writes its own.
use std::collections::HashMap;

use crate::ledger::session::{self, OptionalExtension, Transaction, params};
use jiff::Timestamp;
use siphasher::sip128::SipHasher13;

use super::Fault;
use super::column::instant;
use super::ranges::{Of, Piece, Rows, compare, load, renewed, store};
use crate::domain::AccountName;
use crate::ledger::decided::{BriefDecision, Decided};

/// One row per lease, rewritten when its decision, reason word or policy changes. `plan` is the whole picture: a lease that is not in it
/// is decided no more.
pub(super) fn decide(
    tx: &Transaction<'_>,
    cycle: i64,
    at: Timestamp,
    plan: &dyn Decided,
) -> Result<(), Fault> {
    let accounts = plan.accounts();
    for (n, account) in accounts.iter().enumerate() {
        let mut rows = OfAccount { plan, account: n, bytes: Vec::new() };
        let kept = load(tx, account, Of::Decisions)?;
        let pieces = compare(kept.as_ref(), &mut rows);
        if pieces.is_empty() {
            continue;
        }
        let mut any = kept.is_some();
        for piece in &pieces {
            any |= write(tx, (cycle, at), account, &rows, piece)?;
        }
        // Nothing was ever decided: nothing need be kept of it.
        if !any {
            continue;
        }
        store(tx, account, Of::Decisions, &renewed(kept, &pieces, &mut rows))?;
    }
    forget_others(tx, &accounts)
}

/// The decisions of one account.
struct OfAccount<'a> {
    plan: &'a dyn Decided,
    account: usize,
    bytes: Vec<u8>,
}

impl OfAccount<'_> {
    fn brief(&self, n: usize) -> BriefDecision<'_> {
        self.plan.brief(self.account, n)
    }
}

impl Rows for OfAccount<'_> {
    fn len(&self) -> usize {
        self.plan.count(self.account)
    }

    fn id(&self, n: usize) -> &str {
        self.plan.brief(self.account, n).lease
    }

    fn digest(&mut self, n: usize) -> u128 {
        let BriefDecision { lease, decision, word, policy } = self.plan.brief(self.account, n);
        self.bytes.clear();
        for text in [lease, decision, word, policy.unwrap_or_default()] {
            self.bytes.extend((text.len() as u64).to_le_bytes());
            self.bytes.extend(text.as_bytes());
        }
        self.bytes.push(u8::from(policy.is_some()));
        SipHasher13::new().hash(&self.bytes).as_u128()
    }
}

type Said = (String, String, Option<String>);

fn stored(
    tx: &Transaction<'_>,
    account: &AccountName,
    piece: &Piece,
) -> Result<HashMap<String, Said>, Fault> {
    let up_to = if piece.to.is_some() { "AND lease < ?3" } else { "AND CAST(?3 AS TEXT) IS NULL" };
    let sql = format!(
        "SELECT lease, decision, word, policy FROM decision WHERE account = ?1 AND lease >= ?2 {up_to}"
    );
    let mut query = tx.prepare_cached(&sql)?;
    let rows = query.query_map(params![account.as_str(), &*piece.from, piece.to.as_deref()], |r| {
        Ok((r.get(0)?, (r.get(1)?, r.get(2)?, r.get(3)?)))
    })?;
    Ok(rows.collect::<session::Result<_>>()?)
}

/// Writes what changed; `false`: there is nothing on either side.
fn write(
    tx: &Transaction<'_>,
    (cycle, at): (i64, Timestamp),
    account: &AccountName,
    rows: &OfAccount<'_>,
    piece: &Piece,
) -> Result<bool, Fault> {
    let mut stored = stored(tx, account, piece)?;
    let any = !stored.is_empty() || !piece.listed.is_empty();
    let mut put = tx.many(
        "INSERT INTO decision (account, lease, ip, kind, decision, word, reason, policy, changed_at, cycle)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT (account, lease) DO UPDATE SET ip = excluded.ip, kind = excluded.kind, decision = excluded.decision,
           word = excluded.word, reason = excluded.reason, policy = excluded.policy, changed_at = excluded.changed_at,
           cycle = excluded.cycle",
    )?;
    let changed_at = instant(at);
    for n in piece.listed.clone() {
        let now = rows.brief(n);
        let was = stored.remove(now.lease);
        let same = |(decision, word, policy): Said| {
            decision == now.decision && word == now.word && policy.as_deref() == now.policy
        };
        if was.is_some_and(same) {
            continue;
        }
        let d = rows.plan.row(rows.account, n);
        put.add(params![
            account.as_str(),
            d.lease.as_str(),
            d.ip,
            d.kind.as_str(),
            d.decision,
            d.word,
            d.reason,
            d.policy,
            changed_at,
            cycle
        ])?;
    }
    put.end()?;
    let mut gone = tx.many("DELETE FROM decision WHERE account = ?1 AND lease = ?2")?;
    for lease in stored.into_keys() {
        gone.add([account.as_str(), lease.as_str()])?;
    }
    gone.end()?;
    Ok(any)
}

/// Accounts that no plan looks at any more have no decisions. From name to name along the key: their rows are not walked through.
fn forget_others(tx: &Transaction<'_>, accounts: &[&AccountName]) -> Result<(), Fault> {
    let mut next =
        tx.prepare_cached("SELECT account FROM decision WHERE account > ?1 ORDER BY account LIMIT 1")?;
    let mut at = String::new();
    while let Some(account) = next.query_row([&at], |r| r.get::<_, String>(0)).optional()? {
        if accounts.iter().all(|known| known.as_str() != account) {
            tx.prepare_cached("DELETE FROM decision WHERE account = ?1")?.execute([&account])?;
            let sql = "DELETE FROM digest WHERE account = ?1 AND what = 'decision'";
            tx.prepare_cached(sql)?.execute([&account])?;
        }
        at = account;
    }
    Ok(())
}
