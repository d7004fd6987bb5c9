//! One account's program: what may run it, what it can do, and one call of it.
//!
//! Before each call it is looked at whether the program may run (`trust`) and whether it still says the same of itself. Free calls take
//! their tokens and may be tried again; a call that moves money comes from `spend.rs` or `change.rs` and is made once. A crash here
//! ends what runs.
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::Semaphore;

use crate::clock::Clock;
use crate::domain::{AccountName, Capabilities, Moment};
use crate::programs::{End, Job, Limits, NotStarted, Ran, Runner, Trust, environment};
use crate::providers::limiter::Limiter;
use crate::providers::traffic::{self, Ending};
use crate::providers::{Connection, Purpose};

use super::can::{self, Can, PROTOCOL};
use super::list;
use super::mask::Mask;
use super::reply;
use super::setup::Setup;
use super::trouble::Trouble;
use super::wire::{self, Head, Nothing};

/// The most that an answer may be, but a list.
const SMALL: usize = 1 << 20;
/// The most that a list may be.
const LARGE: usize = 1 << 30;
/// For `capabilities`: neither network nor secret.
const BRIEF: Duration = Duration::from_secs(10);
const READ: Duration = Duration::from_secs(30);
const LIST: Duration = Duration::from_secs(120);
/// After the first try of a free call.
const MORE_TRIES: u32 = 2;
/// Lines of a program's standard error that go into the log.
const LOG_LINES: usize = 40;

/// One account's program.
pub struct Program {
    pub(super) account: AccountName,
    pub(super) mask: Mask,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) limiter: Arc<dyn Limiter>,
    pub(super) trust_refusals: bool,
    /// The owner's word on what the program does not tell.
    renews_off: bool,
    command: Vec<String>,
    settings: Box<RawValue>,
    key: Option<SecretString>,
    secret_env: Option<String>,
    grace: Duration,
    trust: Arc<Trust>,
    runner: Runner,
    can: OnceLock<Can>,
    unknown: Capabilities,
    /// Of the newest look.
    digest: Mutex<Option<String>>,
    /// Which digest said what is in `can`.
    asked: tokio::sync::Mutex<Option<String>>,
    reads: Semaphore,
}

impl Program {
    pub(super) fn new(connection: &Connection, setup: Setup) -> Self {
        let key = Some(connection.api_key.clone()).filter(|key| !key.expose_secret().is_empty());
        Self {
            account: connection.account.clone(),
            mask: Mask::new(connection.redactor.clone(), &connection.api_key),
            clock: Arc::clone(&connection.clock),
            limiter: Arc::clone(&connection.limiter),
            trust_refusals: setup.trust_refusals,
            renews_off: connection.owner_says.renews_off,
            trust: Arc::new(Trust::new(&setup.command, setup.allowed)),
            command: setup.command,
            settings: setup.settings,
            key,
            secret_env: setup.secret_env,
            grace: setup.grace,
            runner: setup.runner,
            can: OnceLock::new(),
            unknown: can::unknown(),
            digest: Mutex::default(),
            asked: tokio::sync::Mutex::default(),
            reads: Semaphore::new(1),
        }
    }

    /// What it can do; of a program that never answered, nothing that costs.
    pub(super) fn capabilities(&self) -> &Capabilities {
        self.can.get().map_or(&self.unknown, |can| &can.port)
    }

