//! Every rule through its life: quiet in a quiet world, it fires alone, stays quiet while nothing changes, is repeated after
//! `alerts.repeat`, and ends as its cause says.
use jiff::{SignedDuration, Timestamp};
use renewd::alerts::rules::{
    BudgetUse, LoopFacts, cause, config_refused, cycles_missed, loop_late, mail_undelivered, tried_again,
};
use renewd::domain::{Alert, Occasion, Severity, State};
use renewd::ledger::{
    BalanceNote, EventDetail, ExactSet, NewPlan, PlanEvent, PlanRecord, PlanState, Restored, WaitingMails,
};
use renewd::planner::Standing;
use renewd::policy::{Decision, Reason, Stage, Word};
use rstest::rstest;

use crate::support::{acct, at, intent, lease, money};
use crate::world::{World, payment};

const DAY_AND_MORE: i64 = 25 * 60;

/// How an alert lives on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Repeated while it holds, and its end is told.
    Condition,
    /// Repeated while it holds; its end is no news.
    Passing,
    /// Told once.
    Fact,
}
use Kind::{Condition, Fact, Passing};

fn lives(key: &str, severity: Severity, kind: Kind, begin: impl Fn(&mut World), end: impl Fn(&mut World)) {
    let mut world = World::new();
    assert_eq!(world.pass(0), [], "a quiet world");
    begin(&mut world);
    assert_eq!(world.keys(), [(key.to_owned(), severity)], "it fires, and nothing else");
    let told = |occasion| vec![(key.to_owned(), occasion)];
    assert_eq!(world.pass(10), told(Occasion::Raised));
    assert_eq!(world.pass(10), [], "nothing changed");
    let again = if kind == Fact { Vec::new() } else { told(Occasion::Repeated) };
    assert_eq!(world.pass(DAY_AND_MORE), again);
    assert_eq!(world.pass(10), []);
    end(&mut world);
    let over = if kind == Condition { told(Occasion::Resolved) } else { Vec::new() };
    assert_eq!(world.pass(10), over);
    assert_eq!((world.open.len(), world.pass(10)), (0, Vec::new()));
    let known = cause(key.split(':').next().unwrap()).unwrap();
    assert_eq!(known.end_is_told, kind == Condition, "the list of causes agrees");
}

fn well(world: &mut World) {
    world.hold(1, Word::NotDue, Stage::Early);
}

#[test]
fn a_lease_that_is_held_is_an_alert_of_its_reason() {
    let spoken_for = [
        Word::AccountDown,
        Word::Shrunk,
        Word::AccountChanged,
        Word::SecondRenewd,
        Word::Restored,
        Word::Clock,
        Word::Lapsed,
    ];
    for word in Word::ALL.iter().filter(|w| w.decision() == Decision::Hold && !spoken_for.contains(w)) {
        // An end that cannot be read is what `unparsable` says of a single lease.
        let set = |world: &mut World, stage| {
            world.hold(1, *word, stage);
            if *word == Word::Unparsable {
                world.report.items[0].lease.expires_at = None;
            }
        };
        let key =
            if *word == Word::Stale { "stale_end:yp:O1".into() } else { format!("{}:yp", word.as_str()) };
        lives(&key, Severity::Warning, Condition, |w| set(w, Stage::Normal), well);
        lives(&key, Severity::Urgent, Condition, |w| set(w, Stage::Urgent), well);
        let mut world = World::new();
        set(&mut world, Stage::Normal);
        world.pass(0);
        set(&mut world, Stage::Urgent);
        assert_eq!(world.pass(10), [(key.clone(), Occasion::Escalated)], "its stage changed");
        set(&mut world, Stage::Rescue);
        assert_eq!(world.pass(10), [(key, Occasion::Escalated)], "its stage changed again");
    }
}

#[test]
fn a_ledger_that_was_brought_back_is_one_alert_for_all_accounts_until_each_was_read_twice() {
    let restored = |world: &mut World| {
        world.hold(1, Word::Restored, Stage::Urgent);
        world.report.accounts[0].barred = Some(Reason::new(Word::Restored, "why"));
        world.around.restored = Some(Restored { payments: vec!["p-000007".into()], ..Restored::default() });
    };
    let whole = |world: &mut World| {
        well(world);
        world.report.accounts[0].barred = None;
        world.around.restored = None;
    };
    lives("restored:*", Severity::Urgent, Condition, restored, whole);
}

