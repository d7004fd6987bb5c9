//! The rule of sameness, row by row, and as a property over spellings, jitter, replicas and terms from an hour to 360 days.
use super::*;
use crate::domain::RequestLease;
use proptest::prelude::*;
use rstest::rstest;

fn at(text: &str) -> TermEnd {
    match text.len() {
        10 => TermEnd { at: format!("{text}T00:00:00Z").parse().unwrap(), told: Told::Date },
        _ => TermEnd::instant(text.parse().unwrap()),
    }
}

#[rstest]
#[case::a_fraction_lost("2026-12-01T09:00:32.98Z", "2026-12-01T09:00:32Z", Some(30), Sameness::Same)]
#[case::a_minute("2026-12-01T09:00:00Z", "2026-12-01T09:01:00Z", Some(1), Sameness::Same)]
#[case::of_a_term_of_unknown_length("2026-12-01T09:00:00Z", "2026-12-01T08:59:30Z", None, Sameness::Same)]
#[case::more_than_a_minute("2026-12-01T09:00:00Z", "2026-12-01T09:01:01Z", Some(360), Sameness::Later)]
#[case::an_hour_back("2026-12-01T09:00:00Z", "2026-12-01T08:00:00Z", Some(30), Sameness::Earlier)]
#[case::its_day("2026-12-01T09:00:00Z", "2026-12-01", Some(30), Sameness::Same)]
#[case::its_day_in_the_far_east("2026-12-01T10:00:00Z", "2026-12-02", Some(30), Sameness::Same)]
#[case::no_zone_has_that_day_yet("2026-12-01T09:59:59Z", "2026-12-02", Some(30), Sameness::Later)]
#[case::its_day_in_the_far_west("2026-12-02", "2026-12-03T12:00:00Z", Some(30), Sameness::Same)]
#[case::no_zone_has_that_day_still("2026-12-02", "2026-12-03T12:00:01Z", Some(30), Sameness::Later)]
#[case::a_date_of_four_days("2026-12-01T09:00:00Z", "2026-12-01", Some(4), Sameness::Same)]
#[case::a_date_of_three_days("2026-12-01T09:00:00Z", "2026-12-01", Some(3), Sameness::Unclear)]
#[case::a_date_of_who_knows("2026-12-01T09:00:00Z", "2026-12-01", None, Sameness::Unclear)]
#[case::the_same_date("2026-12-01", "2026-12-01", Some(2), Sameness::Same)]
#[case::the_same_date_of_one_day("2026-12-01", "2026-12-01", Some(1), Sameness::Unclear)]
#[case::four_days_on("2026-12-01", "2026-12-05", Some(4), Sameness::Later)]
#[case::four_days_back("2026-12-05", "2026-12-01", Some(4), Sameness::Earlier)]
fn ends_are_compared(
    #[case] known: &str,
    #[case] seen: &str,
    #[case] days: Option<u32>,
    #[case] want: Sameness,
) {
    assert_eq!(compare(at(known), at(seen), days), want);
}

fn bought(before: &str, after: Option<&str>, days: u32) -> Bought {
    Bought { before: at(before), after: after.map(|text| at(text).at), days }
}

#[rstest]
#[case::the_old_end_again("2026-12-01T09:00:32Z", Sameness::Same, true)]
#[case::an_older_one("2026-11-01T09:00:00Z", Sameness::Earlier, true)]
#[case::the_new_one_in_another_spelling("2026-12-31T09:00:31Z", Sameness::Later, false)]
#[case::the_new_one_corrected_by_an_hour("2026-12-31T08:00:00Z", Sameness::Later, false)]
#[case::the_new_one_as_a_date("2026-12-31", Sameness::Later, false)]
#[case::the_old_one_as_a_date("2026-12-01", Sameness::Same, true)]
#[case::nearer_to_the_old("2026-12-10T09:00:00Z", Sameness::Same, true)]
#[case::another_term_on("2027-01-30T09:00:00Z", Sameness::Later, false)]
fn of_two_known_ends_the_nearer_one_wins(#[case] now: &str, #[case] place: Sameness, #[case] stale: bool) {
    let paid = bought("2026-12-01T09:00:32.98Z", Some("2026-12-31T09:00:32.98Z"), 30);
    let term = Term::ending(at(now));
    assert_eq!((paid.place(&term), paid.is_stale(&term)), (place, stale));
}

#[rstest]
#[case::of_a_month(30, "2026-12-31T09:00:00Z")]
#[case::of_a_day(1, "2026-12-02T09:00:00Z")]
fn a_new_end_that_was_a_slip_of_the_list_keeps_no_later_term_from_being_paid(
    #[case] days: u32,
    #[case] real: &str,
) {
    let paid = bought("2026-12-01T09:00:00Z", Some("2099-01-01T00:00:00Z"), days);
    assert_eq!(
        (paid.place(&Term::ending(at(real))), paid.is_stale(&Term::ending(at(real)))),
        (Sameness::Later, false)
    );
    let old = Term::ending(at("2026-12-01T09:00:01Z"));
    assert_eq!((paid.place(&old), paid.is_stale(&old)), (Sameness::Same, true));
}

