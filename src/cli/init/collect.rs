//! Answers from flags and, on a terminal, from questions. Not responsible for what the provider knows.
use std::path::{Path, PathBuf};

use crate::cli::context::Failure;
use crate::cli::init::answers::{Answers, Mail, Secret};
use crate::cli::init::ask::Desk;
use crate::cli::init::place::Place;
use crate::cli::init_args::InitArgs;
use crate::providers::capabilities;
use crate::settings::{self, PROGRAM};

/// The account's name: needed before anything else, since files are called by it.
pub(super) fn name(given: Option<&str>) -> Result<String, Failure> {
    let name = given.unwrap_or("main");
    settings::accepts("account", "name", name).map_err(|why| Failure::usage(format!("--name: {why}")))?;
    Ok(name.to_owned())
}

pub(super) fn collect(
    args: &InitArgs,
    name: String,
    place: &Place,
    desk: &mut Desk,
) -> Result<Answers, Failure> {
    let known = settings::providers().join(", ");
    let provider = match &args.provider {
        Some(given) => given.clone(),
        None => desk.line(&format!("Provider ({known})"), None, "--provider", &|text| {
            settings::accepts("account", "provider", text)
        })?,
    };
    flag("--provider", "account", "provider", &provider)?;
    if let Some(url) = &args.base_url {
        flag("--base-url", "account", "base_url", url)?;
    }
    let is_program = provider == PROGRAM;
    let command = command(args, is_program, desk)?;
    let key = key(args, is_program, place, desk)?;
    let hides = capabilities(&provider.as_str().into()).is_some_and(|can| can.hides_auto_renewal);
    let provider_renews = hides && (args.provider_renews.is_some() || said_off(desk)?);
    let mail = mail(args, place, desk)?;
    let unsaid = hides && !provider_renews;
    Ok(Answers {
        name,
        provider,
        base_url: args.base_url.clone(),
        key,
        command,
        provider_renews,
        unsaid,
        mail,
    })
}

/// A flag's value by the rules of the key that it will stand for.
fn flag(flag: &str, table: &str, key: &str, text: &str) -> Result<(), Failure> {
    settings::accepts(table, key, text).map_err(|why| Failure::usage(format!("{flag}: {why}")))
}

fn command(args: &InitArgs, is_program: bool, desk: &mut Desk) -> Result<Vec<String>, Failure> {
    match (is_program, args.command.is_empty()) {
        (false, false) => Err(Failure::usage(format!("--command is for --provider {PROGRAM} alone"))),
        (true, true) => {
            let whole = |text: &str| match Path::new(text).is_absolute() {
                true => Ok(()),
                false => {
                    Err("write the program's whole path, such as /usr/lib/renewd/providers/mine".to_owned())
                }
            };
            desk.line("Program, by its whole path", None, "--command", &whole).map(|program| vec![program])
        }
        _ => Ok(args.command.clone()),
    }
}

fn key(args: &InitArgs, is_program: bool, place: &Place, desk: &mut Desk) -> Result<Option<Secret>, Failure> {
    if let Some(given) = &args.key_file {
        let path = absolute(given);
        if path.exists() {
            return Ok(Some(Secret::Kept(path)));
        }
        return Err(Failure::usage(format!(
            "--key-file {}: there is no such file; nothing was written. Leave it out to type the key",
            path.display()
        )));
    }
    if is_program && (!desk.is_manned() || !yes(desk, "Does the program need an API key", false)?) {
        return Ok(None);
    }
    place.free(&place.key)?;
    desk.hidden("API key", "--key-file").map(|secret| Some(Secret::Typed(secret)))
}

fn said_off(desk: &mut Desk) -> Result<bool, Failure> {
    let question = "This provider does not tell whether it renews by itself. Is its auto-renewal off for every lease of this account";
    if desk.is_manned() { yes(desk, question, false) } else { Ok(false) }
}

fn yes(desk: &mut Desk, question: &str, usual: bool) -> Result<bool, Failure> {
    let known = |text: &str| match text.to_ascii_lowercase().as_str() {
        "yes" | "y" | "no" | "n" => Ok(()),
        _ => Err("write yes or no".to_owned()),
    };
    let usual = if usual { "yes" } else { "no" };
    Ok(desk
        .line(&format!("{question}?"), Some(usual), "a flag", &known)?
        .to_ascii_lowercase()
        .starts_with('y'))
}

