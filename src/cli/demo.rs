//! `renewd demo`: sixty simulated days of the whole job, against a simulated provider over real sockets, with a real ledger.
//!
//! Not a mock: config, adapter, engine, ledger, alerts and mails are those of `run`; only the clock is sped up, and mails go to
//! files. It ends by holding the provider's books against the ledger: a difference is a failure.
use std::fs;
use std::io::{IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use jiff::{SignedDuration, Timestamp};

use crate::clock::{Clock, SystemClock, VirtualClock};
use crate::daemon::{deliver, digest, tell, wire};
use crate::domain::{Money, State};
use crate::engine::{CycleReport, Payer};
use crate::exit::Exit;
use crate::ledger::sqlite::{self, Access};
use crate::ledger::{IntentFilter, IntentRecord, Ledger};
use crate::notify::{Attempt, Mailer};
use crate::policy::{Decision, Word};
use crate::redact::Redactor;
use crate::settings::{self, Sources};
use crate::simulator::{Aim, Answer, Fault, FleetSpec, Handle, Product, Promo, Simulator, World};

use super::args::DemoArgs;
use super::context::Failure;
use super::output;

const DAYS: i64 = 60;
const STEP: Duration = Duration::from_secs(6 * 3600);
const KEY: &str = "demo-key-of-no-account";
const LEASES: usize = 40;

fn failed(e: impl std::fmt::Display) -> Failure {
    Failure::failed(e.to_string())
}

pub(super) async fn demo(args: &DemoArgs, json: bool) -> Result<Exit, Failure> {
    let dir = folder(args)?;
    let start =
        SystemClock::new().now().wall.checked_sub(SignedDuration::from_hours(24 * DAYS)).map_err(failed)?;
    let clock = Arc::new(VirtualClock::starting_at(start));
    let spec = FleetSpec::new(KEY, Money::from_cents(9_000), LEASES);
    let mut world = World::fleet(args.seed, start, &spec);
    world.list_lag = Duration::from_secs(240);
    let released = prepare(&mut world, start)?;
    let simulator =
        Simulator::start(clock.clone(), world, ([127, 0, 0, 1], 0).into()).await.map_err(failed)?;
    let payer = assemble(&dir, &simulator.base_url(), &released, clock.clone())?;
    let story = Story { payer, clock, handle: simulator.handle(), dir: dir.clone(), start, bar: bar(json) };
    story.say("40 leases, 90.00 USD on the account, 60 days ahead");
    let tally = story.run().await?;
    story.bar.finish_and_clear();
    let summary = story.summary(&tally)?;
    simulator.stop().await;
    show(&summary, &dir, json);
    Ok(if summary.agrees { Exit::Done } else { Exit::Failed })
}

fn folder(args: &DemoArgs) -> Result<PathBuf, Failure> {
    let dir = match &args.dir {
        Some(dir) => {
            if dir.join("ledger.db").exists() {
                return Err(Failure::usage(format!(
                    "{} holds a ledger already: name another folder",
                    dir.display()
                )));
            }
            fs::create_dir_all(dir).map_err(failed)?;
            fs::canonicalize(dir).map_err(failed)?
        }
        None => tempfile::Builder::new().prefix("renewd-demo-").tempdir().map_err(failed)?.keep(),
    };
    fs::create_dir_all(dir.join("mails")).map_err(failed)?;
    Ok(dir)
}

/// A promo code for mobile leases; one lease that is to be let go; gives its address.
fn prepare(world: &mut World, start: Timestamp) -> Result<String, Failure> {
    let account =
        world.account_mut(KEY).ok_or_else(|| Failure::failed("the simulated account is missing"))?;
    account.promos.push(Promo { code: "SAVE10".to_owned(), percent: 10, starts: start, ends: None });
    let lease = account.rentals().iter().find(|r| r.product == Product::IPv4).map(|r| r.ip.clone());
    lease.ok_or_else(|| Failure::failed("the simulated fleet has no IPv4 lease"))
}

fn assemble(dir: &Path, base_url: &str, released: &str, clock: Arc<VirtualClock>) -> Result<Payer, Failure> {
    let key = dir.join("demo.key");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&key)
        .map_err(failed)?;
    writeln!(file, "{KEY}").map_err(failed)?;
    let config = dir.join("renewd.toml");
    fs::write(&config, config_text(dir, base_url, released)).map_err(failed)?;
    let sources = Sources { files: vec![config], environment: Vec::new(), credentials_dir: None };
    let settings = Arc::new(settings::load(&sources).map_err(Failure::config)?);
    let redactor = Redactor::new(settings.secrets());
    crate::daemon::logging::hide(redactor.clone());
    let ledger: Arc<dyn Ledger> = Arc::new(sqlite::open(dir, Access::Pay)?);
    let clock: Arc<dyn Clock> = clock;
    wire::viewer(settings, ledger, clock, &redactor).and_then(|v| wire::payer(v, &redactor)).map_err(failed)
}

