//! Reads all layers and makes one [`Settings`] of them, or tells everything that is wrong.
//!
//! Not responsible for single keys (`schema.rs`) or for what contradicts what (`cross.rs`).
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use crate::budget::Budget;

use super::cross;
use super::doubts;
use super::fields::Fields;
use super::problems::Problems;
use super::rows;
use super::schema::{self, SCALARS};
use super::secret::Vault;
use super::sections;
use super::sources::Sources;
use super::tree::{self, Node, Place};
use super::walk::{self, Found};
use super::{Problem, Settings, layers};

/// Everything that was read, before it becomes settings.
pub(super) struct Draft<'p> {
    /// The merged scalars.
    pub scalars: Fields<'p>,
    /// Sections that some layer has, with the first place.
    pub sections: BTreeMap<String, Place>,
    /// All rows in file order with the name of their table.
    pub rows: Vec<(&'static str, Fields<'p>)>,
    /// Every file could be read: what is missing is missing indeed.
    pub complete: bool,
    /// Where to tell what is missing altogether.
    pub start: Place,
}

impl<'p> Draft<'p> {
    /// Of no files at all.
    pub fn empty(problems: &'p Problems) -> Self {
        let start = Place { file: Arc::from("defaults"), rank: 0, line: None };
        Self {
            scalars: Fields::new(SCALARS, String::new(), start.clone(), BTreeMap::new(), problems),
            sections: BTreeMap::new(),
            rows: Vec::new(),
            complete: false,
            start,
        }
    }

    /// The rows of one table.
    pub fn rows(&self, table: &'static str) -> impl Iterator<Item = &Fields<'p>> {
        self.rows.iter().filter(move |(name, _)| *name == table).map(|(_, fields)| fields)
    }
}

/// Reads, merges and checks all of `sources`.
///
/// # Errors
/// Every problem of every layer, in the order of files and lines. Nothing of a wrong config is ever used.
pub fn load(sources: &Sources) -> Result<Settings, Vec<Problem>> {
    let Examined { settings, errors, warnings } = read(sources, None);
    settings.map(|settings| Settings { warnings, ..settings }).ok_or(errors)
}

/// The same, and it warns of what the day it is makes useless: for whoever looks at a config, not for each command.
///
/// # Errors
/// As [`load`].
pub fn load_as_of(sources: &Sources, now: Timestamp) -> Result<Settings, Vec<Problem>> {
    let Examined { settings, errors, warnings } = examine(sources, now);
    settings.map(|settings| Settings { warnings, ..settings }).ok_or(errors)
}

/// A config as whoever looks at it wants to see it: all that is wrong and all that is doubtful, side by side.
#[derive(Debug)]
pub struct Examined {
    /// `None` where anything is wrong.
    pub settings: Option<Settings>,
    /// What is wrong.
    pub errors: Vec<Problem>,
    /// What is allowed and probably not meant.
    pub warnings: Vec<Problem>,
}

/// Reads, merges and checks all of `sources`, and warns of what the day it is makes useless.
#[must_use]
pub fn examine(sources: &Sources, now: Timestamp) -> Examined {
    read(sources, Some(now))
}

fn read(sources: &Sources, now: Option<Timestamp>) -> Examined {
    let problems = Problems::default();
    let warnings = Problems::default();
    let draft = draft(sources, &problems);
    cross::check(&draft, &problems);
    let settings = made_of(&draft, &Vault::of(sources), &problems);
    // Beside an error the warnings are told all the same: whoever mends the one sees the other.
    let zone = settings.as_ref().map_or(jiff::tz::TimeZone::UTC, |settings| settings.timezone.clone());
    cross::warn(&draft, settings.as_ref(), &warnings);
    doubts::warn(&draft, now.map(|now| now.to_zoned(zone).date()), &warnings);
    cross::warn_of_files(sources, &warnings);
    let start = draft.start.clone();
    drop(draft);
    let mut errors = problems.into_sorted();
    if settings.is_none() && errors.is_empty() {
        errors.push(Problem {
            file: start.file.to_string(),
            line: None,
            key: String::new(),
            message: "cannot be made settings of, and no key is known to be wrong: please report this"
                .to_owned(),
        });
    }
    Examined { settings: settings.filter(|_| errors.is_empty()), errors, warnings: warnings.into_sorted() }
}

pub(super) fn draft<'p>(sources: &Sources, problems: &'p Problems) -> Draft<'p> {
    let first = sources.files.first().map_or("command line", |path| path.to_str().unwrap_or("config"));
    let start = Place { file: Arc::from(first), rank: 0, line: None };
    if sources.files.is_empty() {
        problems.push(&start, "", "there is no config file: name one with --config");
    }
    let mut layers = Vec::new();
    let mut sections = BTreeMap::new();
    let mut rows = Vec::new();
    let mut complete = !sources.files.is_empty();
    for (rank, path) in sources.files.iter().enumerate() {
        let Some(found) = file(path, rank, problems) else {
            complete = false;
            continue;
        };
        layers.push(found.values);
        rows.extend(found.rows);
        for (name, place) in found.sections {
            sections.entry(name).or_insert(place);
        }
    }
    let environment = layers::environment(&sources.environment, sources.files.len(), problems);
    for (key, node) in &environment {
        sections.entry(schema::section(key).to_owned()).or_insert_with(|| node.place.clone());
    }
    layers.push(environment);
    let merged = layers::merge(layers).unwrap_or_else(|e| {
        problems.push(&start, "", format!("the layers cannot be merged: {e}"));
        BTreeMap::new()
    });
    let scalars = Fields::new(SCALARS, String::new(), start.clone(), merged, problems);
    Draft { scalars, sections, rows, complete, start }
}

