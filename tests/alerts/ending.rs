//! "Resolved" is said only where something was put right: not where nothing is known, and not where another alert took over.
use jiff::SignedDuration;
use renewd::alerts::rules::{CAUSES, Scope, how_it_ended};
use renewd::domain::{AccountName, AlertKey, Course, Occasion, Severity, State};
use renewd::ledger::OpenAlert;
use renewd::planner::Standing;
use renewd::policy::{Stage, Word};
use rstest::rstest;

use crate::support::{acct, lease};
use crate::world::{World, payment};

fn raised(key: &str) -> (String, Occasion) {
    (key.to_owned(), Occasion::Raised)
}

fn resolved(key: &str) -> (String, Occasion) {
    (key.to_owned(), Occasion::Resolved)
}

fn short_of_funds() -> World {
    let mut world = World::new();
    world.hold(1, Word::ShortFunds, Stage::Normal);
    assert_eq!(world.pass(0), [raised("short_funds:yp")]);
    world
}

#[rstest]
#[case::outside_its_window(Word::OutsideWindow)]
#[case::backing_off(Word::Backoff)]
#[case::clock(Word::Clock)]
#[case::another_payment_is_settled_first(Word::UnknownPending)]
#[case::guard(Word::FleetGuard)]
#[case::paused(Word::Paused)]
fn what_this_pass_did_not_come_to_is_not_resolved(#[case] word: Word) {
    let mut world = short_of_funds();
    world.hold(1, word, Stage::Normal);
    let told = world.pass(10);
    assert!(told.iter().all(|(_, occasion)| *occasion == Occasion::Raised), "{told:?}");
    assert!(world.open.iter().any(|a| a.key.as_str() == "short_funds:yp"));
    world.hold(1, Word::NotDue, Stage::Early);
    assert!(world.pass(10).contains(&resolved("short_funds:yp")));
}

#[test]
fn a_lease_that_lapsed_unpaid_is_not_resolved() {
    let mut world = short_of_funds();
    world.hold(1, Word::Lapsed, Stage::Urgent);
    assert_eq!(world.pass(10), [raised("lapsed:yp:2026-11-20")]);
}

#[test]
fn a_lease_that_left_the_list_is_not_resolved() {
    let mut world = short_of_funds();
    world.report.items.remove(0);
    world.report.lost = vec![lease("yp", 1)];
    assert_eq!(world.pass(10), [raised("lost:yp:L1")]);
}

#[test]
fn a_watched_lease_that_lapsed_is_not_resolved() {
    let mut world = World::new();
    world.hold(1, Word::NoPolicy, Stage::Urgent);
    assert_eq!(world.pass(0), [raised("watch:yp")]);
    world.report.items[0].lease.expires_at = world.now().checked_sub(SignedDuration::from_secs(1)).ok();
    assert_eq!(world.pass(10), []);
    assert!(world.open.is_empty());
}

#[test]
fn another_reason_takes_over_without_a_notice_of_the_first_ones_end() {
    let mut world = short_of_funds();
    world.hold(1, Word::PriceCap, Stage::Normal);
    assert_eq!(world.pass(10), [raised("price_cap:yp")]);
}

#[test]
fn one_of_several_that_was_put_right_is_news() {
    let mut world = World::new();
    world.hold(1, Word::ShortFunds, Stage::Normal);
    world.hold(2, Word::ShortFunds, Stage::Normal);
    world.pass(0);
    world.hold(1, Word::NotDue, Stage::Early);
    world.hold(2, Word::PriceCap, Stage::Normal);
    assert_eq!(world.pass(10), [raised("price_cap:yp"), resolved("short_funds:yp")]);
}

#[test]
fn an_account_that_is_down_silences_its_leases_and_says_so_once() {
    let mut world = short_of_funds();
    world.hold(2, Word::NoPolicy, Stage::Normal);
    assert_eq!(world.pass(10), [raised("watch:yp")]);
    world.report.accounts[0].standing = Standing::Down("no answer".into());
    world.hold(1, Word::AccountDown, Stage::Normal);
    assert_eq!(world.pass(10), [raised("account_down:yp")]);
    assert_eq!(world.firing()[0].rows.len(), 2, "it names all that wait for it");
    assert_eq!(
        world.pass(25 * 60),
        [("account_down:yp".to_owned(), Occasion::Repeated)],
        "and it alone is repeated"
    );
    world.report.accounts[0].standing = Standing::Unreadable("half a list".into());
    assert_eq!(
        world.pass(10),
        [raised("inventory_unreadable:yp")],
        "one word about the account gives way to another"
    );
    world.report.accounts[0].standing = Standing::Good;
    world.hold(1, Word::NotDue, Stage::Early);
    world.hold(2, Word::NoPolicy, Stage::Early);
    let mut told = world.pass(10);
    told.sort();
    assert_eq!(told, [resolved("inventory_unreadable:yp"), resolved("short_funds:yp"), resolved("watch:yp")]);
}

