//! Billing cycles by name, where a provider sells cycles instead of days.
//!
//! A cycle's length in days is nominal: prices per day and evidence use it, an end never does. Not responsible for which
//! cycles a provider has.

/// A cycle of which nobody knows the length counts as so many days for prices per day.
const UNKNOWN: u32 = 30;

const KNOWN: &[(&str, u32)] = &[
    ("daily", 1),
    ("weekly", 7),
    ("biweekly", 14),
    ("monthly", 30),
    ("bimonthly", 60),
    ("quarterly", 90),
    ("semiannual", 180),
    ("semiannually", 180),
    ("halfyearly", 180),
    ("annual", 365),
    ("annually", 365),
    ("yearly", 365),
];

/// Days that a cycle of this name stands for: `monthly` is 30, `3 months` is 90, an unknown name 30. Letter case, spaces,
/// hyphens and underscores do not matter.
#[must_use]
pub fn nominal_days(cycle: &str) -> u32 {
    cycle_days(cycle).unwrap_or(UNKNOWN)
}

/// The same; `None` for a name that nobody knows.
#[must_use]
pub fn cycle_days(cycle: &str) -> Option<u32> {
    let plain: String =
        cycle.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    if let Some((_, days)) = KNOWN.iter().find(|(name, _)| *name == plain) {
        return Some(*days);
    }
    let digits = plain.len() - plain.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (count, unit) = plain.split_at(digits);
    let each = match unit.trim_end_matches('s') {
        "day" | "d" => 1,
        "week" | "w" => 7,
        "month" | "mo" | "m" => 30,
        "year" | "y" => 365,
        _ => return None,
    };
    let count: u32 = if count.is_empty() { 1 } else { count.parse().unwrap_or(0) };
    Some(each * count.min(100)).filter(|days| *days > 0)
}

/// Whether two names mean the same cycle: letter case and surrounding space do not matter.
#[must_use]
pub fn same_cycle(a: &str, b: &str) -> bool {
    a.trim().eq_ignore_ascii_case(b.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles_have_nominal_days() {
        for (name, days) in [
            ("monthly", 30),
            ("Monthly", 30),
            ("semi-annually", 180),
            ("3 months", 90),
            ("12-months", 360),
            ("1 year", 365),
            ("week", 7),
            ("30 days", 30),
            ("lifetime", 30),
            ("0 days", 30),
            ("", 30),
            ("99999999999 days", 30),
        ] {
            assert_eq!(nominal_days(name), days, "{name}");
        }
    }
}
