//! Incidents that come and go, and what holds of any course of things over days: nothing stays untold, and no cause rings all day.
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Ten minutes, as cycles are.
fn cycle(n: i64) -> Timestamp {
    at(0).checked_add(SignedDuration::from_mins(10 * n)).unwrap()
}

fn said(told: &[Told]) -> Vec<Occasion> {
    told.iter().filter_map(|t| t.occasion).collect()
}

impl Books {
    /// One cycle; `None`: nothing fires.
    fn cycle(&mut self, n: i64, severity: Option<Severity>) -> Vec<Occasion> {
        let firing: Vec<Alert> = severity.map(short).into_iter().collect();
        said(&self.pass(&firing, cycle(n)))
    }
}

const W: Option<Severity> = Some(Severity::Warning);

#[test]
fn two_short_outages_and_a_third_are_all_told() {
    let mut books = Books::default();
    let minute = |n: i64| at(0).checked_add(SignedDuration::from_mins(n)).unwrap();
    let mut day = Vec::new();
    for begin in [0, 180, 360] {
        day.push(said(&books.pass(&[short(Severity::Warning)], minute(begin))));
        day.push(said(&books.pass(&[], minute(begin + 1))));
    }
    assert_eq!(day, [[Occasion::Raised], [Occasion::Resolved]].repeat(3));
}

#[test]
fn what_comes_back_within_an_hour_is_the_same_incident_told_once_as_flapping() {
    let mut books = Books::default();
    let day: Vec<Occasion> = (0..144).flat_map(|n| books.cycle(n, W.filter(|_| n % 2 == 0))).collect();
    assert_eq!(day, [Occasion::Raised, Occasion::Resolved, Occasion::Flapping]);
    assert_eq!(books.open.len(), 1, "it is open all day, also while it does not hold");
    let (since, course) = (books.open[0].since, books.open[0].course);
    assert_eq!((since, course.flapping, course.said), (at(0), true, Said::Flaps));
    assert!(books.kept_back().len() > 100, "each turn is on record");
    // 143 was without it. It stays away.
    let end: Vec<(i64, Occasion)> =
        (144..160).flat_map(|n| books.cycle(n, None).into_iter().map(move |o| (n, o))).collect();
    assert_eq!(end, [(149, Occasion::Resolved)], "its end is told after an hour without it");
    assert!(books.open.is_empty());
    assert_eq!(books.cycle(160, W), [Occasion::Raised], "more than an hour after its end: a new incident");
}

#[test]
fn what_flapped_and_stays_is_told_as_holding_after_an_hour() {
    let mut books = Books::default();
    for n in 0..9 {
        books.cycle(n, W.filter(|_| n % 2 == 0));
    }
    let stays: Vec<(i64, Occasion)> =
        (9..20).flat_map(|n| books.cycle(n, W).into_iter().map(move |o| (n, o))).collect();
    assert_eq!(stays, [(14, Occasion::Repeated)], "it holds since 8");
    assert_eq!(books.open[0].course.said, Said::Holds);
    assert!((20..25).all(|n| books.cycle(n, None).is_empty()));
    assert_eq!(books.cycle(26, None), [Occasion::Resolved]);
}

#[test]
fn what_flaps_is_told_at_once_when_it_gets_worse() {
    let mut books = Books::default();
    for n in 0..9 {
        books.cycle(n, W.filter(|_| n % 2 == 0));
    }
    books.cycle(9, None);
    assert_eq!(books.cycle(10, Some(Severity::Urgent)), [Occasion::Escalated]);
    books.cycle(11, None);
    assert_eq!(books.cycle(12, Some(Severity::Urgent)), []);
}

#[test]
fn what_gives_way_and_comes_back_in_turns_does_not_ring_each_time() {
    let mut books = Books::default();
    let key = short(Severity::Warning).key;
    books.ends.silent.insert(key);
    let day: Vec<Occasion> = (0..144).flat_map(|n| books.cycle(n, W.filter(|_| n % 2 == 0))).collect();
    assert_eq!(day, [Occasion::Raised, Occasion::Flapping]);
}

#[test]
fn nothing_is_said_of_what_flaps_while_it_cannot_be_seen() {
    let mut books = Books::default();
    for n in 0..4 {
        books.cycle(n, W.filter(|_| n % 2 == 0));
    }
    books.ends.frozen.insert(short(Severity::Warning).key);
    assert!((4..40).all(|n| books.cycle(n, None).is_empty()));
    books.ends.frozen.clear();
    assert_eq!(books.cycle(40, None), [Occasion::Resolved]);
}

