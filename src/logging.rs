//! Logging: to stderr, in the style and from the level that the config says, and every line passes the redactor. Left to itself the
//! daemon writes text on a terminal, lines with a priority for systemd's journal and JSON otherwise; every other command writes
//! text for whoever typed it.
//!
//! The rule: a message reads alone, facts are dotted fields with units in their names, each thing is said once, at the
//! boundary. Never logged: URLs of providers, request or reply bodies, mail text. Other crates speak from WARN up only,
//! whatever `RUST_LOG` says: their traces print URLs and bytes. Not responsible for knowing the secrets: whoever reads the
//! config hands them over with [`hide`].
use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{PoisonError, RwLock};

use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{EnvFilter, FilterExt, Targets, dynamic_filter_fn};
use tracing_subscriber::fmt::format::{FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, MakeWriter, format};
use tracing_subscriber::layer::{Filter, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use crate::redact::Redactor;
use crate::settings::{Log, LogFormat};

/// How many reloads back a secret stays hidden: a payment in flight still carries the key it started with.
const REMEMBERED: usize = 8;

static SECRETS: Secrets = Secrets::none();
static HOW: How = How::new();
/// Whoever reads the lines, until a config says how they look: 1 is [`Reader::Journal`].
static READER: AtomicU8 = AtomicU8::new(0);
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
    READER.store(u8::from(reader == Reader::Journal), Ordering::Relaxed);
    adopt(&Log { format: LogFormat::Auto, level: Level::INFO });
    let _ = tracing_subscriber::registry().with(layer(&HOW, Stderr, &wanted, &SECRETS)).try_init();
    std::panic::set_hook(Box::new(on_panic));
}

/// Writes as the config says from here on. `RUST_LOG` goes over its level.
pub fn adopt(log: &Log) {
    let colour = std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let text = if io::stderr().is_terminal() && colour { Style::Colour } else { Style::Plain };
    HOW.set(
        match log.format {
            LogFormat::Text => text,
            LogFormat::Json => Style::Json,
            LogFormat::Journal => Style::Journal,
            LogFormat::Auto if io::stderr().is_terminal() => text,
            LogFormat::Auto if is_journal() => Style::Journal,
            LogFormat::Auto if READER.load(Ordering::Relaxed) == 1 => Style::Json,
            LogFormat::Auto => Style::Plain,
        },
        log.level,
    );
}

/// systemd says so of its journal: a redirected stderr is another file.
fn is_journal() -> bool {
    let Ok(named) = std::env::var("JOURNAL_STREAM") else { return false };
    rustix::fs::fstat(io::stderr()).is_ok_and(|ours| named == format!("{}:{}", ours.st_dev, ours.st_ino))
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
    Journal,
}

const STYLES: [Style; 4] = [Style::Colour, Style::Plain, Style::Json, Style::Journal];
const LEVELS: [Level; 5] = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];

/// Style and level in force; a reload may change them.
struct How {
    style: AtomicU8,
    level: AtomicU8,
}

impl How {
    const fn new() -> Self {
        Self { style: AtomicU8::new(1), level: AtomicU8::new(2) }
    }

    fn set(&self, style: Style, level: Level) {
        let place = |at: Option<usize>| at.and_then(|at| u8::try_from(at).ok()).unwrap_or(1);
        self.style.store(place(STYLES.iter().position(|s| *s == style)), Ordering::Relaxed);
        self.level.store(place(LEVELS.iter().position(|l| *l == level)), Ordering::Relaxed);
    }

    fn style(&self) -> Style {
        STYLES[usize::from(self.style.load(Ordering::Relaxed))]
    }

    fn level(&self) -> Level {
        LEVELS[usize::from(self.level.load(Ordering::Relaxed))]
    }
}

