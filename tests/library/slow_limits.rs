//! Accounts with a low request limit, in whose minutes a reading does not fit: what is on hold is renewed all the same. Engine,
//! adapter, limiter and ledger are the real ones, the provider is simulated, and a virtual clock passes the waits.
use jiff::SignedDuration;
use renewd::policy::Word;
use renewd::simulator::proxyshard::{Endpoint, OrderSpec, World};
use rstest::rstest;

use crate::common::config::{Account, one_account};
use crate::pass::{Pass, start};

const TOKEN: &str = "shard-token-0123456789abcdef";

struct Bench {
    pass: Pass<World>,
    ids: Vec<String>,
}

impl Bench {
    /// Orders on hold since some hours, and active ones.
    async fn new(limit: usize, on_hold: usize, active: usize) -> Self {
        let mut world = World::new();
        world.add_account(TOKEN, "9000.00".parse().unwrap());
        let mut add = |hours: i64| {
            let end = start() + SignedDuration::from_hours(hours);
            world.add_order(TOKEN, &OrderSpec::new("ISP Proxy", Some("US"), "monthly", end)).unwrap()
        };
        let ids = (0..on_hold).map(|_| add(-5)).collect();
        (0..active).for_each(|_| drop(add(24 * 20)));
        let pass = Pass::new(world, ("ps", TOKEN), |dir, base_url| {
            let account = Account { name: "ps", provider: "proxyshard", base_url, per_minute: limit };
            let policy = "[[policy]]\nname = \"keep\"\naction = \"renew\"";
            one_account(dir, "[guard]\nmax_fleet_share = \"100%\"", &account, policy)
        })
        .await;
        Self { pass, ids }
    }

    fn charged(&self) -> Vec<usize> {
        self.pass.handle.with(|w| self.ids.iter().map(|id| w.books().charges_for(id).count()).collect())
    }

    /// How old at each payment the last answer about its order was.
    fn ages(&self) -> Vec<SignedDuration> {
        let requests = self.pass.handle.requests();
        let of = |id: &str, endpoint| {
            let path = format!("/{id}");
            let named = move |r: &&renewd::simulator::Request<Endpoint>| {
                r.endpoint == Some(endpoint)
                    && (r.route().contains(&format!("{path}/")) || r.route().ends_with(&path))
            };
            requests.iter().filter(named).map(|r| r.at).collect::<Vec<_>>()
        };
        let age = |id: &String| {
            let paid = of(id, Endpoint::Renew)[0];
            let read = of(id, Endpoint::Order).into_iter().filter(|at| *at <= paid).max().unwrap();
            paid.duration_since(read)
        };
        self.ids.iter().map(age).collect()
    }
}

#[rstest]
#[case::the_lowest(6, 1, 3)]
#[case::low(10, 3, 20)]
#[case::the_default_with_many_orders(60, 5, 2_500)]
#[tokio::test]
async fn what_is_on_hold_is_renewed_in_one_cycle_however_long_a_reading_takes(
    #[case] limit: usize,
    #[case] on_hold: usize,
    #[case] active: usize,
) {
    let bench = Bench::new(limit, on_hold, active).await;
    let report = bench.pass.cycle().await;
    let reasons: Vec<String> = report
        .items
        .iter()
        .filter(|i| i.reason.word != Word::NotRenewableYet)
        .map(|i| i.reason.to_string())
        .collect();
    assert_eq!(bench.charged(), vec![1; on_hold], "{reasons:?}");
    assert!(bench.ages().iter().all(|age| age.as_secs() <= 60), "{:?}", bench.ages());
    bench.pass.clock.advance(std::time::Duration::from_secs(600));
    bench.pass.cycle().await;
    assert_eq!(bench.charged(), vec![1; on_hold], "and once only");
}
