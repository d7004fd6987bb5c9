//! What is only so of a ledger on a server: the fence around the row of a spend, what is looked at before anybody pays, and what becomes
//! of a commit that is in doubt. Its statements are PostgreSQL's.
//!
//! What a crash means: the row of a spend whose commit was in doubt is taken for a payment of unknown outcome by the next start, and
//! evidence settles it. Not responsible for taking or keeping the pay lease.
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Access, Back, Fault, SqlLedger, chain, cycles, early, history, open, payment, spends};
use crate::domain::{Event, IntentId, Moment, State};
use crate::ledger::postgres::{Ended, Failure, Link, Schema, Server, Target, bring_up, schema};
use crate::ledger::session::{self, Connection, OptionalExtension, Session, Transaction, params};
use crate::ledger::{EventDetail, Hold, LedgerError, RESTORED, Restored};
use crate::nodes::{self, LeaseRow, MOVED_AWAY, Role};

/// How long what was seen of standbys is good for.
const LOOK: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);

/// A server, and what this process is to it.
pub(super) struct Served {
    server: Server,
    hold: Arc<Hold>,
    state_dir: PathBuf,
    /// The operator takes the loss of a commit.
    lossy: bool,
    looked: Mutex<Option<Looked>>,
    doubts: Mutex<Vec<(IntentId, Moment)>>,
    /// Of the state folder, held by who may pay: one process writes the log of its payments.
    lock: Option<File>,
}

/// What was seen before payments.
struct Looked {
    /// By which connection.
    made: usize,
    at: Moment,
    forgets: Option<String>,
}

/// Which server, and how it is opened.
pub(in crate::ledger) struct Opening<'a> {
    pub target: &'a Target,
    pub state_dir: &'a Path,
    pub hold: Arc<Hold>,
    pub allow_async_standby: bool,
}

/// Opens the ledger on a server. `through`: it is verified at once.
pub(in crate::ledger) fn open_served(
    opening: &Opening<'_>,
    access: Access,
    through: bool,
) -> Result<SqlLedger, LedgerError> {
    let path = opening.target.label();
    let told = |e: Failure| LedgerError::met(&path, &session::Error::from(e));
    let (dir, pays) = (opening.state_dir, access == Access::Pay);
    let lock = match pays {
        true => {
            open::make_dir(dir).map_err(|e| LedgerError::met(dir, &e))?;
            Some(open::take_lock(dir, &path)?)
        }
        false => None,
    };
    let link = Link::open(opening.target).map_err(told)?;
    made_ready(&link, access, &path)?;
    open::not_moved(&Session::Server(&link), &path)?;
    let served = Served {
        server: Server::new(opening.target.clone(), link, access != Access::Read),
        hold: Arc::clone(&opening.hold),
        state_dir: dir.to_owned(),
        lossy: opening.allow_async_standby,
        looked: Mutex::default(),
        doubts: Mutex::default(),
        lock,
    };
    let mut ledger = SqlLedger {
        path,
        back: Back::Server(Box::new(served)),
        verified: AtomicBool::new(through && pays),
        shelf: Mutex::default(),
        spends: None,
    };
    if access != Access::Read {
        adopt_pauses(&ledger, dir)?;
    }
    if pays {
        beside(&mut ledger, opening, through)?;
    }
    Ok(ledger)
}

/// Compared with the log of started payments beside it, which is written on from here; a standby that may forget is told at once.
fn beside(ledger: &mut SqlLedger, opening: &Opening<'_>, through: bool) -> Result<(), LedgerError> {
    let dir = opening.state_dir;
    if through {
        chain::link_older(ledger)?;
    }
    let what = ledger.write(|tx| {
        compare(tx, dir)?;
        forgets(tx)
    })?;
    if let Some(what) = what.filter(|_| !opening.allow_async_standby) {
        tracing::error!("{}", LedgerError::Forgetful { path: ledger.path.clone(), what });
    }
    spends::shorten(dir).map_err(|e| LedgerError::met(dir, &e))?;
    ledger.spends = Some(spends::Spends::open(dir).map_err(|e| LedgerError::met(dir, &e))?);
    Ok(())
}

