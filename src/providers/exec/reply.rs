//! What an answer to `extend` or `set_auto_renewal` proves.
//!
//! Pure. There is one form of a good answer; whatever differs from it in anything is unknown: a wrong "refused" would pay twice, a
//! wrong "accepted" would let an address lapse. It may name some of the asked leases only: those are accepted, and the others unknown. A program's word that nothing was done counts only where the owner trusts it.
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::domain::{Balance, Currency, LeaseId, RenewalRequest, TermEnd};
use crate::evidence::ToldEnd;
use crate::providers::json::{self, Object};
use crate::providers::{ChangeReply, Concern, PaymentReply};

use super::mask::Mask;
use super::wire;
use crate::programs::{End, NotStarted, Ran};

/// The code of a refusal: programs have words, not numbers.
const REFUSED: i64 = 0;

/// What is needed to judge an answer.
pub struct Judge<'a> {
    /// The name of the question.
    pub request: &'a str,
    /// Hides what must not be kept.
    pub mask: &'a Mask,
    /// `trust_refusals`.
    pub trust_refusals: bool,
    /// The program names the verb in its `capabilities`.
    pub named: bool,
}

/// What became of it, by the program's word.
enum Said<'a> {
    Accepted(Object<'a>),
    Refused(String),
    Unknown(Option<i64>, String),
}

impl Judge<'_> {
    /// What the run for a payment proves.
    pub fn payment(
        &self,
        asked: &RenewalRequest,
        currency: &Currency,
        ran: Result<Ran, NotStarted>,
        said: &[u8],
    ) -> PaymentReply {
        let ran = match ran {
            Ok(ran) => ran,
            Err(NotStarted(why)) => return PaymentReply::NeverSent(self.mask.quote(&why)),
        };
        match self.said(&ran.end, said) {
            Said::Accepted(answer) => self.accepted(asked, currency, &answer),
            Said::Refused(message) => {
                PaymentReply::Refused { code: REFUSED, message, concerns: Concern::Lease }
            }
            Said::Unknown(code, message) => PaymentReply::Unknown { code, message },
        }
    }

    /// What the run for a change proves.
    pub fn change(&self, asked: &[&str], ran: Result<Ran, NotStarted>, said: &[u8]) -> ChangeReply {
        let ran = match ran {
            Ok(ran) => ran,
            Err(NotStarted(why)) => return ChangeReply::NeverSent(self.mask.quote(&why)),
        };
        match self.said(&ran.end, said) {
            Said::Accepted(answer) => match set(&answer, asked.iter().copied()) {
                Ok(()) => ChangeReply::Done { message: None, price: None },
                Err(why) => ChangeReply::Unknown { code: None, message: self.mask.quote(&why) },
            },
            Said::Refused(message) => ChangeReply::Refused { code: REFUSED, message },
            Said::Unknown(code, message) => ChangeReply::Unknown { code, message },
        }
    }

    fn said<'a>(&self, end: &End, said: &'a [u8]) -> Said<'a> {
        if let Some(seen) = self.abnormal(end, said) {
            return seen;
        }
        let answer = match wire::answer(said, self.request) {
            Ok(answer) => answer,
            Err(why) => return Said::Unknown(None, self.mask.quote(&why)),
        };
        let text = |key: &str| answer.get(key).and_then(json::text).map(|t| self.mask.quote(&t));
        let words = |what: &str| {
            let code = text("code").map_or(String::new(), |code| format!(" ({code})"));
            format!("the program says that it was {what}{code}: {}", text("text").unwrap_or_default())
        };
        if answer.get("error").is_some() {
            return Said::Unknown(None, "the answer has an outcome and an error".to_owned());
        }
        let outcome = answer.get("outcome").and_then(json::text);
        match outcome.as_deref() {
            Some("accepted") => Said::Accepted(answer),
            Some(claim @ ("refused" | "never_sent")) => {
                let what = if claim == "refused" { "refused" } else { "never sent" };
                if answer.get("leases").is_some_and(|raw| json::list(raw).is_none_or(|l| !l.is_empty())) {
                    return Said::Unknown(None, format!("{}, but it names leases", words(what)));
                }
                match self.trust_refusals {
                    true => Said::Refused(words(what)),
                    false => Said::Unknown(None, format!("{}; trust_refusals is false", words(what))),
                }
            }
            Some("unknown") => Said::Unknown(None, words("unknown")),
            Some(other) => {
                Said::Unknown(None, format!("an `outcome` that nobody knows: {}", self.mask.quote(other)))
            }
            None => Said::Unknown(None, "the answer has no `outcome` that is a text".to_owned()),
        }
    }

    /// Anything but an end by itself with 0.
    fn abnormal<'a>(&self, end: &End, said: &[u8]) -> Option<Said<'a>> {
        let told = wire::answer(said, self.request).ok().and_then(|answer| error(&answer, self.mask));
        let told = told.map_or(String::new(), |(kind, text)| format!(": it says {kind}: {text}"));
        Some(match end {
            End::Exit(0) => return None,
            End::Exit(2) if !self.named => Said::Unknown(
                Some(2),
                "the program does not have this verb, and was asked all the same".to_owned(),
            ),
            End::Exit(code) => {
                Said::Unknown(Some(i64::from(*code)), format!("the program ended with {code}{told}"))
            }
            End::Signal(signal) => {
                Said::Unknown(Some(i64::from(*signal)), format!("signal {signal} ended the program"))
            }
            End::Late => Said::Unknown(None, "the program took too long and was ended".to_owned()),
            End::Stopped => Said::Unknown(None, "the program said too much and was ended".to_owned()),
            End::Lost(why) => Said::Unknown(None, self.mask.quote(why)),
        })
    }

    fn accepted(&self, asked: &RenewalRequest, currency: &Currency, answer: &Object<'_>) -> PaymentReply {
        let ids = asked.leases.iter().map(|lease| lease.id.as_str());
        let read = named(answer, ids).and_then(|named| {
            let charged = wire::maybe_money(answer, "charged")?;
            let ends = ends(answer)?;
            wire::maybe_name(answer, "reference")?;
            Ok((named, ends, wire::maybe_money(answer, "balance")?, charged))
        });
        let balance = |amount| Balance { amount, currency: currency.clone() };
        match read {
            Ok((named, _, amount, charged)) if named.len() == asked.leases.len() => {
                PaymentReply::Accepted { balance: amount.map(balance), charged, promo: None, order: None }
            }
            Ok((named, ends, amount, charged)) => {
                let told = named.into_iter().map(|id| {
                    let end = ends.get(&id).copied().map(TermEnd::instant);
                    ToldEnd { lease: LeaseId::new(id), end }
                });
                PaymentReply::Ends { told: told.collect(), balance: amount.map(balance), charged }
            }
            Err(why) => PaymentReply::Unknown { code: None, message: self.mask.quote(&why) },
        }
    }
}

