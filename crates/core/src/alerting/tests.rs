//! The life of alerts over hours, through a small ledger: told, repeated, silenced, capped, resolved.
mod course;
mod fortnight;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::domain::{AccountName, KeyPattern, Severity};
use crate::record::{How, Silence, Telling};

const REPEAT: SignedDuration = SignedDuration::from_hours(24);
const MOST: usize = 6;

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
        labels: Vec::new(),
    }
}

fn short(severity: Severity) -> Alert {
    alert("short_funds:yp", severity)
}

/// What a ledger would keep.
struct Books {
    repeat: SignedDuration,
    open: Vec<OpenAlert>,
    log: Vec<Telling>,
    silences: Vec<Silence>,
    ends: Ends,
    ended: Vec<OpenAlert>,
}

impl Default for Books {
    fn default() -> Self {
        Self {
            repeat: REPEAT,
            open: Vec::new(),
            log: Vec::new(),
            silences: Vec::new(),
            ends: Ends::default(),
            ended: Vec::new(),
        }
    }
}

impl Books {
    fn pass(&mut self, firing: &[Alert], now: Timestamp) -> Vec<Told> {
        let quiet = Quiet::new(&self.silences, &self.log, MOST, now);
        let terms = Terms { now, repeat: self.repeat, ends: &self.ends, quiet: &quiet, ended: &self.ended };
        let told = reconcile(&self.open, firing, &terms);
        for change in told.iter().flat_map(|t| t.changes.clone()) {
            match change {
                AlertChange::Tell(a) | AlertChange::Keep(a) => {
                    self.open.retain(|o| o.key != a.key);
                    self.ended.retain(|o| o.key != a.key);
                    self.open.push(a);
                }
                AlertChange::Close(key) => self.ended.extend(self.open.extract_if(.., |o| o.key == key)),
                AlertChange::Log(telling) => self.log.push(telling),
                AlertChange::Happened(_) => {}
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
fn only_repeats_are_capped_and_the_rest_of_them_is_logged() {
    let mut books = Books { repeat: SignedDuration::from_hours(1), ..Books::default() };
    // Urgent and before its deadline: its reminders do not grow apart.
    let a = [Alert { deadline: Some(at(1_000)), ..short(Severity::Urgent) }];
    let said: Vec<Occasion> = (0..12).flat_map(|hour| books.step(&a, hour)).collect();
    assert_eq!(said.len(), 1 + MOST, "{said:?}");
    assert_eq!(books.open[0].owed, Some(Occasion::Repeated), "it is marked");
    assert_eq!(books.kept_back(), [(How::Capped, Occasion::Repeated)], "one line, not one per cycle");
    assert_eq!(
        books.step(&[Alert { grade: 1, ..a[0].clone() }], 12),
        [Occasion::Escalated],
        "a worsening is told"
    );
    assert_eq!(books.step(&[], 13), [Occasion::Resolved], "the end is told");
    assert_eq!(books.step(&a, 15), [Occasion::Raised], "a new incident is told");
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
