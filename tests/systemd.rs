//! The unit file under a real systemd: start, credentials, reload, watchdog, stop, and no restart where none can help.
//!
//! Needs root and a program that boots systemd on a throw-away overlay of this machine and runs a script in it (named by
//! `WITH_SYSTEMD`, else `../shared/tools/with-systemd`). Where one of them is missing the test says so on stderr, past the
//! harness's capture, and checks the file alone. `RENEWD_BINARY` names another binary to try, such as an installed one. Not responsible for what the daemon pays: `tests/daemon.rs`.
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

const UNIT: &str = include_str!("../systemd/renewd.service");
const INSIDE: &str = include_str!("systemd/inside.sh");

/// The value of the unit's last assignment of that name.
fn setting(name: &str) -> Option<&'static str> {
    let mut backwards = UNIT.lines().rev().filter_map(|l| l.split_once('='));
    backwards.find(|(key, _)| *key == name).map(|(_, value)| value)
}

#[test]
fn the_unit_waits_longer_for_a_payment_than_a_payment_may_take() {
    assert_eq!(setting("Type"), Some("notify"));
    let seconds: u32 = setting("TimeoutStopSec").and_then(|v| v.strip_suffix('s')).unwrap().parse().unwrap();
    assert!(seconds > 120, "timing.money_timeout is 120 s by default");
    assert_eq!(setting("KillMode"), Some("mixed"), "only the main process is asked to end");
    assert!(setting("WatchdogSec").is_some());
}

#[test]
fn the_unit_gives_no_capability_and_one_place_to_write() {
    for (name, value) in [
        ("CapabilityBoundingSet", ""),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("StateDirectory", "renewd"),
        ("StateDirectoryMode", "0700"),
        ("RuntimeDirectory", "renewd"),
        ("RuntimeDirectoryMode", "0700"),
        ("RuntimeDirectoryPreserve", "yes"),
        ("UMask", "0077"),
        ("MemoryDenyWriteExecute", "yes"),
        ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"),
    ] {
        assert_eq!(setting(name), Some(value), "{name}");
    }
    assert_eq!(setting("ReadWritePaths"), None, "state and locks are the only places to write");
}

/// The program that boots systemd, or why the test cannot run here.
fn booter() -> Result<PathBuf, String> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/tools/with-systemd");
    let tool = std::env::var_os("WITH_SYSTEMD").map_or_else(beside, PathBuf::from);
    if !tool.is_file() {
        return Err(format!("{} is not there: name one by WITH_SYSTEMD", tool.display()));
    }
    if !rustix::process::geteuid().is_root() {
        return Err("it needs root".to_owned());
    }
    if !Path::new("/lib/systemd/systemd").exists() {
        return Err("systemd is not installed: apt-get install systemd".to_owned());
    }
    Ok(tool)
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

#[test]
fn the_daemon_lives_under_a_real_systemd() {
    let tool = match booter() {
        Ok(tool) => tool,
        Err(why) => {
            let notice = format!("\n*** NOT RUN: the_daemon_lives_under_a_real_systemd: {why}\n");
            std::io::stderr().write_all(notice.as_bytes()).unwrap();
            return;
        }
    };
    let home = env!("CARGO_MANIFEST_DIR");
    let binary = std::env::var("RENEWD_BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_renewd").to_owned());
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("script");
    let (simulator, web) = (free_port(), free_port());
    let head = format!("#!/bin/bash\nHOUSE='{home}' BINARY='{binary}' SIMULATOR={simulator} WEB={web}\n");
    fs::write(&script, head + INSIDE).unwrap();
    let binaries = Path::new(&binary).parent().unwrap().display().to_string();
    let out = Command::new("bash")
        .arg(&tool)
        .arg(&script)
        // Folders that may be mounts of their own, which an overlay of `/` does not show.
        .env("BIND", format!("{home} {binaries}"))
        .env("LIMIT_S", "180")
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success() && said.contains("all claims hold"), "{said}");
}
