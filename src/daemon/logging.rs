//! Logging: the daemon writes text on a terminal and JSON otherwise, every other command text for whoever typed it; always to
//! stderr, and every line passes the redactor.
//!
//! The rule: a message reads alone, facts are dotted fields with units in their names, each thing is said once, at the
//! boundary. Never logged: URLs of providers, request or reply bodies, mail text. Other crates speak from WARN up only,
//! whatever `RUST_LOG` says: their traces print URLs and bytes. Not responsible for knowing the secrets: whoever reads the
//! config hands them over with [`hide`].
use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{EnvFilter, FilterExt, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use crate::redact::Redactor;

/// How many reloads back a secret stays hidden: a payment in flight still carries the key it started with.
const REMEMBERED: usize = 8;

static SECRETS: Secrets = Secrets::none();
static QUIET: AtomicBool = AtomicBool::new(false);

/// From here on these secrets are hidden in every line, and those of the last few calls too. Called when the config is
/// read, and again when it is read anew.
pub fn hide(redactor: Redactor) {
    SECRETS.learn(redactor);
}

/// From here on nothing is logged unless `RUST_LOG` asks for it: for commands that tell their own story.
pub fn quiet() {
    QUIET.store(std::env::var_os("RUST_LOG").is_none(), Ordering::Relaxed);
}

/// Who reads the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// A journal or a collector, unless a person started it on a terminal: `run`.
    Journal,
    /// Whoever typed the command, also where stderr goes to a file.
    Person,
}

/// Sets up logging and the panic message, once per process; a second call changes nothing but the panic hook.
pub fn init(reader: Reader) {
    let wanted = std::env::var("RUST_LOG").unwrap_or_default();
    let style =
        match (io::stderr().is_terminal(), std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())) {
            (true, false) => Style::Colour,
            (false, _) if reader == Reader::Journal => Style::Json,
            (true, true) | (false, _) => Style::Plain,
        };
    let _ = tracing_subscriber::registry().with(layer(style, Stderr, &wanted, &SECRETS)).try_init();
    std::panic::set_hook(Box::new(on_panic));
}

/// A panic goes through the log like everything else: the standard hook would print its text past the redactor.
fn on_panic(info: &std::panic::PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let said = info.payload_as_str().unwrap_or("no message");
    let trace = Backtrace::capture();
    if trace.status() == BacktraceStatus::Captured {
        tracing::error!(panic.place = place, panic.backtrace = %trace, "internal error, please report it: {said}");
    } else {
        tracing::error!(panic.place = place, "internal error, please report it: {said}");
    }
}

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Colour,
    Plain,
    Json,
}

fn layer<W>(
    style: Style,
    writer: W,
    wanted: &str,
    secrets: &'static Secrets,
) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let asked = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).parse_lossy(wanted);
    let strangers = Targets::new().with_default(LevelFilter::WARN).with_target("renewd", LevelFilter::TRACE);
    let filter = asked.and(strangers);
    let lines = tracing_subscriber::fmt::layer().with_writer(Redacting { inner: writer, secrets });
    match style {
        Style::Json => lines.json().flatten_event(true).with_filter(filter).boxed(),
        text => lines.with_target(false).with_ansi(text == Style::Colour).with_filter(filter).boxed(),
    }
}

/// What must not be seen, newest first.
struct Secrets(RwLock<Vec<Redactor>>);

impl Secrets {
    const fn none() -> Self {
        Self(RwLock::new(Vec::new()))
    }

    fn learn(&self, redactor: Redactor) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(0, redactor);
        known.truncate(REMEMBERED);
    }

    fn hide(&self, text: &str) -> String {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().fold(text.to_owned(), |text, redactor| redactor.hide(&text))
    }
}

struct Stderr;

impl MakeWriter<'_> for Stderr {
    type Writer = io::Stderr;

    fn make_writer(&self) -> io::Stderr {
        io::stderr()
    }
}

struct Redacting<W> {
    inner: W,
    secrets: &'static Secrets,
}

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for Redacting<W> {
    type Writer = Line<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Line { inner: self.inner.make_writer(), secrets: self.secrets, text: Vec::new() }
    }
}

/// One event's line, held back until it is whole, so that no secret can slip through between two writes.
struct Line<W: Write> {
    inner: W,
    secrets: &'static Secrets,
    text: Vec<u8>,
}

