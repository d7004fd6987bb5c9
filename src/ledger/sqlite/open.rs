//! Opening: the files and their modes, the lock, the schema, and SQLite's settings.
//!
//! A crash while a ledger is made leaves an empty file, or one whose first page a journal takes back: the next opener does
//! that and fills it; readers take it for a missing one.
use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use rustix::fs::{FlockOperation, flock};

use super::connect::{connect, harden};
use super::place::{Place, private_file, removed};
use super::readers::Readers;
use super::spends::{self, Spends};
use super::{Back, Early, Filed, SqliteLedger, chain, cycles, early, migrate};
use crate::ledger::session::Session;
use crate::ledger::trouble::Fails;
use crate::ledger::{IDENTITY, LedgerError, MOVED};

/// Bytes that SQLite's log beside the ledger keeps for its next rows.
const LOG: i64 = 16 * 1024 * 1024;

/// What a command wants of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To pay: made and migrated if need be; holds the ledger's lock until dropped.
    Pay,
    /// To note an operator's word beside a running daemon: made and migrated if need be, no lock.
    Note,
    /// To read beside a running daemon: never made, never changed.
    Read,
}

/// Opens `ledger.db` in `state_dir`. Directory and files that it makes are private (0700, 0600), and belong to the
/// directory's owner even if root makes them.
///
/// # Errors
/// [`LedgerError::Held`] by another payer, [`LedgerError::Missing`] for readers, [`LedgerError::Newer`] with the file
/// left byte for byte as it was, else [`LedgerError::Trouble`].
pub fn open(state_dir: &Path, access: Access) -> Result<SqliteLedger, LedgerError> {
    let path = state_dir.join("ledger.db");
    match access {
        Access::Read => read(path, None),
        Access::Note => note(state_dir, path),
        Access::Pay => to_pay(state_dir, path, true),
    }
}

/// The same as to pay, at once however large it is: it takes no payment before [`crate::ledger::Overview::verify`] has read it through.
///
/// # Errors
/// As [`open`], but for damage that is not met on the way.
pub fn open_unverified(state_dir: &Path) -> Result<SqliteLedger, LedgerError> {
    to_pay(state_dir, state_dir.join("ledger.db"), false)
}

fn note(state_dir: &Path, path: PathBuf) -> Result<SqliteLedger, LedgerError> {
    make_dir(state_dir).map_err(trouble(state_dir))?;
    let turn = take_turn(state_dir, &path)?;
    write(state_dir, path, turn, None, false)
}

fn to_pay(state_dir: &Path, path: PathBuf, through: bool) -> Result<SqliteLedger, LedgerError> {
    make_dir(state_dir).map_err(trouble(state_dir))?;
    // The turn first: who finds the lock held and no ledger can then tell one that was removed from one that is being made.
    let turn = take_turn(state_dir, &path)?;
    let lock = take_lock(state_dir, &path)?;
    write(state_dir, path, turn, Some(lock), through)
}

/// An empty ledger that is nowhere on disk, for those who show things before there is one.
///
/// # Errors
/// [`LedgerError::Trouble`], out of memory.
pub fn in_memory() -> Result<SqliteLedger, LedgerError> {
    let path = PathBuf::from(":memory:");
    let mut connection = Connection::open_in_memory().map_err(trouble(&path))?;
    harden(&connection).map_err(trouble(&path))?;
    migrate::to_latest(&mut connection).map_err(trouble(&path))?;
    Ok(alone(path, Place::default(), connection))
}

/// A ledger with one connection, on which nobody pays.
fn alone(path: PathBuf, place: Place, connection: Connection) -> SqliteLedger {
    of_file(
        path,
        Filed { place, readers: Readers::default(), connection: Mutex::new(connection), lock: None },
    )
}

/// A ledger in a file, of which nothing is verified yet.
fn of_file(path: PathBuf, file: Filed) -> SqliteLedger {
    SqliteLedger {
        path,
        back: Back::File(Box::new(file)),
        verified: AtomicBool::new(false),
        shelf: Mutex::default(),
        spends: None,
    }
}