#[rstest]
#[case::an_hour("2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z", 1)]
#[case::a_day("2026-12-01T09:00:00Z", "2026-12-02T09:00:00Z", 1)]
#[case::four_days_as_dates("2026-12-01", "2026-12-05", 4)]
fn two_real_terms_stay_two(#[case] old: &str, #[case] new: &str, #[case] days: u32) {
    let paid = Bought { before: at(old), after: Some(at(new).at), days };
    assert_eq!(paid.place(&Term::ending(at(new))), Sameness::Later);
    assert_ne!(paid.place(&Term::ending(at(old))), Sameness::Later);
}

/// What is open, or was settled by a person's word, has shown no new end.
#[rstest]
#[case::as_it_was("2026-12-01T09:00:31Z", Sameness::Same)]
#[case::corrected_by_minutes("2026-12-01T09:20:00Z", Sameness::Same)]
#[case::corrected_by_a_day("2026-12-02T09:00:00Z", Sameness::Same)]
#[case::corrected_back("2026-12-01T08:00:00Z", Sameness::Earlier)]
#[case::a_term_on("2026-12-31T09:00:00Z", Sameness::Later)]
#[case::a_term_on_counted_from_the_payment("2026-12-28T09:00:00Z", Sameness::Later)]
#[case::two_terms_on("2027-01-30T09:00:00Z", Sameness::Later)]
#[case::a_term_on_as_a_date("2026-12-31", Sameness::Later)]
fn an_old_end_that_is_corrected_is_no_new_one_where_none_was_seen(
    #[case] now: &str,
    #[case] place: Sameness,
) {
    let paid = bought("2026-12-01T09:00:00Z", None, 30);
    assert_eq!(paid.place(&Term::ending(at(now))), place);
}

#[rstest]
#[case::by_hours("2026-12-01T19:00:00Z", Sameness::Same)]
#[case::by_a_day("2026-12-02T09:00:00Z", Sameness::Later)]
fn of_a_term_of_a_day_too(#[case] now: &str, #[case] place: Sameness) {
    assert_eq!(bought("2026-12-01T09:00:00Z", None, 1).place(&Term::ending(at(now))), place);
}

#[test]
fn dates_of_a_short_term_never_free_it() {
    let paid = bought("2026-12-01", Some("2026-12-02T00:00:00Z"), 1);
    assert_eq!(paid.place(&Term::ending(at("2026-12-02"))), Sameness::Unclear);
    assert_eq!(paid.place(&Term::ending(at("2026-12-04"))), Sameness::Later);
}

#[test]
fn an_order_on_hold_is_in_its_term_by_any_of_its_names() {
    let (first, last) = (at("2026-12-01T09:00:00Z"), at("2026-12-01T21:00:00Z").at);
    let told = Term { from: first, to: last, told: true };
    let untold = Term { from: at("2026-11-16T21:00:00Z"), to: last, told: false };
    for (name, in_told, in_untold) in [
        ("2026-12-01T09:00:00Z", Sameness::Same, Sameness::Same),
        ("2026-12-01T15:00:00Z", Sameness::Same, Sameness::Same),
        ("2026-12-01T21:00:30Z", Sameness::Same, Sameness::Same),
        ("2026-11-20T00:00:00Z", Sameness::Same, Sameness::Same),
        ("2026-11-01T00:00:00Z", Sameness::Later, Sameness::Later),
        ("2026-12-09T00:00:00Z", Sameness::Earlier, Sameness::Earlier),
    ] {
        let paid = bought(name, None, 30);
        assert_eq!((paid.place(&told), paid.place(&untold)), (in_told, in_untold), "{name}");
    }
}

#[test]
fn each_lease_of_a_set_moves_as_its_first_did() {
    let lease = |n: &str, end: &str| RequestLease {
        id: n.into(),
        order: n.into(),
        ip: String::new(),
        port: None,
        expires_at: at(end).at,
        told: Told::Instant,
    };
    let set = [lease("1", "2026-12-01T00:00:00Z"), lease("2", "2026-12-20T00:00:00Z")];
    let of = |n: usize, after: &str| Bought::of(&set[n], &set, Some(at(after).at), 30).after;
    assert_eq!(of(1, "2026-12-31T00:00:00Z"), Some(at("2027-01-19T00:00:00Z").at));
    assert_eq!(of(0, "2026-12-31T00:00:00Z"), Some(at("2026-12-31T00:00:00Z").at));
    assert_eq!(of(0, "2026-12-01T00:00:00Z"), None, "what did not move brought no end");
}

/// The world's own truth: ends of the terms of one lease, and how some answer spells one of them.
#[derive(Debug, Clone)]
struct Answer {
    term: usize,
    spelling: u8,
    jitter_ms: i64,
    zone_hours: i64,
}

