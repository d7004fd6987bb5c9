//! Where a plan file is written: private, whole or not at all, and never over something else.
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use crate::views::plan_file;

use super::apply::LARGEST;
use super::context::Failure;

/// A place that was free, or held a plan file, when it was looked at.
pub(super) struct Target {
    path: PathBuf,
    taken: bool,
}

impl Target {
    /// Refuses a folder that is not there and anything but a plan file that is.
    pub(super) fn check(path: &Path) -> Result<Self, Failure> {
        let told = |what: &str| Failure::usage(format!("{}: {what}; nothing was written", path.display()));
        if !folder(path).is_dir() {
            return Err(told("its folder does not exist"));
        }
        let taken = match fs::symlink_metadata(path) {
            Err(e) if e.kind() == ErrorKind::NotFound => false,
            Err(e) => return Err(told(&e.to_string())),
            Ok(meta) if !meta.is_file() => return Err(told("that is not a plain file")),
            Ok(_) => true,
        };
        if taken {
            let mut bytes = Vec::new();
            let read = fs::File::open(path).and_then(|f| f.take(LARGEST).read_to_end(&mut bytes));
            read.map_err(|e| told(&e.to_string()))?;
            if !plan_file::is_plan_file(&bytes) {
                return Err(told(
                    "that is another file, and only a plan file is overwritten: give another name",
                ));
            }
        }
        Ok(Self { path: path.to_owned(), taken })
    }

    /// Writes it with mode 0600: on disk before it has its name.
    pub(super) fn write(&self, text: &str) -> Result<(), Failure> {
        let told =
            |e: std::io::Error| Failure::failed(format!("{} was not written: {e}", self.path.display()));
        let folder = folder(&self.path);
        let mut file = tempfile::NamedTempFile::new_in(&folder).map_err(told)?;
        file.write_all(text.as_bytes()).map_err(told)?;
        file.as_file().sync_all().map_err(told)?;
        let named = if self.taken { file.persist(&self.path) } else { file.persist_noclobber(&self.path) };
        named.map_err(|e| told(e.error))?;
        fs::File::open(&folder).and_then(|dir| dir.sync_all()).map_err(told)
    }
}

fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir.to_owned(),
        _ => PathBuf::from("."),
    }
}
