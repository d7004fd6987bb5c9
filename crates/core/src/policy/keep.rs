//! Keeps: an operator's word that one lease is treated as a policy says that is not its own, perhaps until a day. Pure.
//!
//! A lease is known again as everywhere: by its id, or by its address of the same order where its id changed. Not responsible for who may
//! say so, nor for where it is kept (the ledger).
use std::collections::HashMap;
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};

use crate::domain::{AccountName, LeaseName, LeaseView};

/// One lease that an operator keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keep {
    /// Whose.
    pub account: AccountName,
    /// Which.
    pub lease: LeaseName,
    /// The policy that it is treated by.
    pub like: String,
    /// Since when.
    pub since: Timestamp,
    /// Who said so.
    pub by: Option<String>,
    /// It is over on this day, and for a lease that ends on or after it; `None` = when somebody ends it.
    pub until: Option<Date>,
}

/// What a keep means for its lease now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept<'a> {
    /// The policy at this place decides.
    Like(usize, &'a Keep),
    /// No policy has the name that it was kept by.
    Orphaned(&'a Keep),
    /// Its day has come, or the lease lasts until then: its own policy decides.
    Over(&'a Keep),
}

impl Keep {
    /// Its day has come, or a lease that ends then lasts so long. Without its policy's zone nobody knows whose days these are: it is over
    /// once that day has begun everywhere.
    #[must_use]
    pub fn is_over(&self, zone: Option<&TimeZone>, end: Option<Timestamp>, now: Timestamp) -> bool {
        let Some(until) = self.until else { return false };
        let west = || TimeZone::fixed(Offset::constant(-12));
        let zone = zone.cloned().unwrap_or_else(west);
        let has_come = |at: Timestamp| zone.to_datetime(at).date() >= until;
        has_come(now) || end.is_some_and(has_come)
    }

    /// `kept like NAME by WHO until DAY`, to stand behind a reason.
    #[must_use]
    pub fn words(&self) -> String {
        let by = self.by.as_deref().map(|by| format!(" by {by}")).unwrap_or_default();
        let until = self.until.map(|day| format!(" until {day}")).unwrap_or_default();
        format!("kept like `{}`{by}{until}", self.like)
    }
}

/// All that are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keeps {
    all: Vec<Keep>,
    ids: HashMap<String, Vec<usize>>,
    orders: HashMap<String, Vec<usize>>,
}

static NONE: LazyLock<Keeps> = LazyLock::new(Keeps::default);

impl Keeps {
    /// None at all.
    #[must_use]
    pub fn none() -> &'static Self {
        &NONE
    }

    /// These. Of two for one lease the newer one counts.
    #[must_use]
    pub fn new(mut all: Vec<Keep>) -> Self {
        all.sort_by_key(|keep| std::cmp::Reverse(keep.since));
        let mut keeps = Self::default();
        for (n, keep) in all.iter().enumerate() {
            keeps.ids.entry(keep.lease.id.to_string()).or_default().push(n);
            keeps.orders.entry(keep.lease.order.to_string()).or_default().push(n);
        }
        keeps.all = all;
        keeps
    }

    /// Each of them, the newest first.
    #[must_use]
    pub fn all(&self) -> &[Keep] {
        &self.all
    }

    /// There are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The keep of that lease.
    #[must_use]
    pub fn of(&self, lease: &LeaseView<'_>) -> Option<&Keep> {
        if self.all.is_empty() {
            return None;
        }
        let places = self.ids.get(lease.id).into_iter().chain(self.orders.get(lease.order)).flatten();
        let mine = |&&n: &&usize| &self.all[n].account == lease.account && self.all[n].lease.is_lease(*lease);
        places.filter(mine).min().map(|&n| &self.all[n])
    }
}

