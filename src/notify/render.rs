//! From an alert to a mail: subject, plain text and HTML from templates. Text is never escaped, HTML always is.
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use minijinja::{Environment, UndefinedBehavior, context};
use sha2::{Digest, Sha256};

use crate::alerting::{Occasion, Told};
use crate::domain::time::words;
use crate::domain::{Alert, Severity};
use crate::ledger::QueuedMail;
use crate::settings::Alerts;

/// A longer table helps nobody: the rest is in `renewd plan`.
const MOST_ROWS: usize = 100;

/// What every mail of one moment shares.
pub struct Letterhead {
    timezone: TimeZone,
    now: Timestamp,
    host: String,
    environment: Environment<'static>,
}

impl Letterhead {
    /// Times are shown in this zone, as of `now`.
    #[must_use]
    pub fn new(timezone: &TimeZone, now: Timestamp) -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        for (name, source) in [
            ("alert.txt", include_str!("templates/alert.txt.j2")),
            ("alert.html", include_str!("templates/alert.html.j2")),
        ] {
            // Shipped templates are covered by tests; a broken one would show there.
            let _ = environment.add_template(name, source);
        }
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Self { timezone: timezone.clone(), now, host, environment }
    }

    fn at(&self, instant: Timestamp) -> String {
        instant.to_zoned(self.timezone.clone()).strftime("%a %-d %b %Y %H:%M %Z").to_string()
    }

    fn at_with_distance(&self, instant: Timestamp) -> String {
        let span = instant.duration_since(self.now);
        let away =
            if span.is_negative() { format!("{} ago", words(span)) } else { format!("in {}", words(span)) };
        format!("{} ({away})", self.at(instant))
    }
}

/// Who gets it: the first route whose severity and account fit, else everybody of `[alerts.email]`.
#[must_use]
pub fn recipients(alerts: &Alerts, alert: &Alert) -> Vec<String> {
    let fits = |r: &&crate::settings::Route| {
        (r.severity.is_empty() || r.severity.contains(&alert.severity))
            && (r.accounts.is_empty() || alert.account.as_ref().is_some_and(|a| r.accounts.contains(a)))
    };
    match alerts.routes.iter().find(fits) {
        Some(route) => route.to.clone(),
        None => alerts.email.as_ref().map(|e| e.to.clone()).unwrap_or_default(),
    }
}

/// The mail of one told alert; `None` where mail is not configured.
#[must_use]
pub fn render(
    alerts: &Alerts,
    letterhead: &Letterhead,
    told: &Told,
    occasion: Occasion,
) -> Option<QueuedMail> {
    alerts.email.as_ref()?;
    let alert = &told.alert;
    let id = |instant: Timestamp, what: &str| {
        let hash = Sha256::digest(format!("{} {} {instant} {what}", alert.key, told.since));
        let short: String = hash.iter().take(12).map(|b| format!("{b:02x}")).collect();
        format!("<renewd.{short}@{}>", host_part(&letterhead.host))
    };
    let first = id(told.since, Occasion::Raised.as_str());
    let (message_id, in_reply_to) = match occasion {
        Occasion::Raised => (first, None),
        other => (id(letterhead.now, other.as_str()), Some(first)),
    };
    let (text, html) = bodies(alerts.repeat, letterhead, told, occasion);
    Some(QueuedMail {
        key: alert.key.clone(),
        to: recipients(alerts, alert),
        subject: subject(letterhead, alert, occasion),
        text,
        html,
        message_id,
        in_reply_to,
    })
}

fn host_part(host: &str) -> String {
    let plain: String =
        host.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-')).collect();
    if plain.is_empty() { "localhost".to_owned() } else { plain }
}

fn subject(letterhead: &Letterhead, alert: &Alert, occasion: Occasion) -> String {
    let tag = match (occasion, alert.severity) {
        (Occasion::Resolved, _) => "[renewd resolved]",
        (_, Severity::Urgent) => "[renewd URGENT]",
        (_, Severity::Warning) => "[renewd warning]",
        (_, Severity::Info) => "[renewd info]",
    };
    let deadline = alert.deadline.filter(|_| occasion != Occasion::Resolved);
    let by = deadline.map(|d| format!(" (by {})", letterhead.at(d))).unwrap_or_default();
    format!("{tag} {}{by}", alert.title).replace(['\r', '\n'], " ")
}

