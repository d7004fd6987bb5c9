//! Texts that people and renewd itself write: config, order file, plan file, money, dates, terms, cron.
use std::cell::RefCell;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use renewd::cli::order_file as read_order;
use renewd::domain::{Money, Percent, TermEnd, Told};
use renewd::evidence::{End, end, terms_moved};
use renewd::providers::dates::{self as spelled, Spelled};
use renewd::schedule;
use renewd::settings::{Sources, load, parse_duration};
use renewd::views::plan_file;

use super::KEY;

thread_local! {
    static DESK: RefCell<tempfile::TempDir> = RefCell::new(desk());
}

fn desk() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("yp.key");
    std::fs::write(&key, KEY).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    dir
}

/// Settings or problems, never neither; each problem says where and what, and none shows a secret.
pub fn config(data: &[u8]) {
    DESK.with_borrow(|dir| {
        let path = dir.path().join("renewd.toml");
        std::fs::write(&path, data).unwrap();
        let sources = Sources { files: vec![path], ..Sources::default() };
        match load(&sources) {
            Ok(settings) => {
                assert!(!settings.accounts.is_empty() && !settings.policies.is_empty());
                assert!(
                    settings
                        .accounts
                        .iter()
                        .all(|a| a.max_requests_per_minute > 0 && !a.keep_balance.is_negative())
                );
                assert!(
                    settings.timing.lag_window > SignedDuration::ZERO && settings.timing.settle_reads > 0
                );
                assert!(!format!("{settings:?}").contains(KEY), "a secret is shown");
            }
            Err(problems) => {
                assert!(!problems.is_empty());
                for problem in problems {
                    assert!(!problem.message.is_empty());
                    assert!(!format!("{problem:?}").contains(KEY), "a secret is shown: {problem:?}");
                }
            }
        }
    });
}

/// Read, shown and read again it is the same amount; sums, differences and shares are exact.
pub fn money(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut amounts = text.split(' ').map(str::parse::<Money>);
    let first = amounts.next().and_then(Result::ok);
    if let Ok(percent) = text.parse::<Percent>() {
        assert!(percent.of_count(100) <= percent.of_count(200), "more of more");
        assert_eq!(percent.to_string().parse::<Percent>(), Ok(percent));
    }
    let Some(a) = first else { return };
    assert_eq!(a.to_string().parse::<Money>(), Ok(a), "{a}");
    assert!(a.to_string().split_once('.').is_some_and(|(_, part)| part.len() >= 2), "at least two decimals");
    for n in [1_usize, 2, 3, 7] {
        let shares = a.shares(n);
        assert_eq!(shares.len(), n);
        if let Some(sum) = Money::sum(shares.iter().copied()) {
            assert_eq!(sum, a, "{n} shares of {a}");
        }
    }
    let Some(Ok(b)) = amounts.next() else { return };
    assert_eq!(a.plus(b), b.plus(a));
    if let Some(sum) = a.plus(b) {
        assert_eq!((sum.minus(b), sum.minus(a)), (Some(a), Some(b)));
        assert_eq!(sum > a, b.is_positive());
        if let Some(three) = a.times(3) {
            assert_eq!(Money::sum([a, a, a]), Some(three));
        }
        assert!(a.minus(b).is_none_or(|less| less.is_negative() == (a < b)));
    }
}

fn end_as(at: Timestamp, how: Spelled) -> TermEnd {
    TermEnd { at, told: how.told() }
}

/// An instant reads back; an end is the same, moved by a term or odd, and terms are counted accordingly.
pub fn dates(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(span) = parse_duration(&text) {
        assert!(!span.is_negative() && span <= SignedDuration::from_hours(24 * 3650));
    }
    let mut parts = text.split('|');
    let mut next = || parts.next().and_then(spelled::read);
    let (Some((before, how)), told) = (next(), next()) else { return };
    let (known, seen) = (end_as(before, how), told.map(|(at, how)| end_as(at, how)));
    let now = told.map(|(at, _)| at);
    assert_eq!(spelled::read(&before.to_string()).map(|(at, _)| at), Some(before), "{before}");
    let days = u32::try_from(data.len() % 120).unwrap_or(0) + 1;
    let spent = before.checked_sub(SignedDuration::from_hours(72)).unwrap_or(before);
    let blur = SignedDuration::from_hours(
        if how == Spelled::DateOnly || seen.is_some_and(|s| s.told == Told::Date) { 50 } else { 0 },
    );
    match (end(known, seen, spent, days), now) {
        (End::Same, Some(now)) => {
            assert!(
                now.duration_since(before).abs() <= blur.max(SignedDuration::from_mins(1)),
                "{before} {now}"
            );
        }
        (End::Moved(to), Some(now)) => {
            assert!(to == now && now > before && terms_moved(before, now, days) >= 1, "{before} {now}");
        }
        (End::Odd, Some(now)) => assert!(now != before || (days < 4 && !blur.is_zero()), "{before}"),
        (End::Odd, None) => {}
        (other, now) => panic!("{other:?} from {now:?}"),
    }
    let Some(now) = now.filter(|now| *now <= before) else { return };
    assert_eq!(terms_moved(before, now, days), 0, "an end that did not move bought nothing");
}

/// The next start lies ahead, and asked again from just before it, it is the same one.
pub fn cron(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (text, zone) = text.split_once('|').unwrap_or((&text, "UTC"));
    let Ok(cron) = schedule::parse(text) else { return };
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let from: Timestamp = "2026-10-24T22:00:00Z".parse().unwrap();
    let Some(first) = schedule::next(&cron, &zone, from) else { return };
    assert!(first > from, "{text}: {first}");
    let again = schedule::next(&cron, &zone, first - SignedDuration::from_secs(1));
    assert_eq!(again, Some(first), "{text}");
    if let Some(second) = schedule::next(&cron, &zone, first) {
        assert!(second > first, "{text}: {first} {second}");
    }
    let jitter = SignedDuration::from_secs(60);
    let delay = schedule::delay(jitter, first, text);
    assert!(delay.as_secs() <= 60 && delay == schedule::delay(jitter, first, text));
}

/// An accepted file whose bytes are altered is refused, unless it still says the very same.
pub fn plan_file(data: &[u8]) {
    let Ok(approved) = plan_file::read(data) else { return };
    assert!(plan_file::is_plan_file(data));
    let mut altered = data.to_vec();
    for at in (0..data.len()).step_by(data.len() / 64 + 1) {
        for byte in [altered[at] ^ 1, b'0', b'"', b' '] {
            let kept = std::mem::replace(&mut altered[at], byte);
            match plan_file::read(&altered) {
                Ok(other) => {
                    assert_eq!(format!("{other:?}"), format!("{approved:?}"), "byte {at} became {byte}")
                }
                Err(why) => assert!(!why.to_string().is_empty()),
            }
            altered[at] = kept;
        }
    }
    assert!(plan_file::read(&data[..data.trim_ascii_end().len() - 1]).is_err(), "half a plan is none");
}

/// What is read means the same on another day, and a key that is not known is never passed over.
pub fn order_file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match read_order(text) {
        Ok(order) => {
            assert_eq!(format!("{order:?}"), format!("{:?}", read_order(text).unwrap()));
            assert!(
                read_order(&format!("{text}\nno_such_key = 1\n")).is_err(),
                "an unknown key was passed over"
            );
            assert!(order.file.is_none(), "a file that names a file");
        }
        Err(why) => assert!(!why.is_empty()),
    }
}
