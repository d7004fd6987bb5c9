//! Which flags are switched, as a table.
use super::*;
use crate::domain::{Kind, Lease, Money, sample};
use crate::planner::PaidBy;
use crate::policy::Stage;
use crate::policy::sample::keep;

const NOW: &str = "2026-11-21T12:00:00Z";
const LAG: SignedDuration = SignedDuration::from_mins(15);

pub fn policy(action: Action, pay_by: PayBy, take_over: bool) -> Policy {
    Policy { action, max_price: Some(Money::from_cents(500)), pay_by, take_over, ..keep("p") }
}

fn item(flag: Option<bool>, word: Word) -> Item {
    let lease = Lease {
        account: "ps".into(),
        id: "1".into(),
        order: "1".into(),
        kind: Kind::from("ISP Proxy"),
        expires_at: Some("2026-11-22T12:00:00Z".parse().unwrap()),
        provider_renews: flag,
        cycle: Some("monthly".into()),
        price: Some(Money::from_cents(400)),
        ..sample::lease()
    };
    Item {
        labels: Vec::new(),
        bundle: vec![lease.id.clone()],
        lease,
        stage: Some(Stage::Normal),
        reason: Reason::new(word, "because"),
        policy: Some(0),
        due_at: None,
        quote: None,
        attempt: 1,
        paid_by: PaidBy::Provider,
        switch_off_first: false,
        gone_at: None,
    }
}

fn switch(on: bool, minutes_ago: i64, done: bool, refused: bool) -> PastSwitch {
    let now: Timestamp = NOW.parse().unwrap();
    PastSwitch {
        account: "ps".into(),
        order: "1".into(),
        leases: vec!["1".into()],
        on,
        at: now - SignedDuration::from_mins(minutes_ago),
        done,
        refused,
    }
}

fn says(policy: Policy, item: Item, past: &[PastSwitch]) -> Option<bool> {
    let all = steer(&[item], &[policy], |_| true, past, NOW.parse().unwrap(), LAG);
    all.first().map(|s| s.on)
}

#[test]
fn flags_follow_policy_caps_budget_and_funds() {
    use Word as W;
    type Row = (&'static str, Action, PayBy, bool, Option<bool>, Word, Option<bool>);
    let rows: &[Row] = &[
        (
            "wanted and off",
            Action::Renew,
            PayBy::Provider,
            false,
            Some(false),
            W::NotRenewableYet,
            Some(true),
        ),
        ("wanted and on", Action::Renew, PayBy::Provider, false, Some(true), W::NotRenewableYet, None),
        ("wanted and not told", Action::Renew, PayBy::Provider, false, None, W::ProviderPays, Some(true)),
        ("long before it is due", Action::Renew, PayBy::Provider, false, Some(false), W::NotDue, Some(true)),
        ("over budget", Action::Renew, PayBy::Provider, false, Some(true), W::OverBudget, Some(false)),
        ("short of funds", Action::Renew, PayBy::Provider, false, Some(true), W::ShortFunds, Some(false)),
        ("too dear", Action::Renew, PayBy::Provider, false, Some(true), W::PriceCap, Some(false)),
        ("paused", Action::Renew, PayBy::Provider, false, Some(true), W::Paused, Some(false)),
        ("a payment is unknown", Action::Renew, PayBy::Provider, false, Some(true), W::UnknownPending, None),
        ("past until", Action::Renew, PayBy::Provider, false, Some(true), W::PastUntil, Some(false)),
        ("nothing is known", Action::Renew, PayBy::Provider, false, Some(true), W::AccountDown, None),
        ("no price was to be had", Action::Renew, PayBy::Provider, false, Some(true), W::QuoteError, None),
        ("released", Action::Release, PayBy::Provider, false, Some(true), W::ReleasePolicy, Some(false)),
        (
            "released and left alone",
            Action::Release,
            PayBy::Renewd,
            false,
            Some(true),
            W::ReleasePolicy,
            None,
        ),
        ("renewd takes over", Action::Renew, PayBy::Renewd, true, Some(true), W::ProviderOwns, Some(false)),
        ("renewd may not", Action::Renew, PayBy::Renewd, false, Some(true), W::ProviderOwns, None),
        ("watched", Action::Watch, PayBy::Provider, true, Some(true), W::WatchPolicy, None),
        ("ignored", Action::Ignore, PayBy::Provider, true, Some(true), W::IgnorePolicy, None),
    ];
    for (name, action, pay_by, take_over, flag, word, expected) in rows {
        let said = says(policy(*action, *pay_by, *take_over), item(*flag, *word), &[]);
        assert_eq!(said, *expected, "{name}");
    }
}

#[test]
fn a_price_over_the_cap_is_forbidden_before_it_is_due() {
    let mut dear = item(Some(true), Word::NotRenewableYet);
    dear.lease.price = Some(Money::from_cents(501));
    assert_eq!(says(policy(Action::Renew, PayBy::Provider, false), dear, &[]), Some(false));
}

#[test]
fn a_switch_is_not_repeated_while_the_list_may_lag_and_a_refused_one_for_hours() {
    let p = || policy(Action::Renew, PayBy::Provider, false);
    let off = || item(Some(false), Word::NotDue);
    for (past, expected) in [
        (switch(true, 14, true, false), None),
        (switch(true, 15, true, false), Some(true)),
        (switch(true, 359, false, true), None),
        (switch(true, 360, false, true), Some(true)),
        (switch(false, 1, true, false), Some(true)),
    ] {
        assert_eq!(says(p(), off(), std::slice::from_ref(&past)), expected, "{past:?}");
    }
    let untold = item(None, Word::NotDue);
    assert_eq!(says(p(), untold, &[switch(true, 9_999, true, false)]), None, "its last word stands");
}

#[test]
fn of_what_is_on_hold_the_provider_is_only_ever_kept_out() {
    let held = |flag, word| {
        let mut held = item(flag, word);
        held.lease.state = OrderState::OnHold;
        held
    };
    let steered = || policy(Action::Renew, PayBy::Provider, false);
    assert_eq!(says(steered(), held(Some(false), Word::NotDue), &[]), None, "never on");
    assert_eq!(says(steered(), held(Some(true), Word::OverBudget), &[]), Some(false));
    assert_eq!(
        says(policy(Action::Renew, PayBy::Renewd, true), held(Some(true), Word::ProviderOwns), &[]),
        Some(false)
    );
    let mut due = held(Some(true), Word::Due);
    due.switch_off_first = true;
    assert_eq!(says(steered(), due, &[]), None, "the money lane does it, right before it pays");
}
