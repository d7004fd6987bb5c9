//! Configs and secrets as tests need them, written into a folder of the test's own.
#![allow(dead_code, reason = "each test program uses its own part")]
#![allow(clippy::unwrap_used, missing_docs, reason = "helpers of tests: a panic is a failed test")]
use std::fs;
use std::path::Path;

/// The one account of a config. Its API key is the file `NAME.key` beside the config.
pub struct Account<'a> {
    pub name: &'a str,
    pub provider: &'a str,
    pub base_url: &'a str,
    pub per_minute: usize,
}

/// A config with one account and without a page: `head` comes before `[http]`, `rest` goes on in `[[account]]`.
pub fn one_account(dir: &Path, head: &str, account: &Account<'_>, rest: &str) -> String {
    let Account { name, provider, base_url, per_minute } = account;
    let dir = dir.display();
    format!(
        r#"state_dir = "{dir}/state"
runtime_dir = "{dir}/run"
{head}
[http]
listen = ""
[[account]]
name = "{name}"
provider = "{provider}"
base_url = "{base_url}"
api_key = {{ file = "{dir}/{name}.key" }}
max_requests_per_minute = {per_minute}
{rest}
"#
    )
}

/// `[alerts.email]` of a plain server, with more lines in it.
pub fn email(port: u16, more: &str) -> String {
    format!(
        "[alerts.email]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nfrom = \"renewd <renewd@example.org>\"\nto = [\"ops@example.org\"]\n{more}\n"
    )
}

/// A policy that renews everything, and mails about it.
pub fn keep_and_mail(port: u16) -> String {
    format!("{}{}", super::KEEP, email(port, ""))
}

/// A file that only its owner may read.
pub fn private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}