#[test]
fn a_flapping_fact_is_told_again_and_a_further_part_always() {
    let fact = |part: &str| Alert {
        once: true,
        parts: vec![part.to_owned()],
        ..alert("lost:yp:L1", Severity::Urgent)
    };
    let mut books = Books::default();
    assert_eq!(said(&books.pass(&[fact("a")], cycle(0))), [Occasion::Raised]);
    assert_eq!(said(&books.pass(&[], cycle(1))), []);
    assert_eq!(said(&books.pass(&[fact("a")], cycle(2))), [Occasion::Flapping]);
    assert_eq!(said(&books.pass(&[], cycle(3))), []);
    assert_eq!(said(&books.pass(&[fact("a")], cycle(4))), []);
    assert_eq!(said(&books.pass(&[fact("b")], cycle(5))), [Occasion::Raised]);
}

#[test]
fn a_stream_of_orders_is_collected_into_a_mail_an_hour_and_none_is_dropped() {
    let (mut books, mut mails) = (Books::default(), 0);
    let mut fires = Vec::new();
    for n in 0..144 {
        fires.push(alert(&format!("unknown:yp:{n}"), Severity::Warning));
        mails += bundle(&books.pass(&fires, cycle(n))).len();
        let untold = books.open.iter().filter(|a| a.told.is_none());
        assert!(untold.clone().all(|a| cycle(n).duration_since(a.since) < COLLECTED), "{n}");
        assert!(untold.clone().all(|a| a.owed == Some(Occasion::Raised)), "it is marked");
    }
    assert!((AT_ONCE_OF_A_GROUP..=AT_ONCE_OF_A_GROUP - 4 + 24).contains(&mails), "{mails}");
    let ends = (144..154).map(|n| bundle(&books.pass(&[], cycle(n))).len()).sum::<usize>();
    assert_eq!((ends, books.open.len()), (1, 0), "all ends are told in one mail");
}

/// A cycle of a random course: what fires, how bad, and whether it can be seen.
#[derive(Debug, Clone, Copy)]
struct Look {
    fires: Option<Severity>,
    frozen: bool,
}

/// Runs of like cycles, from one to days: only so both flapping and rest are common.
fn days() -> impl Strategy<Value = Vec<Look>> {
    let severity = prop_oneof![Just(Severity::Warning), Just(Severity::Urgent)];
    let look = (proptest::option::of(severity), proptest::bool::weighted(0.1));
    let run = (look, prop_oneof![6 => 1..4_usize, 2 => 4..12_usize, 1 => 12..100_usize]);
    proptest::collection::vec(run, 1..120).prop_map(|runs| {
        let looks = runs.into_iter().flat_map(|((fires, frozen), n)| {
            // What fires is seen.
            std::iter::repeat_n(Look { fires, frozen: frozen && fires.is_none() }, n)
        });
        looks.take(300).collect()
    })
}

