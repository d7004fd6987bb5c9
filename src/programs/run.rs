//! One run of a program: through the supervisor, within limits of time and size, once.
//!
//! Responsible for telling "nothing ran" from everything else: that word comes from the kernel's refusal to start it, or from a look
//! that was taken before the order left, never from the program. Dropping a run closes the supervisor's socket, and with it ends all
//! that the program started; so does the death of renewd. Not responsible for what the program says.
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use secrecy::zeroize::Zeroizing;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::pipe::Receiver;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use crate::clock::{Clock, SystemClock};

use super::supervise::{COMMAND, KILL, Order, TERM, Word};

/// So much of what a program writes to its standard error is kept.
const LOG: usize = 16 * 1024;
/// After the last word to end, the supervisor has so long.
const LAST: Duration = Duration::from_secs(10);
/// Behind time and grace the supervisor ends all by itself: renewd may be frozen. The spare is for one that is not.
const SPARE: Duration = Duration::from_secs(2);
/// This very program, also after another was installed in its place.
const OURSELVES: &str = "/proc/self/exe";

/// How long, and what then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Then it is asked to end.
    pub time: Duration,
    /// Then it is ended.
    pub grace: Duration,
    /// The most that it may say.
    pub size: usize,
}

impl Limits {
    /// From the order on, the supervisor's own words included.
    fn whole(&self) -> Duration {
        self.time.saturating_add(self.grace).saturating_add(SPARE)
    }
}

/// The boot clock, which renewd and the supervisor share.
fn now() -> i64 {
    SystemClock::new().now().boot_ms
}

/// What to run.
pub struct Job {
    /// The program, its arguments and the verb.
    pub argv: Vec<String>,
    /// Its whole environment.
    pub env: Vec<(String, String)>,
    /// Its standard input.
    pub input: Zeroizing<Vec<u8>>,
    /// The input does not end. For checks.
    pub open_input: bool,
    /// How much lower its priority is. For checks.
    pub nice: i32,
    /// How long it may take.
    pub limits: Limits,
}

/// How a program that ran came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// By itself, with this code.
    Exit(i32),
    /// By a signal.
    Signal(i32),
    /// It was ended: it took too long.
    Late,
    /// It was ended: it said too much, or what it said was not wanted any more.
    Stopped,
    /// Nobody knows.
    Lost(String),
}

/// A program ran.
#[derive(Debug)]
pub struct Ran {
    /// How it ended.
    pub end: End,
    /// So many processes it left behind; they were ended.
    pub left: usize,
    /// What it wrote to its standard error, cut.
    pub log: Vec<u8>,
    /// It was asked to end and did, within its time of grace. For checks.
    pub heeded: bool,
}

/// Nothing of the program ran, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotStarted(pub String);

/// Starts programs.
#[derive(Debug, Clone)]
pub struct Runner {
    supervisor: PathBuf,
}

impl Default for Runner {
    fn default() -> Self {
        Self { supervisor: PathBuf::from(OURSELVES) }
    }
}

/// Reaps the supervisor, whenever that ends: nobody waits for it.
struct Reaped(Option<Child>);

impl Drop for Reaped {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            std::thread::spawn(move || child.wait());
        }
    }
}

/// The ends of a running supervisor that are ours. The order of the fields is the order in which they are dropped: its socket is
/// closed before anybody waits for it.
struct Line {
    say: OwnedWriteHalf,
    hear: Lines<BufReader<OwnedReadHalf>>,
    stdout: Receiver,
    stderr: Receiver,
    child: Reaped,
}

impl Runner {
    /// With another program as the supervisor: tests are not renewd themselves.
    #[must_use]
    pub fn with(supervisor: PathBuf) -> Self {
        Self { supervisor }
    }

    fn start(&self) -> io::Result<Line> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        let (stdout, their_stdout) = io::pipe()?;
        let (stderr, their_stderr) = io::pipe()?;
        let child = Command::new(&self.supervisor)
            .arg(COMMAND)
            .env_clear()
            .process_group(0)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::from(their_stdout))
            .stderr(Stdio::from(their_stderr))
            .spawn()?;
        let child = Reaped(Some(child));
        ours.set_nonblocking(true)?;
        let (hear, say) = UnixStream::from_std(ours)?.into_split();
        Ok(Line {
            say,
            hear: BufReader::new(hear).lines(),
            stdout: Receiver::from_owned_fd(stdout.into())?,
            stderr: Receiver::from_owned_fd(stderr.into())?,
            child,
        })
    }

    /// Runs it once. `go` is asked when everything stands, right before the order leaves: it tells why the program may not run after
    /// all. `take` gets what it says as it comes, and says whether it wants more.
    pub async fn run(
        &self,
        job: Job,
        go: impl FnOnce() -> Result<(), String> + Send,
        take: impl FnMut(&[u8]) -> bool + Send,
    ) -> Result<Ran, NotStarted> {
        let told = |e: io::Error| NotStarted(format!("no process for it could be started: {e}"));
        let mut line = self.start().map_err(told)?;
        let order = Order {
            argv: job.argv,
            env: job.env,
            input: job.input.len(),
            open_input: job.open_input,
            nice: job.nice,
            until: now().saturating_add(i64::try_from(job.limits.whole().as_millis()).unwrap_or(i64::MAX)),
        };
        let order = serde_json::to_vec(&order).map_err(|e| NotStarted(e.to_string()))?;
        let mut order = Zeroizing::new(order);
        order.push(b'\n');
        order.extend_from_slice(&job.input);
        go().map_err(NotStarted)?;
        // From here on bytes of the order may arrive, whatever is told of the writing.
        let sent = line.say.write_all(&order).await;
        let mut watch = Watch::new(take, job.limits);
        if sent.is_err() {
            watch.end = Some(End::Lost("its supervisor took no order".to_owned()));
        }
        watch.follow(&mut line).await;
        drop(line.child);
        watch.result()
    }
}

