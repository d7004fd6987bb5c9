//! Everything that was read, before it becomes settings, and the secrets in it.
use std::collections::BTreeMap;
use std::sync::Arc;

use super::fields::Fields;
use super::problems::Problems;
use super::schema::SCALARS;
use super::secret::Vault;
use super::tree::{self, Node, Place};

/// Everything that was read, before it becomes settings.
pub(super) struct Draft<'p> {
    /// The merged scalars.
    pub scalars: Fields<'p>,
    /// Sections that some layer has, with the first place.
    pub sections: BTreeMap<String, Place>,
    /// All rows in file order with the name of their table.
    pub rows: Vec<(&'static str, Fields<'p>)>,
    /// Every file could be read: what is missing is missing indeed.
    pub complete: bool,
    /// Where to tell what is missing altogether.
    pub start: Place,
    /// Names of accounts that are there although no row is: of a file of policies alone.
    pub accounts: Vec<String>,
}

impl<'p> Draft<'p> {
    /// Of no files at all.
    pub fn empty(problems: &'p Problems) -> Self {
        let start = Place { file: Arc::from("defaults"), rank: 0, line: None };
        Self {
            scalars: Fields::new(SCALARS, String::new(), start.clone(), BTreeMap::new(), problems),
            sections: BTreeMap::new(),
            rows: Vec::new(),
            complete: false,
            start,
            accounts: Vec::new(),
        }
    }

    /// The rows of one table.
    pub fn rows(&self, table: &'static str) -> impl Iterator<Item = &Fields<'p>> {
        self.rows.iter().filter(move |(name, _)| *name == table).map(|(_, fields)| fields)
    }
}

/// Where the secret at `key` is kept, in words.
pub(super) fn secret_place(fields: &Fields<'_>, key: &str) -> Option<String> {
    super::secret::place(fields.key(key)?, fields.node(key)?)
}

/// The secret at `key`; a problem is told where there is one.
pub(super) fn secret(fields: &Fields<'_>, key: &str, vault: &Vault<'_>) -> Option<secrecy::SecretString> {
    let node: &Node = fields.node(key)?;
    if matches!(node.value, tree::Value::Bad) {
        return None;
    }
    let known = fields.key(key)?;
    vault.open(known, node).map_err(|message| fields.tell(key, message)).ok()
}

/// A URL that is a secret as a whole: what is wrong with it is told without it.
pub(super) fn secret_url(fields: &Fields<'_>, key: &str, vault: &Vault<'_>) -> Option<secrecy::SecretString> {
    let url = secret(fields, key, vault)?;
    match super::values::ping_url(secrecy::ExposeSecret::expose_secret(&url)) {
        Ok(_) => Some(url),
        Err(message) => {
            fields.tell(key, format!("what is kept there {message}"));
            None
        }
    }
}
