//! The exit codes that scripts and the systemd unit rely on, in one place.
//!
//! Not responsible for choosing one: each command returns an [`Exit`], and `main` alone hands it to the system.
use std::process::ExitCode;

/// How a command ended. The numbers are stable: scripts compare them, and the unit's `RestartPreventExitStatus` names two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All well; `run` on SIGTERM too.
    Done = 0,
    /// Unexpected failure: disk, ledger. A restart may help.
    Failed = 1,
    /// Usage or configuration error, unknown target or payment, a ledger from a newer renewd: nothing was done, and a
    /// restart would do the same nothing.
    Usage = 2,
    /// Done, but something needs attention: a hold, a refused or unknown payment, an account that is down.
    Attention = 3,
    /// Another renewd holds this ledger; nothing was done.
    Held = 4,
}

impl Exit {
    /// The number the shell sees.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn the_numbers_are_the_documented_ones() {
        let all = [Exit::Done, Exit::Failed, Exit::Usage, Exit::Attention, Exit::Held];
        assert_eq!(all.map(Exit::code), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn the_unit_does_not_restart_what_a_restart_cannot_help() {
        let unit = include_str!("../systemd/renewd.service");
        let line = format!("RestartPreventExitStatus={} {}", Exit::Usage.code(), Exit::Held.code());
        assert!(unit.lines().any(|l| l == line), "the unit lacks `{line}`");
    }
}
