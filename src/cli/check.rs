//! `renewd check`: the config, and with `--live` every account and the mail server.
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use serde_json::json;

use crate::clock::{Clock, SystemClock};
use crate::domain::Lease;
use crate::exit::Exit;
use crate::ledger::obstacle;
use crate::notify::Mailer;
use crate::notify::templates::own_problems;
use crate::providers::Purpose;
use crate::settings::{self, Problem, Sources};

use super::args::Global;
use crate::daemon::run::problem_line;

use super::context::{Context, Failure};
use super::output;

/// What `--live` found.
#[derive(Default)]
struct Live {
    lines: Vec<(String, String)>,
    /// Accounts that do not answer.
    down: usize,
    /// The mail server does not take our mail.
    no_mail: bool,
    /// It does not take mail for everybody.
    unwelcome: bool,
    /// Every lease that was read.
    leases: Vec<Lease>,
}

pub(super) async fn check(global: &Global, live: bool) -> Result<Exit, Failure> {
    let today = SystemClock::new().now().wall;
    let sources = Sources::from_process(&global.config);
    let first = sources.files.first().map(|path| path.display().to_string()).unwrap_or_default();
    let mut loaded = match settings::load_as_of(&sources, today) {
        Ok(settings) => settings,
        Err(problems) => {
            show(global.json, &problems, &Live::default(), false);
            return Ok(Exit::Usage);
        }
    };
    let mut warnings = std::mem::take(&mut loaded.warnings);
    let ctx = Context::of(loaded, global.json);
    // The daemon goes on with the built-in ones; whoever checks wants to know.
    let templates = own_problems(&ctx.settings.alerts);
    if !templates.is_empty() {
        show(global.json, &templates, &Live::default(), false);
        return Ok(Exit::Usage);
    }
    if let Some(problem) = unwritable(&ctx, &first) {
        show(global.json, &[problem], &Live::default(), false);
        return Ok(Exit::Usage);
    }
    let mut found = Live::default();
    if live {
        accounts(&ctx, &mut found).await?;
        mail(&ctx, &mut found).await;
        if ctx.settings.alerts.webhook.is_some() {
            found.lines.push(("webhook".into(), "not called: renewd test-mail posts a test message".into()));
        }
        // What an account that does not answer holds is not known.
        if found.down == 0 {
            warnings.extend(idle(&ctx, &first, &found.leases));
        }
    }
    show(global.json, &warnings, &found, true);
    Ok(if found.down > 0 || found.no_mail || found.unwelcome { Exit::Attention } else { Exit::Done })
}

/// What keeps the daemon from its ledger: a folder, or a file in it, that this user, or the folder's owner, cannot write. A folder
/// that is not there yet is made at the first start, by systemd or by renewd.
fn unwritable(ctx: &Context, file: &str) -> Option<Problem> {
    let dir = &ctx.settings.state_dir;
    let shown = dir.display();
    let owner = dir.metadata().ok()?.uid();
    let files = ["ledger.db", "requests.db"].map(|name| dir.join(name));
    let foreign = files.iter().find(|f| f.metadata().is_ok_and(|meta| meta.uid() != owner));
    let message = match (files.iter().find_map(|f| obstacle(f)), foreign) {
        (Some(why), _) if why == "permission denied" => format!(
            "this user cannot write to {shown} (permission denied): run this as the user that renewd runs as (`sudo -u renewd`), or \
             give that user the folder: `chown -R renewd:renewd {shown}`"
        ),
        (Some(why), _) => {
            format!("the ledger in {shown} cannot be written ({why}), so nothing would be paid")
        }
        (None, Some(file)) => format!(
            "{} belongs to another user than its folder, who could not write it: `chown --reference={shown} {}`",
            file.display(),
            file.display()
        ),
        (None, None) => return None,
    };
    Some(Problem { file: file.to_owned(), line: None, key: "state_dir".to_owned(), message })
}

