//! Labels: names that the owner gives to leases, such as a client's. Looked up in constant time, however many rows name them. Pure.
//!
//! Not responsible for reading files of labels (`settings/labels.rs`).
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use super::key::Key;
use super::lookup::{Lookup, Singles};
use super::matcher::{Clause, Pattern};
use super::subject::{Facts, LabelBook, NothingKnown, Subject};
use crate::domain::LeaseView;

/// All labels of a config.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    /// Sorted, each once.
    names: Vec<Arc<str>>,
    /// Labels by a single value alone.
    lookup: Lookup,
    /// Places of rules by one of their single values: only those that it leads to are tried.
    led: Lookup,
    /// Rules of several keys, one of which hardly two leases share.
    narrow: Vec<Rule>,
    /// Rules that look only at what many leases share: alike for all leases with the same shared values.
    shared: Vec<Rule>,
    /// Places of these by an exact value; those without one are tried for each lease.
    exact: HashMap<(Key, String), Vec<u32>>,
    loose: Vec<u32>,
}

/// The clauses that must all fit, and the place of the label.
type Rule = (Vec<Clause>, u32);

static NONE: LazyLock<Labels> = LazyLock::new(Labels::default);

impl Labels {
    /// No labels at all.
    #[must_use]
    pub fn none() -> &'static Self {
        &NONE
    }

    /// Of these rules: a label, and the clauses that must all fit. Names differ by more than letter case.
    #[must_use]
    pub fn new(rules: Vec<(String, Vec<Clause>)>) -> Self {
        // The first spelling stands for all of them.
        let mut spelled: HashMap<String, Arc<str>> = HashMap::new();
        for (name, _) in &rules {
            spelled.entry(name.to_lowercase()).or_insert_with(|| Arc::from(name.as_str()));
        }
        let mut names: Vec<(String, Arc<str>)> = spelled.into_iter().collect();
        names.sort_by(|(_, a), (_, b)| a.cmp(b));
        let places: HashMap<&str, u32> = names.iter().map(|(folded, _)| folded.as_str()).zip(0..).collect();
        let mut labels = Self::default();
        for (name, clauses) in rules {
            let Some(&token) = places.get(name.to_lowercase().as_str()) else { continue };
            match clauses.as_slice() {
                [one] if Lookup::takes(one.key) => labels.lookup.add(one, token),
                _ => labels.add(clauses, token),
            }
        }
        labels.names = names.into_iter().map(|(_, name)| name).collect();
        labels
    }

    /// A row of a list: whatever has that address, network, order or lease id.
    #[must_use]
    pub fn targets(text: &str) -> Vec<Clause> {
        let one = |key: Key| Pattern::parse(key, text).ok().map(|pattern| Clause { key, any: vec![pattern] });
        match one(Key::Ip) {
            Some(net) => vec![net],
            None => [Key::Order, Key::Lease].into_iter().filter_map(one).collect(),
        }
    }

    /// No lease has labels of its own: they follow from what many leases share.
    pub(super) fn has_none_of_its_own(&self) -> bool {
        self.lookup.is_empty() && self.led.is_empty()
    }

    /// There are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Every label, sorted.
    #[must_use]
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// A rule of more than one key, or of one that many leases share.
    fn add(&mut self, clauses: Vec<Clause>, token: u32) {
        let place = |rules: &[Rule]| u32::try_from(rules.len()).unwrap_or(u32::MAX);
        if let Some(single) = clauses.iter().find(|c| Lookup::takes(c.key)) {
            self.led.add(single, place(&self.narrow));
            self.narrow.push((clauses, token));
            return;
        }
        let n = place(&self.shared);
        let text = |pattern: &Pattern| match pattern {
            Pattern::Text(text) => Some(text.to_lowercase()),
            _ => None,
        };
        let exact = |c: &&Clause| c.any.iter().all(|p| text(p).is_some());
        match clauses.iter().find(exact) {
            Some(clause) => {
                for value in clause.any.iter().filter_map(text) {
                    self.exact.entry((clause.key, value)).or_default().push(n);
                }
            }
            None => self.loose.push(n),
        }
        self.shared.push((clauses, token));
    }

    /// The places of a lease's labels among the names, as far as they do not follow from what many leases share; ascending.
    pub(super) fn own_tokens(
        &self,
        (lease, singles): (&LeaseView<'_>, &Singles<'_>),
        facts: Facts<'_>,
        found: &mut Vec<u32>,
    ) {
        found.clear();
        if self.is_empty() {
            return;
        }
        if !self.narrow.is_empty() {
            let mut led = Vec::new();
            self.led.find(singles, &mut led);
            led.sort_unstable();
            led.dedup();
            try_rules(&self.narrow, &led, (lease, facts), found);
        }
        self.lookup.find(singles, found);
        found.sort_unstable();
        found.dedup();
    }

    /// The places of a lease's labels among the names, ascending.
    fn tokens(&self, lease: &LeaseView<'_>, facts: Facts<'_>, found: &mut Vec<u32>) {
        self.own_tokens((lease, &Singles::of(lease)), facts, found);
        if self.shared.is_empty() {
            return;
        }
        let mut tried = self.loose.clone();
        if !self.exact.is_empty() {
            let subject = Subject::new(*lease, facts, &NothingKnown);
            for key in SHARED {
                let value = subject.text(key).map(str::to_lowercase);
                tried.extend(value.and_then(|value| self.exact.get(&(key, value))).into_iter().flatten());
            }
        }
        tried.sort_unstable();
        tried.dedup();
        try_rules(&self.shared, &tried, (lease, facts), found);
        found.sort_unstable();
        found.dedup();
    }
}

