//! Alerts about the reading of an account: it is down, its list cannot be read or believed. They speak for its leases.
use super::{deadline, grade, leases_are, plain, row, touched, urgency};
use crate::domain::{Alert, AlertKey, Severity};
use crate::engine::{AccountReport, ProgramChange, short};
use crate::planner::{Item, Standing};
use crate::policy::{Decision, Stage, Word};
use crate::settings::Settings;

/// Leases that wait for the account, or that people would hear of if it could be read.
fn waiting<'a>(account: &AccountReport, items: &[&'a Item]) -> Vec<&'a Item> {
    let near = |i: &Item| i.decision() == Decision::Watch && i.stage >= Some(Stage::Normal);
    let waits = |i: &&&Item| match i.reason.word {
        Word::AccountDown | Word::Unparsable | Word::Shrunk => true,
        _ => !account.reachable() && (i.decision() == Decision::Hold || near(i)),
    };
    items.iter().filter(waits).copied().collect()
}

/// So much of a cause fits into a subject.
const SUBJECT: usize = 100;

/// The cause as a subject has room for it: what to do stands in the text.
fn brief(why: &str) -> String {
    let (mut depth, mut opened, mut end) = (0_usize, None, why.len());
    for (at, c) in why.char_indices() {
        match c {
            '(' => {
                depth += 1;
                opened = opened.or(Some(at).filter(|_| depth == 1));
            }
            ')' => {
                depth = depth.saturating_sub(1);
                if depth == 0 && why[at..].starts_with("): ") {
                    end = at + 1;
                    break;
                }
            }
            _ => {}
        }
    }
    let cause = &why[..end];
    let Some((cut, _)) = cause.char_indices().nth(SUBJECT) else { return cause.to_owned() };
    match opened.filter(|at| *at > 0 && *at <= cut) {
        Some(at) => cause[..at].trim_end().to_owned(),
        None => format!("{}…", &cause[..cut]),
    }
}

/// What makes an account readable again.
fn mend(account: &AccountReport, settings: &Settings) -> Vec<String> {
    let place = settings.account(&account.account).map(|a| &a.api_key_at).filter(|place| !place.is_empty());
    let key = place.filter(|place| place.starts_with('/')).map(|place| {
        format!("if its key is wrong: sudo install -m 0600 -o renewd -g renewd /dev/stdin {place}, then systemctl reload renewd")
    });
    let other = || {
        place.map(|place| {
            format!("if its key is wrong: put the right one into {place}, then systemctl restart renewd")
        })
    };
    ["renewd check --live".to_owned()]
        .into_iter()
        .chain(key.or_else(other))
        .chain(["renewd status".to_owned()])
        .collect()
}

pub(super) fn standing(account: &AccountReport, items: &[&Item], settings: &Settings) -> Option<Alert> {
    let name = &account.account;
    let (cause, title, why) = match &account.standing {
        Standing::Good => return None,
        Standing::Down(why) => {
            ("account_down", format!("Account {name} cannot be read: {}", brief(why)), why)
        }
        Standing::Unreadable(why) => {
            ("inventory_unreadable", format!("The list of account {name} cannot be read"), why)
        }
        Standing::Shrunk(why) if account.leases == 0 => {
            ("inventory_empty", format!("The list of account {name} is suddenly empty"), why)
        }
        Standing::Part(why) => ("partial_list", format!("The list of account {name} is incomplete"), why),
        Standing::Shrunk(why) => {
            ("shrunk", format!("Too many leases are missing from the list of account {name}"), why)
        }
    };
    let waiting = waiting(account, items);
    let due = match waiting.len() {
        0 => String::new(),
        n => format!("; {} waiting", leases_are(n)),
    };
    Some(Alert {
        rows: waiting.iter().map(|i| row(i)).collect(),
        deadline: deadline(&waiting),
        actions: match cause {
            "shrunk" | "inventory_empty" | "partial_list" => {
                vec![format!("renewd resume {name}"), "renewd plan".into()]
            }
            "account_down" => mend(account, settings),
            _ => vec!["renewd check --live".into(), "renewd status".into()],
        },
        grade: grade(&waiting),
        leases: touched(&waiting),
        ..plain(
            AlertKey::account(cause, name.as_str()),
            urgency(&waiting),
            Some(name),
            &format!("{title}{due}"),
            why,
        )
    })
}

