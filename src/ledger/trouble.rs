//! Why a file of the ledger, or a copy of it, cannot be used, for people: each cause wants another hand. SQLite's causes are known by
//! its result codes, the operating system's by its own; neither by words.
use std::path::{Path, PathBuf};

use rusqlite::ffi;

/// What stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The disk, or this user's share of it, has no room.
    Full,
    /// This user may not.
    Denied,
    /// The file system is mounted so that nobody may write.
    ReadOnly,
    /// The file's content is not what was written.
    Damaged,
    /// The file was moved or removed under an open ledger.
    Moved,
    /// Another process keeps it locked.
    Busy,
    /// A folder on the way is missing, or something else stands where the file should.
    Missing,
    /// The disk itself fails.
    Disk,
    /// The system has too little memory.
    Memory,
    /// The words say by themselves what to do.
    Told,
    /// Anything else.
    Other,
}

/// An error with its cause.
pub(super) trait Fails {
    fn cause(&self) -> Cause;
    fn words(&self) -> String;
}

impl Fails for rusqlite::Error {
    fn cause(&self) -> Cause {
        let Some(e) = self.sqlite_error() else { return Cause::Other };
        match e.extended_code {
            ffi::SQLITE_READONLY_DBMOVED => return Cause::Moved,
            ffi::SQLITE_IOERR_NOMEM => return Cause::Memory,
            ffi::SQLITE_IOERR_DATA | ffi::SQLITE_IOERR_CORRUPTFS => return Cause::Damaged,
            _ => {}
        }
        match e.extended_code & 0xff {
            ffi::SQLITE_FULL => Cause::Full,
            ffi::SQLITE_PERM | ffi::SQLITE_AUTH | ffi::SQLITE_READONLY => Cause::Denied,
            ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB => Cause::Damaged,
            ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED | ffi::SQLITE_PROTOCOL => Cause::Busy,
            ffi::SQLITE_CANTOPEN => Cause::Missing,
            ffi::SQLITE_IOERR => Cause::Disk,
            ffi::SQLITE_NOMEM => Cause::Memory,
            _ => Cause::Other,
        }
    }

    fn words(&self) -> String {
        self.to_string()
    }
}

impl Fails for std::io::Error {
    fn cause(&self) -> Cause {
        use std::io::ErrorKind as Kind;
        match self.kind() {
            Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => Cause::Full,
            Kind::PermissionDenied => Cause::Denied,
            Kind::ReadOnlyFilesystem => Cause::ReadOnly,
            Kind::NotFound | Kind::NotADirectory | Kind::IsADirectory => Cause::Missing,
            Kind::OutOfMemory => Cause::Memory,
            _ if self.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => Cause::Disk,
            _ => Cause::Other,
        }
    }

    fn words(&self) -> String {
        self.to_string()
    }
}

impl Fails for rustix::io::Errno {
    fn cause(&self) -> Cause {
        std::io::Error::from(*self).cause()
    }

    fn words(&self) -> String {
        std::io::Error::from(*self).to_string()
    }
}

impl Fails for rusqlite_migration::Error {
    fn cause(&self) -> Cause {
        match self {
            Self::RusqliteError { err, .. } => err.cause(),
            _ => Cause::Other,
        }
    }

    fn words(&self) -> String {
        // Not the statement, which is a whole migration.
        match self {
            Self::RusqliteError { err, .. } => err.words(),
            other => other.to_string(),
        }
    }
}

/// Words that were made for the purpose.
impl Fails for String {
    fn cause(&self) -> Cause {
        Cause::Told
    }

    fn words(&self) -> String {
        self.clone()
    }
}

impl Fails for &str {
    fn cause(&self) -> Cause {
        Cause::Told
    }

    fn words(&self) -> String {
        (*self).to_owned()
    }
}

/// An error's cause and words, and the file that it is about: SQLite says "unable to open database file", "disk I/O error" and
/// "readonly database" of a full disk and of a missing right alike, of a file or its companions, so the file system is asked.
pub(super) fn of(path: &Path, e: &dyn Fails) -> (PathBuf, Cause, String) {
    let (cause, words) = (e.cause(), e.words());
    // SQLite opens a folder, and fails to read from it.
    let cause = if cause == Cause::Disk && path.is_dir() { Cause::Missing } else { cause };
    if !matches!(cause, Cause::Disk | Cause::Missing | Cause::Denied | Cause::ReadOnly) {
        return (path.to_owned(), cause, words);
    }
    match barrier(path) {
        Some((file, why, said)) if words.contains(said) => (file, why, words),
        Some((file, why, said)) => (file, why, format!("{words}: {said}")),
        None => (path.to_owned(), cause, words),
    }
}

