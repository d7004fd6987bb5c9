//! Keeps a program's secret out of what is kept of its words: plain, URL-encoded and base64, in any letter case.
//!
//! A program is a stranger that knows the key: it may print it in any form that its libraries write. Not responsible for the other
//! secrets of the process (`redact`).
use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use crate::redact::Redactor;

/// Shorter texts are not looked for: they would blot out innocent words.
const SHORTEST: usize = 4;
const HIDDEN: &str = "[redacted]";
const PLAIN: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const FOR_URLS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Hides one secret in all its forms, and what the process knows.
#[derive(Clone)]
pub struct Mask {
    process: Redactor,
    /// The longest first.
    forms: Vec<String>,
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mask")
    }
}

impl Mask {
    /// Hides `key` and what `process` knows.
    pub fn new(process: Redactor, key: &SecretString) -> Self {
        let key = key.expose_secret();
        let mut forms = vec![json(key), crate::hex::hex(key.as_bytes())];
        for alphabet in [PLAIN, FOR_URLS] {
            forms.extend((0..3).map(|before| base64_within(key.as_bytes(), before, alphabet)));
        }
        forms.push(key.to_owned());
        forms.retain(|f| key.len() >= SHORTEST && f.len() >= SHORTEST);
        forms.sort_by_key(|f| std::cmp::Reverse(f.len()));
        forms.dedup();
        Self { process, forms }
    }

    /// Without the secret.
    pub fn hide(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for form in &self.forms {
            text = without(&text, form);
        }
        self.process.hide(&text)
    }

    /// Whether the secret stands in it in some form.
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        let text = String::from_utf8_lossy(bytes);
        self.forms.iter().any(|form| without(&text, form) != text)
    }

    /// A program's words, made fit to keep.
    pub fn quote(&self, text: &str) -> String {
        self.process.quote(&self.hide(text))
    }
}

fn without(text: &str, form: &str) -> String {
    let (mut out, mut kept, mut at) = (String::new(), 0, 0);
    while at < text.len() {
        match length_of(&text.as_bytes()[at..], form.as_bytes()) {
            Some(length) if text.is_char_boundary(at) && text.is_char_boundary(at + length) => {
                out.push_str(&text[kept..at]);
                out.push_str(HIDDEN);
                at += length;
                kept = at;
            }
            _ => at += 1,
        }
    }
    out.push_str(&text[kept..]);
    out
}

/// How many bytes of `text` spell `form`, if it begins with that: each byte as itself or as `%XX`, a blank also as `+`, in any
/// letter case.
fn length_of(text: &[u8], form: &[u8]) -> Option<usize> {
    let mut at = 0;
    for wanted in form {
        let byte = *text.get(at)?;
        let encoded = (byte == b'%').then(|| hex_byte(text.get(at + 1..at + 3)?)).flatten();
        at += match encoded {
            Some(encoded) if encoded.eq_ignore_ascii_case(wanted) => 3,
            _ if byte.eq_ignore_ascii_case(wanted) || (byte, *wanted) == (b'+', b' ') => 1,
            _ => return None,
        };
    }
    Some(at)
}

fn hex_byte(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

fn json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// The letters that stand for `bytes` alone, wherever they begin within a longer text: of those that also stand for a neighbour
/// nothing can be said.
fn base64_within(bytes: &[u8], before: usize, alphabet: &[u8; 64]) -> String {
    let bit = |n: usize| bytes.get(n / 8).map_or(0, |byte| (byte >> (7 - n % 8)) & 1);
    let first = (6 - before * 8 % 6) % 6;
    let letters = (bytes.len() * 8).saturating_sub(first) / 6;
    let letter = |n: usize| (0..6).fold(0_usize, |all, k| all << 1 | usize::from(bit(first + n * 6 + k)));
    (0..letters).map(|n| char::from(alphabet[letter(n)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base64(bytes: &[u8]) -> String {
        let padded = bytes.len().div_ceil(3) * 3;
        let mut whole = bytes.to_vec();
        whole.resize(padded, 0);
        base64_within(&whole, 0, PLAIN)
    }

    #[test]
    fn base64_is_what_others_write() {
        assert_eq!(base64(b"user:pass"), "dXNlcjpwYXNz");
        assert_eq!(base64(b"Many hands make light work."), "TWFueSBoYW5kcyBtYWtlIGxpZ2h0IHdvcmsu");
    }

    #[test]
    fn a_secret_is_hidden_in_every_form_and_letter_case() {
        let key = "Sk~1/2 3+secret?";
        let mask = Mask::new(Redactor::default(), &SecretString::from(key));
        let all = ["", "u", "us"].map(|before| base64(format!("{before}{key}:x-").as_bytes()));
        let forms = [
            key.to_owned(),
            key.to_uppercase(),
            "Sk~1%2F2%203%2Bsecret%3F".to_owned(),
            "sk~1%2f2+3%2bsecret%3f".to_owned(),
            "%73k%7E1/2%203+secret?".to_owned(),
        ];
        for form in forms.iter().chain(&all) {
            let said = mask.quote(&format!("GET /v1/{form}/balance"));
            assert!(said.contains(HIDDEN), "{form}: {said}");
            assert!(!said.to_lowercase().contains("secret"), "{said}");
            assert!(mask.is_in(form.as_bytes()), "{form}");
        }
        assert_eq!(mask.quote("all is well"), "all is well");
        assert_eq!(mask.quote("İ and sk~1/2 3+SECRET?%"), "İ and [redacted]%");
    }

    #[test]
    fn without_a_key_nothing_is_blotted_out() {
        assert_eq!(Mask::new(Redactor::default(), &SecretString::from("")).quote("abc"), "abc");
    }
}
