//! What no key can know alone: names that refer to each other, values that contradict.
//!
//! Not responsible for the shape of single values.
use std::os::unix::fs::MetadataExt;

use jiff::SignedDuration;
use secrecy::ExposeSecret;

use super::fields::Fields;
use super::load::Draft;
use super::problems::Problems;
use super::rows::Row;
use super::sources::Sources;
use super::tree::Place;
use super::walk::closest;
use super::{Account, Settings};
use crate::policy::Key;

/// Checks names and references among all rows.
pub(super) fn check(draft: &Draft<'_>, problems: &Problems) {
    for table in ["account", "policy", "budget"] {
        unique_names(draft, table, problems);
        old_names(draft, table, problems);
    }
    for row in draft.rows("policy") {
        promo(row);
    }
    // A file that could not be read may hold what seems to be missing.
    if !draft.complete {
        return;
    }
    for table in ["account", "policy"] {
        if draft.rows(table).next().is_none() {
            problems.push(&draft.start, table, format!("is missing: write at least one [[{table}]]"));
        }
    }
    references(draft, "policy", "match.account", "account", problems);
    references(draft, "budget", "account", "account", problems);
    references(draft, "budget", "policy", "policy", problems);
    references(draft, "alerts.route", "account", "account", problems);
    for row in draft.rows("alerts.route").filter(|_| !draft.sections.contains_key("alerts.email")) {
        row.tell("to", "nothing can be sent there: add [alerts.email]");
    }
}

/// Letter case does not tell two names apart, since `match` ignores it.
fn unique_names(draft: &Draft<'_>, table: &'static str, problems: &Problems) {
    let mut seen: Vec<(String, &Place)> = Vec::new();
    for row in draft.rows(table) {
        let Some(name) = row.text("name") else { continue };
        let place = row.place("name");
        match seen.iter().find(|(known, _)| *known == name.to_lowercase()) {
            Some((_, first)) => {
                let line = first.line.map_or(String::new(), |line| format!(" line {line}"));
                let message = format!(
                    "`{name}` is also the name of the {table} in {}{line}: choose another",
                    first.file
                );
                problems.push(place, row.full("name"), message);
            }
            None => seen.push((name.to_lowercase(), place)),
        }
    }
}

/// A name that something had is nothing else's: not its own now, not another's now, and not claimed twice.
fn old_names(draft: &Draft<'_>, table: &'static str, problems: &Problems) {
    let mut seen: Vec<String> = Vec::new();
    for row in draft.rows(table) {
        let own = row.text("name").unwrap_or_default().to_lowercase();
        for (place, was) in row.texts("was") {
            let name = was.to_lowercase();
            let is_name = |other: &Fields<'_>| other.text("name").is_some_and(|n| n.to_lowercase() == name);
            let why = if name == own {
                "is its name now: leave it out".to_owned()
            } else if draft.rows(table).any(is_name) {
                format!("is another {table}'s name now: give one of them a name that was never used")
            } else if seen.contains(&name) {
                "is claimed twice: only one can have had it last".to_owned()
            } else {
                seen.push(name);
                continue;
            };
            problems.push(place, row.full("was"), format!("`{was}` {why}"));
        }
    }
}

/// Names in `key` must be names of `target` rows.
fn references(draft: &Draft<'_>, table: &'static str, key: &str, target: &'static str, problems: &Problems) {
    let known: Vec<&str> = draft.rows(target).filter_map(|row| row.text("name")).collect();
    let any_case = key.starts_with("match.");
    for row in draft.rows(table) {
        for (place, name) in row.texts(key) {
            let same = |other: &&str| **other == *name || (any_case && other.eq_ignore_ascii_case(name));
            if known.iter().any(same) {
                continue;
            }
            let hint = match closest(name, known.iter().copied()) {
                Some(close) => format!("did you mean `{close}`?"),
                None if known.is_empty() => format!("write an [[{target}]] of that name"),
                None => format!("there are {}", known.join(", ")),
            };
            problems.push(place, row.full(key), format!("there is no {target} `{name}`: {hint}"));
        }
    }
}