/// What to do about a ledger.
pub(super) fn advice(path: &Path, cause: Cause) -> String {
    let folder = folder_of(path).display();
    match cause {
        Cause::Full => format!("make room on the disk of {folder}"),
        Cause::Denied => format!(
            "run this as the user that renewd runs as (sudo -u renewd); that user must own the folder and its files: chown -R \
             renewd:renewd {folder}"
        ),
        Cause::ReadOnly => format!("the file system of {folder} must be mounted so that renewd may write there"),
        Cause::Damaged => {
            "the file is damaged, or is not a ledger of renewd's: keep it, and restore a backup as /usr/share/doc/renewd/operations.md says".to_owned()
        }
        Cause::Moved => "the file was moved or removed while it was open: put it back, and restart renewd".to_owned(),
        Cause::Busy => format!("another process keeps it locked: find it with `fuser -v {}`", path.display()),
        Cause::Missing => format!("see that {folder} is a folder, and that no folder stands where the file should"),
        Cause::Disk => "the disk may be failing: look at the kernel's log (journalctl -k)".to_owned(),
        Cause::Memory => "this machine has too little free memory".to_owned(),
        Cause::Told => String::new(),
        Cause::Other => "renewd does not know this error: please report it with these words".to_owned(),
    }
}

/// What to do about a copy that could not be written.
pub(super) fn advice_on_copy(path: &Path, cause: Cause) -> String {
    let folder = folder_of(path).display();
    match cause {
        Cause::Denied => format!(
            "this user may not write into {folder}: name a folder that it may write, or make one for it \
             (sudo install -d -m 0700 -o renewd -g renewd FOLDER)"
        ),
        Cause::ReadOnly => format!("the file system of {folder} is mounted read-only: name a file elsewhere"),
        Cause::Missing => format!("there is no folder {folder}: make it first"),
        Cause::Damaged => "the copy is not what was written: that disk may be failing".to_owned(),
        _ => advice(path, cause),
    }
}

/// What closes the bracket that the error's words opened: the message, and the advice where there is any.
pub(super) fn sentence(message: &str, advice: &str) -> String {
    if advice.is_empty() { format!("{message})") } else { format!("{message}): {advice}") }
}

/// The cause in two or three words; where it is none of the common ones, the words that it came with.
pub(super) fn brief(cause: Cause, message: &str) -> String {
    match cause {
        Cause::Full => "no space left".to_owned(),
        Cause::Denied => "permission denied".to_owned(),
        Cause::ReadOnly => "the file system is read-only".to_owned(),
        Cause::Damaged => "it is damaged".to_owned(),
        Cause::Moved => "the file was moved or removed".to_owned(),
        Cause::Busy => "another process keeps it locked".to_owned(),
        _ => message.to_owned(),
    }
}

/// Room that a payment's rows need at least, with what SQLite writes about them.
const ROOM: u64 = 128 * 1024;

/// What keeps files from being written at `path`, in two or three words, as the file system itself says; `None` if nothing does.
#[must_use]
pub fn obstacle(path: &Path) -> Option<String> {
    barrier(path).map(|(_, cause, said)| brief(cause, said))
}

/// The folder itself, or that of a file; `.` for a bare name.
fn folder_of(path: &Path) -> &Path {
    let above = path.parent().filter(|_| !path.is_dir()).unwrap_or(path);
    if above.as_os_str().is_empty() { Path::new(".") } else { above }
}

/// The file or folder that keeps SQLite from writing at `path`, and the operating system's words for why.
fn barrier(path: &Path) -> Option<(PathBuf, Cause, &'static str)> {
    let folder = folder_of(path);
    if let Ok(disk) = rustix::fs::statvfs(folder) {
        if disk.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY) {
            return Some((folder.to_owned(), Cause::ReadOnly, "Read-only file system"));
        }
        // Some file systems count no blocks at all.
        if disk.f_blocks > 0 && disk.f_bavail.saturating_mul(disk.f_frsize) < ROOM {
            return Some((folder.to_owned(), Cause::Full, "No space left on device"));
        }
    }
    let beside = ["-wal", "-shm", "-journal"].map(|end| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    });
    let mut files = [folder, path].into_iter().chain(beside.iter().map(PathBuf::as_path));
    let denied = files.find(|what| {
        rustix::fs::access(*what, rustix::fs::Access::WRITE_OK) == Err(rustix::io::Errno::ACCESS)
    });
    denied.map(|what| (what.to_owned(), Cause::Denied, "Permission denied"))
}

#[cfg(test)]
#[path = "trouble_tests.rs"]
mod tests;
