//! Alerts about money as a whole: budgets near their end, balances that moved without a payment.
use jiff::{SignedDuration, Timestamp};

use super::plain;
use crate::domain::alert::AlertRow;
use crate::domain::{AccountName, Alert, AlertKey, Money, Severity};
use crate::ledger::BalanceNote;

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
                "{} of {} {} are spent or reserved; the warning begins at {from}.",
                budget.spent, budget.limit, budget.currency
            ),
        )
    })
}

/// One alert per account for what fell and one for what rose within [`NEWS`]: a further move is told as it comes.
pub(super) fn balance_moves(notes: &[BalanceNote], now: Timestamp) -> Vec<Alert> {
    let fresh: Vec<&BalanceNote> =
        notes.iter().filter(|n| now.duration_since(n.at) < NEWS && n.unexplained != Money::ZERO).collect();
    let mut accounts: Vec<&AccountName> = fresh.iter().map(|n| &n.account).collect();
    accounts.sort_unstable();
    accounts.dedup();
    let of = |account: &AccountName, fell: bool| -> Vec<&BalanceNote> {
        let fits = |n: &&&BalanceNote| &n.account == account && n.unexplained.is_positive() == fell;
        fresh.iter().filter(fits).copied().collect()
    };
    accounts
        .into_iter()
        .flat_map(|a| [unexplained_spend(a, &of(a, true)), top_up(a, &of(a, false))])
        .flatten()
        .collect()
}

fn move_row(note: &BalanceNote) -> AlertRow {
    let moved = Money::ZERO.minus(note.unexplained).unwrap_or_default();
    let sign = if moved.is_positive() { "+" } else { "" };
    AlertRow {
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
            "look at the provider's own list of charges".into(),
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
            "No payment in the ledger accounts for it: somebody else bought with this account, the provider charged by itself, or \
             its key is in other hands. It counts in no budget.",
        )
    })
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