impl Answer {
    fn spell(&self, ends: &[Timestamp]) -> TermEnd {
        let end = ends[self.term.min(ends.len() - 1)];
        let jittered = end.checked_add(SignedDuration::from_millis(self.jitter_ms)).unwrap();
        match self.spelling {
            0 => TermEnd::instant(jittered),
            1 => TermEnd::instant(Timestamp::from_second(jittered.as_second()).unwrap()),
            // The date of some zone on earth.
            _ => {
                let there = end.checked_add(SignedDuration::from_hours(self.zone_hours)).unwrap();
                let day = there.as_second().div_euclid(86_400) * 86_400;
                TermEnd { at: Timestamp::from_second(day).unwrap(), told: Told::Date }
            }
        }
    }
}

fn answers() -> impl Strategy<Value = Vec<Answer>> {
    let one = (0_usize..4, 0_u8..3, -400_i64..=400, -12_i64..=14)
        .prop_map(|(term, spelling, jitter_ms, zone_hours)| Answer { term, spelling, jitter_ms, zone_hours });
    prop::collection::vec(one, 2..12)
}

/// Where no new end was seen, an end that moved by less than half of what was paid for may be the old one, corrected.
fn told_apart(paid: &Bought, end: Timestamp) -> bool {
    let half = SignedDuration::from_hours(12 * i64::from(paid.days)) + NEAR;
    paid.after.is_some() || end.duration_since(paid.before.at) > half
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever order old and new answers come in: a term that was paid is never free again, and one that was not paid is free
    /// where it can be told (by instants always).
    #[test]
    fn a_term_paid_once_is_never_paid_again_and_two_real_terms_stay_two(
        start in 1_700_000_000_i64..1_900_000_000,
        hours in prop_oneof![1_i64..24, (1_i64..=360).prop_map(|d| d * 24)],
        answers in answers(),
    ) {
        let days = u32::try_from((hours / 24).max(1)).unwrap();
        let ends: Vec<Timestamp> = (0..4).map(|n| Timestamp::from_second(start + n * hours * 3_600).unwrap()).collect();
        let mut paid: Vec<(usize, Bought)> = Vec::new();
        for answer in &answers {
            let seen = answer.spell(&ends);
            let free = paid.iter().all(|(_, b)| b.place(&Term::ending(seen)) == Sameness::Later);
            let is_paid = paid.iter().any(|(term, _)| *term >= answer.term);
            if is_paid {
                prop_assert!(!free, "{answer:?} of {ends:?} is free after {paid:?}");
            } else if answer.spelling < 2 && paid.iter().all(|(_, b)| b.before.told == Told::Instant && told_apart(b, seen.at)) {
                prop_assert!(free, "{answer:?} of {ends:?} is not free after {paid:?}");
            }
            if free && answer.term < 3 {
                // The new end is seen at once, exactly, or not at all.
                let after = (answer.jitter_ms > -200 && answer.spelling < 2).then(|| ends[answer.term + 1]);
                paid.push((answer.term, Bought { before: seen, after, days }));
            }
        }
    }

    /// What is the same is the same both ways, and nothing is both earlier and later.
    #[test]
    fn the_rule_is_symmetric(start in 1_700_000_000_i64..1_900_000_000, hours in 1_i64..9_000, pair in answers(), days in 1_u32..400) {
        let ends: Vec<Timestamp> = (0..4).map(|n| Timestamp::from_second(start + n * hours * 3_600).unwrap()).collect();
        let (a, b) = (pair[0].spell(&ends), pair[1].spell(&ends));
        let mirrored = match compare(b, a, Some(days)) {
            Sameness::Earlier => Sameness::Later,
            Sameness::Later => Sameness::Earlier,
            same => same,
        };
        prop_assert_eq!(compare(a, b, Some(days)), mirrored);
    }
}

#[rstest]
#[case::as_it_was("2026-12-01T09:00:00Z", "2026-12-01T09:00:00Z", 30, true)]
#[case::jitter("2026-12-01T09:00:00Z", "2026-12-01T09:00:01Z", 30, true)]
#[case::a_date_that_got_its_time_of_day("2026-12-01T00:00:00Z", "2026-12-01T17:30:00Z", 30, true)]
#[case::an_instant_that_lost_it("2026-12-01T17:30:00Z", "2026-12-01", 30, true)]
#[case::the_next_term("2026-12-01T00:00:00Z", "2026-12-31T00:00:00Z", 30, false)]
#[case::an_hour_on("2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z", 30, false)]
#[case::the_next_day_of_daily_terms("2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z", 1, false)]
fn a_price_is_for_the_term_that_it_was_asked_for(
    #[case] asked: &str,
    #[case] now: &str,
    #[case] days: u32,
    #[case] fits: bool,
) {
    assert_eq!(at(now).is_priced_at(at(asked).at, days), fits);
}