/// What is known of a run so far.
struct Watch<T> {
    take: T,
    limits: Limits,
    size: usize,
    log: Vec<u8>,
    /// Why it is being ended, or that it ended.
    end: Option<End>,
    not_started: Option<String>,
    started: bool,
    left: usize,
    heeded: bool,
}

/// How far the ending has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Running,
    Asked,
    Ended,
}

impl<T: FnMut(&[u8]) -> bool> Watch<T> {
    fn new(take: T, limits: Limits) -> Self {
        Self {
            take,
            limits,
            size: 0,
            log: Vec::new(),
            end: None,
            not_started: None,
            started: false,
            left: 0,
            heeded: false,
        }
    }

    async fn follow(&mut self, line: &mut Line) {
        let mut stage = Stage::Running;
        let alarm = tokio::time::sleep(self.limits.time);
        tokio::pin!(alarm);
        let (mut out, mut err) = (vec![0; 64 * 1024], vec![0; 4096]);
        let (mut out_open, mut err_open, mut hear_open) = (true, true, true);
        while out_open || err_open || hear_open {
            tokio::select! {
                read = line.stdout.read(&mut out), if out_open => match read {
                    Ok(n) if n > 0 => {
                        if !self.said(&out[..n]) && stage != Stage::Ended {
                            stage = Stage::Ended;
                            self.end = Some(End::Stopped);
                            let _ = line.say.write_all(&[KILL]).await;
                            alarm.as_mut().set(tokio::time::sleep(LAST));
                        }
                    }
                    _ => out_open = false,
                },
                read = line.stderr.read(&mut err), if err_open => match read {
                    Ok(n) if n > 0 => {
                        let room = LOG.saturating_sub(self.log.len());
                        self.log.extend_from_slice(&err[..n.min(room)]);
                    }
                    _ => err_open = false,
                },
                word = line.hear.next_line(), if hear_open => match word {
                    Ok(Some(word)) => self.heard(&word, stage),
                    _ => hear_open = false,
                },
                () = &mut alarm => {
                    let (letter, next, wait) = match stage {
                        Stage::Running => (TERM, Stage::Asked, self.limits.grace),
                        Stage::Asked => (KILL, Stage::Ended, LAST),
                        // Not even its supervisor ends: its socket is closed now.
                        Stage::Ended => return,
                    };
                    self.end.get_or_insert(End::Late);
                    stage = next;
                    let _ = line.say.write_all(&[letter]).await;
                    alarm.as_mut().set(tokio::time::sleep(wait));
                }
            }
        }
    }

    /// Whether more is wanted.
    fn said(&mut self, bytes: &[u8]) -> bool {
        if matches!(self.end, Some(End::Late | End::Stopped | End::Lost(_))) {
            // It is being ended: what it still says is read, so that it can end, and forgotten.
            return true;
        }
        // Word of its end may come before the last of what it said: two ways lead here.
        self.size = self.size.saturating_add(bytes.len());
        self.size <= self.limits.size && (self.take)(bytes)
    }

    fn heard(&mut self, word: &str, stage: Stage) {
        match serde_json::from_str(word) {
            Ok(Word::NotStarted(why)) => self.not_started = Some(why),
            Ok(Word::Started) => self.started = true,
            Ok(Word::Ended { code, signal, left }) => {
                self.left = left;
                self.heeded = stage == Stage::Asked;
                let end = match (code, signal) {
                    (Some(code), _) => End::Exit(code),
                    (None, Some(signal)) => End::Signal(signal),
                    (None, None) => End::Lost("how it ended is not known".to_owned()),
                };
                self.end.get_or_insert(end);
            }
            Err(e) => {
                self.end.get_or_insert(End::Lost(format!("its supervisor cannot be understood: {e}")));
            }
        }
    }

    fn result(self) -> Result<Ran, NotStarted> {
        if let (Some(why), false) = (self.not_started, self.started) {
            return Err(NotStarted(why));
        }
        let end = self.end.unwrap_or_else(|| End::Lost("its supervisor ended without a word".to_owned()));
        Ok(Ran { end, left: self.left, log: self.log, heeded: self.heeded })
    }
}