#[test]
fn a_database_that_was_promoted_is_told_as_what_it_is_with_the_gap() {
    let said = |restored: Restored| {
        let mut world = World::new();
        world.hold(1, Word::Restored, Stage::Urgent);
        world.report.accounts[0].barred = Some(Reason::new(Word::Restored, "why"));
        world.around.restored = Some(restored);
        let found = world.firing();
        let alert = found.iter().find(|a| a.key.to_string() == "restored:*").unwrap();
        format!("{} {}", alert.title, alert.text)
    };
    let newest = Some("2026-11-21T05:50:00Z".parse().unwrap());
    let other = said(Restored { other: true, newest, ..Restored::default() });
    assert!(other.contains("promoted") && other.contains("2026-11-21T05:50:00Z"), "{other}");
    assert!(!other.contains("backup") && !other.contains("was put back"), "{other}");
    let both =
        said(Restored { other: true, payments: vec!["p-000007".into()], newest, ..Restored::default() });
    assert!(both.contains("promoted") && both.contains("was put back from spends.log"), "{both}");
    let backup = said(Restored { payments: vec!["p-000007".into()], ..Restored::default() });
    assert!(backup.contains("backup") && !backup.contains("promoted"), "{backup}");
}

/// A plan of the first lease that waits since minute 0; its deadline is a week ahead.
fn waiting(world: &World) -> PlanRecord {
    let new = intent(&[1]);
    let ahead = |days: i64| world.now().checked_add(SignedDuration::from_hours(24 * days)).unwrap();
    let last = PlanEvent {
        seq: 1,
        state: PlanState::Waiting,
        at: at(0).wall,
        by: None,
        note: None,
        why: Some("due".to_owned()),
    };
    let set = ExactSet {
        request: new.request,
        provider: new.provider.clone(),
        country: None,
        policy: new.policy.clone(),
        attempt: 1,
        price: new.quoted,
        currency: new.currency.clone(),
    };
    let plan = NewPlan {
        name: "k7m2q-9xw4t".to_owned(),
        account: acct(),
        provider: new.provider,
        policy: new.policy,
        sets: vec![set],
        amount: new.quoted,
        currency: new.currency,
        deadline: ahead(7),
        valid_until: ahead(8),
        covers_until: ahead(8),
    };
    PlanRecord { plan, since: at(0).wall, last, begun: Vec::new() }
}

#[test]
fn a_plan_that_waits_for_approval_says_what_and_until_when_and_what_to_type() {
    let asks = |world: &mut World| {
        world.hold(1, Word::Approval, Stage::Normal);
        world.around.plans = vec![waiting(world)];
    };
    let spoken = |world: &mut World| {
        world.around.plans.clear();
        well(world);
    };
    lives("approval:k7m2q-9xw4t", Severity::Warning, Condition, asks, spoken);
    let mut world = World::new();
    asks(&mut world);
    let alert = world.firing().remove(0);
    let plan = &world.around.plans[0].plan;
    assert!(alert.title.contains("1 lease for 2.65 USD, by "), "{}", alert.title);
    assert_eq!(alert.actions, ["renewd approve k7m2q-9xw4t", "renewd reject k7m2q-9xw4t"]);
    assert_eq!((alert.deadline, alert.rows.len()), (Some(plan.deadline), 1));
    assert_eq!(alert.rows[0].stage, Some("normal"));
}

#[test]
fn each_lease_in_an_alert_has_its_stage() {
    for (stage, word) in [(Stage::Normal, "normal"), (Stage::Urgent, "urgent"), (Stage::Rescue, "rescue")] {
        let mut world = World::new();
        world.hold(1, Word::PriceCap, stage);
        let alerts = world.firing();
        assert!(alerts.iter().any(|a| a.rows.iter().any(|r| r.stage == Some(word))), "{word}: {alerts:#?}");
    }
}

