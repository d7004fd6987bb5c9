//! `renewd demo`: sixty simulated days of the whole job, against four simulated providers over real sockets, with a real ledger.
//!
//! Not a mock: config, adapters, engine, ledger, alerts and mails are those of `run`; only the clock is sped up, and mails go to
//! files. It ends by holding the providers' books against the ledger: a difference is a failure. Here: putting the parts
//! together. The fleets are in `fixtures`, what happens in `script`, what is said of it in `output`, the sums in `summary`.
mod config;
mod fixtures;
mod output;
mod page;
mod script;
mod summary;
mod tally;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::clock::{Clock, SystemClock, VirtualClock};
use crate::engine::Payer;
use crate::exit::Exit;
use crate::ledger::Ledger;
use crate::ledger::sqlite::{self, Access};
use crate::redact::Redactor;
use crate::settings::{self, Sources};
use crate::simulator::Simulator;
use crate::wiring;

use super::args::DemoArgs;
use super::context::Failure;
use super::loopback;
use output::Voice;
use page::Page;
use script::Story;

/// How long the story is.
const DAYS: i64 = 60;

fn failed(e: impl std::fmt::Display) -> Failure {
    Failure::failed(e.to_string())
}

pub(super) async fn demo(args: &DemoArgs, json: bool) -> Result<Exit, Failure> {
    let dir = config::folder(args)?;
    let start = start()?;
    let clock = Arc::new(VirtualClock::starting_at(start));
    let (worlds, cast) = fixtures::assemble(args.seed, start)?;
    let anywhere = || (loopback::address(), 0).into();
    let serve = args.serve.map(page::address).transpose()?;
    let yp = Simulator::start(clock.clone(), worlds.yp, anywhere()).await.map_err(failed)?;
    let ps = Simulator::start(clock.clone(), worlds.ps, anywhere()).await.map_err(failed)?;
    let sell = Simulator::start(clock.clone(), worlds.sell, anywhere()).await.map_err(failed)?;
    let px = Simulator::start(clock.clone(), worlds.px, anywhere()).await.map_err(failed)?;
    config::write(&dir, [yp.base_url(), ps.base_url(), sell.base_url(), px.base_url()], &cast)?;
    let payer = payer(&dir, clock.clone(), serve)?;
    let page = match serve {
        Some(address) => Some(Page::open(&payer.viewer, address).await),
        None => None,
    };
    let mut story = Story {
        payer,
        voice: Voice::new(clock.clone(), start, json),
        clock,
        yp: yp.handle(),
        ps: ps.handle(),
        sell: sell.handle(),
        px: px.handle(),
        cast,
        dir: dir.clone(),
        start,
        page,
    };
    // Mails and the summary name dates: the days of the story need one to count from.
    let day = start.to_zoned(TimeZone::UTC).strftime("%a %-d %b %Y").to_string();
    story
        .voice
        .say(&format!("this is {day}, 00:00 UTC; every day takes a moment, and the last ends this midnight"));
    if let Some(page) = &story.page {
        story.voice.say(&format!("the page is at {} while this runs", page.url()));
    }
    let tally = story.run().await?;
    let summary = summary::sum_up(&story, &tally)?;
    yp.stop().await;
    ps.stop().await;
    sell.stop().await;
    px.stop().await;
    summary::show(&summary, &dir, json);
    if let Some(page) = story.page.take() {
        page.stay().await;
        page.close(&story.payer.viewer).await;
    }
    Ok(if summary.agrees { Exit::Done } else { Exit::Failed })
}

/// A midnight, so that a budget per day tells the same story at any time of day; the story ends last midnight.
fn start() -> Result<Timestamp, Failure> {
    let today = SystemClock::new().now().wall.to_zoned(TimeZone::UTC).start_of_day().map_err(failed)?;
    today.timestamp().checked_sub(SignedDuration::from_hours(24 * DAYS)).map_err(failed)
}

fn payer(dir: &Path, clock: Arc<VirtualClock>, serve: Option<SocketAddr>) -> Result<Payer, Failure> {
    let sources = Sources { files: vec![config::file(dir)], environment: Vec::new(), credentials_dir: None };
    let mut settings = settings::load(&sources).map_err(Failure::config)?;
    settings.http.listen = serve;
    let settings = Arc::new(settings);
    let redactor = Redactor::new(settings.secrets());
    crate::logging::hide(redactor.clone());
    let ledger: Arc<dyn Ledger> = Arc::new(sqlite::open(dir, Access::Pay)?);
    let clock: Arc<dyn Clock> = clock;
    wiring::viewer(settings, ledger, clock, &redactor)
        .and_then(|v| wiring::payer(v, &redactor))
        .map_err(failed)
}
