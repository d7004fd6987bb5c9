//! Hooks: the owner's programs are told what happened, each hook by itself and in order. Not responsible for what happened.
//!
//! An event leaves the ledger only after a program took it (exit code 0): a crash repeats it under the same id. What a program does not
//! take is tried again for a day and is then set aside, so that one bad event holds up the others for no longer than that.
mod gone;

use std::time::Duration;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use secrecy::zeroize::Zeroizing;
use tokio::task::JoinHandle;

use super::wake;
use crate::engine::Viewer;
use crate::ledger::{LedgerError, WaitingEvent};
use crate::programs::{End, Job, Limits, NotStarted, Ran, Runner, environment, may_run};
use crate::settings::{Hook, Settings};

pub use gone::tell_gone;

/// How long until the queue is looked at without a word that something was put there.
const LOOK: Duration = Duration::from_secs(5);
/// After this a program is asked to end, and a little later it is ended: 60 s in all.
const LIMITS: Limits =
    Limits { time: Duration::from_secs(55), grace: Duration::from_secs(5), size: usize::MAX };
/// So long an event is tried again.
const TRIED_FOR: SignedDuration = SignedDuration::from_hours(24);
/// The longest wait between two attempts, in seconds.
const LONGEST_WAIT: i64 = 15 * 60;
/// Lines of a program's standard error that go into the log.
const LOG_LINES: usize = 40;
/// A command that ends begins no further event after this.
const PATIENCE: SignedDuration = SignedDuration::from_secs(30);

/// Tells the ledger which hooks there are, so that events are queued for them.
///
/// # Errors
/// The ledger's.
pub fn subscribe(viewer: &Viewer) -> Result<(), LedgerError> {
    viewer.ledger.subscribe(&viewer.settings.subscriptions(), viewer.clock.now().wall)
}

/// Runs hooks beside the loop for as long as it is not aborted: one that is slow keeps neither the others nor the loop waiting. A run
/// that is cut off is repeated.
#[must_use]
pub fn spawn(viewer: &Viewer) -> Vec<JoinHandle<()>> {
    let each = |hook: Hook| {
        let (viewer, mut queued) = (viewer.clone(), wake::subscribe());
        tokio::spawn(async move {
            loop {
                queued.mark_unchanged();
                match one(&viewer, &hook).await {
                    Ok(true) => continue,
                    Ok(false) => {}
                    Err(e) => tracing::error!(hook = hook.name, "{e}"),
                }
                tokio::select! {
                    _ = queued.changed() => {}
                    () = viewer.clock.sleep(LOOK) => {}
                }
            }
        })
    };
    viewer.settings.hooks.iter().cloned().map(each).collect()
}

/// For a command that ends: what is due is told, for a bounded time. What stays is told by the next command or by the daemon.
///
/// # Errors
/// The ledger's.
pub async fn at_the_end(viewer: &Viewer) -> Result<(), LedgerError> {
    let began = viewer.clock.now();
    let each = |hook: &'_ Hook| {
        let (hook, began) = (hook.clone(), began.clone());
        async move {
            let in_time = || viewer.clock.now().since(&began).is_none_or(|passed| passed < PATIENCE);
            while in_time() && one(viewer, &hook).await? {}
            Ok(())
        }
    };
    let done = tokio::select! {
        done = join_all(viewer.settings.hooks.iter().map(each)) => done.into_iter().collect(),
        () = viewer.stop.cancelled() => Ok(()),
    };
    for state in viewer.ledger.hook_states()?.iter().filter(|s| s.waiting > 0) {
        tracing::warn!(
            hook = state.hook,
            "{} not taken yet: kept, and tried again by the next `renewd once` or by the daemon",
            if state.waiting == 1 { "1 event".to_owned() } else { format!("{} events", state.waiting) }
        );
    }
    done
}

/// Tells the oldest event that waits for this hook, if its time has come. Gives whether there may be more to do now.
async fn one(viewer: &Viewer, hook: &Hook) -> Result<bool, LedgerError> {
    let ledger = viewer.ledger.as_ref();
    let Some(event) = ledger.next_event(&hook.name)? else { return Ok(false) };
    if event.next_at > viewer.clock.now().wall {
        return Ok(false);
    }
    let failed = run(hook, &event).await.err();
    let Some(why) = failed else {
        ledger.event_taken(event.row)?;
        tracing::debug!(hook = hook.name, event = event.id, "a hook took an event");
        return Ok(true);
    };
    let now = viewer.clock.now().wall;
    let aside = gives_up(&event, now);
    let next = now.checked_add(wait(event.attempts)).unwrap_or(now);
    ledger.event_failed(event.row, now, next, &why, aside)?;
    if aside {
        tracing::error!(
            hook = hook.name,
            event = event.id,
            "an event was set aside after a day of attempts: {why}"
        );
    } else {
        tracing::warn!(hook = hook.name, event = event.id, "a hook failed and will be run again: {why}");
    }
    Ok(aside)
}

