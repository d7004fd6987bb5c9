//! One message for what came and went while nothing could be delivered.
use minijinja::{Value, context};

use super::payload::Payload;
use super::render::colour;
use crate::domain::alert::AlertRow;
use crate::domain::time::words;
use crate::domain::{AlertKey, Severity};
use crate::ledger::{Channel, QueuedMail};
use crate::notify::coalesce::Letter;
use crate::notify::context::Letterhead;

/// One incident that is over.
pub(super) struct Passed {
    pub title: String,
    pub severity: Severity,
    pub from: jiff::Timestamp,
    pub to: jiff::Timestamp,
}

impl Passed {
    fn of(letter: &Letter) -> Self {
        let first = letter.rows().next().unwrap_or(&letter.newest);
        let worst = letter.rows().map(|r| r.mail.severity).max().unwrap_or(first.mail.severity);
        Self {
            // What it was: that it is over is what the summary says.
            title: letter.older.last().unwrap_or(&letter.newest).mail.title.clone(),
            severity: worst,
            from: first.queued_at,
            to: letter.newest.queued_at,
        }
    }
}

/// The values of the templates.
pub(super) fn values(letterhead: &Letterhead, passed: &[Passed]) -> Value {
    let rows: Vec<Value> = passed
        .iter()
        .map(|p| {
            context! {
                title => &p.title,
                severity => p.severity.as_str(),
                from => letterhead.at(p.from),
                to => letterhead.at(p.to),
                lasted => words(p.to.duration_since(p.from)),
            }
        })
        .collect();
    context! {
        occasion => "summary",
        severity => "info",
        account => (),
        title => title(passed.len()),
        text => TEXT,
        deadline => (),
        rows => rows,
        colour => colour("summary", Severity::Info),
    }
}

const TEXT: &str = "These alerts were raised and resolved while no message could be delivered. They need nothing now; what still \
                    needs you has its own message.";

fn title(n: usize) -> String {
    format!("{n} alerts began and ended while messages could not be delivered")
}

/// The message for incidents with the same recipients.
pub(super) fn render(letterhead: &Letterhead, letters: &[Letter]) -> QueuedMail {
    let passed: Vec<Passed> = letters.iter().map(Passed::of).collect();
    let written = letterhead.write("summary", &values(letterhead, &passed));
    let ids: Vec<&str> = letters.iter().flat_map(Letter::rows).map(|r| r.mail.message_id.as_str()).collect();
    let first = letters.first();
    let mail = QueuedMail {
        channel: Channel::Mail,
        key: AlertKey::account("summary", "*"),
        occasion: "summary".to_owned(),
        severity: Severity::Info,
        title: title(passed.len()),
        to: first.map(Letter::to).unwrap_or_default(),
        subject: written.subject,
        text: written.text,
        html: written.html,
        message_id: letterhead.message_id(&ids.join(" ")),
        incident: String::new(),
    };
    let Some(channel) = first.map(|l| l.newest.mail.channel.clone()).filter(|c| *c != Channel::Mail) else {
        return mail;
    };
    let rows: Vec<AlertRow> = passed
        .iter()
        .map(|p| AlertRow {
            stage: None,
            what: p.title.clone(),
            ends: None,
            amount: None,
            note: format!("{}: raised {}, resolved {}", p.severity.as_str(), p.from, p.to),
        })
        .collect();
    Payload { text: TEXT, rows: &rows, ..Payload::plain(&mail, letterhead) }.queued(&mail, channel)
}
