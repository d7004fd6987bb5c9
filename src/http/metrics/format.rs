//! The two forms in which metrics are served, and which one a reader gets.
//!
//! Counters have no `TYPE` line in OpenMetrics, and their `HELP` names the sample: `promtool check metrics` reads both forms by the
//! rules of the older one, where metadata under another name than the sample's is nobody's. OpenMetrics allows it (a family without a
//! type), and no query looks at it.
use std::fmt::Write;

use axum::http::HeaderValue;

/// A form of exposition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The text format of Prometheus, version 0.0.4.
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Format {
    /// The one that `Accept` weighs highest; text where it asks for nothing, or weighs both alike.
    pub(in crate::http) fn accepted(accept: Option<&HeaderValue>) -> Self {
        let asked = accept.and_then(|v| v.to_str().ok()).unwrap_or_default();
        let weight = |wanted: &[&str]| {
            asked.split(',').filter(|range| wanted.contains(&media(range))).map(weight).max().unwrap_or(0)
        };
        let (open, text) =
            (weight(&["application/openmetrics-text"]), weight(&["text/plain", "text/*", "*/*"]));
        if open > text { Self::OpenMetrics } else { Self::Text }
    }

    pub(in crate::http) fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// This form of what the encoder wrote, which is OpenMetrics.
    pub(super) fn of(self, encoded: &str) -> String {
        let mut out = String::with_capacity(encoded.len());
        let mut help = "";
        for line in encoded.lines() {
            match line.split_once(' ').map(|(_, rest)| rest.split_once(' ')) {
                // It waits for the type: a counter's metadata has another name.
                Some(Some(("HELP", rest))) => help = rest,
                Some(Some(("TYPE", rest))) => self.metadata(&mut out, rest, help),
                _ if line == "# EOF" && self == Self::Text => {}
                _ => {
                    out.push_str(line);
                    out.push('\n');
                }
            }
        }
        out
    }

    fn metadata(self, out: &mut String, typed: &str, help: &str) {
        let (name, kind) = typed.split_once(' ').unwrap_or((typed, "unknown"));
        let help = help.strip_prefix(name).unwrap_or_default().trim_start().trim_end_matches('.');
        let total = if kind == "counter" { "_total" } else { "" };
        // Writing into a text does not fail.
        let _ = writeln!(out, "# HELP {name}{total} {help}.");
        let _ = match (self, kind) {
            (Self::OpenMetrics, "counter" | "unknown") => Ok(()),
            (Self::Text, "unknown") => writeln!(out, "# TYPE {name} untyped"),
            _ => writeln!(out, "# TYPE {name}{total} {kind}"),
        };
    }
}

fn media(range: &str) -> &str {
    range.split(';').next().unwrap_or_default().trim()
}

/// `q` in thousandths.
fn weight(range: &str) -> u32 {
    let q = range.split(';').skip(1).find_map(|p| p.trim().strip_prefix("q="));
    let Some((whole, parts)) = q.map(|q| q.split_once('.').unwrap_or((q, ""))) else { return 1000 };
    let thousandths: String = parts.chars().chain("000".chars()).take(3).collect();
    whole.parse::<u32>().unwrap_or(0) * 1000 + thousandths.parse::<u32>().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_gets_what_it_asks_for_and_text_where_it_does_not_say() {
        let accepted = |text: &'static str| Format::accepted(Some(&HeaderValue::from_static(text)));
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(accepted(prometheus), Format::OpenMetrics);
        assert_eq!(accepted("application/openmetrics-text"), Format::OpenMetrics);
        for text in [
            "*/*",
            "",
            "text/plain",
            "text/html, text/*;q=0.9",
            "text/plain;version=0.0.4, application/openmetrics-text;q=0.5",
            "application/openmetrics-text;q=0",
        ] {
            assert_eq!(accepted(text), Format::Text, "{text}");
        }
        assert_eq!(Format::accepted(None), Format::Text);
    }

    #[test]
    fn metadata_stands_where_its_readers_look_for_it() {
        let encoded = "# HELP a_b Some words.\n# TYPE a_b counter\na_b_total 1\n# HELP c Others.\n# TYPE c unknown\nc{x=\"# HELP\"} 2\n# HELP d_seconds Time.\n# TYPE d_seconds gauge\nd_seconds 3\n# EOF\n";
        assert_eq!(
            Format::Text.of(encoded),
            "# HELP a_b_total Some words.\n# TYPE a_b_total counter\na_b_total 1\n# HELP c Others.\n# TYPE c untyped\nc{x=\"# HELP\"} 2\n# HELP d_seconds Time.\n# TYPE d_seconds gauge\nd_seconds 3\n"
        );
        assert_eq!(
            Format::OpenMetrics.of(encoded),
            "# HELP a_b_total Some words.\na_b_total 1\n# HELP c Others.\nc{x=\"# HELP\"} 2\n# HELP d_seconds Time.\n# TYPE d_seconds gauge\nd_seconds 3\n# EOF\n"
        );
    }
}
