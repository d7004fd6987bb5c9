//! Alerts about money as a whole: budgets near their end, charges that hold a policy, balances that moved without a payment.
use jiff::{SignedDuration, Timestamp};

use super::{count, deadline, grade, plain, row, touched};
use crate::domain::alert::AlertRow;
use crate::domain::{AccountName, Alert, AlertKey, Money, Severity};
use crate::engine::CycleReport;
use crate::ledger::BalanceNote;
use crate::planner::{Item, Overcharged};
use crate::policy::Word;

/// An unexplained move is an open alert for so long.
pub const NEWS: SignedDuration = SignedDuration::from_hours(24);

/// A budget at the end of a pass.
#[derive(Debug, Clone)]
pub struct BudgetUse {
    /// Its name.
    pub name: String,
    /// What counts in it.
    pub spent: Money,
    /// The most.
    pub limit: Money,
    /// Warn from this amount on.
    pub warn_from: Option<Money>,
    /// In what.
    pub currency: String,
}

/// A budget at its `warn_at`; told again at once when it is used up.
pub(super) fn budget_warn(budget: &BudgetUse) -> Option<Alert> {
    let from = budget.warn_from.filter(|from| budget.spent >= *from)?;
    let left = budget.limit.minus(budget.spent).unwrap_or_default();
    Some(Alert {
        grade: u32::from(!left.is_positive()),
        actions: vec!["renewd status".into()],
        ..plain(
            AlertKey::order("budget_warn", "*", &budget.name),
            Severity::Warning,
            None,
            &format!("Budget {} has {left} {} left", budget.name, budget.currency),
            &format!(
                "{} of {} {} is spent or reserved; the warning starts at {from}.",
                budget.spent, budget.limit, budget.currency
            ),
        )
    })
}

/// One alert per account for what fell, one for what rose and one for what may be a payment's own, within [`NEWS`]: a further move
/// is told as it comes.
pub(super) fn balance_moves(notes: &[BalanceNote], now: Timestamp) -> Vec<Alert> {
    let fresh: Vec<&BalanceNote> =
        notes.iter().filter(|n| now.duration_since(n.at) < NEWS && n.unexplained != Money::ZERO).collect();
    let mut accounts: Vec<&AccountName> = fresh.iter().map(|n| &n.account).collect();
    accounts.sort_unstable();
    accounts.dedup();
    let of = |account: &AccountName, fell: bool, contested: bool| -> Vec<&BalanceNote> {
        let fits = |n: &&&BalanceNote| {
            &n.account == account
                && n.contested.is_empty() != contested
                && (contested || n.unexplained.is_positive() == fell)
        };
        fresh.iter().filter(fits).copied().collect()
    };
    accounts
        .into_iter()
        .flat_map(|a| {
            let alone = [unexplained_spend(a, &of(a, true, false)), top_up(a, &of(a, false, false))];
            alone.into_iter().chain([contested(a, &of(a, true, true))])
        })
        .flatten()
        .collect()
}

fn move_row(note: &BalanceNote) -> AlertRow {
    let moved = Money::ZERO.minus(note.unexplained).unwrap_or_default();
    let sign = if moved.is_positive() { "+" } else { "" };
    AlertRow {
        stage: None,
        what: format!("seen {}", note.at.strftime("%Y-%m-%d %H:%M UTC")),
        ends: None,
        amount: Some(format!("{sign}{moved} {}", note.currency)),
        note: format!(
            "since {} the balance went from {} to {}; known charges took {}",
            note.since.strftime("%Y-%m-%d %H:%M UTC"),
            note.before,
            note.after,
            note.explained
        ),
    }
}

fn unexplained_spend(account: &AccountName, notes: &[&BalanceNote]) -> Option<Alert> {
    let newest = notes.last()?;
    Some(Alert {
        rows: notes.iter().map(|n| move_row(n)).collect(),
        grade: newest.id,
        actions: vec![
            "check the provider's own list of charges".into(),
            format!("renewd history --account {account} --since 7d"),
            format!("renewd pause {account}"),
        ],
        ..plain(
            AlertKey::account("unexplained_spend", account.as_str()),
            Severity::Warning,
            Some(account),
            &format!(
                "The balance of {account} fell by {} {} that renewd did not spend",
                newest.unexplained, newest.currency
            ),
            "No payment in the ledger explains it: somebody else bought with this account, the provider charged on its own, or \
             somebody else has its key. No budget counts it.",
        )
    })
}

