//! Rows of decisions as the plan that a cycle hands over.
use renewd::domain::AccountName;
use renewd::ledger::{BriefDecision, Decided, DecisionRow};

/// Rows as a plan, sorted.
pub struct Sorted<'a>(Vec<(&'a AccountName, Vec<&'a DecisionRow>)>);

impl<'a> Sorted<'a> {
    pub fn of(rows: &'a [DecisionRow]) -> Self {
        let mut all: Vec<&DecisionRow> = rows.iter().collect();
        all.sort_by(|a, b| (&a.account, &a.lease).cmp(&(&b.account, &b.lease)));
        Self(all.chunk_by(|a, b| a.account == b.account).map(|of| (&of[0].account, of.to_vec())).collect())
    }
}

impl Decided for Sorted<'_> {
    fn accounts(&self) -> Vec<&AccountName> {
        self.0.iter().map(|(account, _)| *account).collect()
    }

    fn count(&self, account: usize) -> usize {
        self.0[account].1.len()
    }

    fn brief(&self, account: usize, n: usize) -> BriefDecision<'_> {
        let row = self.0[account].1[n];
        BriefDecision {
            lease: row.lease.as_str(),
            decision: &row.decision,
            word: &row.word,
            policy: row.policy.as_deref(),
        }
    }

    fn row(&self, account: usize, n: usize) -> DecisionRow {
        self.0[account].1[n].clone()
    }
}
