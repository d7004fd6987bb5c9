//! The renewd binary: starts the runtime and ends with the command's exit code.
use std::process::ExitCode;
use std::time::Duration;

use renewd::exit::Exit;
use renewd::{cli, daemon};

fn main() -> ExitCode {
    let command = match cli::read() {
        Ok(command) => command,
        Err(exit) => return exit.into(),
    };
    daemon::logging::init(command.reader());
    // Two threads at least: a slow disk on one must not keep signals and the watchdog waiting on the other.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    match runtime {
        Ok(runtime) => {
            let exit = runtime.block_on(cli::main(command));
            // The work is done: a look-up of a mail server's name that hangs holds up no stop.
            runtime.shutdown_timeout(Duration::from_millis(200));
            exit.into()
        }
        Err(e) => {
            tracing::error!("the runtime could not be started: {e}");
            Exit::Failed.into()
        }
    }
}
