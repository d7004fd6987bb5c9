//! `[http]` and `[log]`: where the daemon shows itself, and how it writes its log. Not responsible for doing either.
use std::net::SocketAddr;

use secrecy::SecretString;

/// `[http]`.
#[derive(Debug, Clone)]
pub struct Http {
    /// Where the status page and `/metrics` are served; `None` = off.
    pub listen: Option<SocketAddr>,
    /// Asked of every request where given; always given where `listen` is no loopback address, and with `hosts`.
    pub token: Option<SecretString>,
    /// Further names that a request may ask for, behind a reverse proxy.
    pub hosts: Vec<String>,
}

impl Http {
    /// Where people find the page: by its name behind a proxy, else where it listens. `None`: it is off, or listens on every address
    /// and has no name.
    #[must_use]
    pub fn page(&self) -> Option<String> {
        let listen = self.listen?;
        match self.hosts.first() {
            Some(name) => Some(format!("https://{name}/")),
            None => (!listen.ip().is_unspecified()).then(|| format!("http://{listen}/")),
        }
    }
}

/// `[log]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// How a line looks.
    pub format: LogFormat,
    /// From which level on; `RUST_LOG` goes over it.
    pub level: tracing::Level,
}

/// `log.format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, `Journal` where stderr is systemd's journal, else JSON for `run` and text for other commands.
    Auto,
    /// Lines with time and level.
    Text,
    /// One document per line.
    Json,
    /// Lines with a priority and no time, as systemd's journal takes them.
    Journal,
}
