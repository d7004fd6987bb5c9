//! Whether a program may be run at all: who could change it, and whether it is the one that was checked.
//!
//! Every element of the command that is a file is looked at, so that `python3 provider.py` is not only python3. Looked at before each
//! run; contents are read again only where a file changed. Not responsible for running it.
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::hex::hex;
use crate::ownership::trusted;

/// Says why a program with this digest may not be run.
pub type Allowed = Arc<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// What tells that a file is as it was.
type Stamp = (String, u64, u64, u64, i64, i64, i64);

/// Looks at one command before each run.
pub struct Trust {
    command: Vec<String>,
    allowed: Allowed,
    last: Mutex<Option<(Vec<Stamp>, String)>>,
}

/// What a look found.
pub struct Found {
    /// Over the command and the contents of its files.
    pub digest: String,
    /// Why it may not be run.
    pub objection: Option<String>,
}

impl Trust {
    /// Of a command. `allowed` is asked with each digest.
    pub fn new(command: &[String], allowed: Allowed) -> Self {
        Self { command: command.to_vec(), allowed, last: Mutex::new(None) }
    }

    /// Looks. Reads files, so not for a thread that others wait for.
    ///
    /// # Errors
    /// It has no digest: a file is open to others, or cannot be read.
    pub fn look(&self) -> Result<Found, String> {
        let files = closed_files(&self.command)?;
        let stamps = files.iter().map(|f| stamp(f)).collect::<Result<Vec<_>, _>>()?;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = match &*last {
            Some((known, digest)) if *known == stamps => digest.clone(),
            _ => digest_of(&self.command, &files)?,
        };
        *last = Some((stamps, digest.clone()));
        let objection = (self.allowed)(&digest).err();
        Ok(Found { digest, objection })
    }
}

/// Whether a command may be run: each of its files is there, and nobody else can change it. Only looks.
///
/// # Errors
/// Why not.
pub fn may_run(command: &[String]) -> Result<(), String> {
    closed_files(command).map(drop)
}

fn closed_files(command: &[String]) -> Result<Vec<&str>, String> {
    let files = files(command)?;
    for file in &files {
        trusted(Path::new(file)).map_err(|why| format!("the program is not run: {why}"))?;
    }
    Ok(files)
}

/// The elements that are files. The first must be one, named by its whole path: nothing is looked for in `PATH`.
fn files(command: &[String]) -> Result<Vec<&str>, String> {
    let first = command.first().map_or("", String::as_str);
    if !first.starts_with('/') {
        return Err(format!("the program `{first}` is not run: name it by its whole path, from / on"));
    }
    if !Path::new(first).is_file() {
        return Err(format!("the program {first} does not exist, or is not a file"));
    }
    Ok(command.iter().map(String::as_str).filter(|e| e.starts_with('/') && Path::new(e).is_file()).collect())
}

fn stamp(file: &str) -> Result<Stamp, String> {
    let m = fs::metadata(file).map_err(|e| format!("{file}: {e}"))?;
    Ok((file.to_owned(), m.dev(), m.ino(), m.len(), m.mtime_nsec() ^ m.mtime(), m.ctime(), m.ctime_nsec()))
}

fn digest_of(command: &[String], files: &[&str]) -> Result<String, String> {
    let mut hash = Sha256::new();
    hash.update(command.len().to_be_bytes());
    for element in command {
        hash.update(element.len().to_be_bytes());
        hash.update(element);
    }
    let mut piece = vec![0; 64 * 1024];
    for file in files {
        let told = |e: std::io::Error| format!("the program is not run: {file} cannot be read: {e}");
        let (mut open, mut one) = (File::open(file).map_err(told)?, Sha256::new());
        loop {
            let n = open.read(&mut piece).map_err(told)?;
            if n == 0 {
                break;
            }
            one.update(&piece[..n]);
        }
        hash.update(one.finalize());
    }
    Ok(hex(&hash.finalize()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn found(command: &[&str]) -> Result<Found, String> {
        let command: Vec<String> = command.iter().map(|e| (*e).to_owned()).collect();
        Trust::new(&command, Arc::new(|_| Ok(()))).look()
    }

    #[test]
    fn every_file_of_the_command_counts_and_not_the_first_alone() {
        let home = tempfile::tempdir().unwrap();
        let script = home.path().join("p.py");
        let path = script.to_str().unwrap();
        let write = |text: &str| {
            fs::write(&script, text).unwrap();
            fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        };
        write("print(1)");
        let one = found(&["/bin/sh", path]).unwrap().digest;
        assert_eq!(found(&["/bin/sh", path]).unwrap().digest, one);
        assert_ne!(found(&["/bin/sh", path, "--more"]).unwrap().digest, one);
        write("print(2)");
        assert_ne!(found(&["/bin/sh", path]).unwrap().digest, one);
        fs::set_permissions(&script, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(found(&["/bin/sh", path]).err().unwrap().contains("p.py"));
        for bad in [&["sh", path][..], &["/nowhere/p"], &["/tmp"], &[]] {
            assert!(found(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_change_is_seen_by_the_same_look() {
        let home = tempfile::tempdir().unwrap();
        let script = home.path().join("p");
        fs::write(&script, "a").unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let command = [script.to_str().unwrap().to_owned()];
        let allowed: Allowed = Arc::new(|digest| if digest.is_empty() { Ok(()) } else { Err("no".into()) });
        let trust = Trust::new(&command, allowed);
        let first = trust.look().unwrap();
        assert_eq!(first.objection.as_deref(), Some("no"));
        fs::write(&script, "bc").unwrap();
        assert_ne!(trust.look().unwrap().digest, first.digest);
    }
}
