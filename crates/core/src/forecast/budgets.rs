//! How far budgets carry: the payments in order, each counted in the span in which it is made.
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};

use jiff::Timestamp;

use super::input::{BudgetFacts, Input};
use super::result::{BudgetEnd, Due};
use crate::budget::{Per, part, span};
use crate::domain::{LeaseId, Money};

/// The order of payments, and which one it is.
type Turn = Reverse<(Timestamp, Reverse<i64>, Timestamp, Option<LeaseId>, usize)>;

/// What counts in each span of a budget, by the span's first instant.
struct Book<'a> {
    facts: &'a BudgetFacts<'a>,
    spans: BTreeMap<Timestamp, Money>,
    end: BudgetEnd,
    waiting: HashSet<usize>,
}

/// One end per budget.
pub(super) fn ends(input: &Input<'_>, dues: &[Due]) -> Vec<BudgetEnd> {
    let mut books: Vec<Book<'_>> = input.budgets.iter().map(|facts| Book::new(input, facts)).collect();
    let mut turns: BinaryHeap<Turn> = (0..dues.len()).map(|n| turn(input, dues, n, dues[n].at)).collect();
    let mut gone: HashSet<(usize, usize)> = HashSet::new();
    let mut needs: HashMap<usize, Money> = HashMap::new();
    while let Some(Reverse((at, .., n))) = turns.pop() {
        let due = &dues[n];
        let Some(amount) = due.amount.filter(|_| !gone.contains(&(due.account, due.unit))) else { continue };
        let counting: Vec<(usize, Money)> =
            (0..books.len()).filter_map(|b| Some((b, books[b].counted(input, due, amount)?))).collect();
        if at == due.at {
            for &(b, part) in &counting {
                let need = needs.entry(b).or_default();
                *need = need.plus(part).unwrap_or(*need);
            }
        }
        let Some(&(full, _)) = counting.iter().find(|(b, part)| !books[*b].fits(input, at, *part)) else {
            counting.iter().for_each(|&(b, part)| books[b].add(input, at, part));
            continue;
        };
        match books[full].stop(input, due, n, at) {
            Some(again) => turns.push(turn(input, dues, n, again)),
            None => drop(gone.insert((due.account, due.unit))),
        }
    }
    let done = books.into_iter().enumerate().map(|(b, book)| {
        let mut end = book.end;
        end.need = needs.get(&b).copied().unwrap_or_default();
        end.wait = book.waiting.iter().map(|&n| dues[n].leases.len()).sum();
        end
    });
    done.collect()
}

fn turn(input: &Input<'_>, dues: &[Due], n: usize, at: Timestamp) -> Turn {
    let due = &dues[n];
    let leases = &input.accounts[due.account].leases;
    let first = due.leases.iter().map(|&l| leases.view(l).id).min().map(LeaseId::new);
    Reverse((at, Reverse(input.policies[due.policy].priority), due.ends, first, n))
}

impl<'a> Book<'a> {
    fn new(input: &Input<'_>, facts: &'a BudgetFacts<'a>) -> Self {
        let (from, _) = span(facts.budget.per, input.now, input.timezone);
        let spans = BTreeMap::from([(from, facts.spent)]);
        let end = BudgetEnd {
            name: facts.budget.name.clone(),
            need: Money::ZERO,
            until: None,
            at: None,
            wait: 0,
            lapse: Vec::new(),
        };
        Self { facts, spans, end, waiting: HashSet::new() }
    }

    /// What of it counts; `None` where nothing does.
    fn counted(&self, input: &Input<'_>, due: &Due, amount: Money) -> Option<Money> {
        let account = &input.accounts[due.account];
        let policy = &input.policies[due.policy].name;
        let budget = self.facts.budget;
        let currency = &account.balance.as_ref()?.currency;
        if !budget.counts(account.name, policy, currency) {
            return None;
        }
        if budget.labels.is_empty() {
            return Some(amount);
        }
        let labels = due.leases.iter().map(|&l| input.policies.labels_of(account.leases.view(l)));
        Some(part(amount, &labels.collect::<Vec<_>>(), &budget.labels)).filter(|part| *part > Money::ZERO)
    }

    fn fits(&self, input: &Input<'_>, at: Timestamp, amount: Money) -> bool {
        let budget = self.facts.budget;
        // Each cycle is a span of its own, and there are many before a lease ends.
        let used = match budget.per {
            Per::Cycle => Money::ZERO,
            per => self.spans.get(&span(per, at, input.timezone).0).copied().unwrap_or_default(),
        };
        used.plus(amount).is_some_and(|all| all <= budget.limit)
    }

    fn add(&mut self, input: &Input<'_>, at: Timestamp, amount: Money) {
        let used = self.spans.entry(span(self.facts.budget.per, at, input.timezone).0).or_default();
        *used = used.plus(amount).unwrap_or(*used);
    }

    /// Notes a payment that does not fit; gives the instant at which it is tried again, if that is not too late.
    fn stop(&mut self, input: &Input<'_>, due: &Due, n: usize, at: Timestamp) -> Option<Timestamp> {
        if self.end.at.is_none_or(|first| at < first) {
            self.end.at = Some(at);
            self.end.until = Some(super::date(at, input.timezone));
        }
        let budget = self.facts.budget;
        let never = due.amount.is_none_or(|amount| amount > budget.limit);
        let (_, next) = span(budget.per, at, input.timezone);
        if budget.per == Per::Cycle || never || next >= due.lost_at {
            self.waiting.remove(&n);
            self.end.lapse.extend(due.leases.iter().map(|&l| (due.account, l)));
            return None;
        }
        self.waiting.insert(n);
        Some(next)
    }
}
