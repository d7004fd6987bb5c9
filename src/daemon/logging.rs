//! Logging: text on a terminal, JSON otherwise, to stderr; every line passes the redactor.
//!
//! The rule: a message reads alone, facts are dotted fields with units in their names, each thing is said once, at the boundary.
//! Never logged: URLs of providers, request or reply bodies, mail text. Other crates speak from WARN up only, whatever
//! `RUST_LOG` says: their traces print URLs and bytes.
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use tracing_subscriber::filter::{EnvFilter, LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use crate::redact::Redactor;

static REDACTOR: RwLock<Option<Redactor>> = RwLock::new(None);

/// From here on these secrets are hidden in every line; called when the config is read, and again when it is re-read.
pub fn hide(redactor: Redactor) {
    *REDACTOR.write().unwrap_or_else(PoisonError::into_inner) = Some(redactor);
}

static QUIET: AtomicBool = AtomicBool::new(false);

/// From here on nothing is logged unless `RUST_LOG` asks for it: the demo tells its own story.
pub fn quiet() {
    QUIET.store(std::env::var_os("RUST_LOG").is_none(), Ordering::Relaxed);
}

/// Sets up logging and the panic message, once per process.
pub fn init() {
    let layer = layer(io::stderr().is_terminal(), Stderr, &std::env::var("RUST_LOG").unwrap_or_default());
    let _ = tracing_subscriber::registry().with(layer).try_init();
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let said = info.payload_as_str().unwrap_or("no message");
        tracing::error!(place, "internal error, please report it: {said}");
    }));
}

fn layer<W>(terminal: bool, writer: W, wanted: &str) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).parse_lossy(wanted);
    let strangers = Targets::new().with_default(LevelFilter::WARN).with_target("renewd", LevelFilter::TRACE);
    let redacting = Redacting { inner: writer };
    if terminal {
        let text = tracing_subscriber::fmt::layer().with_writer(redacting).with_target(false);
        text.with_filter(filter).and_then(Quiet).with_filter(strangers).boxed()
    } else {
        let json = tracing_subscriber::fmt::layer().json().with_writer(redacting).flatten_event(true);
        json.with_filter(filter).and_then(Quiet).with_filter(strangers).boxed()
    }
}

/// A layer that does nothing: lets two filters stand one behind the other.
struct Quiet;

impl<S: tracing::Subscriber> Layer<S> for Quiet {}

struct Stderr;

impl MakeWriter<'_> for Stderr {
    type Writer = io::Stderr;

    fn make_writer(&self) -> io::Stderr {
        io::stderr()
    }
}

struct Redacting<W> {
    inner: W,
}

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for Redacting<W> {
    type Writer = Line<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Line { inner: self.inner.make_writer(), text: Vec::new() }
    }
}

/// One event's line, held back until it is whole, so that no secret can slip through between two writes.
struct Line<W: Write> {
    inner: W,
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
        if QUIET.load(Ordering::Relaxed) {
            return;
        }
        let text = String::from_utf8_lossy(&self.text);
        let shown = match REDACTOR.read().unwrap_or_else(PoisonError::into_inner).as_ref() {
            Some(redactor) => redactor.hide(&text),
            None => text.into_owned(),
        };
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

    #[test]
    fn a_secret_is_hidden_in_messages_and_fields_and_strangers_are_quiet_at_trace() {
        hide(Redactor::new(["topsecretkey".to_owned()]));
        for terminal in [true, false] {
            let sink = Sink::default();
            let subscriber = tracing_subscriber::registry().with(layer(terminal, sink.clone(), "trace"));
            tracing::subscriber::with_default(subscriber, || {
                tracing::trace!(target: "renewd::x", "message topsecretkey");
                tracing::info!(target: "renewd", field = "topsecretkey", "said");
                tracing::debug!(target: "hyper::proto", "GET /topsecretkey/balance by a stranger");
                tracing::warn!(target: "reqwest", "stranger warns of topsecretkey");
            });
            let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
            assert!(!text.contains("topsecretkey"), "{text}");
            assert!(
                text.contains("message [redacted]")
                    && text.contains("said")
                    && text.contains("stranger warns"),
                "{text}"
            );
            assert!(!text.contains("by a stranger"), "{text}");
        }
    }
}
