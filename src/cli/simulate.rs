//! `renewd simulate`: the simulated provider alone, for trying a config.
use std::sync::Arc;

use crate::clock::SystemClock;
use crate::daemon::signals;
use crate::domain::Money;
use crate::exit::Exit;
use crate::settings::parse_duration;
use crate::simulator::{Aim, Answer, Fault, ServeOptions, When, serve};

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
    if args.lose_answers > 100 {
        return Err(Failure::usage("--lose-answers is a percentage: 0 to 100"));
    }
    if !args.listen.ip().is_loopback() {
        return Err(Failure::usage(format!(
            "--listen {} is not a loopback address: use 127.0.0.1 or [::1]",
            args.listen
        )));
    }
    let lost = Fault::on(Aim::Money)
        .when(When::Chance { percent: args.lose_answers, seed: args.seed })
        .answer(Answer::Close);
    let options = ServeOptions {
        listen: args.listen,
        leases: args.leases,
        seed: args.seed,
        key: args.key.clone(),
        balance: args.balance.parse::<Money>().map_err(|e| Failure::usage(format!("--balance: {e}")))?,
        lag,
        faults: if args.lose_answers == 0 { Vec::new() } else { vec![lost] },
    };
    serve(options, Arc::new(SystemClock::new()), output::line, signals::stop_asked())
        .await
        .map_err(|e| Failure::failed(format!("the simulator cannot listen on {}: {e}", args.listen)))?;
    Ok(Exit::Done)
}
