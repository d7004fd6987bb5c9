//! An inventory that lost too much is not believed until it is back or an operator accepts it.
use jiff::Timestamp;

use crate::domain::lost::absent;
use crate::domain::{AccountName, Difference, Doubt, Inventory, Lease, LeaseView};
use crate::hex::hex;
use crate::ledger::{Ledger, LedgerError};
use crate::planner::{Guard, Standing};

/// What is missing.
pub(in crate::engine) struct Loss {
    pub text: String,
    pub missing: Vec<Lease>,
    /// Names exactly this loss, so that accepting one does not accept the next.
    pub mark: String,
    /// The list says itself that it is a part: what it lists may be relied on.
    pub part: bool,
}

impl Loss {
    /// How far the account is believed.
    pub fn standing(&self) -> Standing {
        if self.part { Standing::Part(self.text.clone()) } else { Standing::Shrunk(self.text.clone()) }
    }
}

/// The note under which a disbelieved loss is kept, for `resume` to show.
#[must_use]
pub fn shrink_note(account: &AccountName) -> (String, String) {
    (format!("shrink.seen:{account}"), format!("shrink.accepted:{account}"))
}

/// Leases that are known, whose end had not come, and which the new list lacks (by id, and by order and address): more than
/// `hold_on_shrink` of them and at least 3, or all of them, are not believed. Neither is a list that the provider's own count
/// contradicts. An operator's `resume` accepts a loss once.
pub(in crate::engine) fn judge(
    ledger: &dyn Ledger,
    guard: &Guard,
    account: &AccountName,
    difference: &Difference,
    inventory: &Inventory,
    now: Timestamp,
) -> Result<Option<Loss>, LedgerError> {
    let listed = &inventory.leases;
    let accepted = ledger.noted(&shrink_note(account).1)?;
    if let Some(doubt) = &inventory.doubt {
        let (why, part) = match doubt {
            Doubt::Count(why) => (why, false),
            Doubt::Part(why) => (why, true),
        };
        let mark = fingerprint([why.as_str()].into_iter());
        if accepted.as_deref() != Some(&mark) {
            let missing: Vec<Lease> =
                absent(&difference.known, listed).iter().map(LeaseView::to_lease).collect();
            let text = if part {
                format!(
                    "the list says that it is a part ({why}): it lacks {} known leases, which are not taken for gone, and others may be due. \
                     If it is whole: renewd resume {account}",
                    missing.len()
                )
            } else {
                format!("{why}: the list is not believed. If it is right: renewd resume {account}")
            };
            return Ok(Some(Loss { text, missing, mark, part }));
        }
        if part {
            // Accepted with these very counts: what it lacks was shown to whoever did so.
            return Ok(None);
        }
    }
    let live = |l: &LeaseView<'_>| l.expires_at.is_none_or(|end| end > now);
    let missing: Vec<Lease> =
        absent(&difference.known, listed).iter().filter(|l| live(l)).map(LeaseView::to_lease).collect();
    if missing.is_empty() {
        return Ok(None);
    }
    let alive = difference.count_known(listed, live);
    let emptied = listed.is_empty() && !missing.is_empty();
    let share = missing.len() >= 3 && missing.len() > guard.hold_on_shrink.of_count(alive);
    if !emptied && !share {
        return Ok(None);
    }
    let mark = fingerprint(missing.iter().map(|l| l.id.as_str()));
    if accepted.as_deref() == Some(&mark) {
        return Ok(None);
    }
    let text = format!(
        "the list has {} leases and lacks {} of the {} known whose end had not come: it is not believed. If they are really gone: renewd resume {account}",
        listed.len(),
        missing.len(),
        alive
    );
    Ok(Some(Loss { text, missing, mark, part: false }))
}

/// Keeps what is missing for `resume` to show, or forgets it once the list is whole again.
pub(in crate::engine) fn remember(
    ledger: &dyn Ledger,
    account: &AccountName,
    mark: Option<&str>,
    missing: &[Lease],
) -> Result<(), LedgerError> {
    let key = shrink_note(account).0;
    let mut text = String::new();
    if let Some(mark) = mark {
        text.push_str(mark);
        for l in missing {
            let end = l.expires_at.map(|e| e.to_string()).unwrap_or_default();
            text.push_str(&format!("\n{} {} (order {}, until {end})", l.kind, l.ip, l.order));
        }
    }
    if ledger.noted(&key)?.unwrap_or_default() == text { Ok(()) } else { ledger.note(&key, &text) }
}

fn fingerprint<'a>(names: impl Iterator<Item = &'a str>) -> String {
    use sha2::{Digest, Sha256};
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    let mut hash = Sha256::new();
    for name in names {
        hash.update(name.as_bytes());
        hash.update([0]);
    }
    hex(&hash.finalize()[..8])
}
