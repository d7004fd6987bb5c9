//! `renewd check`: the config, and with `--live` every account and the mail server.
use std::sync::Arc;

use serde_json::json;

use crate::exit::Exit;
use crate::notify::Mailer;
use crate::notify::templates::own_problems;
use crate::providers::Purpose;
use crate::settings::{self, Problem, Sources};

use super::args::Global;
use crate::daemon::run::problem_line;

use super::context::{Context, Failure};
use super::output;

pub(super) async fn check(global: &Global, live: bool) -> Result<Exit, Failure> {
    let loaded = match settings::load(&Sources::from_process(&global.config)) {
        Ok(settings) => settings,
        Err(problems) => {
            show(global.json, &problems, &[], false);
            return Ok(Exit::Usage);
        }
    };
    let ctx = Context::of(loaded, global.json);
    // The daemon goes on with the built-in ones; whoever checks wants to know.
    let templates = own_problems(&ctx.settings.alerts);
    if !templates.is_empty() {
        show(global.json, &templates, &[], false);
        return Ok(Exit::Usage);
    }
    let mut lines = Vec::new();
    let mut bad = false;
    if live {
        bad = accounts(&ctx, &mut lines).await?;
        bad |= !mail(&ctx, &mut lines).await;
        if ctx.settings.alerts.webhook.is_some() {
            lines.push(("webhook".into(), "not called: renewd test-mail posts a test message".into()));
        }
    }
    show(global.json, &ctx.settings.warnings, &lines, true);
    Ok(if bad { Exit::Attention } else { Exit::Done })
}

fn show(json: bool, problems: &[Problem], live: &[(String, String)], ok: bool) {
    if json {
        let live: Vec<_> = live.iter().map(|(what, said)| json!({ "what": what, "result": said })).collect();
        output::json(&json!({ "schema": 1, "ok": ok, "problems": problems, "live": live }));
        return;
    }
    problems.iter().for_each(|p| output::line(&problem_line(p)));
    live.iter().for_each(|(what, said)| output::line(&format!("{what}: {said}")));
    let n = problems.len();
    output::line(&match (ok, n) {
        (true, _) => "the config is good".to_owned(),
        (false, 1) => "the config has 1 problem".to_owned(),
        (false, n) => format!("the config has {n} problems"),
    });
}

async fn accounts(ctx: &Context, lines: &mut Vec<(String, String)>) -> Result<bool, Failure> {
    let viewer = ctx.viewer(ctx.reading()?)?;
    let mut bad = false;
    for (name, reader) in &viewer.readers {
        let what = format!("account {name}");
        match Arc::clone(reader).inventory(Purpose::Routine).await {
            Ok(i) => lines.push((
                what,
                format!("{} leases, balance {} {}", i.leases.len(), i.balance.amount, i.balance.currency),
            )),
            Err(e) => {
                bad = true;
                lines.push((what, e.to_string()));
                continue;
            }
        }
        let wanted: Vec<&String> =
            ctx.settings.policies.iter().filter_map(|p| p.promo_code.as_ref()).collect();
        if wanted.is_empty() {
            continue;
        }
        let listed = reader.promo_codes().await;
        for code in wanted {
            let said = match &listed {
                Err(e) => e.to_string(),
                Ok(all) => match all.iter().find(|p| &p.code == code) {
                    Some(p) => {
                        p.ends_at.map_or("listed, endless".to_owned(), |at| format!("listed until {at}"))
                    }
                    None => "not listed by the provider: a payment would ask the full price".to_owned(),
                },
            };
            lines.push((format!("account {name}, promo code {code}"), said));
        }
    }
    Ok(bad)
}

async fn mail(ctx: &Context, lines: &mut Vec<(String, String)>) -> bool {
    let Some(email) = &ctx.settings.alerts.email else {
        let hook = ctx.settings.alerts.webhook.is_some();
        let said = if hook { "no [alerts.email]" } else { "no [alerts.email]: nobody is told" };
        lines.push(("mail".into(), said.into()));
        return true;
    };
    let result = match Mailer::smtp(email) {
        Ok(mailer) => mailer.greet().await,
        Err(e) => Err(e),
    };
    let ok = result.is_ok();
    let said = result.map_or_else(|e| e.to_string(), |()| "answers, and takes our login".to_owned());
    lines.push((format!("mail server {}:{}", email.host, email.port), said));
    ok
}
