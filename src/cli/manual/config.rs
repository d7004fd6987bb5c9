//! `renewd.toml(5)`: every key there is, with its default and its meaning. The keys are those of the settings, in words of the
//! reference; a test holds one against the other.
use roff::{Roff, bold, italic, roman};

use super::text::inline;
use crate::cli::args::VERSION;
use crate::settings::{Chapter, reference};

const OPENING: &[&str] = &[
    "renewd reads `/etc/renewd/renewd.toml`, then `/etc/renewd/conf.d/*.toml` in the order of their names; `--config FILE` replaces both. \
     The format is TOML. `renewd check` tells every error and every warning with file, line and key; a wrong config is never used in part.",
    "A duration is a whole number and a unit, `\"90s\"`, `\"15m\"`, `\"36h\"` or `\"3d\"`. Money is text, `\"2.65\"`. A secret is never written \
     here: `{ file = \"PATH\" }` (mode 600), `{ env = \"NAME\" }` or `{ credential = \"NAME\" }` (systemd's LoadCredential=).",
    "`RENEWD__SECTION__KEY` in the environment overrides a single value.",
];

const EXAMPLE: &str = r#"[[account]]
name = "yp"
provider = "youproxy"
api_key = { file = "/etc/renewd/yp.key" }

[[policy]]
name = "keep-all"
action = "renew"
before = "3d"
period = "30d"
max_price = "3.00"

[alerts.email]
host = "mail.example.org"
from = "renewd@example.org"
to = ["ops@example.org"]"#;

pub(super) fn page() -> String {
    let mut page = Roff::new();
    let source = format!("renewd {VERSION}");
    page.control("TH", ["renewd.toml", "5", "", source.as_str(), "renewd"]);
    page.control("SH", ["NAME"]).text([roman("renewd.toml - configuration of renewd(8)")]);
    page.control("SH", ["SYNOPSIS"]).text([bold("/etc/renewd/renewd.toml")]);
    page.control("SH", ["DESCRIPTION"]);
    for paragraph in OPENING {
        page.control("PP", []).text(inline(paragraph));
    }
    for Chapter { title, keys } in reference() {
        // A table is called as it is written.
        let title = if title.starts_with('[') { title } else { title.to_uppercase() };
        page.control("SH", [title.as_str()]);
        for key in keys {
            let value = if key.value.is_empty() {
                Vec::new()
            } else {
                vec![roman(" ("), italic(plain(&key.value)), roman(")")]
            };
            page.control("TP", [])
                .text([vec![bold(plain(&key.names))], value].concat())
                .text(inline(&key.meaning));
        }
    }
    page.control("SH", ["EXAMPLES"]);
    page.control("PP", []).control("EX", []);
    for line in EXAMPLE.lines() {
        page.text([roman(line)]);
    }
    page.control("EE", []);
    page.control("SH", ["FILES"]);
    page.control("TP", []).text([bold("/etc/renewd/*.key")]);
    page.text([roman("API keys, readable by renewd's user alone.")]);
    page.control("TP", []).text([bold("/usr/share/doc/renewd/renewd.example.toml")]);
    page.text([roman("A config that shows every key.")]);
    page.control("SH", ["SEE ALSO"]).text([roman("renewd(8), renewd-check(8), renewd-init(8)")]);
    page.to_roff()
}

fn plain(markdown: &str) -> String {
    markdown.replace('`', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_key_and_the_example_is_a_config() {
        let page = page().replace('\\', "");
        for Chapter { keys, .. } in reference() {
            for key in keys {
                assert!(page.contains(&plain(&key.names)), "{}", key.names);
            }
        }
        for word in ["max_price", "schedule.cycle", "warn_at", "alerts.email.host"] {
            assert!(page.contains(word), "{word}");
        }
        assert!(toml::from_str::<toml::Table>(EXAMPLE).is_ok());
    }
}