#[test]
fn a_list_that_lost_too_much_stays_open_while_the_account_is_down() {
    let mut world = World::new();
    world.report.accounts[0].standing = Standing::Shrunk("lost too much".into());
    world.pass(0);
    world.report.accounts[0].standing = Standing::Down("no answer".into());
    assert_eq!(world.pass(10), [raised("account_down:yp")]);
    world.report.accounts[0].standing = Standing::Good;
    let told = world.pass(10);
    assert_eq!(told, [resolved("account_down:yp"), resolved("shrunk:yp")]);
}

#[test]
fn an_unknown_payment_that_needs_a_person_is_not_resolved() {
    let mut world = World::new();
    world.report.unsettled = vec![payment(State::Unknown)];
    assert_eq!(world.pass(0), [raised("unknown:yp:O1")]);
    world.report.unsettled = vec![payment(State::NeedsOperator)];
    assert_eq!(world.pass(10), [raised("needs_operator:yp:O1")]);
    world.report.unsettled.clear();
    assert_eq!(world.pass(10), [resolved("needs_operator:yp:O1")]);
}

#[test]
fn a_payment_is_settled_also_while_its_account_is_down() {
    let mut world = World::new();
    world.report.unsettled = vec![payment(State::NeedsOperator)];
    world.pass(0);
    world.report.accounts[0].standing = Standing::Down("no answer".into());
    world.report.unsettled.clear();
    assert!(world.pass(10).contains(&resolved("needs_operator:yp:O1")), "an operator said so");
}

#[test]
fn an_account_that_left_the_config_is_no_news() {
    let mut world = short_of_funds();
    world.report.accounts.clear();
    world.report.items.clear();
    assert_eq!(world.pass(10), []);
    assert!(world.open.is_empty());
}

#[test]
fn a_clock_of_an_account_that_left_the_config_is_no_news_either() {
    let mut world = World::new();
    world.report.clocks.insert(acct(), "it differs by 1h".into());
    assert_eq!(world.pass(0), [raised("clock:yp")]);
    world.report.clocks.clear();
    world.report.accounts.clear();
    world.report.items.clear();
    assert_eq!(world.pass(10), []);
    assert!(world.open.is_empty());
}

#[test]
fn the_clock_of_a_provider_that_does_not_answer_is_not_known_to_be_right() {
    let mut world = World::new();
    world.report.clocks.insert(acct(), "it differs by 1h".into());
    assert_eq!(world.pass(0), [raised("clock:yp")]);
    world.report.clocks.clear();
    world.report.accounts[0].standing = Standing::Down("no answer".into());
    assert_eq!(world.pass(10), [raised("account_down:yp")]);
    world.report.accounts[0].standing = Standing::Good;
    let mut over = world.pass(10);
    over.sort();
    assert_eq!(over, [resolved("account_down:yp"), resolved("clock:yp")]);
}

/// Several leases of one day under one key: each is a loss of its own, and told, however they come and go.
#[test]
fn each_lease_that_lapsed_is_told_also_when_the_one_before_has_left_the_list() {
    let mut world = World::new();
    let key = "lapsed:yp:2026-11-19";
    let of_that_day = |n: usize| {
        let mut item = crate::world::item(n, Word::Lapsed, Stage::Urgent);
        item.lease.expires_at = Some("2026-11-19T12:00:00Z".parse().unwrap());
        item
    };
    world.report.items = vec![of_that_day(1)];
    assert_eq!(world.pass(0), [raised(key)]);
    assert_eq!(world.pass(10), []);
    world.report.items = vec![of_that_day(2)];
    assert_eq!(world.pass(10), [raised(key)], "at once");
    world.report.items = Vec::new();
    assert_eq!(world.pass(10), []);
    for n in 3..6 {
        world.report.items = vec![of_that_day(n)];
        assert_eq!(world.pass(10), [raised(key)], "after its end");
        world.report.items = Vec::new();
        assert_eq!(world.pass(10), []);
    }
}

#[test]
fn every_end_that_is_told_says_how_things_are_now() {
    for known in CAUSES {
        let account = AccountName::from("yp");
        let key = match (known.scope, known.name) {
            (Scope::Payment, name) | (_, name @ "stale_end") => AlertKey::order(name, "yp", "O1"),
            (Scope::Daemon, name) => AlertKey::account(name, "*"),
            (_, name) => AlertKey::account(name, "yp"),
        };
        let begun: jiff::Timestamp = "2026-11-20T08:00:00Z".parse().unwrap();
        let alert = OpenAlert {
            severity: Severity::Warning,
            account: (known.scope != Scope::Daemon).then_some(account),
            since: begun,
            told_at: begun,
            told: Some((Severity::Warning, 0)),
            owed: None,
            title: "what was wrong".to_owned(),
            text: String::new(),
            once: false,
            grade: 0,
            leases: Vec::new(),
            heard: Vec::new(),
            course: Course::begun(begun),
            news_at: begun,
            deadline: None,
            key,
        };
        let title = how_it_ended(&alert, &[], &[], None, begun).title;
        assert!(title.is_some() || !known.end_is_told, "{}: {title:?}", known.name);
        let title = title.unwrap_or_default();
        let whose = alert.account.is_none() || title.contains("yp") || title.contains("O1");
        assert!(title.is_empty() || whose, "{}: {title}", known.name);
    }
}
