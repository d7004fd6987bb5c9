//! Where secrets may be, and that no message repeats one.
use renewd::redact::Redactor;
use rstest::rstest;
use secrecy::ExposeSecret;

use crate::settings::{Desk, LEAST};

fn key_at(place: &str) -> String {
    LEAST.replace("{ file = \"yp.key\" }", place)
}

#[test]
fn a_key_is_read_from_file_environment_and_credential() {
    let mut desk = Desk::with(&key_at("{ env = \"YP_KEY\" }"));
    desk.env("YP_KEY", "from-env-1234");
    assert_eq!(desk.settings().accounts[0].api_key.expose_secret(), "from-env-1234");

    let mut desk = Desk::with(&key_at("{ credential = \"yp\" }"));
    desk.secret("yp", "from-systemd-1234\r\n", 0o444);
    desk.sources.credentials_dir = Some(desk.path().to_path_buf());
    assert_eq!(desk.settings().accounts[0].api_key.expose_secret(), "from-systemd-1234");

    let desk = Desk::with(LEAST);
    assert_eq!(desk.settings().accounts[0].api_key.expose_secret(), "key-of-yp-1234");
}

#[test]
fn a_relative_path_counts_from_the_config_that_names_it() {
    let mut desk = Desk::new();
    std::fs::create_dir(desk.path().join("conf.d")).unwrap();
    desk.secret("conf.d/own.key", "own-1234", 0o400);
    desk.config("conf.d/a.toml", &key_at("{ file = \"own.key\" }"));
    assert_eq!(desk.settings().accounts[0].api_key.expose_secret(), "own-1234");
}

#[rstest]
fn a_file_that_others_may_read_or_write_is_refused(#[values(0o640, 0o620, 0o604, 0o602, 0o666)] mode: u32) {
    let desk = Desk::with(LEAST);
    let path = desk.secret("yp.key", "key-of-yp-1234", mode);
    let problems = desk.problems();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].message.contains(&format!("chmod 600 {}", path.display())), "{problems:?}");
}

#[test]
fn a_missing_key_file_comes_with_the_command_that_makes_it() {
    let desk = Desk::with(&key_at("{ file = \"none.key\" }"));
    let told = desk.problems().remove(0).message;
    let command = format!(
        "`sudo install -m 0600 -o renewd -g renewd /dev/stdin {}`",
        desk.path().join("none.key").display()
    );
    assert!(told.contains(&command), "{told}");
}

#[test]
fn the_command_to_type_survives_odd_paths() {
    let desk = Desk::with(&key_at("{ file = \"it's mine.key\" }"));
    desk.secret("it's mine.key", "key-1234", 0o644);
    assert!(desk.told().contains(r"it'\''s mine.key'`"), "{}", desk.told());
}

#[rstest]
#[case("{ file = \"none.key\" }", "cannot be read")]
#[case("{ file = \"empty.key\" }", "is empty")]
#[case("{ file = \"two.key\" }", "more than one line")]
#[case("{ file = \"latin.key\" }", "cannot be read")]
#[case("{ file = \".\" }", "is not a file")]
#[case("{ file = \"huge.key\" }", "too large")]
#[case("{ env = \"NOT_SET\" }", "the environment has no NOT_SET")]
#[case("{ env = \"BLANK\" }", "the variable BLANK is empty")]
#[case("{ credential = \"yp\" }", "LoadCredential=yp:PATH")]
#[case("{ credential = \"../yp\" }", "without a path")]
#[case("{ file = \"yp.key\", env = \"YP\" }", "exactly one of")]
#[case("{}", "exactly one of")]
#[case("{ file = 1 }", "takes text in quotes")]
#[case("{ file = \"\" }", "names nothing")]
#[case("{ value = \"sk-inline-secret\" }", "takes one of")]
#[case("\"sk-inline-secret\"", "never written here")]
#[case("[\"sk-inline-secret\"]", "takes the place of a secret")]
#[case("sk-inline-secret", "not TOML")]
#[case("'sk-inline-secret", "not TOML")]
#[case("\"sk-inline-secret\\q\"", "not TOML")]
fn a_misplaced_secret_is_told_without_its_value(#[case] place: &str, #[case] part: &str) {
    let mut desk = Desk::with(&key_at(place));
    desk.secret("empty.key", "\n", 0o600);
    desk.secret("two.key", "sk-inline-secret\nsk-inline-secret", 0o600);
    desk.secret("huge.key", &"sk-inline-secret".repeat(10_000), 0o600);
    std::fs::write(desk.secret("latin.key", "", 0o600), b"sk-inline-secret\xff").unwrap();
    desk.env("BLANK", "\n");
    let told = desk.told();
    assert!(told.contains(part), "{told}");
    assert!(!told.contains("sk-inline"), "{told}");
    assert!(told.starts_with("renewd.toml:5:"), "{told}");
}

