//! How many mails a bad week brings: a pass every ten minutes, seeded troubles, every rule and every end.
use jiff::SignedDuration;
use renewd::domain::State;
use renewd::planner::Standing;
use renewd::policy::{Stage, Word};

use crate::support::lease;
use crate::world::{World, item, payment};

const PASSES: i64 = 7 * 24 * 6;

/// Mails of one week in which trouble changes with these chances, in thousandths a pass.
fn week(seed: u64, outage: u32, held: u32, unknown: u32) -> Vec<String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut world = World::new();
    let far = world.now().checked_add(SignedDuration::from_hours(24 * 60)).unwrap();
    let mut chance = |thousandths: u32| random.u32(0..1000) < thousandths;
    let mut mails = Vec::new();
    let words = [Word::ShortFunds, Word::PriceCap, Word::QuoteError, Word::OutsideWindow, Word::Refused];
    for n in 0..PASSES {
        if chance(outage) {
            let account = &mut world.report.accounts[0];
            account.standing = match account.standing {
                Standing::Good => Standing::Down("no answer".into()),
                _ => Standing::Good,
            };
        }
        for index in 0..world.report.items.len() {
            if chance(held) {
                let word = words[usize::try_from(n).unwrap() % words.len()];
                let right = world.report.items[index].reason.word != Word::NotDue;
                let (word, stage) = if right { (Word::NotDue, Stage::Early) } else { (word, Stage::Normal) };
                world.hold(index + 1, word, stage);
            }
        }
        if chance(unknown) {
            let open = &mut world.report.unsettled;
            if open.is_empty() { open.push(payment(State::Unknown)) } else { open.clear() }
        }
        world.report.items.iter_mut().for_each(|i| i.lease.expires_at = Some(far));
        mails
            .extend(world.pass(10).into_iter().map(|(key, occasion)| format!("{key} {}", occasion.as_str())));
    }
    mails
}

fn fleet_of(world: &mut World, n: usize) {
    world.report.items = (1..=n)
        .map(|i| {
            let mut item = item(1, Word::NotDue, Stage::Early);
            item.lease = lease("yp", i);
            item.bundle = vec![item.lease.id.clone()];
            item
        })
        .collect();
}

#[test]
fn a_week_in_which_nothing_happens_brings_no_mail() {
    assert_eq!(week(1, 0, 0, 0), Vec::<String>::new());
}

#[test]
fn an_account_that_is_down_all_week_is_one_mail_a_day() {
    let mut world = World::new();
    fleet_of(&mut world, 200);
    world.report.accounts[0].standing = Standing::Down("no answer".into());
    for n in 1..=200 {
        world.report.items[n - 1].reason.word = Word::AccountDown;
    }
    let mails: usize = (0..PASSES).map(|_| world.pass(10).len()).sum();
    assert_eq!(mails, 7, "a beginning and six repeats");
}

#[test]
fn an_account_that_flaps_all_week_is_told_when_that_begins_and_ends_and_not_at_each_turn() {
    let mails = week(3, 300, 0, 0);
    assert!((7..=7 * 12).contains(&mails.len()), "{} mails of some 400 turns", mails.len());
}

#[test]
fn a_bad_week_brings_few_mails() {
    let counts: Vec<usize> = (0..10).map(|seed| week(seed, 20, 5, 10).len()).collect();
    let most = counts.iter().max().unwrap();
    assert!(*most <= 60 && counts.iter().sum::<usize>() <= 450, "{counts:?}");
}
