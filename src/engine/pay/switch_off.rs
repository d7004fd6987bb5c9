//! Rescue: before renewd pays for a lease whose provider might pay too, the provider's auto-renewal is switched off, read off,
//! and read once more after a while.
//!
//! A crash in between leaves the flag off and nothing paid; the next cycle finds it so. Where the provider is to pay, steering
//! switches it back on once the renewal is confirmed.
use jiff::SignedDuration;

use super::lane::Lane;
use crate::domain::time::Moment;
use crate::engine::steer::{change, switch};
use crate::ledger::LedgerError;
use crate::planner::{Item, PaySet};
use crate::policy::{Reason, Word};
use crate::providers::ChangeReply;

/// A renewal that the provider began just before it was switched off shows within this.
const SETTLES: SignedDuration = SignedDuration::from_secs(60);
/// A long wait is cut, so that a watchdog sees it as alive.
const STEP: SignedDuration = SignedDuration::from_secs(5);

/// Sets whose flags were switched off, and when the last of them was.
#[derive(Default)]
pub(in crate::engine) struct SwitchedOff {
    pub sets: Vec<PaySet>,
    at: Option<Moment>,
}

impl Lane {
    pub(in crate::engine) fn switches_off(&self, set: &PaySet) -> bool {
        set.members.iter().any(|&m| self.orders.items[m].switch_off_first)
    }

    /// Switches the flags off. A set of which that cannot be done is held.
    pub(in crate::engine) async fn switch_off(
        &mut self,
        sets: Vec<PaySet>,
    ) -> Result<SwitchedOff, LedgerError> {
        let mut off = SwitchedOff::default();
        for set in sets {
            (self.viewer.beat)();
            // Whoever may not pay must not keep the provider from paying.
            if let Some(reason) = self.paused()? {
                self.change(&set, &reason);
                continue;
            }
            let items = std::sync::Arc::clone(&self.orders.items);
            let members: Vec<&Item> = set.members.iter().map(|&m| &items[m]).collect();
            let (Some(request), Some(changer)) =
                (switch(&self.viewer, &members, false).await, self.changer.clone())
            else {
                continue;
            };
            let why = "renewd is about to pay: two must not";
            let reply = change(&self.viewer, &self.seen.account, changer, &request, None, why).await?;
            // A product without the flag refuses it: then there is nothing that could pay.
            let none = members.iter().all(|i| i.lease.provider_renews.is_none());
            match reply {
                ChangeReply::Done { .. } => off.sets.push(set),
                ChangeReply::Refused { .. } | ChangeReply::Unsupported(_) if none => off.sets.push(set),
                reply => {
                    let word = crate::engine::steer::outcome(&reply);
                    let said = word.message.unwrap_or_default();
                    let prose = format!(
                        "the provider's auto-renewal could not be switched off ({}: {said})",
                        word.word
                    );
                    self.change(&set, &Reason::new(Word::ProviderOwns, prose));
                }
            }
            off.at = Some(self.viewer.clock.now());
        }
        Ok(off)
    }

    /// Waits, reads again, and gives back the sets that are still as they were with their flags off.
    pub(in crate::engine) async fn once_read_off(
        &mut self,
        off: SwitchedOff,
    ) -> Result<Vec<PaySet>, LedgerError> {
        let Some(at) = off.at.filter(|_| !off.sets.is_empty()) else { return Ok(Vec::new()) };
        let before = self.expected;
        let long = SETTLES.min(self.viewer.settings.timing.lag_window);
        loop {
            let passed = self.viewer.clock.now().since(&at).unwrap_or(long);
            if passed >= long || self.viewer.stop.is_cancelled() {
                break;
            }
            (self.viewer.beat)();
            let step = (long - passed).min(STEP).unsigned_abs();
            tokio::select! {
                () = self.viewer.clock.sleep(step) => {}
                () = self.viewer.stop.cancelled() => {}
            }
        }
        if let Err(why) = self.reread().await? {
            off.sets.iter().for_each(|set| self.change(set, &Reason::new(Word::AccountDown, why.clone())));
            return Ok(Vec::new());
        }
        if before.zip(self.expected).is_some_and(|(before, now)| now < before) {
            let prose = "the balance fell while the provider's auto-renewal was being switched off: it may have charged, so renewd \
                         looks again in the next cycle";
            off.sets.iter().for_each(|set| self.change(set, &Reason::new(Word::UnknownPending, prose)));
            return Ok(Vec::new());
        }
        let (ready, on): (Vec<PaySet>, Vec<PaySet>) = off.sets.into_iter().partition(|set| {
            set.members.iter().all(|&m| {
                let listed = self.listed.get(self.orders.items[m].lease.id.as_str());
                listed.is_some_and(|l| l.provider_renews != Some(true))
            })
        });
        let prose = "the provider's auto-renewal was switched off and is still listed as on; renewd pays once it reads that it is off";
        on.iter().for_each(|set| self.change(set, &Reason::new(Word::ProviderOwns, prose)));
        Ok(ready)
    }
}
