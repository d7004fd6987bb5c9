//! What a mail server's troubles mean and what to do about them, in words. Decides also whether others would fare better.
use std::time::Duration;

use super::courier::{SendError, chain};

/// The server began and did not finish.
pub(super) fn stalled(limit: Duration) -> SendError {
    SendError::Server(format!(
        "the mail server did not finish within {}s: it may be overloaded",
        limit.as_secs()
    ))
}

/// What to do about it.
pub(super) fn explain(e: &lettre::transport::smtp::Error) -> SendError {
    let said = chain(e);
    let code = e.status().map(|c| c.to_string());
    match code.as_deref() {
        Some("535" | "534" | "530" | "538") => SendError::Server(format!(
            "the mail server refuses our login ({said}): check username and password in [alerts.email]"
        )),
        Some("421" | "451" | "452" | "454") => {
            SendError::Server(format!("the mail server is not ready ({said})"))
        }
        Some(_) => SendError::Refused(format!(
            "the mail server refuses this mail ({said}): check from and to in [alerts.email]"
        )),
        None => SendError::Server(unreachable(&said, e.is_tls())),
    }
}

fn unreachable(said: &str, tls: bool) -> String {
    let small = said.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| small.contains(word));
    if has(&["starttls"]) {
        return format!(
            "the mail server offers no STARTTLS ({said}): with tls = \"implicit\" (port 465) TLS begins at once"
        );
    }
    if has(&["certificate"]) {
        return format!("the mail server's certificate is not accepted ({said}): {}", certificate(&small));
    }
    if tls || has(&["corrupt message", "invalidcontenttype"]) {
        return format!(
            "TLS with the mail server fails ({said}): port and tls must fit in [alerts.email], \"starttls\" with 587, \
             \"implicit\" with 465"
        );
    }
    // lettre's words for a login that cannot be begun: the server's greeting has no AUTH that we know.
    if has(&["authentication mechanism"]) {
        return format!(
            "the mail server offers no login here ({said}): take username and password out of [alerts.email], or use the port for \
             those who log in (587 with tls = \"starttls\", 465 with \"implicit\")"
        );
    }
    format!("the mail server cannot be reached ({said}): check host, port and tls in [alerts.email]")
}

fn certificate(said: &str) -> &'static str {
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if has(&["not valid for name", "notvalidforname", "certificate not valid for"]) {
        "it is for another name: write as host in [alerts.email] a name that stands in it"
    } else if has(&["notvalidyet", "not valid yet"]) {
        "it is not valid yet: look at this machine's clock (timedatectl)"
    } else if has(&["expired"]) {
        "it has expired: renew it on the mail server, or look at this machine's clock (timedatectl)"
    } else if has(&["revoked"]) {
        "it was revoked: the mail server needs a new one"
    } else {
        "nobody whom this machine trusts has signed it: put your CA's certificate into /usr/local/share/ca-certificates/NAME.crt, \
         run update-ca-certificates, and restart renewd"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_certificate_error_says_what_to_do() {
        for (said, part) in [
            ("invalid peer certificate: UnknownIssuer", "update-ca-certificates"),
            ("invalid peer certificate: certificate expired: verification time …", "has expired"),
            ("invalid peer certificate: certificate not valid for name \"localhost\"", "another name"),
            ("invalid peer certificate: NotValidYet", "clock"),
        ] {
            let told = unreachable(said, true);
            assert!(told.contains(said) && told.contains(part), "{told}");
        }
    }

    #[test]
    fn the_wrong_kind_of_tls_says_which_port_goes_with_which() {
        let told = unreachable("received corrupt message of type InvalidContentType", true);
        assert!(told.contains("\"implicit\" with 465"), "{told}");
        assert!(unreachable("Connection refused", false).contains("cannot be reached"));
    }

    #[test]
    fn a_server_without_a_login_is_not_called_out_of_reach() {
        let told = unreachable("No compatible authentication mechanism was found", false);
        assert!(told.contains("offers no login here") && !told.contains("reached"), "{told}");
    }
}
