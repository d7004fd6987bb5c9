//! The life of alerts over hours, through a small ledger: told, repeated, silenced, capped, resolved.
use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::domain::{AccountName, KeyPattern, Severity};
use crate::ledger::{How, Silence, Telling};

const REPEAT: SignedDuration = SignedDuration::from_hours(24);

fn at(hours: i64) -> Timestamp {
    Timestamp::from_second(hours * 3600).unwrap()
}

fn alert(key: &str, severity: Severity) -> Alert {
    Alert {
        key: AlertKey::stored(key.to_owned()),
        severity,
        account: Some(AccountName::from("yp")),
        title: key.to_owned(),
        text: String::new(),
        actions: Vec::new(),
        rows: Vec::new(),
        deadline: None,
        once: false,
        grade: 0,
        leases: Vec::new(),
        parts: Vec::new(),
    }
}

fn short(severity: Severity) -> Alert {
    alert("short_funds:yp", severity)
}

/// What a ledger would keep.
#[derive(Default)]
struct Books {
    open: Vec<OpenAlert>,
    log: Vec<Telling>,
    silences: Vec<Silence>,
    ends: Ends,
}

impl Books {
    fn pass(&mut self, firing: &[Alert], now: Timestamp) -> Vec<Told> {
        let quiet = Quiet::new(&self.silences, &self.log, now);
        let terms = Terms { now, repeat: REPEAT, ends: &self.ends, quiet: &quiet };
        let told = reconcile(&self.open, firing, &terms);
        for change in told.iter().flat_map(|t| t.changes.clone()) {
            match change {
                AlertChange::Tell(a) | AlertChange::Keep(a) => {
                    self.open.retain(|o| o.key != a.key);
                    self.open.push(a);
                }
                AlertChange::Close(key) => self.open.retain(|o| o.key != key),
                AlertChange::Log(telling) => self.log.push(telling),
            }
        }
        told
    }

    fn step(&mut self, firing: &[Alert], hour: i64) -> Vec<Occasion> {
        self.pass(firing, at(hour)).iter().filter_map(|t| t.occasion).collect()
    }

    fn silence(&mut self, key: &str, from: i64, to: i64) {
        let key = KeyPattern::parse(key).unwrap();
        self.silences.push(Silence { key, since: at(from), until: at(to) });
    }

    fn kept_back(&self) -> Vec<(How, Occasion)> {
        self.log.iter().filter(|t| t.how != How::Told).map(|t| (t.how, t.occasion)).collect()
    }
}

#[test]
fn an_alert_is_told_once_then_after_repeat_then_resolved() {
    let (mut books, a) = (Books::default(), [short(Severity::Warning)]);
    assert_eq!(books.step(&a, 0), [Occasion::Raised]);
    assert_eq!(books.step(&a, 23), []);
    assert_eq!(books.step(&a, 24), [Occasion::Repeated]);
    assert_eq!(books.step(&a, 25), []);
    assert_eq!(books.step(&[], 26), [Occasion::Resolved]);
    assert_eq!(books.step(&[], 27), []);
}

#[test]
fn a_worse_alert_is_told_at_once() {
    let mut books = Books::default();
    books.step(&[short(Severity::Warning)], 0);
    assert_eq!(books.step(&[short(Severity::Urgent)], 1), [Occasion::Escalated]);
    assert_eq!(books.step(&[short(Severity::Warning)], 2), []);
    assert_eq!(books.step(&[short(Severity::Urgent)], 3), [], "it was told as urgent already");
    assert_eq!(books.step(&[short(Severity::Warning)], 25), [Occasion::Repeated]);
    assert_eq!(books.step(&[short(Severity::Urgent)], 26), [Occasion::Escalated]);
}

#[test]
fn a_stage_that_changes_is_told_within_the_same_severity() {
    let mut books = Books::default();
    let rescue = Alert { grade: 3, ..short(Severity::Urgent) };
    books.step(&[Alert { grade: 2, ..short(Severity::Urgent) }], 0);
    assert_eq!(books.step(std::slice::from_ref(&rescue), 1), [Occasion::Escalated]);
    assert_eq!(books.step(&[rescue], 2), []);
}

