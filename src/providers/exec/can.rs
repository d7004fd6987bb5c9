//! What a program says that it can do, from its answer to `capabilities`. Pure.
//!
//! Strict: a word that is not known, a number where a text is due or a verb that is missing makes the whole answer unreadable, so
//! that nothing is taken for a default that costs money. Fields that are not known are ignored.
use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use serde::Deserialize;

use crate::domain::{Capabilities, Kind};

/// The version of the protocol that is spoken here.
pub const PROTOCOL: u32 = 1;
/// Verbs that every program has.
const NEEDED: [&str; 3] = ["list", "balance", "quote"];
/// Days of a term where the program does not say which it sells: then its quote decides.
const LONGEST_TERM: u32 = 366;
const LONGEST_PAYMENT: u64 = 600;
const MOST_REQUESTS: u32 = 10_000;

/// What a program can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Can {
    /// As the port has it.
    pub port: Capabilities,
    /// Its own name for itself.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// What it does.
    pub verbs: Vec<String>,
    /// Terms on offer, in days.
    pub periods: Vec<u32>,
    /// So many reads may run at once.
    pub parallel_reads: usize,
    /// Requests to the provider that a verb makes at the most; one where it is not told.
    pub requests: BTreeMap<String, u32>,
    /// Leases in one call, where that is limited.
    pub max_batch: Option<usize>,
    /// How long a payment may take.
    pub money_timeout: Duration,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Pays {
    Lease,
    Order,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Terms {
    Days,
    Cycles,
}

#[derive(Deserialize)]
struct Said {
    protocols: Vec<u32>,
    name: String,
    version: String,
    verbs: Vec<String>,
    renew_early: bool,
    quote_is_bound: bool,
    auto_renewal: bool,
    pays: Pays,
    #[serde(default)]
    bundled_kinds: Vec<String>,
    terms: Terms,
    #[serde(default)]
    periods: Vec<u32>,
    grace_s: Option<u32>,
    parallel_reads: Option<u16>,
    #[serde(default)]
    requests_per_call: BTreeMap<String, u32>,
    max_batch: Option<usize>,
    money_timeout_s: Option<u64>,
}

impl Can {
    /// Reads the answer's object.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(answer: &str) -> Result<Self, String> {
        let said: Said = serde_json::from_str(answer).map_err(|e| format!("`capabilities`: {e}"))?;
        if !said.protocols.contains(&PROTOCOL) {
            return Err(format!("`protocols` is without {PROTOCOL}, the one that is spoken here"));
        }
        if let Some(verb) = NEEDED.iter().find(|verb| !said.verbs.iter().any(|v| v == *verb)) {
            return Err(format!("`verbs` is without `{verb}`, which every program has"));
        }
        if said.name.trim().is_empty() {
            return Err("`name` is empty".to_owned());
        }
        let requests = said.requests_per_call;
        if let Some((verb, n)) = requests.iter().find(|(_, n)| !(1..=MOST_REQUESTS).contains(*n)) {
            return Err(format!("`requests_per_call` of `{verb}` is {n}: from 1 to {MOST_REQUESTS}"));
        }
        if said.max_batch == Some(0) || said.parallel_reads == Some(0) {
            return Err("`max_batch` and `parallel_reads` are at least 1".to_owned());
        }
        let seconds = said.money_timeout_s.unwrap_or(180);
        if !(1..=LONGEST_PAYMENT).contains(&seconds) {
            return Err(format!("`money_timeout_s` is {seconds}: from 1 to {LONGEST_PAYMENT}"));
        }
        let mut bundled: Vec<Kind> = said.bundled_kinds.into_iter().map(Kind::new).collect();
        if matches!(said.pays, Pays::Order) {
            bundled = vec![Kind::from(Capabilities::EVERY_KIND)];
        }
        Ok(Self {
            port: Capabilities {
                // What the list does not tell of a lease, nothing else does: then its owner's word decides.
                hides_auto_renewal: true,
                prices_by_count: false,
                pace: None,
                marks_purchases: false,
                renew_early: said.renew_early,
                quote_is_bound: said.quote_is_bound,
                quote_reads_order: false,
                warns: true,
                auto_renewal: said.auto_renewal && said.verbs.iter().any(|v| v == "set_auto_renewal"),
                sells_cycles: matches!(said.terms, Terms::Cycles),
                grace: said.grace_s.filter(|s| *s > 0).map(|s| SignedDuration::from_secs(i64::from(s))),
                bundled_kinds: bundled,
            },
            name: said.name,
            version: said.version,
            verbs: said.verbs,
            periods: if said.periods.is_empty() { (1..=LONGEST_TERM).collect() } else { said.periods },
            parallel_reads: usize::from(said.parallel_reads.unwrap_or(1)),
            requests,
            max_batch: said.max_batch,
            money_timeout: Duration::from_secs(seconds),
        })
    }

    /// Whether it has that verb.
    #[must_use]
    pub fn does(&self, verb: &str) -> bool {
        self.verbs.iter().any(|known| known == verb)
    }

    /// How many requests that verb makes.
    #[must_use]
    pub fn requests(&self, verb: &str) -> u32 {
        self.requests.get(verb).copied().unwrap_or(1)
    }
}

