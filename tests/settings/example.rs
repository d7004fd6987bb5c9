//! The shipped example is a config, with and without what it comments out.
use renewd::settings::{EXAMPLE, load};

use crate::Desk;

/// The example on a desk where its secrets are.
fn desk(text: &str) -> Desk {
    let mut desk = Desk::new();
    for name in ["hook.url", "hook.secret", "heartbeat.url", "http.token", "smtp.password"] {
        desk.secret(name, &format!("https://{name}.example.org/1234"), 0o600);
    }
    desk.sources.credentials_dir = Some(desk.path().to_path_buf());
    let here = format!("{}/", desk.path().display());
    desk.config("renewd.toml", &text.replace("/etc/renewd/", &here));
    desk
}

/// Every commented key and header switched on: `#key = …` and `#[header]`, while prose has a blank after `#`.
fn uncommented() -> String {
    let on = |line: &str| {
        let bare = line.strip_prefix('#').filter(|rest| !rest.is_empty() && !rest.starts_with(' '));
        bare.unwrap_or(line).to_owned()
    };
    EXAMPLE.lines().map(on).collect::<Vec<_>>().join("\n")
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
    assert_eq!(settings.alerts.routes.len(), 1);
    assert_eq!(settings.policies[0].matches.all.len(), 7);
}