fn layer<W>(
    how: &'static How,
    writer: W,
    wanted: &str,
    secrets: &'static Secrets,
) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Clone + Send + Sync + 'static,
{
    let asked = |json: bool| -> Box<dyn Filter<Registry> + Send + Sync> {
        let mine = dynamic_filter_fn(move |_, _| (how.style() == Style::Json) == json);
        if wanted.is_empty() {
            Box::new(mine.and(dynamic_filter_fn(move |meta, _| *meta.level() <= how.level())))
        } else {
            let default = LevelFilter::INFO.into();
            Box::new(mine.and(EnvFilter::builder().with_default_directive(default).parse_lossy(wanted)))
        }
    };
    let strangers =
        || Targets::new().with_default(LevelFilter::WARN).with_target("renewd", LevelFilter::TRACE);
    let lines = || {
        let writer = Redacting { inner: writer.clone(), secrets };
        tracing_subscriber::fmt::layer().with_writer(writer)
    };
    let json = lines().json().flatten_event(true).with_filter(asked(true).and(strangers()));
    let text = lines().with_ansi(false).event_format(Text { how }).with_filter(asked(false).and(strangers()));
    json.and_then(text).boxed()
}

/// Lines for people, and for systemd's journal: that adds the time, and reads how grave a line is from `<N>` before it.
struct Text {
    how: &'static How,
}

impl<S, N> FormatEvent<S, N> for Text
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        let style = self.how.style();
        if style != Style::Journal {
            return format()
                .with_target(false)
                .with_ansi(style == Style::Colour)
                .format_event(ctx, writer, event);
        }
        let mut text = String::new();
        format().with_target(false).with_ansi(false).with_level(false).without_time().format_event(
            ctx,
            Writer::new(&mut text),
            event,
        )?;
        // Each line is an entry of the journal.
        for line in text.trim_end().lines() {
            writeln!(writer, "<{}>{}", priority(*event.metadata().level()), line.trim_start())?;
        }
        Ok(())
    }
}

/// As syslog counts: 3 error, 4 warning, 6 info, 7 debug.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
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

#[derive(Clone, Copy)]
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

/// Runs a test's work with a subscriber of its own thread. While a single thread has one, tracing asks the thread that first comes by a
/// place in the code whether it is of interest, and never again: a subscriber that all threads share keeps the other tests from
/// switching places off.
#[cfg(test)]
pub(crate) fn with(subscriber: impl Into<tracing::Dispatch>, work: impl FnOnce()) {
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry());
    tracing::dispatcher::with_default(&subscriber.into(), work);
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
        let how: &'static How = Box::leak(Box::new(How::new()));
        how.set(style, Level::INFO);
        let subscriber = tracing_subscriber::registry().with(layer(how, sink.clone(), rust_log, known));
        with(subscriber, work);
        sink.text()
    }

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
    fn the_journal_gets_priorities_and_no_second_time() {
        let text = logged(Style::Journal, "", &[], || {
            tracing::error!(target: "renewd", "the disk is full");
            tracing::warn!(target: "renewd", account = "yp", "two\nlines");
            tracing::info!(target: "renewd", "cycle done");
            tracing::debug!(target: "renewd", "not asked for");
        });
        assert_eq!(text, "<3>the disk is full\n<4>two\n<4>lines account=\"yp\"\n<6>cycle done\n");
    }

    #[test]
    fn the_configs_level_rules_until_a_reload_says_another() {
        let how: &'static How = Box::leak(Box::new(How::new()));
        let known: &'static Secrets = Box::leak(Box::new(Secrets::none()));
        let sink = Sink::default();
        let subscriber = tracing_subscriber::registry().with(layer(how, sink.clone(), "", known));
        with(subscriber, || {
            for (style, level) in
                [(Style::Plain, Level::WARN), (Style::Json, Level::DEBUG), (Style::Journal, Level::INFO)]
            {
                how.set(style, level);
                tracing::debug!(target: "renewd", "fine {style:?}");
                tracing::info!(target: "renewd", "event {style:?}");
            }
        });
        let text = sink.text();
        assert!(!text.contains("Plain") && text.contains("\"message\":\"fine Json\""), "{text}");
        assert!(text.ends_with("<6>event Journal\n") && !text.contains("fine Journal"), "{text}");
    }

    #[test]
    fn a_panic_tells_its_place_through_the_log_and_no_secret() {
        // The hook is the process's own, so it is called by hand on a real panic's text, within a child of this test.
        if std::env::var_os("RENEWD_TEST_PANICS").is_some() {
            init(Reader::Journal);
            hide(Redactor::new(["topsecretkey".to_owned()]));
            panic!("no lease for topsecretkey");
        }
        let name = "logging::tests::a_panic_tells_its_place_through_the_log_and_no_secret";
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
