//! `explain` as a document: a lease, the reckoning behind its decision, and which policies match it. Not responsible for deciding.
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{ItemDoc, SCHEMA, Step, StepDoc};
use crate::policy::{Policies, Subject};

/// The whole document.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ExplainDoc {
    schema: u32,
    /// What was asked for: an address, a lease id or an order id.
    pub target: String,
    /// Every lease of that name.
    pub items: Vec<ExplainedItem>,
    /// Every policy, and what speaks against it for the first of these leases.
    pub policies: Vec<PolicyDoc>,
    /// What happens next with the first of them, in words.
    pub next: String,
    /// With `--stored`: how old the oldest of the facts is. Null where the providers were asked, or were never read.
    pub facts_at: Option<Timestamp>,
}

/// A lease with its reckoning.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ExplainedItem {
    /// As in a plan.
    #[serde(flatten)]
    pub item: ItemDoc,
    /// In the order in which they are reckoned.
    pub steps: Vec<StepDoc>,
    /// Only with `--stored`.
    #[serde(flatten)]
    pub stored: Option<StoredAt>,
}

/// How old that is which is said of a stored lease.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct StoredAt {
    /// Since when its decision is what it is.
    pub decided_at: Option<Timestamp>,
    /// When it left its account's list, if it did.
    pub left_list_at: Option<Timestamp>,
}

/// A policy.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PolicyDoc {
    /// Its name.
    pub name: String,
    /// It matches; the first one that does decides.
    pub matched: bool,
    /// What does not match.
    pub failed: Vec<MissDoc>,
}

/// A key of `match` that the lease does not fit.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MissDoc {
    /// As in the config, such as `tag` or `not.kind`.
    pub key: String,
    /// What the policy wants: one of these.
    pub want: Vec<String>,
    /// What the lease has; null = nothing.
    pub saw: Option<String>,
}

impl ExplainDoc {
    /// The document of these leases.
    #[must_use]
    pub fn new(
        target: &str,
        items: Vec<ExplainedItem>,
        policies: Vec<PolicyDoc>,
        next: &str,
        facts_at: Option<Timestamp>,
    ) -> Self {
        Self { schema: SCHEMA, target: target.to_owned(), items, policies, next: next.to_owned(), facts_at }
    }
}

impl ExplainedItem {
    /// With the figures of each step.
    #[must_use]
    pub fn new(item: ItemDoc, steps: &[Step]) -> Self {
        Self { item, steps: steps.iter().map(Step::document).collect(), stored: None }
    }
}

impl PolicyDoc {
    /// Every policy for that lease.
    #[must_use]
    pub fn all(policies: &Policies<'_>, subject: &Subject<'_>) -> Vec<Self> {
        let one = |policy: &crate::policy::Policy| {
            let misses = policy.matches.misses(subject).into_iter();
            let failed: Vec<MissDoc> =
                misses.map(|m| MissDoc { key: m.key, want: m.want, saw: m.saw }).collect();
            Self { name: policy.name.clone(), matched: failed.is_empty(), failed }
        };
        policies.all.iter().map(one).collect()
    }
}
