//! What the answer to a payment says of single leases: which of the asked ones it accepts. Pure.
//!
//! A lease is accepted where its told end is of a later term than the one that was paid for, by the rule of [`crate::domain::term`], or
//! where it is named as renewed and no end is told; the answer says nothing of any other. What is accepted is not confirmed: for that its end is read back (`renewal.rs`), so that an
//! answer that lies costs a look and no money.
use crate::domain::{LeaseId, RenewalRequest, Sameness, TermEnd, term};

/// What an answer says of a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldEnd {
    /// Which lease.
    pub lease: LeaseId,
    /// Its end from now on. `None`: the answer names it as renewed, and tells no end.
    pub end: Option<TermEnd>,
}

/// For each lease of the request, in its order: what the answer says of it, if that accepts it. A lease of which it tells twice is told
/// nothing of.
#[must_use]
pub fn accepted_by_answer<'a>(request: &RenewalRequest, told: &'a [ToldEnd]) -> Vec<Option<&'a ToldEnd>> {
    let of = |id: &LeaseId| {
        let mut all = told.iter().filter(|t| &t.lease == id);
        all.next().filter(|_| all.next().is_none())
    };
    let later = |before: TermEnd, now: TermEnd| {
        term::compare(before, now, Some(request.period_days)) == Sameness::Later
    };
    let accepts = |told: &ToldEnd, before: TermEnd| told.end.is_none_or(|now| later(before, now));
    request.leases.iter().map(|l| of(&l.id).filter(|told| accepts(told, l.end()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Kind, Method, RequestLease, Told};

    const END: &str = "2026-12-01T00:00:00Z";
    const NAMED: &str = "no end";

    fn accepted(told: &[(&str, &str)]) -> Vec<bool> {
        let lease = |id: &str| RequestLease {
            id: LeaseId::from(id),
            order: id.into(),
            ip: "203.0.113.1".to_owned(),
            port: None,
            expires_at: END.parse().unwrap(),
            told: Told::Instant,
        };
        let request = RenewalRequest {
            account: "px".into(),
            kind: Kind::from("IPv4"),
            leases: vec![lease("1"), lease("2")],
            period_days: 30,
            cycle: None,
            promo: None,
            method: Method::Leases,
        };
        let end = |(id, at): &(&str, &str)| ToldEnd {
            lease: LeaseId::from(*id),
            end: (*at != NAMED).then(|| TermEnd::instant(at.parse().unwrap())),
        };
        let told: Vec<ToldEnd> = told.iter().map(end).collect();
        accepted_by_answer(&request, &told).iter().map(Option::is_some).collect()
    }

    #[test]
    fn a_lease_is_accepted_by_a_later_end_of_its_own_and_by_nothing_else() {
        let (new, jitter, old) = ("2026-12-31T00:00:00Z", "2026-12-01T00:00:59Z", "2026-11-01T00:00:00Z");
        assert_eq!(accepted(&[("1", new), ("2", new)]), [true, true]);
        assert_eq!(accepted(&[("2", new), ("1", END)]), [false, true]);
        assert_eq!(accepted(&[("1", jitter), ("2", old)]), [false, false]);
        assert_eq!(accepted(&[("1", new)]), [true, false]);
        assert_eq!(
            accepted(&[("3", new), ("1", new), ("1", new)]),
            [false, false],
            "told twice, told of another"
        );
        assert_eq!(accepted(&[]), [false, false]);
    }

    #[test]
    fn a_lease_that_is_named_without_an_end_is_accepted_and_one_whose_told_end_stood_still_is_not() {
        assert_eq!(accepted(&[("2", NAMED)]), [false, true]);
        assert_eq!(accepted(&[("1", END), ("2", NAMED)]), [false, true]);
        assert_eq!(accepted(&[("1", NAMED), ("1", NAMED), ("3", NAMED)]), [false, false]);
    }
}
