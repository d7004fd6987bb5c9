//! What systemd hears: ready, reloading, stopping, a status line, and the watchdog's ping while the loop is alive.
//!
//! The ping comes from a task of its own, but only while the loop's last step is fresh: a loop that hangs is a daemon that
//! systemd restarts. Without systemd (`NOTIFY_SOCKET` unset) every call does nothing. Not responsible for what counts as a
//! step: the loop calls [`Beacon::beat`].
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::task::JoinHandle;

use crate::clock::Clock;

const SOCKET: &str = "NOTIFY_SOCKET";
/// Fresh for this long at least: twice the money time-out as it comes.
const FRESH: Duration = Duration::from_secs(240);

/// The loop's pulse, and the line to systemd.
#[derive(Clone)]
pub struct Beacon {
    clock: Arc<dyn Clock>,
    last_ms: Arc<AtomicI64>,
    fresh: Duration,
}

impl Beacon {
    /// Starts alive.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let last_ms = Arc::new(AtomicI64::new(clock.now().boot_ms));
        Self { clock, last_ms, fresh: FRESH }
    }

    /// Allows for a longest step (`timing.money_timeout`): a payment that waits for its answer is not a dead loop, and a
    /// watchdog that killed it would make its outcome unknown.
    #[must_use]
    pub fn allowing(mut self, longest_step: Duration) -> Self {
        self.fresh = FRESH.max(longest_step.saturating_mul(2));
        self
    }

    /// The loop made a step.
    pub fn beat(&self) {
        self.last_ms.store(self.clock.now().boot_ms, Ordering::Relaxed);
    }

    /// The loop made a step not long ago.
    #[must_use]
    pub fn alive(&self) -> bool {
        let still_ms = self.clock.now().boot_ms.saturating_sub(self.last_ms.load(Ordering::Relaxed));
        still_ms < i64::try_from(self.fresh.as_millis()).unwrap_or(i64::MAX)
    }

    /// Start-up, or a reload, is through.
    pub fn ready(&self) {
        tell(&[NotifyState::Ready]);
    }

    /// The config is being read again; [`Beacon::ready`] must follow, also when it was refused.
    pub fn reloading(&self) {
        // The instant is what `Type=notify-reload` of systemd 253 needs; older ones ignore it.
        match NotifyState::monotonic_usec_now() {
            Ok(instant) => tell(&[NotifyState::Reloading, instant]),
            Err(_) => tell(&[NotifyState::Reloading]),
        }
    }

    /// The end begins; systemd waits `TimeoutStopSec` for a payment in flight.
    pub fn stopping(&self) {
        tell(&[NotifyState::Stopping]);
    }

    /// Whether anybody hears it.
    #[must_use]
    pub fn is_heard() -> bool {
        std::env::var_os(SOCKET).is_some()
    }

    /// One line for `systemctl status`. No secret may be in it: it does not pass the log's redactor.
    pub fn status(&self, line: &str) {
        // A newline would start another assignment of the protocol.
        let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        tell(&[NotifyState::Status(&line)]);
    }

    /// Pings if the loop is alive, else complains; says which.
    pub fn ping(&self) -> bool {
        let alive = self.alive();
        if alive {
            tell(&[NotifyState::Watchdog]);
        } else {
            tracing::error!("the cycle loop has not moved for long: systemd will restart renewd");
        }
        alive
    }

    /// Pings at half of the watchdog's interval, as long as the loop lives; `None` where systemd set no watchdog.
    pub fn spawn_watchdog(&self) -> Option<JoinHandle<()>> {
        let half = ping_every(sd_notify::watchdog_enabled()?);
        let beacon = self.clone();
        Some(tokio::spawn(async move {
            loop {
                beacon.ping();
                tokio::time::sleep(half).await;
            }
        }))
    }
}

/// Half of the interval, but not in a hot loop where somebody set a tiny one.
fn ping_every(interval: Duration) -> Duration {
    (interval / 2).max(Duration::from_millis(100))
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(e) = send(states) {
        tracing::debug!("systemd was not told: {e}");
    }
}