/// Its schema is this build's.
fn made_ready(link: &Link, access: Access, path: &Path) -> Result<(), LedgerError> {
    let told = |e: Failure| LedgerError::met(path, &session::Error::from(e));
    let known = Schema::known();
    match schema(link).map_err(told)? {
        Schema::Known => Ok(()),
        Schema::Newer(found) => Err(LedgerError::Newer { path: path.to_owned(), found, known }),
        Schema::Foreign(name) => Err(LedgerError::met(
            path,
            &format!("its schema was not made by renewd's {name}: nothing was changed"),
        )),
        Schema::None if access == Access::Read => Err(LedgerError::Missing(path.to_owned())),
        Schema::Older(found) if access == Access::Read => Err(LedgerError::met(
            path,
            &format!(
                "its schema is {found}, this renewd reads {known}: `renewd run` or `renewd once` brings it up"
            ),
        )),
        Schema::None | Schema::Older(_) => bring_up(link).map_err(told),
    }
}

/// What was paused before the ledger was made is paused in it.
fn adopt_pauses(ledger: &SqlLedger, state_dir: &Path) -> Result<(), LedgerError> {
    if ledger.write(|tx| early::adopt(tx, state_dir))? {
        early::forget(state_dir).map_err(|e| LedgerError::met(state_dir, &e))?;
    }
    Ok(())
}

/// Which database answers, and on which timeline: a promotion begins a new one.
const ANSWERS: &str = "(SELECT system_identifier FROM pg_control_system())::text, substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)";

/// What this ledger may have forgotten: payments of the log beside it, or whatever another database, or a promoted one, never had.
/// Whether anything of that was found just now.
fn compare(tx: &Transaction<'_>, state_dir: &Path) -> Result<bool, Fault> {
    let forgot = spends::compare(tx, state_dir)?;
    let now: (String, String) =
        tx.query_row(&format!("SELECT {ANSWERS}"), params![], |r| Ok((r.get(0)?, r.get(1)?)))?;
    let known: (Option<String>, Option<String>) = tx.query_row(
        "SELECT system_identifier, timeline FROM pay_lease WHERE name = 'pay'",
        params![],
        |r| Ok((r.get(0)?, r.get(1)?)),
    )?;
    if known == (Some(now.0.clone()), Some(now.1.clone())) {
        return Ok(forgot);
    }
    let is_other = known.0.is_some();
    if is_other {
        tracing::warn!(
            "another database, or one that was promoted, answers for the ledger: it may have forgotten payments"
        );
        let before = cycles::noted(tx, RESTORED)?.and_then(|note| Restored::from_note(&note));
        let newest: Option<String> =
            tx.query_row("SELECT max(started_at) FROM cycle", params![], |r| r.get(0))?;
        // What was read before that says nothing.
        let found = Restored {
            reads: Default::default(),
            done: Vec::new(),
            other: true,
            newest: newest.and_then(|at| at.parse().ok()),
            ..before.unwrap_or_default()
        };
        cycles::note(tx, RESTORED, &found.note())?;
    }
    tx.execute(
        "UPDATE pay_lease SET system_identifier = ?1, timeline = ?2 WHERE name = 'pay'",
        [now.0, now.1],
    )?;
    Ok(forgot || is_other)
}

/// Why what is committed there may be forgotten; `None`: it is not.
fn forgets(c: &Connection<'_>) -> Result<Option<String>, Fault> {
    let (mode, standbys, good): (String, i64, i64) = c.query_row(
        "SELECT current_setting('synchronous_commit'),
           (SELECT count(*) FROM pg_stat_replication WHERE coalesce(state, '') <> 'backup'),
           (SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum'))",
        params![],
        |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)),
    )?;
    Ok(match mode.as_str() {
        "off" | "local" => Some(format!("synchronous_commit is {mode}")),
        _ if standbys > 0 && good == 0 => {
            Some(format!("of its {standbys} standbys none is known to be synchronous"))
        }
        _ => None,
    })
}

