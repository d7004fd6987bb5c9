//! Files that cannot be used: a disk that fills up under a running daemon must not look well anywhere, a folder of somebody else's is
//! told before the start, and each cause (a missing right, a read-only or full disk, a damaged page, a missing folder) is told by its own
//! words, of the ledger and of a backup. Through the real binary; what needs a small file system of its own is ignored by a plain
//! `cargo test`.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::common::http::get;
use crate::common::{Bench, signal, until};
use renewd::simulator::Product;
use rustix::process::Signal;

fn serving(bench: &Bench) -> u16 {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = fs::read_to_string(bench.path("renewd.toml")).unwrap();
    let config = config.replace("listen = \"\"", &format!("listen = \"127.0.0.1:{port}\""));
    fs::write(bench.path("renewd.toml"), config).unwrap();
    port
}

/// A script in a namespace of its own, where it may mount: `$0` is renewd, `$1` the state folder, `$2` the config.
fn apart(bench: &Bench, script: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--map-root-user", "sh", "-c", script]).arg(env!("CARGO_BIN_EXE_renewd"));
    command.arg(bench.path("state")).arg(bench.path("renewd.toml")).stdin(Stdio::null());
    command
}

/// The daemon with its state on a file system of 4 MB that only it sees.
fn on_a_small_disk(bench: &Bench) -> Child {
    let state = bench.path("state");
    fs::create_dir_all(&state).unwrap();
    let mount = "mount -t tmpfs -o size=4m,mode=700 none \"$1\"";
    assert!(apart(bench, mount).status().unwrap().success(), "the kernel gives no such namespace");
    let log = fs::File::create(bench.path("run.log")).unwrap();
    let run = format!("{mount} && exec \"$0\" --config \"$2\" run");
    apart(bench, &run).stdout(Stdio::null()).stderr(log).spawn().unwrap()
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
#[ignore = "needs a mount namespace: scripts/test-all"]
fn a_full_disk_is_told_by_page_probe_metric_and_status_and_so_is_its_end() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &["203.0.113.2"], 24 * 20)]);
    let port = serving(&bench);
    let mut daemon = on_a_small_disk(&bench);
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

/// Who asks where the tests run as root, who may write anywhere.
const SOMEBODY: u32 = 54_321;

/// These files become somebody's, if we are root.
fn give_away(bench: &Bench, paths: &[&str]) {
    if rustix::process::geteuid().is_root() {
        for path in paths {
            chown(bench.path(path), Some(SOMEBODY), Some(SOMEBODY)).unwrap();
        }
    }
}

/// Exit code and words of a command, asked by a user who is not root.
fn as_somebody(bench: &Bench, args: &[&str]) -> (Option<i32>, String) {
    let mut command = bench.command(args);
    if rustix::process::geteuid().is_root() {
        command.uid(SOMEBODY).gid(SOMEBODY);
    }
    let out = command.output().unwrap();
    (out.status.code(), String::from_utf8([out.stdout, out.stderr].concat()).unwrap())
}

#[test]
fn a_state_folder_that_cannot_be_written_is_a_config_error_with_a_remedy() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &["203.0.113.2"], 24 * 20)]);
    let state = bench.path("state");
    fs::create_dir_all(&state).unwrap();
    assert_eq!(bench.renewd(&["check"]).status.code(), Some(0));
    fs::set_permissions(&state, fs::Permissions::from_mode(0o500)).unwrap();
    give_away(&bench, &["", "yp.key", "renewd.toml", "state"]);
    let checked = |args: &[&str]| as_somebody(&bench, args);
    let (code, said) = checked(&["check"]);
    assert!(code == Some(2) && said.contains("state_dir: this user cannot write to"), "{said}");
    assert!(said.contains("permission denied") && said.contains("chown -R renewd:renewd"), "{said}");
    let (code, said) = checked(&["once"]);
    assert!(code == Some(1) && said.contains("Permission denied") && !said.contains("room"), "{said}");
    assert_eq!(bench.payments_sent(), 0);
}

/// Words that belong to one cause each.
const REMEDIES: [&str; 8] = [
    "chown",
    "room",
    "restore a backup",
    "mounted read-only",
    "may not write into",
    "there is no folder",
    "must be mounted",
    "no folder stands where the file should",
];

fn says_only(said: &str, remedy: &str) {
    let told: Vec<&&str> = REMEDIES.iter().filter(|r| said.contains(**r)).collect();
    assert_eq!(told, [&remedy], "{said}");
}

/// A filled ledger that is somebody's.
fn filled() -> Bench {
    let bench = Bench::new("100.00", &[(Product::IPv4, &["203.0.113.2"], 24)]);
    assert_eq!(bench.json(&["once"]).0, 0);
    let inside = fs::read_dir(bench.path("state")).unwrap().flatten();
    let names: Vec<String> = inside.map(|e| format!("state/{}", e.file_name().to_string_lossy())).collect();
    let mut all: Vec<&str> = vec!["", "yp.key", "renewd.toml", "state"];
    all.extend(names.iter().map(String::as_str));
    give_away(&bench, &all);
    bench
}

