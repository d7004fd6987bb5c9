//! What must still hold when the first byte of a call that can cost money is about to leave.
//!
//! All of it was looked at before; but since then the ledger's commit, the request limit and the making of a connection may each
//! have taken a minute, and a machine may have slept. Not responsible for making the connection, nor for reading the clock. A
//! crash before the first byte has spent nothing.
use std::fmt;
use std::sync::Arc;

use jiff::SignedDuration;

use crate::domain::Moment;
use crate::nodes::{Renewed, spends_until};

/// A price, and the ends that a payment rests on, are good for so long.
const GOOD: SignedDuration = SignedDuration::from_secs(60);
/// What was decided leaves within so long of its row, or not at all.
pub const PERMIT_TTL: SignedDuration = SignedDuration::from_secs(14);

/// Looks whether the call may still be made: spending is not paused, renewd is not stopping, the ledger is where it was. The text
/// says why not.
pub type Stands = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// The pay lease under which a call was decided.
#[derive(Clone)]
pub struct Tenancy {
    /// Its epoch then.
    pub epoch: i64,
    /// How long a node may be silent; `None`: the ledger has one node, which holds it for ever.
    pub ttl: Option<SignedDuration>,
    /// What this process holds, at any later instant.
    pub renewed: Arc<dyn Fn() -> Option<Renewed> + Send + Sync>,
}

/// The last look before a call leaves.
#[derive(Clone)]
pub struct LastLook {
    lease: Option<Tenancy>,
    started: Option<Moment>,
    quote: Option<Moment>,
    ends: Option<Moment>,
    stands: Stands,
}

impl fmt::Debug for LastLook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { started, quote, ends, .. } = self;
        f.debug_struct("LastLook")
            .field("started", started)
            .field("quote", quote)
            .field("ends", ends)
            .finish_non_exhaustive()
    }
}

impl LastLook {
    /// A call that names no price.
    #[must_use]
    pub fn new(stands: Stands) -> Self {
        Self { lease: None, started: None, quote: None, ends: None, stands }
    }

    /// It leaves under this lease or not at all.
    #[must_use]
    pub fn under(self, lease: Tenancy) -> Self {
        Self { lease: Some(lease), ..self }
    }

    /// Its price was asked at `asked`, taken before the question left.
    #[must_use]
    pub fn priced(self, asked: &Moment) -> Self {
        Self { quote: Some(asked.clone()), ..self }
    }

    /// The ends that it rests on were read in a reading that began then.
    #[must_use]
    pub fn read(self, began: &Moment) -> Self {
        Self { ends: Some(began.clone()), ..self }
    }

    /// The instant before its row was written.
    #[must_use]
    pub fn started(self, at: &Moment) -> Self {
        Self { started: Some(at.clone()), ..self }
    }

