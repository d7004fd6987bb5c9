//! A ledger that cannot be written: a disk that fills up under a running daemon must not look well anywhere, and a folder of
//! somebody else's is told before the start. Through the real binary, on a small file system of its own.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]
mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use common::{Bench, signal, until};
use renewd::simulator::Product;
use rustix::process::Signal;

fn get(port: u16, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).ok()?;
    Some((reply.split(' ').nth(1)?.parse().ok()?, reply.split_once("\r\n\r\n")?.1.to_owned()))
}

fn serving(bench: &Bench) -> u16 {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = fs::read_to_string(bench.path("renewd.toml")).unwrap();
    let config = config.replace("listen = \"\"", &format!("listen = \"127.0.0.1:{port}\""));
    fs::write(bench.path("renewd.toml"), config).unwrap();
    port
}

/// The daemon with its state on a file system of 4 MB that only it sees; `None` where the kernel gives no such namespace.
fn on_a_small_disk(bench: &Bench) -> Option<Child> {
    let state = bench.path("state");
    fs::create_dir_all(&state).unwrap();
    let apart = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--map-root-user", "sh", "-c", script]).arg(env!("CARGO_BIN_EXE_renewd"));
        command.arg(&state).arg(bench.path("renewd.toml")).stdin(Stdio::null());
        command
    };
    let mount = "mount -t tmpfs -o size=4m,mode=700 none \"$1\"";
    if !apart(mount).status().is_ok_and(|s| s.success()) {
        return None;
    }
    let log = fs::File::create(bench.path("run.log")).unwrap();
    let run = format!("{mount} && exec \"$0\" --config \"$2\" run");
    Some(apart(&run).stdout(Stdio::null()).stderr(log).spawn().unwrap())
}

fn status(bench: &Bench, daemon: &Child) -> String {
    let mut command = Command::new("nsenter");
    command.args(["--target", &daemon.id().to_string(), "--mount", "--user", "--preserve-credentials"]);
    let command = command.arg(env!("CARGO_BIN_EXE_renewd")).arg("--config").arg(bench.path("renewd.toml"));
    let out = command.arg("status").output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

fn seen_from_outside(bench: &Bench, daemon: &Child) -> PathBuf {
    let state = bench.path("state");
    PathBuf::from(format!("/proc/{}/root", daemon.id())).join(state.strip_prefix("/").unwrap())
}

#[test]
fn a_full_disk_is_told_by_page_probe_metric_and_status_and_so_is_its_end() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &["203.0.113.2"], 24 * 20)]);
    let port = serving(&bench);
    let Some(mut daemon) = on_a_small_disk(&bench) else { return };
    until("the daemon is ready", 20, || get(port, "/readyz").is_some_and(|(code, _)| code == 200));
    assert!(get(port, "/metrics").unwrap().1.contains("renewd_ledger_usable 1"));
    let page = get(port, "/").unwrap().1;
    assert!(page.contains("is well") && status(&bench, &daemon).contains("renewd is healthy"), "{page}");

    let filler = seen_from_outside(&bench, &daemon).join("filler");
    let mut file = fs::File::create(&filler).unwrap();
    for piece in [65_536, 512, 1] {
        while file.write_all(&vec![0; piece]).is_ok() {}
    }
    until("the probe says so", 30, || get(port, "/readyz").is_some_and(|(code, _)| code == 503));
    let (_, why) = get(port, "/readyz").unwrap();
    assert!(why.contains("the ledger cannot be written since") && why.contains("(no space left)"), "{why}");
    let page = get(port, "/").unwrap().1;
    assert!(page.contains("needs attention") && page.contains(&why) && !page.contains("is well"), "{page}");
    assert!(get(port, "/metrics").unwrap().1.contains("renewd_ledger_usable 0"));
    let told: serde_json::Value = serde_json::from_str(&get(port, "/api/status").unwrap().1).unwrap();
    assert_eq!((&told["healthy"], &told["ledger"]["usable"]), (&false.into(), &false.into()), "{told:#}");
    let said = status(&bench, &daemon);
    let first = said.lines().next().unwrap();
    assert!(first.contains("needs attention") && first.contains("no space left"), "{said}");

    drop(file);
    fs::remove_file(&filler).unwrap();
    until("it is over", 30, || get(port, "/readyz").is_some_and(|(code, _)| code == 200));
    assert!(status(&bench, &daemon).contains("renewd is healthy"));
    signal(&daemon, Signal::TERM);
    daemon.wait().unwrap();
}

#[test]
fn a_state_folder_that_cannot_be_written_is_a_config_error_with_a_remedy() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &["203.0.113.2"], 24 * 20)]);
    let state = bench.path("state");
    fs::create_dir_all(&state).unwrap();
    assert_eq!(bench.renewd(&["check"]).status.code(), Some(0));
    fs::set_permissions(&state, fs::Permissions::from_mode(0o500)).unwrap();
    let checked = |args: &[&str]| {
        let mut command = bench.command(args);
        // Root may write anywhere: somebody else asks then.
        if rustix::process::geteuid().is_root() {
            for path in ["", "yp.key", "renewd.toml", "state"] {
                chown(bench.path(path), Some(54_321), Some(54_321)).unwrap();
            }
            command.uid(54_321).gid(54_321);
        }
        let out = command.output().unwrap();
        (out.status.code(), String::from_utf8([out.stdout, out.stderr].concat()).unwrap())
    };
    let (code, said) = checked(&["check"]);
    assert!(code == Some(2) && said.contains("state_dir: this user cannot write to"), "{said}");
    assert!(said.contains("permission denied") && said.contains("chown -R renewd:renewd"), "{said}");
    let (code, said) = checked(&["once"]);
    assert!(code == Some(1) && said.contains("Permission denied") && !said.contains("room"), "{said}");
    assert_eq!(bench.payments_sent(), 0);
}
