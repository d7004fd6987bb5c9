//! Recomputing the chain over payments, and looking for rows that no link is of. Reads one snapshot; a crash here has changed nothing.
use crate::ledger::session::{Connection, OptionalExtension};

use super::chain::{Kind, ORIGIN, Place, hash, newest, pending};
use super::{Fault, SqliteLedger};
use crate::ledger::sqlite::column::{get_count, get_word};
use crate::ledger::{Chain, ChainHead, ChainReport, LedgerError, LinkHash, Misfit};

impl Chain for SqliteLedger {
    fn chain_head(&self) -> Result<Option<ChainHead>, LedgerError> {
        Ok(Some(self.read(newest)?).filter(|head| head.rows > 0))
    }

    fn verify_chain(&self, seen: Option<&LinkHash>) -> Result<ChainReport, LedgerError> {
        self.read(|c| verify(c, seen))
    }
}

pub(super) fn verify(c: &Connection, seen: Option<&LinkHash>) -> Result<ChainReport, Fault> {
    let mut report = ChainReport { pending: pending(c)?, ..ChainReport::default() };
    if report.pending {
        return Ok(report);
    }
    report.misfit = walk(c, seen, &mut report)?;
    if report.misfit.is_none() {
        report.misfit = beside(c)?;
    }
    if report.misfit.is_none() {
        report.misfit = heads(c)?;
    }
    Ok(report)
}

/// Link by link. The first that does not fit its row, its place or the link before it.
fn walk(c: &Connection, seen: Option<&LinkHash>, report: &mut ChainReport) -> Result<Option<Misfit>, Fault> {
    let mut links = c.prepare("SELECT n, kind, intent, seq, late, hash FROM payment_link ORDER BY n")?;
    let mut links = links.query([])?;
    let mut head = ChainHead { rows: 0, hash: ORIGIN };
    while let Some(link) = links.next()? {
        let place = Place(get_word(&link, 1, Kind::parse)?, link.get(2)?, link.get(3)?);
        let (n, late, told): (usize, bool, LinkHash) = (get_count(&link, 0)?, link.get(4)?, link.get(5)?);
        let misfit = |why| misfit(c, Some(head.rows + 1), place, why).map(Some);
        if n != head.rows + 1 {
            return misfit("its link, or one before it, was removed");
        }
        if late && report.late < head.rows {
            return misfit("it is said to be older than the chain, and stands behind rows that are not");
        }
        let Some(hash) = hash(c, &head.hash, place, late)? else {
            return misfit("the row was removed");
        };
        if hash != told {
            return misfit(
                "it is not as it was when it was linked: row or link was changed, or two were swapped",
            );
        }
        report.late += usize::from(late);
        head = ChainHead { rows: n, hash };
        report.head = Some(head);
        if seen == Some(&hash) {
            report.found = Some(n);
        }
    }
    Ok(None)
}

/// Payment and `seq` of the first row that no link is of.
fn unlinked(kind: Kind) -> &'static str {
    match kind {
        Kind::Payment => {
            "SELECT id, 0 FROM intent WHERE id NOT IN (SELECT intent FROM payment_link WHERE kind = 'payment')
             ORDER BY id LIMIT 1"
        }
        Kind::Event => {
            "SELECT intent, seq FROM intent_event
             WHERE (intent, seq) NOT IN (SELECT intent, seq FROM payment_link WHERE kind = 'event')
             ORDER BY intent, seq LIMIT 1"
        }
        Kind::Read => {
            "SELECT intent, seq FROM settle_read
             WHERE (intent, seq) NOT IN (SELECT intent, seq FROM payment_link WHERE kind = 'read')
             ORDER BY intent, seq LIMIT 1"
        }
        Kind::Order => {
            "SELECT intent, id FROM purchase_order
             WHERE (intent, id) NOT IN (SELECT intent, seq FROM payment_link WHERE kind = 'order')
             ORDER BY intent, id LIMIT 1"
        }
    }
}

/// Rows that no link is of, or two.
fn beside(c: &Connection) -> Result<Option<Misfit>, Fault> {
    for kind in Kind::ALL {
        let found = c.prepare(unlinked(kind))?.query_row([], |r| Ok(Place(kind, r.get(0)?, r.get(1)?)));
        if let Some(place) = found.optional()? {
            return misfit(c, None, place, "it has no link: it was written past renewd").map(Some);
        }
    }
    let twice = c
        .prepare(
            "SELECT max(n), kind, intent, seq FROM payment_link GROUP BY kind, intent, seq HAVING count(*) > 1 LIMIT 1",
        )?
        .query_row([], |r| Ok((get_count(r, 0)?, Place(get_word(r, 1, Kind::parse)?, r.get(2)?, r.get(3)?))))
        .optional()?;
    match twice {
        Some((n, place)) => misfit(c, Some(n), place, "it is linked twice").map(Some),
        None => Ok(None),
    }
}

/// Where a payment stands is read from `intent_head`, which must say what the log says.
fn heads(c: &Connection) -> Result<Option<Misfit>, Fault> {
    let newest = |column: &str| {
        format!(
            "h.{column} IS NOT (SELECT e.{column} FROM intent_event e WHERE e.intent = i.id AND e.{column} IS NOT NULL
               ORDER BY e.seq DESC LIMIT 1)"
        )
    };
    let columns =
        ["state", "charged", "measured", "balance_after", "expires_after", "code", "message", "evidence"];
    let differs: Vec<String> = columns.into_iter().map(newest).collect();
    let sql = format!(
        "SELECT i.id FROM intent i LEFT JOIN intent_head h ON h.intent = i.id WHERE {}
           OR h.spend_at IS NOT (SELECT e.at FROM intent_event e WHERE e.intent = i.id
             AND e.event IN ('spend_started', 'provider_charged') ORDER BY e.seq DESC LIMIT 1)
         ORDER BY i.id LIMIT 1",
        differs.join(" OR ")
    );
    let found = c.prepare(&sql)?.query_row([], |r| r.get(0)).optional()?;
    let Some(number) = found else { return Ok(None) };
    let mut misfit =
        misfit(c, None, Place(Kind::Payment, number, 0), "where it stands is not what its events say")?;
    misfit.what = "its present state (intent_head)".to_owned();
    Ok(Some(misfit))
}

fn misfit(c: &Connection, row: Option<usize>, place: Place, why: &'static str) -> Result<Misfit, Fault> {
    let Place(kind, intent, seq) = place;
    let name = c
        .prepare_cached("SELECT name FROM intent WHERE id = ?1")?
        .query_row([intent], |r| r.get::<_, String>(0))
        .optional()?;
    let what = match kind {
        Kind::Payment => "the payment itself, with its leases".to_owned(),
        Kind::Event => format!("event {seq}"),
        Kind::Read => format!("settling read {seq}"),
        Kind::Order => format!("order {seq} that it bought"),
    };
    Ok(Misfit { row, payment: name.unwrap_or_else(|| format!("number {intent}")), what, why })
}
