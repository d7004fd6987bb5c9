//! How many money calls are left to a cycle: one number for all lanes, so that a batch that is paid lease by lease cannot
//! exceed `max_payments_per_cycle`.
use std::sync::atomic::{AtomicU32, Ordering};

/// Money calls that may still be begun in this cycle.
#[derive(Debug)]
pub(in crate::engine) struct Allowance {
    left: AtomicU32,
    most: u32,
}

impl Allowance {
    /// So many at the most.
    pub(in crate::engine) fn new(most: u32) -> Self {
        Self { left: AtomicU32::new(most), most }
    }

    /// Takes one, if there is one.
    pub(in crate::engine) fn take(&self) -> bool {
        self.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1)).is_ok()
    }

    /// The call was not made after all.
    pub(in crate::engine) fn give_back(&self) {
        self.left.fetch_add(1, Ordering::AcqRel);
    }

    /// So many at the most.
    pub(in crate::engine) fn most(&self) -> u32 {
        self.most
    }

    /// All are taken.
    pub(in crate::engine) fn is_used_up(&self) -> bool {
        self.left.load(Ordering::Acquire) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::Allowance;

    #[test]
    fn all_lanes_together_take_no_more_than_there_is() {
        let allowance = Allowance::new(100);
        let taken: usize = std::thread::scope(|s| {
            let lanes: Vec<_> =
                (0..4).map(|_| s.spawn(|| (0..60).filter(|_| allowance.take()).count())).collect();
            lanes.into_iter().map(|lane| lane.join().unwrap()).sum()
        });
        assert_eq!((taken, allowance.is_used_up()), (100, true));
        allowance.give_back();
        assert_eq!((allowance.take(), allowance.take()), (true, false));
    }
}
