//! Reads one value's text: durations, money, cron, addresses.
//!
//! Every function answers with the typed value or with a sentence that says what to write instead. Not responsible
//! for places, keys or how values relate. Texts that may hide a secret (URLs, mailboxes) are not repeated.
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use croner::Cron;
use croner::parser::{CronParser, Seconds};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use url::{Host, Url};

use super::Tls;
pub use super::amounts::parse_duration;
pub(super) use super::amounts::{amount, before, days, part, percent, price, share, span};
use super::program::PROGRAM_URL;
use crate::budget::Per;
use crate::domain::{AccountName, Currency, ProviderName, Severity};
use crate::policy::{Action, OnShortFunds, OnUnknown, PayBy, Window};

pub(super) fn currency(text: &str) -> Result<Currency, String> {
    if text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase()) {
        Ok(Currency::new(text))
    } else {
        Err(format!("`{text}` is not a currency code: write three capitals, such as \"USD\""))
    }
}

/// The fields of a cron expression with seconds, and what goes into them.
const CRON: [(&str, &str); 6] = [
    ("seconds", "0 to 59"),
    ("minutes", "0 to 59"),
    ("hours", "0 to 23"),
    ("day of the month", "1 to 31"),
    ("month", "1 to 12 or Jan to Dec"),
    ("day of the week", "0 to 7 or Sun to Sat"),
];

/// Which field is wrong: each is tried alone.
fn cron_fault(text: &str) -> String {
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() != CRON.len() {
        return format!("it has {} fields", fields.len());
    }
    let alone = |at: usize| {
        let mut only = ["*"; 6];
        only[at] = fields[at];
        parse_cron(&only.join(" ")).is_err()
    };
    match (0..CRON.len()).find(|at| alone(*at)) {
        Some(at) => format!("`{}` is wrong as its {}, which take {}", fields[at], CRON[at].0, CRON[at].1),
        None => "its fields do not fit together".to_owned(),
    }
}

/// A cron expression with seconds. A list with nothing between its commas is refused: of a field that names nothing the library
/// looks for the next time without end.
///
/// # Errors
/// The parser's words.
pub fn parse_cron(text: &str) -> Result<Cron, String> {
    if text.split_whitespace().any(|field| field.split(',').any(str::is_empty)) {
        return Err("a list has nothing between its commas".to_owned());
    }
    CronParser::builder().seconds(Seconds::Required).build().parse(text).map_err(|e| e.to_string())
}

/// A cron expression with seconds that comes up at all.
pub(super) fn cron(text: &str) -> Result<String, String> {
    let example = "write six fields, seconds first, such as \"0 */10 * * * *\"";
    let cron = parse_cron(text)
        .map_err(|_| format!("`{text}` is not a cron expression: {}: {example}", cron_fault(text)))?;
    // Any fixed instant will do: the question is only whether such a day exists.
    let from = Timestamp::from_second(1_767_225_600).unwrap_or_default().to_zoned(TimeZone::UTC);
    cron.find_next_occurrence(&from, true).map_err(|_| format!("`{text}` never comes up: {example}"))?;
    Ok(text.to_owned())
}

/// A cron expression or nothing.
pub(super) fn cron_or_off(text: &str) -> Result<String, String> {
    if text.is_empty() { Ok(String::new()) } else { cron(text) }
}

pub(super) fn zone(text: &str) -> Result<(String, TimeZone), String> {
    TimeZone::get(text).map(|zone| (text.to_owned(), zone)).map_err(|_| {
        format!("`{text}` is not an IANA time zone: write a name such as \"UTC\" or \"Europe/Berlin\"")
    })
}

pub(super) fn date(text: &str) -> Result<Date, String> {
    text.parse::<Date>()
        .ok()
        .filter(|date| date.to_string() == text)
        .ok_or_else(|| format!("`{text}` is not a day of the calendar: write \"2027-06-30\""))
}

pub(super) fn window(text: &str) -> Result<Window, String> {
    text.parse()
}

/// An absolute path: a daemon's working directory is nobody's choice.
pub(super) fn folder(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_absolute() {
        Ok(path)
    } else {
        Err(format!("`{text}` is not an absolute path: write \"/var/lib/renewd\""))
    }
}

