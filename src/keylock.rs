//! One payer for each key of a provider on a machine: two renewds with ledgers of their own know nothing of each other's payments.
//!
//! Each account has a file in the runtime folder, named by a hash of provider, address and key. It is locked while a renewd that may pay
//! runs, and says which ledger is its own, a copy of one not being the same. A crash gives the lock up. Only the folder's owner and root can open the files: nobody else can
//! keep a renewd from paying. Not responsible for two payers on one ledger (the ledger's own lock) or on two machines.
use std::collections::HashMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{FlockOperation, OFlags, flock};

use crate::ownership::like_folder;

/// The locks of one process. They are given up when it ends.
#[derive(Debug)]
pub struct KeyLocks {
    folder: PathBuf,
    /// Which ledger this process pays on.
    ledger: String,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    files: HashMap<String, File>,
    warned: bool,
}

/// Who has a lock.
enum Locked {
    Ours(File),
    ByTheSameLedger,
    ByAnother,
}

impl KeyLocks {
    /// For a process that pays on this ledger; nothing is locked yet.
    #[must_use]
    pub fn new(folder: PathBuf, ledger: String) -> Self {
        Self { folder, ledger, held: Mutex::default() }
    }

    /// The folder of the files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Takes the lock of that key, if it is not held already. `false`: a renewd with another ledger has it.
    pub fn take(&self, key: &str) -> bool {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.folder.join(format!("{key}.lock"));
        if held.files.get(key).is_some_and(|file| is_at(file, &path)) {
            return true;
        }
        match self.lock(&path) {
            Ok(Locked::Ours(file)) => {
                held.files.insert(key.to_owned(), file);
                true
            }
            // On one ledger its own lock decides who pays.
            Ok(Locked::ByTheSameLedger) => true,
            Ok(Locked::ByAnother) => false,
            Err(why) => {
                if !std::mem::replace(&mut held.warned, true) {
                    tracing::warn!(
                        "{}: {why}: another renewd with the same key on this machine goes unnoticed (runtime_dir)",
                        self.folder.display()
                    );
                }
                true
            }
        }
    }

    /// Gives up all but these.
    pub fn keep(&self, keys: &[String]) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.files.retain(|key, _| keys.contains(key));
    }

    fn lock(&self, path: &Path) -> Result<Locked, String> {
        make(&self.folder)?;
        if let Some(why) = distrust(&self.folder) {
            return Err(why);
        }
        let words = |e: std::io::Error| e.to_string();
        // The folder may be emptied between opening and locking: a lock on a file that is gone keeps nobody out.
        for _ in 0..5 {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false).mode(0o600);
            let flags = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
            let mut file = options.custom_flags(flags).open(path).map_err(words)?;
            like_folder(&file, &self.folder);
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) if is_at(&file, path) => {
                    file.set_len(0).map_err(words)?;
                    file.write_all(self.ledger.as_bytes()).map_err(words)?;
                    return Ok(Locked::Ours(file));
                }
                Ok(()) => {}
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    let mut id = String::new();
                    file.rewind().and_then(|()| file.take(200).read_to_string(&mut id)).map_err(words)?;
                    let same = id == self.ledger && !id.is_empty();
                    return Ok(if same { Locked::ByTheSameLedger } else { Locked::ByAnother });
                }
                Err(e) => return Err(e.to_string()),
            }
        }
        Err("its files keep being removed".to_owned())
    }
}

/// The ledger's id and where its lock is: a copy of a ledger has the id of the original, and knows nothing of its payments.
#[must_use]
pub fn placed(id: &str, state_dir: &Path) -> String {
    match std::fs::metadata(state_dir.join("ledger.lock")) {
        Ok(lock) => format!("{id} {}:{}", lock.dev(), lock.ino()),
        Err(_) => id.to_owned(),
    }
}

/// The renewd that has locked a file, by the system's own list of locks: to try the lock would take it from one that starts. `None`
/// where none has, or where that cannot be looked at.
#[must_use]
pub fn holder(file: &Path) -> Option<u32> {
    let inode = file.metadata().ok()?.ino();
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    let pid = locks.lines().find_map(|line| holding(line, inode))?;
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    name.contains("renewd").then_some(pid)
}

/// The process that has locked this file, in a line such as `1: FLOCK  ADVISORY  WRITE 707 fe:01:396 0 EOF`.
fn holding(line: &str, inode: u64) -> Option<u32> {
    let mut words = line.split_whitespace().skip(1);
    let is_lock = words.next() == Some("FLOCK") && words.next().is_some() && words.next() == Some("WRITE");
    let pid = words.next()?.parse().ok()?;
    let of = words.next()?.rsplit(':').next()?.parse::<u64>().ok()?;
    (is_lock && of == inode).then_some(pid)
}

