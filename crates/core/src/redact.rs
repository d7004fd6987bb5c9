//! Keeps secrets out of text: logs, errors, ledger, mails, pages.
//!
//! The last of several fences, not the only one: secrets are not put into text in the first place. Pure.
use std::fmt;
use std::sync::Arc;

/// Shorter texts are not looked for: they would blot out innocent words.
const SHORTEST: usize = 4;
/// How much of a provider's words is kept.
const LONGEST_QUOTE: usize = 200;

/// Knows every secret of a process and blots it out. Cheap to clone; its `Debug` shows none.
#[derive(Clone, Default)]
pub struct Redactor {
    secrets: Arc<[String]>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} secrets)", self.secrets.len())
    }
}

impl Redactor {
    /// Takes secrets as written; their percent-encoded spellings (in a form, in a path) are hidden as well, and so are the spellings
    /// with backslashes that a secret with a quote or a backslash gets in JSON, in `Debug` output and in one within the other. Letter
    /// case hides nothing: who echoes a key may write its percent signs, or all of it, in another one.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut all: Vec<String> = Vec::new();
        for secret in secrets {
            let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            let debug = unquoted(&format!("{secret:?}"));
            all.extend([json_spelling(&secret), json_spelling(&debug), debug]);
            all.extend([encoded.replace('+', "%20"), encoded, in_path(&secret), secret]);
        }
        all.iter_mut().for_each(|s| s.make_ascii_lowercase());
        all.retain(|s| s.len() >= SHORTEST);
        all.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        all.dedup();
        Self { secrets: all.into() }
    }

    /// `text` with every secret replaced by `[redacted]`, in whatever letter case it stands there: some servers repeat a path, and
    /// the key in it, in lower case.
    #[must_use]
    pub fn hide(&self, text: &str) -> String {
        let mut out = text.to_owned();
        for secret in self.secrets.iter() {
            out = blotted(out, secret);
        }
        out
    }

    /// A stranger's words made fit to keep: secrets hidden, control characters blanked, 200 characters at most.
    #[must_use]
    pub fn quote(&self, text: &str) -> String {
        let hidden = self.hide(text);
        let mut plain: String =
            hidden.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_QUOTE).collect();
        if hidden.chars().nth(LONGEST_QUOTE).is_some() {
            plain.push('…');
        }
        plain.trim().to_owned()
    }
}

/// `text` without `secret`, which is in lower case. ASCII letters keep their length in either case, so places are the same.
fn blotted(text: String, secret: &str) -> String {
    let lower = text.to_ascii_lowercase();
    if !lower.contains(secret) {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = 0;
    for (at, found) in lower.match_indices(secret) {
        out.push_str(&text[rest..at]);
        out.push_str("[redacted]");
        rest = at + found.len();
    }
    out.push_str(&text[rest..]);
    out
}

/// `text` as a segment of a URL's path: there less is escaped than in a form.
fn in_path(text: &str) -> String {
    let mut url = url::Url::parse("http://localhost").expect("a constant URL");
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.push(text);
    }
    url.path().trim_start_matches('/').to_owned()
}

/// `text` as it stands within a JSON string.
fn json_spelling(text: &str) -> String {
    unquoted(&serde_json::Value::from(text).to_string())
}

/// Without its first and last character, the quotes.
fn unquoted(text: &str) -> String {
    let mut inner = text.chars();
    inner.next();
    inner.next_back();
    inner.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_also_where_it_is_percent_encoded() {
        let r = Redactor::new(["k/e y+1234".to_owned()]);
        let text = r.hide("GET /v1/k%2Fe%20y%2B1234/balance and k/e y+1234 and k%2Fe+y%2B1234");
        assert_eq!(text, "GET /v1/[redacted]/balance and [redacted] and [redacted]");
        assert!(!format!("{r:?}").contains("1234"));
    }

    #[test]
    fn a_secret_is_hidden_also_where_quoting_changed_its_spelling() {
        let secret = r#"pass"wo\rd"#;
        let r = Redactor::new([secret.to_owned()]);
        let json = serde_json::json!({ "said": secret, "shown": format!("{secret:?}") }).to_string();
        for text in [json, format!("{secret:?}"), secret.to_owned()] {
            let hidden = r.hide(&text);
            assert!(
                hidden.contains("[redacted]") && !hidden.contains("pass") && !hidden.contains("rd"),
                "{hidden}"
            );
        }
    }

    #[test]
    fn a_secret_is_hidden_in_any_letter_case() {
        let r = Redactor::new(["K/ey-ÄB1234".to_owned()]);
        let text =
            "404 /personal/api/v2/k%2fey-%c3%84b1234/x and K%2FEY-%C3%84B1234 and k/EY-Äb1234, not k/ey";
        assert_eq!(r.hide(text), "404 /personal/api/v2/[redacted]/x and [redacted] and [redacted], not k/ey");
    }

    #[test]
    fn a_secret_is_hidden_as_a_path_spells_it() {
        let r = Redactor::new(["Key/With~ü 9".to_owned()]);
        for spelled in ["key/with~ü 9", "KEY/WITH~ü 9", "Key%2fWith~%c3%bc%209", "KEY%2FWITH%7E%C3%BC+9"] {
            assert_eq!(r.hide(&format!("<{spelled}|{spelled}>")), "<[redacted]|[redacted]>", "{spelled}");
        }
        assert_eq!(r.hide("Ké key/with~u 9 İ"), "Ké key/with~u 9 İ");
    }

    #[test]
    fn a_secret_within_a_longer_one_leaves_no_rest() {
        let r = Redactor::new(["abcd".to_owned(), "abcdefgh".to_owned()]);
        assert_eq!(r.hide("abcdefgh"), "[redacted]");
    }

    #[test]
    fn strangers_words_lose_control_characters_and_length() {
        let r = Redactor::default();
        assert_eq!(r.quote("a\r\nBcc: x\u{7}"), "a  Bcc: x");
        assert_eq!(r.quote(&"x".repeat(500)).chars().count(), 201);
    }
}