/// Everything that is in `source`, nowhere on disk.
pub(super) fn copy_in_memory(source: &Connection, path: &Path) -> Result<SqliteLedger, LedgerError> {
    let mut connection = Connection::open_in_memory().map_err(trouble(path))?;
    let step =
        Backup::new(source, &mut connection).and_then(|backup| backup.step(-1)).map_err(trouble(path))?;
    if step != StepResult::Done {
        return Err(trouble(path)("the ledger was busy: try again"));
    }
    harden(&connection).map_err(trouble(path))?;
    Ok(alone(path.to_owned(), Place::default(), connection))
}

fn trouble<E: Fails>(path: &Path) -> impl Fn(E) -> LedgerError {
    move |e| LedgerError::met(path, &e)
}

/// `turn`: the caller's own.
fn read(path: PathBuf, turn: Option<&File>) -> Result<SqliteLedger, LedgerError> {
    if !path.try_exists().map_err(trouble(&path))? {
        let own = if turn.is_none() { turn_if_free(&path)? } else { None };
        let nobody_makes_one = turn.or(own.as_ref()).is_some();
        if !path.try_exists().map_err(trouble(&path))? {
            let gone = if nobody_makes_one { removed(&path) } else { None };
            return Err(gone.unwrap_or(LedgerError::Missing(path)));
        }
    }
    if half_made(&path).map_err(trouble(&path))? {
        return Err(LedgerError::Missing(path));
    }
    let connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    match refuse_foreign(&connection, &path)? {
        // Made a moment ago, or the making was cut off.
        0 => return Err(LedgerError::Missing(path)),
        found if found < migrate::known() => {
            let known = migrate::known();
            let words = format!(
                "its schema is {found}, this renewd reads {known}: `renewd run` or `renewd once` brings it up"
            );
            return Err(trouble(&path)(words));
        }
        _ => {}
    }
    harden(&connection).map_err(trouble(&path))?;
    not_moved(&Session::File(&connection), &path)?;
    let place = Place::of(&path, None).map_err(trouble(&path))?;
    Ok(alone(path, place, connection))
}

fn write(
    state_dir: &Path,
    path: PathBuf,
    turn: File,
    lock: Option<File>,
    through: bool,
) -> Result<SqliteLedger, LedgerError> {
    if !path.try_exists().map_err(trouble(&path))? {
        // Who may pay holds that lock itself, and has just begun.
        if let Some(gone) = removed(&path).filter(|_| lock.is_none()) {
            return Err(gone);
        }
        private_file(state_dir, &path).map_err(trouble(&path))?;
    }
    // Through a connection that cannot write: a newer ledger stays as it is, its journal mode too. What was cut off while it
    // was made must be taken back before anybody can read it.
    let half = half_made(&path).map_err(trouble(&path))?;
    let look = if half { OpenFlags::SQLITE_OPEN_READ_WRITE } else { OpenFlags::SQLITE_OPEN_READ_ONLY };
    let found = refuse_foreign(&connect(&path, look)?, &path)?;
    let mut connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    harden(&connection).map_err(trouble(&path))?;
    durable(&connection).map_err(trouble(&path))?;
    // Nothing is built on what is damaged.
    let verified = lock.is_some() && (through || found < migrate::known());
    if verified {
        undamaged(&connection, &path, false)?;
    }
    migrate::to_latest(&mut connection).map_err(trouble(&path))?;
    not_moved(&Session::File(&connection), &path)?;
    identify(&connection).map_err(|e| met(&path, e))?;
    adopt_pauses(&mut connection, &path, state_dir)?;
    let spends = lock.as_ref().map(|_| spends_beside(&mut connection, &path, state_dir)).transpose()?;
    let place = Place::of(&path, lock.as_ref()).map_err(trouble(&path))?;
    drop(turn);
    let readers = if lock.is_some() { Readers::beside_a_writer(&path) } else { Readers::default() };
    let file = Filed { place, readers, connection: Mutex::new(connection), lock };
    let ledger = SqliteLedger { verified: AtomicBool::new(verified), spends, ..of_file(path, file) };
    // A brake or another word does not wait for it: whoever writes a payment makes up for it.
    if through {
        chain::link_older(&ledger)?;
    }
    Ok(ledger)
}