#[test]
fn a_secret_under_a_wrong_key_is_not_repeated_either() {
    for line in [
        "api_kee = \"sk-inline-secret\"",
        "base_url = \"http://youproxy.io/client/api/v1/sk-inline-secret\"",
        "base_url = \"https://sk-inline-secret@youproxy.io\"",
        "base_url = \"sk-inline-secret\"",
    ] {
        let config = LEAST.replace("[[policy]]", &format!("{line}\n[[policy]]"));
        let told = crate::settings::told(&config);
        assert!(!told.contains("sk-inline"), "{told}");
    }
}

#[test]
fn the_same_key_in_two_accounts_names_both() {
    let mut desk = Desk::with(LEAST);
    desk.secret("copy.key", "key-of-yp-1234", 0o600);
    desk.config(
        "b.toml",
        "[[account]]\nname = \"b\"\nprovider = \"youproxy\"\napi_key = { file = \"copy.key\" }\n",
    );
    let told = desk.told();
    assert!(told.contains("accounts `yp` and `b` have the same key"), "{told}");
    assert!(told.starts_with("b.toml:4: account[1].api_key") && !told.contains("1234"), "{told}");
}

const EVERYWHERE: &str = r#"
[alerts.email]
host = "mail.example.org"
from = "renewd@example.org"
to = ["ops@example.org"]
username = "renewd"
password = { env = "SMTP" }
[alerts.webhook]
url = { env = "HOOK" }
secret = { env = "SIGN" }
[alerts.heartbeat]
url = { env = "PING" }
[http]
listen = "0.0.0.0:9787"
token = { env = "TOKEN" }
"#;

#[test]
fn the_redactor_gets_every_secret_and_debug_shows_none() {
    let mut desk = Desk::with(&format!("{LEAST}{EVERYWHERE}"));
    desk.env("SMTP", "hunter2-smtp")
        .env("PING", "https://ping.example.org/hunter2")
        .env("HOOK", "https://hook.example.org/hunter2")
        .env("SIGN", "hunter2-sign")
        .env("TOKEN", "hunter2-token");
    let settings = desk.settings();
    let mut secrets = settings.secrets();
    secrets.sort();
    assert_eq!(
        secrets,
        [
            "https://hook.example.org/hunter2",
            "https://ping.example.org/hunter2",
            "hunter2-sign",
            "hunter2-smtp",
            "hunter2-token",
            "key-of-yp-1234"
        ]
    );
    let debug = format!("{settings:?}{:?}", desk.sources);
    assert!(!debug.contains("hunter2") && !debug.contains("key-of-yp"), "{debug}");
    assert_eq!(Redactor::new(settings.secrets()).hide("x hunter2-smtp"), "x [redacted]");
}

#[rstest]
#[case("http://ping.example.org/hunter2")]
#[case("hunter2")]
#[case("ftp://ping.example.org/hunter2")]
fn an_url_that_would_leak_is_refused_unseen(
    #[case] url: &str,
    #[values("heartbeat", "webhook")] section: &str,
) {
    let mut desk = Desk::with(&format!("{LEAST}[alerts.{section}]\nurl = {{ env = \"PING\" }}\n"));
    desk.env("PING", url);
    let told = desk.told();
    assert!(told.starts_with(&format!("renewd.toml:10: alerts.{section}.url: what is kept there")), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
}
