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

/// A folder with more entries is no program.
const MOST_ENTRIES: usize = 10_000;

/// Whether a command may be run: each of its files is there, and nobody else can change it. Only looks.
///
/// # Errors
/// Why not.
pub fn may_run(command: &[String]) -> Result<(), String> {
    closed_files(command).map(drop)
}

fn closed_files(command: &[String]) -> Result<Vec<&str>, String> {
    let files = files(command)?;
    let not_run = |why| format!("the program is not run: {why}");
    for file in &files {
        trusted(Path::new(file)).map_err(not_run)?;
    }
    for folder in named(command).filter(|path| Path::new(path).is_dir()) {
        closed_folder(Path::new(folder)).map_err(not_run)?;
    }
    Ok(files)
}

/// A folder may hold what is run, as a package of Python does: nobody else may change anything in it.
fn closed_folder(folder: &Path) -> Result<(), String> {
    trusted(folder)?;
    let (mut left, mut seen) = (vec![folder.to_owned()], 0);
    while let Some(folder) = left.pop() {
        let told = |e: std::io::Error| format!("{}: {e}", folder.display());
        for entry in fs::read_dir(&folder).map_err(told)? {
            let path = entry.map_err(told)?.path();
            seen += 1;
            if seen > MOST_ENTRIES {
                return Err(format!("{}: more than {MOST_ENTRIES} files", folder.display()));
            }
            trusted(&path)?;
            if path.is_dir() && !path.is_symlink() {
                left.push(path);
            }
        }
    }
    Ok(())
}

/// The elements that are whole paths, or end in one behind `=`.
fn named(command: &[String]) -> impl Iterator<Item = &str> {
    command.iter().filter_map(|element| match element.starts_with('/') {
        true => Some(element.as_str()),
        false => element.get(element.find("=/")? + 1..),
    })
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
    Ok(named(command).filter(|path| Path::new(path).is_file()).collect())
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
    fn a_folder_and_a_path_behind_an_option_count_as_well() {
        let home = tempfile::tempdir().unwrap();
        let package = home.path().join("package");
        let (inner, option) = (package.join("inner"), home.path().join("settings"));
        fs::create_dir_all(&inner).unwrap();
        fs::write(inner.join("__main__.py"), "print(1)").unwrap();
        fs::write(&option, "a = 1").unwrap();
        let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        mode(&package, 0o755);
        mode(&inner, 0o755);
        mode(&inner.join("__main__.py"), 0o644);
        mode(&option, 0o644);
        let with = format!("--settings={}", option.display());
        let command = ["/bin/sh", package.to_str().unwrap(), with.as_str()];
        let one = found(&command).unwrap().digest;
        fs::write(&option, "a = 2").unwrap();
        assert_ne!(found(&command).unwrap().digest, one);
        mode(&option, 0o666);
        assert!(found(&command).err().unwrap().contains("settings"));
        mode(&option, 0o644);
        mode(&inner.join("__main__.py"), 0o666);
        assert!(found(&command).err().unwrap().contains("__main__.py"));
        mode(&inner.join("__main__.py"), 0o644);
        mode(&inner, 0o777);
        assert!(found(&command).err().unwrap().contains("inner"));
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