/// Nothing may be paid with it, whatever was read.
pub(super) fn barred(account: &AccountReport, items: &[&Item]) -> Option<Alert> {
    // A ledger that was brought back is one alert for all accounts.
    let reason = account.barred.as_ref().filter(|reason| reason.word != Word::Restored)?;
    let name = &account.account;
    let (title, actions) = match reason.word {
        Word::AccountChanged => (
            format!("Account {name} may be a different account now: renewd pays nothing"),
            vec![
                "look at its name, `was` and api_key in the config".to_owned(),
                format!("if the config is right: renewd resume {name}"),
            ],
        ),
        _ => (
            format!("Another renewd uses the key of account {name}: this one pays nothing"),
            vec![
                "pgrep -a renewd".to_owned(),
                "stop one of them, or take the account out of its config".to_owned(),
            ],
        ),
    };
    let waits: Vec<&Item> = items.iter().filter(|i| i.reason.word == reason.word).copied().collect();
    let due = match waits.len() {
        0 => String::new(),
        n => format!("; {} waiting", leases_are(n)),
    };
    Some(Alert {
        rows: waits.iter().map(|i| row(i)).collect(),
        deadline: deadline(&waits),
        actions,
        grade: grade(&waits),
        leases: touched(&waits),
        ..plain(
            AlertKey::account(reason.word.as_str(), name.as_str()),
            urgency(&waits),
            Some(name),
            &format!("{title}{due}"),
            &reason.prose,
        )
    })
}

/// Whatever it is now, it runs with renewd's rights and pays with its account.
pub(super) fn program_changed(account: &AccountReport, changes: &[ProgramChange]) -> Option<Alert> {
    let name = &account.account;
    let change = changes.iter().find(|change| &change.account == name)?;
    Some(Alert {
        once: true,
        parts: vec![change.to.clone()],
        actions: vec![
            "if nobody on your side changed it: run renewd pause, then inspect it".to_owned(),
            "renewd provider check PROGRAM --config FILE".to_owned(),
            "renewd status".to_owned(),
        ],
        ..plain(
            AlertKey::account("exec_changed", name.as_str()),
            Severity::Warning,
            Some(name),
            &format!("The program of account {name} changed"),
            &format!(
                "Since {} the program that reads and pays for this account, or a file of its command, is another: it was {}, it is {}.",
                change.at.strftime("%Y-%m-%d %H:%M UTC"),
                short(&change.from),
                short(&change.to)
            ),
        )
    })
}

pub(super) fn unreadable_records(account: &AccountReport) -> Option<Alert> {
    let (name, n) = (&account.account, account.unreadable);
    (n > 0).then(|| {
        plain(
            AlertKey::account("unreadable_records", name.as_str()),
            Severity::Warning,
            Some(name),
            &format!("Some records of account {name} cannot be read"),
            &format!("Records in the list without a readable id: {n}. One of them may be due."),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::brief;

    #[test]
    fn a_subject_names_the_cause_and_ends_with_a_whole_word_of_it() {
        let refused =
            "the provider refuses the API key (code 2: Error api key): put the right key into the file";
        assert_eq!(brief(refused), "the provider refuses the API key (code 2: Error api key)");
        let nested = "no answer: no connection to 127.0.0.1:18787 could be made (client error (Connect): tcp connect error: \
                      Connection refused (os error 111))";
        assert_eq!(brief(nested), "no answer: no connection to 127.0.0.1:18787 could be made");
        assert_eq!(brief(&"x".repeat(120)), format!("{}…", "x".repeat(100)));
        assert_eq!(brief("it does not answer"), "it does not answer");
    }
}