fn promo(row: &Fields<'_>) {
    if row.flag("promo_required") == Some(true) && !row.given("promo_code") {
        row.tell(
            "promo_required",
            "would stop every payment, since there is no `promo_code`: add one, or write false",
        );
    }
}

/// One key in two accounts would double every limit and let two budgets pay from one purse.
pub(super) fn same_keys(accounts: &[Row<'_, '_, Account>], problems: &Problems) {
    let key = |account: &Account| account.api_key.expose_secret().to_owned();
    for (index, row) in accounts.iter().enumerate() {
        let Some(account) = &row.made else { continue };
        let earlier = accounts.iter().take(index).filter_map(|other| other.made.as_ref());
        if let Some(twin) = earlier.into_iter().find(|other| key(other) == key(account)) {
            let message = format!(
                "accounts `{}` and `{}` have the same key: give each account its own, or keep one of them",
                twin.name, account.name
            );
            problems.push(row.fields.place("api_key"), row.fields.full("api_key"), message);
        }
    }
}

/// What is allowed but probably not meant.
pub(super) fn warn(draft: &Draft<'_>, settings: Option<&Settings>, warnings: &Problems) {
    let rows: Vec<&Fields<'_>> = draft.rows("policy").collect();
    let catches_all = |row: &&Fields<'_>| {
        Key::ALL.iter().all(|key| row.texts(&format!("match.{}", key.as_str())).is_empty())
    };
    if let Some(at) = rows.iter().position(catches_all) {
        for row in rows.iter().skip(at + 1) {
            let name = rows[at].text("name").unwrap_or_default();
            let message = format!("never decides: policy `{name}` before it matches every lease");
            warnings.push(&row.at, row.full("match"), message);
        }
    }
    let told = ["alerts.email", "alerts.webhook"].iter().any(|section| draft.sections.contains_key(*section));
    if draft.complete && !told {
        warnings.push(&draft.start, "alerts.email", "nobody is told by mail: add [alerts.email]");
    }
    if let Some(settings) = settings {
        warn_of_addresses(draft, settings, warnings);
    }
    if let Some(settings) = settings
        && settings.timing.money_timeout < settings.timing.read_timeout.max(SignedDuration::from_secs(60))
    {
        let message = "a payment cut off early has an unknown outcome: write \"120s\" or longer";
        warnings.push(draft.scalars.place("timing.money_timeout"), "timing.money_timeout", message);
    }
}

/// Of `Jürgen <ops` the address alone: a name may have any letters.
fn user_of(head: &str) -> &str {
    head.rsplit_once('<').map_or(head, |(_, user)| user)
}

/// A config that others may write is theirs.
pub(super) fn warn_of_files(sources: &Sources, warnings: &Problems) {
    for (rank, path) in sources.files.iter().enumerate() {
        if std::fs::metadata(path).is_ok_and(|meta| meta.mode() & 0o022 != 0) {
            let file = path.display().to_string();
            let place = Place { file: file.as_str().into(), rank, line: None };
            warnings.push(&place, "", format!("others may change this file: run `chmod go-w {file}`"));
        }
    }
}

/// Not every mail server takes mail for such an address.
fn warn_of_addresses(draft: &Draft<'_>, settings: &Settings, warnings: &Problems) {
    let beyond = |text: &str| text.rsplit_once('@').is_some_and(|(user, _)| !user_of(user).is_ascii());
    let of_mail = settings.alerts.email.iter().map(|email| &email.from);
    for address in of_mail.chain(&settings.alerts.addresses()).filter(|a| beyond(a)) {
        let message = format!(
            "`{address}` has letters beyond ASCII before the @: a mail server without SMTPUTF8 takes no mail for it \
             (`renewd check --live` asks yours)"
        );
        warnings.push(&draft.start, "alerts.email", message);
    }
}