#[test]
fn a_backup_that_cannot_be_written_blames_its_own_folder_and_not_the_ledger() {
    let bench = filled();
    let locked = bench.path("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o555)).unwrap();
    let to = locked.join("copy.db").display().to_string();
    let (code, said) = as_somebody(&bench, &["backup", &to]);
    assert!(code == Some(1) && said.contains(&format!("the copy {to} cannot be written")), "{said}");
    assert!(said.contains("Permission denied"), "{said}");
    says_only(&said, "may not write into");

    let to = bench.path("nowhere/copy.db").display().to_string();
    let (code, said) = as_somebody(&bench, &["backup", &to]);
    assert!(code == Some(1) && said.contains(&format!("the copy {to} cannot be written")), "{said}");
    says_only(&said, "there is no folder");
}

#[test]
fn a_damaged_page_is_told_as_damage_by_whoever_meets_it() {
    let bench = filled();
    let path = bench.path("state/ledger.db");
    let root: usize = {
        let raw = rusqlite::Connection::open(&path).unwrap();
        raw.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(())).unwrap();
        raw.query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'intent_head'", [], |r| {
            r.get::<_, u32>(0)
        })
        .unwrap() as usize
    };
    let mut bytes = fs::read(&path).unwrap();
    bytes[(root - 1) * 4096..][..64].fill(0x5a);
    fs::write(&path, bytes).unwrap();
    give_away(&bench, &["state/ledger.db"]);
    let copy = bench.path("copy.db").display().to_string();
    for args in [&["once"][..], &["history"], &["backup", &copy]] {
        let (code, said) = as_somebody(&bench, args);
        assert!(code == Some(1) && said.contains(&path.display().to_string()), "{args:?}: {said}");
        says_only(&said, "restore a backup");
    }
    assert!(!bench.path("copy.db").exists());
    fs::write(&path, "this is no database, and longer than a header of sixteen bytes").unwrap();
    for args in [&["once"][..], &["status"], &["history"]] {
        let (code, said) = as_somebody(&bench, args);
        assert_eq!(code, Some(1), "{said}");
        says_only(&said, "restore a backup");
    }
}

#[test]
fn the_file_that_may_not_be_written_is_named() {
    for name in ["ledger.db", "ledger.lock"] {
        let bench = filled();
        let file = bench.path("state").join(name);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).unwrap();
        if rustix::process::geteuid().is_root() {
            fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
            chown(&file, Some(0), Some(0)).unwrap();
        }
        let (code, said) = as_somebody(&bench, &["once"]);
        assert!(
            code == Some(1) && said.contains(&format!("the ledger {} cannot be used", file.display())),
            "{said}"
        );
        says_only(&said, "chown");
    }
}

#[test]
fn a_folder_where_the_ledger_should_be_is_told_as_that() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &["203.0.113.2"], 24)]);
    fs::create_dir_all(bench.path("state/ledger.db")).unwrap();
    let out = bench.renewd(&["once"]);
    assert_eq!(out.status.code(), Some(1));
    says_only(&String::from_utf8_lossy(&out.stderr), "no folder stands where the file should");
}

#[rstest::rstest]
#[case::full_ledger("size=4m,mode=700", "", "once", "room")]
#[case::read_only_ledger("size=4m,mode=700", "ro", "once", "must be mounted")]
#[case::full_backup("size=1m,mode=700", "", "backup", "room")]
#[case::read_only_backup("size=4m,mode=700", "ro", "backup", "mounted read-only")]
#[ignore = "needs a mount namespace: scripts/test-all"]
fn a_full_and_a_read_only_disk_are_told_apart(
    #[case] size: &str,
    #[case] then: &str,
    #[case] command: &str,
    #[case] remedy: &str,
) {
    let bench = Bench::new("100.00", &[(Product::IPv4, &["203.0.113.2"], 24 * 20)]);
    assert_eq!(bench.json(&["once"]).0, 0);
    let filler = "head -c 100m /dev/zero >\"$DISK/filler\" 2>/dev/null;";
    let make = match (then, command) {
        ("ro", _) => "mount -o remount,ro \"$DISK\";",
        (_, "once") => filler,
        _ => "head -c 1040000 /dev/zero >\"$DISK/filler\";",
    };
    let (disk, run) = match command {
        "backup" => ("\"$1\"/../disk", "\"$0\" --config \"$2\" backup \"$DISK/copy.db\""),
        _ => ("\"$1\"", "\"$0\" --config \"$2\" once"),
    };
    fs::create_dir_all(bench.path("disk")).unwrap();
    let script = format!(
        "DISK={disk}; cp -a \"$1\" \"$1.kept\"; mount -t tmpfs -o {size} none \"$DISK\"; \
         [ {command} = backup ] || cp -a \"$1.kept/.\" \"$1\"; {make} {run}"
    );
    let out = apart(&bench, &script).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(1), "{said}");
    says_only(&said, remedy);
}
