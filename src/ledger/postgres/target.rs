//! Where a server is, as its URL says it: `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.
//!
//! A plain connection goes to this machine alone; any other is encrypted, and the server shows who it is. Nothing here repeats the URL or
//! a part of it that could be the password.
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::tls;

/// A URL that is of no use: exit 2.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the URL of the ledger {0}")]
pub struct BadUrl(String);

/// How long a server may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For one statement.
    pub statement: Duration,
    /// To hear of a transaction again that was begun: one that hangs keeps another node from taking over.
    pub idle: Duration,
}

impl Limits {
    /// As they fit a pay lease of that length: a transaction that hangs is over well before the lease is.
    #[must_use]
    pub fn of_lease(ttl: Duration) -> Self {
        Self { statement: Duration::from_secs(10), idle: (ttl / 6).max(Duration::from_millis(50)) }
    }

    /// What every connection begins with.
    pub(super) fn settings(&self) -> String {
        format!(
            "SET statement_timeout = {}; SET lock_timeout = {}; SET idle_in_transaction_session_timeout = {}; \
             SET client_min_messages = 'warning'; SET default_transaction_isolation = 'read committed'",
            self.statement.as_millis(),
            self.statement.as_millis() * 4 / 5,
            self.idle.as_millis()
        )
    }
}

/// A server, a database there, and who asks.
#[derive(Clone)]
pub struct Target {
    pub(super) config: Config,
    pub(super) tls: Option<Arc<rustls::ClientConfig>>,
    pub(super) limits: Limits,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("label", &self.label()).finish_non_exhaustive()
    }
}

impl Target {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`BadUrl`], with what to write instead.
    pub fn read(url: &str, limits: Limits) -> Result<Self, BadUrl> {
        let (plain, asked) = split(url)?;
        let no_url = || {
            BadUrl("cannot be read as a PostgreSQL address: write postgres://USER:PASSWORD@HOST:PORT/DATABASE, with special characters of the password as %XX".to_owned())
        };
        let mut config: Config = plain.parse().map_err(|_| no_url())?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(BadUrl("names no host: write postgres://USER:PASSWORD@HOST/DATABASE, or ?host=/run/postgresql for a socket".to_owned()));
        }
        if config.get_dbname().is_none() || config.get_user().is_none() {
            return Err(BadUrl(
                "names no user or no database: write postgres://USER:PASSWORD@HOST/DATABASE".to_owned(),
            ));
        }
        let mode = asked.mode.as_deref();
        let tls = match (is_here(&config), mode) {
            (true, None | Some("disable" | "allow" | "prefer")) => None,
            (_, None | Some("verify-full")) => Some(tls::client(asked.ca.as_deref()).map_err(BadUrl)?),
            (false, _) => {
                return Err(BadUrl("leads to another machine, where only sslmode=verify-full keeps it from being read and answered by others: write that, or nothing".to_owned()));
            }
            (true, _) => {
                return Err(BadUrl(
                    "has an sslmode that is not built: write disable or verify-full".to_owned(),
                ));
            }
        };
        config.ssl_mode(if tls.is_some() { SslMode::Require } else { SslMode::Disable });
        config.application_name("renewd");
        config.connect_timeout(Duration::from_secs(5));
        config.tcp_user_timeout(Duration::from_secs(10));
        config.keepalives_idle(Duration::from_secs(10));
        config.keepalives_interval(Duration::from_secs(5));
        config.keepalives_retries(2);
        Ok(Self { config, tls, limits })
    }

    /// What it is called wherever it is told: host and database, nothing else.
    #[must_use]
    pub fn label(&self) -> PathBuf {
        let hosts: Vec<String> = self
            .config
            .get_hosts()
            .iter()
            .map(|host| match host {
                Host::Tcp(name) => name.clone(),
                Host::Unix(path) => path.display().to_string(),
            })
            .collect();
        PathBuf::from(format!("{} at {}", self.config.get_dbname().unwrap_or_default(), hosts.join(",")))
    }
}

/// What a URL asks of the encryption.
#[derive(Default)]
struct Asked {
    mode: Option<String>,
    ca: Option<PathBuf>,
}

/// The URL as the client reads it, and what it does not read.
fn split(url: &str) -> Result<(String, Asked), BadUrl> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(BadUrl(
            "does not begin with postgres://: write postgres://USER:PASSWORD@HOST:PORT/DATABASE".to_owned(),
        ));
    }
    let Some((plain, query)) = url.rsplit_once('?') else { return Ok((url.to_owned(), Asked::default())) };
    let mut asked = Asked::default();
    let mut rest = Vec::new();
    for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match key.as_ref() {
            "sslmode" => asked.mode = Some(value.into_owned()),
            "sslrootcert" => asked.ca = Some(PathBuf::from(value.into_owned())),
            _ => rest.push((key, value)),
        }
    }
    let rest: Vec<String> = rest.iter().map(|(k, v)| format!("{}={}", encoded(k), encoded(v))).collect();
    let mark = if rest.is_empty() { "" } else { "?" };
    Ok((format!("{plain}{mark}{}", rest.join("&")), asked))
}

/// With every odd character as `%XX`.
fn encoded(text: &str) -> String {
    let byte = |b: u8| match b {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
            char::from(b).to_string()
        }
        b => format!("%{b:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// Every way leads to this machine.
fn is_here(config: &Config) -> bool {
    let local = |host: &Host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            let address: Option<IpAddr> = name.trim_matches(['[', ']']).parse().ok();
            name == "localhost" || address.is_some_and(|a| a.is_loopback())
        }
    };
    match config.get_hostaddrs() {
        [] => config.get_hosts().iter().all(local),
        addresses => addresses.iter().all(IpAddr::is_loopback),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<Target, BadUrl> {
        Target::read(url, Limits::of_lease(Duration::from_secs(30)))
    }

    #[test]
    fn a_plain_connection_goes_to_this_machine_alone() {
        for here in [
            "u:p@localhost/d",
            "u:p@127.0.0.1:5433/d",
            "u@/d?host=/run/postgresql",
            "u:p@%2Frun%2Fpostgresql/d",
        ] {
            let target = read(&format!("postgres://{here}")).unwrap();
            assert!(target.tls.is_none(), "{here}");
        }
        for there in [
            "u:p@db.example/d?sslmode=disable",
            "u:p@10.0.0.1/d?sslmode=require",
            "u:p@localhost,db.example/d?sslmode=prefer",
        ] {
            assert!(
                read(&format!("postgres://{there}")).unwrap_err().to_string().contains("verify-full"),
                "{there}"
            );
        }
        assert!(read("postgres://u:p@127.0.0.1/d?hostaddr=10.0.0.1&sslmode=disable").is_err());
    }

    #[test]
    fn no_message_and_no_label_holds_a_password() {
        for bad in [
            "mysql://u:hunter2@h/d",
            "postgres://u:hun?ter2@h/d",
            "postgres://u:hunter2@h:x/d",
            "hunter2",
            "postgres://u:hunter2@/d",
            "postgres://u:hunter2@h?sslmode=hunter2",
        ] {
            let told = read(bad).unwrap_err().to_string();
            assert!(!told.contains("ter2"), "{told}");
        }
        let good = read("postgres://u:hunter2@localhost:1/ledger").unwrap();
        assert_eq!(format!("{} {good:?}", good.label().display()).matches("hunter2").count(), 0);
    }
}
