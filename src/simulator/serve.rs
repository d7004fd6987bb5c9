//! `renewd simulate`: a simulated provider on loopback until told to stop, and the text that says how to try it.
//! Not responsible for printing or signals: the caller gives both.
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::{Fault, FleetSpec, Simulator, World};
use crate::clock::Clock;
use crate::domain::Money;

/// What to serve.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Where; loopback only. Port 0: any free one.
    pub listen: SocketAddr,
    /// How many leases the fleet has.
    pub leases: usize,
    /// The same seed gives the same fleet.
    pub seed: u64,
    /// The account's API key.
    pub key: String,
    /// The account's balance.
    pub balance: Money,
    /// How long the lists lag behind payments.
    pub lag: Duration,
    /// Faults from the start.
    pub faults: Vec<Fault>,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9788)),
            leases: 40,
            seed: 1,
            key: "simulated-key".to_owned(),
            balance: Money::from_cents(50_000),
            lag: Duration::ZERO,
            faults: Vec::new(),
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
    let spec = FleetSpec::new(&options.key, options.balance, options.leases);
    let mut world = World::fleet(options.seed, clock.now().wall, &spec);
    world.list_lag = options.lag;
    let simulator = Simulator::start(clock, world, options.listen).await?;
    for fault in options.faults {
        simulator.handle().inject(fault);
    }
    announce(&instructions(&simulator.base_url(), &options.key, options.leases, options.lag));
    shutdown.await;
    simulator.stop().await;
    Ok(())
}

/// The base URL and a config to try it with. With `before = "3d"` the leases of the first days are due at once.
fn instructions(base_url: &str, key: &str, leases: usize, lag: Duration) -> String {
    // A minute more than the lists lag, so that what is tried is a config that fits its provider.
    let lag_window = lag.as_secs().saturating_add(60);
    format!(
        r#"Simulated YouProxy with {leases} leases at {base_url}
No real money: stop it with Ctrl-C.

# 1. The key, in a file that only you may read:
#      mkdir -p ~/renewd-try && (umask 077 && printf %s '{key}' > ~/renewd-try/sim.key)
# 2. Save this as ~/renewd-try/renewd.toml, with your home directory for HOME:
state_dir = "HOME/renewd-try"

[timing]
lag_window = "{lag_window}s"

[[account]]
name = "sim"
provider = "youproxy"
base_url = "{base_url}"
api_key = {{ file = "HOME/renewd-try/sim.key" }}

[[policy]]
name = "keep-all"
action = "renew"
before = "3d"
period = ["30d", "90d"]

# 3. renewd --config ~/renewd-try/renewd.toml plan
"#
    )
}