#[test]
fn a_plan_is_urgent_from_its_deadline_on_and_a_refused_approval_is_told_with_its_reason() {
    let mut world = World::new();
    world.hold(1, Word::Approval, Stage::Normal);
    world.around.plans = vec![waiting(&world)];
    let key = "approval:k7m2q-9xw4t".to_owned();
    world.pass(0);
    assert_eq!(world.pass(60), []);
    world.around.plans[0].plan.deadline = world.now();
    assert_eq!(world.pass(10), [(key.clone(), Occasion::Escalated)]);
    assert_eq!(world.keys(), [(key.clone(), Severity::Urgent)]);
    world.pass(10);
    let last = &mut world.around.plans[0].last;
    (last.seq, last.state, last.why) = (3, PlanState::Refused, Some("price_cap: dearer".to_owned()));
    last.at = world.report.started.wall.checked_add(SignedDuration::from_mins(10)).unwrap();
    assert_eq!(world.pass(10), [(key, Occasion::Escalated)], "an approval that came to nothing is news");
    assert!(world.firing()[0].text.contains("price_cap: dearer"));
}

#[test]
fn due_and_short_of_funds_says_the_sum_that_is_missing_and_all_leases() {
    let mut world = World::new();
    let quote = |amount: &str| renewd::planner::ItemQuote {
        amount: money(amount),
        currency: "USD".into(),
        period_days: 30,
        promo: None,
    };
    for (n, amount) in [(1, "2.65"), (2, "3.00")] {
        world.hold(n, Word::ShortFunds, Stage::Normal);
        world.report.items[n - 1].quote = Some(quote(amount));
    }
    world.report.accounts[0].free = Some(money("1.00"));
    let alert = world.firing().remove(0);
    assert!(alert.title.starts_with("Top up 4.65 USD at yp"), "{}", alert.title);
    assert_eq!((alert.rows.len(), alert.leases.len()), (2, 2));
    assert_eq!(alert.deadline, lease("yp", 1).expires_at);
}

fn actions(world: &World) -> Vec<String> {
    world.firing().remove(0).actions
}

#[test]
fn a_hold_names_the_line_of_the_config_that_ends_it() {
    let quote = |amount: &str| renewd::planner::ItemQuote {
        amount: money(amount),
        currency: "USD".into(),
        period_days: 30,
        promo: None,
    };
    let mut world = World::new();
    world.hold(1, Word::PriceCap, Stage::Normal);
    world.report.items[0].quote = Some(quote("3.10"));
    world.settings.policies[0].max_price = Some(money("3.00"));
    let told = actions(&world);
    assert_eq!(
        told[..2],
        [
            "raise max_price of policy `keep` from 3.00 to at least 3.10 USD, or let 1 lease lapse",
            "systemctl reload renewd"
        ]
    );

    let mut world = World::new();
    world.hold(1, Word::PeriodNotOffered, Stage::Normal);
    world.report.items[0].reason.prose = "policy `keep` wants 30d; IPv4 is offered for 90d, 180d".into();
    assert_eq!(
        actions(&world)[0],
        "add one of 90d, 180d to policy `keep`, such as period = [\"30d\", \"90d\"]"
    );

    let mut world = World::new();
    world.settings.budgets = vec![renewd::budget::Budget {
        labels: Vec::new(),
        name: "monthly".into(),
        accounts: Vec::new(),
        policies: Vec::new(),
        per: renewd::budget::Per::Month,
        limit: money("10.00"),
        currency: "USD".into(),
        warn_at: None,
    }];
    for n in [1, 2] {
        world.hold(n, Word::OverBudget, Stage::Normal);
        world.report.items[n - 1].quote = Some(quote("2.65"));
        world.report.items[n - 1].reason.prose = "2.65 USD needed, budget `monthly` has 1.00 left".into();
    }
    let told = actions(&world);
    assert_eq!(told[0], "raise limit of budget `monthly` (10.00) by 4.30 USD to pay for 2 leases");
    assert!(
        told[2].starts_with("or wait: budget `monthly` starts afresh ") && told[2].ends_with(" 1 Dec 00:00"),
        "{told:?}"
    );
}

#[test]
fn an_account_that_is_down_says_why_in_its_subject_and_where_its_key_is() {
    let mut world = World::new();
    let why = "the provider refuses the API key (code 24: no such key): put the right key into the file named by `api_key`";
    world.report.accounts[0].standing = Standing::Down(why.into());
    let alert = world.firing().remove(0);
    assert_eq!(
        alert.title,
        "Account yp cannot be read: the provider refuses the API key (code 24: no such key)"
    );
    assert!(alert.text.contains(why));
    let key = alert.actions.iter().find(|a| a.contains("/yp.key")).expect("the key's file");
    assert!(key.contains("install -m 0600") && key.contains("systemctl reload renewd"), "{key}");
}

