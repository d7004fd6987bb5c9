//! What can stand between renewd and its mail server, each staged for real: `check --live` or `test-mail` names that cause, says what to
//! do about it, and says of no other cause that it is to blame.
use std::io::{Read, Write};
use std::net::TcpListener;

use rstest::rstest;

use crate::common::smtp::{Certificates, MailServer, PASSWORD, Protection};
use crate::mail::delivery::Case;

/// Words that belong to one cause each.
const REMEDIES: [&str; 13] = [
    "turns this machine away",
    "check from in [alerts.email]",
    "ops@example.org: the mail server does not take it",
    "speaks IMAP",
    "speaks POP3",
    "offers no STARTTLS",
    "update-ca-certificates",
    "calls itself a CA",
    "for another name",
    "not valid yet",
    "nothing listens there",
    "name is not found",
    "hung up before",
];

fn says_only(said: &str, remedy: &str) {
    let told: Vec<&&str> = REMEDIES.iter().filter(|r| said.contains(**r)).collect();
    assert_eq!(told, [&remedy], "{said}");
    assert!(!said.contains(PASSWORD), "{said}");
}

#[rstest]
#[case::greeting("", "554 5.7.1 no service for you")]
#[case::ehlo("EHLO", "550 5.7.1 who are you")]
#[case::ehlo_unknown("EHLO", "502 5.5.1 no such command")]
fn a_server_that_turns_us_away_is_not_told_as_wrong_addresses(
    #[case] verb: &'static str,
    #[case] reply: &'static str,
) {
    let case = Case::new();
    let certificates = Certificates::new();
    let replies = [(verb, reply)];
    let _server = MailServer::answering(case.port, Protection::StartTls, &certificates, &replies);
    case.config("localhost", "starttls", PASSWORD);
    let said = case.refused(Some(&certificates.ca));
    says_only(&said, "turns this machine away");
    let (code, said) = case.checked(Some(&certificates.ca));
    assert_eq!(code, Some(3), "{said}");
    says_only(&said, "turns this machine away");
}

#[rstest]
#[case::sender("MAIL", "550 5.1.8 no such domain", "check from in [alerts.email]")]
#[case::recipient("RCPT", "550 5.1.1 no such user", "ops@example.org: the mail server does not take it")]
fn a_refused_address_is(
    #[case] verb: &'static str,
    #[case] reply: &'static str,
    #[case] remedy: &'static str,
) {
    let case = Case::new();
    let certificates = Certificates::new();
    let _server = MailServer::answering(case.port, Protection::StartTls, &certificates, &[(verb, reply)]);
    case.config("localhost", "starttls", PASSWORD);
    let said = case.refused(Some(&certificates.ca));
    says_only(&said, remedy);
}

/// Says this to whoever connects, and listens.
fn speaker(port: u16, greeting: &'static str) {
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(greeting.as_bytes());
            if !greeting.is_empty() {
                let _ = stream.read(&mut [0; 512]);
            }
        }
    });
}

#[rstest]
#[case::imap("* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] ready\r\n", "speaks IMAP")]
#[case::pop3("+OK POP3 ready\r\n", "speaks POP3")]
#[case::silent_end("", "hung up before")]
fn a_port_of_something_else_is_called_by_its_name(#[case] greeting: &'static str, #[case] remedy: &str) {
    let case = Case::new();
    speaker(case.port, greeting);
    case.config("localhost", "starttls", PASSWORD);
    says_only(&case.refused(None), remedy);
}

#[rstest]
#[case::of_a_ca_of_ones_own(Certificates::new(), false, "update-ca-certificates")]
#[case::self_signed_as_a_ca(Certificates::self_signed(true), false, "calls itself a CA")]
#[case::self_signed_as_a_ca_and_installed(Certificates::self_signed(true), true, "calls itself a CA")]
#[case::not_valid_yet(Certificates::valid(2099, 2126), true, "not valid yet")]
fn a_certificate_that_is_not_accepted_has_the_words_of_its_cause(
    #[case] certificates: Certificates,
    #[case] installed: bool,
    #[case] remedy: &str,
    #[values(("starttls", Protection::StartTls), ("implicit", Protection::Implicit))] mode: (
        &str,
        Protection,
    ),
) {
    let case = Case::new();
    let _server = MailServer::start(case.port, mode.1, &certificates);
    case.config("localhost", mode.0, PASSWORD);
    says_only(&case.refused(installed.then_some(certificates.ca.as_str())), remedy);
}

#[test]
fn a_server_certificate_that_signed_itself_is_no_ca_to_install() {
    let case = Case::new();
    let certificates = Certificates::self_signed(false);
    let _server = MailServer::start(case.port, Protection::Implicit, &certificates);
    case.config("localhost", "implicit", PASSWORD);
    let said = case.refused(None);
    assert!(said.contains("If it signed itself, name the file of this very certificate as ca"), "{said}");
}

#[test]
fn nobody_there_and_no_such_name_are_told_apart() {
    let case = Case::new();
    case.config("localhost", "starttls", PASSWORD);
    says_only(&case.refused(None), "nothing listens there");
    case.config("no-such-host.invalid", "starttls", PASSWORD);
    says_only(&case.refused(None), "name is not found");
}
