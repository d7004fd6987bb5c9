//! Starts the binary with the shim in it. Not responsible for what its log means (`log`).
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::shim::library;

/// What a run of the binary is to suffer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Orders<'a> {
    /// Where its calls are written down.
    pub log: Option<&'a Path>,
    /// `CLASS NUMBER WHEN`, as the shim's head says.
    pub kill: Option<&'a str>,
    /// Milliseconds that its clocks are ahead of the machine's.
    pub ahead: i64,
}

/// The binary under test: that of this build, or the one that `CRASH_BINARY` names.
pub fn binary() -> PathBuf {
    std::env::var_os("CRASH_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_renewd").into(), PathBuf::from)
}

/// Every point instead of a sample.
pub fn long() -> bool {
    std::env::var_os("CRASH_LONG").is_some()
}

/// The binary with the shim in it, which watches over `state`.
pub fn command(state: &Path, orders: Orders<'_>) -> Command {
    let mut command = Command::new(binary());
    command.env("LD_PRELOAD", library()).env("SHIM_DIR", state).env("SHIM_AHEAD", orders.ahead.to_string());
    for name in ["RUST_LOG", "SHIM_LOG", "SHIM_KILL"] {
        command.env_remove(name);
    }
    if let Some(log) = orders.log {
        command.env("SHIM_LOG", log);
    }
    if let Some(kill) = orders.kill {
        command.env("SHIM_KILL", kill);
    }
    command.stdin(Stdio::null());
    command
}