/// The socket may be a file or, with `@` before its name, in the abstract namespace, which the crate does not know.
fn send(states: &[NotifyState<'_>]) -> io::Result<()> {
    let Some(name) = std::env::var_os(SOCKET) else { return Ok(()) };
    let Some(name) = name.as_bytes().strip_prefix(b"@") else { return sd_notify::notify(states) };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&SocketAddr::from_abstract_name(name)?)?;
    let message: String = states.iter().map(|state| format!("{state}\n")).collect();
    socket.send(message.as_bytes()).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::VirtualClock;
    use std::process::{Command, Stdio};

    fn beacon() -> (Arc<VirtualClock>, Beacon) {
        let clock = Arc::new(VirtualClock::starting_at("2026-11-21T12:00:00Z".parse().unwrap()));
        (Arc::clone(&clock), Beacon::new(clock))
    }

    #[test]
    fn the_loop_is_alive_only_while_its_last_step_is_fresh() {
        let (clock, beacon) = beacon();
        clock.advance(FRESH - Duration::from_secs(1));
        assert!(beacon.alive());
        clock.advance(Duration::from_secs(1));
        assert!(!beacon.alive());
        beacon.beat();
        assert!(beacon.alive());
    }

    #[test]
    fn a_wall_clock_step_does_not_kill_the_loop() {
        let (clock, beacon) = beacon();
        clock.step_wall(jiff::SignedDuration::from_hours(30));
        assert!(beacon.alive());
    }

    #[test]
    fn a_payment_that_waits_for_its_answer_is_not_a_dead_loop() {
        let (clock, beacon) = beacon();
        let beacon = beacon.allowing(Duration::from_secs(600));
        clock.advance(Duration::from_secs(601));
        assert!(beacon.alive());
        assert!(Beacon::new(clock).allowing(Duration::ZERO).fresh == FRESH);
    }

    #[test]
    fn the_ping_comes_at_half_of_the_interval() {
        assert_eq!(ping_every(Duration::from_secs(300)), Duration::from_secs(150));
        assert_eq!(ping_every(Duration::ZERO), Duration::from_millis(100));
    }

    /// Set in the children of these tests: the process's environment cannot be changed from within.
    const CHILD: &str = "RENEWD_TEST_NOTIFIES";

    /// Runs the test of that name in a child whose systemd is a socket of ours; returns what the socket heard.
    fn heard_from(test: &str, datagrams: usize) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        heard_at(test, datagrams, &UnixDatagram::bind(&path).unwrap(), path.as_os_str())
    }

    fn heard_at(test: &str, datagrams: usize, socket: &UnixDatagram, name: &std::ffi::OsStr) -> Vec<String> {
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut running = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &format!("daemon::systemd::tests::{test}")])
            .env(CHILD, "1")
            .env(SOCKET, name)
            .env("WATCHDOG_USEC", "200000")
            .env_remove("WATCHDOG_PID")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut heard = Vec::new();
        let mut buffer = [0_u8; 4096];
        while heard.len() < datagrams {
            let n = socket.recv(&mut buffer).expect("the child says less than it should");
            heard.push(String::from_utf8(buffer[..n].to_vec()).unwrap());
        }
        assert!(running.wait().unwrap().success());
        heard
    }

    fn tells_its_life() {
        let (clock, beacon) = beacon();
        beacon.ready();
        beacon.status("last cycle: ok\nREADY=0");
        beacon.reloading();
        beacon.ready();
        assert!(beacon.ping());
        clock.advance(FRESH);
        assert!(!beacon.ping(), "nothing may be sent for a dead loop");
        beacon.stopping();
    }

    #[test]
    fn the_life_of_a_daemon_is_told_in_systemds_words() {
        if std::env::var_os(CHILD).is_some() {
            return tells_its_life();
        }
        let heard = heard_from("the_life_of_a_daemon_is_told_in_systemds_words", 6);
        let (reload, instant) = heard[2].split_once('\n').unwrap();
        assert_eq!(reload, "RELOADING=1");
        let usec = instant.trim().strip_prefix("MONOTONIC_USEC=").unwrap();
        assert!(usec.parse::<u64>().unwrap() > 0);
        let others = [&heard[0], &heard[3], &heard[4], &heard[5]];
        assert_eq!(others, ["READY=1\n", "READY=1\n", "WATCHDOG=1\n", "STOPPING=1\n"]);
        assert_eq!(heard[1], "STATUS=last cycle: ok READY=0\n");
    }

    #[test]
    fn a_socket_in_the_abstract_namespace_is_told_the_same() {
        if std::env::var_os(CHILD).is_some() {
            return tells_its_life();
        }
        let name = format!("renewd-test-{}", std::process::id());
        let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        let test = "a_socket_in_the_abstract_namespace_is_told_the_same";
        let heard = heard_at(test, 6, &socket, format!("@{name}").as_ref());
        assert_eq!((heard[0].as_str(), heard[5].as_str()), ("READY=1\n", "STOPPING=1\n"));
    }

    fn pings_for_a_while() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (_clock, beacon) = beacon();
            let task = beacon.spawn_watchdog().expect("the parent set a watchdog");
            let _ = tokio::time::timeout(Duration::from_millis(350), task).await;
        });
    }

    #[test]
    fn the_watchdog_task_pings_by_itself() {
        if std::env::var_os(CHILD).is_some() {
            return pings_for_a_while();
        }
        assert_eq!(heard_from("the_watchdog_task_pings_by_itself", 2), ["WATCHDOG=1\n", "WATCHDOG=1\n"]);
    }
}
