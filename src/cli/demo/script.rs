//! What happens in the demo's sixty days: cycles like the daemon's, accidents, and people who read their mail. Not responsible
//! for what is said of it (`output`) or what it comes to (`summary`).
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{DAYS, config};
use crate::alerts::{deliver, digest, tell};
use crate::cli::context::Failure;
use crate::cli::demo::fixtures::{
    ACCOUNTS, Cast, PS, PS_KEY, PX, PX_KEY, RESCUED_END, SELL, SELL_KEY, YP, YP_KEY,
};
use crate::cli::demo::output::Voice;
use crate::cli::demo::page::Page;
use crate::cli::demo::tally::Tally;
use crate::clock::{Clock, VirtualClock};
use crate::domain::{Money, State};
use crate::engine::{CycleReport, Payer};
use crate::ledger::IntentFilter;
use crate::notify::{Attempt, Mailer};
use crate::policy::Word;
use crate::simulator::{Aim, Answer, Fault, Handle, World, proxyseller, proxyshard, px6};

/// Hours from cycle to cycle.
const STEP: i64 = 6;
/// Cycles in a day.
const DAY: i64 = 24 / STEP;
/// The next payment at an account after this step loses its answer.
const LOST_AT_YP: i64 = 4 * DAY;
const LOST_AT_PS: i64 = 8 * DAY;
const LOST_AT_SELL: i64 = 10 * DAY;
const LOST_AT_PX: i64 = 14 * DAY;
/// The last step before the provider tries to renew the order that will have to be rescued.
const BEFORE_RESCUE: i64 = RESCUED_END / STEP - 1;

/// Everything the story is played with.
pub(super) struct Story {
    pub(super) payer: Payer,
    pub(super) voice: Voice,
    pub(super) clock: Arc<VirtualClock>,
    pub(super) yp: Handle<World>,
    pub(super) ps: Handle<proxyshard::World>,
    pub(super) sell: Handle<proxyseller::World>,
    pub(super) px: Handle<px6::World>,
    pub(super) cast: Cast,
    pub(super) dir: PathBuf,
    pub(super) start: Timestamp,
    /// Where somebody may look on.
    pub(super) page: Option<Page>,
}

impl Story {
    pub(super) async fn run(&mut self) -> Result<Tally, Failure> {
        let mut tally = Tally::default();
        let mut told = Timestamp::MIN;
        self.voice.say(&format!("{DAYS} days lie ahead of {}", self.cast.opening));
        for step in 0..DAYS * DAY {
            self.wait_until(step * STEP);
            self.accidents(step);
            self.money_arrives(step, &mut tally);
            let report = self.cycle(&mut tally).await?;
            self.people_read(step, &report, &mut tally)?;
            if (step + 1) % (7 * DAY) == 0 {
                self.voice.routine(self.payer.viewer.ledger.as_ref(), told, 7)?;
                told = self.clock.now().wall;
            }
            self.somebody_else_spends(step);
        }
        self.last_word(&mut tally).await?;
        self.voice.routine(self.payer.viewer.ledger.as_ref(), told, DAYS % 7)?;
        self.voice.end();
        Ok(tally)
    }

    /// One cycle, its mails, and what is said of it.
    async fn cycle(&mut self, tally: &mut Tally) -> Result<CycleReport, Failure> {
        let report = self.payer.cycle().await?;
        tally.cycles += 1;
        self.tell(&report).await?;
        self.voice.cycle(&self.payer.viewer, &report, tally)?;
        self.settle().await?;
        if let Some(page) = &self.page {
            page.cycle(&report).await;
        }
        Ok(report)
    }

    /// Whoever looks at what the story left behind should find it in order: what a mail still asks for is paid in before midnight.
    async fn last_word(&mut self, tally: &mut Tally) -> Result<(), Failure> {
        let open = self.payer.viewer.ledger.open_alerts()?;
        let short = |name: &str| {
            open.iter().any(|a| {
                matches!(a.key.cause(), "runway" | "short_funds")
                    && a.account.as_ref().is_some_and(|of| of.as_str() == name)
            })
        };
        let waiting: Vec<&'static str> = tally.coming.keys().copied().collect();
        let all: Vec<&'static str> =
            ACCOUNTS.into_iter().filter(|name| short(name) || waiting.contains(name)).collect();
        if all.is_empty() {
            return Ok(());
        }
        for name in all {
            tally.coming.entry(name).or_insert((0, Money::from_cents(60_000))).0 = 0;
        }
        self.wait_until(DAYS * 24 - 1);
        self.money_arrives(0, tally);
        self.cycle(tally).await.map(drop)
    }

