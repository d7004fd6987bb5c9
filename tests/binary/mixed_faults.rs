//! Both providers at once, through the real binary, with faults on two of three payments, reads that fail, lists and balances that
//! lag, and processes that are killed: whatever comes, nothing is paid twice, and once the faults end every wanted lease is renewed
//! or a person was told.
//!
//! A seed decides all of a run but its timing. `MIXED_SEEDS=FROM..TO cargo test --test binary mixed_faults` runs others.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests are tests")]

use std::time::Duration;

use crate::common::shard::{ShardBench, TOKEN};
use crate::common::{self, Bench, in_hours, money};
use fastrand::Rng;
use renewd::domain::Money;
use renewd::simulator::proxyshard::{self, OrderSpec};
use renewd::simulator::{Aim, Answer, Effect, EntryKind, Fault, Product, When};
use serde_json::Value;

/// Longer than all lags and late charges below.
const LAG_WINDOW: &str = "3s";

struct Run {
    seed: u64,
    rng: Rng,
    yp: Bench,
    ps: ShardBench,
    /// Addresses at the one provider, orders at the other.
    due: (Vec<String>, Vec<String>),
}

fn effect(rng: &mut Rng) -> Effect {
    match rng.u8(0..10) {
        0..=4 => Effect::Process,
        5..=7 => Effect::Nothing,
        8 => Effect::After(Duration::from_millis(rng.u64(100..600))),
        _ => Effect::ForeignSpend("0.37".parse().unwrap()),
    }
}