impl Keeps {
    /// The keep of a lease that is known by this alone.
    #[must_use]
    pub fn named(&self, account: &AccountName, lease: &LeaseName) -> Option<&Keep> {
        self.all.iter().find(|keep| &keep.account == account && keep.lease.is_same_lease(lease))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Lease;
    use crate::domain::sample::lease;
    use crate::policy::sample::{keep, policies};
    use crate::policy::{Action, LastPaid, Policies, Policy};

    const END: &str = "2026-12-10T12:00:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// A lease under `go`, which lets it lapse; `keep` renews.
    fn released() -> Lease {
        Lease { expires_at: Some(at(END)), ip: "203.0.113.1".into(), ..lease() }
    }

    fn kept(lease: &Lease, until: Option<&str>, like: &str) -> Keep {
        Keep {
            account: lease.account.clone(),
            lease: LeaseName::of(lease),
            like: like.to_owned(),
            since: at("2026-12-01T12:00:00Z"),
            by: Some("alice".to_owned()),
            until: until.map(|day| day.parse().unwrap()),
        }
    }

    struct Known(Keeps);

    impl LastPaid for Known {
        fn last_paid(&self, _: &LeaseView<'_>) -> Option<crate::domain::Money> {
            None
        }
        fn keeps(&self) -> &Keeps {
            &self.0
        }
    }

    fn decides(of: &Lease, keeps: Vec<Keep>, now: &str) -> Option<String> {
        let go = Policy { action: Action::Release, ..keep("go") };
        let all = [go, keep("keep")];
        let known = Known(Keeps::new(keeps));
        let policies = Policies { last_paid: &known, ..policies(&all, at(now)) };
        policies.of(of).map(|p| p.name.clone())
    }

    const NOW: &str = "2026-12-02T00:00:00Z";

    #[test]
    fn a_kept_lease_is_decided_by_the_policy_that_it_is_kept_like() {
        let lease = released();
        assert_eq!(decides(&lease, vec![], NOW).as_deref(), Some("go"));
        assert_eq!(decides(&lease, vec![kept(&lease, None, "keep")], NOW).as_deref(), Some("keep"));
        let other = Lease { id: "L2".into(), order: "O2".into(), ip: "203.0.113.2".into(), ..lease.clone() };
        assert_eq!(decides(&other, vec![kept(&lease, None, "keep")], NOW).as_deref(), Some("go"));
        let elsewhere = Lease { account: "other".into(), ..lease.clone() };
        assert_eq!(decides(&elsewhere, vec![kept(&lease, None, "keep")], NOW).as_deref(), Some("go"));
    }

    #[test]
    fn a_kept_lease_is_known_again_when_its_id_changes() {
        let lease = released();
        let renamed = Lease { id: "other".into(), ..lease.clone() };
        assert_eq!(decides(&renamed, vec![kept(&lease, None, "keep")], NOW).as_deref(), Some("keep"));
        let moved = Lease { ip: "203.0.113.9".into(), ..renamed };
        assert_eq!(decides(&moved, vec![kept(&lease, None, "keep")], NOW).as_deref(), Some("go"));
    }

    #[test]
    fn a_keep_is_over_on_its_day_and_for_what_lasts_until_then() {
        let lease = released();
        let of = |until, now| decides(&lease, vec![kept(&lease, Some(until), "keep")], now);
        assert_eq!(of("2026-12-11", NOW).as_deref(), Some("keep"));
        assert_eq!(of("2026-12-10", NOW).as_deref(), Some("go"), "it lasts until that day");
        assert_eq!(of("2026-12-11", "2026-12-10T23:59:59Z").as_deref(), Some("keep"));
        assert_eq!(of("2026-12-11", "2026-12-11T00:00:00Z").as_deref(), Some("go"));
    }

    #[test]
    fn a_keep_whose_policy_is_gone_never_lets_its_lease_go() {
        let lease = released();
        assert_eq!(decides(&lease, vec![kept(&lease, None, "gone")], NOW), None, "its own lets it lapse");
    }

    #[test]
    fn of_two_keeps_the_newer_one_counts() {
        let lease = released();
        let newer = Keep { since: at("2026-12-01T13:00:00Z"), ..kept(&lease, None, "go") };
        assert_eq!(decides(&lease, vec![newer, kept(&lease, None, "keep")], NOW).as_deref(), Some("go"));
    }
}
