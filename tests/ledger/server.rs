//! A PostgreSQL server for these tests: one for the whole program, on a socket in a folder of its own, with a schema for each folder that a
//! test takes for its state. `RENEWD_TEST_SERVER=1` runs the suite on it.
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use renewd::ledger::postgres::{Limits, Target};
use renewd::ledger::sqlite::{Access, SqlLedger};
use renewd::ledger::{Held, Hold, LedgerError, ServerSite, Site};

/// The suite runs on a server.
pub fn wanted() -> bool {
    std::env::var_os("RENEWD_TEST_SERVER").is_some()
}

/// A server that ends with whoever started it: the shell around it waits for the end of its input.
pub struct Cluster {
    pub folder: PathBuf,
    _keeper: Child,
}

/// Where Debian has the programs of its newest version.
fn programs() -> PathBuf {
    let all = std::fs::read_dir("/usr/lib/postgresql").expect("Debian's package `postgresql`");
    let newest = all.map(|entry| entry.unwrap().path()).max().expect("a version of it");
    newest.join("bin")
}

/// As somebody who is not root, which the server refuses to be.
pub fn program(name: &str) -> Command {
    let path = programs().join(name);
    if !rustix::process::geteuid().is_root() {
        return Command::new(path);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"]).arg(path);
    command.current_dir("/");
    command
}

fn done(command: &mut Command) -> String {
    let out = command.output().unwrap();
    assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().trim_end().to_owned()
}

impl Cluster {
    pub fn start(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap().keep();
        std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).unwrap();
        if rustix::process::geteuid().is_root() {
            // Whoever it belongs to may also remove it.
            let nobody = done(Command::new("id").args(["-u", "nobody"])).parse().ok();
            std::os::unix::fs::chown(&folder, nobody, None).unwrap();
        }
        let data = folder.join("data");
        done(
            program("initdb")
                .args(["-U", "owner", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-D"])
                .arg(&data),
        );
        let script = format!(
            "'{0}' -D '{1}' -k '{2}' -c listen_addresses='' {settings} >'{2}/log' 2>&1 & read -r end; kill -INT $!; wait $!; rm -rf '{2}'",
            programs().join("postgres").display(),
            data.display(),
            folder.display()
        );
        let mut keeper = match rustix::process::geteuid().is_root() {
            true => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups", "sh", "-c"]);
                command
            }
            false => {
                let mut command = Command::new("sh");
                command.arg("-c");
                command
            }
        };
        let keeper = keeper.arg(script).current_dir("/").stdin(Stdio::piped()).spawn().unwrap();
        let cluster = Self { folder, _keeper: keeper };
        for _ in 0..600 {
            if cluster.psql("owner", "postgres").arg("-c").arg("SELECT 1").output().unwrap().status.success()
            {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        done(cluster.psql("owner", "postgres").args([
            "-c",
            "CREATE ROLE app LOGIN",
            "-c",
            "CREATE DATABASE ledger OWNER app",
        ]));
        cluster
    }

    fn psql(&self, role: &str, database: &str) -> Command {
        let mut command = Command::new(programs().join("psql"));
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", role, "-d", database, "-h"]);
        command.arg(&self.folder);
        command
    }

    /// Runs SQL in the schema of a folder, as renewd's role; what psql prints, or says of an error.
    pub fn sql(&self, dir: &Path, text: &str) -> Result<String, String> {
        let mut command = self.psql("app", "ledger");
        command.env("PGOPTIONS", format!("-csearch_path={}", schema(dir))).args(["-c", text]);
        let out = command.output().unwrap();
        match out.status.success() {
            true => Ok(String::from_utf8(out.stdout).unwrap().trim_end().to_owned()),
            false => Err(String::from_utf8(out.stderr).unwrap()),
        }
    }

    /// A session that goes on, spoken to by its input.
    #[allow(dead_code, reason = "only the tests of two nodes need one")]
    pub fn session(&self, dir: &Path) -> Child {
        let mut command = self.psql("app", "ledger");
        command.env("PGOPTIONS", format!("-csearch_path={}", schema(dir)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
    }

    /// The same as the server's owner.
    pub fn as_owner(&self, text: &str) -> String {
        done(self.psql("owner", "ledger").args(["-c", text]))
    }

    pub fn url(&self, dir: &Path) -> String {
        self.url_by(&self.folder, dir)
    }

    /// By another socket.
    pub fn url_by(&self, socket: &Path, dir: &Path) -> String {
        format!("postgres://app@/ledger?host={}&options=-csearch_path%3D{}", socket.display(), schema(dir))
    }

    /// The ledger of a folder, with the schema that it goes into.
    pub fn site(&self, dir: &Path) -> ServerSite {
        self.site_by(&self.url(dir), dir)
    }

    pub fn site_by(&self, url: &str, dir: &Path) -> ServerSite {
        self.sql(dir, &format!("CREATE SCHEMA IF NOT EXISTS {}", schema(dir))).unwrap();
        let limits = Limits { statement: Duration::from_secs(3), idle: Duration::from_secs(5) };
        ServerSite {
            target: Target::read(url, limits).unwrap(),
            state_dir: dir.to_owned(),
            hold: Arc::new(Hold::default()),
            allow_async_standby: false,
        }
    }

    /// Opens it as whoever holds the pay lease.
    pub fn open(&self, site: &ServerSite, dir: &Path, access: Access) -> Result<SqlLedger, LedgerError> {
        let ledger = Site::Server(Box::new(site.clone())).open(access)?;
        if access == Access::Pay {
            self.lend(dir);
            site.hold.set(Some(Held { epoch: 1, holder: "test".to_owned() }));
        }
        Ok(ledger)
    }

    /// From now on somebody called `test` holds the pay lease.
    pub fn lend(&self, dir: &Path) {
        let lent = "UPDATE pay_lease SET epoch = 1, holder = 'test', released = false, expires_at = clock_timestamp() + interval '1 day'";
        self.sql(dir, lent).unwrap();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(input) = self._keeper.stdin.as_mut() {
            let _ = input.write_all(b"\n");
        }
        let _ = self._keeper.wait();
    }
}

/// The schema of a folder. Folders below it that stand for other nodes share it.
fn schema(dir: &Path) -> String {
    let above =
        dir.ancestors().find(|dir| dir.file_name().is_some_and(|n| n.to_string_lossy().starts_with(".tmp")));
    let name = above.unwrap_or(dir).file_name().unwrap().to_string_lossy();
    format!("s{}", name.trim_start_matches('.').bytes().map(|b| format!("{b:02x}")).collect::<String>())
}

/// The one of this program.
pub fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::start("-c fsync=off -c max_connections=400"))
}

/// The ledger of a folder on it.
pub fn open(dir: &Path, access: Access) -> Result<SqlLedger, LedgerError> {
    cluster().open(&cluster().site(dir), dir, access)
}