/// Takes the pay lease of a ledger on a server for nobody and for good, unless somebody holds it: whether it was. From that commit on no
/// node that had it keeps it, takes it back or begins a spend by it, however long it was frozen; of a file nobody has a lease.
pub(super) fn retire(tx: &Transaction<'_>) -> Result<bool, Fault> {
    if !tx.is_far() {
        return Ok(true);
    }
    let sql = "UPDATE pay_lease SET epoch = epoch + 1, holder = ?1, boot_id = '', released = false,
          expires_at = clock_timestamp() + interval '1000 years'
        WHERE name = 'pay' AND (released OR expires_at < clock_timestamp())";
    Ok(tx.execute(sql, [MOVED_AWAY])? == 1)
}

/// What that node is, by the row of the pay lease.
pub(super) fn role(c: &Connection<'_>, me: Option<&str>) -> Result<Role, Fault> {
    let sql = "SELECT epoch, holder, CAST(released AS integer),
        CAST(least(extract(epoch FROM expires_at - clock_timestamp()) * 1000, 1e12) AS bigint)
        FROM pay_lease WHERE name = 'pay'";
    let row = c.query_row(sql, params![], |r| {
        Ok(LeaseRow {
            epoch: r.get(0)?,
            holder: r.get(1)?,
            released: r.get::<_, i64>(2)? != 0,
            left: jiff::SignedDuration::from_millis(r.get(3)?),
        })
    });
    Ok(nodes::role(row.optional()?.as_ref(), me))
}

impl Served {
    /// It was opened to pay.
    pub fn pays(&self) -> bool {
        self.lock.is_some()
    }