/// Policies that match none of these leases: a slip of the pen in `match` shows nowhere else.
fn idle(ctx: &Context, file: &str, leases: &[Lease]) -> Vec<Problem> {
    let policies = ctx.settings.policies.iter();
    let none = policies.filter(|policy| !leases.iter().any(|lease| policy.matches.matches(lease)));
    none.map(|policy| Problem {
        file: file.to_owned(),
        line: None,
        key: "policy.match".to_owned(),
        message: format!("policy `{}` matches no lease that is listed now", policy.name),
    })
    .collect()
}

fn show(json: bool, problems: &[Problem], live: &Live, ok: bool) {
    if json {
        let live: Vec<_> =
            live.lines.iter().map(|(what, said)| json!({ "what": what, "result": said })).collect();
        output::json(&json!({ "schema": 1, "ok": ok, "problems": problems, "live": live }));
        return;
    }
    problems.iter().for_each(|p| output::line(&problem_line(p)));
    live.lines.iter().for_each(|(what, said)| output::line(&format!("{what}: {said}")));
    let n = problems.len();
    output::line(&match (ok, n) {
        (true, _) => verdict(live),
        (false, 1) => "the config has 1 problem".to_owned(),
        (false, n) => format!("the config has {n} problems"),
    });
}

/// The last line: of a good config, what stands in its way all the same.
fn verdict(live: &Live) -> String {
    let accounts = match live.down {
        0 => None,
        1 => Some("1 account does not answer".to_owned()),
        n => Some(format!("{n} accounts do not answer")),
    };
    let mail = live.no_mail.then(|| "the mail server does not take our mail".to_owned());
    let unwelcome = live.unwelcome.then(|| "not every address gets our mail".to_owned());
    let against: Vec<String> = accounts.into_iter().chain(mail).chain(unwelcome).collect();
    if against.is_empty() { "the config is good".to_owned() } else { against.join(", and ") }
}

async fn accounts(ctx: &Context, found: &mut Live) -> Result<(), Failure> {
    let viewer = ctx.viewer(ctx.reading()?)?;
    let lines = &mut found.lines;
    for (name, reader) in &viewer.readers {
        let what = format!("account {name}");
        match Arc::clone(reader).inventory(Purpose::Routine).await {
            Ok(i) => {
                let balance = &i.balance;
                let said =
                    format!("{} leases, balance {} {}", i.leases.len(), balance.amount, balance.currency);
                lines.push((what, said));
                found.leases.extend(i.leases);
            }
            Err(e) => {
                found.down += 1;
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
    Ok(())
}

async fn mail(ctx: &Context, found: &mut Live) {
    let lines = &mut found.lines;
    let Some(email) = &ctx.settings.alerts.email else {
        let hook = ctx.settings.alerts.webhook.is_some();
        let said = if hook { "no [alerts.email]" } else { "no [alerts.email]: nobody is told" };
        lines.push(("mail".into(), said.into()));
        return;
    };
    let result = match Mailer::smtp(email) {
        Ok(mailer) => mailer.greet().await,
        Err(e) => Err(e),
    };
    found.no_mail = result.is_err();
    let said = result.map_or_else(|e| e.to_string(), |()| "answers, and takes our login".to_owned());
    lines.push((format!("mail server {}:{}", email.host, email.port), said));
    if found.no_mail {
        return;
    }
    match Mailer::smtp(email) {
        Ok(mailer) => found.unwelcome = !addresses(ctx, &mailer, lines).await,
        Err(e) => lines.push(("mail".into(), e.to_string())),
    }
}

/// Whether the server takes mail for everybody; it is asked, and no mail is sent.
async fn addresses(ctx: &Context, mailer: &Mailer, lines: &mut Vec<(String, String)>) -> bool {
    match mailer.unwelcome(&ctx.settings.alerts.addresses()).await {
        Ok(refused) => {
            let all_taken = refused.is_empty();
            lines.extend(refused.into_iter().map(|(address, why)| (format!("mail to {address}"), why)));
            all_taken
        }
        Err(e) => {
            lines.push(("mail".into(), e.to_string()));
            false
        }
    }
}
