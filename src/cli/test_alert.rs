//! `renewd test-alert`: one test message through every way that tells people, or through one of them, so that a broken one is found
//! before it is needed. Nothing goes through the outbox: what is refused is said here, in the service's words.
use serde_json::json;

use crate::exit::Exit;
use crate::ledger::Channel;
use crate::notify::{Chat, Letterhead, Mailer, SendError, Webhook};

use super::context::{Context, Failure};
use super::output;

/// What became of one way.
struct Tried {
    name: String,
    wrong: Option<String>,
}

/// Tries all of them, whatever becomes of the first.
pub(super) async fn test_alert(ctx: &Context, only: Option<&str>) -> Result<Exit, Failure> {
    let alerts = &ctx.settings.alerts;
    let ways = alerts.ways();
    if ways.is_empty() {
        return Err(Failure::usage(
            "the config has neither [alerts.email] nor [alerts.webhook] nor [[alerts.channel]]: there is nobody to tell",
        ));
    }
    let chosen: Vec<&Channel> =
        ways.iter().filter(|way| only.is_none_or(|name| way.as_str() == name)).collect();
    if let (Some(name), true) = (only, chosen.is_empty()) {
        let known: Vec<&str> = ways.iter().map(Channel::as_str).collect();
        return Err(Failure::usage(format!(
            "there is no channel `{name}`: the config has {}",
            known.join(", ")
        )));
    }
    let mut tried = Vec::new();
    for way in chosen {
        let wrong = send(ctx, way).await.err().map(|e| e.to_string());
        let name = way.as_str().to_owned();
        if !ctx.json {
            output::line(&match &wrong {
                None => format!("{name}: the test message was accepted. Check that it arrives"),
                Some(why) => format!("{name}: not accepted: {why}"),
            });
        }
        tried.push(Tried { name, wrong });
    }
    let ok = tried.iter().all(|one| one.wrong.is_none());
    if ctx.json {
        let channels: Vec<_> = tried
            .iter()
            .map(|one| json!({ "name": one.name, "ok": one.wrong.is_none(), "error": one.wrong }))
            .collect();
        output::json(&json!({ "schema": 1, "ok": ok, "channels": channels }));
    }
    Ok(if ok { Exit::Done } else { Exit::Attention })
}

async fn send(ctx: &Context, way: &Channel) -> Result<(), SendError> {
    let (settings, alerts) = (&ctx.settings, &ctx.settings.alerts);
    let letterhead = Letterhead::new(alerts, &settings.timezone, ctx.now());
    match way {
        Channel::Mail => match &alerts.email {
            Some(email) => Mailer::smtp(email)?.send_test(email, &letterhead).await.map(drop),
            None => Ok(()),
        },
        Channel::Webhook => match &alerts.webhook {
            Some(webhook) => Webhook::new(webhook)?.send_test(&letterhead).await,
            None => Ok(()),
        },
        Channel::Named(name) => match alerts.channels.iter().find(|channel| channel.name == *name) {
            Some(channel) => Chat::new(channel, &settings.timezone)?.send_test(&letterhead).await,
            None => Ok(()),
        },
    }
}
