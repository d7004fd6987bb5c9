//! A mail server that people run: exim from the Debian package, without privileges, delivering into a folder. What the other tests of
//! mail claim of TLS, login and certificates is claimed here of exim.
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rstest::rstest;

use crate::common::smtp::{Certificates, Mail, PASSWORD, Protection, USER};
use crate::common::until;
use crate::mail::delivery::Case;

/// exim refuses to deliver as root; this is Debian's nobody and nogroup.
const NOBODY: u32 = 65_534;

/// A running server.
pub struct Exim {
    child: Child,
    dir: tempfile::TempDir,
}

impl Drop for Exim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Exim {
    /// Listens on `port` once this returns.
    pub fn start(port: u16, protection: Protection, certificates: &Certificates) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = rustix::process::geteuid().is_root();
        let own = |path: &Path| {
            if root {
                std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
        };
        own(dir.path());
        for folder in ["spool", "mail", "log"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
            own(&dir.path().join(folder));
        }
        for (name, text) in [
            ("cert.pem", certificates.cert.clone()),
            ("key.pem", certificates.key.clone()),
            ("exim.conf", config(dir.path(), port, protection, root)),
        ] {
            let path = dir.path().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            own(&path);
        }
        let mut command = Command::new("/usr/sbin/exim4");
        command.arg("-C").arg(dir.path().join("exim.conf")).args(["-bdf", "-q1m"]).current_dir("/");
        if root {
            command.uid(NOBODY).gid(NOBODY);
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let exim = Self { child: child.expect("exim is needed: apt-get install exim4-daemon-light"), dir };
        until("exim listens", 10, || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        exim
    }

    fn files(&self) -> Vec<PathBuf> {
        let folder = self.dir.path().join("mail/new");
        let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
        let mut files: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
        files.sort();
        files
    }

    /// What arrived, oldest first, envelope recipient first.
    pub fn mails(&self) -> Vec<Mail> {
        let mut texts: Vec<String> = self.files().iter().map(|f| fs::read_to_string(f).unwrap()).collect();
        // The server's own number of a mail grows in the order in which it took them; names of files do not (their microseconds are
        // not padded), and copies are written side by side.
        texts.sort_by_cached_key(|text| taken_as(text));
        texts.iter().map(|text| Mail::read(&envelope_to(text), text)).collect()
    }

    /// Waits until exactly `n` copies arrived, and a moment longer: one too many would be as wrong.
    pub fn wait_for(&self, n: usize) -> Vec<Mail> {
        until(&format!("{n} mails\n{}", self.log()), 15, || self.files().len() >= n);
        std::thread::sleep(std::time::Duration::from_millis(300));
        let mails = self.mails();
        let subjects: Vec<&str> = mails.iter().map(|m| m.subject.as_str()).collect();
        assert_eq!(mails.len(), n, "{subjects:#?}");
        mails
    }

    /// What exim wrote about it.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log/mainlog")).unwrap_or_default()
    }
}

/// The server's number in the topmost `Received` header.
fn taken_as(raw: &str) -> String {
    let number = raw.split("\tid ").nth(1).and_then(|rest| rest.split([';', '\n']).next());
    number.unwrap_or_else(|| panic!("no number of exim's in {raw}")).trim().to_owned()
}

/// Whom the server put the copy down for.
fn envelope_to(raw: &str) -> String {
    let line = raw.lines().find_map(|line| line.strip_prefix("Envelope-to: "));
    line.unwrap_or_default().trim().to_owned()
}

fn config(dir: &Path, port: u16, protection: Protection, root: bool) -> String {
    let (uid, gid) = if root {
        (NOBODY, NOBODY)
    } else {
        (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw())
    };
    let files = "tls_certificate = @DIR@/cert.pem\ntls_privatekey = @DIR@/key.pem";
    let (tls, login) = match protection {
        Protection::None => ("tls_advertise_hosts =".to_owned(), ""),
        Protection::StartTls => (format!("tls_advertise_hosts = *\n{files}"), LOGIN),
        Protection::Implicit => (format!("tls_on_connect_ports = @PORT@\n{files}"), LOGIN),
    };
    let mut text = include_str!("exim.conf").replace("@TLS@", &tls);
    for (word, value) in [
        ("@LOGIN@", login),
        ("@USER@", USER),
        ("@PASSWORD@", PASSWORD),
        ("@DIR@", &dir.display().to_string()),
        ("@PORT@", &port.to_string()),
        ("@UID@", &uid.to_string()),
        ("@GID@", &gid.to_string()),
    ] {
        text = text.replace(word, value);
    }
    text
}

const LOGIN: &str = "  deny message = log in first\n       !authenticated = *";

#[rstest]
#[case::starttls("starttls", Protection::StartTls)]
#[case::implicit("implicit", Protection::Implicit)]
#[ignore = "needs exim4: scripts/test-all"]
fn exim_takes_a_mail_over_tls_with_a_login(#[case] mode: &str, #[case] protection: Protection) {
    let case = Case::new();
    let certificates = Certificates::new();
    let exim = Exim::start(case.port, protection, &certificates);
    case.takes_the_test_mail(mode, &certificates, || exim.wait_for(1), || exim.log());
    let log = exim.log();
    assert!(log.contains("P=esmtpsa") && log.contains(&format!("A=plain:{USER}")), "{log}");
}

#[test]
#[ignore = "needs exim4: scripts/test-all"]
fn a_wrong_password_at_exim_is_told_and_not_shown() {
    let case = Case::new();
    let certificates = Certificates::new();
    let exim = Exim::start(case.port, Protection::StartTls, &certificates);
    case.tells_of_a_wrong_password(&certificates);
    exim.wait_for(0);
}

#[rstest]
#[case::unknown_ca("localhost", 2126, false, "update-ca-certificates")]
#[case::another_name("127.0.0.1", 2126, true, "it is for another name")]
#[case::expired("localhost", 2021, true, "has expired")]
#[ignore = "needs exim4: scripts/test-all"]
fn a_certificate_of_exim_that_is_not_accepted_says_what_to_do(
    #[case] host: &str,
    #[case] year: i32,
    #[case] trusted: bool,
    #[case] part: &str,
    #[values(("starttls", Protection::StartTls), ("implicit", Protection::Implicit))] mode: (
        &str,
        Protection,
    ),
) {
    let case = Case::new();
    let certificates = Certificates::valid_until(year);
    let exim = Exim::start(case.port, mode.1, &certificates);
    case.config(host, mode.0, PASSWORD);
    case.tells_of_a_bad_certificate(trusted.then_some(&*certificates.ca), part);
    exim.wait_for(0);
}

#[test]
#[ignore = "needs exim4: scripts/test-all"]
fn tls_where_exim_has_none_says_which_port_goes_with_which() {
    let case = Case::new();
    let certificates = Certificates::new();
    let _exim = Exim::start(case.port, Protection::None, &certificates);
    case.tells_of_missing_tls(&certificates);
}