#[rstest]
#[case::down(Standing::Down("no answer".into()), "account_down:yp")]
#[case::unreadable(Standing::Unreadable("no list".into()), "inventory_unreadable:yp")]
#[case::shrunk(Standing::Shrunk("lost too much".into()), "shrunk:yp")]
#[case::a_part(Standing::Part("it says so".into()), "partial_list:yp")]
fn an_account_that_cannot_be_relied_on(#[case] standing: Standing, #[case] key: &str) {
    let begin = |w: &mut World| w.report.accounts[0].standing = standing.clone();
    let end = |w: &mut World| w.report.accounts[0].standing = Standing::Good;
    lives(key, Severity::Warning, Condition, begin, end);
    let urgent = |w: &mut World| {
        begin(w);
        w.hold(1, Word::AccountDown, Stage::Urgent);
    };
    let back = |w: &mut World| {
        end(w);
        well(w);
    };
    lives(key, Severity::Urgent, Condition, urgent, back);
}

#[rstest]
#[case::changed(Word::AccountChanged, "account_changed:yp")]
#[case::second(Word::SecondRenewd, "second_renewd:yp")]
fn an_account_that_must_not_pay(#[case] word: Word, #[case] key: &str) {
    let begin = |w: &mut World| w.report.accounts[0].barred = Some(Reason::new(word, "why"));
    let end = |w: &mut World| w.report.accounts[0].barred = None;
    lives(key, Severity::Warning, Condition, begin, end);
    let urgent = |w: &mut World| {
        begin(w);
        w.hold(1, word, Stage::Urgent);
    };
    let back = |w: &mut World| {
        end(w);
        well(w);
    };
    lives(key, Severity::Urgent, Condition, urgent, back);
}

#[test]
fn a_list_that_became_empty() {
    let begin = |w: &mut World| {
        w.report.accounts[0].standing = Standing::Shrunk("it is empty".into());
        w.report.accounts[0].leases = 0;
    };
    let end = |w: &mut World| w.report.accounts[0].standing = Standing::Good;
    lives("inventory_empty:yp", Severity::Warning, Condition, begin, end);
}

#[test]
fn records_that_cannot_be_read() {
    let set = |n| move |w: &mut World| w.report.accounts[0].unreadable = n;
    lives("unreadable_records:yp", Severity::Warning, Condition, set(2), set(0));
}

#[test]
fn more_due_than_the_guard_allows_is_news_and_urgent_where_a_lease_is() {
    let begin = |stage| move |w: &mut World| w.hold(1, Word::FleetGuard, stage);
    lives("fleet_guard:yp", Severity::Info, Condition, begin(Stage::Normal), well);
    lives("fleet_guard:yp", Severity::Urgent, Condition, begin(Stage::Urgent), well);
}

#[test]
fn a_payment_that_cannot_leave() {
    let begin = |w: &mut World| {
        w.around.unsent = vec![payment(State::NotApplied)];
        w.hold(1, Word::Backoff, Stage::Normal);
    };
    lives("not_sent:yp", Severity::Warning, Condition, begin, well);
}

#[rstest]
#[case::waiting(Word::Backoff)]
#[case::not_come_to(Word::Due)]
fn a_kept_lease_in_its_last_hours_that_is_not_paid(#[case] word: Word) {
    lives("lapse_ahead:yp", Severity::Urgent, Condition, |w| w.hold(1, word, Stage::Urgent), well);
    let mut world = World::new();
    world.hold(1, word, Stage::Normal);
    assert_eq!(world.keys(), [], "there is time, and the next pass may do it");
}

#[rstest]
#[case::waiting(Word::Backoff)]
#[case::not_come_to(Word::Due)]
fn a_kept_lease_that_two_passes_left_to_be_tried_again(#[case] word: Word) {
    let twice = |w: &mut World| {
        w.hold(1, word, Stage::Normal);
        w.around.waited = tried_again(&w.report, &w.settings, &w.around);
    };
    lives("lapse_ahead:yp", Severity::Warning, Condition, twice, well);
    let mut world = World::new();
    twice(&mut world);
    world.report.stopped = true;
    assert_eq!(world.keys(), [], "a pass that was cut short comes to nothing");
}