    fn wait_until(&self, hours: i64) {
        let at = self.start.checked_add(SignedDuration::from_hours(hours)).unwrap_or(Timestamp::MAX);
        let left = at.duration_since(self.clock.now().wall);
        if left.is_positive() {
            self.clock.advance(left.unsigned_abs());
        }
    }

    fn accidents(&self, step: i64) {
        if step == LOST_AT_YP {
            self.yp.inject(Fault::on(Aim::Money).answer(Answer::Close));
        }
        if step == LOST_AT_PS {
            self.ps.inject(Fault::on(Aim::Money).answer(Answer::Close));
        }
        if step == LOST_AT_SELL {
            self.sell.inject(Fault::on(Aim::Money).answer(Answer::Close));
        }
        if step == LOST_AT_PX {
            self.px.inject(Fault::on(Aim::Money).answer(Answer::Close));
        }
    }

    /// Hours before the provider renews an order, the wallet is emptied: only renewd can save that order then.
    fn somebody_else_spends(&self, step: i64) {
        if step != BEFORE_RESCUE {
            return;
        }
        self.clock.advance(Duration::from_secs(3_600));
        let now = self.clock.now().wall;
        let spent = self.ps.with(|world| {
            let rest = world.account(PS_KEY)?.balance.minus(Money::from_cents(200))?;
            world.spend_elsewhere(now, PS_KEY, rest).map(|_| rest)
        });
        if let Some(spent) = spent {
            self.voice.say(&format!("{PS}: a colleague spends {spent} USD from the same wallet"));
        }
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
                self.voice.settled(&self.payer.viewer.ledger.intent(&record.id)?);
            }
        }
        Ok(())
    }

    async fn tell(&self, report: &CycleReport) -> Result<(), Failure> {
        tell::report(&self.payer.viewer, report)?;
        let mailer = Mailer::diary(&config::mails(&self.dir), "renewd@example.org", self.start);
        digest::if_due(&self.payer.viewer)?;
        deliver::with(&self.payer.viewer, &mailer, Attempt::All).await?;
        Ok(())
    }

    /// Whoever reads a mail pays in a day later. At `ps` they learn: the second time they heed the early warning.
    fn people_read(&self, step: i64, report: &CycleReport, tally: &mut Tally) -> Result<(), Failure> {
        let open = self.payer.viewer.ledger.open_alerts()?;
        let habits = [(YP, 60_000, 60_000), (PS, 2_500, 6_000), (SELL, 4_000, 4_000), (PX, 2_000, 2_000)];
        for (name, first, later) in habits {
            let short = report
                .items
                .iter()
                .any(|i| i.lease.account.as_str() == name && i.reason.word == Word::ShortFunds);
            let again = tally.top_ups.contains_key(name);
            let warned = name == PS
                && again
                && open.iter().any(|a| {
                    a.key.cause() == "runway" && a.account.as_ref().is_some_and(|of| of.as_str() == name)
                });
            if (short || warned) && !tally.coming.contains_key(name) {
                let amount = if again { later } else { first };
                tally.coming.insert(name, (step + DAY, Money::from_cents(amount)));
            }
        }
        Ok(())
    }

    fn money_arrives(&self, step: i64, tally: &mut Tally) {
        let (now, later) =
            std::mem::take(&mut tally.coming).into_iter().partition(|(_, (at, _))| *at <= step);
        tally.coming = later;
        let now: BTreeMap<&'static str, (i64, Money)> = now;
        for (name, (_, amount)) in now {
            let paid = match name {
                YP => self.yp.top_up(YP_KEY, amount),
                PS => self.ps.top_up(PS_KEY, amount),
                SELL => self.sell.top_up(SELL_KEY, amount),
                _ => self.px.top_up(PX_KEY, amount),
            };
            if let Some(balance) = paid {
                *tally.top_ups.entry(name).or_default() += 1;
                self.voice.say(&format!(
                    "{name}: somebody read the mail and topped up {amount} USD: {balance} USD now"
                ));
            }
        }
    }
}
