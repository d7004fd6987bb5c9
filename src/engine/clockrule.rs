//! The clock rule: a clock that steps by more than 5 minutes, or differs from a provider's by more, stops payments until
//! two ticks agree.
use jiff::SignedDuration;

use crate::domain::time::{Moment, words};
use crate::ledger::{Ledger, LedgerError};

const LIMIT: SignedDuration = SignedDuration::from_mins(5);
const TICK: &str = "clock.tick";

/// By how much wall and boot clock disagree between two ticks; nothing after a reboot.
fn step(before: &Moment, now: &Moment) -> Option<SignedDuration> {
    if before.boot_id != now.boot_id {
        return None;
    }
    let boot = SignedDuration::from_millis(now.boot_ms.saturating_sub(before.boot_ms));
    Some(now.wall.duration_since(before.wall) - boot).filter(|d| d.abs() > LIMIT)
}

/// Judges this tick against the one before and the providers' clocks, and, with `store`, remembers it.
///
/// # Errors
/// The ledger's.
pub(super) fn judge(
    ledger: &dyn Ledger,
    now: &Moment,
    skews: &[(String, SignedDuration)],
    store: bool,
) -> Result<Option<String>, LedgerError> {
    let before = ledger.noted(TICK)?.and_then(|t| read(&t));
    let stepped = before.as_ref().and_then(|(b, _)| step(b, now)).map(|by| {
        let way = if by.is_negative() { "back" } else { "forward" };
        format!("the clock stepped {way} by {}", words(by))
    });
    let skewed = skews.iter().find(|(_, skew)| skew.abs() > LIMIT).map(|(account, skew)| {
        format!("the clock differs by {} from that of account `{account}`'s provider", words(*skew))
    });
    let why = stepped.or(skewed);
    let distrusted = before.as_ref().is_some_and(|(_, trusted)| !trusted);
    if store {
        ledger.note(
            TICK,
            &format!("{} {} {} {}", now.wall, now.boot_ms, u8::from(why.is_none()), now.boot_id),
        )?;
    }
    // The first tick that agrees again is the first of two.
    Ok(why
        .or_else(|| {
            distrusted.then(|| "the clock stepped before; payments go on once two ticks agree".to_owned())
        })
        .map(|why| format!("{why}: no payments until two ticks agree")))
}

fn read(text: &str) -> Option<(Moment, bool)> {
    let mut parts = text.splitn(4, ' ');
    let wall = parts.next()?.parse().ok()?;
    let boot_ms = parts.next()?.parse().ok()?;
    let trusted = parts.next()? == "1";
    Some((Moment { wall, boot_id: parts.next()?.to_owned(), boot_ms }, trusted))
}