#[test]
fn a_pass_that_the_guard_put_off_is_the_first_of_two() {
    let mut world = World::new();
    world.hold(1, Word::FleetGuard, Stage::Normal);
    world.around.waited = tried_again(&world.report, &world.settings, &world.around);
    world.report.items[0].reason = renewd::policy::Reason::new(Word::Backoff, "no price came in time");
    assert_eq!(world.keys(), [("lapse_ahead:yp".to_owned(), Severity::Warning)]);
}

/// Lease 1 ends in so many minutes; its policy becomes urgent a minute before that.
fn ends_in(world: &mut World, minutes: i64, word: Word, stage: Stage) {
    let end = world.now().checked_add(SignedDuration::from_mins(minutes)).unwrap();
    world.hold(1, word, stage);
    world.report.items[0].lease.expires_at = Some(end);
    world.settings.policies[0].urgent = SignedDuration::from_mins(1);
}

/// A window of the day after tomorrow.
fn shut(world: &mut World) {
    let day =
        world.now().to_zoned(jiff::tz::TimeZone::UTC).date().checked_add(jiff::Span::new().days(2)).unwrap();
    world.settings.policies[0].window = Some(format!("{} 08:00-20:00", day.strftime("%a")).parse().unwrap());
}

#[test]
fn a_window_that_never_opens_before_the_end_is_told() {
    let begin = |w: &mut World| {
        ends_in(w, 25 * 60 + 60, Word::OutsideWindow, Stage::Normal);
        w.settings.policies[0].before = renewd::policy::Before::Span(SignedDuration::from_hours(48));
        shut(w);
    };
    lives("lapse_ahead:yp", Severity::Urgent, Condition, begin, well);
    let mut world = World::new();
    ends_in(&mut world, 60 * 60, Word::OutsideWindow, Stage::Normal);
    shut(&mut world);
    assert_eq!(world.keys(), [], "it opens before the end");
}

#[test]
fn days_off_that_leave_no_day_before_the_end_are_told_by_their_key() {
    let mut world = World::new();
    ends_in(&mut world, 25 * 60, Word::OutsideWindow, Stage::Normal);
    let policy = &mut world.settings.policies[0];
    policy.before = renewd::policy::Before::Span(SignedDuration::from_hours(48));
    let today = world.report.started.wall.to_zoned(jiff::tz::TimeZone::UTC).date();
    let days = (0..3).map(|n| today.checked_add(jiff::Span::new().days(n)).unwrap()).collect();
    policy.window = renewd::policy::Windows::new(Vec::new(), days);
    assert_eq!(world.keys(), [("lapse_ahead:yp".to_owned(), Severity::Urgent)]);
    assert!(actions(&world)[0].starts_with("shorten except or raise urgent"), "{:?}", actions(&world));
}

#[test]
fn a_lease_that_falls_due_after_the_last_pass_before_its_end_is_told() {
    let mut world = World::new();
    ends_in(&mut world, 34, Word::NotDue, Stage::Early);
    world.settings.policies[0].before = renewd::policy::Before::Span(SignedDuration::from_secs(20));
    assert_eq!(world.keys(), [("lapse_ahead:yp".to_owned(), Severity::Urgent)]);
    assert!(actions(&world)[0].starts_with("raise before of policy `keep`"), "{:?}", actions(&world));
    world.settings.policies[0].before = renewd::policy::Before::Span(SignedDuration::from_mins(20));
    assert_eq!(world.keys(), []);
}

#[test]
fn an_order_that_stays_active_long_after_its_end_is_told() {
    let mut world = World::new();
    ends_in(&mut world, -59, Word::NotRenewableYet, Stage::Urgent);
    assert_eq!(world.keys(), []);
    ends_in(&mut world, -61, Word::NotRenewableYet, Stage::Urgent);
    assert_eq!(world.keys(), [("lapse_ahead:yp".to_owned(), Severity::Urgent)]);
}

