//! Who gets the money, and who waits.
use super::*;
use crate::domain::{Kind, Lease, LeaseId, Percent, sample};
use crate::policy::sample::keep;
use jiff::Timestamp;
use rust_decimal::Decimal;

fn policy(name: &str, on_short_funds: OnShortFunds, priority: i64) -> Policy {
    Policy { on_short_funds, priority, ..keep(name) }
}

fn account() -> AccountName {
    AccountName::new("yp")
}

fn lease(id: LeaseId) -> Lease {
    Lease { account: account(), id, expires_at: Some(Timestamp::UNIX_EPOCH), ..sample::lease() }
}

/// `counts` leases under each policy, each at 1.00; what `fill` says of them, by policy.
fn filled(policies: &[Policy], counts: &[usize], free: i64, share: i64) -> Vec<Vec<Option<Word>>> {
    let mut items = Vec::new();
    let mut units = Vec::new();
    for (policy, count) in counts.iter().enumerate() {
        for n in 0..*count {
            let id = LeaseId::new(format!("{policy}-{n:03}"));
            let lease = lease(id.clone());
            let reason = Reason::new(Word::Due, "due");
            units.push(Unit {
                key: GroupKey {
                    label_budgets: Vec::new(),
                    account: account(),
                    kind: Kind::new("IPv4"),
                    country: None,
                    period_days: 30,
                    then: Vec::new(),
                    cycle: None,
                    paid_by: PaidBy::Renewd,
                    promo: None,
                    policy,
                    order: None,
                    alone: None,
                },
                members: vec![items.len()],
                price: Money::from_cents(100),
                currency: Currency::new("USD"),
            });
            let policy = Some(policy);
            let bundle = vec![id];
            items.push(Item {
                labels: Vec::new(),
                lease,
                stage: None,
                reason,
                policy,
                due_at: None,
                quote: None,
                bundle,
                attempt: 1,
                paid_by: PaidBy::Renewd,
                switch_off_first: false,
                gone_at: None,
            });
        }
    }
    let fleet = items.len();
    let funds = HashMap::from([(account(), Funds { free: Money::from_cents(free * 100), fleet, batch: 20 })]);
    let percent = |n: i64| Percent(Decimal::from(n));
    let guard =
        Guard { max_payments_per_cycle: 200, max_fleet_share: percent(share), hold_on_shrink: percent(30) };
    let mut words = fill(&units, &items, policies, &funds, &[], &guard).into_iter().map(|v| match v {
        Verdict::Admit => None,
        Verdict::Deny(reason) => Some(reason.word),
    });
    counts.iter().map(|n| words.by_ref().take(*n).collect()).collect()
}

fn count(words: &[Option<Word>], word: Option<Word>) -> usize {
    words.iter().filter(|w| **w == word).count()
}

#[test]
fn what_the_guard_puts_off_counts_for_a_policy_that_pays_all_or_none() {
    let hold = [policy("all", OnShortFunds::Hold, 0)];
    let enough = &filled(&hold, &[30], 30, 50)[0];
    assert_eq!((count(enough, None), count(enough, Some(Word::FleetGuard))), (15, 15));
    // Half of them would fit this cycle, and the other half never.
    let short = &filled(&hold, &[30], 29, 50)[0];
    assert_eq!(count(short, Some(Word::ShortFunds)), 30, "{short:?}");
}

#[test]
fn a_policy_that_pays_what_fits_leaves_no_money_aside() {
    let partial = [policy("some", OnShortFunds::Partial, 0)];
    let words = &filled(&partial, &[30], 20, 50)[0];
    assert_eq!((count(words, None), count(words, Some(Word::FleetGuard))), (15, 15));
}
