//! What every message of one moment shares: zone, host, templates, and how ids are made.
use jiff::Timestamp;
use jiff::tz::TimeZone;
use minijinja::Value;
use minijinja::value::merge_maps;
use sha2::{Digest, Sha256};

use super::templates::Templates;
use crate::domain::AlertKey;
use crate::domain::time::{told, told_short, words};
use crate::hex::hex;
use crate::settings::{Alerts, Email};

/// Zone, moment, host and templates.
pub struct Letterhead {
    timezone: TimeZone,
    now: Timestamp,
    host: String,
    templates: Templates,
    page: Option<String>,
}

impl Letterhead {
    /// Times are shown in this zone, as of `now`; the user's templates replace the built-in ones.
    #[must_use]
    pub fn new(alerts: &Alerts, timezone: &TimeZone, now: Timestamp) -> Self {
        let page = alerts.page.clone();
        Self { page, ..Self::with(alerts.email.as_ref(), timezone, now) }
    }

    /// The same for one way to send mail.
    #[must_use]
    pub fn of(email: &Email, timezone: &TimeZone, now: Timestamp) -> Self {
        Self::with(Some(email), timezone, now)
    }

    fn with(email: Option<&Email>, timezone: &TimeZone, now: Timestamp) -> Self {
        let folder = email.and_then(|email| email.templates.as_deref());
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Self { timezone: timezone.clone(), now, host, templates: Templates::load(folder), page: None }
    }

    /// The same as another machine would write it.
    #[must_use]
    pub fn on(self, host: &str) -> Self {
        Self { host: host.to_owned(), ..self }
    }

    /// Where the page is, for a link.
    #[must_use]
    pub fn page(&self) -> Option<&str> {
        self.page.as_deref()
    }

    /// As of when.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Message-ID of an incident's first mail; the incident is known by it.
    #[must_use]
    pub fn incident(&self, key: &AlertKey, since: Timestamp) -> String {
        self.message_id(&format!("{key} {since} {since} raised"))
    }

    /// The same `what` has the same id, also after a crash.
    pub(super) fn message_id(&self, what: &str) -> String {
        let hash = Sha256::digest(what);
        let short = hex(&hash[..12]);
        let host: String =
            self.host.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-')).collect();
        format!("<renewd.{short}@{}>", if host.is_empty() { "localhost" } else { &host })
    }

    /// An instant for people.
    pub(super) fn at(&self, instant: Timestamp) -> String {
        told(instant, &self.timezone)
    }

    /// As a title names it.
    pub(super) fn short(&self, instant: Timestamp) -> String {
        told_short(instant, &self.timezone)
    }

    /// In full, with how far off it is.
    pub(super) fn at_with_distance(&self, instant: Timestamp) -> String {
        let span = instant.duration_since(self.now);
        let away =
            if span.is_negative() { format!("{} ago", words(span)) } else { format!("in {}", words(span)) };
        format!("{} ({away})", self.at(instant))
    }

    /// Subject, text and HTML of a message whose bodies are called `name`. A template that fails is replaced by the
    /// built-in one: no message is lost over its looks.
    pub(super) fn write(&self, name: &str, values: &Value) -> Written {
        let shared = minijinja::context! { version => env!("CARGO_PKG_VERSION"), host => &self.host };
        let values = merge_maps([values.clone(), shared]);
        let subject = self.templates.show("subject.txt.j2", &values);
        Written {
            subject: subject.split_whitespace().collect::<Vec<_>>().join(" "),
            text: self.templates.show(&format!("{name}.txt.j2"), &values),
            html: self.templates.show(&format!("{name}.html.j2"), &values),
        }
    }
}

/// A message as it is read.
pub(super) struct Written {
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// HTML.
    pub html: String,
}
