//! The name of a node, and the lock that says that only one process of it runs. Kept in the state directory as `node.id`.
//!
//! The lock is given up with the process, however it ends; the name stays. A folder that was copied to a host of another name makes a
//! node of its own.
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use super::LedgerError;
use crate::ownership::like_folder;

const FILE: &str = "node.id";

/// Held as long as the process pays, or stands by to pay.
#[derive(Debug)]
pub struct Identity {
    name: String,
    _lock: File,
}

impl Identity {
    /// Takes the lock, and makes a name where there is none.
    ///
    /// # Errors
    /// [`LedgerError::Held`] where another process of this node runs, else [`LedgerError::Trouble`].
    pub fn lock(state_dir: &Path) -> Result<Self, LedgerError> {
        let path = state_dir.join(FILE);
        let trouble = |e: std::io::Error| LedgerError::met(&path, &e);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(&path).map_err(trouble)?;
        like_folder(&file, state_dir);
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(LedgerError::Held(state_dir.to_owned())),
            Err(e) => return Err(trouble(e.into())),
        }
        let mut known = String::new();
        file.read_to_string(&mut known).map_err(trouble)?;
        let host = host();
        let name = match known.trim() {
            known if is_of(known, &host) => known.to_owned(),
            _ => {
                let name = format!("{host}-{:08x}", fastrand::u32(..));
                file.rewind().and_then(|()| file.set_len(0)).map_err(trouble)?;
                file.write_all(name.as_bytes()).and_then(|()| file.sync_all()).map_err(trouble)?;
                name
            }
        };
        Ok(Self { name, _lock: file })
    }

    /// The node's name in the lease row.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The name of the node with that state directory, for whoever only looks; `None`: it was never one.
#[must_use]
pub fn named(state_dir: &Path) -> Option<String> {
    let known = std::fs::read_to_string(state_dir.join(FILE)).ok()?;
    let known = known.trim();
    is_of(known, &host()).then(|| known.to_owned())
}

fn is_of(name: &str, host: &str) -> bool {
    name.strip_prefix(host).is_some_and(|rest| rest.len() == 9 && rest.starts_with('-'))
}

/// This host, in letters that are safe in a mail's subject.
fn host() -> String {
    let uname = rustix::system::uname();
    let name = uname.nodename().to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let host: String = name.chars().filter(|c| plain(*c)).take(60).collect();
    if host.is_empty() { "node".to_owned() } else { host }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_keeps_its_name_and_runs_once() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(named(dir.path()), None);
        let first = Identity::lock(dir.path()).unwrap();
        assert!(matches!(Identity::lock(dir.path()), Err(LedgerError::Held(_))));
        let name = first.name().to_owned();
        assert_eq!(named(dir.path()), Some(name.clone()));
        drop(first);
        assert_eq!(Identity::lock(dir.path()).unwrap().name(), name);
    }

    #[test]
    fn a_folder_that_moved_to_another_host_is_another_node() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), "some-other-host-0badcafe").unwrap();
        assert_eq!(named(dir.path()), None);
        assert_ne!(Identity::lock(dir.path()).unwrap().name(), "some-other-host-0badcafe");
    }
}