/// What a reader believes after these words.
fn believes(word: Occasion) -> Said {
    match word {
        Occasion::Resolved => Said::Over,
        Occasion::Flapping => Said::Flaps,
        _ => Said::Holds,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn whatever_happens_nothing_stays_untold_and_the_mails_of_a_day_are_bounded(looks in days(), often in any::<bool>()) {
        let repeat = SignedDuration::from_hours(if often { 1 } else { 24 });
        let mut books = Books { repeat, ..Books::default() };
        let key = short(Severity::Warning).key;
        let mut reader = Said::Over;
        let mut worst_heard = Severity::Info;
        // For how many cycles it has been one way, seen.
        let mut steady = 0;
        let mut last: Option<bool> = None;
        for (n, look) in (0_i64..).zip(looks) {
            books.ends.frozen = if look.frozen { [key.clone()].into() } else { BTreeSet::new() };
            let firing: Vec<Alert> = look.fires.map(short).into_iter().collect();
            let before_open = !books.open.is_empty();
            for told in books.pass(&firing, cycle(n)) {
                let Some(word) = told.occasion else { continue };
                // No end of what nobody heard of, and no second beginning.
                prop_assert!(word != Occasion::Resolved || reader != Said::Over);
                prop_assert!(word != Occasion::Raised || reader == Said::Over, "{n}: raised twice");
                prop_assert!(word != Occasion::Escalated || told.alert.severity > worst_heard);
                reader = believes(word);
                worst_heard = if word == Occasion::Resolved { Severity::Info } else { told.alert.severity };
            }
            if !look.frozen {
                steady = if last == Some(look.fires.is_some()) { steady + 1 } else { 0 };
                last = Some(look.fires.is_some());
            }
            if let Some(severity) = look.fires {
                // Its beginning and its worsening are told in the very cycle.
                prop_assert!(reader != Said::Over, "{n}: it fires and the reader believes that it is over");
                prop_assert!(severity <= worst_heard, "{n}: it got worse, untold");
                if steady >= 6 {
                    prop_assert_eq!(reader, Said::Holds, "{}: it has held for an hour", n);
                }
            } else if !look.frozen && (steady >= 6 || !before_open) {
                prop_assert_eq!(reader, Said::Over, "{}: it has been away for an hour", n);
            }
            // What is open and not held to be over is shown.
            prop_assert!(reader == Said::Over || !books.open.is_empty());
            let today = books.log.iter().filter(|t| t.how == How::Told && cycle(n).duration_since(t.at) < DAY);
            let (mut words, mut repeats) = (0, 0);
            for telling in today {
                words += 1;
                repeats += usize::from(telling.occasion == Occasion::Repeated);
            }
            // A day has room for 16 incidents that flap, each with five words and a worsening; a course of ten-minute turns has few.
            prop_assert!(words <= 16 * 6 + MOST, "{n}: {words} words in a day, {repeats} of them repeats");
        }
    }

    #[test]
    fn turns_within_the_hour_never_ring_all_day(turns in proptest::collection::vec(1..6_i64, 24..144)) {
        let (mut books, mut n, mut fires) = (Books::default(), 0, true);
        for turn in turns {
            for _ in 0..turn {
                books.cycle(n, W.filter(|_| fires));
                n += 1;
            }
            fires = !fires;
        }
        let told = |t: &&Telling| t.how == How::Told && t.at < cycle(144);
        prop_assert!(books.log.iter().filter(told).count() <= 3, "raised, over, comes and goes");
    }

    #[test]
    fn orders_of_one_cause_share_a_bounded_day(fires in proptest::collection::vec((0..40_i64, any::<bool>()), 1..250)) {
        let (mut books, mut open) = (Books::default(), BTreeMap::new());
        let mut mails: Vec<Timestamp> = Vec::new();
        for (n, (order, on)) in (0_i64..).zip(fires) {
            if on {
                open.insert(order, alert(&format!("unknown:yp:{order}"), Severity::Warning));
            } else {
                open.remove(&order);
            }
            let firing: Vec<Alert> = open.values().cloned().collect();
            mails.extend(bundle(&books.pass(&firing, cycle(n))).iter().map(|_| cycle(n)));
            let today = mails.iter().filter(|t| cycle(n).duration_since(**t) < DAY).count();
            // A pass may tell of a beginning, an end and one that comes and goes.
            prop_assert!(today <= AT_ONCE_OF_A_GROUP + 3 * 24, "{today}");
            let late = books.open.iter().filter(|a| a.told.is_none() && cycle(n).duration_since(a.since) > COLLECTED);
            prop_assert_eq!(late.count(), 0, "none waits for longer than an hour");
        }
    }

    #[test]
    fn nothing_is_told_within_a_silence_and_what_outlives_it_is_told_after_it(
        looks in days(), from in 0_i64..100, long in 1_i64..100, all in any::<bool>()
    ) {
        let mut books = Books::default();
        books.silence(if all { "short_funds:*" } else { "short_funds:yp" }, 0, 1);
        let mut silence = std::mem::take(&mut books.silences);
        silence[0].since = cycle(from);
        silence[0].until = cycle(from + long);
        for (n, look) in (0_i64..).zip(looks) {
            books.silences = if n >= from { silence.clone() } else { Vec::new() };
            let told = books.cycle(n, look.fires);
            if n >= from && n < from + long {
                prop_assert_eq!(told, []);
            } else {
                prop_assert!(books.open.iter().all(|a| a.told.is_some()));
            }
        }
    }

    #[test]
    fn no_alert_is_told_twice_within_repeat(fires in proptest::collection::vec(any::<bool>(), 1..60)) {
        let (mut books, a) = (Books::default(), [short(Severity::Warning)]);
        let mut last: Option<i64> = None;
        for (hour, on) in (0_i64..).zip(fires) {
            // An hour and more apart, nothing flaps.
            let told = said(&books.pass(if on { &a } else { &[] }, at(2 * hour)));
            prop_assert_eq!(books.open.len(), usize::from(on));
            match told.as_slice() {
                [Occasion::Raised] => last = Some(hour),
                [Occasion::Repeated] => { prop_assert!(2 * (hour - last.unwrap()) >= 24); last = Some(hour); }
                [Occasion::Resolved] => last = None,
                other => prop_assert!(other.is_empty()),
            }
        }
    }
}