/// Whether `leases` names exactly the asked set.
fn set<'a>(answer: &Object<'_>, asked: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let asked: BTreeSet<&str> = asked.collect();
    let told = named(answer, asked.iter().copied())?;
    match told.len() == asked.len() {
        true => Ok(()),
        false => Err(format!("accepted for {} of {} leases", told.len(), asked.len())),
    }
}

/// The asked leases that `leases` names: each once, at least one, and no other.
fn named<'a>(answer: &Object<'_>, asked: impl Iterator<Item = &'a str>) -> Result<Vec<String>, String> {
    let named = wire::ids(answer, "leases").map_err(|why| format!("accepted, but {why}"))?;
    let (asked, told): (BTreeSet<&str>, BTreeSet<&str>) =
        (asked.collect(), named.iter().map(String::as_str).collect());
    let (missing, foreign) = (asked.difference(&told).count(), told.difference(&asked).count());
    if named.len() != told.len() {
        return Err("accepted, but `leases` names one twice".to_owned());
    }
    match foreign {
        0 if named.is_empty() => Err("accepted, but `leases` names none".to_owned()),
        0 => Ok(named),
        _ => Err(format!(
            "accepted, but of the ids {missing} are missing and {foreign} were not asked for: something else may have been paid"
        )),
    }
}

/// `ends` is no proof; but one that cannot be read makes the whole answer doubtful.
fn ends(answer: &Object<'_>) -> Result<BTreeMap<String, Timestamp>, String> {
    let Some(raw) = answer.get("ends") else { return Ok(BTreeMap::new()) };
    let wrong = || "`ends` is not a table of instants".to_owned();
    let table = wire::object(raw.get()).map_err(|_| wrong())?;
    let read = table
        .pairs()
        .map(|(id, raw)| Some((id.to_owned(), json::text(raw).and_then(|t| wire::instant(&t))?)));
    read.collect::<Option<_>>().ok_or_else(wrong)
}

/// The error of a program that failed, in its own words.
pub fn error(answer: &Object<'_>, mask: &Mask) -> Option<(String, String)> {
    let error = wire::object(answer.get("error")?.get()).ok()?;
    let text = |key: &str| error.get(key).and_then(json::text).map(|t| mask.quote(&t));
    Some((text("kind")?, text("text").unwrap_or_default()))
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;
