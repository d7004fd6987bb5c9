//! The runway alert: raised, told again when it is worse, silent otherwise, over with the top-up.
use renewd::simulator::Product;
use serde_json::Value;

use crate::common::{Bench, KEEP, KEY, in_hours, money};
use crate::forecast::{A, B, C};

/// Mails are queued and stay in the outbox: nobody listens there.
fn config() -> String {
    format!(
        "{KEEP}[alerts.email]\nhost = \"127.0.0.1\"\nport = 9\ntls = \"none\"\nfrom = \"renewd@example.org\"\nto = [\"ops@example.org\"]\n"
    )
}

/// One lease is paid in the first cycle; what is left does not cover the one due in 7 days.
fn short_in_a_week(balance: &str) -> Bench {
    let bench = Bench::new(
        balance,
        &[(Product::IPv4, &[A], 24), (Product::IPv4, &[B], 24 * 10), (Product::IPv4, &[C], 24 * 12)],
    );
    bench.config("", &config());
    bench
}

fn open(bench: &Bench) -> Vec<(String, String, String)> {
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    let status = bench.json(&["status"]).1;
    let alerts = status["open_alerts"].as_array().unwrap();
    alerts.iter().map(|a| (text(&a["key"]), text(&a["severity"]), text(&a["text"]))).collect()
}

