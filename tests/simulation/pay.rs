//! The provider's side of a payment, and of a switch: each may meet a fault, and what it really did is in the books.
use jiff::SignedDuration;
use renewd::domain::{Balance, Change, IntentId, PromoStatus, RenewalRequest};
use renewd::ledger::{ChangePermit, PurchasePermit, SpendPermit};
use renewd::providers::{ChangeReply, Changer, Concern, PaymentReply, Spender};

use crate::books::{Buy, Later, Manner, Shown, What};
use crate::site::{Site, State, money, usd};

/// What a payment meets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Meets {
    Nothing,
    Stale,
    LostBefore,
    LostAfter,
    Refused,
    RefusedThoughCharged,
    NeverSent,
    Partly,
    Late,
    WrongPrice,
    SurplusLost,
    Foreign,
    TopUp,
    Hangs,
}

pub const FAULTS: [(Meets, &str, u32); 13] = [
    (Meets::Stale, "stale list and balance", 14),
    (Meets::LostBefore, "lost before", 14),
    (Meets::LostAfter, "lost after", 14),
    (Meets::Refused, "refused", 6),
    (Meets::RefusedThoughCharged, "refused though charged", 8),
    (Meets::NeverSent, "never sent", 6),
    (Meets::Partly, "partly applied", 10),
    (Meets::Late, "processed after every window", 3),
    (Meets::WrongPrice, "wrong price", 5),
    (Meets::SurplusLost, "overcharged without an answer", 4),
    (Meets::Foreign, "foreign spend", 5),
    (Meets::TopUp, "top-up", 5),
    (Meets::Hangs, "hangs", 10),
];

impl Site {
    pub fn meets(&self, state: &mut State) -> Meets {
        if state.calm {
            return Meets::Nothing;
        }
        if self.clock.truth() < state.money_down_until {
            return Meets::NeverSent;
        }
        if state.rng.u32(0..100) >= self.faulty {
            return Meets::Nothing;
        }
        let mut draw = state.rng.u32(0..FAULTS.iter().map(|f| f.2).sum());
        for (what, _, weight) in FAULTS {
            if draw < weight {
                return what;
            }
            draw -= weight;
        }
        Meets::Nothing
    }

    fn minutes(state: &mut State, most: i64) -> SignedDuration {
        SignedDuration::from_secs(state.rng.i64(0..=most * 60))
    }

    /// Does what the payment asks, as far as the fault lets it. `None`: it is refused.
    fn settle(&self, id: &IntentId, request: &RenewalRequest, meets: Meets) -> Option<(i64, Vec<usize>)> {
        let mut state = self.now();
        let now = self.clock.truth();
        let lots: Vec<usize> =
            request.leases.iter().filter_map(|l| state.books.lot_of(l.id.as_str())).collect();
        let whole = lots.len() == request.leases.len();
        let standing = lots.iter().all(|&l| match self.manner {
            Manner::Days => state.books.lots[l].end() > now,
            Manner::Months => !state.books.lots[l].gone && state.books.lots[l].end() <= now,
        });
        let promo = request.promo.is_some() && now < state.promo_until;
        let days = i64::from(request.period_days);
        let prices: Vec<i64> = lots.iter().map(|&l| self.price(&state, l, days, promo)).collect();
        let mut cents: i64 = prices.iter().sum();
        if !whole || !standing || state.books.balance() < cents {
            return None;
        }
        let mut taken = lots;
        match meets {
            Meets::LostBefore | Meets::Refused | Meets::NeverSent => return Some((cents, Vec::new())),
            Meets::Partly if taken.len() > 1 => {
                let n = state.rng.usize(1..taken.len());
                cents = prices[..n].iter().sum();
                taken.truncate(n);
            }
            Meets::WrongPrice => cents += state.rng.i64(-50..=50).max(1 - cents),
            Meets::SurplusLost => cents += state.rng.i64(1..=600),
            Meets::Foreign => {
                let other = state.rng.i64(100..2_000);
                let lag = Self::minutes(&mut state, 5);
                state.books.money(now, -other, What::Foreign, lag);
            }
            Meets::TopUp => {
                let other = state.rng.i64(1..200) * 100;
                state.books.money(now, other, What::TopUp, SignedDuration::ZERO);
            }
            _ => {}
        }
        let (balance_lag, ends_lag) = Self::lags(&mut state, meets);
        let rotate = self.manner == Manner::Days && state.rng.u32(0..100) < 8;
        let buy = Buy {
            what: What::Payment(id.to_string()),
            lots: taken.clone(),
            days,
            cents,
            balance_lag,
            ends_lag,
            rotate,
            odd: matches!(meets, Meets::WrongPrice | Meets::SurplusLost),
            unforeseen: matches!(meets, Meets::RefusedThoughCharged | Meets::Late),
        };
        if rotate {
            self.judge.fault("ids rotate");
        }
        self.land(&mut state, id, meets, buy);
        Some((cents, taken))
    }

