//! What is done with renewd while it is killed: each a world, a script of commands, and what must be true in the end. Not
//! responsible for killing.
use renewd::simulator::proxyshard::{self, OrderSpec};
use renewd::simulator::{Aim, Answer, Effect, Endpoint, Fault, Product, When};

use crate::stage::{KEY, Provider, Stage, in_hours};

/// One act of a script.
#[derive(Clone, Copy)]
pub enum Act {
    /// A command of the binary; `{0}` stands for the first order.
    Run(&'static [&'static str]),
    /// Seconds go by.
    Wait(i64),
    /// Something happens at the provider.
    World(fn(&Stage)),
}

/// A scenario.
pub struct Scenario {
    pub name: &'static str,
    pub make: fn() -> Stage,
    pub script: &'static [Act],
    /// Seconds between the passes after a crash: more than a settling read apart.
    pub gap: i64,
    /// Leases and orders that are paid for in the end, each once.
    pub paid: usize,
    /// What else must be so in the end.
    pub done: fn(&Stage) -> bool,
    /// The command that somebody repeats where the ledger says that nothing was bought.
    pub again: Option<&'static [&'static str]>,
}

const ONCE: Act = Act::Run(&["once"]);
const GAP: i64 = 6 * 60;
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
        Provider::Shard(..) => panic!("a scenario of YouProxy"),
    }
}

fn shard(stage: &Stage) -> &renewd::simulator::Handle<proxyshard::World> {
    match &stage.provider {
        Provider::Shard(handle, _) => handle,
        Provider::You(..) => panic!("a scenario of ProxyShard"),
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

/// All of them.
pub const ALL: &[Scenario] = &[Scenario {
    name: "a batch is paid and read back",
    make: batch,
    script: &[ONCE],
    gap: GAP,
    paid: 3,
    done: |s| renewed(s, &[A, B, C]),
    again: None,
}];
