//! A program under test: called in ways in which renewd itself never calls it, and watched meanwhile.
//!
//! It can be called to pay only where its `settings` lead it to this very machine: then it is a rehearsal against a simulated provider,
//! with a key that is none. Real money moves by a permit alone. Not responsible for what a program should do (`check.rs`).
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::can::PROTOCOL;
use super::mask::Mask;
use super::wire::{self, Head, Nothing};
use crate::programs::{End, Job, Limits, Runner, environment, family};
use crate::redact::Redactor;

/// The most that is kept of an answer.
const SIZE: usize = 1 << 30;
/// How often it is looked who runs.
const LOOK: Duration = Duration::from_millis(5);
/// So much of what was seen is shown.
const SHOWN: usize = 160;

/// What is tried.
pub struct Try<'a, A> {
    /// The verb.
    pub verb: &'a str,
    /// Its arguments.
    pub args: &'a A,
    /// The key that it gets.
    pub key: Option<&'a SecretString>,
    /// Other settings than the config's.
    pub settings: Option<&'a RawValue>,
    /// It is asked to end after so long.
    pub time: Duration,
    /// How it is called.
    pub how: How,
}

/// How a program is called.
#[derive(Default)]
pub struct How {
    /// Something else stands on its standard input.
    pub input: Option<Vec<u8>>,
    /// The input does not end.
    pub open_input: bool,
    /// How much lower its priority is.
    pub nice: i32,
    /// What runs it.
    pub before: Vec<String>,
}

/// What was seen.
#[derive(Debug)]
pub struct Seen {
    /// How it ended; an error where nothing ran.
    pub end: Result<End, String>,
    /// What it said.
    pub said: Vec<u8>,
    /// What it logged.
    pub log: Vec<u8>,
    /// It ended when it was asked to.
    pub heeded: bool,
    /// The name of the question.
    pub request: String,
    /// Where the key was seen: in an argument or an environment.
    pub leaks: Vec<String>,
}

impl Seen {
    /// It ended by itself with this code.
    pub fn exited(&self, code: i32) -> bool {
        self.end == Ok(End::Exit(code))
    }

    /// It ended in time.
    pub fn ended(&self) -> bool {
        matches!(self.end, Ok(End::Exit(_) | End::Signal(_)))
    }

    /// The kind of the error that it tells.
    pub fn kind(&self) -> Option<String> {
        let answer: Value = serde_json::from_slice(&self.said).ok()?;
        Some(answer.get("error")?.get("kind")?.as_str()?.to_owned())
    }

    /// For people.
    pub fn words(&self, mask: &Mask) -> String {
        let end = match &self.end {
            Ok(End::Exit(code)) => format!("exit {code}"),
            Ok(End::Signal(signal)) => format!("signal {signal}"),
            Ok(End::Late) if self.heeded => "asked to end, and did".to_owned(),
            Ok(End::Late) => "had to be killed".to_owned(),
            Ok(End::Stopped) => "said too much".to_owned(),
            Ok(End::Lost(why)) => why.clone(),
            Err(why) => format!("not started: {why}"),
        };
        let said: String = mask.hide(&String::from_utf8_lossy(&self.said)).chars().take(SHOWN).collect();
        format!("{end}, {} bytes: {}", self.said.len(), said.trim().replace('\n', "⏎"))
    }
}

/// A program under test.
pub struct Probe {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Its settings.
    pub settings: Box<RawValue>,
    /// The variable for the key.
    pub secret_env: Option<String>,
    /// Starts it.
    pub runner: Runner,
    /// How long it has to end once it is asked to.
    pub grace: Duration,
    /// Now.
    pub now: Timestamp,
}