/// The absolute path of a file of certificates.
pub(super) fn certificates(text: &str) -> Result<PathBuf, String> {
    let hint = "is not an absolute path: write \"/etc/ssl/private-ca.pem\"";
    folder(text).map_err(|_| format!("`{text}` {hint}"))
}

/// A name of the owner's for leases. What is wrong is told without it: in a list of labels it may be a login that was pasted.
pub(super) fn label(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '.' | '_' | '-' | '/');
    if text.is_empty() || text.chars().count() > 64 || !text.chars().all(plain) || text.trim() != text {
        return Err(
            "a label is a name of at most 64 letters, digits, spaces, `.`, `_`, `-` or `/`".to_owned()
        );
    }
    Ok(text.to_owned())
}

/// Any text of one line.
pub(super) fn line(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err("is empty or holds control characters: write one line of text".to_owned());
    }
    Ok(text.to_owned())
}

/// Account names become parts of alert keys (`cause:account:order`) and metric labels; `*` means all.
pub(super) fn account_name(text: &str) -> Result<AccountName, String> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) {
        Ok(AccountName::new(text))
    } else {
        Err(format!("`{text}` is not an account name: use letters, digits, `.`, `_` and `-`, such as \"yp\""))
    }
}

/// A mailbox that the mail library accepts.
pub(super) fn mailbox(text: &str) -> Result<String, String> {
    text.parse::<lettre::message::Mailbox>().map(|_| text.to_owned()).map_err(|_| {
        format!("`{text}` is not a mail address: write \"ops@example.org\" or \"Ops <ops@example.org>\"")
    })
}

/// Host name or address of a server, without port or scheme.
pub(super) fn host(text: &str) -> Result<String, String> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    if bare.parse::<IpAddr>().is_ok() {
        return Ok(bare.to_owned());
    }
    match Host::parse(text) {
        Ok(Host::Domain(name)) if !name.contains(['/', ':', '@']) => Ok(text.to_owned()),
        _ => {
            Err("is not a host name: write it without scheme and port, such as \"mail.example.org\""
                .to_owned())
        }
    }
}

/// Whether that host is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn guarded(text: &str, example: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|e| format!("is not a URL ({e}): write \"{example}\""))?;
    let host = url.host_str().ok_or_else(|| format!("names no host: write \"{example}\""))?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(host) => Ok(url),
        "http" => Err(format!(
            "is plain http to another machine, which shows the key to everyone on the way: write \"{example}\""
        )),
        _ => Err(format!("is neither https nor http: write \"{example}\"")),
    }
}

/// https, or http to this machine; nothing in it but host, port and path.
pub(super) fn base_url(text: &str) -> Result<Url, String> {
    let example = BASE_URL_EXAMPLE.trim_matches('"');
    let mut url = guarded(text, example)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("holds a login: write \"{example}\" and give the key as `api_key`"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("holds a query or fragment: write \"{example}\""));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// A URL that is itself a secret: https, or http to this machine.
pub(super) fn ping_url(text: &str) -> Result<Url, String> {
    guarded(text, "https://ping.example.org/…")
}

/// Address and port; empty = off.
pub(super) fn listen(text: &str) -> Result<Option<SocketAddr>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        format!("`{text}` is not an address with a port: write \"127.0.0.1:9787\", or \"\" to switch it off")
    })
}

pub(super) fn choose<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, String> {
    choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<String> = choices.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        format!("`{text}` is unknown: write {}", words.join(" or "))
    })
}

/// The words of the closed list that a check takes; none where it takes other texts.
pub(super) fn words(check: fn(&str) -> Result<(), String>) -> Vec<String> {
    // No list has an empty word, and what `choose` says of one names them all.
    let Err(said) = check("") else { return Vec::new() };
    let listed = said.strip_prefix("`` is unknown: write ").unwrap_or_default();
    listed.split(" or ").map(|word| word.trim_matches('"').to_owned()).filter(|w| !w.is_empty()).collect()
}

/// How a provider and its address are written.
pub(super) const PROVIDER_EXAMPLE: &str = r#""youproxy""#;
/// The same as a list.
pub(super) const PROVIDERS_EXAMPLE: &str = r#"["youproxy"]"#;
pub(super) const BASE_URL_EXAMPLE: &str = r#""https://youproxy.io""#;