fn bodies(
    repeat: SignedDuration,
    letterhead: &Letterhead,
    told: &Told,
    occasion: Occasion,
) -> (String, String) {
    let alert = &told.alert;
    let colour = match (occasion, alert.severity) {
        (Occasion::Resolved, _) => "#1a7f4b",
        (_, Severity::Urgent) => "#b3261e",
        (_, Severity::Warning) => "#9a6700",
        (_, Severity::Info) => "#2f5d8a",
    };
    let rows: Vec<_> = alert
        .rows
        .iter()
        .take(MOST_ROWS)
        .map(|r| context! { what => &r.what, ends => r.ends.map(|e| letterhead.at(e)), amount => &r.amount, note => &r.note })
        .collect();
    let values = context! {
        occasion => occasion.as_str(),
        severity => alert.severity.as_str(),
        title => &alert.title,
        text => &alert.text,
        deadline => alert.deadline.map(|d| letterhead.at_with_distance(d)),
        rows => rows,
        more => alert.rows.len().saturating_sub(MOST_ROWS),
        actions => &alert.actions,
        key => alert.key.as_str(),
        since => letterhead.at(told.since),
        repeat => words(repeat),
        version => env!("CARGO_PKG_VERSION"),
        host => &letterhead.host,
        colour => colour,
    };
    let show = |name: &str| {
        let shown = letterhead.environment.get_template(name).and_then(|t| t.render(&values));
        // Whatever is wrong with a template, the alert itself must go out.
        shown.unwrap_or_else(|e| format!("{}\n\n{}\n\n({name}: {e})", alert.title, alert.text))
    };
    (show("alert.txt"), show("alert.html"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerting::{Ends, Quiet, Terms, reconcile};
    use crate::domain::alert::AlertRow;
    use crate::domain::{AccountName, AlertKey};
    use crate::settings::{Email, Route, Tls};

    fn alerts() -> Alerts {
        Alerts {
            runway: SignedDuration::from_hours(24 * 14),
            repeat: SignedDuration::from_hours(24),
            email: Some(Email {
                host: "localhost".into(),
                port: 25,
                tls: Tls::None,
                username: None,
                password: None,
                from: "renewd@example.org".into(),
                to: vec!["ops@example.org".into()],
            }),
            routes: vec![Route {
                severity: vec![Severity::Urgent],
                accounts: vec![AccountName::from("yp")],
                to: vec!["oncall@example.org".into()],
            }],
            heartbeat: None,
        }
    }

    fn told(severity: Severity) -> Told {
        let alert = Alert {
            key: AlertKey::account("short_funds", "yp"),
            severity,
            account: Some(AccountName::from("yp")),
            title: "Top up 84.20 USD at yp: 2 leases due are not covered".into(),
            text: "The balance was 3.00 USD; <b>what</b> is due costs 87.20 USD.".into(),
            actions: vec!["renewd plan".into()],
            rows: vec![AlertRow {
                what: "IPv4 203.0.113.7".into(),
                ends: Some("2026-12-03T09:00:00Z".parse().unwrap()),
                amount: Some("2.65 USD".into()),
                note: "short_funds: 2.65 USD needed".into(),
            }],
            deadline: Some("2026-12-03T09:00:00Z".parse().unwrap()),
            once: false,
            grade: 0,
            leases: Vec::new(),
        };
        let now = "2026-11-30T05:00:00Z".parse().unwrap();
        let (ends, quiet) = (Ends::default(), Quiet::default());
        let terms = Terms { now, repeat: SignedDuration::from_hours(24), ends: &ends, quiet: &quiet };
        reconcile(&[], &[alert], &terms).remove(0)
    }

    fn mail(severity: Severity) -> QueuedMail {
        let mut letterhead = Letterhead::new(&TimeZone::UTC, "2026-11-30T05:00:00Z".parse().unwrap());
        letterhead.host = "box".into();
        render(&alerts(), &letterhead, &told(severity), Occasion::Raised).unwrap()
    }

    #[test]
    fn the_text_says_what_when_and_what_to_do() {
        insta::assert_snapshot!(mail(Severity::Warning).text);
    }

    #[test]
    fn the_subject_says_severity_cause_account_and_deadline() {
        let want = "[renewd URGENT] Top up 84.20 USD at yp: 2 leases due are not covered (by Thu 3 Dec 2026 09:00 UTC)";
        assert_eq!(mail(Severity::Urgent).subject, want);
    }

    #[test]
    fn html_is_escaped_and_text_is_not() {
        let mail = mail(Severity::Warning);
        assert!(mail.html.contains("&lt;b&gt;what") && !mail.html.contains("<b>what"));
        assert!(mail.text.contains("<b>what</b>"));
    }

    #[test]
    fn the_first_fitting_route_replaces_the_recipients() {
        assert_eq!(mail(Severity::Urgent).to, ["oncall@example.org"]);
        assert_eq!(mail(Severity::Warning).to, ["ops@example.org"]);
    }

    #[test]
    fn later_mails_of_an_incident_reply_to_its_first() {
        let first = mail(Severity::Warning);
        let letterhead = Letterhead {
            host: "box".into(),
            ..Letterhead::new(&TimeZone::UTC, "2026-12-01T05:00:00Z".parse().unwrap())
        };
        let again = render(&alerts(), &letterhead, &told(Severity::Warning), Occasion::Repeated).unwrap();
        assert_eq!(again.in_reply_to.as_deref(), Some(first.message_id.as_str()));
        assert_ne!(again.message_id, first.message_id);
    }
}
