//! How the provider fails: which calls, what becomes of them, and what the client gets to see.
//!
//! A fault has two halves that combine freely: an [`Effect`] (what the provider does with the call: nothing, late, in
//! part) and an [`Answer`] (what comes back over the wire). Not responsible for doing either.
use std::time::Duration;

use super::site::{Answer, Call, Kind, Twist};
use super::youproxy::Endpoint;
use renewd_core::domain::Money;

/// Which calls a fault is for, at a provider whose calls are `E`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim<E = Endpoint> {
    /// This call.
    Endpoint(E),
    /// Every call that charges.
    Money,
    /// Every price call.
    Quotes,
    /// Every other call that changes nothing.
    Reads,
    /// All of them.
    Any,
}

impl<E: Kind> Aim<E> {
    fn covers(self, endpoint: E) -> bool {
        match self {
            Self::Endpoint(one) => one == endpoint,
            Self::Money => endpoint.is_money(),
            Self::Quotes => endpoint.is_quote(),
            Self::Reads => endpoint.is_read(),
            Self::Any => true,
        }
    }
}

/// Which of the matching calls, counted from the injection on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// Only the `n`th, from 1.
    Nth(u64),
    /// The next `n`.
    Next(u64),
    /// All.
    Always,
    /// Each with this chance, drawn from a seed.
    Chance {
        /// 0 to 100.
        percent: u8,
        /// The same seed draws the same calls.
        seed: u64,
    },
}

/// What the provider does with the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Processes it as its pages say.
    Process,
    /// Nothing, although the answer may say otherwise.
    Nothing,
    /// Processes it so much later (of the clock's time): a charge that lands late.
    After(Duration),
    /// Applies and charges only the first so many leases.
    FirstLeases(usize),
    /// Asks so much more for each lease: the price changed.
    Surcharge(Money),
    /// Takes every promo code for invalid and charges the full price.
    RejectPromo,
    /// Takes the money and delivers nothing.
    ChargeOnly,
    /// Processes it, and somebody else spends this from the same balance at the same moment.
    ForeignSpend(Money),
}

/// One rule. The first rule that fires decides; all rules that match count the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault<E = Endpoint> {
    aim: Aim<E>,
    account: Option<String>,
    about: Option<String>,
    when: When,
    effect: Effect,
    answer: Answer,
}

/// Names an injected fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FaultId(pub(super) u64);

impl<E> Fault<E> {
    /// The next matching call is processed and answered as usual, until the other methods change that.
    #[must_use]
    pub fn on(aim: Aim<E>) -> Self {
        Self {
            aim,
            account: None,
            about: None,
            when: When::Next(1),
            effect: Effect::Process,
            answer: Answer::Honest,
        }
    }

    /// The provider does nothing and answers HTTP 200 with this code: a clean refusal (2 wrong key, 3 unavailable …).
    #[must_use]
    pub fn code(aim: Aim<E>, code: i64) -> Self {
        let message = format!("Simulated error {code}");
        Self::on(aim).effect(Effect::Nothing).answer(Answer::Refusal { status: 200, code, message })
    }

    /// The provider does nothing and answers with this status and what looks like a clean refusal: 401, 403, 409, 422 …
    #[must_use]
    pub fn status(aim: Aim<E>, status: u16) -> Self {
        let message = format!("Simulated status {status}");
        Self::on(aim).effect(Effect::Nothing).answer(Answer::Refusal { status, code: 35, message })
    }

    /// Only for the account with this key.
    #[must_use]
    pub fn account(self, key: &str) -> Self {
        Self { account: Some(key.to_owned()), ..self }
    }

    /// Only for calls that name this id: as the order in their path, or as a word of their body.
    #[must_use]
    pub fn about(self, id: &str) -> Self {
        Self { about: Some(id.to_owned()), ..self }
    }

    /// Which of the matching calls.
    #[must_use]
    pub fn when(self, when: When) -> Self {
        Self { when, ..self }
    }

    /// What the provider does.
    #[must_use]
    pub fn effect(self, effect: Effect) -> Self {
        Self { effect, ..self }
    }

    /// What the client sees.
    #[must_use]
    pub fn answer(self, answer: Answer) -> Self {
        Self { answer, ..self }
    }
}

/// A fault at work: it counts.
#[derive(Debug)]
pub(super) struct Armed<E> {
    pub(super) id: FaultId,
    pub(super) fired: u64,
    fault: Fault<E>,
    seen: u64,
    random: fastrand::Rng,
}

impl<E: Kind> Armed<E> {
    pub(super) fn new(id: FaultId, fault: Fault<E>) -> Self {
        let seed = if let When::Chance { seed, .. } = fault.when { seed } else { 0 };
        Self { id, fired: 0, fault, seen: 0, random: fastrand::Rng::with_seed(seed) }
    }

    /// Counts the call if it matches, and tells whether the fault is for it.
    pub(super) fn strikes(&mut self, call: &Call<E>) -> bool {
        let wanted = self.fault.account.as_deref().is_none_or(|account| account == call.key)
            && self.fault.about.as_deref().is_none_or(|id| names(call, id));
        if !wanted || !self.fault.aim.covers(call.endpoint) {
            return false;
        }
        self.seen += 1;
        match self.fault.when {
            When::Nth(n) => self.seen == n,
            When::Next(n) => self.seen <= n,
            When::Always => true,
            When::Chance { percent, .. } => self.random.u8(0..100) < percent,
        }
    }

    /// Counts that it fired, and gives what is to be done.
    pub(super) fn fire(&mut self) -> (Effect, Answer) {
        self.fired += 1;
        (self.fault.effect.clone(), self.fault.answer.clone())
    }
}

fn names<E>(call: &Call<E>, id: &str) -> bool {
    let mut words = call.body.split(|c: char| !c.is_alphanumeric() && !"-_".contains(c));
    call.subject.as_deref() == Some(id) || words.any(|word| word == id)
}

impl Effect {
    pub(super) fn twist(&self) -> Twist {
        let mut twist = Twist::default();
        match self {
            Self::FirstLeases(n) => twist.limit = Some(*n),
            Self::Surcharge(more) => twist.surcharge = *more,
            Self::RejectPromo => twist.reject_promo = true,
            Self::ChargeOnly => twist.undelivered = true,
            Self::ForeignSpend(amount) => twist.foreign = *amount,
            Self::Process | Self::Nothing | Self::After(_) => {}
        }
        twist
    }
}
