//! Values of a policy that may be meant and probably are not: a slip of the pen that no provider can be asked about here.
//!
//! Not responsible for values that are wrong (`values.rs`) or contradict each other (`cross.rs`).
use jiff::SignedDuration;
use jiff::civil::Date;

use super::draft::Draft;
use super::fields::Fields;
use super::problems::Problems;
use super::tree::Place;
use super::values;
use crate::domain::time::words;
use crate::domain::{cycle_days, same_cycle};

/// Warns of each; of days that are over only where `today` is told.
pub(super) fn warn(draft: &Draft<'_>, today: Option<Date>, warnings: &Problems) {
    // Places are countries of three letters only where days are sold; the other way has names of its own.
    let words: Vec<&str> = draft.rows("account").filter_map(|row| row.text("provider")).collect();
    let days_only = !words.is_empty() && words.iter().all(|word| super::values::sells_days(word));
    for row in draft.rows("policy") {
        if days_only {
            countries(row, warnings);
        }
        cycle(row, warnings);
        before(row, warnings);
        spread(row, warnings);
        if let Some(today) = today {
            until(row, today, warnings);
        }
    }
}

fn countries(row: &Fields<'_>, warnings: &Problems) {
    let own = ["match.country", "match.not.country"].map(|key| (row, key));
    for (row, key, place, text) in
        own.into_iter().chain(row.rows("match.any").map(|one| (one, "country"))).flat_map(texts)
    {
        if text.len() != 3 || !text.bytes().all(|b| b.is_ascii_alphabetic()) {
            let message = format!(
                "`{text}` is not a country code of three letters and will match nothing: write \"DEU\" for Germany"
            );
            warnings.push(place, row.full(key), message);
        }
    }
}

fn texts<'r>(
    (row, key): (&'r Fields<'r>, &'static str),
) -> Vec<(&'r Fields<'r>, &'static str, &'r Place, &'r str)> {
    row.texts(key).into_iter().map(|(place, text)| (row, key, place, text)).collect()
}

fn cycle(row: &Fields<'_>, warnings: &Problems) {
    let Some(text) = row.text("cycle") else { return };
    // `lifetime` is no span of days and a name all the same.
    if cycle_days(text).is_none() && !same_cycle(text, "lifetime") {
        let message = format!(
            "`{text}` is not a billing cycle that renewd knows: an order in another cycle is held. See renewd order options"
        );
        warnings.push(row.place("cycle"), row.full("cycle"), message);
    }
}

/// Due so early that the term before is not half over: nothing falls due more than a period before its end, whatever this says.
fn before(row: &Fields<'_>, warnings: &Problems) {
    let (Some(text), Some(Ok(before))) = (row.text("before"), row.text("before").map(values::span)) else {
        return;
    };
    if row.text("action") != Some("renew") {
        return;
    }
    let days = row.texts("period").into_iter().filter_map(|(_, text)| values::days(text).ok());
    let Some(shortest) = days.min() else { return };
    if before > SignedDuration::from_hours(24 * i64::from(shortest)) {
        let message = format!(
            "{text} is longer than the period of {shortest}d: nothing falls due earlier than one period before its end, so that no term is \
             paid while the one before has not begun"
        );
        warnings.push(row.place("before"), row.full("before"), message);
    }
}

/// Longer than the time that there is between due and urgent: that time is shared out instead.
fn spread(row: &Fields<'_>, warnings: &Problems) {
    let days = row.texts("period").into_iter().filter_map(|(_, text)| values::days(text).ok()).max();
    let longest = SignedDuration::from_hours(24 * i64::from(days.unwrap_or(30)));
    let span = |key| row.text(key).and_then(|text| values::span(text).ok());
    let (Some(wanted), Some(before), Some(urgent)) = (span("spread"), span("before"), span("urgent")) else {
        return;
    };
    let room = before.min(longest).checked_sub(urgent).unwrap_or_default().max(SignedDuration::ZERO);
    if wanted > room {
        let message = format!(
            "{} is longer than the time from due (`before`) to urgent (`urgent`): orders are spread over {} only",
            row.text("spread").unwrap_or_default(),
            words(room)
        );
        warnings.push(row.place("spread"), row.full("spread"), message);
    }
}

fn until(row: &Fields<'_>, today: Date, warnings: &Problems) {
    let Some(text) = row.text("until") else { return };
    if text.parse::<Date>().is_ok_and(|day| day < today) && row.text("action") == Some("renew") {
        let message = format!("{text} is over: what ends from now on is not renewed by this policy");
        warnings.push(row.place("until"), row.full("until"), message);
    }
}
