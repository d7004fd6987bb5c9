//! Two weeks of one trouble, a pass every hour: how many messages that is, and that none comes later because it is late.
use super::*;

const HOURS: i64 = 14 * 24;

/// The hours at which something is told, and what.
fn told(alert: impl Fn(i64) -> Alert) -> Vec<(i64, Occasion)> {
    let mut books = Books::default();
    (0..HOURS).flat_map(|h| books.step(&[alert(h)], h).into_iter().map(move |o| (h, o))).collect()
}

fn hours(told: &[(i64, Occasion)]) -> Vec<i64> {
    told.iter().map(|(h, _)| *h).collect()
}

#[test]
fn a_shortage_that_nobody_ends_is_four_messages_in_a_fortnight_and_not_fourteen() {
    let all = told(|_| short(Severity::Warning));
    assert_eq!(
        hours(&all),
        [0, 24, 72, 168],
        "a beginning, then reminders 1, 2 and 4 days apart; the next after 7"
    );
    assert!(all[1..].iter().all(|(_, o)| *o == Occasion::Repeated));
}

#[test]
fn towards_a_deadline_reminders_come_closer_again() {
    let deadline = Some(at(HOURS));
    let all = hours(&told(|_| Alert { deadline, ..short(Severity::Warning) }));
    let gaps: Vec<i64> = all.windows(2).map(|w| w[1] - w[0]).collect();
    let longest = *gaps.iter().max().unwrap();
    let peak = gaps.iter().position(|g| *g == longest).unwrap();
    assert!(gaps[peak..].is_sorted_by(|a, b| a >= b), "{gaps:?}");
    for (told, gap) in all.iter().zip(&gaps) {
        assert!(*gap == 24 || gap * 2 <= HOURS - told, "half of the time left is not waited away: {gaps:?}");
    }
    assert!(all.len() <= 8, "{all:?}");
}

#[test]
fn what_is_urgent_before_its_deadline_is_told_as_often_as_ever() {
    let deadline = Some(at(HOURS));
    let all = hours(&told(|_| Alert { deadline, ..short(Severity::Urgent) }));
    assert_eq!(all, (0..14).map(|day| day * 24).collect::<Vec<_>>());
}

#[test]
fn what_is_urgent_without_a_deadline_is_told_every_other_day_at_least() {
    let all = hours(&told(|_| short(Severity::Urgent)));
    assert!(all.windows(2).all(|w| w[1] - w[0] <= 48), "{all:?}");
    assert!(all.len() < 10, "{all:?}");
}

#[test]
fn a_worse_severity_speaks_at_once_and_reminders_begin_anew() {
    let all = told(|h| short(if h < 100 { Severity::Warning } else { Severity::Urgent }));
    let at = all.iter().position(|(_, o)| *o == Occasion::Escalated).unwrap();
    assert_eq!((all[at].0, all[at + 1].0), (100, 124), "{all:?}");
}

#[test]
fn a_deadline_that_comes_nearer_speaks_at_once() {
    let deadline = |h: i64| Some(at(if h < 100 { 400 } else { 300 }));
    let all = told(|h| Alert { deadline: deadline(h), ..short(Severity::Warning) });
    assert!(all.contains(&(100, Occasion::Escalated)), "{all:?}");
    let later = |h: i64| Some(at(if h < 100 { 300 } else { 400 }));
    let all = told(|h| Alert { deadline: later(h), ..short(Severity::Warning) });
    assert!(
        all.iter().all(|(_, o)| *o != Occasion::Escalated),
        "one that goes away from here is no worse: {all:?}"
    );
}

#[test]
fn a_deadline_that_is_spelled_otherwise_or_jitters_is_no_news() {
    let jitters = |h: i64| Some(Timestamp::from_second(HOURS * 3600 + (h % 7) * 60).unwrap());
    let all = told(|h| Alert { deadline: jitters(h), ..short(Severity::Warning) });
    assert!(all.iter().all(|(_, o)| *o != Occasion::Escalated), "{all:?}");
    assert!(is_worse(Some(at(10)), Some(at(4)), at(1)), "a few hours count where only a few are left");
    assert!(!is_worse(Some(at(200)), Some(at(194)), at(1)));
}

#[test]
fn a_reminder_says_how_to_silence_it() {
    let mut books = Books::default();
    books.pass(&[short(Severity::Warning)], at(0));
    let mails = bundle(&books.pass(&[short(Severity::Warning)], at(24)));
    assert_eq!(mails[0].alert.actions.last().unwrap(), "renewd silence short_funds:yp --for 7d");
    assert_eq!(mails[0].reminder, Some(SignedDuration::from_hours(48)), "and when the next one comes");
    let two = [alert("unknown:yp:1", Severity::Urgent), alert("unknown:yp:2", Severity::Urgent)];
    let mut books = Books::default();
    books.pass(&two, at(0));
    let mails = bundle(&books.pass(&two, at(24)));
    assert_eq!(mails[0].alert.actions, ["renewd silence unknown:yp:* --for 1d"]);
}
