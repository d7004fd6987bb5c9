//! What is done with renewd while it is killed: each a world, a script of commands, and what must be true in the end. Not
//! responsible for killing.
use renewd::simulator::proxyshard::{self, OrderSpec};
use renewd::simulator::{Aim, Answer, Effect, Endpoint, Fault, Product, When, proxyseller, px6};

use crate::crash::stage::{KEY, Provider, Stage, in_hours};

/// One act of a script.
#[derive(Clone, Copy)]
pub enum Act {
    /// A command of the binary; `{0}` stands for the first order.
    Run(&'static [&'static str]),
    /// Seconds go by.
    Wait(u64),
    /// Something happens at the provider.
    World(fn(&Stage)),
}

/// A scenario.
pub struct Scenario {
    pub name: &'static str,
    pub make: fn() -> Stage,
    pub script: &'static [Act],
    /// Seconds between the passes after a crash: more than a settling read apart.
    pub gap: u64,
    /// Leases and orders that are paid for in the end, each once.
    pub paid: usize,
    /// What else must be so in the end.
    pub done: fn(&Stage) -> bool,
    /// The command that somebody repeats where the ledger says that nothing was bought.
    pub again: Option<&'static [&'static str]>,
}

const ONCE: Act = Act::Run(&["once"]);
const GAP: u64 = 6 * 60;
const LATER: Act = Act::Wait(GAP);

const KEEP: &str =
    "[[policy]]\nname = \"keep\"\naction = \"renew\"\nperiod = [\"30d\", \"90d\"]\non_unknown = \"retry\"\n";
const STEER: &str =
    "[[policy]]\nname = \"steer\"\naction = \"renew\"\npay_by = \"provider\"\non_unknown = \"retry\"\n";

const A: &str = "203.0.113.1";
const B: &str = "203.0.113.2";
const C: &str = "203.0.113.3";
const SIX: [&str; 2] = ["2001:db8::1", "2001:db8::2"];

/// Three due in one order, one that is not.
fn batch() -> Stage {
    Stage::you(|w| {
        w.add_order(KEY, Product::IPv4, "USA", &[A, B, C], in_hours(24)).unwrap();
        w.add_order(KEY, Product::IPv4, "USA", &["203.0.113.9"], in_hours(24 * 20)).unwrap();
    })
    .config("15m", KEEP)
}

fn you(stage: &Stage) -> &renewd::simulator::Handle {
    match &stage.provider {
        Provider::You(handle, _) => handle,
        _ => panic!("a scenario of YouProxy"),
    }
}

fn shard(stage: &Stage) -> &renewd::simulator::Handle<proxyshard::World> {
    match &stage.provider {
        Provider::Shard(handle, _) => handle,
        _ => panic!("a scenario of ProxyShard"),
    }
}

fn renewed(stage: &Stage, ips: &[&str]) -> bool {
    you(stage).with(|w| {
        let later = |ip: &&str| w.account(KEY).unwrap().rental(ip).is_some_and(|r| r.end > in_hours(24 * 25));
        ips.iter().all(later)
    })
}

fn isp(hours: i64) -> OrderSpec {
    OrderSpec::new("ISP Proxy", Some("US"), "monthly", in_hours(hours))
}

fn alone(spec: OrderSpec) -> Stage {
    Stage::shard(|w| vec![w.add_order(KEY, &spec).unwrap()])
}

/// A batch of which this becomes, the first time it is paid.
fn struck(effect: Effect, answer: Answer) -> Stage {
    let stage = batch();
    you(&stage).inject(Fault::on(Aim::Money).when(When::Next(1)).effect(effect).answer(answer));
    stage
}

/// The answer is lost and the lists lag: several passes see neither a new end nor its absence for long enough.
fn lost() -> Stage {
    let stage = struck(Effect::Process, Answer::Close);
    you(&stage).set_lag(std::time::Duration::from_secs(13 * 60));
    stage
}

fn six() -> Stage {
    let stage = Stage::you(|w| drop(w.add_order(KEY, Product::IPv6, "USA", &SIX, in_hours(24)).unwrap()))
        .config("15m", &format!("{KEEP}max_price = \"5.00\"\n"));
    let whole = Fault::code(Aim::Endpoint(Endpoint::CalculateExtend), 28).when(When::Always);
    you(&stage).inject(whole);
    stage
}

