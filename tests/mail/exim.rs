//! A real mail server on loopback: exim from the Debian package, run without privileges, delivering into a folder.
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use mail_parser::{Message, MessageParser};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::common::until;

pub const USER: &str = "renewd";
pub const PASSWORD: &str = "smtp-password-0123456789";
/// exim refuses to deliver as root; this is Debian's nobody and nogroup.
const NOBODY: u32 = 65_534;

/// How exim protects its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Plain, without login: as on a loopback address.
    None,
    /// STARTTLS and login are required.
    StartTls,
    /// TLS from the first byte, login required.
    Implicit,
}

/// A certificate that names `localhost`, and the CA that signed it.
pub struct Certificates {
    pub ca: String,
    cert: String,
    key: String,
}

impl Certificates {
    pub fn new() -> Self {
        Self::valid_until(2126)
    }

    /// The same, valid until the first day of that year.
    pub fn valid_until(year: i32) -> Self {
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let mut leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        leaf.not_before = rcgen::date_time_ymd(2020, 1, 1);
        leaf.not_after = rcgen::date_time_ymd(year, 1, 1);
        let cert = leaf.signed_by(&key, &ca).unwrap();
        Self { ca: ca.pem(), cert: cert.pem(), key: key.serialize_pem() }
    }
}

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

pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
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

    /// A plain one.
    pub fn plain(port: u16) -> Self {
        Self::start(port, Protection::None, &Certificates::new())
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
        texts.iter().map(|text| Mail::read(text)).collect()
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

/// A mail as it arrived.
#[derive(Debug, Clone)]
pub struct Mail {
    /// Who got this copy.
    pub recipient: String,
    pub subject: String,
    pub id: String,
    pub in_reply_to: Option<String>,
    pub references: Option<String>,
    pub text: String,
    pub html: String,
    /// All of it.
    pub raw: String,
}

impl Mail {
    fn read(raw: &str) -> Self {
        let message = MessageParser::default().parse(raw).unwrap();
        let header = |name: &str| -> Option<String> {
            message.header_raw(name.to_owned()).map(|v| v.trim().to_owned())
        };
        let body = |part: Option<std::borrow::Cow<'_, str>>| part.unwrap_or_default().replace("\r\n", "\n");
        Self {
            recipient: header("Envelope-To").unwrap_or_default(),
            subject: Message::subject(&message).unwrap_or_default().to_owned(),
            id: header("Message-ID").unwrap_or_default(),
            in_reply_to: header("In-Reply-To"),
            references: header("References"),
            text: body(message.body_text(0)),
            html: body(message.body_html(0)),
            raw: raw.to_owned(),
        }
    }
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