impl Probe {
    /// Calls it once.
    pub async fn call<A: Serialize>(&self, one: Try<'_, A>) -> Seen {
        let request = format!("r-{:016x}", fastrand::u64(..));
        let settings = one.settings.unwrap_or(&self.settings);
        let by_variable = self.secret_env.as_ref().zip(one.key);
        let head = Head {
            request: &request,
            verb: one.verb,
            account: "check",
            now: self.now,
            deadline_s: one.time.as_secs(),
            settings,
            key: one.key.filter(|_| by_variable.is_none()),
        };
        if one.verb == "extend" && !is_here(settings) {
            let end = Err("a check pays nobody but this machine's own simulator".to_owned());
            return Seen {
                end,
                said: Vec::new(),
                log: Vec::new(),
                heeded: false,
                request,
                leaks: Vec::new(),
            };
        }
        let input = match one.how.input {
            Some(input) => Zeroizing::new(input),
            None => wire::question(&head, one.args),
        };
        let mut env = environment();
        env.push(("RENEWD_PROTOCOL".to_owned(), PROTOCOL.to_string()));
        if let Some((name, key)) = by_variable {
            env.push((name.clone(), secrecy::ExposeSecret::expose_secret(key).to_owned()));
        }
        let argv =
            one.how.before.into_iter().chain(self.command.clone()).chain([one.verb.to_owned()]).collect();
        let limits = Limits { time: one.time, grace: self.grace, size: SIZE };
        let job = Job { argv, env, input, open_input: one.how.open_input, nice: one.how.nice, limits };
        let watched = one.key.map(|key| Mask::new(Redactor::default(), key));
        let watch = Watch::begin(watched, by_variable.is_some());
        let mut said = Vec::new();
        let keep = |piece: &[u8]| {
            said.extend_from_slice(piece);
            true
        };
        let ran = self.runner.run(job, || Ok(()), keep).await;
        let leaks = watch.end();
        match ran {
            Ok(ran) => Seen { end: Ok(ran.end), said, log: ran.log, heeded: ran.heeded, request, leaks },
            Err(why) => Seen { end: Err(why.0), said, log: Vec::new(), heeded: false, request, leaks },
        }
    }

    /// What runs a program in an empty network namespace, where that is allowed.
    pub(super) async fn without_network(&self, time: Duration) -> Option<Vec<String>> {
        for flags in ["-n", "-rn"] {
            let before = vec!["/usr/bin/unshare".to_owned(), flags.to_owned(), "--".to_owned()];
            let probe = Self {
                command: vec!["/bin/true".to_owned()],
                settings: self.settings.clone(),
                secret_env: None,
                runner: self.runner.clone(),
                ..*self
            };
            let how = How { before: before.clone(), ..How::default() };
            let one = Try { verb: "x", args: &Nothing {}, key: None, settings: None, time, how };
            if probe.call(one).await.exited(0) {
                return Some(before);
            }
        }
        None
    }
}

/// Whether the settings lead a program to this machine alone.
fn is_here(settings: &RawValue) -> bool {
    let settings: Option<Value> = serde_json::from_str(settings.get()).ok();
    let base = settings.as_ref().and_then(|s| s.get("base_url")).and_then(Value::as_str);
    base.and_then(|base| url::Url::parse(base).ok()).is_some_and(|url| url.host_str() == Some("127.0.0.1"))
}

/// Looks at what runs, as long as it runs.
struct Watch {
    task: tokio::task::JoinHandle<()>,
    found: Arc<Mutex<Vec<String>>>,
}

impl Watch {
    fn begin(mask: Option<Mask>, in_environment: bool) -> Self {
        let found: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&found);
        let task = tokio::spawn(async move {
            let Some(mask) = mask else { return };
            let me = rustix::process::getpid().as_raw_nonzero().get();
            loop {
                for member in family::of(me) {
                    let file = |name: &str| {
                        std::fs::read(format!("/proc/{}/{name}", member.pid)).unwrap_or_default()
                    };
                    let argument = mask.is_in(&file("cmdline")).then_some("an argument");
                    let variable =
                        (!in_environment && mask.is_in(&file("environ"))).then_some("an environment");
                    let mut found = seen.lock().unwrap_or_else(PoisonError::into_inner);
                    for place in argument.into_iter().chain(variable) {
                        if !found.iter().any(|known| known == place) {
                            found.push(place.to_owned());
                        }
                    }
                }
                tokio::time::sleep(LOOK).await;
            }
        });
        Self { task, found }
    }

    fn end(self) -> Vec<String> {
        self.task.abort();
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