/// The log of started payments, compared with the ledger first: what it has forgotten is back in it before anybody pays.
fn spends_beside(connection: &mut Connection, path: &Path, state_dir: &Path) -> Result<Spends, LedgerError> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(trouble(path))?;
    spends::compare(&Session::File(&tx), state_dir).map_err(|fault| fault.told(path))?;
    tx.commit().map_err(trouble(path))?;
    spends::shorten(state_dir).map_err(trouble(state_dir))?;
    Spends::open(state_dir).map_err(trouble(state_dir))
}

/// What was paused before the ledger was made is paused in it from its first instant.
fn adopt_pauses(connection: &mut Connection, path: &Path, state_dir: &Path) -> Result<(), LedgerError> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(trouble(path))?;
    if early::adopt(&Session::File(&tx), state_dir).map_err(|fault| fault.told(path))? {
        tx.commit().map_err(trouble(path))?;
        early::forget(state_dir).map_err(trouble(path))?;
    }
    Ok(())
}

/// What stands in for a ledger that is not there yet: empty but for what was paused already.
///
/// # Errors
/// [`LedgerError::Trouble`].
pub fn stand_in(state_dir: &Path) -> Result<SqliteLedger, LedgerError> {
    let ledger = in_memory()?;
    ledger.write(|tx| early::adopt(tx, state_dir))?;
    Ok(ledger)
}

/// The stand-in for a ledger that is not there yet, and the right to keep what is paused in it; `None` where there is one.
///
/// # Errors
/// [`LedgerError::Trouble`].
pub fn before_first_start(state_dir: &Path) -> Result<Option<(SqliteLedger, Early)>, LedgerError> {
    let path = state_dir.join("ledger.db");
    make_dir(state_dir).map_err(trouble(state_dir))?;
    let turn = take_turn(state_dir, &path)?;
    match read(path, Some(&turn)) {
        Err(LedgerError::Missing(_)) => {
            let early = Early { _turn: turn, state_dir: state_dir.to_owned() };
            Ok(Some((stand_in(state_dir)?, early)))
        }
        _ => Ok(None),
    }
}

/// Two that make or migrate a ledger at once take turns. The directory is locked, not the file: closing any other handle of the file
/// would drop SQLite's own locks on it.
fn take_turn(state_dir: &Path, path: &Path) -> Result<File, LedgerError> {
    let turn = File::open(state_dir).map_err(trouble(state_dir))?;
    rustix::io::retry_on_intr(|| flock(&turn, FlockOperation::LockExclusive)).map_err(trouble(path))?;
    Ok(turn)
}

