//! Who pays for a due lease: renewd, or the provider's own auto-renewal.
//!
//! There is never a moment at which both may: where renewd pays, the provider's flag has been read off before; where
//! the provider pays, renewd only steps in once it has failed to, and switches it off first.
//!
//! | `pay_by` | order | flag | then |
//! |---|---|---|---|
//! | renewd | active, renewable early | off, not told | renewd pays |
//! | renewd | active, renewable early | on | hold `provider_owns` (`take_over`: switched off now, paid once read off) |
//! | renewd | active, renewable only on hold | off, not told | wait `not_renewable_yet` |
//! | renewd | active, renewable only on hold | on | hold `provider_owns` from due on |
//! | renewd | on hold | off | renewd pays |
//! | renewd | on hold | not told | switched off first, then renewd pays |
//! | renewd | on hold | on | hold `provider_owns` (`take_over`: as above) |
//! | provider | active | any | the provider is let pay if price, caps, budget and funds allow |
//! | provider | active, renewable early, within the last hour | any | rescue: switched off first, then renewd pays |
//! | provider | on hold | any | rescue: switched off first unless read off, then renewd pays |
//!
//! Where the provider may renew by itself and does not tell whether it will, renewd pays only what the account's owner says it does not:
//! all else is held, `provider_owns`.
use jiff::{SignedDuration, Timestamp};

use super::item::PaidBy;
use crate::domain::time::words;
use crate::domain::{Capabilities, Lease, OrderState};
use crate::policy::{PayBy, Policy, Reason, Stage, Word};

/// A lease that the provider should have renewed is saved from here on, where it would be lost at its end.
const LAST_HOUR: SignedDuration = SignedDuration::from_hours(1);

/// On what terms a due lease is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    pub paid_by: PaidBy,
    pub switch_off_first: bool,
}

/// See the table above. `late_only`: the provider renews it only once it is on hold, and it is not.
pub(super) fn terms(
    lease: &Lease,
    policy: &Policy,
    end: Timestamp,
    stage: Stage,
    late_only: bool,
    now: Timestamp,
) -> Result<Terms, Reason> {
    let renewd = |switch_off_first| Ok(Terms { paid_by: PaidBy::Renewd, switch_off_first });
    let on_hold = lease.state == OrderState::OnHold;
    match policy.pay_by {
        PayBy::Renewd if lease.provider_renews == Some(true) => Err(owned(policy)),
        PayBy::Renewd if late_only => Err(Reason::new(
            Word::NotRenewableYet,
            format!("the provider renews it only at its end, {}", when(end, now)),
        )),
        PayBy::Renewd => renewd(on_hold && lease.provider_renews.is_none()),
        PayBy::Provider if on_hold => renewd(lease.provider_renews != Some(false)),
        PayBy::Provider if !late_only && stage >= Stage::Urgent && end.duration_since(now) <= LAST_HOUR => {
            renewd(lease.provider_renews != Some(false))
        }
        PayBy::Provider => Ok(Terms { paid_by: PaidBy::Provider, switch_off_first: false }),
    }
}

/// What keeps renewd from paying where nothing tells whether the provider will: two would pay.
pub(super) fn unsaid(lease: &Lease, terms: Terms, capabilities: &Capabilities) -> Option<Reason> {
    let renewd = terms.paid_by == PaidBy::Renewd;
    (renewd && capabilities.hides_auto_renewal && lease.provider_renews.is_none()).then(|| {
        Reason::new(
            Word::ProviderOwns,
            "the provider does not say whether it renews on its own, and two would pay. If its auto-renewal is off for every lease of this \
             account, say so there: provider_renews = \"off\"",
        )
    })
}

fn when(end: Timestamp, now: Timestamp) -> String {
    if end > now { format!("in {}", words(end.duration_since(now))) } else { "which is now".to_owned() }
}

fn owned(policy: &Policy) -> Reason {
    let then = if policy.take_over {
        "renewd switches it off, and pays once it has read it off"
    } else {
        "two would pay. Switch it off at the provider, set `take_over = true`, or let it pay with `pay_by = \"provider\"`"
    };
    Reason::new(Word::ProviderOwns, format!("the provider's own auto-renewal is on: {then}"))
}