/// Each word that keeps a wanted lease unpaid: what tells of it when no time is left, or what else does.
#[test]
fn every_word_that_keeps_a_wanted_lease_unpaid_is_told_when_its_end_is_near() {
    let elsewhere = [
        Word::AccountDown, // the account's alert, which counts the leases that wait for it
        Word::Shrunk,
        Word::Clock,
        Word::AccountChanged,
        Word::SecondRenewd,
        Word::Restored,     // the ledger's alert: `restored`
        Word::Accepted,     // a payment's own clock: `unresolved`
        Word::ProviderPays, // renewd pays itself in the last hour
    ];
    for word in Word::ALL.iter().filter(|w| !elsewhere.contains(w)) {
        if !matches!(word.decision(), Decision::Renew | Decision::Wait | Decision::Hold) {
            continue;
        }
        let mut world = World::new();
        let stage = if *word == Word::NotDue { Stage::Early } else { Stage::Urgent };
        ends_in(&mut world, if *word == Word::NotRenewableYet { -120 } else { 5 }, *word, stage);
        world.settings.policies[0].before = renewd::policy::Before::Span(SignedDuration::from_secs(20));
        assert_eq!(world.keys().len(), 1, "{}", word.as_str());
    }
}

#[test]
fn a_lease_that_this_pass_paid_is_no_alert() {
    let mut world = World::new();
    world.hold(1, Word::Due, Stage::Urgent);
    world.report.payments = vec![payment(State::Confirmed)];
    assert_eq!(world.keys(), []);
}

#[test]
fn a_watched_lease_before_it_lapses() {
    let begin = |w: &mut World| w.hold(1, Word::WatchPolicy, Stage::Normal);
    let renewed = |w: &mut World| w.hold(1, Word::WatchPolicy, Stage::Early);
    lives("watch:yp", Severity::Warning, Condition, begin, renewed);
    lives("watch:yp", Severity::Urgent, Condition, |w| w.hold(1, Word::NoPolicy, Stage::Urgent), renewed);
}

#[test]
fn a_released_lease_is_noticed_before_it_goes_and_goes_without_a_word() {
    let begin = |w: &mut World| w.hold(1, Word::ReleasePolicy, Stage::Normal);
    let gone = |w: &mut World| drop(w.report.items.remove(0));
    lives("release:yp:2026-11-20", Severity::Info, Fact, begin, gone);
}

#[test]
fn all_that_is_released_on_one_day_is_one_notice_and_the_next_day_another() {
    let mut world = World::new();
    world.hold(1, Word::ReleasePolicy, Stage::Normal);
    world.hold(2, Word::ReleasePolicy, Stage::Early);
    let later = lease("yp", 2).expires_at.unwrap().checked_add(SignedDuration::from_hours(5)).unwrap();
    world.report.items[1].lease.expires_at = Some(later);
    assert_eq!(world.firing()[0].rows.len(), 2, "the one that is not near yet too");
    world.pass(0);
    world.hold(2, Word::ReleasePolicy, Stage::Normal);
    assert_eq!(world.pass(10), [], "nobody is told of the second when it comes near");
    let next_day = later.checked_add(SignedDuration::from_hours(24)).unwrap();
    world.report.items[1].lease.expires_at = Some(next_day);
    assert_eq!(world.pass(10), [("release:yp:2026-11-21".to_owned(), Occasion::Raised)]);
}

#[test]
fn a_kept_lease_that_lapsed() {
    let begin = |w: &mut World| w.hold(1, Word::Lapsed, Stage::Urgent);
    lives("lapsed:yp:2026-11-20", Severity::Urgent, Fact, begin, well);
    let mut world = World::new();
    begin(&mut world);
    world.pass(0);
    world.hold(2, Word::Lapsed, Stage::Urgent);
    let more = [("lapsed:yp:2026-11-20".to_owned(), Occasion::Escalated)];
    assert_eq!(world.pass(10), more, "another one on the same day");
}

#[test]
fn a_kept_lease_that_left_the_list() {
    let begin = |w: &mut World| w.report.lost = vec![lease("yp", 1)];
    lives("lost:yp:L1", Severity::Urgent, Fact, begin, |w| w.report.lost.clear());
    let mut world = World::new();
    world.hold(1, Word::Lapsed, Stage::Urgent);
    world.pass(0);
    world.report.items.remove(0);
    begin(&mut world);
    assert_eq!(world.pass(10), [], "its lapse was told");
}

