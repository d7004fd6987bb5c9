//! Time in tests. Where both sides read clocks that a test can move, time passes by moving them; where a process has to come to
//! something by itself, it is waited for.
use std::os::unix::fs::FileExt;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use renewd::clock::{Clock, SystemClock};
use renewd::domain::Moment;

use super::shim;

/// Clocks that are so many milliseconds ahead of the machine's: of a simulated provider in this process, and of each renewd that is
/// started from now on. One that runs already keeps its time, unless it was started after [`Ahead::lead`].
#[derive(Clone)]
pub struct Ahead(Arc<Moving>);

struct Moving {
    ms: AtomicI64,
    leads: AtomicBool,
    /// The milliseconds once more, for the shim.
    file: tempfile::NamedTempFile,
}

impl Default for Ahead {
    fn default() -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().write_all_at(&0_i64.to_ne_bytes(), 0).unwrap();
        Self(Arc::new(Moving { ms: AtomicI64::new(0), leads: AtomicBool::new(false), file }))
    }
}

impl Ahead {
    /// Whoever starts from now on follows these clocks while it runs, too.
    pub fn lead(&self) {
        self.0.leads.store(true, Ordering::SeqCst);
    }

    /// The clock for a simulated provider.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(Moved { real: SystemClock::new(), by: self.clone() })
    }

    pub fn ms(&self) -> i64 {
        self.0.ms.load(Ordering::SeqCst)
    }

    /// Lets time pass for everybody.
    pub fn pass(&self, span: Duration) {
        if shim::MOVES_CLOCKS {
            let more = i64::try_from(span.as_millis()).unwrap();
            let ms = self.0.ms.fetch_add(more, Ordering::SeqCst) + more;
            self.0.file.as_file().write_all_at(&ms.to_ne_bytes(), 0).unwrap();
        } else {
            assert!(span < Duration::from_secs(70), "the shim cannot move the clocks of this machine");
            std::thread::sleep(span);
        }
    }

    /// Gives a renewd that is about to start these clocks.
    pub fn give(&self, command: &mut Command) {
        let leads = self.0.leads.load(Ordering::SeqCst);
        if shim::MOVES_CLOCKS && (leads || self.ms() != 0) {
            command.env("LD_PRELOAD", shim::library());
            match leads {
                true => command.env("SHIM_CLOCK", self.0.file.path()),
                false => command.env("SHIM_AHEAD", self.ms().to_string()),
            };
        }
    }
}

struct Moved {
    real: SystemClock,
    by: Ahead,
}

#[async_trait::async_trait]
impl Clock for Moved {
    fn now(&self) -> Moment {
        let (ms, real) = (self.by.ms(), self.real.now());
        let wall = real.wall.checked_add(SignedDuration::from_millis(ms)).unwrap();
        Moment { wall, boot_ms: real.boot_ms + ms, ..real }
    }

    async fn sleep(&self, span: Duration) {
        self.real.sleep(span).await;
    }
}

pub fn in_hours(hours: i64) -> Timestamp {
    SystemClock::new().now().wall.checked_add(SignedDuration::from_hours(hours)).unwrap()
}

/// Waits for something that must come to pass.
pub fn until(what: &str, seconds: u64, mut done: impl FnMut() -> bool) {
    for _ in 0..seconds * 50 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("after {seconds}s still not: {what}");
}