fn config_text(dir: &Path, base_url: &str, released: &str) -> String {
    format!(
        r#"# Written by `renewd demo`: look at what it did with renewd --config THIS history|status
state_dir = "{dir}"

[schedule]
jitter = "1s"

[[account]]
name = "demo"
provider = "youproxy"
base_url = "{base_url}"
api_key = {{ file = "{dir}/demo.key" }}
max_requests_per_minute = 6000

[[policy]]
name = "let-go"
match = {{ ip = ["{released}"] }}
action = "release"

[[policy]]
name = "mobile"
match = {{ kind = ["MOBILE"] }}
action = "renew"
promo_code = "SAVE10"
priority = 100

[[policy]]
name = "keep-all"
action = "renew"
before = "3d"
period = ["30d", "90d"]

[alerts.email]
host = "localhost"
port = 25
tls = "none"
from = "renewd@example.org"
to = ["you@example.org"]

[http]
listen = ""
"#,
        dir = dir.display()
    )
}

fn bar(json: bool) -> ProgressBar {
    if json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("day {pos:>2}/{len} {bar:40} {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(u64::try_from(DAYS).unwrap_or_default()).with_style(style)
}

struct Story {
    payer: Payer,
    clock: Arc<VirtualClock>,
    handle: Handle,
    dir: PathBuf,
    start: Timestamp,
    bar: ProgressBar,
}

#[derive(Default)]
struct Tally {
    cycles: usize,
    waited_for_money: usize,
    released: bool,
    lost: Option<String>,
}

impl Story {
    fn day(&self) -> i64 {
        self.clock.now().wall.duration_since(self.start).as_hours() / 24
    }

    fn say(&self, what: &str) {
        let line = format!("day {:>2}: {what}", self.day());
        if self.bar.is_hidden() { output::note(&line) } else { self.bar.println(line) }
    }

    async fn run(&self) -> Result<Tally, Failure> {
        let mut tally = Tally::default();
        let mut topped_up_at = None;
        let steps = DAYS * 24 * 3600 / i64::try_from(STEP.as_secs()).unwrap_or(1);
        for step in 0..steps {
            let day = self.day();
            self.bar.set_position(u64::try_from(day).unwrap_or_default());
            if step == 16 {
                self.handle.inject(Fault::on(Aim::Money).answer(Answer::Close));
            }
            let report = self.payer.cycle().await?;
            tally.cycles += 1;
            self.tell(&report).await?;
            self.narrate(&report, &mut tally);
            self.settle().await?;
            let short = report.items.iter().any(|i| i.reason.word == Word::ShortFunds);
            // Somebody reads the mail, and pays in a day later.
            match topped_up_at {
                None if short => topped_up_at = Some(day + 1),
                Some(at) if day >= at && short => {
                    let _ = self.handle.top_up(KEY, Money::from_cents(60_000));
                    self.say("somebody read the mail and topped up 600.00 USD");
                }
                _ => {}
            }
            self.clock.advance(STEP);
        }
        Ok(tally)
    }

    /// While something is open, the daemon looks again every third of the lag window; so does the demo.
    async fn settle(&self) -> Result<(), Failure> {
        for _ in 0..12 {
            let states = vec![State::Accepted, State::Unknown];
            let open =
                self.payer.viewer.ledger.intents(&IntentFilter { states, ..IntentFilter::default() })?;
            if open.is_empty() {
                break;
            }
            self.clock.advance(Duration::from_secs(300));
            self.payer.settle_pass().await?;
            for record in open.iter().filter(|r| r.state == State::Unknown) {
                let now = self.payer.viewer.ledger.intent(&record.id)?;
                if now.state == State::Confirmed {
                    self.say(&format!(
                        "{}: settled by evidence: {}",
                        record.id,
                        now.detail.evidence.unwrap_or_default()
                    ));
                }
            }
        }
        Ok(())
    }

    async fn tell(&self, report: &CycleReport) -> Result<(), Failure> {
        tell::report(&self.payer.viewer, report)?;
        digest::if_due(&self.payer.viewer)?;
        let mailer = Mailer::folder(&self.dir.join("mails"), "renewd@example.org");
        deliver::with(&self.payer.viewer, &mailer, Attempt::All).await?;
        Ok(())
    }

    fn narrate(&self, report: &CycleReport, tally: &mut Tally) {
        if !report.payments.is_empty() {
            let sum = Money::sum(report.payments.iter().map(|p| p.quoted)).unwrap_or_default();
            let n: usize = report.payments.iter().map(|p| p.request.leases.len()).sum();
            self.say(&format!(
                "{n} leases due, quoted and paid: {sum} USD in {} payments",
                report.payments.len()
            ));
        }
        for p in report.payments.iter().filter(|p| p.state == State::Unknown) {
            self.say(&format!(
                "{}: the provider cut the connection; not paid again, evidence is being read",
                p.id
            ));
            tally.lost = Some(p.id.to_string());
        }
        let short = report.items.iter().filter(|i| i.reason.word == Word::ShortFunds).count();
        if short > 0 && tally.waited_for_money == 0 {
            self.say(&format!("money runs short: {short} leases wait, the rest was saved by priority and end; a mail goes out"));
        }
        tally.waited_for_money = tally.waited_for_money.max(short);
        let going = report
            .items
            .iter()
            .any(|i| i.decision() == Decision::Release && i.stage >= Some(crate::policy::Stage::Normal));
        if going && !tally.released {
            tally.released = true;
            self.say("one lease will be let go, as its policy says; a mail says so in time");
        }
        self.bar.set_message(format!("{} cycles", tally.cycles));
    }

    fn summary(&self, tally: &Tally) -> Result<Summary, Failure> {
        let payments = self.payer.viewer.ledger.intents(&IntentFilter::default())?;
        let confirmed: Vec<&IntentRecord> = payments.iter().filter(|p| p.state == State::Confirmed).collect();
        let charged =
            Money::sum(confirmed.iter().map(|p| p.detail.charged.unwrap_or(p.quoted))).unwrap_or_default();
        let (books, twice, lapsed) = self.handle.with(|world| {
            let books = Money::sum(world.books().charges().map(|e| e.amount)).unwrap_or_default();
            (books, world.books().paid_twice().len(), world.lapsed().len())
        });
        let lost = tally.lost.clone().unwrap_or_default();
        Ok(Summary {
            days: DAYS,
            cycles: tally.cycles,
            payments: confirmed.len(),
            leases_renewed: confirmed.iter().map(|p| p.request.leases.len()).sum(),
            charged,
            provider_books: books,
            lost_answer: lost,
            open: payments.len() - confirmed.len(),
            paid_twice: twice,
            lapsed,
            waited_for_money: tally.waited_for_money,
            mails: fs::read_dir(self.dir.join("mails")).map_err(failed)?.filter(Result::is_ok).count(),
            agrees: books == charged && twice == 0 && lapsed == 1,
        })
    }
}

#[derive(serde::Serialize)]
struct Summary {
    days: i64,
    cycles: usize,
    payments: usize,
    leases_renewed: usize,
    charged: Money,
    provider_books: Money,
    lost_answer: String,
    open: usize,
    paid_twice: usize,
    lapsed: usize,
    waited_for_money: usize,
    mails: usize,
    agrees: bool,
}

fn show(s: &Summary, dir: &Path, json: bool) {
    let config = dir.join("renewd.toml");
    if json {
        return output::json(
            &serde_json::json!({ "schema": 1, "ok": s.agrees, "summary": s, "dir": dir, "config": config }),
        );
    }
    let rows = vec![
        vec!["simulated".to_owned(), format!("{} days in {} cycles", s.days, s.cycles)],
        vec!["renewed".to_owned(), format!("{} leases in {} payments", s.leases_renewed, s.payments)],
        vec!["charged, as the ledger says".to_owned(), format!("{} USD", s.charged)],
        vec!["charged, as the provider's books say".to_owned(), format!("{} USD", s.provider_books)],
        vec!["paid twice".to_owned(), s.paid_twice.to_string()],
        vec!["lost answers, settled by evidence".to_owned(), format!("1 ({})", s.lost_answer)],
        vec!["waited for the top-up, all saved".to_owned(), format!("{} leases", s.waited_for_money)],
        vec!["lapsed".to_owned(), format!("{} (the one to be let go)", s.lapsed)],
        vec!["payments still open".to_owned(), s.open.to_string()],
        vec!["mails".to_owned(), s.mails.to_string()],
    ];
    output::line("");
    output::line(&output::table(&["what", "figure"], rows));
    output::line("");
    if !s.agrees {
        output::line("The ledger and the provider's books do not agree: please report this.");
    }
    let program = std::env::args().next().unwrap_or_else(|| "renewd".to_owned());
    output::line(&format!("Everything is in {}:", dir.display()));
    output::line(&format!("  {program} --config {} history", config.display()));
    output::line(&format!("  {program} --config {} status", config.display()));
    output::line(&format!("  sqlite3 {}/ledger.db 'SELECT * FROM spend_by_month'", dir.display()));
    output::line(&format!("  ls {}/mails", dir.display()));
}
