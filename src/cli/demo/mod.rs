//! `renewd demo`: sixty simulated days of the whole job, against two simulated providers over real sockets, with a real ledger.
//!
//! Not a mock: config, adapters, engine, ledger, alerts and mails are those of `run`; only the clock is sped up, and mails go to
//! files. It ends by holding both providers' books against the ledger: a difference is a failure. Here: putting the parts
//! together. The fleets are in `cast`, what happens in `story`, what is said of it in `voice`, the sums in `summary`.
mod cast;
mod config;
mod story;
mod summary;
mod voice;

use std::path::Path;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::clock::{Clock, SystemClock, VirtualClock};
use crate::daemon::wire;
use crate::engine::Payer;
use crate::exit::Exit;
use crate::ledger::Ledger;
use crate::ledger::sqlite::{self, Access};
use crate::redact::Redactor;
use crate::settings::{self, Sources};
use crate::simulator::Simulator;

use super::args::DemoArgs;
use super::context::Failure;
use story::Story;
use voice::Voice;

/// How long the story is.
const DAYS: i64 = 60;

fn failed(e: impl std::fmt::Display) -> Failure {
    Failure::failed(e.to_string())
}

pub(super) async fn demo(args: &DemoArgs, json: bool) -> Result<Exit, Failure> {
    let dir = config::folder(args)?;
    let start = start()?;
    let clock = Arc::new(VirtualClock::starting_at(start));
    let (yp, ps, cast) = cast::assemble(args.seed, start)?;
    let anywhere = || ([127, 0, 0, 1], 0).into();
    let yp = Simulator::start(clock.clone(), yp, anywhere()).await.map_err(failed)?;
    let ps = Simulator::start(clock.clone(), ps, anywhere()).await.map_err(failed)?;
    config::write(&dir, &yp.base_url(), &ps.base_url(), &cast)?;
    let mut story = Story {
        payer: payer(&dir, clock.clone())?,
        voice: Voice::new(clock.clone(), start, json),
        clock,
        yp: yp.handle(),
        ps: ps.handle(),
        cast,
        dir: dir.clone(),
        start,
    };
    // Mails and the summary name dates: the days of the story need one to count from.
    let day = start.to_zoned(TimeZone::UTC).strftime("%a %-d %b %Y").to_string();
    story
        .voice
        .say(&format!("this is {day}, 00:00 UTC; every day takes a moment, and the last ends this midnight"));
    let tally = story.run().await?;
    let summary = summary::sum_up(&story, &tally)?;
    yp.stop().await;
    ps.stop().await;
    summary::show(&summary, &dir, json);
    Ok(if summary.agrees { Exit::Done } else { Exit::Failed })
}

/// A midnight, so that a budget per day tells the same story at any time of day; the story ends last midnight.
fn start() -> Result<Timestamp, Failure> {
    let today = SystemClock::new().now().wall.to_zoned(TimeZone::UTC).start_of_day().map_err(failed)?;
    today.timestamp().checked_sub(SignedDuration::from_hours(24 * DAYS)).map_err(failed)
}

fn payer(dir: &Path, clock: Arc<VirtualClock>) -> Result<Payer, Failure> {
    let sources = Sources { files: vec![config::file(dir)], environment: Vec::new(), credentials_dir: None };
    let settings = Arc::new(settings::load(&sources).map_err(Failure::config)?);
    let redactor = Redactor::new(settings.secrets());
    crate::daemon::logging::hide(redactor.clone());
    let ledger: Arc<dyn Ledger> = Arc::new(sqlite::open(dir, Access::Pay)?);
    let clock: Arc<dyn Clock> = clock;
    wire::viewer(settings, ledger, clock, &redactor).and_then(|v| wire::payer(v, &redactor)).map_err(failed)
}