#[test]
fn a_fact_is_told_once_and_closed_in_silence() {
    let fact = Alert { once: true, ..alert("lapsed:yp:2026-11-21", Severity::Urgent) };
    let (mut books, more) = (Books::default(), Alert { grade: 1, ..fact.clone() });
    assert_eq!(books.step(std::slice::from_ref(&fact), 0), [Occasion::Raised]);
    assert_eq!(books.step(&[fact], 100), []);
    assert_eq!(books.step(&[more], 101), [Occasion::Escalated], "there is more of it");
    assert_eq!(books.step(&[], 102), []);
}

#[test]
fn what_is_not_known_is_neither_resolved_nor_repeated() {
    let mut books = Books::default();
    books.step(&[short(Severity::Warning)], 0);
    books.ends.frozen.insert(short(Severity::Warning).key);
    assert_eq!(books.step(&[], 48), []);
    books.ends = Ends::default();
    assert_eq!(books.step(&[], 49), [Occasion::Resolved]);
}

#[test]
fn what_gave_way_to_another_alert_is_closed_in_silence() {
    let mut books = Books::default();
    books.step(&[short(Severity::Warning)], 0);
    books.ends.silent.insert(short(Severity::Warning).key);
    assert_eq!(books.step(&[], 1), []);
    assert!(books.open.is_empty());
}

#[test]
fn what_did_not_change_is_not_written() {
    let mut books = Books::default();
    let a = [short(Severity::Warning)];
    books.step(&a, 0);
    assert!(books.pass(&a, at(1)).iter().all(|t| t.changes.is_empty()));
}

#[test]
fn a_silenced_alert_is_open_and_told_when_the_silence_ends() {
    let (mut books, a) = (Books::default(), [short(Severity::Warning)]);
    books.silence("short_funds:*", 0, 10);
    assert_eq!(books.step(&a, 1), []);
    assert_eq!(books.step(&a, 9), []);
    assert_eq!((books.open.len(), books.open[0].since), (1, at(1)));
    assert_eq!(books.kept_back(), [(How::Silenced, Occasion::Raised)], "one line, however many cycles");
    assert_eq!(books.step(&a, 10), [Occasion::Raised]);
    assert_eq!(books.step(&[], 11), [Occasion::Resolved]);
}

#[test]
fn an_alert_that_begins_and_ends_in_silence_is_no_news() {
    let mut books = Books::default();
    books.silence("short_funds:yp", 0, 10);
    assert_eq!(books.step(&[short(Severity::Urgent)], 1), []);
    assert_eq!(books.step(&[], 12), [], "nobody heard of its beginning");
}

#[test]
fn a_silence_covers_its_key_and_no_other() {
    let mut books = Books::default();
    books.silence("short_funds:yp", 0, 10);
    let others = [alert("short_funds:yp-2", Severity::Warning), alert("over_budget:yp", Severity::Warning)];
    assert_eq!(books.step(&others, 1), [Occasion::Raised, Occasion::Raised]);
}

#[test]
fn a_silence_keeps_repeats_and_worse_news_back_until_it_ends() {
    let mut books = Books::default();
    books.step(&[short(Severity::Warning)], 0);
    books.silence("short_funds:yp", 1, 30);
    assert_eq!(books.step(&[short(Severity::Urgent)], 5), []);
    assert_eq!(books.step(&[short(Severity::Urgent)], 26), []);
    assert_eq!(books.step(&[short(Severity::Urgent)], 30), [Occasion::Escalated]);
}

#[test]
fn an_incident_that_flaps_is_told_a_few_times_a_day_and_the_rest_is_logged() {
    let (mut books, mut said) = (Books::default(), 0);
    for tenth in 0..(6 * 24) {
        let now = at(0).checked_add(SignedDuration::from_mins(10 * tenth)).unwrap();
        let firing = if tenth % 2 == 0 { vec![short(Severity::Warning)] } else { Vec::new() };
        said += books.pass(&firing, now).iter().filter(|t| t.occasion.is_some()).count();
    }
    assert_eq!(said, MOST_A_DAY - 2);
    let capped = books.kept_back();
    assert!(capped.len() > 50 && capped.iter().all(|(how, _)| *how == How::Capped), "{capped:?}");
    assert_eq!(
        books.step(&[short(Severity::Urgent)], 24),
        [Occasion::Raised],
        "two are kept for what is urgent"
    );
}

