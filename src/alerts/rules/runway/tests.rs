//! When the runway alert fires, what it says, when it yields, and what is worse.
use rstest::rstest;

use super::*;
use crate::forecast::bench::{Bench, days, hours, keep, known, lease, money, now};
use crate::forecast::bench::{Known, price};
use crate::policy::{Clause, Key, Matcher, Pattern};

const AHEAD: i64 = 14;

struct Pass {
    forecast: Forecast,
    leases: Leases,
    timezone: TimeZone,
    frozen: BTreeSet<AccountName>,
}

fn pass(bench: &Bench) -> Pass {
    // In the order of the bench: the forecast's numbers lead there.
    let mut leases = Leases::default();
    bench.leases.iter().for_each(|k| leases.push(&k.lease.view()));
    Pass {
        forecast: bench.ahead(AHEAD),
        leases,
        timezone: TimeZone::get("Europe/Berlin").unwrap(),
        frozen: BTreeSet::new(),
    }
}

impl Pass {
    fn with<T>(&self, ask: impl FnOnce(&View<'_>) -> T) -> T {
        let leases: &[&Leases] = &[&self.leases];
        ask(&View {
            forecast: &self.forecast,
            leases,
            policies: &[],
            frozen: &self.frozen,
            timezone: &self.timezone,
            now: now(),
            ahead: SignedDuration::from_hours(24 * AHEAD),
        })
    }

    fn alert(&self) -> Option<Alert> {
        self.with(firing).pop()
    }
}

fn three(balance: &str) -> Bench {
    let leases =
        vec![known("a", days(8), "2.65"), known("b", days(10), "2.65"), known("c", days(11), "3.10")];
    let mut bench = Bench::new(balance, leases);
    let mut first = keep("first");
    first.priority = 100;
    let pattern = Pattern::parse(Key::Lease, "c").unwrap();
    first.matches = Matcher::of(vec![Clause { key: Key::Lease, any: vec![pattern] }]);
    bench.policies.insert(0, first);
    bench
}

#[test]
fn it_says_how_much_where_by_when_and_what_lapses_by_priority_then_end() {
    let alert = pass(&three("3.00")).alert().unwrap();
    assert_eq!(alert.key.as_str(), "runway:yp");
    assert_eq!(
        alert.title,
        "Top up 5.40 USD at yp for the next 14d: 2 leases are not covered; the first ends Tue 1 Dec 13:00"
    );
    assert_eq!(alert.deadline, Some(days(10)));
    assert_eq!(alert.severity, Severity::Warning);
    let rows: Vec<_> = alert.rows.iter().map(|r| format!("{} {:?} {}", r.what, r.amount, r.note)).collect();
    assert_eq!(
        rows,
        [
            "IPv4 ip-c Some(\"3.10 USD\") priority 100, due Sun 29 Nov 13:00",
            "IPv4 ip-b Some(\"2.65 USD\") priority 0, due Sat 28 Nov 13:00",
        ]
    );
    insta::assert_snapshot!(alert.text);
}

#[test]
fn keep_balance_and_unknown_prices_are_said() {
    let mut bench = three("13.00");
    bench.keep_balance = money("10.00");
    let mut odd = Known::new(lease("d", days(6)));
    odd.lease.country = Some("FRA".to_owned());
    bench.leases.push(odd);
    insta::assert_snapshot!(pass(&bench).alert().unwrap().text);
}

#[test]
fn a_single_lease_lapses_in_the_singular() {
    let title = pass(&three("5.30")).alert().unwrap().title;
    assert_eq!(
        title,
        "Top up 3.10 USD at yp for the next 14d: 1 lease is not covered; it ends Wed 2 Dec 13:00"
    );
}

#[test]
fn what_is_due_and_held_has_its_end_for_a_deadline_and_no_instant_that_passed() {
    let bench = Bench::new("0.00", vec![known("a", hours(60), "1.00"), known("b", days(9), "1.00")]);
    let alert = pass(&bench).alert().unwrap();
    assert_eq!((alert.deadline, alert.severity), (Some(hours(60)), Severity::Warning));
    assert_eq!(
        alert.title,
        "Top up 2.00 USD at yp for the next 14d: 2 leases are not covered; the first ends Tue 24 Nov 01:00"
    );
    assert!(alert.text.contains("is due already, and held for another reason."), "{}", alert.text);
}

#[test]
fn it_is_quiet_while_the_balance_lasts_and_after_the_top_up() {
    assert_eq!(pass(&three("8.40")).alert(), None);
    assert!(pass(&three("8.39")).alert().is_some());
}

#[rstest]
#[case(hours(72 + 49), Severity::Warning)]
#[case(hours(72 + 48), Severity::Urgent)]
#[case(hours(49), Severity::Warning)]
#[case(hours(5), Severity::Urgent)]
fn two_days_before_the_first_payment_or_the_end_of_what_is_held_it_is_urgent(
    #[case] ends: Timestamp,
    #[case] severity: Severity,
) {
    let bench = Bench::new("0.00", vec![known("a", ends, "1.00")]);
    assert_eq!(pass(&bench).alert().unwrap().severity, severity);
}

#[test]
fn of_an_account_that_cannot_be_read_nothing_is_said() {
    let mut pass = pass(&three("0.00"));
    pass.frozen.insert("yp".into());
    assert_eq!(pass.alert(), None);
}

fn short_funds() -> Alert {
    let account = AccountName::from("yp");
    plain(
        AlertKey::account("short_funds", "yp"),
        Severity::Warning,
        Some(&account),
        "Top up 1.65 USD",
        "Short.",
    )
}

#[test]
fn where_short_funds_speaks_the_runway_yields_and_its_amount_is_said_there() {
    let mut bench = three("1.00");
    bench.leases.push(known("due", hours(24), "2.65"));
    let pass = pass(&bench);
    let mut alerts = vec![short_funds()];
    alerts.extend(pass.with(firing));
    assert_eq!(alerts.len(), 2);
    let left = pass.with(|view| yield_to_short_funds(&mut alerts, view));
    assert_eq!(left, [key(&"yp".into())]);
    assert_eq!(alerts.len(), 1, "one mail for one empty balance");
    assert_eq!(
        alerts[0].text,
        "Short. To last the next 14d, top up 10.05 USD in all: 3 leases that fall due in that time would lapse otherwise."
    );
    assert_eq!(alerts[0].actions, ["top up 10.05 USD instead: enough for the next 14d"]);
}

#[test]
fn where_only_what_is_due_now_is_short_nothing_is_added_and_nothing_is_called_over() {
    let pass = pass(&Bench::new("1.00", vec![known("due", hours(24), "2.65")]));
    let mut alerts = vec![short_funds()];
    alerts.extend(pass.with(firing));
    assert_eq!(pass.with(|view| yield_to_short_funds(&mut alerts, view)), [key(&"yp".into())]);
    assert_eq!(alerts, [short_funds()]);
}

#[test]
fn without_short_funds_nothing_yields() {
    let pass = pass(&three("0.00"));
    let mut alerts = pass.with(firing);
    assert!(pass.with(|view| yield_to_short_funds(&mut alerts, view)).is_empty());
    assert_eq!(alerts.len(), 1);
}

fn told(bench: &Bench) -> Told {
    Told::of(&bench.ahead(AHEAD).runways[0], days(AHEAD)).unwrap()
}

#[test]
fn what_was_told_survives_as_text() {
    let told = told(&three("3.00"));
    assert_eq!(told.to_string().parse(), Ok(told));
    assert_eq!("nonsense".parse::<Told>(), Err(()));
}

#[test]
fn an_equal_or_better_runway_is_not_worse() {
    let before = told(&three("3.00"));
    for balance in ["3.00", "3.01", "8.39", "100.00"] {
        assert!(!worse(&before, &three(balance).ahead(AHEAD), 0), "{balance}");
    }
}

#[test]
fn a_deadline_a_day_earlier_is_worse() {
    // Told: 5.30 of 8.40 is there, the deadline is that of `c`; a cent less, and it is that of `b`, a day before.
    let before = told(&three("5.30"));
    assert!(worse(&before, &three("5.29").ahead(AHEAD), 0));
    let mut same_day = three("5.29");
    same_day.leases[1].lease.expires_at = Some(hours(24 * 10 + 1));
    assert!(!worse(&before, &same_day.ahead(AHEAD), 0), "23 hours earlier, one cent more");
}

#[test]
fn a_quarter_more_missing_is_worse() {
    let before = told(&three("0.00"));
    assert_eq!(before.short_by, money("8.40"));
    for (price_of_c, want) in [("5.19", false), ("5.20", true)] {
        let mut dearer = three("0.00");
        dearer.leases[2].paid = Some(price(price_of_c, 30));
        assert_eq!(worse(&before, &dearer.ahead(AHEAD), 0), want, "8.40 and 2.10 make 10.50");
    }
}

#[test]
fn what_only_came_into_view_is_no_news() {
    let before = told(&three("3.00"));
    let mut later = three("3.00");
    later.leases.push(known("e", hours(24 * (AHEAD + 3) + 1), "50.00"));
    assert!(!worse(&before, &later.ahead(AHEAD + 1), 0), "it falls due after the time that was told of");
}