    pub fn read<T>(&self, f: impl FnOnce(&Connection<'_>) -> Result<T, Fault>) -> Result<T, Ended<Fault>> {
        self.server.read(|link| f(&Session::Server(link)))
    }

    pub fn write<T>(&self, f: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>) -> Result<T, Ended<Fault>> {
        let epoch = self.hold.get().map(|held| held.epoch);
        self.server.write(epoch, |link| f(&Session::Server(link)))
    }

    /// Ways to the server and back of whatever was written, so far.
    pub fn trips(&self) -> usize {
        self.server.trips()
    }

    /// Whether a payment may begin now. With each new connection, and every hour, everything is looked at anew.
    pub fn look(&self, ledger: &SqlLedger, at: &Moment) -> Result<(), LedgerError> {
        if self.hold.get().is_none() {
            return Err(LedgerError::Elsewhere(ledger.path.clone()));
        }
        self.settle_doubts(ledger)?;
        let fresh = self.looked().as_ref().and_then(|looked| {
            let age = at.elapsed_since(&looked.at);
            let holds = looked.made == self.server.made() && !age.is_negative() && age < LOOK;
            holds.then(|| looked.forgets.clone())
        });
        let forgets = match fresh {
            Some(forgets) => forgets,
            None => {
                let (found, forgets) = self.look_anew(ledger, at)?;
                if found {
                    // Whoever asks has planned by what was read before it was found.
                    return Err(LedgerError::Restored(ledger.path.clone()));
                }
                forgets
            }
        };
        match forgets.filter(|_| !self.lossy) {
            Some(what) => Err(LedgerError::Forgetful { path: ledger.path.clone(), what }),
            None => Ok(()),
        }
    }

    /// At the begin of a cycle, before anything is read: what is found now bars accounts before they are planned.
    pub fn attend(&self, ledger: &SqlLedger) -> Result<(), LedgerError> {
        // First, or a payment that was never sent would be taken for one of unknown outcome.
        self.settle_doubts(ledger)?;
        ledger.write(|tx| compare(tx, &self.state_dir)).map(drop)
    }

    /// Whether something was found that this ledger may have forgotten, and why it may forget.
    fn look_anew(&self, ledger: &SqlLedger, at: &Moment) -> Result<(bool, Option<String>), LedgerError> {
        let (found, made, forgets) = ledger.write(|tx| {
            let found = compare(tx, &self.state_dir)?;
            Ok((found, self.server.made(), forgets(tx)?))
        })?;
        if let Some(what) = forgets.as_ref().filter(|_| self.lossy) {
            tracing::warn!(
                "the ledger may forget payments ({what}), which [ledger] allow_async_standby takes"
            );
        }
        *self.looked() = Some(Looked { made, at: at.clone(), forgets: forgets.clone() });
        Ok((found, forgets))
    }

    /// Never held while something is written: what is written looks at it.
    fn looked(&self) -> MutexGuard<'_, Option<Looked>> {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// In the transaction of a spend: this process still holds the pay lease, and nobody takes it before this is committed, by the
    /// database's clock alone; and the database is the one that was compared last, whatever stands between it and this connection.
    pub fn fence(&self, tx: &Transaction<'_>, path: &Path) -> Result<(), Fault> {
        let elsewhere = || Fault::Ledger(LedgerError::Elsewhere(path.to_owned()));
        let held = self.hold.get().ok_or_else(elsewhere)?;
        let stands: Option<i64> = tx
            .prepare_cached(&format!(
                "SELECT CAST((system_identifier, timeline) IS NOT DISTINCT FROM ({ANSWERS}) AS integer) FROM pay_lease
                 WHERE name = 'pay' AND epoch = ?1 AND holder = ?2 AND expires_at > clock_timestamp() FOR SHARE"
            ))?
            .query_row((held.epoch, held.holder), |r| r.get(0))
            .optional()?;
        self.answered_by_it(stands.ok_or_else(elsewhere)?, path)?;
        if self.looked().as_ref().is_none_or(|looked| looked.made != self.server.made()) {
            return Err(Fault::Nonsense(
                "the connection was made anew just now: the next cycle looks again".to_owned(),
            ));
        }
        Ok(())
    }

    /// In the transaction of a reservation: the same of the database alone.
    pub fn is_known(&self, tx: &Transaction<'_>, path: &Path) -> Result<(), Fault> {
        let sql = format!(
            "SELECT CAST((system_identifier, timeline) IS NOT DISTINCT FROM ({ANSWERS}) AS integer) FROM pay_lease WHERE name = 'pay'"
        );
        self.answered_by_it(tx.prepare_cached(&sql)?.query_row(params![], |r| r.get(0))?, path)
    }

    fn answered_by_it(&self, same: i64, path: &Path) -> Result<(), Fault> {
        if same == 1 {
            return Ok(());
        }
        // On a connection that was made anew, or behind a pooler on the same one.
        *self.looked() = None;
        Err(LedgerError::Restored(path.to_owned()).into())
    }

    /// The commit that was to start this payment is in doubt. No permit was given, so nothing was sent, and that is written down as soon
    /// as the server answers.
    pub fn doubt(&self, ledger: &SqlLedger, id: &IntentId, at: &Moment) {
        self.doubts.lock().unwrap_or_else(PoisonError::into_inner).push((id.clone(), at.clone()));
        if let Err(e) = self.settle_doubts(ledger) {
            tracing::warn!(payment = %id, "whether the payment is on record cannot be asked now: {e}");
        }
    }

    fn settle_doubts(&self, ledger: &SqlLedger) -> Result<(), LedgerError> {
        let mut doubts = self.doubts.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((id, at)) = doubts.last().cloned() {
            // In its turn: a commit that still hangs is over before this begins.
            ledger.write(|tx| give_up(tx, &id, &at))?;
            doubts.pop();
        }
        Ok(())
    }
}

/// Reads the payment back by its key, and closes it as never sent; where its row is not there, gives its reservation back.
fn give_up(tx: &Transaction<'_>, id: &IntentId, at: &Moment) -> Result<(), Fault> {
    let record = history::one(tx, id)?;
    let said = EventDetail {
        evidence: Some("the commit of its start was not confirmed, so nothing was sent".to_owned()),
        ..EventDetail::default()
    };
    match record.state {
        State::SpendStarted if record.spend_started_at.as_ref() == Some(at) => {
            payment::append(tx, id, State::SpendStarted, Event::NeverSent, &said, at).map(drop)
        }
        State::Reserved => payment::append(tx, id, State::Reserved, Event::Released, &said, at).map(drop),
        _ => Ok(()),
    }
}
