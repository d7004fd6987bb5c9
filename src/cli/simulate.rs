//! `renewd simulate`: the simulated provider alone, for trying a config.
use std::io;
use std::sync::Arc;

use crate::clock::SystemClock;
use crate::daemon::signals;
use crate::domain::Money;
use crate::exit::Exit;
use crate::settings::parse_duration;
use crate::simulator::{ServeOptions, serve};

use super::args::SimulateArgs;
use super::context::Failure;
use super::{loopback, output};

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
    let listen = args.listen.unwrap_or_else(|| (loopback::address(), args.provider.port()).into());
    if !listen.ip().is_loopback() {
        return Err(Failure::usage(format!(
            "--listen {listen} is not a loopback address: use 127.0.0.1 or [::1]"
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
        listen,
        leases: args.leases,
        on_hold: args.on_hold.unwrap_or_else(|| usual(6)),
        cancelled: args.cancelled.unwrap_or_else(|| usual(1)),
        seed: args.seed,
        key: args.key.clone().unwrap_or_else(|| args.provider.key().to_owned()),
        balance,
        lag,
        lose_answers: args.lose_answers,
        home: std::env::home_dir().unwrap_or_else(std::env::temp_dir),
    };
    serve(options, Arc::new(SystemClock::new()), output::line, signals::stop_asked())
        .await
        .map_err(|e| Failure::failed(format!("the simulator cannot listen on {listen}: {}", remedy(&e))))?;
    Ok(Exit::Done)
}

fn remedy(e: &io::Error) -> String {
    match e.kind() {
        io::ErrorKind::AddrInUse => {
            format!("{e}. Something answers there already: name another port with --listen 127.0.0.1:PORT")
        }
        _ => e.to_string(),
    }
}
