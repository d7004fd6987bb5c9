//! What needs a person, the gravest first, each with what to type. From the open alerts, and from what `status` knows beside them. Not
//! responsible for what fires: the alerts are those that people were mailed.
use serde::Serialize;

use crate::domain::{AccountName, LeaseId, Severity};
use crate::ledger::OpenAlert as Stored;
use crate::views::moments::{Clockface, When, counted};
use crate::views::status::{OpenAlert, Status};
use crate::views::warnings::Warning;

use super::links::{Link, lease_link};

/// Leases that are named with an alert.
const NAMED: usize = 4;

/// What a lease is called: its address, where that is known.
pub type Name<'a> = &'a dyn Fn(&AccountName, &LeaseId) -> String;

/// Something that needs a person, or that people were told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Need {
    /// `urgent`, `warning` or `info`.
    pub severity: &'static str,
    /// One line.
    pub title: String,
    /// What happened, in sentences.
    pub text: String,
    /// Since when.
    pub since: Option<When>,
    /// What to type, in order.
    pub commands: Vec<String>,
    /// The alert's key; empty where it is none.
    pub key: String,
    /// That it comes and goes, is silenced, and the like.
    pub mark: &'static str,
    /// The leases it is about, some of them.
    pub leases: Vec<Link>,
    /// How many more.
    pub more: usize,
}

impl Need {
    fn new(severity: &'static str, title: String, text: String, commands: &[&str]) -> Self {
        Self {
            severity,
            title,
            text,
            since: None,
            commands: commands.iter().map(|c| (*c).to_owned()).collect(),
            key: String::new(),
            mark: "",
            leases: Vec::new(),
            more: 0,
        }
    }

    /// An open alert, with all that the ledger has of it. `name` says what a lease is called.
    #[must_use]
    pub fn of_alert(alert: &OpenAlert, stored: Option<&Stored>, face: Clockface<'_>, name: Name<'_>) -> Self {
        let text = stored.map(|s| s.text.trim()).filter(|text| *text != alert.text).unwrap_or_default();
        let leases = stored.map(|s| (s.account.as_ref(), s.leases.as_slice()));
        let (leases, more) = match leases {
            Some((Some(account), ids)) => links(account, ids, name),
            _ => (Vec::new(), 0),
        };
        Self {
            since: Some(face.when(alert.since)),
            commands: commands(&alert.key),
            key: alert.key.clone(),
            mark: alert.mark(),
            leases,
            more,
            ..Self::new(word(alert.severity), alert.text.clone(), text.to_owned(), &[])
        }
    }
}