/// A look at the turn, unless somebody makes or migrates a ledger. A folder that is missing is nobody's.
fn turn_if_free(path: &Path) -> Result<Option<File>, LedgerError> {
    let Some(Ok(turn)) = path.parent().map(File::open) else { return Ok(None) };
    match flock(&turn, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(Some(turn)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(e) => Err(trouble(path)(e)),
    }
}

/// The making was cut off: only until it is in WAL mode has a ledger a rollback journal.
fn half_made(path: &Path) -> std::io::Result<bool> {
    path.with_extension("db-journal").try_exists()
}

pub(super) fn make_dir(state_dir: &Path) -> std::io::Result<()> {
    if state_dir.try_exists()? {
        return Ok(());
    }
    let missing: Vec<&Path> = state_dir.ancestors().take_while(|dir| !dir.exists()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(state_dir)?;
    // What is durable in a directory is lost with the directory's own name. Who may not read the parent cannot help that.
    for parent in missing.iter().filter_map(|dir| dir.parent()) {
        if let Ok(parent) = File::open(parent) {
            parent.sync_all()?;
        }
    }
    Ok(())
}

/// Held as long as the file is open; the handle is close-on-exec, so no child inherits it.
pub(super) fn take_lock(state_dir: &Path, ledger: &Path) -> Result<File, LedgerError> {
    let path = state_dir.join("ledger.lock");
    let file = private_file(state_dir, &path).map_err(trouble(&path))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(LedgerError::Held(ledger.to_owned())),
        Err(e) => Err(trouble(&path)(e)),
    }
}

/// The schema number of a ledger that this build may open.
fn refuse_foreign(connection: &Connection, path: &Path) -> Result<i64, LedgerError> {
    // One look at all of it: somebody may be making it.
    let look = connection.unchecked_transaction().map_err(trouble(path))?;
    let found = migrate::found(&look).map_err(trouble(path))?;
    let known = migrate::known();
    if found > known {
        return Err(LedgerError::Newer { path: path.to_owned(), found, known });
    }
    if !migrate::ours(&look).map_err(trouble(path))? {
        return Err(trouble(path)("it is a database, but no ledger of renewd: nothing was changed"));
    }
    Ok(found)
}

/// Up to so many pages, some 16 MiB, a command reads the whole file through before it pays.
const SMALL: i64 = 4_096;

/// Of a large fleet these are nearly the whole file. They hold no payment: what they say is read from the provider and decided anew in
/// every cycle, and a damaged page of theirs is told by whatever reads it. A daemon reads them through all the same, before it pays.
const OF_THE_FLEET: [&str; 3] = ["lease", "decision", "digest"];

/// A damaged ledger may have lost a payment, and a lost payment is made again: nobody pays on one. `whole`: however large it is.
pub(super) fn undamaged(connection: &Connection, path: &Path, whole: bool) -> Result<(), LedgerError> {
    let what = match verdict(connection, whole) {
        Ok(None) => return Ok(()),
        Ok(Some(verdict)) => verdict,
        Err(e) if damaged(&e) => e.to_string(),
        Err(e) => return Err(trouble(path)(e)),
    };
    Err(LedgerError::Damaged { path: path.to_owned(), message: what })
}

/// Says of a ledger that was copied that its old one is not marked yet.
pub(super) const UNFINISHED: &str = "(unfinished)";

/// One that was moved is somebody's past: what is written into it nobody would read.
pub(super) fn not_moved(c: &Session<'_>, path: &Path) -> Result<(), LedgerError> {
    match cycles::noted(c, MOVED).map_err(|fault| fault.told(path))? {
        Some(to) if to == UNFINISHED => Err(LedgerError::met(
            path,
            &"a copy into it was cut off: empty it, and copy again. Where the old one says that it was moved here, all is here: remove the row `ledger.moved` from the table `note`",
        )),
        Some(to) if !to.is_empty() => Err(LedgerError::MovedTo { path: path.to_owned(), to }),
        _ => Ok(()),
    }
}

/// Damage that is met before anybody looked for it.
fn met(path: &Path, e: rusqlite::Error) -> LedgerError {
    if damaged(&e) {
        return LedgerError::Damaged { path: path.to_owned(), message: e.to_string() };
    }
    trouble(path)(e)
}

/// The first thing that is wrong.
fn verdict(connection: &Connection, whole: bool) -> rusqlite::Result<Option<String>> {
    let pages: i64 = connection.query_row("PRAGMA page_count", [], |r| r.get(0))?;
    if whole || pages <= SMALL {
        let found: String = connection.query_row("PRAGMA quick_check(1)", [], |r| r.get(0))?;
        return Ok((found != "ok").then_some(found));
    }
    let mut tables = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?;
    let tables: Vec<String> = tables.query_map([], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?;
    for table in tables.iter().filter(|t| !OF_THE_FLEET.contains(&t.as_str())) {
        let check = format!("PRAGMA quick_check(\"{table}\")");
        let found: String = connection.query_row(&check, [], |r| r.get(0))?;
        if found != "ok" {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn damaged(e: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(e.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
}

/// What tells this ledger from another; written once.
fn identify(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .execute(
            "INSERT OR IGNORE INTO note (key, value) VALUES (?1, lower(hex(randomblob(16))))",
            [IDENTITY],
        )
        .map(drop)
}

/// A commit that returned survives a power cut.
fn durable(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    // A first cycle of a large fleet writes a long log: it gives its room back.
    connection.pragma_update_and_check(None, "journal_size_limit", LOG, |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")
}
