//! What is left of a config that cannot be used, for commands that need the ledger alone: an operator must be able to stop the
//! spending while a key is unreadable or a line is wrong. Nothing made here can pay: its secrets are not the real ones.
//!
//! Where the ledger is, is never guessed: a pause in another ledger than the daemon's would stop nothing.
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::draft::Draft;
use super::load::{draft, made_of};
use super::problems::Problems;
use super::secret::{SEALED, Vault};
use super::sources::Sources;
use super::tree::{self, Place, Value};
use super::{Account, Problem, Settings, cross, schema, values};
use crate::domain::{AccountName, Money, OwnerSays, ProviderName};

/// Which key names the folder, and what it is called in the environment.
const KEY: &str = "state_dir";
const VARIABLE: &str = "RENEWD__STATE_DIR";

/// The same config with its secrets left where they are; what else is wrong with it is an error.
///
/// # Errors
/// As [`super::load`], without what concerns secrets.
pub fn load_sealed(sources: &Sources) -> Result<Settings, Vec<Problem>> {
    let problems = Problems::default();
    let read = draft(sources, &problems);
    cross::check(&read, &problems);
    let settings = made_of(&read, &Vault { sealed: true, ..Vault::of(sources) }, &problems);
    drop(read);
    let found = problems.into_sorted();
    settings.filter(|_| found.is_empty()).ok_or(found)
}

/// The policies, labels and budgets of a config, for whoever only asks what they would do: its secrets are left where they are, and where it
/// has no accounts these stand in. Nothing made of it can pay.
///
/// # Errors
/// As [`super::load`], without what concerns secrets.
pub fn load_rules(sources: &Sources, accounts: Vec<Account>) -> Result<Settings, Vec<Problem>> {
    let problems = Problems::default();
    let mut read = draft(sources, &problems);
    if read.rows("account").next().is_none() {
        read.accounts = accounts.iter().map(|a| a.name.to_string()).collect();
    }
    cross::check(&read, &problems);
    let settings = made_of(&read, &Vault { sealed: true, ..Vault::of(sources) }, &problems);
    drop(read);
    let found = problems.into_sorted();
    let settings = settings.filter(|_| found.is_empty()).ok_or(found)?;
    match settings.accounts.is_empty() {
        true => Ok(Settings { accounts, ..settings }),
        false => Ok(settings),
    }
}

/// Defaults and this folder: no accounts, no policies.
#[must_use]
pub fn bare(state_dir: PathBuf) -> Option<Settings> {
    let problems = Problems::default();
    let nothing = Draft::empty(&problems);
    let vault = Vault { environment: &[], credentials_dir: None, sealed: true };
    made_of(&nothing, &vault, &problems).map(|settings| Settings { state_dir, ..settings })
}

/// An account that only the ledger still knows, for showing it.
#[must_use]
pub fn stand_in(name: AccountName, provider: ProviderName) -> Option<Account> {
    Some(Account {
        name,
        provider,
        was: Vec::new(),
        base_url: url::Url::parse(SEALED).ok()?,
        api_key: SEALED.to_owned().into(),
        api_key_at: String::new(),
        max_requests_per_minute: 60,
        keep_balance: Money::ZERO,
        batch: 1,
        owner_says: OwnerSays::default(),
        program: None,
    })
}

/// The state folder of a config that cannot be used, where that is certain all the same.
///
/// # Errors
/// Why it is not.
pub fn state_dir(sources: &Sources) -> Result<PathBuf, String> {
    if names_a_server(sources) {
        return Err(
            "it names a server: give the file that holds its URL with --ledger-url-file PATH".to_owned()
        );
    }
    if let Some((_, given)) = sources.environment.iter().rev().find(|(name, _)| name == VARIABLE) {
        return values::folder(given).map_err(|why| format!("{VARIABLE} {why}"));
    }
    let mut found = None;
    for path in &sources.files {
        let told = |why: &str| format!("{} {why}", path.display());
        let text = std::fs::read_to_string(path).map_err(|e| told(&format!("cannot be read: {e}")))?;
        if let Some(here) = in_file(path, &text).map_err(|why| told(&why))? {
            found = Some(here);
        }
    }
    match found {
        Some(dir) => Ok(dir),
        None if sources.files.is_empty() => Err("there is no config file".to_owned()),
        None => {
            let default = schema::find(schema::SCALARS, KEY).map_or("", |key| key.shown);
            values::folder(default.trim_matches('"'))
        }
    }
}