/// An event has a day from its first attempt. Behind one that was set aside, with nothing taken since, it has a day from when it
/// was queued: a program that is broken for a week does not hold each event for a day of its own.
fn gives_up(event: &WaitingEvent, now: Timestamp) -> bool {
    let since = if event.gave_up { Some(event.queued_at) } else { event.first_tried_at };
    since.is_some_and(|since| now.duration_since(since) >= TRIED_FOR)
}

/// 5 s, 10 s, 20 s …, up to a quarter of an hour.
fn wait(attempts: u32) -> SignedDuration {
    SignedDuration::from_secs((5_i64 << attempts.min(10)).min(LONGEST_WAIT))
}

/// Runs the program once with the event on its standard input.
///
/// # Errors
/// Why it did not take it: in our own words, for what a program prints may hold secrets that nobody knows here.
async fn run(hook: &Hook, event: &WaitingEvent) -> Result<(), String> {
    let command = hook.command.clone();
    let looked = tokio::task::spawn_blocking(move || may_run(&command)).await;
    looked.map_err(|_| "internal error while looking at the program".to_owned())??;
    let mut input = Zeroizing::new(event.document.clone().into_bytes());
    input.push(b'\n');
    let (argv, env) = (hook.command.clone(), environment());
    let job = Job { argv, env, input, open_input: false, nice: 0, limits: LIMITS };
    let ran = Runner::default().run(job, || Ok(()), |_| true).await.map_err(|NotStarted(why)| why)?;
    log(hook, event, &ran);
    match ran.end {
        End::Exit(0) => Ok(()),
        End::Exit(code) => Err(format!("it ended with exit code {code}")),
        End::Signal(signal) => Err(format!("signal {signal} ended it")),
        End::Late => Err("it took longer than 60 s and was ended".to_owned()),
        End::Stopped => Err("it was ended".to_owned()),
        End::Lost(why) => Err(why),
    }
}

/// What it wrote to its standard error; the log hides the secrets of the config.
fn log(hook: &Hook, event: &WaitingEvent, ran: &Ran) {
    let text = String::from_utf8_lossy(&ran.log);
    for line in text.lines().filter(|line| !line.trim().is_empty()).take(LOG_LINES) {
        tracing::info!(hook = hook.name, event = event.id, "program: {}", line.trim_end());
    }
    if ran.left > 0 {
        tracing::warn!(
            hook = hook.name,
            processes = ran.left,
            "the program left processes behind; they were ended"
        );
    }
}

/// Hooks of the config whose program would not be run now, and why.
#[must_use]
pub fn not_runnable(settings: &Settings) -> Vec<(&Hook, String)> {
    let why = |hook: &Hook| may_run(&hook.command).err();
    settings.hooks.iter().filter_map(|hook| Some((hook, why(hook)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + hours * 3600).unwrap()
    }

    fn event(queued: i64, tried: Option<i64>, gave_up: bool) -> WaitingEvent {
        WaitingEvent {
            row: 1,
            event: "cycle".to_owned(),
            id: "cycle:1".to_owned(),
            document: "{}".to_owned(),
            queued_at: at(queued),
            first_tried_at: tried.map(at),
            attempts: 3,
            next_at: at(queued),
            gave_up,
        }
    }

    #[test]
    fn an_event_is_tried_for_a_day_from_its_first_attempt() {
        assert!(!gives_up(&event(0, None, false), at(100)), "renewd was down: it has not been tried yet");
        assert!(!gives_up(&event(0, Some(100), false), at(123)));
        assert!(gives_up(&event(0, Some(100), false), at(124)));
    }

    #[test]
    fn a_program_that_is_broken_for_long_holds_no_event_for_a_day_of_its_own() {
        assert!(gives_up(&event(0, Some(30), true), at(30)), "a day old, behind one that was set aside");
        assert!(!gives_up(&event(10, Some(30), true), at(30)), "younger than a day");
    }

    #[test]
    fn attempts_grow_apart() {
        let waits: Vec<i64> = (0..10).map(|n| wait(n).as_secs()).collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]);
    }
}
