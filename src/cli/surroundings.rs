//! What stands around a good config and spoils it all the same: a disk that is nearly full, a clock that is off, two that would pay for
//! one lease, and who holds the ledger. Changes nothing; not responsible for what `check` makes of it.
use std::path::Path;

use jiff::SignedDuration;

use crate::alerts::hooks::not_runnable;
use crate::domain::Lease;
use crate::domain::time::words;
use crate::keylock;
use crate::ledger::Ledger;
use crate::policy::{Action, PayBy, Policies};
use crate::settings::{Hook, Problem, Settings};

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

/// Hooks whose program is not there, or could be changed by others: renewd would not run it.
pub(super) fn hooks_that_cannot_run(settings: &Settings, file: &str) -> Vec<Problem> {
    let problem = |(hook, why): (&Hook, String)| {
        problem(file, "hook.command", format!("hook `{}` would fail now: {why}", hook.name))
    };
    not_runnable(settings).into_iter().map(problem).collect()
}

fn is_little(free: u64, all: u64) -> bool {
    free < LITTLE || (free < SOME && free < all / 20)
}

/// Another renewd that holds the ledger.
pub(super) fn holder(state_dir: &Path) -> Option<String> {
    let pid = keylock::holder(&state_dir.join("ledger.lock"))?;
    Some(format!(
        "another renewd holds it (process {pid}): once, apply and order create, cycle, tag and auto wait until that one is stopped"
    ))
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

/// Policies whose leases an earlier one decides, although it is no narrower: USA before USA and IPv4, a /16 before a /24. One for a part
/// before one for the rest is what the order of policies is for.
pub(super) fn shadowed(settings: &Settings, policies: &Policies<'_>, leases: &[Lease]) -> Vec<Problem> {
    let subjects: Vec<_> = leases.iter().map(|l| policies.subject(l)).collect();
    let matched: Vec<Vec<usize>> = policies
        .all
        .iter()
        .map(|p| (0..subjects.len()).filter(|&n| p.matches.matches(&subjects[n])).collect())
        .collect();
    let mut decided: Vec<Option<usize>> = vec![None; leases.len()];
    let mut found = Vec::new();
    for (later, mine) in matched.iter().enumerate() {
        let taken: Vec<usize> = mine.iter().copied().filter(|&n| decided[n].is_some()).collect();
        for &n in mine {
            decided[n].get_or_insert(later);
        }
        let all = !mine.is_empty() && taken.len() == mine.len();
        // An earlier policy that is for leases besides these is no exception to this one.
        let wider = |n: &&usize| {
            decided[**n].is_some_and(|by| matched[by].iter().any(|other| mine.binary_search(other).is_err()))
        };
        let crossed: Vec<usize> = if all { taken } else { taken.iter().filter(wider).copied().collect() };
        let Some(&first) = crossed.first() else { continue };
        let (name, by) = (&policies.all[later].name, decided[first].unwrap_or_default());
        let lease = &leases[first];
        let shown = if lease.ip.is_empty() { lease.order.as_str() } else { &lease.ip };
        let what = if all { "never decides: all" } else { "is partly shadowed:" };
        let message = format!(
            "policy `{name}` {what} {} of its {} leases fall under an earlier policy, such as {shown} under `{}`: put `{name}` first if \
             they are meant for it",
            crossed.len(),
            mine.len(),
            policies.all[by].name
        );
        found.push(placed(settings, ("policy", name, "match"), "policy.match", message));
    }
    found
}

/// So many looks at one lease by one policy are made without `--live`: a reload waits for `check`.
const LOOKS: usize = 2_000_000;

/// Every lease as it was last read; `None`: an account was never read, or it would take long to look at all of them. What some of them
/// show may be wrong of all.
pub(super) fn on_record(settings: &Settings, ledger: &dyn Ledger) -> Option<Vec<Lease>> {
    let facts = ledger.accounts().ok()?;
    let of = |name| facts.iter().find(|f| &f.account == name && f.read_at.is_some());
    let read = settings.accounts.iter().map(|a| of(&a.name)).collect::<Option<Vec<_>>>()?;
    let looks = read.iter().map(|f| f.leases).sum::<usize>().checked_mul(settings.policies.len())?;
    if looks > LOOKS {
        return None;
    }
    let lists = read.iter().map(|f| Some(ledger.last_list(&f.account).ok()?.to_vec()));
    Some(lists.collect::<Option<Vec<_>>>()?.concat())
}

/// A problem at the line of a key of a policy or budget.
pub(super) fn placed(
    settings: &Settings,
    (table, name, key): (&'static str, &str, &'static str),
    full: &str,
    message: String,
) -> Problem {
    let place = settings.places.find(table, name, key).unwrap_or_default();
    let (file, line) = match place.rsplit_once(':').map(|(file, line)| (file, line.parse().ok())) {
        Some((file, Some(line))) => (file, Some(line)),
        _ => (place, None),
    };
    Problem { file: file.to_owned(), line, key: full.to_owned(), message }
}

/// Leases that a policy has renewd pay while the provider's own auto-renewal is on: held when they are due.
pub(super) fn second_payers(settings: &Settings, policies: &Policies<'_>, leases: &[Lease]) -> Vec<Problem> {
    let mut found: Vec<Problem> = Vec::new();
    for policy in policies.all {
        if policy.action != Action::Renew || policy.pay_by != PayBy::Renewd || policy.take_over {
            continue;
        }
        let mine: Vec<&Lease> = leases
            .iter()
            .filter(|l| l.provider_renews == Some(true))
            .filter(|l| policies.of(*l).is_some_and(|p| p.name == policy.name))
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
        found.push(placed(settings, ("policy", &policy.name, "pay_by"), "policy.pay_by", message));
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
    fn a_clock_is_off_beyond_five_minutes_either_way() {
        let told = |minutes| clock_off("yp", Some(SignedDuration::from_mins(minutes)));
        assert!(told(5).is_none() && told(-5).is_none() && clock_off("yp", None).is_none());
        assert!(told(6).unwrap().contains("6m behind") && told(-90).unwrap().contains("1h 30m ahead of"));
    }
}
