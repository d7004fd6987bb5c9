//! The conformance check: does a program keep the protocol, also where it is called badly? Moves no money.
//!
//! Each row says what was seen. What cannot be tried here is said to be unproved, never passed. Not responsible for the rehearsal
//! against a simulated provider or for a real payment: those need more than this module may name.
use std::time::Duration;

use secrecy::SecretString;
use serde_json::value::RawValue;

pub use super::can::Can;
use super::list::{Fleet, ListReader};
use super::mask::Mask;
pub use super::probe::How;
pub use super::probe::{Probe, Seen, Try};
use super::quote;
pub use super::report::{Outcome, Row, Rows};
use super::wire;
pub use super::wire::{Ends, ExtendArgs, Extended, Nothing, QuoteArgs, Term};
use crate::domain::term::compare;
use crate::domain::{AccountName, LeaseView, RequestLease, Sameness, TermEnd};
use crate::programs::Trust;
use crate::redact::Redactor;

/// `capabilities` needs no more.
const BRIEF: Duration = Duration::from_secs(2);
/// It may be late so many times before that is held against it.
const LATE: u32 = 2;
/// What is called badly ends by itself within.
const BAD: Duration = Duration::from_secs(10);
const READ: Duration = Duration::from_secs(30);
const LIST: Duration = Duration::from_secs(120);
/// An id that no provider has.
const FOREIGN: &str = "renewd-check-no-such-lease";

/// A program and all that the check needs.
pub struct Check {
    /// The program.
    pub probe: Probe,
    /// Its real key, where the config has one.
    pub key: Option<SecretString>,
    /// There is a config: what needs an account can be tried.
    pub has_account: bool,
    mask: Mask,
    canary: SecretString,
}

impl Check {
    /// Of a program.
    #[must_use]
    pub fn new(probe: Probe, key: Option<SecretString>, has_account: bool) -> Self {
        let none = SecretString::from(String::new());
        let mask = Mask::new(Redactor::default(), key.as_ref().unwrap_or(&none));
        let canary = SecretString::from(format!("canary-{:016x}", fastrand::u64(..)));
        Self { probe, key, has_account, mask, canary }
    }

    /// Hides the real key.
    #[must_use]
    pub fn mask(&self) -> &Mask {
        &self.mask
    }

    /// The program's digest, if nobody else can change it.
    ///
    /// # Errors
    /// Who can.
    pub fn digest(&self) -> Result<String, String> {
        let trust = Trust::new(&self.probe.command, std::sync::Arc::new(|_| Ok(())));
        trust.look().map(|found| found.digest)
    }

    /// The rows that move no money and need no simulator.
    pub async fn rows(&self) -> (Vec<Row>, Option<Can>) {
        let mut trust = Rows::new(0, "ownership");
        match self.digest() {
            Ok(digest) => trust.told(format!("digest {digest}")),
            Err(why) => trust.need(false, why),
        }
        let trust = trust.done();
        if trust.outcome == Outcome::Fail {
            // What others can change is not run, not even to be checked.
            return (vec![trust], None);
        }
        let (first, can) = self.capabilities().await;
        let mut rows = vec![trust, first, self.called_badly().await];
        let (canary, wrong_key) = self.canary().await;
        rows.push(wrong_key);
        let fleet = match (&can, self.has_account) {
            (Some(can), true) => {
                let (row, fleet) = self.list(can).await;
                rows.push(row);
                fleet
            }
            _ => {
                rows.push(Rows::unproved(4, "list", "no config with an account for this program was named"));
                None
            }
        };
        rows.push(match (&can, fleet) {
            (Some(can), Some(fleet)) if !fleet.leases.is_empty() => self.quote(can, &fleet).await,
            _ => Rows::unproved(5, "quote", "there is no lease to ask the price of"),
        });
        rows.push(canary);
        rows.push(self.asked_to_end().await);
        (rows, can)
    }

