//! The unit file under a real systemd: start, credentials, reload, watchdog, stop, and no restart where none can help.
//!
//! The test under systemd needs root and Debian's systemd: it is ignored by a plain `cargo test`, and `scripts/test-all` runs it. It boots
//! systemd on a throw-away overlay of this machine (`scripts/with-systemd`) and runs `systemd/inside.sh` in there. `RENEWD_BINARY` names
//! another binary to try, such as an installed one. Not responsible for what the daemon pays: `tests/binary/daemon.rs`.
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::smtp::free_port;

const UNIT: &str = include_str!("../../systemd/renewd.service");
const INSIDE: &str = include_str!("systemd/inside.sh");

const ONCE: &str = include_str!("../../systemd/renewd-once.service");
const BACKUP: &str = include_str!("../../systemd/renewd-backup.service");

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
        ("LimitCORE", "0"),
        ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"),
    ] {
        assert_eq!(setting(name), Some(value), "{name}");
    }
    assert_eq!(setting("ReadWritePaths"), None, "state and locks are the only places to write");
}

#[test]
fn a_reload_checks_the_config_first_and_a_person_may_restart_it_often() {
    let reloads: Vec<&str> =
        UNIT.lines().filter_map(|l| l.strip_prefix("ExecReload=")).map(str::trim).collect();
    let [check, tell] = reloads[..] else { panic!("{reloads:?}") };
    assert!(check.ends_with(" /usr/bin/renewd check") && tell == "/bin/kill -HUP $MAINPID", "{reloads:?}");
    // As the daemon's own user: root can read what the daemon cannot.
    let (user, group) = (setting("User").unwrap(), setting("Group").unwrap());
    assert!(check.contains(&format!("--reuid={user} --regid={group} ")), "{check}");
    let burst: u32 = setting("StartLimitBurst").unwrap().parse().unwrap();
    assert!(burst > 6 && setting("StartLimitIntervalSec") == Some("10min"));
}

/// Everything by which a unit is closed in: from the core files on.
fn hardening(unit: &'static str) -> Vec<&'static str> {
    let lines = unit.lines().skip_while(|l| !l.starts_with("LimitCORE="));
    lines.take_while(|l| *l != "[Install]").filter(|l| !l.is_empty() && !l.starts_with('#')).collect()
}

#[test]
fn the_jobs_beside_the_daemon_are_closed_in_as_it_is() {
    assert_eq!(hardening(ONCE), hardening(UNIT));
    for line in hardening(UNIT).iter().filter(|l| !l.starts_with("RestrictAddressFamilies=")) {
        assert!(hardening(BACKUP).contains(line), "{line}");
    }
    assert!(hardening(BACKUP).contains(&"PrivateNetwork=yes"));
    for unit in [ONCE, BACKUP] {
        for line in ["User=renewd", "Group=renewd", "Type=oneshot", "StateDirectoryMode=0700"] {
            assert!(unit.lines().any(|l| l == line), "{line}: {unit}");
        }
    }
    let stop = UNIT.lines().find(|l| l.starts_with("TimeoutStopSec=")).unwrap();
    assert!(ONCE.lines().any(|l| l == stop), "a payment of a single cycle is awaited as well");
}

#[test]
fn each_door_that_stays_open_says_why() {
    for door in ["PrivateNetwork", "IPAddressDeny", "RootDirectory", "PrivateUsers", "ProcSubset"] {
        assert!(
            UNIT.lines().any(|l| l.starts_with('#') && l.contains(&format!("No {door}"))
                || l.contains(&format!("no {door}"))),
            "{door}"
        );
    }
}

#[test]
#[ignore = "needs root and systemd: scripts/test-all"]
fn the_daemon_lives_under_a_real_systemd() {
    let (simulator, web) = (free_port(), free_port());
    let head = format!("SIMULATOR={simulator} WEB={web}\n");
    let dir = tempfile::tempdir().unwrap();
    inside(dir.path(), &(head + INSIDE), 180);
}

/// Runs a script inside a freshly booted systemd; `HOUSE` and `BINARY` name the sources and the binary there. It ends with the words
/// that all claims hold.
pub(super) fn inside(dir: &Path, script: &str, limit_s: u32) {
    let home = env!("CARGO_MANIFEST_DIR");
    let binary = binary();
    let file = dir.join("script");
    fs::write(&file, format!("#!/bin/bash\nHOUSE='{home}' BINARY='{binary}'\n{script}")).unwrap();
    let binaries = Path::new(&binary).parent().unwrap().display().to_string();
    let out = Command::new("bash")
        .arg(Path::new(home).join("scripts/with-systemd"))
        .arg(&file)
        // Folders that may be mounts of their own, which an overlay of `/` does not show.
        .env("BIND", format!("{home} {binaries} {}", dir.display()))
        .env("LIMIT_S", limit_s.to_string())
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success() && said.contains("all claims hold"), "{said}");
}

/// The binary that is tried.
pub(super) fn binary() -> String {
    std::env::var("RENEWD_BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_renewd").to_owned())
}