/// It fell or rose while payments were under way of which it is not known what they cost: nobody can say whose it is.
fn contested(account: &AccountName, notes: &[&BalanceNote]) -> Option<Alert> {
    let newest = notes.last()?;
    let ids = newest.contested.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let (amount, side) = match newest.unexplained.is_positive() {
        true => (newest.unexplained, "more"),
        false => (Money::ZERO.minus(newest.unexplained).unwrap_or_default(), "less"),
    };
    let actions =
        newest.contested.iter().flat_map(|id| [format!("renewd resolve {id} --charged AMOUNT --note \"…\"")]);
    Some(Alert {
        rows: notes.iter().map(|n| move_row(n)).collect(),
        grade: newest.id,
        actions: ["check the provider's own list of charges".to_owned()].into_iter().chain(actions).collect(),
        ..plain(
            AlertKey::account("contested", account.as_str()),
            Severity::Warning,
            Some(account),
            &format!(
                "The balance of {account} fell by {amount} {} {side} than the ledger explains",
                newest.currency
            ),
            &format!(
                "What renewd's payments cost could not be seen one by one in that span ({ids}), so they count at their quotes. \
                 The difference may be theirs, or somebody else's: it counts in no budget until you say what was charged."
            ),
        )
    })
}

/// One alert per account for all policies that are held there because of what was charged.
pub(super) fn overcharged(held: &[Overcharged], report: &CycleReport) -> Vec<Alert> {
    let mut accounts: Vec<&AccountName> = held.iter().map(|h| &h.account).collect();
    accounts.sort_unstable();
    accounts.dedup();
    let alerts = accounts.into_iter().filter_map(|account| {
        let of: Vec<&Overcharged> = held.iter().filter(|h| &h.account == account).collect();
        let first = of.first()?;
        let waits = |i: &&Item| i.lease.account == *account && i.reason.word == Word::Overcharged;
        let items: Vec<&Item> = report.items.iter().filter(waits).collect();
        let mut policies: Vec<String> = of.iter().map(|h| format!("`{}`", h.policy)).collect();
        policies.dedup();
        let reasons = of.iter().map(|h| format!("Policy `{}`: {}.", h.policy, h.reason().prose));
        Some(Alert {
            rows: items.iter().map(|i| row(i)).collect(),
            leases: touched(&items),
            deadline: deadline(&items),
            grade: grade(&items).max(1).saturating_mul(100).saturating_add(count(of.len())),
            actions: of.iter().map(|h| h.command()).collect(),
            parts: of.iter().map(|h| h.intent.to_string()).collect(),
            ..plain(
                AlertKey::account("overcharged", account.as_str()),
                Severity::Urgent,
                Some(account),
                &format!(
                    "{account} {} {} {} for a quote of {}: {} held",
                    if first.known { "charged" } else { "may have charged" },
                    first.charged,
                    first.currency,
                    first.quoted,
                    policies.join(", ")
                ),
                &format!(
                    "renewd pays nothing more under these policies at this account, not even urgent leases, until you say what was charged. {}",
                    reasons.collect::<Vec<_>>().join(" ")
                ),
            )
        })
    });
    alerts.collect()
}

fn top_up(account: &AccountName, notes: &[&BalanceNote]) -> Option<Alert> {
    let newest = notes.last()?;
    let rose = Money::ZERO.minus(newest.unexplained).unwrap_or_default();
    Some(Alert {
        rows: notes.iter().map(|n| move_row(n)).collect(),
        grade: newest.id,
        ..plain(
            AlertKey::account("top_up", account.as_str()),
            Severity::Info,
            Some(account),
            &format!("The balance of {account} rose by {rose} {}", newest.currency),
            &format!("It is {} {} now: a top-up or a refund was seen.", newest.after, newest.currency),
        )
    })
}
