//! What no key can know alone: names that refer to each other, values that contradict.
//!
//! Not responsible for the shape of single values.
use std::os::unix::fs::MetadataExt;

use jiff::SignedDuration;
use secrecy::ExposeSecret;

use super::draft::Draft;
use super::fields::Fields;
use super::problems::Problems;
use super::sources::Sources;
use super::tree::Place;
use super::values;
use super::{Account, Settings};
use crate::policy::{Key, Pattern};
use crate::settings::schema_check::closest;
use crate::settings::tables::{Row, matcher};

/// Checks names and references among all rows.
pub(super) fn check(draft: &Draft<'_>, problems: &Problems) {
    for table in ["account", "policy", "budget"] {
        unique_names(draft, table, problems);
        old_names(draft, table, problems);
    }
    unique_names(draft, "alerts.channel", problems);
    unique_names(draft, "hook", problems);
    for row in draft.rows("policy") {
        promo(row);
        approval(row);
    }
    // A file that could not be read may hold what seems to be missing.
    if !draft.complete {
        return;
    }
    for table in ["account", "policy"] {
        let is_there = table == "account" && !draft.accounts.is_empty();
        if draft.rows(table).next().is_none() && !is_there {
            problems.push(&draft.start, table, format!("is missing: write at least one [[{table}]]"));
        }
    }
    for table in ["policy", "label"] {
        references(draft, table, "match.account", "account", problems);
    }
    references(draft, "policy", "match.not.account", "account", problems);
    let rows = draft.rows("policy").flat_map(|row| row.rows("match.any"));
    refer(draft, rows, ("account", true), "account", problems);
    references(draft, "budget", "account", "account", problems);
    references(draft, "budget", "policy", "policy", problems);
    references(draft, "alerts.route", "account", "account", problems);
    references(draft, "alerts.channel", "account", "account", problems);
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
    refer(draft, draft.rows(table), (key, key.starts_with("match.")), target, problems);
}

fn refer<'r, 'p: 'r>(
    draft: &Draft<'p>,
    rows: impl Iterator<Item = &'r Fields<'p>>,
    (key, any_case): (&str, bool),
    target: &'static str,
    problems: &Problems,
) {
    let mut known: Vec<&str> = draft.rows(target).filter_map(|row| row.text("name")).collect();
    if target == "account" {
        known.extend(draft.accounts.iter().map(String::as_str));
    }
    for row in rows {
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

/// Nobody can be asked about a payment that the provider makes by itself.
fn approval(row: &Fields<'_>) {
    if row.flag("approval") == Some(true) && row.text("pay_by") == Some("provider") {
        row.tell(
            "approval",
            "cannot ask anybody where the provider pays on its own: write pay_by = \"renewd\", or leave `approval` out",
        );
    }
}

/// One key in two accounts would double every limit and let two budgets pay from one purse.
pub(super) fn same_keys(accounts: &[Row<'_, '_, Account>], problems: &Problems) {
    // A program without a key is known by its command and its settings.
    let key = |account: &Account| match account.api_key.expose_secret() {
        "" => account.base_url.to_string(),
        key => key.to_owned(),
    };
    for (index, row) in accounts.iter().enumerate() {
        let Some(account) = &row.made else { continue };
        let earlier = accounts.iter().take(index).filter_map(|other| other.made.as_ref());
        if let Some(twin) = earlier.into_iter().find(|other| key(other) == key(account)) {
            let (what, at) = match account.api_key.expose_secret() {
                "" => ("run the same program with the same settings", "command"),
                _ => ("have the same key", "api_key"),
            };
            let message = format!(
                "accounts `{}` and `{}` {what}: give each account its own, or keep one of them",
                twin.name, account.name
            );
            problems.push(row.fields.place(at), row.fields.full(at), message);
        }
    }
}

/// What is allowed but probably not meant.
pub(super) fn warn(draft: &Draft<'_>, settings: Option<&Settings>, warnings: &Problems) {
    let rows: Vec<&Fields<'_>> = draft.rows("policy").collect();
    let catches_all = |row: &&Fields<'_>| matcher(row).is_for_all();
    if let Some(at) = rows.iter().position(catches_all) {
        for row in rows.iter().skip(at + 1) {
            let name = rows[at].text("name").unwrap_or_default();
            let message = format!("never decides: policy `{name}` before it matches every lease");
            warnings.push(&row.at, row.full("match"), message);
        }
    }
    let sections =
        ["alerts.email", "alerts.webhook"].iter().any(|section| draft.sections.contains_key(*section));
    let told = sections || draft.rows("alerts.channel").next().is_some();
    if draft.complete && !told {
        let message = "alerts reach nobody by mail: add [alerts.email], or [[alerts.channel]] for a chat";
        warnings.push(&draft.start, "alerts.email", message);
    }
    draft.rows("account").for_each(|row| warn_of_account(row, warnings));
    if let Some(settings) = settings {
        warn_of_addresses(draft, settings, warnings);
        warn_of_labels(draft, settings, warnings);
    }
    if let Some(settings) = settings
        && settings.timing.money_timeout < settings.timing.read_timeout.max(SignedDuration::from_secs(60))
    {
        let message = "a payment cut off early has an unknown outcome: write \"120s\" or longer";
        warnings.push(draft.scalars.place("timing.money_timeout"), "timing.money_timeout", message);
    }
}

/// What the provider cannot be asked, and more at once than it takes.
fn warn_of_account(row: &Fields<'_>, warnings: &Problems) {
    let provider = row.text("provider").unwrap_or_default();
    if values::needs_word(provider) && !row.given("provider_renews") {
        let message = "renewd pays nothing at this account: the provider does not say whether it renews on its own. Where its auto-renewal is off \
                       for every lease, write \"off\"";
        warnings.push(&row.at, row.full("provider_renews"), message);
    }
    let counts =
        [("provider_renews", values::takes_word(provider)), ("version", values::needs_word(provider))];
    for (key, counts) in counts {
        if !counts && row.given(key) {
            warnings.push(row.place(key), row.full(key), "does nothing: the provider tells that itself");
        }
    }
    if let (Some(most), Some(batch)) = (values::most_at_once(provider), row.integer::<usize>("batch"))
        && batch > most
    {
        let message = format!("the provider takes {most} at once: no more than that are paid in one call");
        warnings.push(row.place("batch"), row.full("batch"), message);
    }
}

/// A label that nothing has: a slip of the pen, or a list that no longer names it.
fn warn_of_labels(draft: &Draft<'_>, settings: &Settings, warnings: &Problems) {
    let names = settings.labels.names();
    let has = |key: &str, row: &Fields<'_>| {
        for (place, text) in row.texts(key) {
            let Ok(pattern) = Pattern::parse(Key::Label, text) else { continue };
            if !names.iter().any(|name| pattern.fits(name)) {
                let hint = closest(text, names.iter().map(AsRef::as_ref));
                let hint = hint.map_or(String::new(), |close| format!(": did you mean `{close}`?"));
                warnings.push(place, row.full(key), format!("no lease is given the label `{text}`{hint}"));
            }
        }
    };
    for row in draft.rows("policy") {
        has("match.label", row);
        has("match.not.label", row);
        row.rows("match.any").for_each(|one| has("label", one));
    }
    draft.rows("budget").for_each(|row| has("label", row));
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
