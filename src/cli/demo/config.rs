//! The demo's folder and the config in it, as a user would write it. Not responsible for what the accounts hold.
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::failed;
use crate::cli::args::DemoArgs;
use crate::cli::context::Failure;
use crate::cli::demo::fixtures::{CRAWL, Cast, OLD, PS, PS_KEY, PX, PX_KEY, SELL, SELL_KEY, YP, YP_KEY};

/// The folder for ledger, config and mails; one that holds anything is refused, since it may be somebody's keys.
pub(super) fn folder(args: &DemoArgs) -> Result<PathBuf, Failure> {
    let dir = match &args.dir {
        Some(dir) => {
            fs::create_dir_all(dir).map_err(failed)?;
            if fs::read_dir(dir).map_err(failed)?.next().is_some() {
                return Err(Failure::usage(format!(
                    "{} is not empty: name a new folder, or empty this one",
                    dir.display()
                )));
            }
            fs::canonicalize(dir).map_err(failed)?
        }
        None => tempfile::Builder::new().prefix("renewd-demo-").tempdir().map_err(failed)?.keep(),
    };
    fs::create_dir_all(mails(&dir)).map_err(failed)?;
    Ok(dir)
}

/// Where the mails go.
pub(super) fn mails(dir: &Path) -> PathBuf {
    dir.join("mails")
}

/// Where the config is.
pub(super) fn file(dir: &Path) -> PathBuf {
    dir.join("renewd.toml")
}

/// Writes the config and the key files that it names. `urls`: where the providers are, in the order of their accounts.
pub(super) fn write(dir: &Path, urls: [String; 4], cast: &Cast) -> Result<(), Failure> {
    for (name, key) in [(YP, YP_KEY), (PS, PS_KEY), (SELL, SELL_KEY), (PX, PX_KEY)] {
        let mut options = fs::OpenOptions::new();
        let options = options.write(true).create_new(true).mode(0o600);
        let mut file = options.open(dir.join(format!("{name}.key"))).map_err(failed)?;
        writeln!(file, "{key}").map_err(failed)?;
    }
    let text = format!("{}{}{}", head(dir, &urls), policies(cast), TAIL);
    let mut config = fs::File::create_new(file(dir)).map_err(failed)?;
    config.write_all(text.as_bytes()).map_err(failed)
}

fn head(dir: &Path, urls: &[String; 4]) -> String {
    let dir = dir.display();
    let top = format!(
        r#"# Written by `renewd demo`: look at what it did with renewd --config THIS history|status
state_dir = "{dir}"
runtime_dir = "{dir}/run"

[schedule]
jitter = "1s"
"#
    );
    let accounts = [
        (YP, "youproxy", ""),
        (PS, "proxyshard", ""),
        (SELL, "proxyseller", ""),
        // It does not tell: the owner must.
        (PX, "px6", "provider_renews = \"off\"\n"),
    ];
    accounts.iter().zip(urls).fold(top, |text, ((name, provider, more), url)| {
        text + &format!(
            r#"
[[account]]
name = "{name}"
provider = "{provider}"
base_url = "{url}"
api_key = {{ file = "{dir}/{name}.key" }}
max_requests_per_minute = 6000
{more}"#
        )
    })
}

fn policies(cast: &Cast) -> String {
    format!(
        r#"
[[policy]]
name = "let-go"
match = {{ account = ["{YP}"], ip = ["{}"] }}
action = "release"

[[policy]]
name = "{OLD}"
match = {{ account = ["{PS}"], tag = ["{OLD}"] }}
action = "release"
pay_by = "provider"

[[policy]]
name = "mobile"
match = {{ account = ["{YP}"], kind = ["MOBILE"] }}
action = "renew"
promo_code = "SAVE10"
priority = 100

[[policy]]
name = "{CRAWL}"
match = {{ account = ["{PS}"], tag = ["{CRAWL}"] }}
action = "renew"
pay_by = "provider"
before = "2d"
"#,
        cast.let_go
    )
}

const TAIL: &str = r#"
[[policy]]
name = "keep-all"
action = "renew"
before = "3d"
period = ["30d", "90d"]

[[budget]]
name = "crawl-per-day"
policy = ["crawl"]
per = "day"
limit = "8.00"
currency = "USD"

[alerts.email]
host = "localhost"
port = 25
tls = "none"
from = "renewd@example.org"
to = ["you@example.org"]

[http]
listen = ""
"#;