fn links(account: &AccountName, ids: &[LeaseId], name: Name<'_>) -> (Vec<Link>, usize) {
    let some = ids.iter().take(NAMED).map(|id| lease_link(account, id, &name(account, id)));
    (some.collect(), ids.len().saturating_sub(NAMED))
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Urgent => "urgent",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

/// What needs a person, and what is only news. Plans that wait have a place of their own.
#[must_use]
pub fn needs(
    status: &Status,
    stored: &[Stored],
    face: Clockface<'_>,
    name: Name<'_>,
) -> (Vec<Need>, Vec<Need>) {
    let of = |alert: &OpenAlert| {
        Need::of_alert(alert, stored.iter().find(|s| s.key.as_str() == alert.key), face, name)
    };
    let is_plan = |alert: &&OpenAlert| {
        status.waiting_approval.iter().any(|w| alert.key.strip_prefix("approval:") == Some(w.plan.as_str()))
    };
    let mut all: Vec<Need> = status.open_alerts.iter().filter(|alert| !is_plan(alert)).map(of).collect();
    all.extend(beside_alerts(status, face));
    let (mut needs, news): (Vec<_>, Vec<_>) = all.into_iter().partition(|n| n.severity != "info");
    needs.sort_by_key(|need| need.severity != "urgent");
    (needs, news)
}

/// What `status` knows and no open alert speaks of.
fn beside_alerts(status: &Status, face: Clockface<'_>) -> Vec<Need> {
    let told = |cause: &str| {
        let named = |key: &str| key.strip_prefix(cause).is_some_and(|rest| rest.starts_with(':'));
        status.open_alerts.iter().any(|a| named(&a.key))
    };
    let mut all = Vec::new();
    if status.needs_operator > 0 && !told("needs_operator") {
        let title = match status.needs_operator {
            1 => "1 payment needs your decision".to_owned(),
            n => format!("{n} payments need your decision"),
        };
        let text = "Look at the provider's list of charges and say what you saw.".to_owned();
        all.push(Need { commands: commands("needs_operator:*"), ..Need::new("urgent", title, text, &[]) });
    }
    if let Some(due) = status.overdue_since {
        let title = format!("No cycle has ended since one was due at {}", face.to_second(due).text);
        all.push(Need::new("urgent", title, String::new(), &["journalctl -u renewd"]));
    }
    for account in &status.second_renewd {
        let title = format!("Another renewd on this machine pays for {account}: nothing is paid here");
        all.push(Need::new("urgent", title, "Stop one of the two.".to_owned(), &["pgrep -a renewd"]));
    }
    for pause in &status.pauses {
        let which = if pause.account == "*" { "every account" } else { pause.account.as_str() };
        let title = format!("Spending is paused for {which}{}", pause.words(|at| face.when(at).text));
        let resume = match pause.account.as_str() {
            "*" => "renewd resume".to_owned(),
            account => format!("renewd resume {}", typed(account)),
        };
        all.push(Need {
            since: Some(face.when(pause.since)),
            ..Need::new("warning", title, String::new(), &[&resume])
        });
    }
    let untold =
        |w: &&Warning| !status.open_alerts.iter().any(|a| a.key == format!("cannot_renew:{}", w.account));
    for warning in status.warnings.iter().filter(untold) {
        let title = format!(
            "{} of {} cannot be renewed as configured",
            counted(warning.leases, "lease"),
            warning.account
        );
        let end = warning.first_end.map_or_else(String::new, |end| {
            let end = face.when(end);
            format!(" The first of them ends {} ({}).", end.text, end.away)
        });
        let text = format!("{}.{end}", warning.text.trim_end_matches('.'));
        all.push(Need::new(if warning.is_wanted() { "warning" } else { "info" }, title, text, &CONFIG));
    }
    all.extend(mails(status, face));
    all
}

fn mails(status: &Status, face: Clockface<'_>) -> Vec<Need> {
    let mails = &status.mails;
    let mut all = Vec::new();
    for refused in &mails.refused {
        let title = format!("Mail to {} is refused", refused.address);
        all.push(Need::new("warning", title, refused.why.clone(), &MAIL));
    }
    if mails.aside > 0 {
        let title = format!(
            "{} could not be sent and {} set aside",
            counted(mails.aside, "message"),
            if mails.aside == 1 { "is" } else { "are" }
        );
        all.push(Need::new("warning", title, String::new(), &MAIL));
    }
    if let Some(oldest) = mails.oldest_at.filter(|_| mails.waiting > 0) {
        let title = format!(
            "{} {} not delivered yet",
            counted(mails.waiting, "mail"),
            if mails.waiting == 1 { "is" } else { "are" }
        );
        let severity = if mails.arrive() { "info" } else { "warning" };
        all.push(Need { since: Some(face.when(oldest)), ..Need::new(severity, title, String::new(), &MAIL) });
    }
    all
}

const MAIL: [&str; 2] = ["renewd check --live", "renewd test-alert"];
const CONFIG: [&str; 2] = ["renewd check", "systemctl reload renewd"];

/// What to type about an alert; where money or the provider is to be looked at first, its text says so.
#[must_use]
pub fn commands(key: &str) -> Vec<String> {
    let (cause, rest) = key.split_once(':').unwrap_or((key, ""));
    let account = typed(rest.split(':').next().unwrap_or_default());
    let one = |command: String| vec![command];
    let fixed = |all: &[&str]| all.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>();
    match cause {
        "account_down" | "inventory_unreadable" | "unreadable_records" => fixed(&["renewd check --live"]),
        "inventory_empty" | "shrunk" | "partial_list" | "account_changed" | "paused" => {
            one(format!("renewd resume {account}"))
        }
        "second_renewd" => fixed(&["pgrep -a renewd"]),
        "exec_changed" => one(format!("renewd pause {account}")),
        "short_funds" | "runway" | "lapse_ahead" => one("renewd forecast".to_owned()),
        "over_budget" | "price_cap" | "price_jump" | "promo_invalid" | "period_not_offered"
        | "cycle_differs" | "cannot_renew" | "watch" | "fleet_guard" | "keep_lost" | "keep_ended" => {
            fixed(&CONFIG)
        }
        "needs_operator" | "unresolved" | "account_left" | "overcharged" => fixed(&[
            "renewd history --state needs_operator",
            "renewd resolve PAYMENT --charged AMOUNT --note TEXT",
            "renewd resolve PAYMENT --not-charged --note TEXT",
        ]),
        "unknown" | "unknown_pending" | "restored" => fixed(&["renewd history --state unknown"]),
        "double_charge" | "charge_differs" | "contested" | "unexplained_spend" | "provider_charged"
        | "top_up" | "budget_warn" => fixed(&["renewd history --since 7d"]),
        "approval" => vec![format!("renewd approve {account}"), format!("renewd reject {account}")],
        "mail_undelivered" | "mail_refused" => fixed(&MAIL),
        "channel" => one(format!("renewd test-alert {account}")),
        "config_reload" => fixed(&CONFIG),
        "config_changed" => fixed(&["renewd plan"]),
        "page_down" => fixed(&["ss -ltnp"]),
        "clock" => fixed(&["timedatectl"]),
        "loop_late" | "cycles_missed" => fixed(&["journalctl -u renewd"]),
        "steer_failed" | "provider_renews" | "provider_owns" => fixed(&["renewd order auto ORDER on|off"]),
        _ => fixed(&["renewd plan"]),
    }
}

/// A name as a shell takes it.
fn typed(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._:/@%+-".contains(c);
    if !name.is_empty() && name.chars().all(plain) {
        name.to_owned()
    } else {
        format!("'{}'", name.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::rules::CAUSES;

    #[test]
    fn every_alert_says_what_to_type() {
        for cause in CAUSES {
            let said = commands(&format!("{}:yp", cause.name));
            assert!(!said.is_empty() && said.iter().all(|c| !c.is_empty()), "{}", cause.name);
        }
        assert_eq!(commands("shrunk:yp"), ["renewd resume yp"]);
        assert_eq!(commands("approval:plan-7"), ["renewd approve plan-7", "renewd reject plan-7"]);
    }

    #[test]
    fn a_name_is_typed_as_a_shell_takes_it() {
        assert_eq!(commands("shrunk:my account"), ["renewd resume 'my account'"]);
        assert_eq!(commands("shrunk:it's $(rm)"), [r"renewd resume 'it'\''s $(rm)'"]);
    }
}
