//! Keeping the end of a term as it is known, where a reading only spells it otherwise.
//!
//! Ends jitter by fractions, lose them, and come as a date alone from one answer and not from the next. Taken as they come they would
//! rewrite rows in every cycle, and "its end changed while this cycle ran" would keep a lease from being paid for ever. The more
//! exact of the two stays. Not responsible for what a moved end means; a crash here has changed nothing.
use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::{
    AccountName, Difference, Lease, LeaseView, Leases, Sameness, TermEnd, Told, nominal_days, term,
};
use crate::engine::{LastPaid, last_paid};
use crate::ledger::{LastPrice, LastPrices, Ledger, LedgerError};
use crate::policy::Policies;
use crate::settings::Settings;

/// Gives the listed leases the ends by which they are known, where those are the same.
pub(in crate::engine) fn keep(
    ledger: &dyn Ledger,
    (settings, now): (&Settings, Timestamp),
    account: &AccountName,
    difference: &Difference,
    listed: &mut Arc<Leases>,
) -> Result<(), LedgerError> {
    let (mut last, mut paid): (Option<LastPrices>, Option<LastPaid>) = (None, None);
    let mut kept_ends = Vec::new();
    for n in difference.places() {
        let lease = listed.view(n);
        let Some(before) = difference.known.get(lease.id) else { continue };
        let (Some(old), Some(new)) = (before.told_end(), lease.told_end()) else { continue };
        if old == new {
            continue;
        }
        // A lease that another one took the place of has an end of its own.
        if before.order != lease.order || before.ip != lease.ip {
            continue;
        }
        // How long its terms are is only asked where a date blurs its end.
        let days = match (old.told, new.told) {
            (Told::Instant, Told::Instant) => None,
            _ => {
                if last.is_none() {
                    last = Some(ledger.prices(account)?);
                }
                if paid.is_none() {
                    paid = Some(last_paid(ledger, settings)?);
                }
                let policies = paid.as_ref().map(|paid| settings.policies(now, paid));
                days(policies, &lease, last.as_ref().and_then(|l| l.of(lease)))
            }
        };
        let kept = kept(old, new, days);
        if kept != new {
            kept_ends.push((n, kept));
        }
    }
    if !kept_ends.is_empty() {
        let listed = Arc::make_mut(listed);
        for (n, kept) in kept_ends {
            let lease = Lease { expires_at: Some(kept.at), told: kept.told, ..listed.lease(n) };
            listed.set(n, &lease.view());
        }
    }
    Ok(())
}

/// The end that stands: the known one, unless the new one is another, or tells the time of day for the first time.
fn kept(old: TermEnd, new: TermEnd, days: Option<u32>) -> TermEnd {
    let finer = (old.told, new.told) == (Told::Date, Told::Instant);
    if !finer && term::compare(old, new, days) == Sameness::Same { old } else { new }
}

/// How long a term of this lease is: by its cycle, by what was last paid for it, or by what its policy would buy.
fn days(policies: Option<Policies<'_>>, lease: &LeaseView<'_>, last: Option<&LastPrice>) -> Option<u32> {
    let cycle = lease.cycle.map(nominal_days);
    let policy = || policies?.of(*lease)?.periods.iter().min().copied();
    cycle.or(last.map(|l| l.period_days)).or_else(policy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn end(text: &str) -> TermEnd {
        match text.len() {
            10 => TermEnd { at: format!("{text}T00:00:00Z").parse().unwrap(), told: Told::Date },
            _ => TermEnd::instant(text.parse().unwrap()),
        }
    }

    #[rstest]
    #[case::a_fraction_lost("2026-12-01T09:00:32.98Z", "2026-12-01T09:00:32Z", true)]
    #[case::a_little_off("2026-12-01T09:00:32Z", "2026-12-01T09:00:32.4Z", true)]
    #[case::its_date("2026-12-01T09:00:32Z", "2026-12-01", true)]
    #[case::its_time_of_day("2026-12-01", "2026-12-01T09:00:32Z", false)]
    #[case::another_date("2026-12-01T09:00:32Z", "2026-12-31", false)]
    #[case::an_hour_later("2026-12-01T09:00:32Z", "2026-12-01T10:00:32Z", false)]
    fn the_known_end_stays_where_it_is_only_spelled_otherwise(
        #[case] old: &str,
        #[case] new: &str,
        #[case] stays: bool,
    ) {
        let want = if stays { end(old) } else { end(new) };
        assert_eq!(kept(end(old), end(new), Some(30)), want);
    }

    #[test]
    fn a_date_says_nothing_of_a_term_that_may_be_short() {
        let (old, new) = (end("2026-12-01T09:00:32Z"), end("2026-12-01"));
        assert_eq!((kept(old, new, Some(1)), kept(old, new, None)), (new, new));
    }
}