/// Subjects of all mails about the runway, oldest first.
fn subjects(bench: &Bench) -> Vec<String> {
    let ledger = rusqlite::Connection::open(bench.path("state/ledger.db")).unwrap();
    let mut query =
        ledger.prepare("SELECT subject FROM outbox WHERE key LIKE 'runway:%' ORDER BY id").unwrap();
    query.query_map([], |r| r.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn it_is_raised_escalates_and_is_over_with_the_top_up() {
    let bench = short_in_a_week("3.00");
    bench.json(&["once"]);
    let first = in_hours(24 * 10).to_zoned(jiff::tz::TimeZone::UTC);
    let alerts = open(&bench);
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    let (key, severity, text) = &alerts[0];
    assert_eq!((key.as_str(), severity.as_str()), ("runway:yp", "warning"));
    // 0.35 is left of 3.00; two leases fall due at 2.65.
    assert!(text.starts_with("Top up 4.95 USD at yp for the next 14d: "), "{text}");
    assert!(text.contains(&first.strftime("%a %-d %b ").to_string()), "{text}");
    assert!(text.contains("2 leases are not covered; the first ends"), "{text}");
    bench.json(&["once"]);
    let told = subjects(&bench);
    assert_eq!(told.len(), 1, "nothing changed, nobody is told");
    assert!(!told[0].contains("(by "), "its date is named once: {told:?}");

    // A partial top-up covers the first of them: the deadline is two days later, and that is no news.
    bench.handle.top_up(KEY, money("2.30")).unwrap();
    bench.json(&["once"]);
    assert!(open(&bench)[0].2.contains("1 lease is not covered; it ends"), "{:?}", open(&bench));
    assert_eq!(subjects(&bench).len(), 1);

    // Both turn out to end much earlier.
    bench.handle.with(|w| {
        w.set_end(KEY, B, in_hours(24 * 3 + 20));
        w.set_end(KEY, C, in_hours(24 * 3 + 22));
    });
    bench.json(&["once"]);
    assert_eq!(open(&bench)[0].1, "urgent");
    let told = subjects(&bench);
    assert!(
        told.len() == 2 && told[1].starts_with("[renewd URGENT] Top up 2.65 USD at yp for the next 14d: "),
        "{told:?}"
    );

    bench.handle.top_up(KEY, money("2.65")).unwrap();
    assert_eq!(bench.json(&["once"]).0, 0);
    assert!(open(&bench).is_empty(), "{:?}", open(&bench));
    let told = subjects(&bench);
    assert!(told.len() == 3 && told[2].starts_with("[renewd resolved] "), "{told:?}");
}

#[test]
fn leases_never_paid_before_are_warned_of_too() {
    let bench = Bench::new("1.00", &[(Product::IPv4, &[A, B], 24 * 10)]);
    bench.config("", &config());
    assert_eq!(bench.json(&["once"]).0, 0);
    let alerts = open(&bench);
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert!(alerts[0].2.starts_with("Top up 4.30 USD at yp for the next 14d: "), "{alerts:?}");
    assert_eq!(bench.payments_sent(), 0);
}

#[test]
fn a_quarter_more_missing_is_told_at_the_same_severity() {
    let bench = short_in_a_week("3.00");
    bench.json(&["once"]);
    assert_eq!(subjects(&bench).len(), 1);
    // Somebody else spends from the account: 0.35 less is not a quarter of 4.95.
    let take = |amount: &str| {
        bench.handle.top_up(KEY, money(&format!("-{amount}"))).unwrap();
        bench.json(&["once"]);
    };
    take("0.35");
    assert_eq!(subjects(&bench).len(), 1);
    // 4.95 and a quarter of it is 6.19.
    take("0.89");
    let told = subjects(&bench);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[1].starts_with("[renewd warning] Top up 6.19 USD at yp"), "{told:?}");
    take("0.01");
    assert_eq!(subjects(&bench).len(), 2, "measured from what was told last");
}

#[test]
fn while_what_is_due_now_is_short_one_alert_speaks_for_both() {
    let bench = Bench::new("1.00", &[(Product::IPv4, &[A], 24), (Product::IPv4, &[B], 24 * 10)]);
    bench.config("", &config());
    assert_eq!(bench.json(&["once"]).0, 3);
    let keys: Vec<_> = open(&bench).into_iter().map(|(key, ..)| key).collect();
    assert_eq!(keys, ["short_funds:yp"]);
    let ledger = rusqlite::Connection::open(bench.path("state/ledger.db")).unwrap();
    let text: String = ledger.query_row("SELECT text FROM outbox", [], |r| r.get(0)).unwrap();
    assert!(text.contains("To last the next 14d, top up 4.30 USD in all"), "{text}");
    // What was asked for first is paid in: the rest is told now, once.
    bench.handle.top_up(KEY, money("1.65")).unwrap();
    bench.json(&["once"]);
    assert_eq!(bench.charged(A), 1);
    let mut alerts = open(&bench);
    alerts.retain(|(key, ..)| key != "top_up:yp");
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert!(alerts[0].2.starts_with("Top up 2.65 USD at yp for the next 14d: "), "{alerts:?}");
}

#[test]
fn an_open_runway_is_not_called_over_when_its_day_has_come() {
    let bench = short_in_a_week("3.00");
    bench.json(&["once"]);
    bench.handle.with(|w| {
        w.set_end(KEY, B, in_hours(24));
        w.set_end(KEY, C, in_hours(24));
    });
    assert_eq!(bench.json(&["once"]).0, 3);
    let keys: Vec<_> = open(&bench).into_iter().map(|(key, ..)| key).collect();
    assert_eq!(keys, ["runway:yp", "short_funds:yp"]);
    assert_eq!(subjects(&bench).len(), 1, "the other alert speaks: {:?}", subjects(&bench));
    bench.handle.top_up(KEY, money("10.00")).unwrap();
    assert_eq!(bench.json(&["once"]).0, 0);
    assert!(open(&bench).is_empty());
}

#[test]
fn an_account_that_cannot_be_read_keeps_its_runway_as_it_was() {
    let bench = short_in_a_week("3.00");
    bench.json(&["once"]);
    bench.secret("yp.key", "another-key-that-is-wrong");
    assert_eq!(bench.json(&["once"]).0, 3);
    let keys: Vec<_> = open(&bench).into_iter().map(|(key, ..)| key).collect();
    assert_eq!(keys, ["account_down:yp", "runway:yp"]);
    assert_eq!(subjects(&bench).len(), 1);
}
