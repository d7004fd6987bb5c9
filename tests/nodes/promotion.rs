//! A database that forgot: a standby that lacked the last commits is promoted under running nodes. And a ledger that is copied away while
//! its holder is frozen. The provider's books are the judge: each term is charged once.
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use crate::common::renewd;
use crate::pair::{Pair, TAKEOVER, waited};
use crate::server::{Cluster, program};

/// A standby that has what the primary had when it was made, and nothing since.
struct Stale {
    server: Child,
    folder: std::path::PathBuf,
}

fn psql(folder: &Path, sql: &str) -> Option<String> {
    let out = program("psql")
        .args(["-X", "-q", "-A", "-t", "-U", "owner", "-d", "postgres", "-c", sql, "-h"])
        .arg(folder)
        .output()
        .unwrap();
    out.status.success().then(|| String::from_utf8(out.stdout).unwrap().trim().to_owned())
}

impl Stale {
    fn of(primary: &Cluster) -> Self {
        let folder = primary.folder.join("stale");
        let backup = program("pg_basebackup")
            .args(["-U", "owner", "-X", "stream", "-c", "fast", "-h"])
            .arg(&primary.folder)
            .arg("-D")
            .arg(&folder)
            .output()
            .unwrap();
        assert!(backup.status.success(), "{backup:?}");
        std::fs::write(folder.join("standby.signal"), "").unwrap();
        let server = program("postgres")
            .arg("-D")
            .arg(&folder)
            .arg("-k")
            .arg(&folder)
            .args(["-c", "listen_addresses=", "-c", "fsync=off"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stale = Self { server, folder };
        waited("the standby is up", 30, || {
            psql(&stale.folder, "SELECT pg_is_in_recovery()").as_deref() == Some("t")
        })
        .unwrap();
        stale
    }

    fn promote(&self) {
        assert_eq!(psql(&self.folder, "SELECT pg_promote()").as_deref(), Some("t"));
    }
}

impl Drop for Stale {
    fn drop(&mut self) {
        let pid = std::fs::read_to_string(self.folder.join("postmaster.pid")).unwrap_or_default();
        if let Some(pid) = pid.lines().next() {
            let _ = Command::new("kill").args(["-INT", pid]).status();
        }
        let _ = self.server.wait();
    }
}

/// The list lags behind the payment for longer than the takeover lasts: nothing but the ledger knows of it, and the ledger forgot.
#[test]
#[ignore = "needs PostgreSQL: scripts/test-all"]
fn a_stale_standby_that_is_promoted_under_the_nodes_makes_no_term_charged_twice() {
    let primary = Cluster::start("-c fsync=off");
    let door = tempfile::tempdir().unwrap();
    std::fs::set_permissions(door.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let socket = door.path().join("socket");
    symlink(&primary.folder, &socket).unwrap();
    let mut pair = Pair::by(&primary, &socket, "3s", "12s");
    for n in 0..2 {
        pair.start(n);
        waited("it follows", 60, || pair.get(n, "/readyz").0 == 200)
            .unwrap_or_else(|e| panic!("{e}\n{}", pair.log(n)));
    }
    let stale = Stale::of(&primary);
    pair.bench.handle.set_lag(Duration::from_secs(10));
    let ip = pair.lease();
    waited("it is paid", 60, || pair.bench.charged(&ip) == 1)
        .unwrap_or_else(|e| panic!("{e}\n{}\n---\n{}", pair.log(0), pair.log(1)));
    let payer = usize::from(pair.log(1).contains("paying"));
    let other = 1 - payer;

    pair.end(payer, Signal::KILL);
    stale.promote();
    let door = door.path().join("next");
    symlink(&stale.folder, &door).unwrap();
    std::fs::rename(&door, &socket).unwrap();
    primary.as_owner(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
    );
    waited("the other notices", TAKEOVER, || pair.log(other).contains("another database"))
        .unwrap_or_else(|e| panic!("{e}\n{}", pair.log(other)));
    // Payments go on once it was read twice: the next lease is paid, and the first was not paid again.
    let next = pair.lease();
    waited("the next lease is paid", 90, || pair.bench.charged(&next) == 1)
        .unwrap_or_else(|e| panic!("{e}\n{}", pair.log(other)));
    assert_eq!((pair.bench.charged(&ip), pair.breaches()), (1, Vec::new()), "{}", pair.log(other));
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test-all"]
fn a_holder_that_thaws_after_its_ledger_was_copied_away_pays_nothing_more() {
    let mut pair = Pair::new("3s", "2h", "");
    pair.start(0);
    waited("it holds the lease", 60, || pair.holder() == Some(0))
        .unwrap_or_else(|e| panic!("{e}\n{}", pair.log(0)));
    pair.signal(0, Signal::STOP);
    waited("its lease has run out", TAKEOVER, || pair.holder().is_none()).unwrap();
    let home = pair.bench.path("home");
    let config = pair.dir(0).join("renewd.toml");
    let from = format!("url-file:{}", pair.dir(0).join("ledger.url").display());
    let to = format!("sqlite:{}", home.display());
    let out = renewd(&config, &["ledger", "copy", "--from", &from, "--to", &to]).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    pair.signal(0, Signal::CONT);

    let text = std::fs::read_to_string(&config).unwrap();
    let (before, behind) = (text.find("[ledger]").unwrap(), text.find("[schedule]").unwrap());
    let moved = format!("{}{}", &text[..before], &text[behind..]);
    let old = pair.dir(0).join("state").display().to_string();
    let new = pair.bench.path("new.toml");
    let run = pair.dir(0).join("run").display().to_string();
    let moved = moved.replace(&old, &home.display().to_string()).replace(&run, &format!("{run}-new"));
    std::fs::write(&new, moved).unwrap();
    let ip = pair.lease();
    // Several cycles of the thawed one, and one of the new ledger.
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(pair.bench.charged(&ip), 0, "{}", pair.log(0));
    let out = renewd(&new, &["once"]).output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stderr));
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!((pair.bench.charged(&ip), pair.breaches()), (1, Vec::new()), "{}", pair.log(0));
    assert!(
        pair.log(0).contains("was moved to another place"),
        "it says why it pays nothing: {}",
        pair.log(0)
    );
}