fn answer(rng: &mut Rng) -> Answer {
    let refusal = |status| Answer::Refusal { status, code: 0, message: "nothing was charged".to_owned() };
    match rng.u8(0..12) {
        0 | 1 => Answer::Close,
        2 => Answer::Reset,
        3 => Answer::HalfBody,
        4 => Answer::Hang,
        5 => Answer::Garbage,
        6 => Answer::TruncatedJson,
        7 => Answer::Html(502),
        8 => refusal(500),
        9 => refusal(503),
        10 => Answer::NotJson,
        _ => Answer::TooMany(1),
    }
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut due = (Vec::new(), Vec::new());
        let yp = Bench::new("500.00", &[]);
        for order in 0..4 {
            let ips: Vec<String> =
                (0..rng.usize(1..3)).map(|i| format!("203.0.113.{}", order * 10 + i)).collect();
            let of: Vec<&str> = ips.iter().map(String::as_str).collect();
            let end = in_hours(rng.i64(2..60));
            yp.handle.with(|w| w.add_order(common::KEY, Product::IPv4, "USA", &of, end).unwrap());
            due.0.extend(ips);
        }
        let ps = ShardBench::new("500.00", |w| {
            for hours in [-30, -20, -10, -2] {
                let spec = OrderSpec::new("ISP Proxy", Some("US"), "monthly", in_hours(hours));
                due.1.push(w.add_order(TOKEN, &spec).unwrap());
            }
            let later = OrderSpec::new("ISP Proxy", Some("US"), "monthly", in_hours(200));
            w.add_order(TOKEN, &later).unwrap();
        });
        let account = format!(
            "[[account]]\nname = \"ps\"\nprovider = \"proxyshard\"\nbase_url = \"{}\"\napi_key = {{ file = \"{}\" }}\nmax_requests_per_minute = 100000\n",
            ps.base_url,
            ps.path("ps.key").display()
        );
        let guard = "[guard]\nmax_payments_per_cycle = 1000\nmax_fleet_share = \"100%\"\n";
        let batch = format!("batch = {}", rng.usize(1..4));
        yp.config(&batch, &format!("{account}{guard}{}urgent = \"3d\"\n", common::KEEP));
        let config = std::fs::read_to_string(yp.path("renewd.toml")).unwrap();
        let config = config.replace("lag_window = \"3s\"", &format!("lag_window = \"{LAG_WINDOW}\""));
        std::fs::write(yp.path("renewd.toml"), config).unwrap();
        Self { seed, rng, yp, ps, due }
    }

    fn break_things(&mut self) {
        let rng = &mut self.rng;
        for n in 1..=12 {
            if rng.u8(0..3) > 0 {
                let split = rng.u8(0..8) == 0;
                let did = if split { Effect::FirstLeases(1) } else { effect(rng) };
                self.yp
                    .handle
                    .inject(Fault::on(Aim::Money).when(When::Nth(n)).effect(did).answer(answer(rng)));
            }
            if rng.u8(0..3) > 0 {
                let fault = Fault::on(Aim::Money).when(When::Nth(n)).effect(effect(rng)).answer(answer(rng));
                self.ps.handle.inject(fault);
            }
        }
        for aim in [0, 1] {
            let (percent, seed) = (rng.u8(0..25), rng.u64(..));
            let when = When::Chance { percent, seed };
            let said = match answer(rng) {
                Answer::Hang => Answer::Reset,
                other => other,
            };
            if aim == 0 {
                self.yp.handle.inject(Fault::on(Aim::Reads).when(when).answer(said));
            } else {
                self.ps.handle.inject(Fault::on(Aim::Reads).when(when).answer(said));
            }
        }
        let mut lag = || Duration::from_millis(rng.u64(0..1_500));
        self.yp.handle.set_lag(lag());
        self.yp.handle.set_balance_lag(lag());
        self.ps.handle.set_lag(lag());
        self.ps.handle.set_balance_lag(lag());
        let lags = rng.bool();
        self.ps.handle.with(|w| w.detail_lags = lags);
    }

    fn one_cycle(&mut self) {
        if self.rng.u8(0..10) < 4 {
            let mut child = self.yp.spawn(&["once"]);
            std::thread::sleep(Duration::from_millis(self.rng.u64(20..900)));
            child.kill().unwrap();
            child.wait().unwrap();
        } else {
            self.yp.renewd(&["once"]);
        }
        let ms = self.rng.u64(50..400);
        self.pass(ms);
    }

    fn pass(&self, ms: u64) {
        self.yp.pass(ms);
        self.ps.pass(ms);
    }

    fn heal(&self) {
        self.yp.handle.clear_faults();
        self.ps.handle.clear_faults();
        for (state, _) in self.unsettled_after(40) {
            assert_eq!(
                state, "needs_operator",
                "seed {}: it ends with an answer or with a person",
                self.seed
            );
        }
        // What evidence freed is paid now.
        self.yp.renewd(&["once"]);
        self.unsettled_after(40);
    }

    fn unsettled_after(&self, cycles: usize) -> Vec<(String, Value)> {
        let mut open = Vec::new();
        for _ in 0..cycles {
            self.yp.renewd(&["once"]);
            open = self.payments().into_iter().filter(|p| !is_final(&p["state"])).collect();
            if open.iter().all(|p| p["state"] == "needs_operator") {
                break;
            }
            self.pass(700);
        }
        open.into_iter().map(|p| (p["state"].as_str().unwrap().to_owned(), p)).collect()
    }

    fn payments(&self) -> Vec<Value> {
        self.yp.json(&["history"]).1["payments"].as_array().unwrap().clone()
    }

    /// What the providers took for renewals, and what somebody else spent.
    fn books(&self) -> [(Money, Money); 2] {
        let sum = |all: Vec<(bool, Money)>, foreign| {
            Money::sum(all.into_iter().filter(|(f, _)| *f == foreign).map(|(_, amount)| amount)).unwrap()
        };
        let yp = self.yp.handle.with(|w| {
            w.books().charges().map(|e| (e.kind == EntryKind::Foreign, e.amount)).collect::<Vec<_>>()
        });
        let ps = self.ps.handle.with(|w| {
            w.books()
                .charges()
                .map(|e| (e.kind == proxyshard::EntryKind::Foreign, e.amount))
                .collect::<Vec<_>>()
        });
        [yp, ps].map(|all| (sum(all.clone(), false), sum(all, true)))
    }

    fn judge(&self) {
        let seed = self.seed;
        assert_eq!(
            (self.yp.paid_twice(), self.ps.paid_twice()),
            (Vec::new(), Vec::new()),
            "seed {seed}: paid twice"
        );
        let payments = self.payments();
        let status = self.yp.json(&["status"]).1;
        let alerts = status["open_alerts"].to_string();
        let charged = |yp: bool, id: &String| if yp { self.yp.charged(id) } else { self.ps.charged(id) };
        for (yp, id) in self.due.0.iter().map(|i| (true, i)).chain(self.due.1.iter().map(|i| (false, i))) {
            let told = alerts.contains("needs_operator");
            assert!(
                charged(yp, id) == 1 || told,
                "seed {seed}: {id} is not renewed, and nobody is told: {alerts}"
            );
        }
        let mut ledger = [Money::ZERO, Money::ZERO];
        for p in payments.iter().filter(|p| p["state"] == "confirmed") {
            let which = usize::from(p["account"] == "ps");
            ledger[which] = ledger[which].plus(money(p["charged"].as_str().unwrap())).unwrap();
        }
        if payments.iter().all(|p| p["state"] != "needs_operator") {
            // What somebody else spent within a payment's span, such as in its very second, counts for that payment.
            for (ledger, (ours, others)) in ledger.into_iter().zip(self.books()) {
                let most = ours.plus(others).unwrap();
                assert!(
                    ours <= ledger && ledger <= most,
                    "seed {seed}: {ledger} in the ledger, {ours} in the books and {others} by others: {payments:#?}"
                );
            }
        }
    }
}

fn is_final(state: &Value) -> bool {
    ["confirmed", "refused", "not_applied", "released", "split"].contains(&state.as_str().unwrap())
}

fn run(seed: u64) {
    let mut run = Run::new(seed);
    run.break_things();
    for _ in 0..10 {
        run.one_cycle();
    }
    run.heal();
    run.judge();
}

#[test]
fn whatever_fails_at_both_providers_nothing_is_paid_twice_and_all_is_saved_or_told() {
    let seeds = std::env::var("MIXED_SEEDS").unwrap_or_else(|_| "1..9".to_owned());
    let (from, to) = seeds.split_once("..").expect("MIXED_SEEDS=FROM..TO");
    let seeds: Vec<u64> = (from.parse().unwrap()..to.parse().unwrap()).collect();
    // Mostly waiting: eight at a time.
    for part in seeds.chunks(8) {
        std::thread::scope(|scope| {
            for seed in part {
                scope.spawn(move || run(*seed));
            }
        });
    }
}
