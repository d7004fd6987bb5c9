//! The clock rule: a clock that steps by more than 5 minutes, or differs from a provider's by more, stops payments until
//! two ticks agree. Where one provider of several is at odds with all others, only its accounts stop.
use std::collections::BTreeMap;

use jiff::SignedDuration;

use crate::domain::AccountName;
use crate::domain::time::{Moment, words};
use crate::ledger::{Ledger, LedgerError};

const LIMIT: SignedDuration = SignedDuration::from_mins(5);
const TICK: &str = "clock.tick";
/// The note of an account whose provider's clock was off at the last tick.
const OFF: &str = "off";

/// By how much wall and boot clock disagree between two ticks; nothing after a reboot.
fn step(before: &Moment, now: &Moment) -> Option<SignedDuration> {
    if before.boot_id != now.boot_id {
        return None;
    }
    let boot = SignedDuration::from_millis(now.boot_ms.saturating_sub(before.boot_ms));
    Some(now.wall.duration_since(before.wall) - boot).filter(|d| d.abs() > LIMIT)
}

/// What a provider's `Date` says against this machine's clock.
pub(in crate::engine) struct Skew {
    pub account: AccountName,
    /// Where it answers: several accounts of one host have one clock.
    pub host: String,
    pub by: SignedDuration,
}

/// Where no payments are made because of a clock, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::engine) struct Clocks {
    /// Nowhere: this machine's clock is in doubt.
    pub all: Option<String>,
    /// At these accounts: their provider's clock is.
    pub accounts: BTreeMap<AccountName, String>,
}

/// Whether providers speak against this machine's clock: nobody agrees with it, or two hosts agree with each other against it.
/// One provider of several that tells another time is itself the sick one.
fn in_doubt(skews: &[Skew], whole: bool) -> Option<&Skew> {
    let off = |s: &&Skew| s.by.abs() > LIMIT;
    let first = skews.iter().find(off)?;
    if whole && skews.iter().all(|s| off(&s)) {
        return Some(first);
    }
    let same = |a: &Skew, b: &Skew| a.host != b.host && (a.by - b.by).abs() <= LIMIT;
    skews.iter().filter(off).find(|a| skews.iter().filter(off).any(|b| same(a, b)))
}

/// Judges this tick against the one before and the providers' clocks, and, with `store`, remembers it. `whole`: every account of
/// the config was looked at.
///
/// # Errors
/// The ledger's.
pub(in crate::engine) fn judge(
    ledger: &dyn Ledger,
    now: &Moment,
    skews: &[Skew],
    whole: bool,
    store: bool,
) -> Result<Clocks, LedgerError> {
    let before = ledger.noted(TICK)?.and_then(|t| read(&t));
    let stepped = before.as_ref().and_then(|(b, _)| step(b, now)).map(|by| {
        let way = if by.is_negative() { "back" } else { "forward" };
        format!("the clock stepped {way} by {}", words(by))
    });
    let differs = |s: &Skew| {
        format!("the clock differs by {} from that of account `{}`'s provider", words(s.by), s.account)
    };
    let why = stepped.or_else(|| in_doubt(skews, whole).map(differs));
    let distrusted = before.as_ref().is_some_and(|(_, trusted)| !trusted);
    if store {
        ledger.note(
            TICK,
            &format!("{} {} {} {}", now.wall, now.boot_ms, u8::from(why.is_none()), now.boot_id),
        )?;
    }
    let accounts = of_accounts(ledger, skews, &differs, store)?;
    // The first tick that agrees again is the first of two.
    let all = why.or_else(|| {
        distrusted.then(|| "the clock stepped before; payments go on once two ticks agree".to_owned())
    });
    let all = all.map(|why| format!("{why}: no payments until two ticks agree"));
    Ok(Clocks { accounts: if all.is_some() { BTreeMap::new() } else { accounts }, all })
}