#[test]
fn what_was_over_its_cap_is_told_as_soon_as_it_may_be() {
    let mut books = Books::default();
    for hour in 0..4 {
        let firing = if hour % 2 == 0 { vec![short(Severity::Warning)] } else { Vec::new() };
        assert_eq!(books.step(&firing, hour).len(), 1);
    }
    assert_eq!(books.step(&[short(Severity::Warning)], 4), []);
    assert_eq!(books.step(&[short(Severity::Warning)], 23), []);
    assert_eq!(books.step(&[short(Severity::Warning)], 24), [Occasion::Raised]);
}

#[test]
fn one_pass_has_one_mail_for_all_orders_of_an_account() {
    let mut books = Books::default();
    let key = |n: usize| format!("unknown:yp:{n}");
    let firing: Vec<Alert> = (0..30).map(|n| alert(&key(n), Severity::Warning)).collect();
    let told = books.pass(&firing, at(0));
    let mails = bundle(&told);
    assert_eq!((told.len(), mails.len()), (30, 1));
    assert_eq!((mails[0].alert.key.as_str(), mails[0].occasion), ("unknown:yp", Some(Occasion::Raised)));
    assert!(mails[0].alert.title.ends_with("(and 29 more like it)"), "{}", mails[0].alert.title);
    assert!(mails[0].alert.text.contains("unknown:yp:29"));
    assert_eq!(bundle(&books.pass(&firing[1..], at(1)))[0].alert.key.as_str(), "unknown:yp:0");
    let over = bundle(&books.pass(&[], at(2)));
    assert_eq!(
        (over.len(), over[0].alert.rows.len()),
        (1, 29),
        "one notice for all that is over, with a row for each"
    );
}

#[test]
fn the_notice_that_there_is_money_enough_says_how_much_came() {
    let mut books = Books::default();
    books.step(&[short(Severity::Warning)], 0);
    let came = alert("top_up:yp", Severity::Info);
    let mails = bundle(&books.pass(std::slice::from_ref(&came), at(1)));
    assert_eq!((mails.len(), mails[0].alert.key.as_str()), (1, "short_funds:yp"));
    assert_eq!(mails[0].alert.rows[0].what, "top_up:yp");
    assert_eq!(books.open[0].told, Some((Severity::Info, 0)), "and it is told");
    let elsewhere =
        Alert { account: Some(AccountName::from("yp-2")), ..alert("top_up:yp-2", Severity::Info) };
    assert_eq!(
        bundle(&books.pass(&[came, elsewhere], at(2))).len(),
        1,
        "without such a notice it has its own mail"
    );
}

#[test]
fn a_stream_of_orders_is_capped_as_one() {
    let (mut books, mut mails) = (Books::default(), 0);
    for n in 0..100_i64 {
        let now = at(0).checked_add(SignedDuration::from_mins(10 * n)).unwrap();
        mails += bundle(&books.pass(&[alert(&format!("unknown:yp:{n}"), Severity::Warning)], now)).len();
    }
    // A pass that tells of a beginning and an end may overshoot by one.
    assert!((MOST_A_DAY_OF_A_GROUP - 4..=MOST_A_DAY_OF_A_GROUP - 3).contains(&mails), "{mails}");
}

