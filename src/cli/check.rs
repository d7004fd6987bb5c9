//! `renewd check`: the config, and with `--live` every account and the mail server.
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use crate::alerts::rules::ahead::Ahead;
use crate::clock::{Clock, SystemClock};
use crate::domain::{Currency, Lease};
use crate::engine::{last_paid, paid_elsewhere};
use crate::exit::Exit;
use crate::keylock;
use crate::ledger::{Ledger, obstacle};
use crate::notify::{Mailer, own_problems};
use crate::policy::{Policies, Policy};
use crate::settings::{self, Examined, Problem, Sources, problem_line};
use crate::views::{CheckDoc, Foresight, Fresh, ahead_of, foresee_fresh};

use super::args::Global;

use super::context::{Context, Failure};
use super::surroundings::placed;
use super::{output, surroundings};

/// What `--live` found.
#[derive(Default)]
struct Live {
    lines: Vec<(String, String)>,
    /// Accounts that do not answer.
    down: usize,
    /// No mail can be sent: the server is not reached, or turns us away.
    no_mail: bool,
    /// It does not take mail for everybody.
    unwelcome: bool,
    /// Every lease that was read.
    leases: Vec<Lease>,
    /// This machine's clock differs from a provider's: nothing is paid.
    clock: bool,
    /// Accounts that another renewd pays with.
    second: usize,
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
    let ctx = Context::of(settings, global.json)?;
    // The daemon goes on with the built-in ones; whoever checks wants to know.
    let mut errors = own_problems(&ctx.settings.alerts);
    errors.extend(unwritable(&ctx, &first));
    if let Some(why) = keylock::trouble(&ctx.settings.runtime_dir) {
        let message = format!(
            "{why}: another renewd on this machine with the same key would go unnoticed. Under systemd this folder is made at the start"
        );
        warnings.push(Problem { file: first.clone(), line: None, key: "runtime_dir".to_owned(), message });
    }
    warnings.extend(surroundings::little_room(&ctx.settings, &first));
    warnings.extend(surroundings::hooks_that_cannot_run(&ctx.settings, &first));
    if !errors.is_empty() {
        show(global.json, &errors, &warnings, &Live::default());
        return Ok(Exit::Usage);
    }
    let mut found = Live::default();
    found.lines.extend(surroundings::holder(&ctx.settings.state_dir).map(|said| ("ledger".to_owned(), said)));
    if live {
        accounts(&ctx, &mut found).await?;
        mail(&ctx, &mut found).await;
        if ctx.settings.alerts.webhook.is_some() {
            found.lines.push(("webhook".into(), "not called: renewd test-mail posts a test message".into()));
        }
        for channel in &ctx.settings.alerts.channels {
            let said = format!("not called: renewd test-alert {} sends a test message", channel.name);
            found.lines.push((format!("channel {}", channel.name), said));
        }
        let paid =
            ctx.reading().ok().and_then(|l| last_paid(l.as_ref(), &ctx.settings).ok()).unwrap_or_default();
        let policies = ctx.settings.policies(ctx.now(), &paid);
        warnings.extend(surroundings::second_payers(&ctx.settings, &policies, &found.leases));
        // What an account that does not answer holds is not known.
        if found.down == 0 {
            warnings.extend(idle(&ctx, &policies, &found.leases));
            warnings.extend(surroundings::shadowed(&ctx.settings, &policies, &found.leases));
            warnings.extend(foreign_budgets(&ctx, &found.currencies));
        }
        warnings.append(&mut found.ahead);
    } else {
        warnings.extend(shadowed_on_record(&ctx));
    }
    show(global.json, &[], &warnings, &found);
    let attention = found.down > 0 || found.second > 0 || found.no_mail || found.unwelcome || found.clock;
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

/// Policies whose leases, as last read, an earlier one decides. A ledger on a server is not asked: whoever checks a config may be far from it.
fn shadowed_on_record(ctx: &Context) -> Vec<Problem> {
    let ledger = if ctx.site.is_served() { None } else { ctx.reading().ok() };
    let Some(ledger) = ledger else { return Vec::new() };
    let Some(leases) = surroundings::on_record(&ctx.settings, ledger.as_ref()) else { return Vec::new() };
    let paid = last_paid(ledger.as_ref(), &ctx.settings).unwrap_or_default();
    surroundings::shadowed(&ctx.settings, &ctx.settings.policies(ctx.now(), &paid), &leases)
}

/// Policies that match none of these leases: a slip of the pen in `match` shows nowhere else.
fn idle(ctx: &Context, policies: &Policies<'_>, leases: &[Lease]) -> Vec<Problem> {
    let matches = |policy: &Policy| leases.iter().any(|l| policy.matches.matches(&policies.subject(l)));
    let none = policies.all.iter().filter(|policy| !matches(policy));
    none.map(|policy| {
        let message = format!("policy `{}` matches no lease that is listed now", policy.name);
        placed(&ctx.settings, ("policy", &policy.name, "match"), "policy.match", message)
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
            placed(&ctx.settings, ("budget", &budget.name, "currency"), key, message)
        })
        .collect()
}

/// What the forecast knows already: leases without a policy, and those that cannot be renewed as configured.
fn ahead(ctx: &Context, seen: &Foresight) -> Vec<Problem> {
    let of = |a: &Ahead| {
        let place = a.key.as_ref().and_then(|(table, name, key)| ctx.settings.places.find(table, name, key));
        // The line is told in front of it.
        let text = place.map_or(a.text.clone(), |place| a.text.replace(&format!(" ({place})"), ""));
        let message = if a.is_wanted() { text } else { format!("{text} (account {})", a.account) };
        match &a.key {
            Some((table, name, key)) => {
                placed(&ctx.settings, (*table, name, *key), &format!("{table}.{key}"), message)
            }
            None => Problem {
                line: None,
                ..placed(
                    &ctx.settings,
                    ("policy", &ctx.settings.policies[0].name, "period"),
                    "policy.match",
                    message,
                )
            },
        }
    };
    ahead_of(seen, &ctx.settings).iter().map(of).collect()
}

fn show(json: bool, errors: &[Problem], warnings: &[Problem], live: &Live) {
    let ok = errors.is_empty();
    if json {
        return output::json(&CheckDoc::new(errors, warnings, &live.lines));
    }
    errors.iter().for_each(|p| output::line(&problem_line(p)));
    warnings.iter().for_each(|p| output::line(&format!("warning: {}", problem_line(p))));
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
    let second = (live.second > 0).then(|| "another renewd pays with the same key".to_owned());
    let mail = live.no_mail.then(|| "renewd cannot send mail".to_owned());
    let unwelcome = live.unwelcome.then(|| "some addresses reject renewd's mail".to_owned());
    let clock = live.clock.then(|| "this machine's clock is off".to_owned());
    let against: Vec<String> =
        accounts.into_iter().chain(second).chain(mail).chain(unwelcome).chain(clock).collect();
    if against.is_empty() { "the config is good".to_owned() } else { against.join(", and ") }
}

async fn accounts(ctx: &Context, found: &mut Live) -> Result<(), Failure> {
    let ledger: Arc<dyn Ledger> = ctx.reading()?;
    let viewer = ctx.viewer(Arc::clone(&ledger))?;
    let (report, learnt) = viewer.preview_ahead().await?;
    let fresh = Fresh { report: &report, learnt: Some(&learnt), all: true };
    found.ahead = ahead(ctx, &foresee_fresh(ledger.as_ref(), &ctx.settings, ctx.now(), Some(&fresh))?);
    let lines = &mut found.lines;
    for name in paid_elsewhere(&ctx.settings, ledger.as_ref())? {
        found.second += 1;
        let said = "second_renewd: another renewd on this machine, with a ledger of its own, pays with its key: this one would pay nothing \
                    with it. Stop one of them, or take the account out of its config";
        lines.push((format!("account {name}"), said.to_owned()));
    }
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
                let mine = report.lists.iter().filter(|list| &list.account == name);
                found.leases.extend(mine.flat_map(|list| list.all().to_vec()));
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
        "answers, and accepts the login"
    } else {
        "answers; no login is configured, so use renewd test-mail to see whether it accepts mail"
    }
}

async fn mail(ctx: &Context, found: &mut Live) {
    let lines = &mut found.lines;
    let Some(email) = &ctx.settings.alerts.email else {
        let said = if !ctx.settings.alerts.ways().is_empty() {
            "no [alerts.email]"
        } else {
            "no [alerts.email]: alerts reach nobody"
        };
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
