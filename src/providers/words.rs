//! Makes a provider's words fit to keep. Not responsible for what they mean.
use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use crate::redact::Redactor;

/// Hides every secret of the process, and this connection's key in any case, however the [`Redactor`] was filled.
#[derive(Clone)]
pub struct Words {
    process: Redactor,
    own: Redactor,
}

impl Words {
    /// Hides what `process` knows, and `key` as written and as it stands in a URL, in any letter case.
    #[must_use]
    pub fn new(process: Redactor, key: &SecretString) -> Self {
        Self { process, own: Redactor::new([key.expose_secret().to_owned()]) }
    }

    /// A stranger's words, shortened and cleaned.
    #[must_use]
    pub fn quote(&self, text: &str) -> String {
        self.process.quote(&self.own.hide(text))
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Words")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_hidden_even_if_the_process_forgot_it() {
        let words = Words::new(Redactor::default(), &SecretString::from("sk~1/2 3"));
        let echoes = "bad sk~1/2 3 and sk~1%2F2%203, SK~1/2 3, sk~1%2f2%203";
        assert_eq!(words.quote(echoes), "bad [redacted] and [redacted], [redacted], [redacted]");
    }
}
