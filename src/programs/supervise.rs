//! The supervisor: the process between renewd and a program. It starts the program, passes word of it on, and ends all that the
//! program started when the program ends, when it is told to, or when renewd is gone.
//!
//! Its standard input is a socket to renewd: first comes an [`Order`] and the program's input, then single letters; its closing means
//! that renewd died, at whatever instant. So nothing that a program left behind can pay after renewd stopped watching it. The
//! program never holds that socket, so what is told over it is the supervisor's own word. renewd watches the time; where it is frozen and
//! watches nothing, the supervisor ends all by an instant that came with the order. Not responsible for any other time limit.
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::Mode;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};
use secrecy::zeroize::Zeroizing;
use serde::{Deserialize, Serialize};

use super::family::Hunt;
use crate::clock::{Clock, SystemClock};

/// The word on the command line that makes renewd a supervisor.
pub const COMMAND: &str = "supervise-program";

/// What to run. Has no `Debug`: a secret may stand in the environment.
#[derive(Serialize, Deserialize)]
pub struct Order {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Its whole environment.
    pub env: Vec<(String, String)>,
    /// How many bytes of input follow.
    pub input: usize,
    /// The input does not end behind them. For checks.
    pub open_input: bool,
    /// How much lower its priority is. For checks.
    pub nice: i32,
    /// By the boot clock, in milliseconds: from here on nothing of it lives, whether renewd says so or not.
    pub until: i64,
}

/// What renewd is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// Nothing of the program ran.
    NotStarted(String),
    /// It runs.
    Started,
    /// It ended.
    Ended {
        /// Its exit code.
        code: Option<i32>,
        /// The signal that ended it.
        signal: Option<i32>,
        /// What it left behind was ended: so many processes.
        left: usize,
    },
}

/// Asks the program's group to end.
pub const TERM: u8 = b'T';
/// Ends everything.
pub const KILL: u8 = b'K';

/// How often it is looked whether the last one is gone, at [`PAUSE`] each.
const ROUNDS: u32 = 5_000;
const PAUSE: Duration = Duration::from_millis(1);
/// How often it is looked whether its time is over.
const LOOK: Duration = Duration::from_millis(250);

/// The whole life of a supervisor.
///
/// # Errors
/// It was not started by renewd, or renewd is gone.
pub fn supervise() -> io::Result<()> {
    let control = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let talk = Talk(Mutex::new(control.try_clone()?));
    let mut listen = BufReader::new(control);
    let mut line = String::new();
    if listen.read_line(&mut line)? == 0 {
        // Nothing was ordered after all.
        return Ok(());
    }
    let order: Order = serde_json::from_str(&line)?;
    let mut input = Zeroizing::new(vec![0; order.input]);
    listen.read_exact(&mut input)?;
    let not_started = |why: io::Error| talk.say(&Word::NotStarted(why.to_string()));
    // It was written by a renewd that was frozen before it left.
    if left_until(order.until).is_zero() {
        return not_started(io::Error::other("its time was over before it began"));
    }
    let me = rustix::process::getpid();
    if let Err(e) = rustix::process::set_child_subreaper(Some(me)) {
        return not_started(e.into());
    }
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    if order.nice != 0 {
        let _ = rustix::process::nice(order.nice);
    }
    let place = match tempfile::Builder::new().prefix("renewd-program-").tempdir() {
        Ok(place) => place,
        Err(e) => return not_started(e),
    };
    let Some((program, arguments)) = order.argv.split_first() else {
        return not_started(io::Error::other("no program is named"));
    };
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(order.env).current_dir(place.path());
    command.stdin(Stdio::piped()).process_group(0);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(e) => return not_started(e),
    };
    talk.say(&Word::Started).ok();
    let program = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let feed = child.stdin.take();
    let keep = std::thread::spawn(move || give(feed, &input, order.open_input));
    std::thread::spawn(move || listen_to(listen, program));
    std::thread::spawn(move || end_at(order.until));
    let status = until_it_ends(program);
    let left = end_the_rest(me);
    let word = Word::Ended {
        code: status.and_then(|s| s.exit_status()),
        signal: status.and_then(|s| s.terminating_signal()),
        left,
    };
    drop(keep);
    drop(place);
    talk.say(&word)
}

/// The program may read as slowly as it likes, or not at all.
fn give(to: Option<ChildStdin>, input: &[u8], open: bool) {
    let Some(mut to) = to else { return };
    let _ = to.write_all(input);
    if open {
        loop {
            std::thread::park();
        }
    }
}

/// Does what renewd says, and ends everything once it says nothing any more.
fn listen_to(mut from: impl Read, program: Option<Pid>) {
    let me = rustix::process::getpid();
    let mut word = [0];
    while matches!(from.read(&mut word), Ok(1)) {
        match (word[0], program) {
            (TERM, Some(group)) => {
                let _ = rustix::process::kill_process_group(group, Signal::TERM);
            }
            _ => break,
        }
    }
    end_all(me);
}

/// How long it is until then, by a clock that goes on while the machine is suspended.
fn left_until(boot_ms: i64) -> Duration {
    let now = SystemClock::new().now().boot_ms;
    Duration::from_millis(u64::try_from(boot_ms.saturating_sub(now)).unwrap_or_default())
}

/// Ends everything at that instant.
fn end_at(boot_ms: i64) {
    loop {
        let left = left_until(boot_ms);
        if left.is_zero() {
            return end_all(rustix::process::getpid());
        }
        // In short steps: a sleep stands still while the machine is suspended.
        std::thread::sleep(left.min(LOOK));
    }
}

fn end_all(me: Pid) {
    let mut hunt = Hunt::default();
    for _ in 0..ROUNDS {
        if hunt.round(me.as_raw_nonzero().get()).is_empty() {
            break;
        }
        std::thread::sleep(PAUSE);
    }
}

/// Reaps whatever ends, up to the program itself.
fn until_it_ends(program: Option<Pid>) -> Option<WaitStatus> {
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if Some(pid) == program => return Some(status),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return None,
        }
    }
}

/// Ends what is still alive, and reaps it. Gives how many there were.
fn end_the_rest(me: Pid) -> usize {
    let mut hunt = Hunt::default();
    for _ in 0..ROUNDS {
        let alive = hunt.round(me.as_raw_nonzero().get());
        while let Ok(Some(_)) = rustix::process::wait(WaitOptions::NOHANG) {}
        if alive.is_empty() {
            break;
        }
        std::thread::sleep(PAUSE);
    }
    hunt.seen()
}

struct Talk(Mutex<UnixStream>);

impl Talk {
    fn say(&self, word: &Word) -> io::Result<()> {
        let mut line = serde_json::to_vec(word)?;
        line.push(b'\n');
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line)
    }
}
