//! What the pages say and where they draw it, from facts alone.
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::timeline::timeline;
use crate::domain::Money;
use crate::views::days::{DayRow, Days, EndRow};
use crate::views::moments::Clockface;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn money(text: &str) -> Option<Money> {
    Some(text.parse().unwrap())
}

fn due(date: &str, due: usize, amount: Option<Money>, after: &str) -> DayRow {
    DayRow {
        date: date.parse().unwrap(),
        due,
        amount,
        currency: Some("USD".to_owned()),
        balance_after: money(after),
        price_source: "last_paid".to_owned(),
    }
}

fn days() -> Days {
    Days {
        days: vec![
            due("2026-12-01", 1, money("10.00"), "5.00"),
            due("2026-12-04", 2, money("5.00"), "0.00"),
            due("2026-12-04", 1, None, "0.00"),
            due("2026-12-09", 1, money("2.50"), "-2.50"),
        ],
        unpriced: 1,
        ends: vec![
            EndRow { date: "2026-12-12".parse().unwrap(), lapse: 1, release: 0, watch: 2 },
            EndRow { date: "2027-03-01".parse().unwrap(), lapse: 5, release: 0, watch: 0 },
        ],
        top_up_by: Some(at("2026-12-09T08:00:00Z")),
        first_end: None,
    }
}

#[test]
fn the_timeline_draws_each_day_where_it_is_and_as_high_as_it_is_dear() {
    let (days, zone) = (days(), TimeZone::get("Europe/Berlin").unwrap());
    let picture = timeline(&[("yp", &days)], Clockface { now: at("2026-11-30T23:30:00Z"), zone: &zone });
    let lane = &picture.lanes[0];
    let drawn: Vec<_> = lane.dues.iter().map(|m| (m.x.as_str(), m.height, m.covered)).collect();
    // It is the first of December there, and a day is 3.33 % wide.
    assert_eq!(drawn, [("0.00%", 34, true), ("9.99%", 19, true), ("26.64%", 12, false)]);
    assert!(lane.dues.iter().all(|m| m.y + m.height == 52), "all stand on the ground");
    let said: Vec<&str> = lane.dues.iter().map(|m| m.says.as_str()).collect();
    assert_eq!(
        said,
        [
            "Tue 1 Dec: 1 lease due for 10.00 USD",
            "Fri 4 Dec: 3 leases due for 5.00 USD and what has no known price",
            "Wed 9 Dec: 1 lease due for 2.50 USD, which the balance does not cover",
        ]
    );
    assert_eq!(lane.top_up.as_ref().map(|m| m.says.as_str()), Some("top up before Wed 9 Dec 09:00"));
    let (lapses, leaves) = (&lane.lapses, &lane.leaves);
    assert_eq!(
        (lapses.len(), lapses[0].says.as_str()),
        (1, "Sat 12 Dec: 1 lease would lapse"),
        "March is not drawn"
    );
    assert_eq!((leaves.len(), leaves[0].says.as_str()), (1, "Sat 12 Dec: 2 leases end as planned"));
    assert!(lane.says.contains("5 leases due within 30 days, 17.50 USD"), "{}", lane.says);
    assert_eq!(picture.ticks[0].text, "1 Dec");
}

#[test]
fn the_table_beside_the_timeline_says_the_same_day_by_day() {
    let (days, zone) = (days(), TimeZone::UTC);
    let picture = timeline(
        &[("yp", &days), ("other", &Days::default())],
        Clockface { now: at("2026-12-01T00:00:00Z"), zone: &zone },
    );
    let rows: Vec<String> = picture
        .rows
        .iter()
        .map(|r| {
            let day = r.day.as_ref().map_or("", |d| &d.away);
            let (amount, after) =
                (r.amount.as_deref().unwrap_or("-"), r.balance_after.as_deref().unwrap_or("-"));
            format!(
                "{day}: {} {amount}, {after}{} {}",
                r.due,
                if r.short { "!" } else { "" },
                r.ends.join(", ")
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            "today: 1 10.00 USD, 5.00 USD ",
            "in 3 days: 3 5.00 USD, 0.00 USD ",
            "in 8 days: 1 2.50 USD, -2.50 USD! ",
            "in 11 days: 0 -, - 1 would lapse, 2 not renewed by renewd",
        ]
    );
    assert_eq!((picture.unpriced, picture.lanes.len()), (1, 1));
}
