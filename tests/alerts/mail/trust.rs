//! A mail server whose certificate no CA of the system has signed, and the name that renewd gives itself there: `ca` and `helo` of
//! `[alerts.email]`, with the built binary.
use rstest::rstest;

use crate::common::smtp::{Certificates, MailServer, PASSWORD, Protection, USER};
use crate::mail::delivery::Case;

type Mode = (&'static str, Protection);

#[rstest]
#[case::a_ca_of_ones_own("localhost", Certificates::new())]
#[case::one_that_signed_itself("localhost", Certificates::self_signed(false))]
#[case::one_that_signed_itself_as_a_ca("localhost", Certificates::self_signed(true))]
#[case::one_that_signed_itself_for_another_name("127.0.0.1", Certificates::self_signed(true))]
fn a_server_that_the_config_vouches_for_gets_the_mail(
    #[case] host: &str,
    #[case] certificates: Certificates,
    #[values(("starttls", Protection::StartTls), ("implicit", Protection::Implicit))] mode: Mode,
) {
    let case = Case::new();
    let server = MailServer::start(case.port, mode.1, &certificates);
    case.config_with(host, mode.0, PASSWORD, &case.ca(&certificates.ca));
    let (code, said) = case.checked(None);
    assert_eq!(code, Some(0), "{said}\n{}", server.log());
    assert!(said.contains("answers, and accepts the login"), "{said}");
}

#[rstest]
#[case::another_that_signed_itself("localhost", Certificates::self_signed(true), Certificates::self_signed(true).ca)]
#[case::one_signed_by_a_server("localhost", Certificates::signed_by_a_server(), "")]
#[case::another_name_from_the_ca("127.0.0.1", Certificates::new(), "")]
#[case::expired("localhost", Certificates::valid_until(2021), "")]
fn a_server_that_it_does_not_vouch_for_gets_no_login(
    #[case] host: &str,
    #[case] certificates: Certificates,
    #[case] trusted: impl Into<String>,
    #[values(("starttls", Protection::StartTls), ("implicit", Protection::Implicit))] mode: Mode,
) {
    let case = Case::new();
    let server = MailServer::start(case.port, mode.1, &certificates);
    let trusted: String = trusted.into();
    let trusted = if trusted.is_empty() { certificates.ca.clone() } else { trusted };
    case.config_with(host, mode.0, PASSWORD, &case.ca(&trusted));
    let said = case.refused(None);
    assert!(said.contains("certificate is not accepted"), "{said}");
    let log = server.log();
    assert!(log.contains("called by") && !log.contains(USER) && !log.contains("login"), "{log}");
}

#[test]
fn renewd_greets_by_the_name_that_the_config_gives_it() {
    let case = Case::new();
    let certificates = Certificates::new();
    let server = MailServer::start(case.port, Protection::StartTls, &certificates);
    case.config_with("localhost", "starttls", PASSWORD, "helo = \"renewd.example.org\"\n");
    let (code, said) = case.checked(Some(&certificates.ca));
    assert_eq!(code, Some(0), "{said}");
    let log = server.log();
    let called: Vec<&str> = log.lines().filter(|line| line.starts_with("called by")).collect();
    assert!(called.iter().all(|line| *line == "called by renewd.example.org"), "{log}");
    assert!(called.len() >= 2, "{log}");
}

#[rstest]
#[case::missing(None, "cannot be read")]
#[case::without_a_certificate(Some("nothing\n"), "holds no certificate")]
fn a_file_of_certificates_that_is_not_one_is_an_error_of_the_config(
    #[case] content: Option<&str>,
    #[case] part: &str,
) {
    let case = Case::new();
    let line = content.map_or("ca = \"/nowhere/ca.pem\"\n".to_owned(), |text| case.ca(text));
    case.config_with("localhost", "starttls", PASSWORD, &line);
    let (code, said) = case.checked(None);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("alerts.email.ca") && said.contains(part), "{said}");
}

#[test]
fn a_mail_server_that_is_not_there_is_not_said_to_reject_anything() {
    let case = Case::new();
    case.config("localhost", "starttls", PASSWORD);
    let (code, said) = case.checked(None);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("nothing listens there") && said.contains("renewd cannot send mail"), "{said}");
    assert!(!said.contains("reject"), "{said}");
}
