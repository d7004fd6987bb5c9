//! Makes `[schedule] [timing] [guard] [alerts] [http] [log]` of the merged scalars, and checks what must fit within a section.
//!
//! Not responsible for rows.

use super::draft::{Draft, secret, secret_url};
use super::fields::Fields;
use super::log_words::{log_format, log_level};
use super::secret::Vault;
use super::values as v;
use super::{Alerts, Email, Http, Log, Schedule, Tls, Webhook};
use crate::domain::time::Timing;
use crate::planner::Guard;
use crate::settings::{channels, tables};
use secrecy::SecretString;

pub(super) fn schedule(fields: &Fields<'_>) -> Option<Schedule> {
    Some(Schedule {
        cycle: fields.read("schedule.cycle", v::cron)?,
        report: fields.read("schedule.report", v::cron_or_off)?,
        jitter: fields.read("schedule.jitter", v::parse_duration)?,
    })
}

pub(super) fn timing(fields: &Fields<'_>) -> Option<Timing> {
    let timing = Timing {
        read_timeout: fields.read("timing.read_timeout", v::span)?,
        money_timeout: fields.read("timing.money_timeout", v::span)?,
        lag_window: fields.read("timing.lag_window", v::span)?,
        settle_reads: fields.integer("timing.settle_reads")?,
    };
    Some(timing)
}

pub(super) fn guard(fields: &Fields<'_>) -> Option<Guard> {
    Some(Guard {
        max_payments_per_cycle: fields.integer("guard.max_payments_per_cycle")?,
        max_fleet_share: fields.read("guard.max_fleet_share", v::share)?,
        hold_on_shrink: fields.read("guard.hold_on_shrink", v::part)?,
    })
}

pub(super) fn alerts(draft: &Draft<'_>, vault: &Vault<'_>, page: Option<String>) -> Option<Alerts> {
    let fields = &draft.scalars;
    let has = |name: &str| draft.sections.contains_key(name);
    for name in ["alerts.email", "alerts.heartbeat", "alerts.webhook"] {
        if let Some(place) = draft.sections.get(name) {
            fields.require(Some(name), place);
        }
    }
    let email = has("alerts.email").then(|| email(fields, vault));
    let heartbeat = has("alerts.heartbeat").then(|| heartbeat(fields, vault));
    let webhook = has("alerts.webhook").then(|| webhook(fields, vault));
    let routes = tables::made(tables::all(draft.rows("alerts.route"), tables::route));
    let channels: Option<Vec<_>> = channels::channels(draft, vault).into_iter().collect();
    Some(Alerts {
        runway: fields.read("alerts.runway", v::span)?,
        repeat: fields.read("alerts.repeat", v::span)?,
        max_mails_per_day: fields.integer("alerts.max_mails_per_day")?,
        email: or_none(email)?,
        routes: routes?,
        webhook: or_none(webhook)?,
        channels: channels?,
        page,
        heartbeat: or_none(heartbeat)?,
    })
}

pub(super) fn log(fields: &Fields<'_>) -> Option<Log> {
    Some(Log { format: fields.read("log.format", log_format)?, level: fields.read("log.level", log_level)? })
}

/// A section that is not there is fine, one that is wrong is not.
fn or_none<T>(section: Option<Option<T>>) -> Option<Option<T>> {
    section.map_or(Some(None), |made| made.map(Some))
}

fn email(fields: &Fields<'_>, vault: &Vault<'_>) -> Option<Email> {
    let password = secret(fields, "alerts.email.password", vault);
    let pair = [("username", "password"), ("password", "username")];
    for (one, other) in pair.map(|(a, b)| (format!("alerts.email.{a}"), format!("alerts.email.{b}"))) {
        if fields.given(&one) && !fields.given(&other) {
            fields.tell(&one, format!("needs `{other}` beside it: give both, or neither"));
        }
    }
    let tls = fields.read("alerts.email.tls", v::tls)?;
    let host = fields.read("alerts.email.host", v::host)?;
    if tls == Tls::None && !v::is_loopback(&host) {
        let message =
            "\"none\" is for a mail server on this machine only: write tls = \"starttls\" or \"implicit\"";
        fields.tell("alerts.email.tls", message);
    }
    let usual = match tls {
        Tls::StartTls => 587,
        Tls::Implicit => 465,
        Tls::None => 25,
    };
    let port = if fields.given("alerts.email.port") { fields.integer("alerts.email.port")? } else { usual };
    let to = fields.list("alerts.email.to", v::mailbox);
    if fields.given("alerts.email.password") && password.is_none() {
        return None;
    }
    Some(Email {
        host,
        port,
        tls,
        username: fields.read("alerts.email.username", v::line),
        password,
        from: fields.read("alerts.email.from", v::mailbox)?,
        to: (!to.is_empty()).then_some(to)?,
        templates: fields.read("alerts.email.templates", v::folder),
        helo: fields.read("alerts.email.helo", v::host),
        ca: fields.read("alerts.email.ca", v::certificates),
    })
}

fn webhook(fields: &Fields<'_>, vault: &Vault<'_>) -> Option<Webhook> {
    let url = secret_url(fields, "alerts.webhook.url", vault);
    let secret = secret(fields, "alerts.webhook.secret", vault);
    if fields.given("alerts.webhook.secret") && secret.is_none() {
        return None;
    }
    Some(Webhook { url: url?, secret })
}

fn heartbeat(fields: &Fields<'_>, vault: &Vault<'_>) -> Option<SecretString> {
    secret_url(fields, "alerts.heartbeat.url", vault)
}

pub(super) fn http(fields: &Fields<'_>, vault: &Vault<'_>) -> Option<Http> {
    let token = secret(fields, "http.token", vault);
    let listen = fields.read("http.listen", v::listen)?;
    let open = listen.is_some_and(|address| !address.ip().is_loopback());
    if open && !fields.given("http.token") {
        fields.tell(
            "http.listen",
            "is not a loopback address: add `token` under [http], or listen on 127.0.0.1",
        );
    }
    if fields.given("http.hosts") && !fields.given("http.token") {
        fields.tell("http.hosts", "lets others ask by that name: add `token` under [http]");
    }
    if fields.given("http.token") && token.is_none() {
        return None;
    }
    Some(Http { listen, token, hosts: fields.list("http.hosts", v::host) })
}
