//! Finds secrets where the config says they are.
//!
//! No message here ever repeats a value: an inline "secret", a file's content, a variable's text. Not responsible for
//! keeping secrets out of what others write (`redact`).
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use super::schema::Key;
use super::sources::Sources;
use super::tree::{Node, Value};
use crate::settings::hint::assignment;

/// Stands where a secret would: fit for a key and for an address, and nobody's.
pub(super) const SEALED: &str = "https://sealed.invalid/";

/// More than this is no secret of ours.
const LARGEST: u64 = 64 * 1024;
/// Group or others may read or write.
const TOO_OPEN: u32 = 0o066;

/// Where a secret is.
pub(super) enum Form<'n> {
    File(&'n str),
    Env(&'n str),
    Credential(&'n str),
}

/// Reads `{ file | env | credential = "…" }`; exactly one of the three.
pub(super) fn form<'n>(key: &Key, node: &'n Node) -> Result<Form<'n>, String> {
    let write = assignment(key);
    let entries = match &node.value {
        Value::Table(entries) => entries,
        Value::Text(_) => {
            return Err(format!(
                "holds a secret, which is never written here: put it into a file and write {write}"
            ));
        }
        other => return Err(format!("takes the place of a secret, this is {}: write {write}", other.what())),
    };
    let [(name, only)] = entries.as_slice() else {
        return Err(format!("takes exactly one of `file`, `env` and `credential`: write {write}"));
    };
    let Value::Text(text) = &only.value else {
        return Err(format!("takes text in quotes, this is {}: write {write}", only.value.what()));
    };
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err(format!("names nothing: write {write}"));
    }
    match name.as_str() {
        "file" => Ok(Form::File(text)),
        "env" => Ok(Form::Env(text)),
        "credential" if text.contains('/') || text.starts_with('.') => {
            Err("takes the name given in LoadCredential=, without a path: write { credential = \"yp-key\" }"
                .to_owned())
        }
        "credential" => Ok(Form::Credential(text)),
        _ => Err(format!("takes one of `file`, `env` and `credential`: write {write}")),
    }
}

/// Where that is, in words.
pub(super) fn place(key: &Key, node: &Node) -> Option<String> {
    Some(match form(key, node).ok()? {
        Form::File(path) => beside(&node.place.file, path).display().to_string(),
        Form::Env(name) => format!("the variable {name}"),
        Form::Credential(name) => format!("the file of LoadCredential={name}"),
    })
}

/// Where to look.
pub(super) struct Vault<'s> {
    pub environment: &'s [(String, String)],
    pub credentials_dir: Option<&'s Path>,
    /// No secret is read: something else stands in the place of each.
    pub sealed: bool,
}

impl<'s> Vault<'s> {
    pub fn of(sources: &'s Sources) -> Self {
        let credentials_dir = sources.credentials_dir.as_deref();
        Self { environment: &sources.environment, credentials_dir, sealed: false }
    }

    /// The secret's value.
    ///
    /// # Errors
    /// What is wrong with the place and what to do, never the value.
    pub fn open(&self, key: &Key, node: &Node) -> Result<SecretString, String> {
        match form(key, node)? {
            _ if self.sealed => Ok(SecretString::from(SEALED.to_owned())),
            Form::File(path) => read(&beside(&node.place.file, path), Guarded::ByMode),
            Form::Credential(name) => {
                let folder = self.credentials_dir.ok_or_else(|| {
                    format!("there are no credentials: start renewd by systemd with LoadCredential={name}:PATH, or write {{ file = \"PATH\" }}")
                })?;
                read(&folder.join(name), Guarded::BySystemd)
            }
            Form::Env(name) => {
                let found = self.environment.iter().rev().find(|(known, _)| known == name);
                let (_, text) = found.ok_or_else(|| {
                    format!("the environment has no {name}: set it, or write {{ file = \"PATH\" }}")
                })?;
                usable(text).map_err(|what| format!("the variable {name} {what}"))
            }
        }
    }
}

/// The secret in a file that the command line names.
///
/// # Errors
/// What is wrong with the file and what to do, never the value.
pub fn secret_in(path: &Path) -> Result<SecretString, String> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    read(&path, Guarded::ByMode)
}

/// A relative path counts from the folder of the config file that names it.
fn beside(file: &str, path: &str) -> PathBuf {
    Path::new(file).parent().unwrap_or(Path::new("/")).join(path)
}

#[derive(PartialEq, Eq)]
enum Guarded {
    /// Our own files: only their owner may read them.
    ByMode,
    /// systemd keeps the folder closed; the files' own mode says nothing.
    BySystemd,
}

fn read(path: &Path, guarded: Guarded) -> Result<SecretString, String> {
    let shown = path.display();
    let failed = |e: std::io::Error| format!("{shown} cannot be read: {}", remedy(path, &guarded, &e));
    // Asked before opening: opening a pipe would wait for a writer.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(format!("{shown} is not a file: name a file that holds nothing but the secret"));
    }
    let file = File::open(path).map_err(failed)?;
    let meta = file.metadata().map_err(failed)?;
    if guarded == Guarded::ByMode && meta.mode() & TOO_OPEN != 0 {
        return Err(format!("{shown} is open to others: run `chmod 600 {}`", quoted(path)));
    }
    if meta.len() > LARGEST {
        return Err(format!(
            "{shown} is too large for a secret: name a file that holds nothing but the secret"
        ));
    }
    let mut text = Zeroizing::new(String::new());
    // Room for all of it at once, so that no half-grown copy is left behind.
    text.reserve_exact(usize::try_from(LARGEST).unwrap_or_default() + 1);
    file.take(LARGEST).read_to_string(&mut text).map_err(failed)?;
    usable(&text).map_err(|what| format!("{shown} {what}"))
}

/// What stands in the way and the command that clears it.
fn remedy(path: &Path, guarded: &Guarded, e: &std::io::Error) -> String {
    let path = quoted(path);
    match (e.kind(), guarded) {
        (std::io::ErrorKind::NotFound, Guarded::ByMode) => format!(
            "there is no such file: run `sudo install -m 0600 -o renewd -g renewd /dev/stdin {path}` (for another user than renewd: \
             its name), paste the secret, then Enter and Ctrl-D"
        ),
        (std::io::ErrorKind::NotFound, Guarded::BySystemd) => {
            "there is no such credential: name it with LoadCredential= in the unit".to_owned()
        }
        (std::io::ErrorKind::PermissionDenied, Guarded::ByMode) => format!(
            "{e}: run this as the user that renewd runs as (`sudo -u renewd`), or give it the file: `chown renewd {path}`"
        ),
        _ => e.to_string(),
    }
}

/// The secret without the newline that editors add.
fn usable(text: &str) -> Result<SecretString, String> {
    let line = text.trim_end_matches(['\n', '\r']);
    if line.trim().is_empty() {
        return Err("is empty: put the secret into it".to_owned());
    }
    if line.chars().any(|c| c.is_control() || c == char::REPLACEMENT_CHARACTER) {
        return Err(
            "holds more than one line or odd characters: put nothing but the secret into it".to_owned()
        );
    }
    Ok(SecretString::from(line.to_owned()))
}

fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
