//! The words of `[log]`.
use tracing::Level;

use super::{LogFormat, values as v};

pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    let known = [
        ("auto", LogFormat::Auto),
        ("text", LogFormat::Text),
        ("json", LogFormat::Json),
        ("journal", LogFormat::Journal),
    ];
    v::choose(text, &known)
}

pub(super) fn log_level(text: &str) -> Result<Level, String> {
    let known = [
        ("error", Level::ERROR),
        ("warn", Level::WARN),
        ("info", Level::INFO),
        ("debug", Level::DEBUG),
        ("trace", Level::TRACE),
    ];
    v::choose(text, &known)
}
