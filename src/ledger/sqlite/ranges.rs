//! Ranges of ids with digests: which rows of an account need be looked at at all.
//!
//! The ids of an account, sorted, are cut into ranges of a few dozen; of each the ledger keeps the first id, how many rows it has, and
//! the sum of their digests. A new list is cut at the same ids: where count and sum agree, the rows are the same. A range reaches up to
//! the first id of the next one, so that every id is in exactly one. Ranges are written in the transaction of their rows: a crash keeps both
//! as they were. Not responsible for what a digest is made of.
use std::ops::Range;

use crate::ledger::session::{Connection, OptionalExtension, Transaction, params};

use super::Fault;
use crate::domain::{AccountName, Tally};

/// So many rows are in a new range.
const SIZE: usize = 32;
/// A range that grew larger is cut anew.
const MOST: usize = 2 * SIZE;
/// How the bytes are written; others are as if there were none.
const FORMAT: u8 = 1;

/// What the ranges are of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Of {
    Leases,
    Decisions,
}

impl Of {
    fn word(self) -> &'static str {
        match self {
            Self::Leases => "lease",
            Self::Decisions => "decision",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct One {
    first: Box<str>,
    tally: Tally,
}

/// The ranges of an account, by their first ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ranges(Vec<One>);

/// Neighbouring ranges that differ from a list, and the places of the list between their bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    ranges: Range<usize>,
    pub listed: Range<usize>,
    /// From this id on; empty = from the very first.
    pub from: Box<str>,
    /// Up to, not including; `None` = to the end.
    pub to: Option<Box<str>>,
}

/// Rows by place: their ids, sorted, and their digests.
pub(super) trait Rows {
    fn len(&self) -> usize;
    fn id(&self, n: usize) -> &str;
    fn digest(&mut self, n: usize) -> u128;
}

/// Where the rows differ from the ranges; everything, where nothing was ever kept.
pub(super) fn compare(kept: Option<&Ranges>, rows: &mut impl Rows) -> Vec<Piece> {
    let Some(Ranges(kept)) = kept else { return vec![Piece::whole(0..0, rows.len())] };
    if kept.is_empty() {
        return if rows.len() == 0 { Vec::new() } else { vec![Piece::whole(0..0, rows.len())] };
    }
    let mut pieces: Vec<Piece> = Vec::new();
    let mut n = 0;
    for (r, one) in kept.iter().enumerate() {
        let (start, next) = (n, kept.get(r + 1));
        let mut tally = Tally::default();
        while n < rows.len() && next.is_none_or(|next| rows.id(n) < &*next.first) {
            tally.add(rows.digest(n));
            n += 1;
        }
        if tally == one.tally {
            continue;
        }
        let to = next.map(|next| next.first.clone());
        match pieces.last_mut().filter(|last| last.ranges.end == r) {
            Some(last) => (last.ranges.end, last.listed.end, last.to) = (r + 1, n, to),
            None => {
                let from = if r == 0 { Box::default() } else { one.first.clone() };
                pieces.push(Piece { ranges: r..r + 1, listed: start..n, from, to });
            }
        }
    }
    pieces
}

impl Piece {
    fn whole(ranges: Range<usize>, rows: usize) -> Self {
        Self { ranges, listed: 0..rows, from: Box::default(), to: None }
    }
}

/// The ranges once the pieces are as the rows say.
pub(super) fn renewed(kept: Option<Ranges>, pieces: &[Piece], rows: &mut impl Rows) -> Ranges {
    let mut old = kept.map(|ranges| ranges.0).unwrap_or_default().into_iter().enumerate().peekable();
    let mut new = Vec::new();
    for piece in pieces {
        while let Some((_, one)) = old.next_if(|(r, _)| *r < piece.ranges.start) {
            new.push(one);
        }
        while old.next_if(|(r, _)| *r < piece.ranges.end).is_some() {}
        // Ranges that still fit are kept together, so that ids that come and go do not cut ever smaller ones.
        let size = if piece.listed.len() <= MOST { MOST } else { SIZE };
        let mut at = piece.listed.start;
        while at < piece.listed.end {
            let end = (at + size).min(piece.listed.end);
            let mut tally = Tally::default();
            (at..end).for_each(|n| tally.add(rows.digest(n)));
            new.push(One { first: rows.id(at).into(), tally });
            at = end;
        }
    }
    new.extend(old.map(|(_, one)| one));
    Ranges(new)
}

/// As last stored; `None` where nothing is, or nothing that this build reads.
pub(super) fn load(c: &Connection, account: &AccountName, of: Of) -> Result<Option<Ranges>, Fault> {
    let bytes: Option<Vec<u8>> = c
        .prepare_cached("SELECT ranges FROM digest WHERE account = ?1 AND what = ?2")?
        .query_row([account.as_str(), of.word()], |r| r.get(0))
        .optional()?;
    Ok(bytes.and_then(|bytes| Ranges::decode(&bytes)))
}

pub(super) fn store(
    tx: &Transaction<'_>,
    account: &AccountName,
    of: Of,
    ranges: &Ranges,
) -> Result<(), Fault> {
    tx.prepare_cached(
        "INSERT INTO digest (account, what, ranges) VALUES (?1, ?2, ?3)
         ON CONFLICT (account, what) DO UPDATE SET ranges = excluded.ranges",
    )?
    .execute(params![account.as_str(), of.word(), ranges.encode()])?;
    Ok(())
}

impl Ranges {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![FORMAT];
        for one in &self.0 {
            bytes.extend(one.tally.count.to_le_bytes());
            bytes.extend(one.tally.sum.to_le_bytes());
            bytes.extend((one.first.len() as u64).to_le_bytes());
            bytes.extend(one.first.as_bytes());
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (format, mut rest) = bytes.split_first()?;
        let mut take = |n: usize| {
            let (head, tail) = rest.split_at_checked(n)?;
            rest = tail;
            Some(head)
        };
        let mut all = Vec::new();
        while let Some(count) = take(8) {
            let count = u64::from_le_bytes(count.try_into().ok()?);
            let sum = u128::from_le_bytes(take(16)?.try_into().ok()?);
            let len = usize::try_from(u64::from_le_bytes(take(8)?.try_into().ok()?)).ok()?;
            let first = std::str::from_utf8(take(len)?).ok()?;
            all.push(One { first: first.into(), tally: Tally { count, sum } });
        }
        (*format == FORMAT && rest.is_empty()).then_some(Self(all))
    }
}

#[cfg(test)]
#[path = "ranges_tests.rs"]
mod tests;