#[test]
fn a_key_of_an_alert_is_told_from_other_text() {
    for good in [
        "short_funds:yp",
        "short_funds:*",
        "unknown:yp:4711",
        "unknown:yp:*",
        "budget_warn:*:monthly",
        "clock:*",
    ] {
        assert!(KeyPattern::parse(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "*",
        "short_funds",
        "short_funds:",
        "Short:yp",
        "short_funds:y p",
        "a:b*c",
        ":yp",
        "a::b",
        "a:\n",
    ] {
        assert!(KeyPattern::parse(bad).is_err(), "{bad}");
    }
}

/// One hour of a random week: what fires, and whether the reading was good.
fn hours() -> impl Strategy<Value = Vec<(Option<bool>, bool)>> {
    proptest::collection::vec((proptest::option::weighted(0.6, any::<bool>()), any::<bool>()), 1..200)
}

proptest! {
    #[test]
    fn no_alert_is_told_twice_within_repeat(fires in proptest::collection::vec(any::<bool>(), 1..60)) {
        let (mut books, a) = (Books::default(), [short(Severity::Warning)]);
        let mut last: Option<i64> = None;
        for (hour, on) in (0_i64..).zip(fires) {
            let said = books.step(if on { &a } else { &[] }, hour);
            prop_assert_eq!(books.open.len(), usize::from(on));
            match said.as_slice() {
                [Occasion::Raised] => last = Some(hour),
                [Occasion::Repeated] => { prop_assert!(hour - last.unwrap() >= 24); last = Some(hour); }
                [Occasion::Resolved] => last = None,
                other => prop_assert!(other.is_empty()),
            }
        }
    }

    #[test]
    fn no_week_brings_more_than_the_cap_in_any_day_and_nothing_is_forgotten(week in hours()) {
        let mut books = Books::default();
        for (hour, (fires, frozen)) in (0_i64..).zip(week) {
            let firing: Vec<Alert> = fires
                .map(|urgent| short(if urgent { Severity::Urgent } else { Severity::Warning }))
                .into_iter()
                .collect();
            books.ends.frozen = if frozen { [short(Severity::Info).key].into() } else { BTreeSet::new() };
            let before = books.open.len();
            books.pass(&firing, at(hour));
            prop_assert!(firing.is_empty() == books.open.is_empty() || (frozen && before == 1));
            let told: Vec<&Telling> = books.log.iter().filter(|t| t.how == How::Told).collect();
            let today = told.iter().filter(|t| at(hour).duration_since(t.at) < DAY).count();
            prop_assert!(today <= MOST_A_DAY, "{today}");
            // Whoever fires was told of, or is owed.
            prop_assert!(books.open.iter().all(|a| a.told.is_some() || a.owed == Some(Occasion::Raised)));
        }
    }

    #[test]
    fn nothing_is_told_within_a_silence_and_what_outlives_it_is_told_after_it(
        week in hours(), from in 0_i64..100, long in 1_i64..100, all in any::<bool>()
    ) {
        let mut books = Books::default();
        books.silence(if all { "short_funds:*" } else { "short_funds:yp" }, from, from + long);
        let silence = std::mem::take(&mut books.silences);
        for (hour, (fires, _)) in (0_i64..).zip(week) {
            books.silences = if hour >= from { silence.clone() } else { Vec::new() };
            let firing: Vec<Alert> = fires.map(|_| short(Severity::Warning)).into_iter().collect();
            let told = books.step(&firing, hour);
            if hour >= from && hour < from + long {
                prop_assert_eq!(told, []);
            } else if books.open.iter().any(|a| a.told.is_none()) {
                let capped = Quiet::new(&[], &books.log, at(hour));
                prop_assert!(capped.keeps_back(&short(Severity::Warning).key, Severity::Warning, at(hour)).is_some());
            }
        }
    }

    #[test]
    fn every_beginning_that_was_told_has_at_most_one_end(week in hours()) {
        let mut books = Books::default();
        let mut began: BTreeMap<String, i64> = BTreeMap::new();
        for (hour, (fires, _)) in (0_i64..).zip(week) {
            let firing: Vec<Alert> = fires.map(|_| short(Severity::Warning)).into_iter().collect();
            for told in books.pass(&firing, at(hour)) {
                let n = began.entry(told.alert.key.to_string()).or_default();
                match told.occasion {
                    Some(Occasion::Raised) => { prop_assert!(*n == 0 || books.log.iter().any(|t| t.how == How::Capped)); *n = 1; }
                    Some(Occasion::Resolved) => { prop_assert_eq!(*n, 1); *n = 0; }
                    _ => {}
                }
            }
        }
    }
}