#[test]
fn a_payment_that_is_unknown_then_open_for_long() {
    let begin = |lag| {
        move |w: &mut World| {
            w.settings.timing.lag_window = SignedDuration::from_hours(lag);
            w.report.unsettled = vec![payment(State::Unknown)];
        }
    };
    let end = |w: &mut World| w.report.unsettled.clear();
    lives("unknown:yp:O1", Severity::Warning, Condition, begin(100), end);
    let urgent = |w: &mut World| {
        begin(100)(w);
        w.hold(1, Word::UnknownPending, Stage::Urgent);
        w.report.items[0].reason.prose = format!("payment {} is open", w.report.unsettled[0].id);
    };
    let both = |w: &mut World| {
        end(w);
        well(w);
    };
    lives("unknown:yp:O1", Severity::Urgent, Condition, urgent, both);
    lives("unresolved:yp:O1", Severity::Warning, Condition, begin(0), end);
}

#[test]
fn a_payment_open_for_more_than_four_lag_windows_says_for_how_long() {
    let mut world = World::new();
    world.report.unsettled = vec![payment(State::Unknown)];
    world.pass(0);
    assert_eq!(world.pass(55), [], "an hour is not over");
    assert_eq!(world.pass(5), [("unresolved:yp:O1".to_owned(), Occasion::Raised)], "and nothing is resolved");
    assert!(world.firing()[0].title.ends_with("has been open for 1h 4m"), "{}", world.firing()[0].title);
    world.report.unsettled.clear();
    assert_eq!(world.pass(10), [("unresolved:yp:O1".to_owned(), Occasion::Resolved)], "one end");
    world.report.unsettled = vec![payment(State::Accepted)];
    assert_eq!(
        world.keys(),
        [("unresolved:yp:O1".to_owned(), Severity::Warning)],
        "accepted, and no new end"
    );
}

#[test]
fn a_payment_that_needs_a_person() {
    let begin = |w: &mut World| w.report.unsettled = vec![payment(State::NeedsOperator)];
    lives("needs_operator:yp:O1", Severity::Urgent, Condition, begin, |w| w.report.unsettled.clear());
}

#[test]
fn an_account_that_left_with_an_unsettled_payment() {
    let begin = |w: &mut World| {
        w.report.unsettled = vec![payment(State::Unknown)];
        w.settings.accounts.clear();
    };
    lives("account_left:yp:O1", Severity::Urgent, Condition, begin, |w| w.report.unsettled.clear());
}

#[test]
fn a_term_that_was_charged_twice() {
    let begin = |w: &mut World| w.report.double_charges = vec![payment(State::Confirmed)];
    lives("double_charge:yp:O1", Severity::Urgent, Fact, begin, |w| w.report.double_charges.clear());
}

#[test]
fn a_charge_that_is_not_the_quote() {
    let dear = |charged: &str| {
        let mut record = payment(State::Confirmed);
        record.detail = EventDetail { charged: Some(money(charged)), ..EventDetail::default() };
        record
    };
    let begin = |w: &mut World| w.report.settled = vec![dear("2.66")];
    lives("charge_differs:yp:O1", Severity::Warning, Fact, begin, |w| w.report.settled.clear());
    let mut world = World::new();
    world.report.payments = vec![dear("2.65")];
    assert_eq!(world.keys(), []);
}

fn budget(spent: &str) -> BudgetUse {
    BudgetUse {
        name: "monthly".into(),
        spent: money(spent),
        limit: money("100.00"),
        warn_from: Some(money("80.00")),
        currency: "USD".into(),
    }
}

#[test]
fn a_budget_at_its_warning_and_again_when_it_is_used_up() {
    let set = |spent: &'static str| move |w: &mut World| w.around.budgets = vec![budget(spent)];
    lives("budget_warn:*:monthly", Severity::Warning, Passing, set("80.00"), set("0.00"));
    let mut world = World::new();
    set("79.99")(&mut world);
    assert_eq!(world.pass(0), []);
    set("81.00")(&mut world);
    world.pass(10);
    set("100.00")(&mut world);
    assert_eq!(world.pass(10), [("budget_warn:*:monthly".to_owned(), Occasion::Escalated)]);
}

fn moved(id: u32, at: Timestamp, unexplained: &str) -> BalanceNote {
    BalanceNote {
        id,
        account: acct(),
        since: at,
        at,
        before: money("100.00"),
        after: money("88.00"),
        currency: "USD".into(),
        explained: money("0.00"),
        unexplained: money(unexplained),
        contested: Vec::new(),
    }
}

