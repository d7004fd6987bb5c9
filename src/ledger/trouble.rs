//! Why a ledger cannot be used, for people: a full disk, a missing right and a read-only file system each want another hand.
use std::path::Path;

/// What stands behind the words of SQLite or of the operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Full,
    Denied,
    ReadOnly,
    Other,
}

impl Cause {
    fn of(message: &str) -> Self {
        let says = |parts: &[&str]| parts.iter().any(|part| message.contains(part));
        if says(&["No space left", "disk is full", "quota exceeded"]) {
            Self::Full
        } else if says(&["Permission denied", "not permitted"]) {
            Self::Denied
        } else if says(&["Read-only file system"]) {
            Self::ReadOnly
        } else {
            Self::Other
        }
    }
}

/// What to do about it.
pub(super) fn advice(message: &str) -> &'static str {
    match Cause::of(message) {
        Cause::Full => "make room on that disk",
        Cause::Denied => {
            "that folder and its files must belong to the user whom renewd runs as (chown -R renewd:renewd)"
        }
        Cause::ReadOnly => "its file system must be mounted so that renewd may write there",
        Cause::Other => "see that the disk has room and that renewd may write there",
    }
}

/// The cause in two or three words; where it is none of the common ones, the words that it came with.
pub(super) fn brief(message: &str) -> String {
    match Cause::of(message) {
        Cause::Full => "no space left".to_owned(),
        Cause::Denied => "permission denied".to_owned(),
        Cause::ReadOnly => "the file system is read-only".to_owned(),
        Cause::Other => message.to_owned(),
    }
}

/// Room that a payment's rows need at least, with what SQLite writes about them.
const ROOM: u64 = 128 * 1024;

/// What keeps files from being written at `path`, in two or three words, as the file system itself says; `None` if nothing does.
#[must_use]
pub fn obstacle(path: &Path) -> Option<String> {
    barrier(path).map(brief)
}

/// The same in the words of the operating system.
fn barrier(path: &Path) -> Option<&'static str> {
    let folder = path.parent().filter(|_| !path.is_dir()).unwrap_or(path);
    if let Ok(disk) = rustix::fs::statvfs(folder) {
        if disk.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY) {
            return Some("Read-only file system");
        }
        // Some file systems count no blocks at all.
        if disk.f_blocks > 0 && disk.f_bavail.saturating_mul(disk.f_frsize) < ROOM {
            return Some("No space left on device");
        }
    }
    let may = |what: &Path| rustix::fs::access(what, rustix::fs::Access::WRITE_OK);
    let denied = [folder, path].iter().any(|what| may(what) == Err(rustix::io::Errno::ACCESS));
    denied.then_some("Permission denied")
}

/// SQLite says "unable to open database file" or "disk I/O error" of a full disk and of a missing right alike: what the file
/// system says of itself is added.
pub(super) fn explained(path: &Path, message: String) -> String {
    let vague = ["unable to open", "disk I/O error", "readonly database"].iter().any(|v| message.contains(v));
    match barrier(path).filter(|_| vague) {
        Some(why) => format!("{message}: {why}"),
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_and_a_missing_right_are_told_apart() {
        let full = advice("database or disk is full");
        let denied = advice("Permission denied (os error 13)");
        assert!(full.contains("room") && !full.contains("chown"), "{full}");
        assert!(denied.contains("chown") && !denied.contains("room"), "{denied}");
        assert_eq!(brief("No space left on device (os error 28)"), "no space left");
        assert_eq!(brief("database is locked"), "database is locked");
    }

    #[test]
    fn a_folder_with_room_that_is_ours_has_no_obstacle() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(obstacle(&dir.path().join("ledger.db")), None);
        assert_eq!(explained(dir.path(), "disk I/O error".to_owned()), "disk I/O error");
    }
}