/// The same for each account alone.
fn of_accounts(
    ledger: &dyn Ledger,
    skews: &[Skew],
    differs: &dyn Fn(&Skew) -> String,
    store: bool,
) -> Result<BTreeMap<AccountName, String>, LedgerError> {
    let mut held = BTreeMap::new();
    for skew in skews {
        let (key, off) = (format!("{TICK}:{}", skew.account), skew.by.abs() > LIMIT);
        let distrusted = ledger.noted(&key)?.is_some_and(|word| word == OFF);
        if store && off != distrusted {
            ledger.note(&key, if off { OFF } else { "" })?;
        }
        if off {
            held.insert(
                skew.account.clone(),
                format!("{}: no payments until two ticks agree", differs(skew)),
            );
        } else if distrusted {
            let why = "its provider's clock differed before; payments go on once two ticks agree";
            held.insert(skew.account.clone(), why.to_owned());
        }
    }
    Ok(held)
}

fn read(text: &str) -> Option<(Moment, bool)> {
    let mut parts = text.splitn(4, ' ');
    let wall = parts.next()?.parse().ok()?;
    let boot_ms = parts.next()?.parse().ok()?;
    let trusted = parts.next()? == "1";
    Some((Moment { wall, boot_id: parts.next()?.to_owned(), boot_ms }, trusted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::sqlite::in_memory;

    fn tick(second: i64) -> Moment {
        let wall = jiff::Timestamp::from_second(1_800_000_000 + second).unwrap();
        Moment { wall, boot_id: "b".to_owned(), boot_ms: second * 1_000 }
    }

    fn skew(account: &str, host: &str, minutes: i64) -> Skew {
        Skew { account: account.into(), host: host.to_owned(), by: SignedDuration::from_mins(minutes) }
    }

    /// Whether all is held, and which accounts.
    fn held(clocks: &Clocks) -> (bool, Vec<&str>) {
        (clocks.all.is_some(), clocks.accounts.keys().map(AccountName::as_str).collect())
    }

    fn once(skews: &[Skew]) -> Clocks {
        judge(&in_memory().unwrap(), &tick(0), skews, true, true).unwrap()
    }

    #[test]
    fn one_sick_clock_among_others_holds_its_own_accounts_only() {
        let sick = [skew("a", "one", 60), skew("a2", "one", 60), skew("b", "two", 0)];
        assert_eq!(held(&once(&sick)), (false, vec!["a", "a2"]));
        // Two that are wrong each in its own way speak not against this machine either.
        let both = [skew("a", "one", 60), skew("b", "two", -30), skew("c", "three", 0)];
        assert_eq!(held(&once(&both)), (false, vec!["a", "b"]));
    }

    #[test]
    fn this_machines_clock_is_in_doubt_where_nobody_agrees_with_it_or_two_agree_against_it() {
        assert!(once(&[skew("a", "one", 60)]).all.is_some(), "the only one");
        assert!(once(&[skew("a", "one", 60), skew("b", "two", -30)]).all.is_some(), "nobody agrees");
        let two = [skew("a", "one", 60), skew("b", "two", 58), skew("c", "three", 0)];
        assert!(once(&two).all.is_some(), "two agree");
        let ledger = in_memory().unwrap();
        judge(&ledger, &tick(0), &[], true, true).unwrap();
        let stepped = Moment { boot_ms: 1_000, ..tick(600) };
        assert!(judge(&ledger, &stepped, &[skew("a", "one", 0)], true, true).unwrap().all.is_some());
    }

    #[test]
    fn an_account_goes_on_at_the_second_tick_that_agrees() {
        let ledger = in_memory().unwrap();
        let mut n = 0;
        let mut at = |minutes| {
            n += 60;
            let told = [skew("a", "one", minutes), skew("b", "two", 0)];
            judge(&ledger, &tick(n), &told, true, true).unwrap().accounts.len()
        };
        assert_eq!([at(60), at(0), at(0)], [1, 1, 0]);
    }

    #[test]
    fn a_look_at_one_account_alone_says_nothing_of_the_others() {
        let ledger = in_memory().unwrap();
        let one = judge(&ledger, &tick(0), &[skew("a", "one", 60)], false, true).unwrap();
        assert_eq!(held(&one), (false, vec!["a"]));
        let next = judge(&ledger, &tick(60), &[skew("b", "two", 0)], true, true).unwrap();
        assert_eq!(held(&next), (false, vec![]));
    }
}
