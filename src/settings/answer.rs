//! Single values before there is a config: what somebody types is judged by the rules of the key that it will stand for. Not
//! responsible for what values mean together.
use std::path::Path;
use std::sync::Arc;

use super::schema::{self, Key, SCALARS, Shape};
use super::tree::{self, Place};
use super::values;

/// Whether that text may stand for a key of a repeated table, or of the file where `table` is empty.
///
/// # Errors
/// Why not, in words.
pub fn accepts(table: &str, key: &str, text: &str) -> Result<(), String> {
    let keys: &'static [Key] = match table {
        "" => SCALARS,
        table => schema::ROWS.iter().find(|rows| rows.name == table).map_or(&[], |rows| rows.keys),
    };
    match schema::find(keys, key).map(|key| key.shape) {
        Some(Shape::Text(check) | Shape::List(check) | Shape::TextOrList(check)) => check(text),
        _ => Err(format!("there is no key `{key}` that takes a text")),
    }
}

/// The words of `provider`.
#[must_use]
pub fn providers() -> Vec<&'static str> {
    values::PROVIDERS.iter().map(|(word, _)| *word).collect()
}

/// Whether a server of that name is this machine.
#[must_use]
pub fn is_this_machine(host: &str) -> bool {
    values::is_loopback(host)
}

/// Whether a config file sets nothing: a skeleton, all of it comments.
#[must_use]
pub fn says_nothing(text: &str) -> bool {
    let place = Place { file: Arc::from(Path::new("config").display().to_string()), rank: 0, line: None };
    tree::parse(text, &place).is_ok_and(|entries| entries.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_judged_as_in_a_file() {
        assert!(accepts("account", "name", "yp").is_ok());
        assert!(accepts("account", "name", "two words").is_err());
        assert!(accepts("", "alerts.email.to", "Ops <ops@example.org>").is_ok());
        assert!(accepts("", "alerts.email.to", "nobody").is_err());
        assert!(accepts("account", "batch", "20").is_err(), "a number is no text");
        for provider in providers() {
            assert!(accepts("account", "provider", provider).is_ok());
        }
    }

    #[test]
    fn a_file_of_comments_says_nothing() {
        assert!(says_nothing("# a comment\n#key = 1\n\n"));
        assert!(!says_nothing("timezone = \"UTC\"\n"));
        assert!(!says_nothing("[[account]]\n"));
        assert!(!says_nothing("no TOML"));
    }
}
