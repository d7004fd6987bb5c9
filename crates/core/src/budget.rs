//! Budgets: how much may be spent in a cycle, day, week or month.
//!
//! Pure. Responsible for the spans that a budget covers and for what is left of it; not for summing the ledger.
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::domain::{AccountName, Currency, Money, Percent};

/// `[[budget]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Unique.
    pub name: String,
    /// Accounts it counts; empty = all.
    pub accounts: Vec<AccountName>,
    /// Policies it counts; empty = all.
    pub policies: Vec<String>,
    /// Labels of the leases it counts; empty = all.
    pub labels: Vec<String>,
    /// The span it covers.
    pub per: Per,
    /// The most that may be spent in it.
    pub limit: Money,
    /// Only payments in this currency count.
    pub currency: Currency,
    /// Warn from this share on.
    pub warn_at: Option<Percent>,
}

/// `per`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// One cycle of renewd.
    Cycle,
    /// A calendar day in the configured time zone.
    Day,
    /// From Monday.
    Week,
    /// A calendar month.
    Month,
}

impl Per {
    /// The word in the config and in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cycle => "cycle",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }
}

impl Budget {
    /// Whether a payment of this account, policy and currency counts in it.
    #[must_use]
    pub fn counts(&self, account: &AccountName, policy: &str, currency: &Currency) -> bool {
        &self.currency == currency
            && (self.accounts.is_empty() || self.accounts.contains(account))
            && (self.policies.is_empty() || self.policies.iter().any(|p| p == policy))
    }
}

/// What of an amount is for leases that have one of the `wanted` labels, each lease bearing its share; all of it where none is wanted.
/// A purchase is for no lease yet, and counts in no budget of labels.
#[must_use]
pub fn part<L: AsRef<[S]>, S: AsRef<str>>(amount: Money, leases: &[L], wanted: &[String]) -> Money {
    if wanted.is_empty() {
        return amount;
    }
    let shares = amount.shares(leases.len()).into_iter().zip(leases);
    let counted = shares.filter(|(_, labels)| has_one(labels.as_ref(), wanted)).map(|(share, _)| share);
    // An amount that cannot be added up must not look like nothing.
    Money::sum(counted).unwrap_or(amount)
}

/// Whether one of these labels is wanted; letter case tells no two labels apart.
pub fn has_one<S: AsRef<str>>(labels: &[S], wanted: &[String]) -> bool {
    labels.iter().any(|label| wanted.iter().any(|w| w.to_lowercase() == label.as_ref().to_lowercase()))
}

/// The span around `now` that a budget covers: from its first instant up to, not including, the last. A cycle's span is
/// everything: it is told apart by the cycle's number.
#[must_use]
pub fn span(per: Per, now: Timestamp, timezone: &TimeZone) -> (Timestamp, Timestamp) {
    let today = now.to_zoned(timezone.clone()).date();
    let bounds = match per {
        Per::Cycle => return (Timestamp::MIN, Timestamp::MAX),
        Per::Day => (Some(today), today.tomorrow().ok()),
        Per::Week => {
            let back = i64::from(today.weekday().to_monday_zero_offset());
            let monday = today.checked_sub(back.days()).ok();
            (monday, monday.and_then(|m| m.checked_add(7.days()).ok()))
        }
        Per::Month => (Some(today.first_of_month()), today.last_of_month().tomorrow().ok()),
    };
    let instant =
        |date: Option<Date>| date.and_then(|d| d.to_zoned(timezone.clone()).ok()).map(|z| z.timestamp());
    (instant(bounds.0).unwrap_or(Timestamp::MIN), instant(bounds.1).unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span_text(per: Per, now: &str, tz: &str) -> (String, String) {
        let tz = TimeZone::get(tz).unwrap();
        let (from, to) = span(per, now.parse().unwrap(), &tz);
        (from.to_string(), to.to_string())
    }

    #[test]
    fn a_day_in_another_zone_begins_at_its_own_midnight() {
        let got = span_text(Per::Day, "2026-11-21T23:30:00Z", "Europe/Berlin");
        assert_eq!(got, ("2026-11-21T23:00:00Z".into(), "2026-11-22T23:00:00Z".into()));
    }

    #[test]
    fn a_day_of_a_clock_change_has_its_real_length() {
        let got = span_text(Per::Day, "2026-10-25T12:00:00Z", "Europe/Berlin");
        assert_eq!(got, ("2026-10-24T22:00:00Z".into(), "2026-10-25T23:00:00Z".into()));
    }

    #[test]
    fn a_week_begins_on_monday_and_a_month_on_the_first() {
        let week = span_text(Per::Week, "2026-11-22T12:00:00Z", "UTC");
        assert_eq!(week, ("2026-11-16T00:00:00Z".into(), "2026-11-23T00:00:00Z".into()));
        let month = span_text(Per::Month, "2026-12-31T23:59:59Z", "UTC");
        assert_eq!(month, ("2026-12-01T00:00:00Z".into(), "2027-01-01T00:00:00Z".into()));
    }

    #[test]
    fn a_budget_counts_what_its_lists_name_in_its_currency() {
        let usd = Currency::new("USD");
        let budget = |accounts: &[&str], policies: &[&str]| Budget {
            name: "monthly".to_owned(),
            limit: crate::domain::Money::from_cents(100),
            currency: usd.clone(),
            per: Per::Month,
            accounts: accounts.iter().map(|a| AccountName::new(*a)).collect(),
            policies: policies.iter().map(|p| (*p).to_owned()).collect(),
            labels: Vec::new(),
            warn_at: None,
        };
        let counts = |b: &Budget, account: &str, policy: &str, currency: &str| {
            b.counts(&AccountName::new(account), policy, &Currency::new(currency))
        };
        let all = budget(&[], &[]);
        assert!(counts(&all, "yp", "keep", "USD") && !counts(&all, "yp", "keep", "EUR"));
        let one = budget(&["yp"], &["keep"]);
        assert!(counts(&one, "yp", "keep", "USD"));
        assert!(!counts(&one, "ps", "keep", "USD") && !counts(&one, "yp", "rest", "USD"));
        assert!(!counts(&one, "yp", "keep", "EUR"));
    }

    #[test]
    fn spans_are_named_as_in_the_config() {
        let words = [Per::Cycle, Per::Day, Per::Week, Per::Month].map(Per::as_str);
        assert_eq!(words, ["cycle", "day", "week", "month"]);
    }

    #[test]
    fn a_cycle_is_told_apart_by_its_number() {
        let now = "2026-11-21T23:30:00Z".parse().unwrap();
        assert_eq!(span(Per::Cycle, now, &TimeZone::UTC), (Timestamp::MIN, Timestamp::MAX));
    }
}
