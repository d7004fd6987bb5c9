//! Finds the policies of a whole list: once for all leases that differ in nothing that some policy looks at. Pure.
//!
//! Of a lease it needs to know which shared values it has, which labels and single values that policies name, and between which bounds
//! its age and last price lie. Leases alike in these have the same policy, so the policies are tried once for each such likeness, however
//! many there are of either. What a policy wants is said in `matcher.rs` alone.
use std::collections::HashMap;

use jiff::SignedDuration;

use super::lookup::{Lookup, Singles};
use super::matcher::Bound;
use super::policies::Policies;
use crate::domain::{LeaseView, Leases, Money};

/// What decides the policy of a lease.
type Likeness = (u32, u32, u32, u32);

/// Looks policies up for one list.
pub struct Finder<'a> {
    policies: Policies<'a>,
    /// Single values that some policy names; numbered behind the labels.
    singles: Lookup,
    ages: Steps<SignedDuration>,
    prices: Steps<Money>,
    /// Sets of labels and single values, numbered as they are met.
    sets: HashMap<Vec<u32>, u32>,
    known: HashMap<Likeness, Option<u16>>,
    /// The last answer: leases that are alike mostly stand together.
    last: Option<(Likeness, Option<u16>)>,
    tokens: Vec<u32>,
    more: Vec<u32>,
}

/// Values at which something changes: `min` bounds include themselves from below, `max` bounds from above.
struct Steps<T> {
    from: Vec<T>,
    to: Vec<T>,
}

impl<T: Ord> Steps<T> {
    fn new(mut from: Vec<T>, mut to: Vec<T>) -> Self {
        from.sort();
        to.sort();
        Self { from, to }
    }

    fn is_empty(&self) -> bool {
        self.from.is_empty() && self.to.is_empty()
    }

    /// Between which steps a value lies; 0 where there is none.
    fn place(&self, value: Option<&T>) -> u32 {
        let Some(value) = value else { return 0 };
        let from = self.from.partition_point(|step| step <= value);
        let to = self.to.partition_point(|step| step < value);
        u32::try_from(1 + from * (self.to.len() + 1) + to).unwrap_or(u32::MAX)
    }
}

impl<'a> Finder<'a> {
    /// For these policies.
    #[must_use]
    pub fn new(policies: Policies<'a>) -> Self {
        let terms = || policies.all.iter().flat_map(|p| p.matches.terms());
        let first_single = u32::try_from(policies.labels.names().len()).unwrap_or(u32::MAX);
        let mut singles = Lookup::default();
        let clauses = terms().flat_map(|t| &t.clauses).filter(|c| Lookup::takes(c.key));
        (first_single..).zip(clauses).for_each(|(n, clause)| singles.add(clause, n));
        let (mut ages, mut prices) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
        for bound in terms().flat_map(|t| &t.bounds) {
            match *bound {
                Bound::MinAge(age) => ages.0.push(age),
                Bound::MaxAge(age) => ages.1.push(age),
                Bound::MinLastPrice(price) => prices.0.push(price),
                Bound::MaxLastPrice(price) => prices.1.push(price),
            }
        }
        Self {
            policies,
            singles,
            ages: Steps::new(ages.0, ages.1),
            prices: Steps::new(prices.0, prices.1),
            sets: HashMap::from([(Vec::new(), 0)]),
            known: HashMap::new(),
            last: None,
            tokens: Vec::new(),
            more: Vec::new(),
        }
    }

    /// The place of the policy of the n-th lease. Always the same list is asked of.
    pub fn of(&mut self, leases: &Leases, n: usize) -> Option<u16> {
        self.of_view(leases.view(n), leases.shared(n))
    }

    /// The same of a lease whose shared values have that number in its list.
    pub fn of_view(&mut self, lease: LeaseView<'_>, shared: usize) -> Option<u16> {
        let policies = self.policies;
        if policies.last_paid.keeps().of(&lease).is_some() {
            // What is said of one lease is said of no other.
            return policies.place_of(lease).and_then(|at| u16::try_from(at).ok());
        }
        let likeness = self.likeness(&lease, shared);
        if let Some((last, found)) = self.last
            && last == likeness
        {
            return found;
        }
        let find = || policies.place_of(lease).and_then(|at| u16::try_from(at).ok());
        let found = *self.known.entry(likeness).or_insert_with(find);
        self.last = Some((likeness, found));
        found
    }

    fn likeness(&mut self, lease: &LeaseView<'_>, shared: usize) -> Likeness {
        let set = self.set(lease);
        let subject = || self.policies.subject(*lease);
        let age = if self.ages.is_empty() { 0 } else { self.ages.place(subject().age().as_ref()) };
        let price =
            if self.prices.is_empty() { 0 } else { self.prices.place(subject().last_price().as_ref()) };
        (u32::try_from(shared).unwrap_or(u32::MAX), set, age, price)
    }

    /// The number of its set of labels and single values that policies name.
    fn set(&mut self, lease: &LeaseView<'_>) -> u32 {
        let labels = self.policies.labels;
        // Labels that follow from shared values are alike where these are.
        if labels.has_none_of_its_own() && self.singles.is_empty() {
            return 0;
        }
        let singles = Singles::of(lease);
        labels.own_tokens((lease, &singles), self.policies.facts(), &mut self.tokens);
        self.more.clear();
        self.singles.find(&singles, &mut self.more);
        self.more.sort_unstable();
        self.more.dedup();
        self.tokens.extend(&self.more);
        if self.tokens.is_empty() {
            return 0;
        }
        if let Some(&set) = self.sets.get(&self.tokens) {
            return set;
        }
        let set = u32::try_from(self.sets.len()).unwrap_or(u32::MAX);
        self.sets.insert(self.tokens.clone(), set);
        set
    }
}