#[rstest]
#[case::fell("12.00", "unexplained_spend:yp", Severity::Warning, "fell by 12.00 USD")]
#[case::rose("-12.00", "top_up:yp", Severity::Info, "rose by 12.00 USD")]
fn a_balance_that_moved_without_a_payment(
    #[case] by: &str,
    #[case] key: &str,
    #[case] severity: Severity,
    #[case] says: &str,
) {
    let mut world = World::new();
    let now = world.now();
    world.around.balances = vec![moved(7, now, by)];
    assert_eq!(world.keys(), [(key.to_owned(), severity)]);
    assert!(world.firing()[0].title.contains(says), "{}", world.firing()[0].title);
    assert_eq!(world.pass(0), [(key.to_owned(), Occasion::Raised)]);
    assert_eq!(world.pass(10), []);
    let later = world.now();
    world.around.balances.push(moved(8, later, by));
    assert_eq!(world.pass(10), [(key.to_owned(), Occasion::Escalated)], "another one");
    assert_eq!(world.firing()[0].rows.len(), 2);
    assert_eq!(world.pass(DAY_AND_MORE), [], "a day later it is over, and that is no news");
    assert!(world.open.is_empty());
}

#[test]
fn a_clock_that_stepped() {
    let set = |why: Option<&str>| {
        let why = why.map(str::to_owned);
        move |w: &mut World| w.report.clock_held = why.clone()
    };
    lives("clock:*", Severity::Urgent, Condition, set(Some("it stepped by 1h")), set(None));
}

#[test]
fn mail_that_is_not_delivered() {
    let begin = |w: &mut World| {
        w.around.mails =
            WaitingMails { count: 3, oldest: Some(at(-10).wall), last_error: Some("no route".into()) };
    };
    lives("mail_undelivered:*", Severity::Warning, Condition, begin, |w| {
        w.around.mails = WaitingMails::default()
    });
    let waiting = WaitingMails { count: 1, oldest: Some(at(0).wall), last_error: None };
    assert!(mail_undelivered(&waiting, at(10).wall).is_none(), "it is on its way");
    let alert = mail_undelivered(&waiting, at(11).wall).unwrap();
    assert!(alert.title.starts_with("1 mail is ") && alert.title.ends_with("11m"), "{}", alert.title);
}

/// Rules that no pass judges: told by their own tellers, through the same tables.
fn alone(rule: impl Fn(i64) -> Option<Alert>, key: &str, severity: Severity) {
    let alert = rule(1).expect("it fires");
    assert_eq!((alert.key.as_str(), alert.severity), (key, severity));
    assert!(!alert.actions.is_empty() && rule(0).is_none(), "quiet where nothing is wrong");
}

fn facts(running: Option<i64>, overdue: Option<i64>) -> LoopFacts {
    LoopFacts {
        interval: SignedDuration::from_mins(10),
        jitter: SignedDuration::from_mins(1),
        running: running.map(SignedDuration::from_secs),
        overdue: overdue.map(SignedDuration::from_secs),
    }
}

#[test]
fn a_loop_that_is_late() {
    alone(|on| loop_late(&facts(Some(600 + on), None)), "loop_late:*", Severity::Warning);
    alone(|on| loop_late(&facts(None, Some(120 + on))), "loop_late:*", Severity::Warning);
    assert_eq!(
        loop_late(&facts(Some(3601), None)).unwrap().severity,
        Severity::Urgent,
        "six starts are lost"
    );
    let short = LoopFacts { interval: SignedDuration::from_secs(1), ..facts(Some(60), None) };
    assert!(loop_late(&short).is_none(), "a minute is given to any cycle");
    assert!(loop_late(&facts(None, None)).is_none());
}

#[test]
fn a_pause_of_the_whole_process_is_told_after_the_fact() {
    let missed = |on: i64| {
        let began = at(0).wall.checked_add(SignedDuration::from_secs(1200 + on)).unwrap();
        cycles_missed(at(0).wall, began, SignedDuration::from_mins(10))
    };
    alone(missed, "cycles_missed:*", Severity::Info);
    assert!(missed(1).unwrap().once);
    let soon = at(4).wall;
    assert!(cycles_missed(at(0).wall, soon, SignedDuration::from_secs(1)).is_none(), "a restart is no news");
}

#[test]
fn a_config_that_was_refused() {
    alone(
        |on| (on == 1).then(|| config_refused("renewd.toml:3: nonsense")),
        "config_reload:*",
        Severity::Warning,
    );
}