    fn one<'a, A>(&'a self, verb: &'a str, args: &'a A, time: Duration) -> Try<'a, A> {
        Try { verb, args, key: self.key.as_ref(), settings: None, time, how: How::default() }
    }

    async fn capabilities(&self) -> (Row, Option<Can>) {
        let mut row = Rows::new(1, "capabilities");
        let alone = self.probe.without_network(BRIEF).await;
        if alone.is_none() {
            row.note("run with network: an empty network namespace is not allowed here");
        }
        let mut told = Vec::new();
        for before in [Vec::new(), alone.unwrap_or_default()] {
            let seen = self.briefly(before, &mut row).await;
            row.need(
                seen.exited(0),
                "it does not end with 0 within 2 s, without a secret and without network",
            );
            let read = wire::answer(&seen.said, &seen.request)
                .map(|_| String::from_utf8_lossy(&seen.said).into_owned());
            told.push(read.and_then(|text| Can::read(&text)));
        }
        let all_same = told.windows(2).all(|pair| pair[0] == pair[1]);
        row.need(all_same, "it says different things of itself when it is asked twice");
        let can = match told.swap_remove(0) {
            Ok(can) => Some(can),
            Err(why) => {
                row.need(false, self.mask.quote(&why));
                None
            }
        };
        if let Some(can) = &can {
            row.note(format!("{} {}: {}", can.name, can.version, can.verbs.join(", ")));
        }
        (row.done(), can)
    }

    /// How fast a program is shows in the fastest of a few calls: what the others took longer, a busy machine took.
    async fn briefly(&self, before: Vec<String>, row: &mut Rows) -> Seen {
        let mut late = 0;
        loop {
            let how = How { before: before.clone(), ..How::default() };
            let ask = Try { key: None, how, ..self.one("capabilities", &Nothing {}, BRIEF) };
            let seen = self.probe.call(ask).await;
            row.saw("capabilities", &seen, &self.mask);
            if seen.ended() || late == LATE {
                return seen;
            }
            late += 1;
            row.note("it was asked again, because it did not end within 2 s");
        }
    }

    async fn called_badly(&self) -> Row {
        let mut row = Rows::new(2, "called badly");
        let seen = self.probe.call(Try { key: None, ..self.one("no-such-verb", &Nothing {}, BAD) }).await;
        row.saw("an unknown verb", &seen, &self.mask);
        row.need(seen.exited(2), "an unknown verb does not end with 2");
        let other =
            br#"{"protocol":99,"request":"r-99","verb":"balance","account":"check","settings":{},"args":{}}"#;
        let whole = wire::question(
            &wire::Head {
                request: "r-1",
                verb: "balance",
                account: "check",
                now: self.probe.now,
                deadline_s: BAD.as_secs(),
                settings: &self.probe.settings,
                key: None,
            },
            &Nothing {},
        );
        let cut = whole[..whole.len() / 2].to_vec();
        for (what, input) in [
            ("another protocol", other.to_vec()),
            ("no input", Vec::new()),
            ("cut input", cut),
            ("10 MiB of input", vec![b'x'; 10 << 20]),
        ] {
            let how = How { input: Some(input), ..How::default() };
            let seen = self.probe.call(Try { key: None, how, ..self.one("balance", &Nothing {}, BAD) }).await;
            row.saw(what, &seen, &self.mask);
            row.need(seen.ended(), format!("{what}: it does not end by itself within 10 s"));
            row.need(!seen.exited(0), format!("{what}: it ends with 0, as if all were well"));
            if what == "another protocol" {
                let good = seen.exited(1) && seen.kind().is_some();
                row.need(good, "another protocol does not end with 1 and a JSON error");
            }
        }
        row.done()
    }

    /// A key that is none: it must lead to `wrong_key`, and show up nowhere.
    async fn canary(&self) -> (Row, Row) {
        let mut clean = Rows::new(6, "no trace of the secret");
        let hidden = Mask::new(Redactor::default(), &self.canary);
        let mut wrong = Rows::new(3, "a wrong secret");
        for verb in ["capabilities", "list", "balance"] {
            let seen =
                self.probe.call(Try { key: Some(&self.canary), ..self.one(verb, &Nothing {}, LIST) }).await;
            clean.told(format!("{verb}: {}", seen.words(&hidden)));
            let out = hidden.is_in(&seen.said) || hidden.is_in(&seen.log);
            clean.need(!out, format!("`{verb}` writes its secret to standard output or error"));
            for place in &seen.leaks {
                clean.need(false, format!("`{verb}`: the secret stood in {place} of a process"));
            }
            if verb == "list" {
                wrong.told(seen.words(&hidden));
                let worst = "a wrong secret gives a list and 0, as if all leases were gone: the worst mistake there is";
                wrong.need(!seen.exited(0), worst);
                let kind = seen.kind();
                let good = seen.exited(1) && kind.as_deref() == Some("wrong_key");
                wrong.need(good, "a wrong secret does not end with 1 and the kind `wrong_key`");
            }
        }
        let name = "a wrong secret";
        let wrong = match (&self.key, self.has_account) {
            (Some(_), true) => wrong.done(),
            (None, true) => Rows::unproved(3, name, "the account has no key"),
            _ => Rows::unproved(3, name, "no config with an account for this program was named"),
        };
        (clean.done(), wrong)
    }

    async fn read_list(&self, row: &mut Rows) -> Option<Fleet> {
        let seen = self.probe.call(self.one("list", &Nothing {}, LIST)).await;
        row.saw("list", &seen, &self.mask);
        row.need(seen.exited(0), "`list` does not end with 0");
        let account = AccountName::from("check");
        let mut reader = ListReader::new(&account, &seen.request, &self.mask);
        reader.feed(&seen.said);
        let secret = self.mask.is_in(&seen.said) || self.mask.is_in(&seen.log);
        row.need(!secret, "`list` writes its secret to standard output or error");
        match reader.finish() {
            Ok(fleet) => Some(fleet),
            Err(why) => {
                row.need(false, why);
                None
            }
        }
    }

    async fn list(&self, can: &Can) -> (Row, Option<Fleet>) {
        let mut row = Rows::new(4, "list");
        let (first, second) = (self.read_list(&mut row).await, self.read_list(&mut row).await);
        if let (Some(first), Some(second)) = (&first, &second) {
            let same = first.leases.iter().map(|l| l.id).eq(second.leases.iter().map(|l| l.id));
            row.need(same, "two lists in a row have different ids");
            row.need(first.oddities.is_empty(), first.oddities.join("; "));
            row.need(first.part.is_none(), "the list says that it is only a part");
            row.note(format!("{} leases", first.leases.len()));
            let torn = torn_order(can, &first.leases.iter().collect::<Vec<_>>());
            row.need(
                torn.is_none(),
                format!("the leases of order {} end at different times", torn.unwrap_or_default()),
            );
        }
        let script = r#""$@" | head -c 1 >/dev/null; exit 0"#;
        let before = ["/bin/sh", "-c", script, "sh"].map(str::to_owned).into();
        let how = How { before, ..How::default() };
        let seen = self.probe.call(Try { how, ..self.one("list", &Nothing {}, LIST) }).await;
        row.need(seen.ended(), "it does not end where nobody reads its list to the end");
        (row.done(), first)
    }

    async fn quote(&self, can: &Can, fleet: &Fleet) -> Row {
        let mut row = Rows::new(5, "quote");
        let active = fleet.leases.iter().position(|l| l.expires_at.is_some()).unwrap_or_default();
        let lease = fleet.leases.lease(active);
        let Some(asked) = lease.reference() else {
            return Rows::unproved(5, "quote", "no lease has an end that can be read");
        };
        let balance = self.probe.call(self.one("balance", &Nothing {}, READ)).await;
        row.saw("balance", &balance, &self.mask);
        let owned = wire::answer(&balance.said, &balance.request).and_then(|answer| quote::balance(&answer));
        row.need(balance.exited(0), "`balance` does not end with 0");
        let currency =
            owned.map_err(|why| row.need(false, format!("`balance`: {why}"))).ok().map(|b| b.currency);
        let whole = can.port.bundle(&lease.kind) == crate::domain::Bundle::Order;
        let set: Vec<RequestLease> = match whole {
            true => fleet
                .leases
                .iter()
                .filter(|l| l.order == lease.order.as_str())
                .filter_map(|l| l.reference())
                .collect(),
            false => vec![asked],
        };
        let args = question(can, &lease.view(), &set);
        let seen = self.probe.call(self.one("quote", &args, READ)).await;
        row.saw("quote", &seen, &self.mask);
        row.need(seen.exited(0), "`quote` does not end with 0");
        let told = wire::answer(&seen.said, &seen.request)
            .and_then(|answer| quote::read(&answer, &set, false, &self.mask));
        match told {
            Ok(told) => {
                let same = currency.is_none_or(|currency| currency == told.balance.currency);
                row.need(same, "the price is in another currency than the balance");
                row.note(format!("{} {}", told.price, told.balance.currency));
            }
            Err(why) => row.need(false, format!("`quote`: {why}")),
        }
        let foreign = RequestLease { id: FOREIGN.into(), order: FOREIGN.into(), ..set[0].clone() };
        let args = question(can, &lease.view(), std::slice::from_ref(&foreign));
        let seen = self.probe.call(self.one("quote", &args, READ)).await;
        row.saw("quote for an id that nobody has", &seen, &self.mask);
        row.need(!seen.exited(0) && seen.ended(), "an id that nobody has gets a price, or 0");
        row.done()
    }

    async fn asked_to_end(&self) -> Row {
        let mut row = Rows::new(7, "asked to end");
        let how = How { open_input: true, ..How::default() };
        let time = Duration::from_secs(1);
        let seen = self.probe.call(Try { how, ..self.one("list", &Nothing {}, time) }).await;
        row.saw("input that does not end, then TERM", &seen, &self.mask);
        row.need(seen.ended() || seen.heeded, "it is still there 10 s after TERM");
        let how = How { nice: 10, ..How::default() };
        // A server that takes connections and never says a word: as bad as a name that is never resolved.
        let silent = std::net::TcpListener::bind(("127.0.0.1", 0));
        let stalled = silent
            .as_ref()
            .ok()
            .and_then(|s| s.local_addr().ok())
            .and_then(|at| self.settings_at(&at.to_string(), false));
        let time = Duration::from_secs(3);
        let seen = self
            .probe
            .call(Try { how, settings: stalled.as_deref(), ..self.one("list", &Nothing {}, time) })
            .await;
        row.saw("low priority, and a provider that says nothing", &seen, &self.mask);
        row.need(seen.ended() || seen.heeded, "the deadline does not hold where the provider says nothing");
        row.done()
    }

    /// The settings with another `base_url`; where they have none, `add` says whether it is put there.
    #[must_use]
    pub fn settings_at(&self, address: &str, add: bool) -> Option<Box<RawValue>> {
        let mut settings: serde_json::Value = serde_json::from_str(self.probe.settings.get()).ok()?;
        if !add && settings.get("base_url").is_none() {
            return None;
        }
        settings.as_object_mut()?.insert("base_url".to_owned(), format!("http://{address}").into());
        RawValue::from_string(settings.to_string()).ok()
    }
}

