//! What happened, from both sides, and the rules it must keep: a pure function from a history to its breaches.
//!
//! The provider's books are the truth about money; the ledger must tell the same story. The table of legal steps is written
//! down here once more, from the contract, so that a mistake in the product's own table does not hide behind itself.
use std::collections::{BTreeMap, BTreeSet};

use renewd::domain::Money;

/// A lease in one of its terms: its address, and the end (Unix seconds) that the payment moves.
pub type Term = (String, i64);

/// A charge in the provider's books.
#[derive(Debug, Clone)]
pub struct Charge {
    pub amount: Money,
    pub terms: Vec<Term>,
}

/// A payment in the ledger.
#[derive(Debug, Clone)]
pub struct Row {
    pub id: String,
    pub terms: Vec<Term>,
    pub charged: Option<Money>,
    /// The state after each event, oldest first.
    pub states: Vec<String>,
}

impl Row {
    pub fn state(&self) -> &str {
        self.states.last().map_or("", String::as_str)
    }

    /// By this row, the money of its leases may be gone.
    fn counts(&self) -> bool {
        ["spend_started", "accepted", "unknown", "confirmed", "needs_operator"].contains(&self.state())
    }
}

/// A money call as the wire saw it, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    pub from: i64,
    /// `None` = still open.
    pub to: Option<i64>,
}

/// Everything that is known of a world.
#[derive(Debug, Clone, Default)]
pub struct History {
    pub opening: Money,
    pub balance: Money,
    pub charges: Vec<Charge>,
    pub rows: Vec<Row>,
    pub calls: Vec<Call>,
    /// When each request came, in milliseconds.
    pub requests: Vec<i64>,
    /// Requests in any 60 s.
    pub limit: usize,
    /// No process is at work, no fault, and time enough went by: nothing may be open any more.
    pub calm: bool,
}

/// Contract §4, with the late evidence of the same page.
const STEPS: [(&str, &[&str]); 7] = [
    ("reserved", &["spend_started", "released"]),
    ("spend_started", &["accepted", "refused", "unknown", "not_applied"]),
    ("accepted", &["confirmed", "unknown", "split", "not_applied"]),
    ("unknown", &["confirmed", "not_applied", "needs_operator", "split"]),
    ("not_applied", &["confirmed", "split", "not_applied"]),
    ("needs_operator", &["confirmed", "not_applied", "split"]),
    ("refused", &["confirmed", "not_applied", "split"]),
];

impl History {
    /// Every rule that this history breaks; empty = none.
    pub fn breaches(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.legal_steps(&mut found);
        self.charges_have_rows(&mut found);
        self.rows_have_charges(&mut found);
        self.sums(&mut found);
        self.one_call_at_a_time(&mut found);
        self.under_the_limit(&mut found);
        found
    }

    fn legal_steps(&self, found: &mut Vec<String>) {
        for row in &self.rows {
            if row.states.first().is_none_or(|s| s != "reserved") {
                found.push(format!("illegal: {} does not begin as reserved: {:?}", row.id, row.states));
            }
            for pair in row.states.windows(2) {
                let next = STEPS.iter().find(|(from, _)| *from == pair[0]).map_or(&[][..], |(_, to)| to);
                if !next.contains(&pair[1].as_str()) {
                    found.push(format!("illegal: {} went from {} to {}", row.id, pair[0], pair[1]));
                }
            }
        }
    }

    fn rows_of<'a>(&'a self, term: &'a Term) -> impl Iterator<Item = &'a Row> {
        self.rows.iter().filter(move |r| r.counts() && r.terms.contains(term))
    }