    /// Why it may not leave, told for the row. `when` says how far it had come. The clock is read last: to look at the rest may
    /// itself take long.
    #[must_use]
    pub fn objection(&self, clock: impl FnOnce() -> Moment, when: &str) -> Option<String> {
        let stands = (self.stands)();
        let renewed = self.lease.as_ref().map(|lease| (lease, (lease.renewed)()));
        let now = clock();
        let old = |since: &Option<Moment>, limit: SignedDuration| -> Option<i64> {
            let since = since.as_ref()?;
            // The boot clock: nobody can set it, and it goes on while the machine sleeps.
            let age = SignedDuration::from_millis(now.boot_ms.saturating_sub(since.boot_ms));
            let other_boot = now.boot_id != since.boot_id || age.is_negative();
            (other_boot || age > limit).then(|| age.as_secs())
        };
        if let Some(age) = old(&self.quote, GOOD) {
            return Some(format!("its quote was {age} s old {when}; nothing was sent"));
        }
        if let Some(age) = old(&self.ends, GOOD) {
            return Some(format!("the reading of its end was {age} s old {when}; nothing was sent"));
        }
        if let Err(why) = stands {
            return Some(format!("{why}; nothing was sent"));
        }
        if let Some((lease, renewed)) = renewed
            && let Some(ttl) = lease.ttl
            && let Err(why) = spends_until(renewed.as_ref(), lease.epoch, &now, ttl)
        {
            return Some(format!("{why} {when}; nothing was sent"));
        }
        let late = old(&self.started, PERMIT_TTL)?;
        Some(format!("renewd was held up for {late} s before it could send: its quote is old"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn at(ms: i64, boot: &str) -> Moment {
        Moment { wall: jiff::Timestamp::UNIX_EPOCH, boot_id: boot.to_owned(), boot_ms: ms }
    }

    fn look() -> LastLook {
        LastLook::new(Arc::new(|| Ok(())))
    }

    #[rstest]
    #[case::young(60_000, "b", None)]
    #[case::old(60_001, "b", Some("its quote was 60 s old then; nothing was sent"))]
    #[case::held_up_by_a_commit(70_200, "b", Some("its quote was 70 s old then; nothing was sent"))]
    #[case::of_another_boot(10, "c", Some("its quote was 0 s old then; nothing was sent"))]
    fn a_price_is_good_for_a_minute_of_the_boot_clock(
        #[case] ms: i64,
        #[case] boot: &str,
        #[case] want: Option<&str>,
    ) {
        let said = look().priced(&at(0, "b")).read(&at(0, "b")).objection(|| at(ms, boot), "then");
        assert_eq!(said.as_deref(), want);
    }

    #[test]
    fn ends_are_as_good_as_their_reading_is_young() {
        let look = look().priced(&at(50_000, "b")).read(&at(0, "b"));
        assert_eq!(look.objection(|| at(59_000, "b"), "then"), None);
        let said = look.objection(|| at(61_000, "b"), "then").unwrap();
        assert!(said.contains("reading of its end was 61 s old"), "{said}");
    }

    #[test]
    fn a_pause_that_came_meanwhile_is_seen_and_the_clock_is_read_after_that() {
        let paused = LastLook::new(Arc::new(|| Err("spending was paused".to_owned())));
        assert_eq!(
            paused.objection(|| at(0, "b"), "then").as_deref(),
            Some("spending was paused; nothing was sent")
        );
        // To look took longer than the price is good for.
        let clock = Arc::new(std::sync::atomic::AtomicI64::new(0));
        let slow = Arc::clone(&clock);
        let look = LastLook::new(Arc::new(move || {
            slow.store(70_000, std::sync::atomic::Ordering::SeqCst);
            Ok(())
        }));
        let now = || at(clock.load(std::sync::atomic::Ordering::SeqCst), "b");
        assert!(look.priced(&at(0, "b")).objection(now, "then").is_some());
    }

    #[test]
    fn what_was_decided_under_a_lease_leaves_while_that_is_young_or_not_at_all() {
        let held = Arc::new(std::sync::Mutex::new(Some(Renewed { epoch: 3, began: at(0, "b") })));
        let cell = Arc::clone(&held);
        let ttl = Some(SignedDuration::from_secs(10));
        let renewed = Arc::new(move || cell.lock().unwrap().clone());
        let look = look().under(Tenancy { epoch: 3, ttl, renewed });
        let said = |ms| look.objection(|| at(ms, "b"), "when connected");
        assert_eq!(said(4_999), None);
        assert!(
            said(5_000).unwrap().contains("5000 ms ago, half of its time when connected; nothing was sent")
        );
        *held.lock().unwrap() = Some(Renewed { epoch: 3, began: at(4_000, "b") });
        assert_eq!(said(5_000), None, "it was renewed meanwhile");
        *held.lock().unwrap() = Some(Renewed { epoch: 5, began: at(4_000, "b") });
        assert!(
            said(5_000).unwrap().contains("epoch 3 is over"),
            "lost and taken anew: another node was between"
        );
        *held.lock().unwrap() = None;
        assert!(said(1).unwrap().contains("does not hold the pay lease any more"));
    }

    #[test]
    fn what_was_held_up_since_its_row_does_not_leave() {
        let look = look().started(&at(0, "b")).priced(&at(0, "b"));
        assert_eq!(look.objection(|| at(14_000, "b"), "then"), None);
        assert!(look.objection(|| at(14_300, "b"), "then").unwrap().contains("held up for 14 s"));
    }
}