/// What is asked of a set.
#[must_use]
pub fn question<'a>(can: &Can, lease: &LeaseView<'a>, set: &'a [RequestLease]) -> QuoteArgs<'a> {
    let days = if can.periods.contains(&30) { 30 } else { can.periods.first().copied().unwrap_or(30) };
    let cycle = lease.cycle.filter(|_| can.port.sells_cycles);
    let ends = |l: &'a RequestLease| Ends {
        id: l.id.as_str(),
        order: l.order.as_str(),
        ends: l.expires_at.to_string(),
    };
    QuoteArgs {
        kind: lease.kind.as_str(),
        leases: set.iter().map(ends).collect(),
        term: cycle.map_or(Term::Days(days), Term::Cycle),
        promo: None,
    }
}

/// The leases of an order that is paid whole end together.
fn torn_order(can: &Can, leases: &[LeaseView<'_>]) -> Option<String> {
    let whole = |l: &&LeaseView<'_>| can.port.bundle(l.kind) == crate::domain::Bundle::Order;
    // Ends may jitter, and one may be told as a date: the order is torn where they are ends of different terms.
    let apart = |one: Option<TermEnd>, other: Option<TermEnd>| match (one, other) {
        (Some(one), Some(other)) => {
            matches!(compare(one, other, None), Sameness::Earlier | Sameness::Later)
        }
        (one, other) => one != other,
    };
    let differs = |l: &&LeaseView<'_>| {
        let (order, end) = (l.order, l.told_end());
        leases.iter().filter(whole).any(|other| other.order == order && apart(end, other.told_end()))
    };
    leases.iter().filter(whole).find(differs).map(|l| l.order.to_owned())
}
