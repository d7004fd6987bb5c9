//! What an account's keys say of a program of the owner's. Not responsible for reading them, nor for running it.
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use url::Url;

use crate::hex::hex;

/// Stands for where it asks, which is its own affair.
pub(super) const PROGRAM_URL: &str = "https://program.invalid";

/// A program that asks and pays in the place of renewd.
#[derive(Debug, Clone)]
pub struct ProgramSettings {
    /// The program by its whole path, and its arguments.
    pub command: Vec<String>,
    /// Handed on as it stands: a JSON object.
    pub settings: Box<RawValue>,
    /// Its word that nothing was done is believed.
    pub trust_refusals: bool,
    /// It runs only as `renewd provider check` passed it.
    pub require_check: bool,
    /// The variable that it gets its key in, where that is not standard input.
    pub secret_env: Option<String>,
}

impl ProgramSettings {
    /// Stands for where its account is. Where there is a key, that alone tells accounts apart.
    pub(super) fn address(&self, has_key: bool) -> Url {
        let mut url = Url::parse(PROGRAM_URL).expect("a constant URL");
        if !has_key {
            let mut hash = Sha256::new();
            for part in self.command.iter().map(String::as_str).chain([self.settings.get()]) {
                hash.update(part.len().to_be_bytes());
                hash.update(part);
            }
            url.set_path(&hex(&hash.finalize()));
        }
        url
    }
}
