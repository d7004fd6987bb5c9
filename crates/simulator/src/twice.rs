//! Double charges in the books of providers whose new terms start at the old end, so that ends alone cannot tell them. Not responsible for
//! a provider that names the term that it charged (`proxyshard`).
use jiff::{SignedDuration, Timestamp};

/// A movement of money.
pub(super) struct Charge<'a> {
    /// The account's API key.
    pub(super) account: &'a str,
    /// When the money moved.
    pub(super) at: Timestamp,
    /// The term bought.
    pub(super) days: u32,
    /// What it renewed, by what never changes.
    pub(super) renewed: Vec<&'a str>,
}

/// Places that another charge renewed again before half of the term just bought had gone by.
pub(super) fn paid_twice<'a>(charges: impl Iterator<Item = Charge<'a>>) -> Vec<String> {
    let charges: Vec<Charge<'_>> = charges.collect();
    let mut twice = Vec::new();
    for (n, first) in charges.iter().enumerate() {
        let half = SignedDuration::from_hours(i64::from(first.days) * 12);
        let again = |place: &&&str| {
            charges.iter().skip(n + 1).any(|later| {
                later.account == first.account
                    && later.at.duration_since(first.at) < half
                    && later.renewed.contains(*place)
            })
        };
        twice.extend(first.renewed.iter().filter(again).map(|place| (*place).to_owned()));
    }
    twice.sort();
    twice.dedup();
    twice
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Renewals for 30 days, each by its charge, account, place and day.
    fn twice(renewals: &[(usize, &str, &str, i64)]) -> Vec<String> {
        paid_twice(renewals.chunk_by(|a, b| a.0 == b.0).map(|charge| Charge {
            account: charge[0].1,
            at: Timestamp::from_second(charge[0].3 * 86_400).unwrap(),
            days: 30,
            renewed: charge.iter().map(|renewal| renewal.2).collect(),
        }))
    }

    #[test]
    fn a_place_is_paid_twice_only_by_two_charges_of_one_account_in_half_a_term() {
        assert_eq!(twice(&[(0, "a", "x", 0), (1, "a", "x", 14), (2, "a", "x", 14)]), ["x"]);
        assert_eq!(twice(&[(0, "a", "x", 0), (1, "a", "x", 15)]), [""; 0], "half of the term is over");
        assert_eq!(twice(&[(0, "a", "x", 0), (1, "b", "x", 1)]), [""; 0], "another account's");
        assert_eq!(twice(&[(0, "a", "x", 0), (1, "a", "y", 1)]), [""; 0], "another place");
        assert_eq!(twice(&[(0, "a", "x", 0), (0, "a", "x", 0)]), [""; 0], "two lines of one charge");
    }
}