/// Something in it may say that the ledger is on a server.
fn names_a_server(sources: &Sources) -> bool {
    let says = |line: &str| {
        let line: String = line.chars().filter(|c| !c.is_whitespace() && *c != '"').collect();
        line.starts_with("[ledger]") || line.starts_with("ledger.") || line.starts_with("ledger=")
    };
    let texts = sources.files.iter().filter_map(|path| std::fs::read_to_string(path).ok());
    sources.environment.iter().any(|(name, _)| name.starts_with("RENEWD__LEDGER__"))
        || texts.into_iter().any(|text| text.lines().any(says))
}

/// What one file says of it. A file that is no TOML as a whole is read line by line, up to its first table.
fn in_file(path: &Path, text: &str) -> Result<Option<PathBuf>, String> {
    let place = Place { file: Arc::from(path.display().to_string()), rank: 0, line: None };
    let entries = match tree::parse(text, &place) {
        Ok(entries) => entries,
        Err(_) => {
            let (head, tables): (Vec<&str>, Vec<&str>) = split(text);
            if tables.iter().any(|line| names(line)) || head.iter().filter(|line| names(line)).count() > 1 {
                return Err(format!("does not say clearly what {KEY} is"));
            }
            let Some(line) = head.into_iter().find(|line| names(line)) else { return Ok(None) };
            tree::parse(line, &place).map_err(|_| format!("does not say clearly what {KEY} is"))?
        }
    };
    match entries.into_iter().find(|(key, _)| key == KEY).map(|(_, node)| node.value) {
        None => Ok(None),
        Some(Value::Text(dir)) => values::folder(&dir).map(Some).map_err(|why| format!("{KEY} {why}")),
        Some(other) => Err(format!("{KEY} is {}", other.what())),
    }
}

fn split(text: &str) -> (Vec<&str>, Vec<&str>) {
    let all: Vec<&str> = text.lines().collect();
    let tables = all.iter().position(|line| line.trim_start().starts_with('[')).unwrap_or(all.len());
    (all[..tables].to_vec(), all[tables..].to_vec())
}

/// Whether a line is about the folder, well written or not.
fn names(line: &str) -> bool {
    line.split('#').next().is_some_and(|line| line.contains(KEY))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::good("state_dir = \"/a\"\n[x]\n", Some("/a"))]
    #[case::broken_below("state_dir = \"/a\" # state_dir\n[http\nlisten = 3", Some("/a"))]
    #[case::broken_beside("timezone = UTC\nstate_dir = \"/a\"\n", Some("/a"))]
    #[case::not_named("timezone = UTC\n[http\n", Some("/var/lib/renewd"))]
    #[case::itself_broken("state_dir = \"/a\n", None)]
    #[case::twice("state_dir = \"/a\"\nstate_dir = \"/b\"\n", None)]
    #[case::below_a_table("[http\nstate_dir = \"/a\"\n", None)]
    #[case::relative("state_dir = \"a\"\n", None)]
    #[case::no_text("state_dir = 3\n", None)]
    fn the_folder_of_a_broken_config_is_taken_only_where_it_is_clear(
        #[case] text: &str,
        #[case] dir: Option<&str>,
    ) {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("renewd.toml");
        std::fs::write(&file, text).unwrap();
        let sources = Sources { files: vec![file], ..Sources::default() };
        assert_eq!(state_dir(&sources).ok(), dir.map(PathBuf::from), "{:?}", state_dir(&sources));
    }

    #[test]
    fn a_config_that_names_a_server_says_nothing_of_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("renewd.toml");
        for text in ["state_dir = \"/a\"\n[ ledger ]\nurl = 3\n", "ledger.url = {\n"] {
            std::fs::write(&file, text).unwrap();
            let sources = Sources { files: vec![file.clone()], ..Sources::default() };
            assert!(state_dir(&sources).unwrap_err().contains("--ledger-url-file"), "{text}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_may_name_another_folder() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("renewd.toml");
        std::fs::write(&file, "state_dir = \"/a\"\n").unwrap();
        let files = vec![file.clone(), home.path().join("gone.toml")];
        let sources = Sources { files, ..Sources::default() };
        assert!(state_dir(&sources).unwrap_err().contains("gone.toml"));
        let environment = vec![(VARIABLE.to_owned(), "/b".to_owned())];
        let sources = Sources { files: vec![file], environment, ..Sources::default() };
        assert_eq!(state_dir(&sources).unwrap(), PathBuf::from("/b"));
    }

    #[test]
    fn the_defaults_are_whole() {
        let settings = bare(PathBuf::from("/a")).unwrap();
        assert_eq!((settings.state_dir.as_path(), settings.accounts.len()), (Path::new("/a"), 0));
    }
}
