//! How a key could stand in a file, to be shown where it is wrong or missing.
use super::schema::Key;

/// The last part of its name.
pub(super) fn last(key: &Key) -> &'static str {
    key.name.rsplit('.').next().unwrap_or(key.name)
}

/// The key as it could stand in a file.
pub(super) fn assignment(key: &Key) -> String {
    format!("{} = {}", last(key), key.shown)
}