    /// Into the books: now, or after every window.
    fn land(&self, state: &mut State, id: &IntentId, meets: Meets, buy: Buy) {
        let (now, cents) = (self.clock.truth(), buy.cents);
        let (balance, ends) = (buy.balance_lag.as_secs(), buy.ends_lag.as_secs());
        let shown = format!("in the balance after {balance} s, in the list after {ends} s");
        let at = if meets == Meets::Late {
            let at = now + SignedDuration::from_mins(state.rng.i64(90..2_400));
            state.books.later.push(Later { at, order: buy });
            at
        } else {
            state.books.charge(now, &buy);
            now
        };
        self.judge.note(|| format!("{id} costs {} at {at}, {shown}", money(cents)));
    }

    /// How late balance and ends show it.
    pub fn lags(state: &mut State, meets: Meets) -> (SignedDuration, SignedDuration) {
        let most = if matches!(meets, Meets::Nothing | Meets::Foreign | Meets::TopUp) { 1 } else { 14 };
        let stale = meets == Meets::Stale || state.rng.bool();
        let mut lag = || Self::minutes(state, if stale { most } else { 0 });
        (lag(), lag())
    }

    fn tell(&self, id: &IntentId, request: &RenewalRequest, meets: Meets) {
        self.judge.lock().tally.spends_with_fault += u64::from(meets != Meets::Nothing);
        if let Some((_, name, _)) = FAULTS.iter().find(|(m, ..)| *m == meets) {
            self.judge.fault(name);
        }
        if !matches!(meets, Meets::Nothing | Meets::Stale) {
            request.leases.iter().for_each(|l| self.judge.excuse_lot(self.account.as_str(), &l.ip));
        }
        self.judge.note(|| format!("{id} reaches {}, meets {meets:?}", self.account));
    }

    fn reply(&self, request: &RenewalRequest, meets: Meets) -> PaymentReply {
        let mut state = self.now();
        let told = state.rng.u32(0..100) < 80;
        let balance = told.then(|| Balance { amount: money(state.books.balance()), currency: usd() });
        let valid = self.clock.truth() < state.promo_until;
        let promo =
            request.promo.as_ref().map(|_| if valid { PromoStatus::Valid } else { PromoStatus::Invalid });
        let accepted = PaymentReply::Accepted { balance, charged: None, promo, order: None };
        let unknown = |why: &str| PaymentReply::Unknown { code: None, message: why.to_owned() };
        match meets {
            Meets::Nothing | Meets::Stale | Meets::WrongPrice | Meets::TopUp => accepted,
            Meets::Late | Meets::Foreign if state.rng.bool() => accepted,
            Meets::LostBefore | Meets::LostAfter if state.rng.bool() => PaymentReply::Unknown {
                code: Some(500),
                message: "HTTP 500 with what looks like a refusal".to_owned(),
            },
            Meets::Refused | Meets::RefusedThoughCharged => {
                let code = *state.rng.choice(&[19_i64, 24, 16]).unwrap();
                let concerns = if code == 16 { Concern::Account } else { Concern::Lease };
                PaymentReply::Refused { code, message: "refused".to_owned(), concerns }
            }
            Meets::NeverSent => PaymentReply::NeverSent("the connection was refused".to_owned()),
            _ => unknown("the answer was cut off"),
        }
    }
}