    /// Of the newest look.
    pub(super) fn digest(&self) -> Option<String> {
        self.digest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it may run, and what it can do. Asks it once, and again when it changed.
    pub(super) async fn ready(&self) -> Result<&Can, String> {
        let trust = Arc::clone(&self.trust);
        let found = tokio::task::spawn_blocking(move || trust.look()).await;
        let found = found.map_err(|_| "internal error while looking at the program".to_owned())??;
        *self.digest.lock().unwrap_or_else(PoisonError::into_inner) = Some(found.digest.clone());
        if let Some(why) = found.objection {
            return Err(why);
        }
        let mut asked = self.asked.lock().await;
        if asked.as_ref() != Some(&found.digest) {
            let fresh = self.ask_what_it_can().await?;
            let known = self.can.get_or_init(|| {
                self.reads.add_permits(fresh.parallel_reads.saturating_sub(1));
                fresh.clone()
            });
            if *known != fresh {
                return Err("the program changed, and with it what it can do: reload renewd (systemctl reload renewd)"
                    .to_owned());
            }
            *asked = Some(found.digest);
        }
        self.can.get().ok_or_else(|| "the program was not asked what it can do".to_owned())
    }

    async fn ask_what_it_can(&self) -> Result<Can, String> {
        let call = self.call("capabilities", BRIEF, SMALL, &Nothing {}, false);
        let mut said = Vec::new();
        let ran = self.once(call.job, &mut said).await.map_err(|NotStarted(why)| self.mask.quote(&why))?;
        self.log("capabilities", &ran);
        let told = self.judge(&call.request, &ran.end, &said).map_err(|t| t.text())?;
        Can::read(told).map_err(|why| self.mask.quote(&why))
    }

    /// A call as it is made: its name and what is run.
    pub(super) fn call(
        &self,
        verb: &str,
        time: Duration,
        size: usize,
        args: &impl Serialize,
        secret: bool,
    ) -> Call {
        let request = format!("r-{:016x}", fastrand::u64(..));
        let key = self.key.as_ref().filter(|_| secret);
        let mut env = environment();
        env.push(("RENEWD_PROTOCOL".to_owned(), PROTOCOL.to_string()));
        if let (Some(name), Some(key)) = (&self.secret_env, key) {
            env.push((name.clone(), key.expose_secret().to_owned()));
        }
        let head = Head {
            request: &request,
            verb,
            account: self.account.as_str(),
            now: self.clock.now().wall,
            deadline_s: time.as_secs(),
            settings: &self.settings,
            key: key.filter(|_| self.secret_env.is_none()),
        };
        let input = wire::question(&head, args);
        let argv = self.command.iter().cloned().chain([verb.to_owned()]).collect();
        let limits = Limits { time, grace: self.grace, size };
        Call { job: Job { argv, env, input, open_input: false, nice: 0, limits }, request }
    }

    /// Runs it once, with nothing in the way.
    pub(super) async fn once(&self, job: Job, said: &mut Vec<u8>) -> Result<Ran, NotStarted> {
        self.once_if(job, said, || Ok(())).await
    }

    /// Runs it once, if `go` has nothing against it when everything stands.
    pub(super) async fn once_if(
        &self,
        job: Job,
        said: &mut Vec<u8>,
        go: impl FnOnce() -> Result<(), String> + Send,
    ) -> Result<Ran, NotStarted> {
        let keep = |piece: &[u8]| {
            said.extend_from_slice(piece);
            true
        };
        let began = self.clock.now().boot_ms;
        let ran = self.runner.run(job, go, keep).await;
        self.count(began, &ran);
        ran
    }

    /// A run is a request of its account.
    fn count(&self, began: i64, ran: &Result<Ran, NotStarted>) {
        let ending = match ran {
            Ok(Ran { end: End::Exit(0), .. }) => Ending::Answered,
            Ok(_) => Ending::NoAnswer,
            Err(_) => Ending::NotSent,
        };
        traffic::count(&self.account, ending, self.clock.now().boot_ms.saturating_sub(began));
    }

    /// A free call with its tries. The first takes `tokens`, each further one what the verb costs alone.
    pub(super) async fn ask<A: Serialize + Sync, T>(
        &self,
        verb: &str,
        args: &A,
        (purpose, tokens): (Purpose, u32),
        read: impl Fn(&str, Moment) -> Result<T, Trouble> + Sync,
    ) -> Result<T, Trouble> {
        let can = self.ready().await.map_err(Trouble::NoAnswer)?;
        let mut tokens = tokens;
        for tries_left in (0..=MORE_TRIES).rev() {
            let trouble = match self.ask_once(verb, args, (purpose, tokens), &read).await {
                Ok(told) => return Ok(told),
                Err(trouble) => trouble,
            };
            tokens = can.requests(verb);
            let Some(wait) = trouble.passes(MORE_TRIES - tries_left).filter(|_| tries_left > 0) else {
                return Err(trouble);
            };
            self.clock.sleep(wait).await;
        }
        Err(Trouble::NoAnswer("it was tried in vain".to_owned()))
    }

    async fn ask_once<A: Serialize + Sync, T>(
        &self,
        verb: &str,
        args: &A,
        (purpose, tokens): (Purpose, u32),
        read: &(impl Fn(&str, Moment) -> Result<T, Trouble> + Sync),
    ) -> Result<T, Trouble> {
        let _one_of = self.reads.acquire().await;
        // None: they were taken with what this belongs to.
        if tokens > 0 {
            self.limiter.acquire(tokens, purpose).await;
        }
        let at = self.clock.now();
        let call = self.call(verb, READ, SMALL, args, true);
        let mut said = Vec::new();
        let ran = self.once(call.job, &mut said).await;
        let ran = ran.map_err(|NotStarted(why)| Trouble::NoAnswer(self.mask.quote(&why)))?;
        self.log(verb, &ran);
        let told = self.judge(&call.request, &ran.end, &said)?;
        read(told, at)
    }

    /// The list, read as it comes.
    pub(super) async fn list(&self, purpose: Purpose) -> Result<list::Fleet, Trouble> {
        let can = self.ready().await.map_err(Trouble::NoAnswer)?;
        let mut tried = 0;
        loop {
            let trouble = match self.list_once(purpose, can.requests("list")).await {
                Ok(fleet) => return Ok(fleet),
                Err(trouble) => trouble,
            };
            let Some(wait) = trouble.passes(tried).filter(|_| tried < MORE_TRIES) else {
                return Err(trouble);
            };
            tried += 1;
            self.clock.sleep(wait).await;
        }
    }

    async fn list_once(&self, purpose: Purpose, tokens: u32) -> Result<list::Fleet, Trouble> {
        let _one_of = self.reads.acquire().await;
        self.limiter.acquire(tokens, purpose).await;
        let call = self.call("list", LIST, LARGE, &Nothing {}, true);
        let reader = list::ListReader::new(&self.account, &call.request, &self.mask);
        let mut reader = reader.renews_off(self.renews_off);
        let mut start = Vec::new();
        let take = |piece: &[u8]| {
            let room = SMALL.saturating_sub(start.len());
            start.extend_from_slice(&piece[..piece.len().min(room)]);
            reader.feed(piece)
        };
        let began = self.clock.now().boot_ms;
        let ran = self.runner.run(call.job, || Ok(()), take).await;
        self.count(began, &ran);
        let ran = ran.map_err(|NotStarted(why)| Trouble::NoAnswer(self.mask.quote(&why)))?;
        self.log("list", &ran);
        match (&ran.end, reader.finish()) {
            (End::Exit(0), read) => read.map_err(Trouble::Unreadable),
            // It was stopped because of what it said.
            (End::Stopped, Err(why)) => Err(Trouble::Unreadable(why)),
            (end, _) => match self.judge(&call.request, end, &start) {
                Err(trouble) => Err(trouble),
                Ok(_) => Err(Trouble::Unreadable("the list did not end well".to_owned())),
            },
        }
    }

    /// The answer of a free call that ended well, as its text.
    fn judge<'s>(&self, request: &str, end: &End, said: &'s [u8]) -> Result<&'s str, Trouble> {
        let answer = wire::answer(said, request);
        let no_answer = |why: &str| Trouble::NoAnswer(self.mask.quote(why));
        match end {
            End::Exit(0) => match answer {
                Ok(answer) if answer.get("error").is_some() => {
                    Err(Trouble::Unreadable("the program ended well, with an error".to_owned()))
                }
                Ok(_) => std::str::from_utf8(said).map_err(|_| Trouble::Unreadable("not UTF-8".to_owned())),
                Err(why) => Err(Trouble::Unreadable(self.mask.quote(&why))),
            },
            End::Exit(code) => {
                let told = answer.ok().and_then(|answer| {
                    let after = wire::object(answer.get("error")?.get()).ok().and_then(|error| {
                        u64::try_from(crate::providers::json::whole(error.get("retry_after_s")?)?).ok()
                    });
                    let (kind, text) = reply::error(&answer, &self.mask)?;
                    Some(Trouble::Said { kind, text, after })
                });
                let plain = match code {
                    2 => "the program does not have this verb".to_owned(),
                    code => format!("the program ended with {code} and no word why"),
                };
                Err(told.unwrap_or_else(|| no_answer(&plain)))
            }
            End::Signal(signal) => Err(no_answer(&format!("signal {signal} ended the program"))),
            End::Late => Err(no_answer("the program took too long and was ended")),
            End::Stopped => Err(no_answer("the program said too much and was ended")),
            End::Lost(why) => Err(no_answer(why)),
        }
    }

    /// What it wrote to its standard error, and what it left behind.
    pub(super) fn log(&self, verb: &str, ran: &Ran) {
        let text = String::from_utf8_lossy(&ran.log);
        for line in text.lines().filter(|line| !line.trim().is_empty()).take(LOG_LINES) {
            tracing::info!(account = %self.account, verb, "program: {}", self.mask.quote(line));
        }
        if ran.left > 0 {
            tracing::warn!(account = %self.account, verb, processes = ran.left, "the program left processes behind; they were ended");
        }
    }

    /// How long one payment may take: what the program says.
    pub(super) fn for_money(&self, verb: &str, time: Duration, args: &impl Serialize) -> Call {
        self.call(verb, time, SMALL, args, true)
    }
}

/// A call as it is made.
pub struct Call {
    /// What is run.
    pub job: Job,
    /// Its name.
    pub request: String,
}