impl<W: Write> Write for Line<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W: Write> Drop for Line<W> {
    fn drop(&mut self) {
        if self.text.is_empty() || QUIET.load(Ordering::Relaxed) {
            return;
        }
        let shown = self.secrets.hide(&String::from_utf8_lossy(&self.text));
        // A closed stderr must not stop payments from being recorded.
        let _ = self.inner.write_all(shown.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Sink {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Sink {
        type Writer = Self;
        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    /// What is logged by `work` under this `RUST_LOG`, while these secrets are known.
    fn logged(style: Style, rust_log: &str, secrets: &[&str], work: impl FnOnce()) -> String {
        let known: &'static Secrets = Box::leak(Box::new(Secrets::none()));
        secrets.iter().for_each(|s| known.learn(Redactor::new([(*s).to_owned()])));
        let sink = Sink::default();
        let subscriber = tracing_subscriber::registry().with(layer(style, sink.clone(), rust_log, known));
        tracing::subscriber::with_default(subscriber, work);
        sink.text()
    }

    const STYLES: [Style; 3] = [Style::Colour, Style::Plain, Style::Json];

    #[test]
    fn a_secret_is_hidden_in_messages_fields_spans_and_strangers_warnings_at_trace() {
        for style in STYLES {
            let text = logged(style, "trace", &["topsecretkey"], || {
                tracing::info_span!(target: "renewd", "cycle", key = "topsecretkey").in_scope(|| {
                    tracing::trace!(target: "renewd::x", "message topsecretkey");
                    tracing::info!(target: "renewd", field = "topsecretkey", "said");
                    tracing::warn!(target: "reqwest", "stranger warns of https://host/topsecretkey/balance");
                });
            });
            assert!(!text.contains("topsecretkey"), "{text}");
            assert!(text.contains("message [redacted]") && text.contains("said"), "{text}");
            assert!(text.contains("stranger warns of https://host/[redacted]/balance"), "{text}");
        }
    }

    #[test]
    fn a_secret_with_quotes_is_hidden_also_where_the_format_escapes_it() {
        let secret = "pa\"ss\\word";
        for style in STYLES {
            let text = logged(style, "info", &[secret], || {
                tracing::info!(target: "renewd", shown = ?secret, plain = secret, "message {secret}");
            });
            assert!(!text.contains("word"), "{text}");
        }
    }

    #[test]
    fn strangers_are_never_heard_below_warn_whatever_rust_log_says() {
        for rust_log in ["trace", "hyper=trace", "trace,reqwest=debug,renewd=off"] {
            let text = logged(Style::Json, rust_log, &[], || {
                tracing::trace!(target: "hyper::proto", "bytes");
                tracing::debug!(target: "reqwest::connect", "an address");
                tracing::info!(target: "rustls", "a session");
            });
            assert_eq!(text, "", "{rust_log}");
        }
    }

    #[test]
    fn rust_log_still_rules_our_own_lines_and_info_is_the_default() {
        let all = || {
            tracing::debug!(target: "renewd::engine", "a detail");
            tracing::info!(target: "renewd::engine", "an event");
        };
        assert!(!logged(Style::Plain, "", &[], all).contains("a detail"));
        assert!(logged(Style::Plain, "", &[], all).contains("an event"));
        assert!(logged(Style::Plain, "renewd=debug", &[], all).contains("a detail"));
        assert_eq!(logged(Style::Plain, "off", &[], all), "");
    }

    #[test]
    fn the_key_of_before_a_reload_stays_hidden() {
        let text = logged(Style::Plain, "info", &["key-of-before", "key-of-now"], || {
            tracing::error!(target: "renewd", "key-of-before and key-of-now");
        });
        assert!(text.contains("[redacted] and [redacted]"), "{text}");
    }

    #[test]
    fn each_line_is_one_json_document_with_its_fields_at_the_top() {
        let text = logged(Style::Json, "info", &[], || {
            tracing::info!(target: "renewd", { cycle.paid = 3 }, "cycle done");
            tracing::info!(target: "renewd", "two\nlines");
        });
        let lines: Vec<serde_json::Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["cycle.paid"], 3);
        assert_eq!(lines[0]["level"], "INFO");
    }

    #[test]
    fn a_panic_tells_its_place_through_the_log_and_no_secret() {
        // The hook is the process's own, so it is called by hand on a real panic's text, within a child of this test.
        if std::env::var_os("RENEWD_TEST_PANICS").is_some() {
            init(Reader::Journal);
            hide(Redactor::new(["topsecretkey".to_owned()]));
            panic!("no lease for topsecretkey");
        }
        let name = "daemon::logging::tests::a_panic_tells_its_place_through_the_log_and_no_secret";
        let out = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env("RENEWD_TEST_PANICS", "1")
            .env_remove("RUST_LOG")
            .output()
            .unwrap();
        let said =
            format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        assert!(said.contains("internal error, please report it: no lease for [redacted]"), "{said}");
        assert!(said.contains("logging.rs") && !said.contains("topsecretkey"), "{said}");
    }
}