fn mail(args: &InitArgs, place: &Place, desk: &mut Desk) -> Result<Option<Mail>, Failure> {
    let to = match &args.mail_to {
        Some(given) => given.clone(),
        None if desk.is_manned() => {
            let passes = |text: &str| match text {
                "" => Ok(()),
                text => settings::accepts("", "alerts.email.to", text),
            };
            desk.line("Who gets the mails (Enter: nobody)", Some(""), "--mail-to", &passes)?
        }
        None => String::new(),
    };
    if to.is_empty() {
        let others = [args.mail_from.is_some(), args.smtp.is_some(), args.smtp_user.is_some()];
        if others.contains(&true) {
            return Err(Failure::usage("--mail-to is missing: who gets the mails?; nothing was written"));
        }
        return Ok(None);
    }
    flag("--mail-to", "", "alerts.email.to", &to)?;
    let server = match &args.smtp {
        Some(given) => given.clone(),
        None => desk.line("Mail server", Some("localhost:25"), "--smtp", &|text| split(text).map(drop))?,
    };
    let (host, port) = split(&server).map_err(|why| Failure::usage(format!("--smtp: {why}")))?;
    let domain = to.rsplit_once('@').map_or("localhost", |(_, domain)| domain.trim_end_matches('>'));
    let usual = format!("renewd@{domain}");
    let from = match &args.mail_from {
        Some(given) => given.clone(),
        None => desk.line("From which address", Some(&usual), "--mail-from", &|text| {
            settings::accepts("", "alerts.email.from", text)
        })?,
    };
    flag("--mail-from", "", "alerts.email.from", &from)?;
    let here = settings::is_this_machine(&host);
    let tls = match port {
        Some(465) => "implicit",
        Some(587) => "starttls",
        _ if here => "none",
        _ => "starttls",
    };
    let login = login(args, here, place, desk)?;
    Ok(Some(Mail { host, port, tls, from, to, login }))
}

fn login(
    args: &InitArgs,
    here: bool,
    place: &Place,
    desk: &mut Desk,
) -> Result<Option<(String, Secret)>, Failure> {
    if let Some((user, file)) = args.smtp_user.clone().zip(args.smtp_password_file.as_deref()) {
        flag("--smtp-user", "", "alerts.email.username", &user)?;
        return Ok(Some((user, Secret::Kept(absolute(file)))));
    }
    if here || !desk.is_manned() {
        return Ok(None);
    }
    let passes = |text: &str| match text {
        "" => Ok(()),
        text => settings::accepts("", "alerts.email.username", text),
    };
    let user = desk.line("User at the mail server (Enter: no login)", Some(""), "--smtp-user", &passes)?;
    if user.is_empty() {
        return Ok(None);
    }
    place.free(&place.password)?;
    let password = desk.hidden("Password at the mail server", "--smtp-password-file")?;
    Ok(Some((user, Secret::Typed(password))))
}

/// `HOST`, `HOST:PORT`, `[ADDRESS]:PORT`.
fn split(text: &str) -> Result<(String, Option<u16>), String> {
    let is_bare_address = text.parse::<std::net::Ipv6Addr>().is_ok();
    let (host, port) = match text.rsplit_once(':').filter(|_| !is_bare_address && !text.ends_with(']')) {
        Some((host, port)) => {
            let port = port.parse::<u16>().ok().filter(|p| *p > 0);
            (
                host,
                Some(port.ok_or_else(|| {
                    format!("`{text}` has no port after the colon: write mail.example.org:587")
                })?),
            )
        }
        None => (text, None),
    };
    settings::accepts("", "alerts.email.host", host)?;
    Ok((host.to_owned(), port))
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::split;
    use rstest::rstest;

    #[rstest]
    #[case::name("mail.example.org", Some(("mail.example.org", None)))]
    #[case::port("mail.example.org:465", Some(("mail.example.org", Some(465))))]
    #[case::address("[::1]:25", Some(("[::1]", Some(25))))]
    #[case::bare("::1", Some(("::1", None)))]
    #[case::in_brackets("[::1]", Some(("[::1]", None)))]
    #[case::no_port("mail.example.org:", None)]
    #[case::zero("mail.example.org:0", None)]
    #[case::scheme("smtp://mail.example.org", None)]
    fn a_server_is_a_host_and_perhaps_a_port(
        #[case] text: &str,
        #[case] wanted: Option<(&str, Option<u16>)>,
    ) {
        let wanted = wanted.map(|(host, port)| (host.to_owned(), port));
        assert_eq!(split(text).ok(), wanted);
    }
}
