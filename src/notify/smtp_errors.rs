//! What a mail server's troubles mean and what to do about them, in words. Decides also whether others would fare better.
//! Causes are known by their kind (reply code, TLS error, error of the system), not by somebody's prose.
use std::error::Error;
use std::io::{self, ErrorKind};
use std::time::Duration;

use lettre::transport::smtp;
use rustls::{CertificateError, InvalidMessage};

use crate::notify::transport::{SendError, chain};

/// The server began and did not finish.
pub(super) fn stalled(limit: Duration) -> SendError {
    SendError::Server(format!(
        "the mail server did not finish within {}s: it may be overloaded, or port and tls do not fit in [alerts.email] (\"implicit\" \
         goes with 465, \"starttls\" with 587)",
        limit.as_secs()
    ))
}

/// The certificate that the server presents is not one of those that the config believes.
pub(super) fn untrusted(e: &rustls::Error) -> SendError {
    SendError::Server(of_tls(e, &e.to_string()))
}

/// What went wrong before any mail was named: connecting, greeting, TLS, login.
pub(super) fn explain(e: &smtp::Error) -> SendError {
    let said = one_line(e);
    let Some(code) = code_of(e) else { return without_reply(e, &said) };
    SendError::Server(match code {
        530 => format!(
            "the mail server wants a login or TLS first ({said}): look at tls, username and password in [alerts.email]"
        ),
        534 | 535 => format!(
            "the mail server refuses our login ({said}): check username and password in [alerts.email]"
        ),
        538 => format!(
            "the mail server takes a login over TLS only ({said}): set tls = \"starttls\" or \"implicit\" in [alerts.email]"
        ),
        400..=499 => format!("the mail server is not ready ({said}): it is asked again"),
        _ => format!(
            "the mail server turns this machine away before any mail ({said}): whoever runs it must allow this machine's address \
             and its name (hostname -f, or helo in [alerts.email])"
        ),
    })
}

/// The error with its causes; what the server said may have ended its lines.
fn one_line(e: &smtp::Error) -> String {
    chain(e).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn code_of(e: &smtp::Error) -> Option<u16> {
    e.status().map(u16::from)
}

fn without_reply(e: &smtp::Error, said: &str) -> SendError {
    if e.is_client() {
        return of_our_own(e, said);
    }
    SendError::Server(if e.is_response() { no_mail_server(said) } else { unreachable(e, said) })
}

/// What lettre refuses by itself, for what the server's greeting lacks. It has no kinds for these, only words.
fn of_our_own(e: &smtp::Error, said: &str) -> SendError {
    let words = e.source().map(ToString::to_string).unwrap_or_default();
    if words.starts_with("STARTTLS") {
        return SendError::Server(format!(
            "the mail server offers no STARTTLS ({said}): with tls = \"implicit\" (port 465) TLS begins at once"
        ));
    }
    if words.contains("authentication mechanism") {
        return SendError::Server(format!(
            "the mail server offers no login here ({said}): take username and password out of [alerts.email], or use the port for \
             those who log in (587 with tls = \"starttls\", 465 with \"implicit\")"
        ));
    }
    if words.starts_with("Envelope") {
        return SendError::Refused(format!(
            "the mail server takes no address with letters beyond ASCII ({said}): write such a `to` or `from` in [alerts.email] in \
             another way"
        ));
    }
    SendError::Refused(format!("the mail cannot be sent to this server ({said})"))
}

/// Something answers, and it does not speak SMTP.
fn no_mail_server(said: &str) -> String {
    // lettre tells where it stopped reading: `error Tag at: * OK …`.
    let starts = |word: &str| said.contains(&format!(" at: {word}"));
    let other = [("* ", "IMAP"), ("+OK", "POP3"), ("HTTP/", "HTTP"), ("SSH-", "SSH")];
    if said.contains("incomplete response") {
        return format!(
            "the mail server hung up before it had answered ({said}): it may not want this machine, or host and port are another's"
        );
    }
    match other.iter().find(|(word, _)| starts(word)) {
        Some((_, kind)) => format!(
            "that port speaks {kind}, which takes no mail ({said}): for sending the port is 587 (tls = \"starttls\") or 465 (\"implicit\")"
        ),
        None => format!("no mail server answers there ({said}): check host and port in [alerts.email]"),
    }
}

fn unreachable(e: &smtp::Error, said: &str) -> String {
    let system = causes(e).find_map(|cause| cause.downcast_ref::<io::Error>());
    let tls = system.and_then(io::Error::get_ref).and_then(|inner| inner.downcast_ref::<rustls::Error>());
    if let Some(tls) = tls {
        return of_tls(tls, said);
    }
    let why = match system.map(io::Error::kind) {
        Some(ErrorKind::ConnectionRefused) => "nothing listens there: check host and port",
        Some(ErrorKind::TimedOut) => {
            "nothing answers there: check host and port, and what firewalls let through"
        }
        Some(ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable) => {
            "this machine has no way there: check its network, and host"
        }
        Some(ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe) => {
            "it hung up: it may not want this machine, or port and tls do not fit"
        }
        Some(ErrorKind::UnexpectedEof) => "it hung up as TLS was to begin: port and tls must fit",
        Some(ErrorKind::PermissionDenied) => {
            "this machine does not let renewd connect there: look at its firewall"
        }
        // The system has no kind for a name that is not found.
        _ if said.contains("lookup") => "its name is not found: check host, and this machine's DNS",
        _ => "check host, port and tls",
    };
    format!("the mail server cannot be reached ({said}): {why} in [alerts.email]")
}

/// An error and all that caused it.
fn causes<'a>(e: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(e), |e| (*e).source())
}

