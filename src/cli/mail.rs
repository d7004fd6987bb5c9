//! `renewd test-mail`: one message through each real path, so that a broken one is found before it is needed.
use serde_json::json;

use crate::exit::Exit;
use crate::notify::{Letterhead, Mailer, SendError, Webhook};
use crate::settings::Email;

use super::context::{Context, Failure};
use super::output;

/// Tries both, whatever becomes of the first.
pub(super) async fn test_mail(ctx: &Context) -> Result<Exit, Failure> {
    let alerts = &ctx.settings.alerts;
    if alerts.email.is_none() && alerts.webhook.is_none() {
        return Err(Failure::usage(
            "the config has neither [alerts.email] nor [alerts.webhook]: there is nobody to write to",
        ));
    }
    let mut wrong = Vec::new();
    let mut to = Vec::new();
    if let Some(email) = &alerts.email {
        match mail(ctx, email).await {
            Ok(all) => to = all,
            Err(SendError::Partly { left, refused, why }) => {
                let not = |a: &String| left.contains(a) || refused.iter().any(|(r, _)| r == a);
                to = email.to.iter().filter(|a| !not(a)).cloned().collect();
                wrong.push(format!("the test mail was not accepted for everybody: {why}"));
            }
            Err(e) => wrong.push(format!("the test mail was not accepted: {e}")),
        }
    }
    let mut posted = false;
    if alerts.webhook.is_some() {
        match post(ctx).await {
            Ok(()) => posted = true,
            Err(e) => wrong.push(format!("the test message was not posted: {e}")),
        }
    }
    if !ctx.json {
        if !to.is_empty() {
            output::line(&format!(
                "the mail server accepted the test mail for {}: check that it arrives",
                to.join(", ")
            ));
        }
        if posted {
            output::line("the webhook accepted the test message: check that it arrives");
        }
    }
    if !wrong.is_empty() {
        return Err(Failure::failed(wrong.join("; ")));
    }
    if ctx.json {
        let webhook = alerts.webhook.as_ref().map(|_| posted);
        output::json(&json!({ "schema": 1, "ok": true, "to": to, "webhook": webhook }));
    }
    Ok(Exit::Done)
}

async fn mail(ctx: &Context, email: &Email) -> Result<Vec<String>, SendError> {
    let letterhead = Letterhead::new(&ctx.settings.alerts, &ctx.settings.timezone, ctx.now());
    Mailer::smtp(email)?.send_test(email, &letterhead).await
}

async fn post(ctx: &Context) -> Result<(), SendError> {
    let alerts = &ctx.settings.alerts;
    let Some(webhook) = &alerts.webhook else { return Ok(()) };
    let letterhead = Letterhead::new(alerts, &ctx.settings.timezone, ctx.now());
    Webhook::new(webhook)?.send_test(&letterhead).await
}
