//! What an account says of its program. Not responsible for where that was read.
use std::time::Duration;

use serde_json::value::RawValue;

use crate::programs::{Allowed, Runner};

/// A program that was asked to end has so long.
pub const GRACE: Duration = Duration::from_secs(10);

/// What the config says of a program, and what may run it.
#[derive(Clone)]
pub struct Setup {
    /// The program and its arguments; the verb comes behind them.
    pub command: Vec<String>,
    /// The account's `settings`, a JSON object.
    pub settings: Box<RawValue>,
    /// The variable that holds the key, where it does not go over standard input.
    pub secret_env: Option<String>,
    /// Its word that nothing was done is believed.
    pub trust_refusals: bool,
    /// Says why a program with this digest may not run.
    pub allowed: Allowed,
    /// Starts it.
    pub runner: Runner,
    /// How long it has to end once it is asked to.
    pub grace: Duration,
}
