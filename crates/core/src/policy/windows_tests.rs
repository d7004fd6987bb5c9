//! Windows against a clock that is watched minute by minute, on days on which the clocks change too.
use jiff::civil::date;
use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn berlin() -> TimeZone {
    TimeZone::get("Europe/Berlin").unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn windows(any: &[&str], except: &[&str]) -> Windows {
    let any = any.iter().map(|text| text.parse().unwrap()).collect();
    Windows::new(any, except.iter().map(|text| text.parse().unwrap()).collect()).unwrap()
}

#[test]
fn a_list_is_open_while_one_of_its_windows_is() {
    let both = windows(&["Mon-Fri 08:00-20:00", "Sat 10:00-14:00"], &[]);
    // 2026-11-21 is a Saturday; Berlin is an hour ahead.
    for (instant, open) in [
        ("2026-11-20T07:00:00Z", true),
        ("2026-11-20T19:00:00Z", false),
        ("2026-11-21T08:59:59Z", false),
        ("2026-11-21T09:00:00Z", true),
        ("2026-11-21T13:00:00Z", false),
        ("2026-11-22T11:00:00Z", false),
    ] {
        assert_eq!(both.is_open(at(instant), &berlin()), open, "{instant}");
    }
    assert_eq!(both.opens(at("2026-11-20T19:00:00Z"), &berlin()), Some(at("2026-11-21T09:00:00Z")));
    assert_eq!(both.opens(at("2026-11-21T13:00:00Z"), &berlin()), Some(at("2026-11-23T07:00:00Z")));
    assert_eq!(both.opens(at("2026-11-21T09:30:00Z"), &berlin()), Some(at("2026-11-21T09:30:00Z")));
}

#[test]
fn no_window_opens_on_a_day_off_and_one_over_midnight_belongs_to_the_day_on_which_it_begins() {
    let nights = windows(&["22:00-06:00"], &["2026-12-25"]);
    for (instant, open) in [
        ("2026-12-24T22:00:00Z", true),
        ("2026-12-25T05:59:59Z", true),
        ("2026-12-25T22:00:00Z", false),
        ("2026-12-26T05:59:59Z", false),
        ("2026-12-26T22:00:00Z", true),
    ] {
        assert_eq!(nights.is_open(at(instant), &TimeZone::UTC), open, "{instant}");
    }
    assert_eq!(nights.opens(at("2026-12-25T06:00:00Z"), &TimeZone::UTC), Some(at("2026-12-26T22:00:00Z")));
}

#[test]
fn days_off_without_a_window_leave_all_other_days_open() {
    let days = windows(&[], &["2026-12-26", "2026-12-25"]);
    for (instant, open) in [
        ("2026-12-24T22:59:59Z", true),
        ("2026-12-24T23:00:00Z", false),
        ("2026-12-26T22:59:59Z", false),
        ("2026-12-26T23:00:00Z", true),
    ] {
        assert_eq!(days.is_open(at(instant), &berlin()), open, "{instant}");
    }
    assert_eq!(days.opens(at("2026-12-25T12:00:00Z"), &berlin()), Some(at("2026-12-26T23:00:00Z")));
    assert_eq!(days.as_str(), "all day, not on 2026-12-25, 2026-12-26");
    assert_eq!(
        windows(&["Mon 08:00-09:00"], &["2026-12-25", "2026-12-26", "2026-12-31", "2027-01-01"]).as_str(),
        "Mon 08:00-09:00, not on 4 days off"
    );
    assert!(days.is_all_day());
    assert!(days.is_off(date(2026, 12, 25)) && !days.is_off(date(2026, 12, 24)));
    assert_eq!(Windows::new(Vec::new(), Vec::new()), None, "nothing is restricted");
}

/// Berlin leaves out 02:00 to 03:00 on 29 March 2026 and goes through it twice on 25 October.
#[rstest]
#[case::left_out_whole("Sun 02:15-02:45", "2026-03-28T12:00:00Z", "2026-04-05T00:15:00Z")]
#[case::its_beginning_is_left_out("Sun 02:30-04:00", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z")]
#[case::begins_with_the_gap("Sun 02:00-04:00", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z")]
#[case::ends_in_the_gap("Sun 01:00-02:30", "2026-03-29T00:59:59Z", "2026-03-29T00:59:59Z")]
#[case::the_first_time("Sun 02:00-02:30", "2026-10-24T12:00:00Z", "2026-10-25T00:00:00Z")]
#[case::the_second_time("Sun 02:00-02:30", "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z")]
#[case::goes_on_when_put_back("Sun 01:00-02:30", "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z")]
#[case::after_both("Sun 02:00-02:30", "2026-10-25T01:30:00Z", "2026-11-01T01:00:00Z")]
fn the_clock_on_the_wall_decides_when_it_opens(
    #[case] window: &str,
    #[case] from: &str,
    #[case] opens: &str,
) {
    assert_eq!(windows(&[window], &[]).opens(at(from), &berlin()), Some(at(opens)));
}

#[test]
fn what_is_off_for_long_opens_all_the_same_and_what_is_never_there_never_does() {
    let mondays: Vec<Date> =
        (0..60).map(|n| date(2026, 11, 30).saturating_add(jiff::Span::new().days(7 * n))).collect();
    let text: Vec<String> = mondays.iter().map(ToString::to_string).collect();
    let text: Vec<&str> = text.iter().map(String::as_str).collect();
    let seldom = windows(&["Mon 08:00-09:00"], &text);
    assert_eq!(seldom.opens(at("2026-11-30T08:00:00Z"), &TimeZone::UTC), Some(at("2028-01-24T08:00:00Z")));
    // Samoa had no 30 December 2011.
    let apia = TimeZone::get("Pacific/Apia").unwrap();
    let friday = windows(&["Fri 00:00-24:00"], &[]);
    assert_eq!(friday.opens(at("2011-12-29T12:00:00Z"), &apia), Some(at("2012-01-05T10:00:00Z")));
}

proptest! {
    #[test]
    fn it_opens_at_the_first_minute_at_which_it_is_open(
        zone in prop::sample::select(vec!["Europe/Berlin", "Australia/Lord_Howe", "America/New_York", "UTC", "Africa/Casablanca"]),
        spans in prop::collection::vec((0..7_usize, 0..7_usize, 0..96_u32, 0..96_u32), 0..3),
        off in prop::collection::vec(0..14_i64, 0..4),
        season in prop::sample::select(vec!["2026-03-06", "2026-03-27", "2026-10-02", "2026-10-23", "2026-11-01", "2026-02-13"]),
        minute in 0..5_000_i64,
    ) {
        let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        let clock = |quarter: u32| format!("{:02}:{:02}", quarter / 4, quarter % 4 * 15);
        let any = spans.into_iter().map(|(first, last, from, to)| {
            format!("{}-{} {}-{}", days[first], days[last], clock(from), clock(to)).parse().unwrap()
        });
        let zone = TimeZone::get(zone).unwrap();
        let begin: Date = season.parse().unwrap();
        let except = off.into_iter().map(|n| begin.saturating_add(SignedDuration::from_hours(24 * n)));
        let Some(windows) = Windows::new(any.collect(), except.collect()) else { return Ok(()) };
        let from = begin.to_zoned(zone.clone()).unwrap().timestamp() + SignedDuration::from_mins(minute);
        let opens = windows.opens(from, &zone);
        let watched = (0..60 * 24 * 14).map(|n| from + SignedDuration::from_mins(n)).find(|at| windows.is_open(*at, &zone));
        match watched {
            Some(first) => prop_assert_eq!(opens, Some(first)),
            None => prop_assert!(opens.is_none_or(|opens| opens > from + SignedDuration::from_hours(24 * 14) - SignedDuration::from_mins(1))),
        }
    }
}
