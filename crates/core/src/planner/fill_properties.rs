//! What holds of every filling, over random units, budgets and guards: no cap is exceeded, and neither the order of leases nor that of accounts
//! decides anything.
use super::*;
use crate::domain::{Kind, Lease, LeaseId, Percent, sample};
use crate::policy::sample::keep;
use jiff::Timestamp;
use proptest::prelude::*;
use rust_decimal::Decimal;

const ACCOUNTS: [&str; 2] = ["one", "two"];

/// A unit: account, policy, cents, an end each for its members, whether the first of them has the label, and its number within its account.
type Drawn = (usize, usize, i64, Vec<i64>, bool);
/// A budget: account, policy and label that it is for, if one, and what is left of it in cents.
type Limit = (Option<usize>, Option<usize>, bool, i64);

#[derive(Debug, Clone)]
struct Case {
    units: Vec<Drawn>,
    budgets: Vec<Limit>,
    free: [i64; 2],
    /// Of each policy: whether it pays all or none, and its priority.
    policies: Vec<(bool, i64)>,
    calls: u32,
    share: i64,
}

fn case() -> impl Strategy<Value = Case> {
    let unit = (0_usize..2, 0_usize..3, 1_i64..400, prop::collection::vec(0_i64..4, 1..4), any::<bool>());
    let limit =
        (proptest::option::of(0_usize..2), proptest::option::of(0_usize..3), any::<bool>(), -50_i64..2_000);
    let units = prop::collection::vec(unit, 0..30);
    let budgets = prop::collection::vec(limit, 0..3);
    let policies = prop::collection::vec((any::<bool>(), 0_i64..2), 3);
    (units, budgets, [0_i64..4_000, 0_i64..4_000], policies, 0_u32..30, 1_i64..=100).prop_map(
        |(units, budgets, free, policies, calls, share)| Case {
            units,
            budgets,
            free,
            policies,
            calls,
            share,
        },
    )
}

struct Made {
    units: Vec<Unit>,
    items: Vec<Item>,
    policies: Vec<Policy>,
    funds: HashMap<AccountName, Funds>,
    budgets: Vec<BudgetLeft>,
    guard: Guard,
}

/// One of its leases. Numbers come twice, so that both accounts have some of them: two providers may number alike.
fn item((n, m): (usize, usize), unit: &Drawn) -> Item {
    let (account, policy, _, ends, labelled) = unit;
    // Two of one account must not be one lease.
    let id =
        |m: usize| LeaseId::new(format!("{:02}-{m}{}", n / 2, if n % 2 == account % 2 { "" } else { "b" }));
    Item {
        labels: if *labelled && m == 0 { vec!["red".into()] } else { Vec::new() },
        lease: Lease {
            account: ACCOUNTS[*account].into(),
            id: id(m),
            expires_at: Some(Timestamp::from_second(ends[m]).unwrap()),
            ..sample::lease()
        },
        stage: None,
        reason: Reason::new(Word::Due, "due"),
        policy: Some(*policy),
        due_at: None,
        quote: None,
        bundle: (0..ends.len()).map(id).collect(),
        attempt: 1,
        paid_by: PaidBy::Renewd,
        switch_off_first: false,
        gone_at: None,
    }
}

fn unit(n: usize, (account, policy, cents, ..): &Drawn, members: Vec<usize>) -> Unit {
    let key = GroupKey {
        label_budgets: Vec::new(),
        account: ACCOUNTS[*account].into(),
        kind: Kind::new("IPv4"),
        country: None,
        period_days: 30,
        then: Vec::new(),
        cycle: None,
        paid_by: PaidBy::Renewd,
        promo: None,
        policy: *policy,
        order: Some(format!("O{n}").as_str().into()),
        alone: None,
    };
    Unit { key, members, price: Money::from_cents(*cents), currency: Currency::new("USD") }
}

fn made(case: &Case) -> Made {
    let (mut units, mut items) = (Vec::new(), Vec::new());
    for (n, drawn) in case.units.iter().enumerate() {
        let first = items.len();
        items.extend((0..drawn.3.len()).map(|m| item((n, m), drawn)));
        units.push(unit(n, drawn, (first..items.len()).collect()));
    }
    let of = |account: &str| items.iter().filter(|i: &&Item| i.lease.account.as_str() == account).count();
    let funds = ACCOUNTS.iter().zip(case.free).map(|(name, free)| {
        (AccountName::from(*name), Funds { free: Money::from_cents(free), fleet: of(name), batch: 20 })
    });
    let policy = |(n, (all_or_none, priority)): (usize, &(bool, i64))| Policy {
        on_short_funds: if *all_or_none { OnShortFunds::Hold } else { OnShortFunds::Partial },
        priority: *priority,
        ..keep(&format!("p{n}"))
    };
    let budget = |(n, (account, policy, label, left)): (usize, &Limit)| BudgetLeft {
        name: format!("b{n}"),
        accounts: account.iter().map(|a| ACCOUNTS[*a].into()).collect(),
        policies: policy.iter().map(|p| format!("p{p}")).collect(),
        labels: if *label { vec!["RED".to_owned()] } else { Vec::new() },
        currency: Currency::new("USD"),
        left: Money::from_cents(*left),
    };
    let percent = |n: i64| Percent(Decimal::from(n));
    Made {
        funds: funds.collect(),
        policies: case.policies.iter().enumerate().map(policy).collect(),
        budgets: case.budgets.iter().enumerate().map(budget).collect(),
        guard: Guard {
            max_payments_per_cycle: case.calls,
            max_fleet_share: percent(case.share),
            hold_on_shrink: percent(30),
        },
        units,
        items,
    }
}

