//! Questions to whoever sits at the terminal. Without a terminal nothing is asked: what is missing is a mistake then. Not responsible
//! for what is asked.
use std::io::{BufRead, IsTerminal, Write};

use secrecy::SecretString;

use crate::cli::context::Failure;

/// Tries of one question.
const TRIES: usize = 5;

/// Somebody at a terminal, or nobody.
pub(super) struct Desk {
    somebody: bool,
}

impl Desk {
    pub(super) fn new() -> Self {
        Self { somebody: std::io::stdin().is_terminal() }
    }

    /// Whether anything can be asked.
    pub(super) fn is_manned(&self) -> bool {
        self.somebody
    }

    /// An answer that passes; Enter gives `usual`. Where nobody can be asked, `usual`, or that the flag is missing.
    pub(super) fn line(
        &mut self,
        question: &str,
        usual: Option<&str>,
        flag: &str,
        passes: &dyn Fn(&str) -> Result<(), String>,
    ) -> Result<String, Failure> {
        if !self.somebody {
            return usual.map(str::to_owned).ok_or_else(|| missing(flag));
        }
        let hint = usual.filter(|u| !u.is_empty()).map(|u| format!(" [{u}]")).unwrap_or_default();
        for _ in 0..TRIES {
            say(&format!("{question}{hint}: "));
            let mut typed = String::new();
            let read = std::io::stdin().lock().read_line(&mut typed);
            if read.map_err(|e| Failure::failed(format!("the answer cannot be read: {e}")))? == 0 {
                say("\n");
                return Err(missing(flag));
            }
            let typed = typed.trim();
            let answer = if typed.is_empty() { usual.unwrap_or_default() } else { typed };
            match passes(answer) {
                Ok(()) => return Ok(answer.to_owned()),
                Err(why) => say(&format!("  {why}\n")),
            }
        }
        Err(Failure::usage(format!(
            "no answer that can be used; nothing was written. Or give it with {flag}"
        )))
    }

    /// A secret: what is typed is not shown.
    pub(super) fn hidden(&mut self, question: &str, flag: &str) -> Result<SecretString, Failure> {
        if !self.somebody {
            return Err(missing(flag));
        }
        for _ in 0..TRIES {
            say(&format!("{question} (not shown): "));
            let typed = console::Term::stderr().read_secure_line();
            let typed = typed.map_err(|e| Failure::failed(format!("the answer cannot be read: {e}")))?;
            let secret = typed.trim();
            if secret.is_empty() || secret.chars().any(char::is_control) {
                say("  that is empty, or contains control characters: type one line of text\n");
                continue;
            }
            return Ok(SecretString::from(secret.to_owned()));
        }
        Err(missing(flag))
    }
}

fn missing(flag: &str) -> Failure {
    Failure::usage(format!("{flag} is missing, and there is no terminal to ask at; nothing was written"))
}

/// Questions go to stderr: stdout is for what came of them.
fn say(text: &str) {
    let mut out = anstream::stderr();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
