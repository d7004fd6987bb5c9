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
use super::draft::Draft;
use super::fields::Fields;
use super::problems::Problems;
use super::schema::{self, SCALARS};
use super::secret::Vault;
use super::sections;
use super::sources::Sources;
use super::tree::{self, Place};
use super::{Problem, Settings, hooks, labels, layers};
use crate::settings::schema_check;
use crate::settings::schema_check::Found;
use crate::settings::tables;
use crate::settings::warnings;

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
    warnings::warn(&draft, now.map(|now| now.to_zoned(zone).date()), &warnings);
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
    Draft { scalars, sections, rows, complete, start, accounts: Vec::new() }
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
        Ok(entries) => Some(schema_check::file(&entries, problems)),
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
    let http = sections::http(fields, vault);
    let page = http.as_ref().and_then(super::Http::page);
    let alerts = sections::alerts(draft, vault, page);
    let log = sections::log(fields);
    let ledger = super::ledger::ledger(draft, vault);
    let accounts = tables::all(draft.rows("account"), |row| tables::account(row, vault));
    let timezone = fields.read("timezone", super::values::zone);
    // Where it cannot be read that was told, and nothing is made.
    let zone = timezone.as_ref().map_or(jiff::tz::TimeZone::UTC, |(_, zone)| zone.clone());
    let policies = tables::all(draft.rows("policy"), |row| tables::policy(row, &zone));
    let budgets = tables::all(draft.rows("budget"), tables::budget);
    let labels = labels::labels(draft, problems);
    let hooks = hooks::hooks(draft);
    if !vault.sealed {
        cross::same_keys(&accounts, problems);
    }
    let (timezone_name, timezone) = timezone?;
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
        accounts: tables::made(accounts)?,
        policies: tables::made(policies)?,
        labels,
        budgets: counting_old_names(draft, tables::made(budgets)?),
        policy_names: old_names(draft, "policy"),
        budget_names: old_names(draft, "budget"),
        alerts: alerts?,
        hooks: hooks?,
        http: http?,
        log: log?,
        ledger: ledger?,
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