/// Refused once after an account that could not be read once: alerts, mails, a webhook, a report.
fn told() -> Stage {
    let stage = batch();
    you(&stage).inject(Fault::status(Aim::Reads, 401).when(When::Next(2)));
    you(&stage).inject(Fault::code(Aim::Money, 10));
    stage.with_post(KEEP)
}

fn switched() -> Stage {
    let mut orders = Vec::new();
    let mut stage = Stage::you(|w| {
        for (product, ips) in [(Product::IPv4, &[A][..]), (Product::IPv6, &SIX[..])] {
            w.add_order(KEY, product, "USA", ips, in_hours(24 * 20)).unwrap();
        }
        let rentals = w.account(KEY).unwrap().rentals();
        orders.extend([A, SIX[0]].map(|ip| rentals.iter().find(|r| r.ip == ip).unwrap().order.clone()));
    })
    .config("15m", KEEP);
    stage.ids = orders;
    stage
}

/// Three due in one order, whose ids change with each renewal, and a whole order of two.
fn seller_fleet() -> Stage {
    Stage::seller(|w| {
        let (ipv4, mix) = (proxyseller::Product::Ipv4, proxyseller::Product::Mix);
        let first = w.add_order(KEY, ipv4, "USA", &[A, B, C], in_hours(24)).unwrap();
        let second = w.add_order(KEY, mix, "USA", &["203.0.113.7", "203.0.113.8"], in_hours(24)).unwrap();
        vec![first, second]
    })
    .config("15m", KEEP)
}

/// The payment is made and its answer lost; lists and balance lag, and the log tells it first.
fn seller_lost() -> Stage {
    let stage = seller_fleet();
    let Provider::Seller(handle, _) = &stage.provider else { panic!("a scenario of Proxy-Seller") };
    handle.inject(Fault::on(Aim::Money).when(When::Next(1)).answer(Answer::Close));
    handle.set_lag(std::time::Duration::from_secs(13 * 60));
    stage
}

fn seller_renewed(stage: &Stage) -> bool {
    let Provider::Seller(handle, _) = &stage.provider else { panic!("a scenario of Proxy-Seller") };
    handle.with(|w| w.account(KEY).unwrap().proxies().iter().all(|p| p.end > in_hours(24 * 25)))
}

/// An order that is not due, to be switched by hand.
fn seller_idle() -> Stage {
    Stage::seller(|w| vec![w.add_order(KEY, proxyseller::Product::Ipv4, "USA", &[A], in_hours(480)).unwrap()])
        .config("15m", KEEP)
}

fn seller_switched(stage: &Stage) -> bool {
    let Provider::Seller(handle, _) = &stage.provider else { panic!("a scenario of Proxy-Seller") };
    handle.with(|w| w.account(KEY).unwrap().proxies().iter().all(|p| p.auto))
}

const OFF: &str = "provider_renews = \"off\"\n";

fn px6_fleet(struck: Option<(Effect, Answer)>) -> Stage {
    let stage = Stage::px6(|w| {
        for ip in [A, B, C] {
            w.add_proxy(KEY, 4, "us", ip, in_hours(24)).unwrap();
        }
    });
    let Provider::Px6(handle, _) = &stage.provider else { panic!("a scenario of px6") };
    if let Some((effect, answer)) = struck {
        handle.inject(Fault::on(Aim::Money).when(When::Next(1)).effect(effect).answer(answer));
    }
    stage.config("15m", &format!("{OFF}{KEEP}"))
}

fn px6_renewed(stage: &Stage) -> bool {
    let Provider::Px6(handle, _) = &stage.provider else { panic!("a scenario of px6") };
    handle.with(|w| w.account(KEY).unwrap().proxies().iter().all(|p: &px6::Proxy| p.end > in_hours(24 * 25)))
}

const BUY_PX6: &[&str] =
    &["order", "create", "--yes", "--kind", "IPv4", "--country", "us", "--period", "30d", "--quantity", "1"];

const BUY_YOU: &[&str] = &[
    "order",
    "create",
    "--yes",
    "--kind",
    "IPv4",
    "--country",
    "USA",
    "--quantity",
    "2",
    "--period",
    "30d",
    "--goal",
    "shop",
    "--auth",
    "login",
];
const BUY_SHARD: &[&str] =
    &["order", "create", "--yes", "--product", "ISP Proxy", "--location", "DE", "--cycle", "monthly"];

