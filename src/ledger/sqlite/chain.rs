//! The hash chain over payments: one link for each row of a payment, made in the transaction of that row.
//!
//! What is hashed is read back from the file, every column of it, so that a link speaks of what is stored (docs/ledger.md has the
//! encoding; it must never change). Not responsible for recomputing it (`chain_check`). A crash leaves row and link, or neither. Rows that are older than the chain are linked at once,
//! in one transaction, before the next link: a crash there leaves all of that to the next writer.
use crate::ledger::session::{Connection, OptionalExtension, Row, params};
use rusqlite::types::ValueRef;
use sha2::{Digest, Sha256};

use super::{Fault, SqliteLedger, cycles};
use crate::ledger::sqlite::column::{count, get_count};
use crate::ledger::{ChainHead, LedgerError, LinkHash};

/// The note that rows wait for their links.
const PENDING: &str = "chain.pending";

/// Of the pay lease, which a ledger in a file has none of: a payment's hash is the same in both.
pub(super) const EPOCH: &str = "epoch";

/// Before the first link.
pub(super) const ORIGIN: LinkHash = [0; 32];

/// What a link is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `intent` with its `intent_lease` rows.
    Payment,
    /// `intent_event`.
    Event,
    /// `settle_read`.
    Read,
    /// `purchase_order`.
    Order,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Payment, Self::Event, Self::Read, Self::Order];

    fn word(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Event => "event",
            Self::Read => "read",
            Self::Order => "order",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Its row, by payment (`?1`) and `seq` (`?2`).
    fn one(self) -> &'static str {
        match self {
            Self::Payment => "SELECT * FROM intent WHERE id = ?1 AND ?2 = 0",
            Self::Event => "SELECT * FROM intent_event WHERE intent = ?1 AND seq = ?2",
            Self::Read => "SELECT * FROM settle_read WHERE intent = ?1 AND seq = ?2",
            Self::Order => "SELECT * FROM purchase_order WHERE intent = ?1 AND id = ?2",
        }
    }

    /// The `seq` of all its rows of a payment, in their order.
    fn of_payment(self) -> &'static str {
        match self {
            Self::Payment => "SELECT 0 FROM intent WHERE id = ?1",
            Self::Event => "SELECT seq FROM intent_event WHERE intent = ?1 ORDER BY seq",
            Self::Read => "SELECT seq FROM settle_read WHERE intent = ?1 ORDER BY seq",
            Self::Order => "SELECT id FROM purchase_order WHERE intent = ?1 ORDER BY id",
        }
    }
}

/// One row of a payment: its kind, the payment's number, and its place there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(pub(super) Kind, pub(super) i64, pub(super) i64);

/// Links a row that was just written in this transaction.
pub(super) fn link(tx: &Connection, place: Place) -> Result<(), Fault> {
    complete(tx, Some(place))?;
    let head = newest(tx)?;
    put(tx, head, place, false).map(drop)
}

/// Links all rows that are older than the chain, if that was not done yet: by payment, each with its events, reads and orders. `but` was
/// written just now, and is none of them.
pub(super) fn complete(tx: &Connection, but: Option<Place>) -> Result<(), Fault> {
    if !pending(tx)? {
        return Ok(());
    }
    let mut head = newest(tx)?;
    if head.rows == 0 {
        let mut payments = tx.prepare("SELECT id FROM intent ORDER BY id")?;
        let mut rows = payments.query([])?;
        while let Some(row) = rows.next()? {
            let number: i64 = row.get(0)?;
            for kind in Kind::ALL {
                let mut find = tx.prepare_cached(kind.of_payment())?;
                let mut seqs = find.query([number])?;
                while let Some(row) = seqs.next()? {
                    let place = Place(kind, number, row.get(0)?);
                    if Some(place) != but {
                        head = put(tx, head, place, true)?;
                    }
                }
            }
        }
    }
    tx.execute("DELETE FROM note WHERE key = ?1", [PENDING])?;
    Ok(())
}

/// The same in a transaction of its own.
pub(super) fn link_older(ledger: &SqliteLedger) -> Result<(), LedgerError> {
    if ledger.read(pending)? { ledger.write(|tx| complete(tx, None)) } else { Ok(()) }
}

pub(super) fn pending(c: &Connection) -> Result<bool, Fault> {
    Ok(cycles::noted(c, PENDING)?.is_some())
}

pub(super) fn newest(c: &Connection) -> Result<ChainHead, Fault> {
    let head = c
        .prepare_cached("SELECT n, hash FROM payment_link ORDER BY n DESC LIMIT 1")?
        .query_row([], |r| Ok(ChainHead { rows: get_count(r, 0)?, hash: r.get(1)? }))
        .optional()?;
    Ok(head.unwrap_or(ChainHead { rows: 0, hash: ORIGIN }))
}

fn put(tx: &Connection, head: ChainHead, place: Place, late: bool) -> Result<ChainHead, Fault> {
    let Place(kind, intent, seq) = place;
    let hash = hash(tx, &head.hash, place, late)?
        .ok_or_else(|| Fault::Nonsense(format!("payment {intent} has no {} {seq} to link", kind.word())))?;
    let next = ChainHead { rows: head.rows + 1, hash };
    tx.prepare_cached(
        "INSERT INTO payment_link (n, kind, intent, seq, late, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![count(next.rows), kind.word(), intent, seq, late, hash])?;
    Ok(next)
}

/// `None`: there is no such row.
pub(super) fn hash(
    c: &Connection,
    before: &LinkHash,
    place: Place,
    late: bool,
) -> Result<Option<LinkHash>, Fault> {
    let Place(kind, intent, seq) = place;
    let mut hash = Sha256::new();
    hash.update(before);
    hash.update(format!("{} {}\n", kind.word(), if late { "late" } else { "with" }));
    let mut find = c.prepare_cached(kind.one())?;
    let mut rows = find.query([intent, seq])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    encode(&mut hash, &row)?;
    if kind == Kind::Payment {
        let mut find = c.prepare_cached("SELECT * FROM intent_lease WHERE intent = ?1 ORDER BY seq")?;
        let mut rows = find.query([intent])?;
        while let Some(row) = rows.next()? {
            encode(&mut hash, &row)?;
        }
    }
    Ok(Some(hash.finalize().into()))
}

/// Each column that holds something, in the table's order: `NAME TYPE LENGTH:VALUE\n`, then `.\n`. A column that a later schema adds is
/// empty in older rows, and changes nothing of them.
fn encode(hash: &mut Sha256, row: &Row<'_>) -> Result<(), Fault> {
    for at in 0..row.width() {
        let name = row.name(at);
        if name == EPOCH {
            continue;
        }
        let number;
        let (kind, value) = match row.get_ref(at)? {
            ValueRef::Null => continue,
            ValueRef::Integer(n) => {
                number = n.to_string();
                ("i", number.as_bytes())
            }
            ValueRef::Text(text) => ("t", text),
            ValueRef::Blob(bytes) => ("b", bytes),
            ValueRef::Real(_) => {
                return Err(Fault::Nonsense(format!("column {name} of a payment holds a float")));
            }
        };
        hash.update(format!("{name} {kind} {}:", value.len()));
        hash.update(value);
        hash.update("\n");
    }
    hash.update(".\n");
    Ok(())
}