    /// A lease's second charge within a term moves an end that no row expected, or one that two rows expected.
    fn charges_have_rows(&self, found: &mut Vec<String>) {
        let mut seen = BTreeSet::new();
        for term in self.charges.iter().flat_map(|c| &c.terms) {
            if !seen.insert(term) {
                found.push(format!("double charge: {term:?} twice in the provider's books"));
            }
            match self.rows_of(term).count() {
                1 => {}
                0 if self.rows.iter().any(|r| {
                    r.counts() && r.terms.iter().any(|t| t.0 == term.0 && t.1 < term.1) && !self.is_charged(r)
                }) =>
                {
                    found.push(format!("double charge: {term:?} was not due, a row expected an earlier end"));
                }
                0 => found.push(format!("lost row: the charge for {term:?} is in no row of the ledger")),
                n => found.push(format!("double charge: {n} rows hold money for {term:?}")),
            }
        }
    }

    fn is_charged(&self, row: &Row) -> bool {
        row.terms.iter().all(|term| self.charges.iter().any(|c| c.terms.contains(term)))
    }

    fn rows_have_charges(&self, found: &mut Vec<String>) {
        for row in &self.rows {
            let (state, charged) = (row.state(), self.is_charged(row));
            if ["accepted", "confirmed"].contains(&state) && !charged {
                found.push(format!(
                    "no charge: {} is {state}, and the books lack it: {:?}",
                    row.id, row.terms
                ));
            }
            let open = ["reserved", "spend_started", "accepted", "unknown", "needs_operator"];
            if self.calm && open.contains(&state) {
                found.push(format!("stuck: {} is still {state}", row.id));
            }
        }
    }

    /// To the cent: the account as a whole, and each charge against the rows that it settled.
    fn sums(&self, found: &mut Vec<String>) {
        let spent = Money::sum(self.charges.iter().map(|c| c.amount));
        if spent != self.opening.minus(self.balance) {
            found.push(format!("sums: {spent:?} was charged, {} became {}", self.opening, self.balance));
        }
        if !self.calm {
            return;
        }
        for charge in &self.charges {
            let rows: BTreeMap<&str, &Row> =
                charge.terms.iter().flat_map(|t| self.rows_of(t)).map(|r| (r.id.as_str(), r)).collect();
            let told: Option<Vec<Money>> = rows.values().map(|r| r.charged).collect();
            if told.and_then(Money::sum) != Some(charge.amount) {
                let ids: Vec<_> = rows.values().map(|r| (&r.id, r.charged)).collect();
                found.push(format!(
                    "sums: {} was charged for {:?}, by the ledger {ids:?}",
                    charge.amount, charge.terms
                ));
            }
        }
    }

    fn one_call_at_a_time(&self, found: &mut Vec<String>) {
        let mut calls = self.calls.clone();
        calls.sort_by_key(|c| c.from);
        for pair in calls.windows(2) {
            if pair[0].to.is_none_or(|to| to > pair[1].from) {
                found.push(format!(
                    "overlap: two money calls in flight at once: {:?} and {:?}",
                    pair[0], pair[1]
                ));
            }
        }
    }

    fn under_the_limit(&self, found: &mut Vec<String>) {
        let mut at = self.requests.clone();
        at.sort_unstable();
        for (n, first) in at.iter().enumerate() {
            if at.get(n + self.limit).is_some_and(|last| last - first < 60_000) {
                found.push(format!("limit: more than {} requests in the minute from {first}", self.limit));
                return;
            }
        }
    }
}

/// What the ledger lost between two looks at it: rows may be added and logs may grow, and that is all.
pub fn lost(before: &[Row], after: &[Row]) -> Vec<String> {
    let now: BTreeMap<&str, &Row> = after.iter().map(|r| (r.id.as_str(), r)).collect();
    let mut found = Vec::new();
    for row in before {
        match now.get(row.id.as_str()) {
            None => found.push(format!("lost row: {} is gone", row.id)),
            Some(later) if !later.states.starts_with(&row.states) || later.terms != row.terms => {
                found.push(format!("lost row: {} was rewritten: {row:?} became {later:?}", row.id));
            }
            Some(_) => {}
        }
    }
    found
}