fn of_tls(e: &rustls::Error, said: &str) -> String {
    match e {
        rustls::Error::InvalidCertificate(why) => {
            format!("the mail server's certificate is not accepted ({said}): {}", certificate(why))
        }
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => format!(
            "what answers there does not begin with TLS ({said}): port and tls must fit in [alerts.email], \"starttls\" with 587, \
             \"implicit\" with 465"
        ),
        rustls::Error::PeerIncompatible(_) | rustls::Error::AlertReceived(_) => format!(
            "the mail server and renewd have no kind of TLS in common ({said}): it needs TLS 1.2 or later"
        ),
        _ => format!(
            "TLS with the mail server fails ({said}): port and tls must fit in [alerts.email], \"starttls\" with 587, \"implicit\" with \
             465"
        ),
    }
}

fn certificate(why: &CertificateError) -> &'static str {
    match why {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another name: write as host in [alerts.email] a name that stands in it"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet: look at this machine's clock (timedatectl)"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired: renew it on the mail server, or look at this machine's clock (timedatectl)"
        }
        CertificateError::Revoked => "it was revoked: the mail server needs a new one",
        CertificateError::UnknownIssuer => {
            "nobody whom this machine trusts has signed it. If a CA of your own did, name the file of the CA's certificate as ca in \
             [alerts.email], or put it into /usr/local/share/ca-certificates/NAME.crt, run update-ca-certificates and restart renewd. \
             If it signed itself, name the file of this very certificate as ca"
        }
        // What webpki says of a server that shows the certificate of a CA. rustls has no kind for it.
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            "it signed itself and calls itself a CA, as those of `openssl req -x509` do, so installing it on this machine does not \
             help: name its file as ca in [alerts.email], and renewd trusts exactly this certificate"
        }
        _ => "renewd cannot check it: the mail server needs another one",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_certificate_error_says_what_to_do() {
        let said = "invalid peer certificate";
        for (why, part) in [
            (CertificateError::UnknownIssuer, "update-ca-certificates"),
            (CertificateError::Expired, "has expired"),
            (CertificateError::NotValidForName, "another name"),
            (CertificateError::NotValidYet, "clock"),
            (CertificateError::Revoked, "new one"),
            (CertificateError::BadEncoding, "cannot check it"),
        ] {
            let told = of_tls(&rustls::Error::InvalidCertificate(why), said);
            assert!(told.contains(said) && told.contains(part), "{told}");
        }
    }

    #[test]
    fn the_wrong_kind_of_tls_says_which_port_goes_with_which() {
        let wrong = rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType);
        let told = of_tls(&wrong, "received corrupt message of type InvalidContentType");
        assert!(told.contains("\"implicit\" with 465"), "{told}");
    }
}
