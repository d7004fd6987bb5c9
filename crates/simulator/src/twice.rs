//! Double charges in the books of providers whose new terms start at the old end, so that ends alone cannot tell them. Not responsible for
//! a provider that names the term that it charged (`proxyshard`).
use jiff::{SignedDuration, Timestamp};

/// Something that was renewed by a movement of money.
pub(super) struct Renewal<'a> {
    /// The place of the movement in the books: one charge renews each thing once.
    pub(super) entry: usize,
    /// The account's API key.
    pub(super) account: &'a str,
    /// What was renewed, by what never changes.
    pub(super) place: &'a str,
    /// When the money moved.
    pub(super) at: Timestamp,
    /// The term bought.
    pub(super) days: u32,
}

/// Places that were renewed again before half of the term just bought had gone by.
pub(super) fn paid_twice(renewals: &[Renewal<'_>]) -> Vec<String> {
    let again = |first: &&Renewal<'_>| {
        let half = SignedDuration::from_hours(i64::from(first.days) * 12);
        renewals.iter().any(|later| {
            later.entry > first.entry
                && (later.account, later.place) == (first.account, first.place)
                && later.at.duration_since(first.at) < half
        })
    };
    let mut twice: Vec<String> = renewals.iter().filter(again).map(|r| r.place.to_owned()).collect();
    twice.sort();
    twice.dedup();
    twice
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Renewals for 30 days, each by its charge, account, place and day.
    fn twice(renewals: &[(usize, &str, &str, i64)]) -> Vec<String> {
        let mut all = Vec::new();
        for &(entry, account, place, day) in renewals {
            let at = Timestamp::from_second(day * 86_400).unwrap();
            all.push(Renewal { entry, account, place, at, days: 30 });
        }
        paid_twice(&all)
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
