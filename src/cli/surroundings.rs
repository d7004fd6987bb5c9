//! What stands around a good config and spoils it all the same: a disk that is nearly full, a clock that is off, two that would pay for
//! one lease, and who holds the ledger. Changes nothing; not responsible for what `check` makes of it.
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use jiff::SignedDuration;

use crate::domain::Lease;
use crate::domain::time::words;
use crate::policy::{Action, PayBy};
use crate::settings::{Problem, Settings};

/// Less room than this is little on any disk.
const LITTLE: u64 = 64 << 20;
/// Less than a twentieth is little where it is less than this.
const SOME: u64 = 1 << 30;
/// A clock that is off by more stops payments.
const LIMIT: SignedDuration = SignedDuration::from_mins(5);
/// Leases of one kind that are named.
const NAMED: usize = 3;

/// The disk of the ledger has so little room that it will be full soon: payments stop then.
pub(super) fn little_room(settings: &Settings, file: &str) -> Option<Problem> {
    let there = settings.state_dir.ancestors().find(|dir| dir.is_dir())?;
    let disk = rustix::fs::statvfs(there).ok().filter(|disk| disk.f_blocks > 0)?;
    let (free, all) =
        (disk.f_bavail.saturating_mul(disk.f_frsize), disk.f_blocks.saturating_mul(disk.f_frsize));
    if !is_little(free, all) {
        return None;
    }
    let message = format!(
        "the disk of {} is nearly full ({} MiB are free): payments stop when it is, so make room",
        settings.state_dir.display(),
        free >> 20
    );
    Some(problem(file, "state_dir", message))
}

fn is_little(free: u64, all: u64) -> bool {
    free < LITTLE || (free < SOME && free < all / 20)
}

/// Another renewd that holds the ledger, by the system's own list of locks: to try the lock would take it from a daemon that starts.
pub(super) fn holder(state_dir: &Path) -> Option<String> {
    let inode = state_dir.join("ledger.lock").metadata().ok()?.ino();
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    let pid = locks.lines().find_map(|line| holding(line, inode))?;
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    let name = name.trim();
    name.contains("renewd").then(|| {
        format!("another renewd holds it (process {pid}): once, apply and order create, cycle, tag and auto wait until that one is stopped")
    })
}

/// The process that has locked this file, in a line such as `1: FLOCK  ADVISORY  WRITE 707 fe:01:396 0 EOF`.
fn holding(line: &str, inode: u64) -> Option<u32> {
    let mut words = line.split_whitespace().skip(1);
    let is_lock = words.next() == Some("FLOCK") && words.next().is_some() && words.next() == Some("WRITE");
    let pid = words.next()?.parse().ok()?;
    let of = words.next()?.rsplit(':').next()?.parse::<u64>().ok()?;
    (is_lock && of == inode).then_some(pid)
}

/// The clock of this machine differs by more than payments are made with; `skew` is the provider's less ours.
pub(super) fn clock_off(account: &str, skew: Option<SignedDuration>) -> Option<String> {
    let off = skew.filter(|skew| skew.abs() > LIMIT)?;
    let way = if off.is_negative() { "ahead of" } else { "behind" };
    Some(format!(
        "this machine's clock is {} {way} that of account {account}'s provider: nothing is paid until they agree (timedatectl)",
        words(off.abs())
    ))
}

/// Leases that a policy has renewd pay while the provider's own auto-renewal is on: held when they are due.
pub(super) fn second_payers(settings: &Settings, file: &str, leases: &[Lease]) -> Vec<Problem> {
    let mut found: Vec<Problem> = Vec::new();
    for policy in &settings.policies {
        if policy.action != Action::Renew || policy.pay_by != PayBy::Renewd || policy.take_over {
            continue;
        }
        let mine: Vec<&Lease> = leases
            .iter()
            .filter(|l| l.provider_renews == Some(true))
            .filter(|l| settings.policy_of(l).is_some_and(|p| p.name == policy.name))
            .collect();
        let Some(first) = mine.first() else { continue };
        let name = |l: &&Lease| if l.ip.is_empty() { l.order.to_string() } else { l.ip.clone() };
        let named: Vec<String> = mine.iter().take(NAMED).map(name).collect();
        let more = mine
            .len()
            .checked_sub(NAMED)
            .filter(|n| *n > 0)
            .map(|n| format!(" and {n} more"))
            .unwrap_or_default();
        let message = format!(
            "policy `{}` has renewd pay for {}{more}, and the provider's auto-renewal is on there: held when due (provider_owns). \
             Switch it off (renewd order auto {} off), or write take_over = true or pay_by = \"provider\"",
            policy.name,
            named.join(", "),
            first.order
        );
        found.push(problem(file, "policy.pay_by", message));
    }
    found
}

fn problem(file: &str, key: &str, message: String) -> Problem {
    Problem { file: file.to_owned(), line: None, key: key.to_owned(), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_room_is_little_in_figures_or_as_a_share() {
        let (mib, gib) = (1 << 20, 1 << 30);
        for (free, all, want) in [
            (63 * mib, 100 * mib, true),
            (65 * mib, 1000 * mib, false),
            (400 * mib, 20 * gib, true),
            (2 * gib, 4000 * gib, false),
            (40 * gib, 4000 * gib, false),
        ] {
            assert_eq!(is_little(free, all), want, "{free} of {all}");
        }
    }

    #[test]
    fn the_holder_of_a_lock_is_read_from_the_systems_list() {
        let line = "12: FLOCK  ADVISORY  WRITE 707 fe:01:396 0 EOF";
        assert_eq!((holding(line, 396), holding(line, 397)), (Some(707), None));
        for other in [
            "1: POSIX  ADVISORY  WRITE 707 fe:01:396 0 EOF",
            "1: -> FLOCK  ADVISORY  WRITE 708 fe:01:396 0 EOF",
            "",
        ] {
            assert_eq!(holding(other, 396), None, "{other}");
        }
    }

    #[test]
    fn a_clock_is_off_beyond_five_minutes_either_way() {
        let told = |minutes| clock_off("yp", Some(SignedDuration::from_mins(minutes)));
        assert!(told(5).is_none() && told(-5).is_none() && clock_off("yp", None).is_none());
        assert!(told(6).unwrap().contains("6m behind") && told(-90).unwrap().contains("1h 30m ahead of"));
    }
}
