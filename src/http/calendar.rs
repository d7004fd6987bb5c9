//! `/calendar.ics`: expiries and top-up days for a calendar program (RFC 5545), made of the `forecast` document.
//!
//! Whole days in the configured zone, one event per account and day. An event keeps its UID as long as it is about the same
//! thing, so a subscribed calendar moves and removes it by itself. Not responsible for facts; nothing secret is in them.
use crate::hex::hex;
use ics::components::Parameter;
use ics::properties::{Description, DtEnd, DtStart, Summary, Transp, Trigger};
use ics::{Alarm, Event, ICalendar, Standard, TimeZone, escape_text};
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// As RFC 5545 wants it served.
pub(super) const CONTENT_TYPE: &str = "text/calendar; charset=utf-8";
/// How far the calendar looks ahead, in days.
pub(super) const DAYS: u16 = 90;

const PRODUCT: &str = concat!("-//renewd//renewd ", env!("CARGO_PKG_VERSION"), "//EN");

/// The calendar of a `forecast` document.
pub(super) fn render(forecast: &Value) -> String {
    let mut calendar = ICalendar::new("2.0", PRODUCT);
    calendar.push(ics::components::Property::new("X-WR-CALNAME", "renewd"));
    let list = |key: &str| forecast[key].as_array().map(Vec::as_slice).unwrap_or_default();
    let stamp = stamp(forecast, list("runway"));
    let expiries = list("expiries").iter().filter_map(|e| expiry(e, &stamp));
    let top_ups = list("runway").iter().filter_map(|r| top_up(r, forecast, &stamp));
    let events: Vec<Event<'_>> = expiries.chain(top_ups).collect();
    if events.is_empty() {
        // A calendar holds one component at least.
        calendar.add_timezone(TimeZone::standard("UTC", Standard::new("19700101T000000", "+0000", "+0000")));
    }
    events.into_iter().for_each(|event| calendar.add_event(event));
    calendar.to_string()
}

/// When the facts were read: the same facts give the same file.
fn stamp(forecast: &Value, accounts: &[Value]) -> String {
    let read: Option<Timestamp> = accounts.iter().filter_map(|r| r["read_at"].as_str()?.parse().ok()).max();
    let at = read.or_else(|| forecast["from"].as_str()?.parse().ok()).unwrap_or(Timestamp::UNIX_EPOCH);
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// The same for the same thing, and nobody else's.
fn uid(what: &str, account: &str, day: &str) -> String {
    let hash = Sha256::digest(format!("{what}\n{account}\n{day}"));
    let short = hex(&hash[..12]);
    format!("{what}-{short}@renewd")
}

fn all_day<'a>(uid: String, stamp: &str, day: Date, summary: &str, text: &str) -> Event<'a> {
    let whole = |date: Date| date.strftime("%Y%m%d").to_string();
    let mut event = Event::new(uid, stamp.to_owned());
    let mut start = DtStart::new(whole(day));
    start.add(Parameter::new("VALUE", "DATE"));
    event.push(start);
    let mut end = DtEnd::new(whole(day.tomorrow().unwrap_or(day)));
    end.add(Parameter::new("VALUE", "DATE"));
    event.push(end);
    event.push(Summary::new(escape_text(summary.to_owned())));
    event.push(Description::new(escape_text(text.to_owned())));
    event.push(Transp::transparent());
    event
}

fn expiry<'a>(row: &Value, stamp: &str) -> Option<Event<'a>> {
    let (account, date) = (row["account"].as_str()?, row["date"].as_str()?);
    let count = |key: &str| row[key].as_u64().unwrap_or_default();
    let fates = [("renew", "to be renewed"), ("watch", "watched only"), ("release", "let go")];
    let fates: Vec<String> = fates
        .iter()
        .filter(|(key, _)| count(key) > 0)
        .map(|(key, words)| format!("{} {words}", count(key)))
        .collect();
    let n = count("leases");
    let end = if n == 1 { "1 lease ends".to_owned() } else { format!("{n} leases end") };
    let summary = format!("{account}: {end} ({})", fates.join(", "));
    let first = row["first_at"].as_str().unwrap_or("?");
    let text = format!("The first of them ends at {first}. `renewd plan` lists them.");
    Some(all_day(uid("expiry", account, date), stamp, date.parse().ok()?, &summary, &text))
}

/// The day of an instant.
fn date_of(instant: &str) -> &str {
    instant.split('T').next().unwrap_or(instant)
}

fn top_up<'a>(row: &Value, forecast: &Value, stamp: &str) -> Option<Event<'a>> {
    let (account, day) = (row["account"].as_str()?, row["until"].as_str()?);
    let (short, by) = (row["short_by"].as_str()?, row["top_up_by"].as_str()?);
    let currency = row["currency"].as_str().unwrap_or_default();
    let lapse = row["uncovered"].as_array().map_or(0, Vec::len);
    let to = forecast["to"].as_str().unwrap_or("?");
    // An amount says what it is enough for: the alert and the page look less far ahead, and ask for less.
    let summary = format!("{account}: top up {short} {currency} for the {DAYS} days up to {}", date_of(to));
    let text = format!(
        "From {by} on the balance does not cover what falls due; {lapse} leases would lapse. With {short} {currency} more it lasts until {to}."
    );
    // One per account: it moves as the day does.
    let mut event = all_day(uid("top-up", account, ""), stamp, day.parse().ok()?, &summary, &text);
    let description = Description::new(escape_text(summary));
    event.add_alarm(Alarm::display(Trigger::new("-P1D"), description));
    Some(event)
}