fn file<'p>(path: &Path, rank: usize, problems: &'p Problems) -> Option<Found<'p>> {
    let place = Place { file: Arc::from(path.display().to_string()), rank, line: None };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) => {
            problems.push(&place, "", unread(&e));
            return None;
        }
    };
    match tree::parse(&text, &place) {
        Ok(entries) => Some(walk::file(&entries, problems)),
        Err(errors) => {
            for error in errors {
                problems.push(&Place { line: error.line, ..place.clone() }, "", error.message);
            }
            None
        }
    }
}

/// Why a config file gives nothing, and what to do about it.
fn unread(e: &io::Error) -> String {
    match e.kind() {
        io::ErrorKind::NotFound => {
            "there is no such file: write one, beginning with config/renewd.example.toml, or name another \
             with --config. renewd demo needs none"
                .to_owned()
        }
        io::ErrorKind::IsADirectory => {
            "is a folder: name each of its files with a --config of its own".to_owned()
        }
        io::ErrorKind::PermissionDenied => {
            format!(
                "cannot be read ({e}): let renewd read it, or run this as the user that may (sudo -u renewd)"
            )
        }
        io::ErrorKind::InvalidData => format!("cannot be read ({e}): a config is text in UTF-8"),
        _ => format!("cannot be read ({e}): let renewd read it, or name another file with --config"),
    }
}

/// systemd's `$RUNTIME_DIRECTORY`: its first, where the unit has several.
fn systemds_runtime_dir(environment: &[(String, String)]) -> Option<PathBuf> {
    let (_, all) = environment.iter().find(|(name, _)| name == "RUNTIME_DIRECTORY")?;
    all.split(':').next().map(PathBuf::from).filter(|path| path.is_absolute())
}

/// `None` where anything is wrong; it has been told then. Every part is tried, so that all of it is told.
pub(super) fn made_of(draft: &Draft<'_>, vault: &Vault<'_>, problems: &Problems) -> Option<Settings> {
    let fields = &draft.scalars;
    let schedule = sections::schedule(fields);
    let timing = sections::timing(fields);
    let guard = sections::guard(fields);
    let alerts = sections::alerts(draft, vault);
    let http = sections::http(fields, vault);
    let log = sections::log(fields);
    let accounts = rows::all(draft.rows("account"), |row| rows::account(row, vault));
    let policies = rows::all(draft.rows("policy"), rows::policy);
    let budgets = rows::all(draft.rows("budget"), rows::budget);
    if !vault.sealed {
        cross::same_keys(&accounts, problems);
    }
    let (timezone_name, timezone) = fields.read("timezone", super::values::zone)?;
    Some(Settings {
        state_dir: fields.read("state_dir", super::values::folder)?,
        runtime_dir: match systemds_runtime_dir(vault.environment).filter(|_| !fields.given("runtime_dir")) {
            Some(systemds) => systemds,
            None => fields.read("runtime_dir", super::values::folder)?,
        },
        timezone_name,
        timezone,
        schedule: schedule?,
        timing: timing?,
        guard: guard?,
        accounts: rows::made(accounts)?,
        policies: rows::made(policies)?,
        budgets: counting_old_names(draft, rows::made(budgets)?),
        policy_names: old_names(draft, "policy"),
        budget_names: old_names(draft, "budget"),
        alerts: alerts?,
        http: http?,
        log: log?,
        places: super::places::Places::of(draft),
        warnings: Vec::new(),
    })
}

/// Every name that the rows of a table had, with the present one.
fn old_names(draft: &Draft<'_>, table: &'static str) -> Vec<(String, String)> {
    let of = |row: &Fields<'_>| -> Vec<(String, String)> {
        let name = row.text("name").unwrap_or_default();
        row.texts("was").into_iter().map(|(_, was)| (was.to_owned(), name.to_owned())).collect()
    };
    draft.rows(table).flat_map(of).collect()
}

/// What was paid under a policy's old name counts wherever the policy does.
fn counting_old_names(draft: &Draft<'_>, mut budgets: Vec<Budget>) -> Vec<Budget> {
    let policies = old_names(draft, "policy");
    for budget in &mut budgets {
        let old = policies.iter().filter(|(_, name)| budget.policies.contains(name));
        let old: Vec<String> = old.map(|(was, _)| was.clone()).collect();
        budget.policies.extend(old);
    }
    budgets
}

/// Where the secret at `key` is kept, in words.
pub(super) fn secret_place(fields: &Fields<'_>, key: &str) -> Option<String> {
    super::secret::place(fields.key(key)?, fields.node(key)?)
}

/// The secret at `key`; a problem is told where there is one.
pub(super) fn secret(fields: &Fields<'_>, key: &str, vault: &Vault<'_>) -> Option<secrecy::SecretString> {
    let node: &Node = fields.node(key)?;
    if matches!(node.value, tree::Value::Bad) {
        return None;
    }
    let known = fields.key(key)?;
    vault.open(known, node).map_err(|message| fields.tell(key, message)).ok()
}