/// A known provider and where it answers unless `base_url` says otherwise.
pub(super) fn provider(text: &str) -> Result<&'static str, String> {
    choose(text, PROVIDERS)
}

/// All of them.
pub(super) const PROVIDERS: &[(&str, &str)] = &[
    ("youproxy", "https://youproxy.io"),
    ("proxyshard", "https://user-api.proxyshard.com"),
    ("proxyseller", "https://proxy-seller.com"),
    ("px6", "https://px6.link"),
    (PROGRAM, PROGRAM_URL),
];

/// The provider that is a program of the owner's.
pub const PROGRAM: &str = ProviderName::PROGRAM;

/// A name that the environment may have, and that no program is given by renewd itself.
pub(super) fn variable(text: &str) -> Result<String, String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if text.is_empty() || !text.bytes().all(plain) || text.as_bytes()[0].is_ascii_digit() {
        return Err(format!("`{text}` is not a name of a variable: write \"MY_KEY\""));
    }
    let ours = ["PATH", "LANG", "TZ", "RENEWD_PROTOCOL", "IFS"];
    if ours.contains(&text) || text.starts_with("LD_") || text.starts_with("LC_") {
        return Err(format!("`{text}` means something else to a program: write \"MY_KEY\""));
    }
    Ok(text.to_owned())
}

/// How many requests a minute a provider is sent where the config does not say, if it allows fewer than the others.
pub(super) fn usual_rate(provider: &str) -> Option<u32> {
    (provider == "proxyseller").then_some(50)
}

/// Whether that provider's list may tell neither what a lease is nor whether it is renewed at the end: its owner says so then.
pub(super) fn needs_word(text: &str) -> bool {
    text == "px6"
}

/// Whether its owner's word on the provider's own auto-renewal counts, where that is not told of a lease.
pub(super) fn takes_word(text: &str) -> bool {
    needs_word(text) || text == "exec"
}

/// How many leases that provider takes in one call; `None` = as many as the account says.
pub(super) fn most_at_once(text: &str) -> Option<usize> {
    (text == "px6").then_some(100)
}

/// The one word that an owner has for an auto-renewal that the provider does not tell.
pub(super) fn provider_renews(text: &str) -> Result<(), String> {
    choose(text, &[("off", ())])
}

/// What px6 calls what it rents out, of which renewd renews these three.
pub(super) const VERSIONS: [u8; 3] = [4, 3, 6];

/// Whether that provider sells days in countries of three letters, rather than cycles in places with names of its own.
pub(super) fn sells_days(text: &str) -> bool {
    matches!(text, "youproxy" | "proxyseller")
}

pub(super) fn action(text: &str) -> Result<Action, String> {
    choose(
        text,
        &[
            ("renew", Action::Renew),
            ("watch", Action::Watch),
            ("release", Action::Release),
            ("ignore", Action::Ignore),
        ],
    )
}

pub(super) fn pay_by(text: &str) -> Result<PayBy, String> {
    choose(text, &[("renewd", PayBy::Renewd), ("provider", PayBy::Provider)])
}

pub(super) fn on_short_funds(text: &str) -> Result<OnShortFunds, String> {
    choose(text, &[("partial", OnShortFunds::Partial), ("hold", OnShortFunds::Hold)])
}

pub(super) fn on_unknown(text: &str) -> Result<OnUnknown, String> {
    choose(text, &[("hold", OnUnknown::Hold), ("retry", OnUnknown::Retry), ("never", OnUnknown::Never)])
}

pub(super) fn per(text: &str) -> Result<Per, String> {
    choose(text, &[("cycle", Per::Cycle), ("day", Per::Day), ("week", Per::Week), ("month", Per::Month)])
}

pub(super) fn tls(text: &str) -> Result<Tls, String> {
    choose(text, &[("starttls", Tls::StartTls), ("implicit", Tls::Implicit), ("none", Tls::None)])
}

pub(super) fn severity(text: &str) -> Result<Severity, String> {
    let known = [Severity::Info, Severity::Warning, Severity::Urgent];
    choose(text, &known.map(|severity| (severity.as_str(), severity)))
}
