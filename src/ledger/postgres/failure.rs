//! What a server, or the way to it, ended a statement with. No message here holds a password: the server never says one, and the URL is
//! never repeated.
use tokio_postgres::error::{Severity, SqlState};

/// Why a statement did not end well.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::ledger) enum Failure {
    /// The server refused it, and goes on listening: the transaction is over, nothing of it stays.
    #[error("{0}")]
    Refused(String),
    /// The connection is gone, or does not answer: what was sent last may have happened.
    #[error("{0}")]
    Away(String),
}

impl Failure {
    /// The connection is of no use any more.
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Away(_))
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(e: tokio_postgres::Error) -> Self {
        if let Some(db) = e.as_db_error() {
            let words = db.message().to_owned();
            // A table got another column: a connection that is made anew reads its statements anew.
            let is_stale = *db.code() == SqlState::FEATURE_NOT_SUPPORTED;
            let ends = is_stale || matches!(db.parsed_severity(), Some(Severity::Fatal | Severity::Panic));
            return match ends {
                true => Self::Away(words),
                false => Self::Refused(words),
            };
        }
        let words = chain(&e);
        // Neither the server nor the network failed: a value did not fit its column.
        let ours = words.starts_with("error serializing") || words.starts_with("error deserializing");
        if ours { Self::Refused(words) } else { Self::Away(words) }
    }
}

/// An error and what is behind it, each said once.
fn chain(e: &dyn std::error::Error) -> String {
    let mut words = e.to_string();
    let mut behind = e.source();
    while let Some(cause) = behind {
        let more = cause.to_string();
        if !words.contains(&more) {
            words = format!("{words}: {more}");
        }
        behind = cause.source();
    }
    words
}