/// Of a program that was not asked yet: nothing that would spend or switch anything.
#[must_use]
pub fn unknown() -> Capabilities {
    Capabilities { warns: true, hides_auto_renewal: true, ..Capabilities::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Bundle;

    const GOOD: &str = r#"{"protocol":1,"request":"r","protocols":[1],"name":"x","version":"1",
        "verbs":["capabilities","list","balance","quote","extend"],"renew_early":true,"quote_is_bound":true,
        "auto_renewal":false,"pays":"lease","bundled_kinds":["IPv6"],"terms":"days","grace_s":0,"parallel_reads":2,
        "requests_per_call":{"list":3},"max_batch":20,"money_timeout_s":60,"later":[1]}"#;

    #[test]
    fn a_whole_answer_becomes_the_ports_capabilities() {
        let can = Can::read(GOOD).unwrap();
        assert_eq!(can.port.bundle(&Kind::from("IPv6")), Bundle::Order);
        assert_eq!(can.port.bundle(&Kind::from("IPv4")), Bundle::Lease);
        assert_eq!((can.requests("list"), can.requests("quote"), can.parallel_reads), (3, 1, 2));
        assert!(can.port.hides_auto_renewal && unknown().hides_auto_renewal);
        assert!(can.port.grace.is_none() && can.does("extend") && !can.does("set_auto_renewal"));
        assert!(can.periods.contains(&30) && can.periods.contains(&90));
        let orders = Can::read(&GOOD.replace("\"lease\"", "\"order\"")).unwrap();
        assert_eq!(orders.port.bundle(&Kind::from("IPv4")), Bundle::Order);
    }

    #[test]
    fn what_is_not_known_for_sure_is_not_taken_for_a_default() {
        for (good, bad) in [
            ("\"protocols\":[1]", "\"protocols\":[2]"),
            ("\"lease\"", "\"wallet\""),
            ("\"days\"", "\"weeks\""),
            ("\"renew_early\":true", "\"renew_early\":1"),
            ("\"renew_early\":true,", ""),
            ("\"quote\",", ""),
            ("\"list\":3", "\"list\":0"),
            ("\"money_timeout_s\":60", "\"money_timeout_s\":\"60\""),
            ("\"money_timeout_s\":60", "\"money_timeout_s\":100000"),
            ("\"max_batch\":20", "\"max_batch\":0"),
            ("\"name\":\"x\"", "\"name\":\" \""),
        ] {
            let text = GOOD.replacen(good, bad, 1);
            assert_ne!(text, GOOD, "{good}");
            assert!(Can::read(&text).is_err(), "{bad}");
        }
    }
}
