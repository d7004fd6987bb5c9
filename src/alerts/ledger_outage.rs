//! When people were last told that the ledger cannot be used: kept in a file's time stamp, as the ledger itself cannot keep it
//! and a one-shot command remembers nothing. An empty file can be made on a full disk; where even that fails, this process
//! remembers.
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::SystemTime;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use crate::hex::hex;
use crate::ownership::like_folder;

/// For this process, where no file can be written: which ledger, and when.
static TOLD: Mutex<Vec<(PathBuf, Timestamp)>> = Mutex::new(Vec::new());

/// Ledgers of which this process is telling right now.
static TELLING: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Beside the ledger; where that folder is read-only, in the temporary one, named after the user and the ledger.
fn places(state_dir: &Path) -> [PathBuf; 2] {
    let hash = Sha256::digest(state_dir.as_os_str().as_encoded_bytes());
    let short = hex(&hash[..8]);
    let user = rustix::process::geteuid().as_raw();
    [state_dir.join("ledger.told"), std::env::temp_dir().join(format!("renewd-{user}-{short}.told"))]
}

/// When a file of ours says that people were told. Another user's file says nothing.
fn stamp(path: &Path) -> Option<Timestamp> {
    let found = fs::symlink_metadata(path).ok()?;
    let ours = found.is_file() && found.uid() == rustix::process::geteuid().as_raw();
    found.modified().ok().filter(|_| ours).and_then(|at| Timestamp::try_from(at).ok())
}

fn write(path: &Path, now: Timestamp) -> io::Result<()> {
    let file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => file,
        Err(_) if stamp(path).is_some() => File::options().write(true).open(path)?,
        Err(e) => return Err(e),
    };
    // Not so in the temporary folder, whose owner is no user of ours.
    if path.ends_with("ledger.told") {
        path.parent().into_iter().for_each(|folder| like_folder(&file, folder));
    }
    file.set_modified(SystemTime::from(now))
}

/// Whether people are to be told now; if so, whoever asked tells them, and then says how that went ([`settle`]).
pub(super) fn due(state_dir: &Path, now: Timestamp, repeat: SignedDuration) -> bool {
    let mut telling = TELLING.lock().unwrap_or_else(PoisonError::into_inner);
    let last = noted(state_dir, now);
    if telling.iter().any(|dir| dir == state_dir) || last.is_some_and(|at| now.duration_since(at) < repeat) {
        return false;
    }
    telling.push(state_dir.to_owned());
    true
}

/// People were told, which is remembered, or they were not, and it is due again.
pub(super) fn settle(state_dir: &Path, now: Timestamp, told: bool) {
    TELLING.lock().unwrap_or_else(PoisonError::into_inner).retain(|dir| dir != state_dir);
    if told && !places(state_dir).iter().any(|p| write(p, now).is_ok()) {
        let mut known = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(dir, _)| dir != state_dir);
        known.push((state_dir.to_owned(), now));
    }
}

/// When people were last told, as far as this process can know.
pub(super) fn noted(state_dir: &Path, now: Timestamp) -> Option<Timestamp> {
    let told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    let here = told.iter().filter(|(dir, _)| dir == state_dir).map(|(_, at)| *at);
    // A stamp from the future says nothing: the clock was set back.
    places(state_dir).iter().filter_map(|p| stamp(p)).chain(here).filter(|at| *at <= now).max()
}

/// When people were last told, while it is not over; `None` if they were not.
pub fn told(state_dir: &Path) -> Option<Timestamp> {
    // Whoever looks may be root: what lies in that private folder and is its owner's counts.
    let owner = fs::metadata(state_dir).ok().map(|dir| dir.uid());
    let beside = fs::symlink_metadata(state_dir.join("ledger.told")).ok();
    let beside = beside.filter(|found| found.is_file() && Some(found.uid()) == owner);
    let beside = beside.and_then(|found| Timestamp::try_from(found.modified().ok()?).ok());
    beside.or_else(|| places(state_dir).iter().find_map(|place| stamp(place)))
}

/// Forgets it; `true` if people had been told.
pub(super) fn over(state_dir: &Path) -> bool {
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    let before = told.len();
    told.retain(|(dir, _)| dir != state_dir);
    let mut was = told.len() < before;
    for place in places(state_dir) {
        if stamp(&place).is_some() {
            was |= fs::remove_file(&place).is_ok();
        }
    }
    was
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    const REPEAT: SignedDuration = SignedDuration::from_hours(24);

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + hours * 3600).unwrap()
    }

    /// Asks, and tells where that is due.
    fn due(state_dir: &Path, now: Timestamp, repeat: SignedDuration) -> bool {
        let due = super::due(state_dir, now, repeat);
        if due {
            settle(state_dir, now, true);
        }
        due
    }

    #[test]
    fn what_nobody_took_is_due_again_and_what_is_under_way_is_not_told_twice() {
        let dir = tempfile::tempdir().unwrap();
        assert!(super::due(dir.path(), at(0), REPEAT));
        assert!(!super::due(dir.path(), at(0), REPEAT), "it is under way");
        settle(dir.path(), at(0), false);
        assert!(noted(dir.path(), at(1)).is_none() && super::due(dir.path(), at(0), REPEAT));
        settle(dir.path(), at(0), true);
        assert_eq!((super::due(dir.path(), at(1), REPEAT), noted(dir.path(), at(1))), (false, Some(at(0))));
        over(dir.path());
    }

    #[test]
    fn trouble_is_told_once_per_repeat_also_by_processes_that_remember_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert!(due(dir.path(), at(0), REPEAT));
        assert!(!due(dir.path(), at(23), REPEAT));
        assert!(due(dir.path(), at(24), REPEAT));
        assert!(!due(dir.path(), at(25), REPEAT));
        assert!(over(dir.path()), "its end is told");
        assert!(!over(dir.path()), "once");
        assert!(due(dir.path(), at(26), REPEAT), "a new incident");
        over(dir.path());
    }

    #[test]
    fn a_folder_that_is_not_there_is_remembered_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let gone = dir.path().join("gone");
        assert!(due(&gone, at(0), REPEAT));
        assert!(!due(&gone, at(1), REPEAT));
        assert!(over(&gone) && !over(&gone));
    }

    #[test]
    fn a_clock_set_back_or_a_strangers_link_keeps_nobody_quiet() {
        let dir = tempfile::tempdir().unwrap();
        assert!(due(dir.path(), at(100), REPEAT));
        assert!(due(dir.path(), at(0), REPEAT), "the stamp is from the future");
        over(dir.path());
        let target = dir.path().join("target");
        fs::write(&target, "").unwrap();
        symlink(&target, dir.path().join("ledger.told")).unwrap();
        assert!(due(dir.path(), at(0), REPEAT));
        assert!(target.exists() && over(dir.path()));
    }
}