#[async_trait::async_trait]
impl Spender for Site {
    async fn extend(&self, permit: SpendPermit) -> PaymentReply {
        let (id, request) = (permit.intent(), permit.request());
        self.fate.here().await;
        self.payment_leaves();
        // As the real client does, right before the first byte.
        let Some(look) = permit.look() else {
            self.judge.broken(format!("I9 {id} is sent without a last look"));
            return PaymentReply::NeverSent("no last look".to_owned());
        };
        if let Some(why) = look.objection(|| self.asked_at(), "before it was sent") {
            self.judge.note(|| format!("{id} does not leave: {why}"));
            return PaymentReply::NeverSent(why);
        }
        self.judge.at_spend(id, request, self.durable(id).as_deref());
        {
            let state = self.now();
            // A charge whose payment was answered otherwise, or that landed late, is no reply's.
            let cost = |other: &str| money(state.books.charged(other).values().sum());
            self.judge.surplus_counts(id, self.account.as_str(), &cost);
        }
        let meets = self.meets(&mut self.now());
        self.tell(id, request, meets);
        self.takes(if meets == Meets::Hangs { 118_000 } else { 4_000 });
        let done = if meets == Meets::Hangs && self.state.lock().unwrap().rng.bool() {
            self.settle(id, request, Meets::LostBefore)
        } else {
            self.settle(id, request, meets)
        };
        self.fate.here().await;
        if done.is_none() && meets != Meets::NeverSent {
            self.judge.note(|| format!("{id} is refused in earnest"));
            return PaymentReply::Refused {
                code: 25,
                message: "cannot be extended".to_owned(),
                concerns: Concern::Lease,
            };
        }
        if meets == Meets::Hangs {
            self.clock.advance(SignedDuration::from_secs(2));
        }
        self.takes(1_000);
        let reply = self.reply(request, meets);
        if matches!(&reply, PaymentReply::Accepted { balance: Some(_), .. }) && meets == Meets::WrongPrice {
            self.judge.told(id);
        }
        self.fate.here().await;
        reply
    }

    async fn purchase(&self, _permit: PurchasePermit) -> PaymentReply {
        PaymentReply::NeverSent("nothing is sold here".to_owned())
    }
}

impl Site {
    /// Switches, unless the draw says otherwise; 8 and more did.
    fn switch(&self, order: &str, on: bool) -> u32 {
        let mut state = self.now();
        let now = self.clock.truth();
        let draw = if state.calm { 99 } else { state.rng.u32(0..100) };
        let lag = if draw < 20 { Self::minutes(&mut state, 14) } else { SignedDuration::ZERO };
        if draw >= 8 {
            for lot in state.books.lots.iter_mut().filter(|l| l.order == order) {
                lot.auto.push(Shown { from: now + lag, value: on });
            }
        }
        draw
    }
}

#[async_trait::async_trait]
impl Changer for Site {
    async fn change(&self, permit: ChangePermit) -> ChangeReply {
        self.fate.here().await;
        self.request(1, renewd::providers::Purpose::Money);
        let request = permit.request();
        let Change::AutoRenewal { on, .. } = request.what else {
            return ChangeReply::Unsupported("only auto-renewal is switched here".to_owned());
        };
        self.takes(1_500);
        let draw = self.switch(request.order.as_str(), on);
        self.judge.note(|| format!("auto-renewal of {} {on}, draw {draw}", request.order));
        self.fate.here().await;
        match draw {
            0..12 => {
                self.judge.fault("switch lost");
                ChangeReply::Unknown { code: None, message: "the answer was cut off".to_owned() }
            }
            12..15 => ChangeReply::Unknown { code: Some(502), message: "bad gateway".to_owned() },
            _ => ChangeReply::Done { message: None, price: None },
        }
    }
}