/// Keys of which many leases have the same value.
const SHARED: [Key; 6] = [Key::Account, Key::Provider, Key::Kind, Key::Country, Key::Operator, Key::Tag];

/// Adds the labels of those of these rules that fit. No rule of a label looks at labels: these are not asked for again.
fn try_rules(
    rules: &[Rule],
    places: &[u32],
    (lease, facts): (&LeaseView<'_>, Facts<'_>),
    found: &mut Vec<u32>,
) {
    if places.is_empty() {
        return;
    }
    let subject = Subject::new(*lease, facts, &NothingKnown);
    let fits = |(clauses, _): &&Rule| clauses.iter().all(|c| c.fit(&subject) == Some(true));
    let tried = places.iter().filter_map(|&n| rules.get(n as usize));
    found.extend(tried.filter(fits).map(|(_, token)| *token));
}

impl LabelBook for Labels {
    fn labels_of(&self, lease: &LeaseView<'_>, facts: Facts<'_>) -> Vec<Arc<str>> {
        let mut tokens = Vec::new();
        self.tokens(lease, facts, &mut tokens);
        tokens.into_iter().map(|n| Arc::clone(&self.names[n as usize])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::has_one;

    fn order(name: &str, text: &str) -> (String, Vec<Clause>) {
        (
            name.to_owned(),
            vec![Clause { key: Key::Order, any: vec![Pattern::parse(Key::Order, text).unwrap()] }],
        )
    }

    fn clause(key: Key, texts: &[&str]) -> Clause {
        Clause { key, any: texts.iter().map(|t| Pattern::parse(key, t).unwrap()).collect() }
    }

    /// Rules of every shape, and what a naive look at each of them says.
    #[test]
    fn a_rule_of_several_keys_fits_what_each_of_its_keys_fits() {
        let rules = vec![
            ("a", vec![clause(Key::Ip, &["203.0.113.0/28"]), clause(Key::Country, &["usa"])]),
            ("b", vec![clause(Key::Country, &["USA", "DEU"])]),
            ("c", vec![clause(Key::Tag, &["prod-*"]), clause(Key::Kind, &["ipv4"])]),
            ("d", vec![clause(Key::Tag, &["*-eu"])]),
            ("e", vec![clause(Key::Order, &["O1", "O2"]), clause(Key::Ip, &["203.0.113.1", "203.0.113.9"])]),
            ("f", vec![clause(Key::Account, &["YP"]), clause(Key::Country, &["DEU"])]),
            ("g", vec![clause(Key::Lease, &["L3"])]),
            ("a", vec![clause(Key::Lease, &["l4"]), clause(Key::Kind, &["IPv6"])]),
        ];
        let rules: Vec<(String, Vec<Clause>)> = rules.into_iter().map(|(n, c)| (n.to_owned(), c)).collect();
        let labels = Labels::new(rules.clone());
        let policies = crate::policy::sample::policies(&[], jiff::Timestamp::UNIX_EPOCH);
        let mut seen = std::collections::BTreeSet::new();
        for (n, (country, tag, kind)) in
            (0..).zip(every(&["USA", "DEU", "FRA"], &["prod-us", "prod-eu", "x"], &["IPv4", "IPv6"]))
        {
            for ip in ["203.0.113.1", "203.0.113.9", "203.0.113.99", ""] {
                let lease = crate::domain::Lease {
                    id: format!("L{}", n % 5).as_str().into(),
                    order: format!("O{}", n % 3).as_str().into(),
                    ip: ip.to_owned(),
                    country: Some(country.to_owned()),
                    tag: Some(tag.to_owned()),
                    kind: kind.into(),
                    ..crate::domain::sample::lease()
                };
                let subject = Subject::new(lease.view(), policies.facts(), &NothingKnown);
                let naive: std::collections::BTreeSet<&str> = rules
                    .iter()
                    .filter(|(_, clauses)| clauses.iter().all(|c| c.fit(&subject) == Some(true)))
                    .map(|(name, _)| name.as_str())
                    .collect();
                let got = labels.labels_of(&lease.view(), policies.facts());
                let got: Vec<&str> = got.iter().map(AsRef::as_ref).collect();
                assert_eq!(got, naive.iter().copied().collect::<Vec<_>>(), "{lease:?}");
                seen.extend(naive);
            }
        }
        assert_eq!(seen.into_iter().collect::<String>(), "abcdefg", "each rule fits something");
    }

    fn every<'a>(
        a: &'a [&'a str],
        b: &'a [&'a str],
        c: &'a [&'a str],
    ) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
        a.iter().flat_map(move |x| b.iter().flat_map(move |y| c.iter().map(move |z| (*x, *y, *z))))
    }

    #[test]
    fn names_that_differ_in_letter_case_are_one_label_wherever_labels_are_compared() {
        let labels = Labels::new(vec![order("Ärzte", "O1"), order("ärzte", "O2"), order("ÄRZTE", "O3")]);
        assert_eq!(labels.names().len(), 1, "{labels:?}");
        let name = labels.names();
        assert!(
            has_one(name, &["äRZTE".to_owned()])
                && Pattern::parse(Key::Label, "ärz*").unwrap().fits(&name[0])
        );
    }
}
