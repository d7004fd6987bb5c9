//! `renewd simulate`: a simulated provider on loopback until told to stop, and the text that says how to try it.
//! Not responsible for printing or signals: the caller gives both.
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{Aim, Answer, Brand, Fault, Simulator, Site, When, proxyseller, proxyshard, px6, youproxy};
use renewd_core::clock::Clock;
use renewd_core::domain::Money;

/// What to serve.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Which provider.
    pub provider: Brand,
    /// Where; loopback only. Port 0: any free one.
    pub listen: SocketAddr,
    /// How many leases work.
    pub leases: usize,
    /// How many orders are on hold besides; only where the provider has that.
    pub on_hold: usize,
    /// How many orders are gone and still listed; only where the provider has that.
    pub cancelled: usize,
    /// The same seed gives the same fleet.
    pub seed: u64,
    /// The account's API key.
    pub key: String,
    /// The account's balance.
    pub balance: Money,
    /// How long the lists lag behind payments.
    pub lag: Duration,
    /// Percent of payments whose answer is lost.
    pub lose_answers: u8,
    /// Where the folder is made that the config to try it with names: the user's home.
    pub home: PathBuf,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            provider: Brand::default(),
            listen: SocketAddr::from(([127, 0, 0, 1], 9788)),
            leases: 40,
            on_hold: 0,
            cancelled: 0,
            seed: 1,
            key: "simulated-key".to_owned(),
            balance: Money::from_cents(50_000),
            lag: Duration::ZERO,
            lose_answers: 0,
            home: PathBuf::from("/tmp"),
        }
    }
}

/// Serves until `shutdown` is ready. `announce` gets the text for people once the port is open.
///
/// # Errors
/// `listen` is not a loopback address, or cannot be listened at.
pub async fn serve(
    options: ServeOptions,
    clock: Arc<dyn Clock>,
    announce: impl FnOnce(&str),
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    if !options.listen.ip().is_loopback() {
        let text = format!("{} is not a loopback address: use 127.0.0.1 or [::1]", options.listen);
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    let (now, seed, key) = (clock.now().wall, options.seed, options.key.as_str());
    match options.provider {
        Brand::YouProxy => {
            let spec = youproxy::FleetSpec::new(key, options.balance, options.leases);
            let world = youproxy::World::fleet(seed, now, &spec);
            let contents = format!("{} leases", options.leases);
            run(world, &contents, &options, clock, announce, shutdown).await
        }
        Brand::ProxySeller => {
            let spec = proxyseller::FleetSpec::new(key, options.balance, options.leases);
            let world = proxyseller::World::fleet(seed, now, &spec);
            let contents = format!("{} leases", options.leases);
            run(world, &contents, &options, clock, announce, shutdown).await
        }
        Brand::ProxyShard => {
            let (active, on_hold, gone) = (options.leases, options.on_hold, options.cancelled);
            let spec = proxyshard::FleetSpec::new(key, options.balance, active, on_hold, gone);
            let world = proxyshard::World::fleet(seed, now, &spec);
            let contents = format!("{active} active orders, {on_hold} on hold and {gone} cancelled");
            run(world, &contents, &options, clock, announce, shutdown).await
        }
        Brand::Px6 => {
            let spec = px6::FleetSpec::new(key, options.balance, options.leases);
            let world = px6::World::fleet(seed, now, &spec);
            let contents = format!("{} proxies", options.leases);
            run(world, &contents, &options, clock, announce, shutdown).await
        }
    }
}

async fn run<P: Site>(
    mut world: P,
    contents: &str,
    options: &ServeOptions,
    clock: Arc<dyn Clock>,
    announce: impl FnOnce(&str),
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    *world.lags().list = options.lag;
    let simulator = Simulator::start(clock, world, options.listen).await?;
    if options.lose_answers > 0 {
        let when = When::Chance { percent: options.lose_answers, seed: options.seed };
        simulator.handle().inject(Fault::on(Aim::Money).when(when).answer(Answer::Close));
    }
    announce(&instructions(&simulator.base_url(), contents, options));
    shutdown.await;
    simulator.stop().await;
    Ok(())
}

/// The base URL and a config to try it with. With `before = "3d"` the leases of the first days are due at once.
fn instructions(base_url: &str, contents: &str, options: &ServeOptions) -> String {
    // A minute more than the lists lag, so that what is tried is a config that fits its provider.
    let lag_window = options.lag.as_secs().saturating_add(60);
    let (title, provider, key) = (options.provider.title(), options.provider, &options.key);
    let account = provider.account();
    let folder = options.home.join(provider.folder());
    let folder = folder.display();
    format!(
        r#"Simulated {title} with {contents} at {base_url}
No real money: stop it with Ctrl-C.

# 1. The key, in a file that only you may read:
#      mkdir -p {folder} && (umask 077 && printf %s '{key}' > {folder}/{account}.key)
# 2. Save this as {folder}/renewd.toml:
state_dir = "{folder}"

[timing]
lag_window = "{lag_window}s"

[[account]]
name = "{account}"
provider = "{provider}"
base_url = "{base_url}"
api_key = {{ file = "{folder}/{account}.key" }}
{owner_says}
[[policy]]
name = "keep-all"
action = "renew"
before = "3d"
{period}
# 3. renewd --config {folder}/renewd.toml plan
"#,
        // Where orders have cycles, they are renewed as they are.
        owner_says = options.provider.owner_says(),
        period = if options.provider.sells_days() { "period = [\"30d\", \"90d\"]\n" } else { "" },
    )
}
