//! The shipped example is a config, with and without what it comments out.
use renewd::settings::{EXAMPLE, load};

use crate::settings::Desk;

/// The example on a desk where its secrets are.
fn desk(text: &str) -> Desk {
    let mut desk = Desk::new();
    for name in [
        "hook.url",
        "hook.secret",
        "chat.url",
        "chat.token",
        "heartbeat.url",
        "http.token",
        "smtp.password",
        "rack.key",
    ] {
        desk.secret(name, &format!("https://{name}.example.org/1234"), 0o600);
    }
    desk.secret("ledger.url", "postgres://renewd:secret@127.0.0.1/renewd", 0o600);
    std::fs::write(desk.path().join("clients.csv"), "target,label\n203.0.113.7,client-a\n").unwrap();
    desk.sources.credentials_dir = Some(desk.path().to_path_buf());
    let here = format!("{}/", desk.path().display());
    desk.config("renewd.toml", &text.replace("/etc/renewd/", &here));
    desk
}

/// Every commented key and header switched on: `#key = …` and `#[header]`, while prose has a blank after `#`, and a hint for editors a colon.
fn switched_on(text: &str) -> String {
    let on = |line: &str| {
        let bare = line.strip_prefix('#').filter(|rest| !rest.is_empty() && !rest.starts_with([' ', ':']));
        bare.unwrap_or(line).to_owned()
    };
    text.lines().map(on).collect::<Vec<_>>().join("\n")
}

fn uncommented() -> String {
    switched_on(EXAMPLE)
}

/// What was shipped beside the ledger's schema 6, with all that it comments out switched on: people still run with it.
#[test]
fn an_example_of_earlier_days_still_loads() {
    let old = include_str!("at-schema-6.toml");
    for text in [old.to_owned(), switched_on(old)] {
        desk(&text).settings();
    }
}

#[test]
fn the_example_loads_without_a_warning() {
    let settings = desk(EXAMPLE).settings();
    assert!(settings.warnings.is_empty(), "{:?}", settings.warnings);
    assert_eq!((settings.accounts.len(), settings.policies.len(), settings.budgets.len()), (1, 1, 1));
    assert!(settings.alerts.email.is_some() && settings.alerts.heartbeat.is_none());
}

#[test]
fn the_example_uncommented_loads() {
    let text = uncommented();
    assert_ne!(text, EXAMPLE);
    let settings = load(&desk(&text).sources).unwrap();
    assert!(settings.alerts.heartbeat.is_some() && settings.http.token.is_some());
    assert!(settings.alerts.webhook.is_some_and(|hook| hook.secret.is_some()));
    assert!(settings.alerts.email.is_some_and(|email| email.templates.is_some()));
    assert_eq!((settings.alerts.routes.len(), settings.alerts.channels.len()), (1, 1));
    assert_eq!(settings.policies[0].matches.all.clauses.len(), 10);
}
