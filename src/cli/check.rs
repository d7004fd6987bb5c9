//! `renewd check`: the config, and with `--live` every account and the mail server.
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use serde_json::json;

use crate::clock::{Clock, SystemClock};
use crate::documents::{Foresight, Fresh, ahead_of, foresee_fresh};
use crate::domain::{Currency, Lease};
use crate::engine::alerts::ahead::Ahead;
use crate::exit::Exit;
use crate::keylock;
use crate::ledger::{Ledger, obstacle};
use crate::notify::Mailer;
use crate::notify::templates::own_problems;
use crate::settings::{self, Examined, Problem, Sources};

use super::args::Global;
use crate::daemon::run::problem_line;

use super::context::{Context, Failure};
use super::{output, surroundings};

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
    /// This machine's clock differs from a provider's: nothing is paid.
    clock: bool,
    /// The currencies of the accounts.
    currencies: Vec<Currency>,
    /// What will not be renewed as configured.
    ahead: Vec<Problem>,
}

pub(super) async fn check(global: &Global, live: bool) -> Result<Exit, Failure> {
    let today = SystemClock::new().now().wall;
    let sources = Sources::from_process(&global.config);
    let first = sources.files.first().map(|path| path.display().to_string()).unwrap_or_default();
    let Examined { settings, errors, mut warnings } = settings::examine(&sources, today);
    let Some(settings) = settings else {
        show(global.json, &errors, &warnings, &Live::default());
        return Ok(Exit::Usage);
    };
    let ctx = Context::of(settings, global.json);
    // The daemon goes on with the built-in ones; whoever checks wants to know.
    let mut errors = own_problems(&ctx.settings.alerts);
    errors.extend(unwritable(&ctx, &first));
    if !errors.is_empty() {
        show(global.json, &errors, &warnings, &Live::default());
        return Ok(Exit::Usage);
    }
    if let Some(why) = keylock::trouble(&ctx.settings.runtime_dir) {
        let message = format!(
            "{why}: another renewd on this machine with the same key would go unnoticed. Under systemd this folder is made at the start"
        );
        warnings.push(Problem { file: first.clone(), line: None, key: "runtime_dir".to_owned(), message });
    }
    warnings.extend(surroundings::little_room(&ctx.settings, &first));
    let mut found = Live::default();
    found.lines.extend(surroundings::holder(&ctx.settings.state_dir).map(|said| ("ledger".to_owned(), said)));
    if live {
        accounts(&ctx, &mut found).await?;
        mail(&ctx, &mut found).await;
        if ctx.settings.alerts.webhook.is_some() {
            found.lines.push(("webhook".into(), "not called: renewd test-mail posts a test message".into()));
        }
        warnings.extend(surroundings::second_payers(&ctx.settings, &first, &found.leases));
        // What an account that does not answer holds is not known.
        if found.down == 0 {
            warnings.extend(idle(&ctx, &first, &found.leases));
            warnings.extend(foreign_budgets(&ctx, &found.currencies));
        }
        warnings.append(&mut found.ahead);
    }
    show(global.json, &[], &warnings, &found);
    let attention = found.down > 0 || found.no_mail || found.unwelcome || found.clock;
    Ok(if attention { Exit::Attention } else { Exit::Done })
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

/// Budgets that will never count anything: no account is in their currency.
fn foreign_budgets(ctx: &Context, currencies: &[Currency]) -> Vec<Problem> {
    let known = currencies.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let foreign = ctx.settings.budgets.iter().filter(|b| !currencies.contains(&b.currency));
    foreign
        .map(|budget| {
            let key = "budget.currency";
            let message = format!(
                "budget `{}` is in {}, and no account is: their money is {known}",
                budget.name, budget.currency
            );
            placed(ctx, ("budget", &budget.name, "currency"), key, message)
        })
        .collect()
}

/// A problem at the line of a key of a policy or budget.
fn placed(
    ctx: &Context,
    (table, name, key): (&'static str, &str, &'static str),
    full: &str,
    message: String,
) -> Problem {
    let place = ctx.settings.places.find(table, name, key).unwrap_or_default();
    let (file, line) = match place.rsplit_once(':').map(|(file, line)| (file, line.parse().ok())) {
        Some((file, Some(line))) => (file, Some(line)),
        _ => (place, None),
    };
    Problem { file: file.to_owned(), line, key: full.to_owned(), message }
}

/// What the forecast knows already: leases without a policy, and those that cannot be renewed as configured.
fn ahead(ctx: &Context, seen: &Foresight) -> Vec<Problem> {
    let of = |a: &Ahead| {
        let message =
            if a.is_wanted() { a.text.clone() } else { format!("{} (account {})", a.text, a.account) };
        match &a.key {
            Some((table, name, key)) => placed(ctx, (*table, name, *key), &format!("{table}.{key}"), message),
            None => Problem {
                line: None,
                ..placed(ctx, ("policy", &ctx.settings.policies[0].name, "period"), "policy.match", message)
            },
        }
    };
    ahead_of(seen, &ctx.settings).iter().map(of).collect()
}

fn show(json: bool, errors: &[Problem], warnings: &[Problem], live: &Live) {
    let ok = errors.is_empty();
    let problems: Vec<(&Problem, &str)> =
        errors.iter().map(|p| (p, "error")).chain(warnings.iter().map(|p| (p, "warning"))).collect();
    if json {
        let problems: Vec<_> = problems
            .iter()
            .map(|(p, severity)| {
                let mut problem = crate::documents::value(p);
                problem["severity"] = (*severity).into();
                problem
            })
            .collect();
        let live: Vec<_> =
            live.lines.iter().map(|(what, said)| json!({ "what": what, "result": said })).collect();
        output::json(&json!({ "schema": 1, "ok": ok, "problems": problems, "live": live }));
        return;
    }
    for (p, severity) in &problems {
        let said = if *severity == "error" { "" } else { "warning: " };
        output::line(&format!("{said}{}", problem_line(p)));
    }
    live.lines.iter().for_each(|(what, said)| output::line(&format!("{what}: {said}")));
    let n = errors.len();
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
    let clock = live.clock.then(|| "this machine's clock is off".to_owned());
    let against: Vec<String> = accounts.into_iter().chain(mail).chain(unwelcome).chain(clock).collect();
    if against.is_empty() { "the config is good".to_owned() } else { against.join(", and ") }
}

async fn accounts(ctx: &Context, found: &mut Live) -> Result<(), Failure> {
    let ledger: Arc<dyn Ledger> = ctx.reading()?;
    let viewer = ctx.viewer(Arc::clone(&ledger))?;
    let (report, learnt) = viewer.preview_ahead().await?;
    let fresh = Fresh { report: &report, learnt: &learnt };
    found.ahead = ahead(ctx, &foresee_fresh(ledger.as_ref(), &ctx.settings, ctx.now(), Some(&fresh))?);
    let lines = &mut found.lines;
    for (name, reader) in &viewer.readers {
        let what = format!("account {name}");
        let Some(account) = report.accounts.iter().find(|a| &a.account == name) else { continue };
        match (account.balance.as_ref().filter(|_| account.reachable()), account.error()) {
            (Some(balance), error) => {
                let error = error.map(|why| format!(": {why}")).unwrap_or_default();
                let said = format!(
                    "{} leases, balance {} {}{error}",
                    account.leases, balance.amount, balance.currency
                );
                lines.push((what, said));
                if let Some(off) = surroundings::clock_off(name.as_str(), account.skew) {
                    found.clock = true;
                    lines.push(("clock".to_owned(), off));
                }
                let mine = report.items.iter().map(|i| &i.lease).filter(|l| &l.account == name);
                found.leases.extend(mine.cloned());
                found.currencies.push(balance.currency.clone());
            }
            (None, error) => {
                found.down += 1;
                lines.push((what, error.unwrap_or("it was not read").to_owned()));
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

/// What a greeting shows of a mail server. One without a login may still want one once it is given a mail.
fn greeted(with_login: bool) -> &'static str {
    if with_login {
        "answers, and takes our login"
    } else {
        "answers; no login is configured, and renewd test-mail shows whether it takes a mail"
    }
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
    let said = result.map_or_else(|e| e.to_string(), |()| greeted(email.username.is_some()).to_owned());
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
