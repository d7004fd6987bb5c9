//! Where settings come from: files, environment, systemd's credentials. Not responsible for reading any of them.
use std::fmt;
use std::path::{Path, PathBuf};

/// Taken where no `--config` is given.
const MAIN: &str = "/etc/renewd/renewd.toml";
/// Its `*.toml` follow in name order.
const MORE: &str = "/etc/renewd/conf.d";

/// The layers of one load, so that tests need no process environment.
#[derive(Clone, Default)]
pub struct Sources {
    /// Config files, later ones win.
    pub files: Vec<PathBuf>,
    /// Environment variables: `RENEWD__…` overrides and `{ env = NAME }` secrets.
    pub environment: Vec<(String, String)>,
    /// systemd's `$CREDENTIALS_DIRECTORY`.
    pub credentials_dir: Option<PathBuf>,
}

impl fmt::Debug for Sources {
    /// Without the values of the environment: some are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Sources {
    /// This process's sources: `explicit` files (`--config`), or else `/etc/renewd/renewd.toml` and
    /// `/etc/renewd/conf.d/*.toml`; its environment; `$CREDENTIALS_DIRECTORY`.
    #[must_use]
    pub fn from_process(explicit: &[PathBuf]) -> Self {
        let files = if explicit.is_empty() {
            default_files(Path::new(MAIN), Path::new(MORE))
        } else {
            explicit.to_vec()
        };
        // Lossy, never skipped: an override that is not UTF-8 must be told, not forgotten.
        let environment = std::env::vars_os()
            .map(|(name, text)| (name.to_string_lossy().into_owned(), text.to_string_lossy().into_owned()))
            .collect();
        let credentials_dir = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        Self { files, environment, credentials_dir }
    }
}

/// `main` is named even where it is missing, and the folder itself where it cannot be listed: `load` tells both.
fn default_files(main: &Path, more: &Path) -> Vec<PathBuf> {
    let mut files = vec![main.to_path_buf()];
    match std::fs::read_dir(more).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
        Ok(entries) => {
            let mut found: Vec<PathBuf> = entries.iter().map(std::fs::DirEntry::path).collect();
            found.retain(|path| path.extension().is_some_and(|ext| ext == "toml"));
            found.sort();
            files.extend(found);
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
        Err(_) => files.push(more.to_path_buf()),
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_follows_the_main_file_in_name_order() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["20-b.toml", "10-a.toml", "notes.txt", "30-c.toml.bak"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        let main = dir.path().join("main.toml");
        let files = default_files(&main, dir.path());
        assert_eq!(files, [main, dir.path().join("10-a.toml"), dir.path().join("20-b.toml")]);
    }

    #[test]
    fn a_missing_folder_is_no_problem_and_an_unlistable_one_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let main = dir.path().join("main.toml");
        assert_eq!(default_files(&main, &dir.path().join("none")), std::slice::from_ref(&main));
        std::fs::write(&main, "").unwrap();
        assert_eq!(default_files(&main, &main), [main.clone(), main.clone()]);
    }

    #[test]
    fn explicit_files_replace_both_defaults() {
        let sources = Sources::from_process(&[PathBuf::from("/a.toml")]);
        assert_eq!(sources.files, [PathBuf::from("/a.toml")]);
        assert!(!format!("{sources:?}").contains("PATH"));
    }
}
