//! The Debian package: built of the binary under test, installed, followed through the tutorial, upgraded over an older version with its
//! ledger, removed, installed again and purged, under a real systemd on a throw-away overlay of this machine (`package/inside.sh`).
//!
//! Every command of docs/tutorial.md runs in there as the page has it. Not responsible for what the daemon pays.
mod completions;
mod older;
mod sbom;
mod tutorial;

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::systemd::{binary, inside};

const INSIDE: &str = include_str!("package/inside.sh");

/// A package of the binary under test, with that version.
fn package(dir: &Path, version: &str) -> String {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = Command::new(home.join("scripts/package"))
        .args(["--built", &binary(), "--version", version, "--output", dir.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

#[test]
#[ignore = "needs root, systemd and cargo-deb: scripts/test-all"]
fn the_package_installs_follows_its_tutorial_upgrades_and_purges_under_a_real_systemd() {
    // Not below /tmp, which is another one in there.
    let dir = tempfile::Builder::new().prefix("renewd-package-").tempdir_in("/var/lib").unwrap();
    let (old, new) = (package(dir.path(), "0.0.9-1"), package(dir.path(), "9.9.9-1"));
    fs::write(dir.path().join("tutorial.sh"), tutorial::script()).unwrap();
    older::ledger(&dir.path().join("older.db"));
    let [tutorial, ledger] =
        ["tutorial.sh", "older.db"].map(|name| dir.path().join(name).display().to_string());
    let head = format!("OLD='{old}' NEW='{new}' TUTORIAL='{tutorial}' LEDGER='{ledger}'\n");
    inside(dir.path(), &(head + INSIDE), 600);
}