/// Whether a renewd that pays on another ledger than `ledger` has that key now; no, where that cannot be looked at. Takes nothing.
#[must_use]
pub fn paid_elsewhere(folder: &Path, key: &str, ledger: &str) -> bool {
    let path = folder.join(format!("{key}.lock"));
    let (Some(_), Ok(file)) = (holder(&path), File::open(path)) else { return false };
    let mut theirs = String::new();
    let read = file.take(200).read_to_string(&mut theirs);
    read.is_ok() && !theirs.is_empty() && theirs != ledger
}

/// What keeps the folder from being used, in a few words; `None` if nothing does. Makes nothing.
#[must_use]
pub fn trouble(folder: &Path) -> Option<String> {
    let there = folder.ancestors().find(|dir| dir.exists())?;
    if rustix::fs::access(there, rustix::fs::Access::WRITE_OK).is_err() {
        return Some(format!("this user cannot write to {}", there.display()));
    }
    (there == folder).then(|| distrust(folder)).flatten()
}

fn make(folder: &Path) -> Result<(), String> {
    if folder.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|e| format!("cannot be made ({e})"))
}

/// A folder in which others may write is no place for a lock: they could hold it, or take it away.
fn distrust(folder: &Path) -> Option<String> {
    let meta = match folder.metadata() {
        Ok(meta) => meta,
        Err(e) => return Some(e.to_string()),
    };
    let me = rustix::process::geteuid();
    if !me.is_root() && meta.uid() != me.as_raw() && meta.uid() != 0 {
        return Some("it belongs to another user".to_owned());
    }
    (meta.mode() & 0o022 != 0).then(|| "others may write there: chmod go-w".to_owned())
}

/// The file is still the one of that name.
fn is_at(file: &File, path: &Path) -> bool {
    let same = |a: std::fs::Metadata, b: std::fs::Metadata| a.dev() == b.dev() && a.ino() == b.ino();
    file.metadata().ok().zip(path.metadata().ok()).is_some_and(|(a, b)| same(a, b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn locks(dir: &Path, ledger: &str) -> KeyLocks {
        KeyLocks::new(dir.join("run"), ledger.to_owned())
    }

    #[test]
    fn a_key_has_one_ledger_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (locks(dir.path(), "one"), locks(dir.path(), "other"));
        assert!(one.take("k") && one.take("k"));
        assert!(!other.take("k") && other.take("another key"));
        drop(one);
        assert!(other.take("k"), "a process that ended holds nothing");
    }

    #[test]
    fn the_holder_of_a_lock_is_read_from_the_systems_list() {
        let line = "12: FLOCK  ADVISORY  WRITE 707 fe:01:396 0 EOF";
        assert_eq!((holding(line, 396), holding(line, 397)), (Some(707), None));
        for other in [
            "1: POSIX  ADVISORY  WRITE 707 fe:01:396 0 EOF",
            "1: -> FLOCK  ADVISORY  WRITE 708 fe:01:396 0 EOF",
            "",
        ] {
            assert_eq!(holding(other, 396), None, "{other}");
        }
    }

    #[test]
    fn the_same_ledger_is_no_conflict() {
        let dir = tempfile::tempdir().unwrap();
        let (one, again) = (locks(dir.path(), "one"), locks(dir.path(), "one"));
        assert!(one.take("k") && again.take("k"));
    }

    #[test]
    fn a_lock_whose_file_was_removed_is_taken_anew() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (locks(dir.path(), "one"), locks(dir.path(), "other"));
        assert!(one.take("k"));
        std::fs::remove_file(dir.path().join("run/k.lock")).unwrap();
        assert!(one.take("k"));
        assert!(!other.take("k"));
    }

    #[test]
    fn the_files_are_their_owners_alone_and_an_open_folder_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let one = locks(dir.path(), "one");
        assert!(one.take("k"));
        let mode = |name: &str| dir.path().join(name).metadata().unwrap().mode() & 0o777;
        assert_eq!((mode("run"), mode("run/k.lock")), (0o700, 0o600));
        std::fs::set_permissions(dir.path().join("run"), std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(locks(dir.path(), "other").take("k"), "whoever may write there could hold it for ever");
        assert!(trouble(&dir.path().join("run")).unwrap().contains("chmod"));
        assert_eq!(trouble(&dir.path().join("not/there")), None);
    }

    #[test]
    fn an_account_that_left_gives_its_lock_up() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (locks(dir.path(), "one"), locks(dir.path(), "other"));
        assert!(one.take("k") && one.take("l"));
        one.keep(&["l".to_owned()]);
        assert!(other.take("k") && !other.take("l"));
    }
}
