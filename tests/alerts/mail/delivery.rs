//! The built binary against a mail server: TLS, login, certificates, and a server that stalls.
use std::fs;
use std::process::Output;
use std::time::Duration;

use renewd::clock::{Clock, SystemClock};
use renewd::notify::{Letterhead, Mailer};
use renewd::settings::{Email, Tls};
use renewd::simulator::Product;
use rstest::rstest;

use crate::common::smtp::{Certificates, Mail, MailServer, PASSWORD, Protection, USER, free_port};
use crate::common::{Bench, KEEP};
use crate::mail::listener::{Answer, Listener};

pub struct Case {
    bench: Bench,
    pub port: u16,
}

impl Case {
    pub fn new() -> Self {
        let bench = Bench::new("100.00", &[(Product::IPv4, &["203.0.113.1"], 480)]);
        Self { bench, port: free_port() }
    }

    pub fn config(&self, host: &str, mode: &str, password: &str) {
        self.config_with(host, mode, password, "");
    }

    /// The same with further lines of `[alerts.email]`.
    pub fn config_with(&self, host: &str, mode: &str, password: &str, more: &str) {
        let port = self.port;
        self.bench.secret("smtp.pw", password);
        self.bench.config("", &format!(
            "{KEEP}[alerts.email]\nhost = \"{host}\"\nport = {port}\ntls = \"{mode}\"\nusername = \"{USER}\"\npassword = {{ file = \"smtp.pw\" }}\nfrom = \"renewd@example.org\"\nto = [\"ops@example.org\"]\n{more}"
        ));
    }

    /// Writes a file of certificates and gives the line of the config that names it.
    pub fn ca(&self, pem: &str) -> String {
        let file = self.bench.path("own.pem");
        fs::write(&file, pem).unwrap();
        format!("ca = \"{}\"\n", file.display())
    }

    /// Runs with this CA trusted, and no other.
    fn run(&self, args: &[&str], ca: Option<&str>) -> Output {
        let mut command = self.bench.command(args);
        if let Some(pem) = ca {
            fs::write(self.bench.path("ca.pem"), pem).unwrap();
            command.env("SSL_CERT_FILE", self.bench.path("ca.pem"));
        }
        command.output().unwrap()
    }

    /// What `test-mail` said when it failed.
    pub fn refused(&self, ca: Option<&str>) -> String {
        let out = self.run(&["test-mail"], ca);
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(1), "{said}");
        said
    }

    /// What `check --live` printed.
    pub fn checked(&self, ca: Option<&str>) -> (Option<i32>, String) {
        let out = self.run(&["check", "--live"], ca);
        (out.status.code(), String::from_utf8_lossy(&out.stdout).into_owned())
    }

    /// A test mail over TLS with a login arrives, and `check --live` says the same.
    pub fn takes_the_test_mail(
        &self,
        mode: &str,
        certificates: &Certificates,
        arrived: impl Fn() -> Vec<Mail>,
        log: impl Fn() -> String,
    ) {
        self.config("localhost", mode, PASSWORD);
        let out = self.run(&["test-mail"], Some(&certificates.ca));
        assert_eq!(out.status.code(), Some(0), "{}\n{}", String::from_utf8_lossy(&out.stderr), log());
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(said.contains("accepted the test mail for ops@example.org"), "{said}");
        let mails = arrived();
        assert_eq!(
            (mails[0].recipient.as_str(), mails[0].subject.as_str()),
            ("ops@example.org", "[renewd] Test message")
        );
        let out = self.run(&["check", "--live"], Some(&certificates.ca));
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(said.contains("answers, and accepts the login"), "{said}");
    }

    pub fn tells_of_a_wrong_password(&self, certificates: &Certificates) {
        self.config("localhost", "starttls", "another-password-0123456789");
        let said = self.refused(Some(&certificates.ca));
        assert!(said.contains("refuses our login") && said.contains("check username and password"), "{said}");
        assert!(!said.contains("another-password"), "{said}");
    }

    /// To somebody who trusts this CA, and no other.
    pub fn tells_of_a_bad_certificate(&self, ca: Option<&str>, part: &str) {
        let said = self.refused(ca);
        assert!(said.contains("certificate is not accepted") && said.contains(part), "{said}");
    }

    /// Of a server without TLS.
    pub fn tells_of_missing_tls(&self, certificates: &Certificates) {
        self.config("localhost", "starttls", PASSWORD);
        let said = self.refused(Some(&certificates.ca));
        assert!(said.contains("offers no STARTTLS"), "{said}");
        self.config("localhost", "implicit", PASSWORD);
        let said = self.refused(Some(&certificates.ca));
        assert!(said.contains("\"implicit\" with 465"), "{said}");
    }
}

#[rstest]
#[case::starttls("starttls", Protection::StartTls)]
#[case::implicit("implicit", Protection::Implicit)]
fn a_mail_goes_over_tls_with_a_login(#[case] mode: &str, #[case] protection: Protection) {
    let case = Case::new();
    let certificates = Certificates::new();
    let server = MailServer::start(case.port, protection, &certificates);
    case.takes_the_test_mail(mode, &certificates, || server.wait_for(1), || server.log());
    let log = server.log();
    assert!(log.contains("taken over TLS") && log.contains(&format!("login of {USER} by PLAIN")), "{log}");
}

#[test]
fn a_wrong_password_is_told_and_not_shown() {
    let case = Case::new();
    let certificates = Certificates::new();
    let server = MailServer::start(case.port, Protection::StartTls, &certificates);
    case.tells_of_a_wrong_password(&certificates);
    server.wait_for(0);
}

#[rstest]
#[case::unknown_ca("localhost", 2126, false, "update-ca-certificates")]
#[case::another_name("127.0.0.1", 2126, true, "it is for another name")]
#[case::expired("localhost", 2021, true, "has expired")]
fn a_certificate_that_is_not_accepted_says_what_to_do(
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
    let server = MailServer::start(case.port, mode.1, &certificates);
    case.config(host, mode.0, PASSWORD);
    case.tells_of_a_bad_certificate(trusted.then_some(&*certificates.ca), part);
    server.wait_for(0);
}

#[test]
fn tls_where_there_is_none_says_which_port_goes_with_which() {
    let case = Case::new();
    let certificates = Certificates::new();
    let _server = MailServer::plain(case.port);
    case.tells_of_missing_tls(&certificates);
}

#[test]
fn a_server_that_stalls_is_given_up_in_time() {
    let listener = Listener::start();
    listener.answer(Answer::Hang);
    let email = Email {
        host: "127.0.0.1".to_owned(),
        port: listener.port,
        tls: Tls::None,
        username: None,
        password: None,
        from: "renewd@example.org".to_owned(),
        to: vec!["ops@example.org".to_owned()],
        templates: None,
        helo: None,
        ca: None,
    };
    let mailer = Mailer::smtp_within(&email, Duration::from_millis(300)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let letterhead = Letterhead::of(&email, &jiff::tz::TimeZone::UTC, SystemClock::new().now().wall);
    let said = runtime.block_on(mailer.send_test(&email, &letterhead)).unwrap_err();
    assert!(said.to_string().contains("did not finish"), "{said}");
}