impl Made {
    fn fill(&self, units: &[Unit]) -> Vec<Verdict> {
        fill(units, &self.items, &self.policies, &self.funds, &self.budgets, &self.guard)
    }

    fn admitted(&self) -> Vec<&Unit> {
        let verdicts = self.fill(&self.units);
        self.units.iter().zip(verdicts).filter(|(_, v)| *v == Verdict::Admit).map(|(u, _)| u).collect()
    }
}

/// What of a unit counts in a budget, in cents by its members' shares: reckoned without the code that is tested.
fn counted(of: &Made, unit: &Unit, budget: &BudgetLeft) -> Money {
    let policy = &of.policies[unit.key.policy].name;
    let is_for = |all: &[AccountName]| all.is_empty() || all.contains(&unit.key.account);
    if !is_for(&budget.accounts) || !(budget.policies.is_empty() || budget.policies.contains(policy)) {
        return Money::ZERO;
    }
    if budget.labels.is_empty() {
        return unit.price;
    }
    let shares = unit.price.shares(unit.members.len());
    let red = unit.members.iter().zip(shares).filter(|(m, _)| !of.items[**m].labels.is_empty());
    Money::sum(red.map(|(_, share)| share)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn no_balance_budget_or_guard_is_exceeded(case in case()) {
        let made = made(&case);
        let paid = made.admitted();
        for (account, funds) in &made.funds {
            let of = || paid.iter().filter(|u| &u.key.account == account);
            prop_assert!(Money::sum(of().map(|u| u.price)).unwrap() <= funds.free, "{account}");
            let wanted: usize = made.items.iter().filter(|i| &i.lease.account == account).count();
            if wanted >= 20 {
                let most = (wanted * usize::try_from(case.share).unwrap() / 100).max(1);
                let leases: usize = of().map(|u| u.members.len()).sum();
                prop_assert!(leases <= most || of().count() == 1, "{account}: {leases} of {most}");
            }
        }
        for budget in &made.budgets {
            let sum = Money::sum(paid.iter().map(|u| counted(&made, u, budget))).unwrap();
            prop_assert!(sum <= budget.left.max(Money::ZERO), "{}: {sum} of {}", budget.name, budget.left);
        }
        prop_assert!(paid.len() <= case.calls as usize);
    }

    #[test]
    fn the_same_facts_are_filled_alike_in_whatever_order_they_are_listed(case in case(), turn in 0_usize..30) {
        let made = made(&case);
        let verdicts = made.fill(&made.units);
        prop_assert_eq!(&made.fill(&made.units), &verdicts);
        let mut places: Vec<usize> = (0..made.units.len()).rev().collect();
        if !places.is_empty() {
            places.rotate_left(turn % made.units.len());
        }
        let turned: Vec<Unit> = places.iter().map(|&n| made.units[n].clone()).collect();
        for (n, verdict) in places.into_iter().zip(made.fill(&turned)) {
            prop_assert_eq!(&verdict, &verdicts[n], "unit {}", n);
        }
    }

    #[test]
    fn a_policy_that_pays_all_or_none_pays_no_part_for_want_of_money(case in case()) {
        let made = made(&case);
        let verdicts = made.fill(&made.units);
        for (unit, verdict) in made.units.iter().zip(&verdicts) {
            let Verdict::Deny(reason) = verdict else { continue };
            if reason.word != Word::ShortFunds || !case.policies[unit.key.policy].0 {
                continue;
            }
            let key = (unit.key.policy, &unit.key.account);
            let paid = made.units.iter().zip(&verdicts).filter(|(u, _)| (u.key.policy, &u.key.account) == key);
            prop_assert!(paid.into_iter().all(|(_, v)| *v != Verdict::Admit));
        }
    }

    #[test]
    fn another_lease_changes_a_verdict_only_through_money_that_both_want_or_the_guard(
        case in case(), out in 0_usize..30,
    ) {
        // Without budgets, and with a guard that counts no calls, accounts have nothing in common.
        let made = made(&Case { budgets: Vec::new(), calls: 1_000, ..case });
        prop_assume!(!made.units.is_empty());
        let out = out % made.units.len();
        let verdicts = made.fill(&made.units);
        let mut less = made.units.clone();
        let gone = less.remove(out);
        let mut before = verdicts.clone();
        before.remove(out);
        for ((unit, verdict), before) in less.iter().zip(made.fill(&less)).zip(before) {
            prop_assert!(verdict == before || unit.key.account == gone.key.account);
        }
    }

    #[test]
    fn where_money_suffices_and_no_guard_stops_it_everything_is_paid(case in case()) {
        let rich = Case { budgets: Vec::new(), free: [100_000; 2], calls: 1_000, share: 100, ..case };
        let made = made(&rich);
        prop_assert!(made.fill(&made.units).into_iter().all(|v| v == Verdict::Admit));
    }
}
