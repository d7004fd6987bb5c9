//! `renewd simulate`: the simulated provider alone, for trying a config.
use std::sync::Arc;

use crate::clock::SystemClock;
use crate::daemon::signals;
use crate::domain::Money;
use crate::exit::Exit;
use crate::settings::parse_duration;
use crate::simulator::{ServeOptions, serve};

use super::args::SimulateArgs;
use super::context::Failure;
use super::output;

pub(super) async fn simulate(args: &SimulateArgs) -> Result<Exit, Failure> {
    let lag = if args.lag == "0s" {
        std::time::Duration::ZERO
    } else {
        let span = parse_duration(&args.lag).map_err(|e| Failure::usage(format!("--lag: {e}")))?;
        span.unsigned_abs()
    };
    let balance = args.balance.parse::<Money>().map_err(|e| Failure::usage(format!("--balance: {e}")))?;
    if balance.is_negative() {
        return Err(Failure::usage(format!(
            "--balance {balance} is below zero: write an amount such as 100.00"
        )));
    }
    if !args.listen.ip().is_loopback() {
        return Err(Failure::usage(format!(
            "--listen {} is not a loopback address: use 127.0.0.1 or [::1]",
            args.listen
        )));
    }
    let ended = args.provider.keeps_ended_orders();
    if !ended && (args.on_hold.is_some() || args.cancelled.is_some()) {
        return Err(Failure::usage(format!(
            "--on-hold and --cancelled are not for --provider {}: its leases are gone at their end",
            args.provider
        )));
    }
    let usual = |count: usize| if ended { count } else { 0 };
    let options = ServeOptions {
        provider: args.provider,
        listen: args.listen,
        leases: args.leases,
        on_hold: args.on_hold.unwrap_or_else(|| usual(6)),
        cancelled: args.cancelled.unwrap_or_else(|| usual(1)),
        seed: args.seed,
        key: args.key.clone(),
        balance,
        lag,
        lose_answers: args.lose_answers,
    };
    serve(options, Arc::new(SystemClock::new()), output::line, signals::stop_asked())
        .await
        .map_err(|e| Failure::failed(format!("the simulator cannot listen on {}: {e}", args.listen)))?;
    Ok(Exit::Done)
}