fn shard_order(stage: &Stage, is: impl Fn(&proxyshard::Order) -> bool) -> bool {
    shard(stage).with(|w| is(w.account(KEY).unwrap().order(&stage.ids[0]).unwrap()))
}

/// A scenario that only needs a world, a script and what it pays for.
const fn scenario(name: &'static str, make: fn() -> Stage, script: &'static [Act], paid: usize) -> Scenario {
    Scenario { name, make, script, gap: GAP, paid, done: |_| true, again: None }
}

/// All of them.
pub const ALL: &[Scenario] = &[
    Scenario {
        done: |s| renewed(s, &[A, B, C]),
        ..scenario("a batch is paid and read back", batch, &[ONCE], 3)
    },
    Scenario {
        done: |s| renewed(s, &[A, B, C]),
        ..scenario(
            "a lost answer is settled by evidence",
            lost,
            &[ONCE, LATER, ONCE, LATER, ONCE, LATER, ONCE],
            3,
        )
    },
    Scenario {
        done: |s| renewed(s, &[A, B, C]),
        ..scenario(
            "an account is renamed between two passes",
            || struck(Effect::Process, Answer::Close),
            &[ONCE, LATER, Act::World(Stage::rename), ONCE, LATER, ONCE, LATER, ONCE],
            3,
        )
    },
    Scenario {
        done: |s| renewed(s, &[A, B, C]),
        ..scenario(
            "a request that never arrived is repeated after evidence",
            || struck(Effect::Nothing, Answer::Close),
            &[ONCE, LATER, ONCE, LATER, ONCE, LATER, ONCE, LATER, ONCE, LATER, ONCE, LATER, ONCE],
            3,
        )
    },
    Scenario {
        done: |s| renewed(s, &[A, B, C]),
        ..scenario(
            "a batch that was partly applied is split",
            || struck(Effect::FirstLeases(1), Answer::Close),
            &[ONCE, LATER, ONCE, LATER, ONCE, LATER, ONCE, LATER, ONCE, LATER, ONCE, LATER, ONCE],
            3,
        )
    },
    Scenario {
        // Whoever looks says the word on what waits: a second attempt needs one of its own.
        done: |s| {
            approve(s);
            renewed(s, &[A, B, C])
        },
        ..scenario(
            "a plan is put up, approved and paid",
            || batch().config("15m", &format!("{KEEP}approval = true\n")),
            &[ONCE, Act::World(urgent_later), ONCE, Act::World(approve), ONCE],
            3,
        )
    },
    Scenario { done: |s| renewed(s, &SIX), ..scenario("an order is paid as a whole", six, &[ONCE], 2) },
    Scenario {
        again: Some(BUY_YOU),
        ..scenario(
            "YouProxy: an order is bought",
            || {
                Stage::you(|w| drop(w.add_order(KEY, Product::IPv4, "USA", &[A], in_hours(480)).unwrap()))
                    .config("15m", KEEP)
            },
            &[Act::Run(BUY_YOU)],
            1,
        )
    },
    scenario(
        "YouProxy: auto-renewal is switched by hand",
        switched,
        &[ONCE, Act::Run(&["order", "auto", "{0}", "on"]), Act::Run(&["order", "auto", "{1}", "on"])],
        0,
    ),
    Scenario {
        // The wait before a rescue is real time: the lag window, as it is shorter than a minute.
        gap: 2,
        done: |s| shard_order(s, |o| o.auto_renewal),
        ..scenario(
            "ProxyShard: an order on hold is rescued, its flag off and on again",
            || alone(isp(-3).auto_renewal()).config("1s", STEER),
            &[ONCE, Act::Wait(2), ONCE, Act::Wait(2), ONCE],
            1,
        )
    },
    Scenario {
        again: Some(BUY_SHARD),
        ..scenario(
            "ProxyShard: an order is bought",
            || alone(isp(300)).config("15m", KEEP),
            &[Act::Run(BUY_SHARD)],
            1,
        )
    },
    scenario(
        "ProxyShard: the provider pays by itself",
        || alone(isp(1).auto_renewal()).config("15m", STEER),
        &[ONCE, LATER, Act::World(provider_pays), ONCE],
        1,
    ),
    Scenario {
        done: |s| shard_order(s, |o| o.auto_renewal && o.tag.as_deref() == Some("prod-7")),
        ..scenario(
            "ProxyShard: an order is changed by hand",
            || alone(isp(300)).config("15m", STEER),
            &[
                ONCE,
                Act::Run(&["order", "tag", "{0}", "prod-7"]),
                Act::Run(&["order", "cycle", "{0}", "quarterly"]),
                Act::Run(&["order", "auto", "{0}", "off"]),
                Act::Run(&["order", "auto", "{0}", "on"]),
            ],
            0,
        )
    },
    Scenario {
        done: seller_renewed,
        ..scenario("Proxy-Seller: leases whose ids change are paid and read back", seller_fleet, &[ONCE], 5)
    },
    Scenario {
        done: seller_renewed,
        ..scenario(
            "Proxy-Seller: a lost answer is settled by the log of renewals",
            seller_lost,
            &[ONCE, LATER, ONCE, LATER, ONCE, LATER, ONCE],
            5,
        )
    },
    Scenario {
        done: seller_switched,
        ..scenario(
            "Proxy-Seller: auto-renewal is switched by hand",
            seller_idle,
            &[
                ONCE,
                Act::Run(&["order", "auto", "{0}", "on"]),
                LATER,
                Act::Run(&["order", "auto", "{0}", "off"]),
                LATER,
                Act::Run(&["order", "auto", "{0}", "on"]),
            ],
            0,
        )
    },
    Scenario {
        again: Some(BUY_YOU),
        ..scenario("Proxy-Seller: an order is bought", seller_idle, &[Act::Run(BUY_YOU)], 1)
    },
    Scenario {
        done: px6_renewed,
        ..scenario("px6: a batch is paid by GET and read back", || px6_fleet(None), &[ONCE], 3)
    },
    Scenario {
        done: px6_renewed,
        ..scenario(
            "px6: an answer for a part of the batch splits it",
            || px6_fleet(Some((Effect::FirstLeases(2), Answer::Honest))),
            &[ONCE, LATER, ONCE, LATER, ONCE, LATER, ONCE, LATER, ONCE, LATER, ONCE, LATER, ONCE],
            3,
        )
    },
    Scenario {
        again: Some(BUY_PX6),
        ..scenario(
            "px6: a proxy is bought",
            || {
                Stage::px6(|w| assert!(w.add_proxy(KEY, 4, "us", A, in_hours(480)).is_some()))
                    .config("15m", &format!("{OFF}{KEEP}"))
            },
            &[Act::Run(BUY_PX6)],
            1,
        )
    },
    Scenario {
        done: |s| renewed(s, &[A, B, C]),
        ..scenario(
            "a program of the owner's pays",
            || {
                Stage::you(|w| {
                    drop(w.add_order(KEY, Product::IPv4, "USA", &[A, B, C], in_hours(24)).unwrap())
                })
                .by_program("15m", KEEP)
            },
            &[ONCE],
            3,
        )
    },
    Scenario {
        done: |s| renewed(s, &[A, B, C]) && s.post.as_ref().is_some_and(|p| p.all_delivered(s)),
        ..scenario(
            "alerts leave by mail and webhook",
            told,
            &[ONCE, LATER, ONCE, LATER, ONCE, LATER, ONCE, Act::Wait(20 * 60), ONCE, LATER, ONCE],
            3,
        )
    },
    scenario(
        "an operator pauses, resumes and silences",
        || {
            Stage::you(|w| drop(w.add_order(KEY, Product::IPv4, "USA", &[A], in_hours(480)).unwrap()))
                .config("15m", KEEP)
        },
        &[
            ONCE,
            Act::Run(&["pause"]),
            Act::Run(&["resume"]),
            Act::Run(&["silence", "account_down:acct", "--for", "1h"]),
        ],
        0,
    ),
];

/// Another deadline for what waits.
fn urgent_later(stage: &Stage) {
    let file = stage.path("renewd.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("approval = true\n", "approval = true\nurgent = \"6h\"\n")).unwrap();
}

/// An operator approves whatever waits.
fn approve(stage: &Stage) {
    let out = stage.run(&["status", "--json"], None, None);
    let status: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    for plan in status["waiting_approval"].as_array().unwrap() {
        stage.run(&["approve", plan["plan"].as_str().unwrap()], None, None);
    }
}

fn provider_pays(stage: &Stage) {
    shard(stage).with(|w| assert!(w.renew_by_provider(in_hours(0), KEY, &stage.ids[0])));
}
