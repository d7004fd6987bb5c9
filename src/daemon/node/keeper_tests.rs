//! Two keepers on one lease, in virtual time.
use super::*;
use crate::clock::VirtualClock;
use crate::ledger::{Hold, MemoryLease};

const TTL: SignedDuration = SignedDuration::from_secs(30);

struct World {
    lease: Arc<MemoryLease>,
    clock: Arc<VirtualClock>,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(VirtualClock::starting_at("2026-11-21T06:00:00Z".parse().unwrap()));
        Self { lease: Arc::default(), clock }
    }

    /// A process of that node.
    fn node(&self, name: &str) -> Keeper {
        let tenure = Arc::new(Tenure::shared(Arc::new(Hold::default()), TTL));
        Keeper::new(self.lease.clone(), tenure, self.clock.clone(), name, TTL)
    }

    fn pass(&self, secs: i64) {
        self.lease.pass(SignedDuration::from_secs(secs));
        self.clock.advance(Duration::from_secs(secs.unsigned_abs()));
    }
}

fn step(keeper: &mut Keeper) -> Option<i64> {
    run(keeper, false)
}

fn run(keeper: &mut Keeper, stopping: bool) -> Option<i64> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _ = runtime.block_on(keeper.step(stopping));
    keeper.tenure.epoch()
}

#[test]
fn one_node_holds_the_lease_and_the_other_takes_it_when_it_runs_out() {
    let world = World::new();
    let (mut a, mut b) = (world.node("a"), world.node("b"));
    assert_eq!((step(&mut a), step(&mut b)), (Some(1), None));
    for _ in 0..20 {
        world.pass(5);
        assert_eq!((step(&mut a), step(&mut b)), (Some(1), None));
    }
    // The first is frozen.
    world.pass(31);
    assert_eq!(step(&mut b), Some(2));
    assert_eq!(b.sight().taken.unwrap().from.as_deref(), Some("a"));
    assert_eq!(step(&mut a), None, "it sees that it lost it, and stands by");
    assert_eq!(world.lease.failovers(), [1]);
}

#[test]
fn a_node_that_was_killed_takes_its_own_back_at_once_and_that_is_no_failover() {
    let world = World::new();
    let (mut a, mut b) = (world.node("a"), world.node("b"));
    step(&mut a);
    drop(a);
    world.pass(1);
    let mut again = world.node("a");
    assert_eq!((step(&mut b), step(&mut again)), (None, Some(2)));
    assert_eq!((again.sight().taken.unwrap().from, world.lease.failovers()), (None, vec![]));
}

#[test]
fn a_lease_that_was_given_back_is_taken_at_once_and_that_is_no_failover() {
    let world = World::new();
    let (mut a, mut b) = (world.node("a"), world.node("b"));
    step(&mut a);
    assert_eq!(run(&mut a, true), None);
    assert_eq!(step(&mut b), Some(2));
    assert_eq!((b.sight().taken.unwrap().from, world.lease.failovers()), (None, vec![]));
}

#[test]
fn a_copy_of_a_node_never_takes_the_lease_from_it_while_both_run() {
    let world = World::new();
    let (mut a, mut copy) = (world.node("a"), world.node("a"));
    assert_eq!(step(&mut a), Some(1));
    assert_eq!(step(&mut copy), Some(2), "a start takes what is its own");
    assert_eq!(step(&mut a), None);
    world.pass(5);
    assert_eq!((step(&mut a), step(&mut copy)), (None, Some(2)), "and who runs does not");
}

#[test]
fn a_database_that_is_away_renews_nothing_and_ends_nothing() {
    let world = World::new();
    let mut a = world.node("a");
    step(&mut a);
    let began = a.tenure.renewed().unwrap().began;
    world.pass(10);
    world.lease.out(true);
    assert_eq!(step(&mut a), Some(1));
    assert_eq!(a.tenure.renewed().unwrap().began, began, "its permits die at half the time by themselves");
    assert!(a.sight().trouble.is_some());
    world.lease.out(false);
    assert_eq!(step(&mut a), Some(1));
    assert!(a.sight().trouble.is_none() && a.tenure.renewed().unwrap().began != began);
}

/// A database that takes its time to answer.
struct Slow(Arc<MemoryLease>, Arc<VirtualClock>);

#[async_trait::async_trait]
impl PayLease for Slow {
    async fn read(&self) -> Result<Option<LeaseRow>, LedgerError> {
        self.0.read().await
    }
    async fn take(
        &self,
        node: &ledger::Node,
        ttl: SignedDuration,
        back: bool,
    ) -> Result<Option<Taken>, LedgerError> {
        let done = self.0.take(node, ttl, back).await;
        self.1.advance(Duration::from_secs(7));
        done
    }
    async fn keep(&self, node: &ledger::Node, epoch: i64, ttl: SignedDuration) -> Result<bool, LedgerError> {
        let done = self.0.keep(node, epoch, ttl).await;
        self.1.advance(Duration::from_secs(7));
        done
    }
    async fn release(&self, node: &ledger::Node, epoch: i64) -> Result<(), LedgerError> {
        self.0.release(node, epoch).await
    }
}

#[test]
fn a_renewal_counts_from_when_it_left_and_not_from_its_answer() {
    let world = World::new();
    let mut a = world.node("a");
    a.lease = Arc::new(Slow(Arc::clone(&world.lease), Arc::clone(&world.clock)));
    for _ in 0..2 {
        let before = world.clock.now();
        step(&mut a);
        assert_eq!(a.tenure.renewed().unwrap().began, before);
    }
}

#[test]
fn a_node_at_work_gives_its_lease_back_when_it_ends() {
    let world = World::new();
    let dir = tempfile::tempdir().unwrap();
    let tenure = Arc::new(Tenure::shared(Arc::new(Hold::default()), TTL));
    let clock: Arc<dyn Clock> = world.clock.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let identity = Identity::lock(dir.path()).unwrap();
    let node = Node::start(world.lease.clone(), &tenure, &clock, identity, TTL).unwrap();
    runtime.block_on(async {
        tenure.changes().wait_for(Option::is_some).await.unwrap();
        assert!(node.follows(&clock.now()) && node.nobody_pays(&clock.now()).is_none());
        node.end().await;
    });
    assert_eq!(tenure.epoch(), None);
    assert!(runtime.block_on(world.lease.read()).unwrap().unwrap().released);
}

#[test]
fn two_times_to_live_without_a_look_or_a_holder_are_told() {
    let world = World::new();
    let dir = tempfile::tempdir().unwrap();
    let tenure = Arc::new(Tenure::shared(Arc::new(Hold::default()), TTL));
    let clock: Arc<dyn Clock> = world.clock.clone();
    world.lease.out(true);
    let identity = Identity::lock(dir.path()).unwrap();
    let node = Node::start(world.lease.clone(), &tenure, &clock, identity, TTL).unwrap();
    assert_eq!(node.nobody_pays(&clock.now()), None);
    world.clock.advance(Duration::from_secs(61));
    assert!(node.nobody_pays(&clock.now()).unwrap().contains("pay lease"));
    assert!(!node.follows(&clock.now()));
}
