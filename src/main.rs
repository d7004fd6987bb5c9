//! The renewd binary: closes its memory to others, starts the runtime and ends with the command's exit code.
use std::process::ExitCode;
use std::time::Duration;

use renewd::exit::Exit;
use renewd::{cli, logging, programs};

fn main() -> ExitCode {
    // Keys are in this memory: it goes into no core file. Where the kernel refuses that, the unit's LimitCORE stands.
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    if std::env::args_os().nth(1).is_some_and(|word| word == programs::COMMAND) {
        // Not a command of anybody's: renewd between itself and a program. It needs no runtime and no log.
        return match programs::supervise() {
            Ok(()) => Exit::Done.into(),
            Err(_) => Exit::Failed.into(),
        };
    }
    if let Some(exit) = cli::completed() {
        return exit.into();
    }
    let command = match cli::read() {
        Ok(command) => command,
        Err(exit) => return exit.into(),
    };
    logging::init(command.reader());
    // Two threads at least: a slow disk on one must not keep signals and the watchdog waiting on the other.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    match runtime {
        Ok(runtime) => {
            let exit = runtime.block_on(cli::main(command));
            // A name server that says nothing must not hold the end up; payments were awaited.
            runtime.shutdown_timeout(Duration::from_millis(200));
            exit.into()
        }
        Err(e) => {
            tracing::error!("the runtime could not be started: {e}");
            Exit::Failed.into()
        }
    }
}
