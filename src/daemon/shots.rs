//! Who makes the cycles: the daemon, on the schedule of the config, or one-shot commands, on a timer of their own. Kept in the
//! ledger, so that `status` expects a schedule only of a daemon.
//!
//! A crash between a cycle and its count leaves the count one short: it is asked for three in a row.
use crate::ledger::{Ledger, LedgerError};

/// The note of the newest start that was due; only a daemon writes it.
pub(super) const LAST_DUE: &str = "schedule.last_due";
/// How many cycles in a row no daemon made.
const SHOTS: &str = "cycles.by_command";
/// Fewer may be a person who helps a daemon out that is down: that one is still expected back.
const HABIT: u64 = 3;

fn count(ledger: &dyn Ledger) -> Result<u64, LedgerError> {
    Ok(ledger.noted(SHOTS)?.and_then(|n| n.parse().ok()).unwrap_or(0))
}

/// A command made a cycle.
///
/// # Errors
/// The ledger's.
pub fn command(ledger: &dyn Ledger) -> Result<(), LedgerError> {
    match count(ledger)? {
        n if n >= HABIT => Ok(()),
        n => ledger.note(SHOTS, &(n + 1).to_string()),
    }
}

/// The daemon makes one.
///
/// # Errors
/// The ledger's.
pub fn daemon(ledger: &dyn Ledger) -> Result<(), LedgerError> {
    if count(ledger)? == 0 { Ok(()) } else { ledger.note(SHOTS, "0") }
}

/// The last cycles were made by commands: no daemon ever made one, or several followed on its last.
///
/// # Errors
/// The ledger's.
pub fn by_commands(ledger: &dyn Ledger) -> Result<bool, LedgerError> {
    let never = ledger.noted(LAST_DUE)?.is_none();
    Ok(ledger.last_cycle()?.is_some() && (never || count(ledger)? >= HABIT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Moment;
    use crate::ledger::sqlite::{Access, open};
    use crate::ledger::{Cycles, Notes};

    #[test]
    fn a_daemon_that_is_helped_out_is_expected_back_and_one_that_was_replaced_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = open(dir.path(), Access::Pay).unwrap();
        assert!(!by_commands(&ledger).unwrap(), "nothing ran yet");
        let at =
            Moment { wall: "2026-11-29T11:00:00Z".parse().unwrap(), boot_id: "b".to_owned(), boot_ms: 0 };
        ledger.start_cycle(&at).unwrap();
        assert!(by_commands(&ledger).unwrap(), "no daemon ever ran");
        ledger.note(LAST_DUE, "2026-11-29T12:00:00Z").unwrap();
        for shots in 0..4 {
            assert_eq!(by_commands(&ledger).unwrap(), shots >= 3, "{shots}");
            command(&ledger).unwrap();
        }
        daemon(&ledger).unwrap();
        assert!(!by_commands(&ledger).unwrap());
    }
}
